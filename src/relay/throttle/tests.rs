//! Who is refused is told when to come again: not a millisecond too late, not one too early.

use std::{fs, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::{
    domain::{name::UniqueName, object::ObjectKind, sid::ServiceSid},
    policy::{PolicySet, Route, folder},
};

const POLICY: &str = r#"
    [from]
    document = "seats/{room}/{identity}"
    [[limit]]
    per   = "{room}/{identity}"
    allow = "3/s"
    burst = 2
    [[limit]]
    per   = "{room}"
    allow = "7/m"
    burst = 5
    [[to]]
    map  = "rooms/{room}/seats"
    key  = "{identity}"
    take = ["/x"]
    read = "everyone"
"#;

/// Identity, room, and bytes of the data.
type Attempt = (String, String, usize);

struct House {
    policies: Arc<PolicySet>,
    throttle: Throttle,
}

impl House {
    fn new() -> Self {
        Self::under(POLICY)
    }

    fn under(policy: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        fs::create_dir(files.path().join("seats")).unwrap();
        fs::write(files.path().join("seats/policy.toml"), policy).unwrap();
        let policies = folder::load(files.path()).unwrap_or_else(|faults| panic!("{faults:?}"));
        Self { policies: Arc::new(policies), throttle: Throttle::new() }
    }

    fn ask(&self, identity: &str, room: &str, now: i64, which: Which) -> Result<(), TooFast> {
        self.ask_for(0, identity, room, now, which)
    }

    fn ask_for(
        &self,
        size_bytes: usize,
        identity: &str,
        room: &str,
        now: i64,
        which: Which,
    ) -> Result<(), TooFast> {
        let service = ServiceSid::new([0; 16]);
        let name = UniqueName::try_from(format!("seats/{room}/{identity}").as_str()).unwrap();
        let route = self.policies.route(service, None, ObjectKind::Document, &name);
        let Route::Private { policy, captures } = route else { panic!("no private name") };
        let policy: Arc<Policy> = policy;
        let caller = Caller::rehearsed(Some(identity.try_into().unwrap()), service, serde_json::Value::Null);
        self.throttle.take(&caller, &policy, &captures, (Timestamp::from_millis(now), size_bytes), which)
    }

    /// An attempt as the gate makes it: past the caller's own limits, then past the shared ones.
    fn attempt(&self, (identity, room, size_bytes): &Attempt, now: i64) -> Result<(), (Which, TooFast)> {
        for which in [Which::Own, Which::Shared] {
            self.ask_for(*size_bytes, identity, room, now, which).map_err(|it| (which, it))?;
        }
        Ok(())
    }

    /// The same attempt at another time of the same past; what happens to it happens here only.
    fn then(&self, attempt: &Attempt, now: i64) -> Result<(), (Which, TooFast)> {
        let kept = self.throttle.kept.lock().unwrap();
        let kept = Mutex::new(Kept { now: kept.now, buckets: kept.buckets.clone() });
        let throttle = Throttle { hash: self.throttle.hash.clone(), kept };
        Self { policies: Arc::clone(&self.policies), throttle }.attempt(attempt, now)
    }

    fn held(&self) -> usize {
        self.throttle.kept.lock().unwrap().buckets.len()
    }
}

#[test]
fn an_identity_opens_so_many_keys_and_another_is_let_in() {
    let house = House::new();
    let room = |number: usize| format!("r{number}");
    for number in 0..RATE_KEYS_PER_IDENTITY_MAX {
        assert_eq!(house.ask("eve", &room(number), 5, Which::Own), Ok(()), "{number}");
    }
    for number in RATE_KEYS_PER_IDENTITY_MAX..5_000 {
        assert!(house.ask("eve", &room(number), 5, Which::Own).is_err());
    }
    assert_eq!(house.held(), RATE_KEYS_PER_IDENTITY_MAX);
    assert_eq!(house.ask("eve", &room(0), 5, Which::Own), Ok(()), "a key that stands goes on");
    assert_eq!(house.ask("ada", &room(9_999), 5, Which::Own), Ok(()));
    // The limits count on their own: what one has used up of this one is not missing in that one.
    assert_eq!(house.ask("eve", "new", 5, Which::Shared), Ok(()));
}

#[test]
fn who_is_told_when_to_come_again_is_let_in_then_and_not_before() {
    let house = House::new();
    let check = |identity: &str, room: &str, now: i64, which: Which| {
        let TooFast { retry_ms, .. } = house.ask(identity, room, now, which).unwrap_err();
        let retry_ms = retry_ms.unwrap();
        let then = now + i64::try_from(retry_ms).unwrap();
        assert!(house.ask(identity, room, then - 1, which).is_err(), "{identity} {room} {retry_ms}");
        assert_eq!(house.ask(identity, room, then, which), Ok(()), "{identity} {room} {retry_ms}");
        retry_ms
    };
    for _ in 0..2 {
        house.ask("ada", "a", 1_000, Which::Own).unwrap();
    }
    assert_eq!(check("ada", "a", 1_000, Which::Own), 334);
    for _ in 0..5 {
        house.ask("ada", "b", 2_000, Which::Shared).unwrap();
    }
    assert_eq!(check("bob", "b", 2_000, Which::Shared), 8_572);
    for number in 0..RATE_KEYS_PER_IDENTITY_MAX {
        house.ask("eve", &format!("r{number}"), 20_000, Which::Own).unwrap();
    }
    assert_eq!(check("eve", "one more", 20_000, Which::Own), 334);
}

#[test]
fn a_sweep_forgets_what_is_full() {
    let house = House::new();
    for number in 0..1_000 {
        house.ask(&format!("i{number}"), "a", 1_000, Which::Own).unwrap();
    }
    house.throttle.sweep(Timestamp::from_millis(1_333));
    assert_eq!(house.held(), 1_000);
    house.throttle.sweep(Timestamp::from_millis(1_334));
    assert_eq!(house.held(), 0);
    // A clock that goes back stops, and gives nothing away twice.
    for _ in 0..2 {
        house.ask("ada", "a", 0, Which::Own).unwrap();
    }
    assert_eq!(house.ask("ada", "a", 0, Which::Own), Err(TooFast { retry_ms: Some(334), limit: Some(0) }));
}

/// A limit as it stands in a file: for whom, how often (in which unit), its burst, its cost.
#[derive(Clone, Debug)]
struct Written(&'static str, u32, &'static str, u32, &'static str);

impl Written {
    fn any(per: &'static [&'static str]) -> impl Strategy<Value = Self> {
        let cost = prop::sample::select(&["count", "bytes"][..]);
        let unit = prop::sample::select(&["s", "m", "h"][..]);
        (prop::sample::select(per), 1_u32..2_000, unit, 1_u32..60, cost)
            .prop_map(|(per, allow, unit, burst, cost)| Self(per, allow, unit, burst, cost))
    }

    fn to_toml(&self) -> String {
        let Self(per, allow, unit, burst, cost) = self;
        format!(
            "[[limit]]\nper = \"{per}\"\nallow = \"{allow}/{unit}\"\nburst = {burst}\ncost = \"{cost}\"\n"
        )
    }

    /// Whether data of this size is more than may ever come at once.
    fn never(&self, size_bytes: usize) -> bool {
        self.4 == "bytes" && (self.3 as usize) < size_bytes
    }
}

fn policy_of(limits: &[Written]) -> String {
    let limits: String = limits.iter().map(Written::to_toml).collect();
    let from = "[from]\ndocument = \"seats/{room}/{identity}\"";
    let to = "[[to]]\nmap = \"rooms/{room}/seats\"\nkey = \"{identity}\"\nread = \"everyone\"";
    format!("{from}\n{limits}\n{to}\n")
}

proptest! {
    /// Whatever the limits, their cost and what came before: who is refused is let in after the wait that was told,
    /// with the same data, and at no millisecond before it; who is told none never is.
    #[test]
    fn waits_are_exact_whatever_an_attempt_costs(
        first in Written::any(&["identity"]),
        more in prop::collection::vec(Written::any(&["identity", "address", "{room}/{identity}", "{room}", "policy"]), 0..3),
        steps in prop::collection::vec((0..3_u8, 0..2_u8, 0..70_usize, 0..900_i64, any::<prop::sample::Index>()), 1..40),
    ) {
        let limits: Vec<Written> = std::iter::once(first).chain(more).collect();
        let house = House::under(&policy_of(&limits));
        let mut now = 1_000_000;
        for (who, room, size_bytes, passed, between) in steps {
            now += passed;
            let attempt = (format!("i{who}"), format!("r{room}"), size_bytes);
            let never = limits.iter().any(|it| it.never(size_bytes));
            let Err((which, TooFast { retry_ms, .. })) = house.attempt(&attempt, now) else {
                prop_assert!(!never);
                continue;
            };
            let Some(retry_ms) = retry_ms else {
                prop_assert!(never);
                prop_assert!(house.then(&attempt, now + 1_000_000_000_000).is_err());
                continue;
            };
            let wait = i64::try_from(retry_ms).unwrap();
            prop_assert!(0 < wait);
            for early in [wait - 1, i64::try_from(between.index(wait as usize)).unwrap()] {
                prop_assert!(house.then(&attempt, now + early).is_err(), "{} of {} ms", early, wait);
            }
            match house.then(&attempt, now + wait) {
                Ok(()) => {}
                // Past its own limits, and not told before how spent the shared ones are.
                Err((stage, _)) => prop_assert!(which == Which::Own && stage == Which::Shared, "after {} ms", wait),
            }
        }
    }
}
