//! How often refusals become lines of the log: the first of a minute do, of each identity and rule; the rest are
//! counted and told as one sum. A refusal is what an attacker makes most of, and its line costs more than it does.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tracing::info;

use crate::{
    domain::{
        limits::{REFUSAL_KEYS_MAX, REFUSAL_KEYS_PER_CALLER_MAX, REFUSAL_LINES_PER_MINUTE},
        network::network,
        sid::ServiceSid,
    },
    relay::{Relay, authn::Caller, refusal::Refusal},
};

/// The refusals of this minute.
#[derive(Default)]
pub(super) struct Refusals {
    hash: RandomState,
    minute: Mutex<Minute>,
}

#[derive(Default)]
struct Minute {
    sums: HashMap<u64, Sum>,
    /// How many sums each caller has begun.
    of_caller: HashMap<u64, usize>,
    /// Refusals for which there was no room above.
    others: u64,
}

/// The refusals of one caller by one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    what: &'static str,
    service: Option<ServiceSid>,
    /// As the log names it; empty for a backend, and for whoever has not authenticated.
    identity: Box<str>,
    peer: IpAddr,
    policy: Box<str>,
    rule: Box<str>,
    code: u32,
    lines: u32,
    /// Those that were not lines.
    rest: u64,
}

/// Whether a refusal becomes a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It does.
    Line,
    /// It is counted.
    Counted,
}

/// What is summed up.
#[derive(Clone, Copy)]
pub(super) struct Refused<'r> {
    /// The message of its line.
    pub(super) what: &'static str,
    pub(super) service: Option<ServiceSid>,
    pub(super) identity: &'r str,
    pub(super) peer: IpAddr,
    pub(super) policy: &'r str,
    pub(super) rule: &'r str,
    pub(super) code: u32,
}

impl<'r> Refused<'r> {
    /// A refusal of this caller, or a failure when there is none.
    pub(super) fn new(
        what: &'static str,
        service: Option<ServiceSid>,
        caller: &'r Caller,
        refusal: Option<&'r Refusal>,
        code: u32,
    ) -> Self {
        Self {
            what,
            service,
            identity: caller.logged(),
            peer: caller.peer(),
            policy: refusal.and_then(|it| it.policy.as_ref()).map_or("", |it| &it.name),
            rule: refusal.and_then(|it| it.rule.as_deref()).unwrap_or_default(),
            code,
        }
    }
}

impl Refusals {
    /// Counts a refusal, and says whether it becomes a line.
    pub(super) fn count(&self, refused: Refused<'_>) -> Told {
        let Refused { what, service, identity, peer, policy, rule, code } = refused;
        // Whoever has no identity is known by its address.
        let address = identity.is_empty().then(|| network(peer));
        let caller = self.hash.hash_one((service, identity, address));
        let key = self.hash.hash_one((caller, what, policy, rule, code));
        let mut minute = self.lock();
        let Minute { sums, of_caller, others } = &mut *minute;
        if let Some(sum) = sums.get_mut(&key) {
            if sum.lines < REFUSAL_LINES_PER_MINUTE {
                sum.lines += 1;
                return Told::Line;
            }
            sum.rest += 1;
            return Told::Counted;
        }
        let begun = of_caller.get(&caller).copied().unwrap_or(0);
        if REFUSAL_KEYS_MAX <= sums.len() || REFUSAL_KEYS_PER_CALLER_MAX <= begun {
            *others += 1;
            return Told::Counted;
        }
        of_caller.insert(caller, begun + 1);
        let (identity, policy, rule) = (identity.into(), policy.into(), rule.into());
        sums.insert(key, Sum { what, service, identity, peer, policy, rule, code, lines: 1, rest: 0 });
        Told::Line
    }

    /// Ends the minute: the sums of what was not told, and how many there was no room for.
    pub(super) fn end_minute(&self) -> (Vec<Sum>, u64) {
        let minute = std::mem::take(&mut *self.lock());
        let untold = minute.sums.into_values().filter(|it| 0 < it.rest);
        (untold.collect(), minute.others)
    }

