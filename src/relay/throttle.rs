//! Rates: a token bucket for each `[[limit]]` and key; the clock is an argument.

use std::{
    hash::{BuildHasher, Hash, Hasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    domain::{
        buckets::{Buckets, Swept},
        limits::{RATE_KEYS_MAX, RATE_KEYS_PER_IDENTITY_MAX},
        network::network,
        time::Timestamp,
    },
    policy::{Captures, Limit, Per, Policy},
    relay::authn::Caller,
};

/// All limiters.
pub(super) struct Throttle {
    /// Keyed at the start: nobody can choose names whose buckets fall together.
    hash: RandomState,
    kept: Mutex<Kept>,
}

struct Kept {
    /// The latest time that was seen, in nanoseconds: the limits' clock never goes back.
    now: u64,
    buckets: Buckets,
}

/// Refused: after how many milliseconds it would pass; `None` never, since it is more than may ever come at once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooFast {
    pub(super) retry_ms: Option<u64>,
}

/// Which limits are charged (decision 24).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// The caller's own: on each attempt, admitted or not.
    Own,
    /// Those shared with others: on admission only.
    Shared,
}

impl Which {
    fn of(per: &Per) -> Self {
        if per.own() { Self::Own } else { Self::Shared }
    }
}

impl Throttle {
    pub(super) fn new() -> Self {
        let buckets = Buckets::new(RATE_KEYS_MAX, RATE_KEYS_PER_IDENTITY_MAX);
        Self { hash: RandomState::new(), kept: Mutex::new(Kept { now: 0, buckets }) }
    }

    /// Charges the limits of one kind of a policy; the first that is spent refuses. A key for which there is no
    /// room is refused alike.
    pub(super) fn take(
        &self,
        caller: &Caller,
        policy: &Policy,
        captures: &Captures,
        (now, size_bytes): (Timestamp, usize),
        which: Which,
    ) -> Result<(), TooFast> {
        let mut kept = self.at(now);
        let now = kept.now;
        for (at, limit) in policy.limits.iter().enumerate().filter(|(_, it)| Which::of(&it.per) == which) {
            let limit_id = (&policy.name, &policy.version, at);
            let key = self.key(&limit_id, caller, limit, captures);
            let owner = matches!(limit.per, Per::Captures(_))
                .then(|| self.hash.hash_one((limit_id, caller.identity().map(|it| it.as_str()))));
            let cost = limit.cost.of(size_bytes);
            let retry_ms = |wait| Some(millis(wait)).filter(|_| cost <= limit.burst);
            kept.buckets
                .take(key, owner, cost, limit.quota(), now)
                .map_err(|wait| TooFast { retry_ms: retry_ms(wait) })?;
        }
        Ok(())
    }

    /// Forgets the keys whose bucket is full again; called now and then by the sweep. Nobody waits for more than
    /// one slice of it.
    pub(super) fn sweep(&self, now: Timestamp) {
        loop {
            let mut kept = self.at(now);
            let now = kept.now;
            if kept.buckets.sweep(now) == Swept::All {
                return;
            }
        }
    }

    /// The buckets, with their clock moved on.
    fn at(&self, now: Timestamp) -> MutexGuard<'_, Kept> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.now = kept.now.max(now.as_millis().unsigned_abs().saturating_mul(1_000_000));
        kept
    }

    fn key(&self, limit_id: &impl Hash, caller: &Caller, limit: &Limit, captures: &Captures) -> u64 {
        let mut key = self.hash.build_hasher();
        limit_id.hash(&mut key);
        match &limit.per {
            Per::Identity => caller.identity().map(|it| it.as_str()).hash(&mut key),
            Per::Address => network(caller.peer()).hash(&mut key),
            Per::Policy => {}
            Per::Captures(_) => limit.per.key(captures).hash(&mut key),
        }
        key.finish()
    }
}

/// Whole milliseconds, rounded up: a caller who comes back then is let in.
pub(super) fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

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

    struct House {
        policies: PolicySet,
        throttle: Throttle,
    }

    impl House {
        fn new() -> Self {
            let files = tempfile::tempdir().unwrap();
            fs::create_dir(files.path().join("seats")).unwrap();
            fs::write(files.path().join("seats/policy.toml"), POLICY).unwrap();
            let policies = folder::load(files.path()).unwrap_or_else(|faults| panic!("{faults:?}"));
            Self { policies, throttle: Throttle::new() }
        }

        fn ask(&self, identity: &str, room: &str, now: i64, which: Which) -> Result<(), TooFast> {
            let service = ServiceSid::new([0; 16]);
            let name = UniqueName::try_from(format!("seats/{room}/{identity}").as_str()).unwrap();
            let route = self.policies.route(service, None, ObjectKind::Document, &name);
            let Route::Private { policy, captures } = route else { panic!("no private name") };
            let policy: Arc<Policy> = policy;
            let caller =
                Caller::rehearsed(Some(identity.try_into().unwrap()), service, serde_json::Value::Null);
            self.throttle.take(&caller, &policy, &captures, (Timestamp::from_millis(now), 0), which)
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
            let TooFast { retry_ms } = house.ask(identity, room, now, which).unwrap_err();
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
        assert_eq!(house.ask("ada", "a", 0, Which::Own), Err(TooFast { retry_ms: Some(334) }));
    }
}
