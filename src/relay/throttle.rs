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
    /// Which of the policy's limits was spent first, by its place; `None` for a rate that no policy has.
    pub(super) limit: Option<usize>,
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

    /// Charges the limits of one kind of a policy; the first that is spent refuses, and the wait is that of all limits
    /// up to this kind. A key for which there is no room is refused alike.
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
        let limits = || policy.limits.iter().enumerate().map(|(at, it)| ((policy.number, at), it));
        for (limit_id, limit) in limits().filter(|(_, it)| Which::of(&it.per) == which) {
            let key = self.key(&limit_id, caller, limit, captures);
            let owner = matches!(limit.per, Per::Captures(_)).then(|| {
                self.hash.hash_one((limit_id, caller.service(), caller.identity().map(|it| it.as_str())))
            });
            let cost = limit.cost.of(size_bytes);
            let Err(mut wait) = kept.buckets.take(key, owner, cost, limit.quota(), now) else { continue };
            // Who comes again must pass each limit of the stages so far: those that this attempt was charged, too. How
            // spent the shared ones are is not told to who has not come to them.
            for (limit_id, limit) in limits().filter(|(_, it)| which == Which::Shared || it.per.own()) {
                let key = self.key(&limit_id, caller, limit, captures);
                let cost = limit.cost.of(size_bytes);
                wait = wait.max(kept.buckets.wait(key, cost, limit.quota(), now));
            }
            return Err(TooFast {
                retry_ms: (wait < Duration::MAX).then(|| millis(wait)),
                limit: Some(limit_id.1),
            });
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
        // A limit belongs to its service: a client of another service cannot spend it.
        caller.service().hash(&mut key);
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
mod tests;