    fn lock(&self) -> MutexGuard<'_, Minute> {
        // The counts hold whatever a panicking thread did between two of their lines.
        self.minute.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Relay {
    /// Logs that a connection's token was not taken.
    pub fn log_refused_connection(&self, peer: IpAddr, code: u32) {
        let what = "connection refused";
        let refused = Refused { what, service: None, identity: "", peer, policy: "", rule: "token", code };
        if self.inner.refusals.count(refused) == Told::Line {
            info!(peer.addr = %peer, refusal.code = code, "connection refused");
        }
    }

    /// Logs the refusals of the last minute that were counted only.
    pub(super) fn log_refusals(&self) {
        let (sums, others) = self.inner.refusals.end_minute();
        for Sum { what, service, identity, peer, policy, rule, code, rest, .. } in sums {
            let service = service.map(|it| it.to_string()).unwrap_or_default();
            info!(service.sid = %service, caller.identity = %identity, peer.addr = %peer, policy.name = %policy,
                rule.name = %rule, refusal.code = code, refusals.what = what, refusals.count = rest, "refusals.summary");
        }
        if 0 < others {
            info!(refusals.what = "others", refusals.count = others, "refusals.summary");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: u64 = REFUSAL_LINES_PER_MINUTE as u64;

    fn refused<'r>(identity: &'r str, rule: &'r str) -> Refused<'r> {
        Refused {
            what: "change refused",
            service: Some(ServiceSid::new([1; 16])),
            identity,
            peer: [192, 0, 2, 1].into(),
            policy: "cursors",
            rule,
            code: 72_001,
        }
    }

    fn lines(refusals: &Refusals, refused: Refused<'_>, times: u64) -> u64 {
        (0..times).map(|_| u64::from(refusals.count(refused) == Told::Line)).sum()
    }

    #[test]
    fn each_identity_and_rule_has_its_lines_and_one_sum() {
        let refusals = Refusals::default();
        for (identity, rule) in [("ada", "schema"), ("ada", "limit"), ("bob", "schema")] {
            assert_eq!(lines(&refusals, refused(identity, rule), 1_000), LINES, "{identity} {rule}");
        }
        let (sums, others) = refusals.end_minute();
        let rest: Vec<_> = sums.iter().map(|it| it.rest).collect();
        assert_eq!((rest, others), (vec![1_000 - LINES; 3], 0));
        // The next minute begins anew, and says nothing of what was told in full.
        assert_eq!(lines(&refusals, refused("ada", "schema"), LINES), LINES);
        assert_eq!(refusals.end_minute(), (vec![], 0));
    }

    #[test]
    fn what_is_remembered_is_bounded_in_all_and_of_one_caller() {
        let refusals = Refusals::default();
        let rules: Vec<_> = (0..1_000).map(|it| it.to_string()).collect();
        rules.iter().for_each(|it| assert!(lines(&refusals, refused("ada", it), 1) <= 1));
        assert_eq!(refusals.lock().sums.len(), REFUSAL_KEYS_PER_CALLER_MAX);
        assert_eq!(lines(&refusals, refused("bob", "schema"), 1), 1);
        for number in 0..10_000 {
            refusals.count(refused(&number.to_string(), "schema"));
        }
        assert_eq!(refusals.lock().sums.len(), REFUSAL_KEYS_MAX);
        let (_, others) = refusals.end_minute();
        let room = REFUSAL_KEYS_MAX - REFUSAL_KEYS_PER_CALLER_MAX - 1;
        assert_eq!(others, (1_000 - REFUSAL_KEYS_PER_CALLER_MAX + 10_000 - room) as u64);
    }

    #[test]
    fn whoever_has_no_identity_is_known_by_its_address() {
        let refusals = Refusals::default();
        let from = |peer: [u8; 4]| Refused { peer: peer.into(), ..refused("", "token") };
        assert_eq!(lines(&refusals, from([192, 0, 2, 1]), 100), LINES);
        assert_eq!(lines(&refusals, from([192, 0, 2, 2]), 100), LINES);
    }
}
