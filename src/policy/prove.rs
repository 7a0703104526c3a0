//! What must hold between all policies of a set: nobody can write what a policy publishes, and
//! each name has at most one owner.

use crate::policy::{
    fault::{Fault, Place},
    pattern::Pattern,
    source::Read,
};

/// One pattern of a set.
struct Claim<'r> {
    policy: usize,
    read: &'r Read,
    side: Side,
    pattern: &'r Pattern,
    place: &'r Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Private,
    Shared,
}

/// Proves that no two claims of different sides, or of different policies, meet in any name of any
/// kind: a governed name is closed in every other kind (decision 16).
pub(super) fn prove(reads: &[Read], faults: &mut Vec<Fault>) {
    let mut claims: Vec<Claim<'_>> = Vec::new();
    for (policy, read) in reads.iter().enumerate() {
        let pattern = &read.policy.from.pattern;
        claims.push(Claim { policy, read, side: Side::Private, pattern, place: &read.from_place });
        for (target, place) in read.policy.targets.iter().zip(&read.target_places) {
            claims.push(Claim { policy, read, side: Side::Shared, pattern: &target.name, place });
        }
    }
    lookups_are_nobodys(reads, faults);
    // Patterns of different lengths never meet.
    claims.sort_by_key(|it| it.pattern.segments().len());
    for group in claims.chunk_by(|one, two| one.pattern.segments().len() == two.pattern.segments().len()) {
        for (at, later) in group.iter().enumerate() {
            for earlier in group.iter().take(at) {
                faults.extend(conflict(earlier, later));
            }
        }
    }
}

/// No rule reads what a client can write: another's private object, or its own under another name (decision 17).
fn lookups_are_nobodys(reads: &[Read], faults: &mut Vec<Fault>) {
    for read in reads {
        for (at, (_, pattern)) in read.policy.looked_up().enumerate() {
            let place = read.lookup_places.get(at).unwrap_or(&read.from_place);
            for other in reads.iter().filter(|it| it.policy.meets(&read.policy)) {
                if !pattern.meets(&other.policy.from.pattern) {
                    continue;
                }
                let what = format!(
                    "`{pattern}` could read what a client writes: policy `{}`'s `from` `{}` matches it",
                    other.policy.name, other.policy.from.pattern
                );
                let help = "look up a shared object, or one that backends write";
                faults.push(place.fault(what, Some(help.to_owned())));
            }
        }
    }
}

fn conflict(one: &Claim<'_>, two: &Claim<'_>) -> Option<Fault> {
    // The targets of one policy were compared when it was read.
    if one.policy == two.policy && one.side == two.side {
        return None;
    }
    if !one.pattern.meets(two.pattern) || !one.read.policy.meets(&two.read.policy) {
        return None;
    }
    // The fault stands where the shared side is, or at the policy that comes later by name.
    let (first, second) = match (one.side, two.side) {
        (Side::Shared, Side::Private) => (two, one),
        (Side::Private, Side::Shared) => (one, two),
        _ if one.policy < two.policy => (one, two),
        _ => (two, one),
    };
    let other = match first.policy == second.policy {
        true => "this policy's".to_owned(),
        false => format!("policy `{}`'s", first.read.policy.name),
    };
    let (what, help) = match (first.side, second.side) {
        (Side::Private, Side::Shared) => (
            format!(
                "a client could write what `{}` publishes: {other} `from` `{}` matches it",
                second.pattern, first.pattern
            ),
            "give the shared name a first segment that no `from` has",
        ),
        (Side::Private, _) => (
            format!(
                "`{}` claims private names that {other} `from` `{}` claims too",
                second.pattern, first.pattern
            ),
            "give one of them a first segment of its own, or other `services`",
        ),
        _ => (
            format!(
                "`{}` names shared objects that {other} `to` `{}` names too",
                second.pattern, first.pattern
            ),
            "one policy publishes to one name: give one of them a first segment of its own",
        ),
    };
    let help = format!("{help} (the other stands at {})", first.place.text());
    Some(second.place.fault(what, Some(help)))
}
