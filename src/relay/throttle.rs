//! Rates: one governor limiter for each `[[limit]]`, keyed; the clock is an argument.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::{
    RateLimiter, clock::Clock, middleware::NoOpMiddleware, nanos::Nanos, state::keyed::DashMapStateStore,
};

use crate::{
    domain::{limits::RATE_KEYS_MAX, time::Timestamp},
    policy::{Captures, Limit, Per, Policy},
    relay::authn::Caller,
};

type Limiter = RateLimiter<String, DashMapStateStore<String>, Ticker, NoOpMiddleware<Nanos>>;

/// A clock that stands where the last caller put it; it never goes back.
#[derive(Clone, Debug, Default)]
struct Ticker(Arc<AtomicU64>);

impl Clock for Ticker {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.load(Ordering::Acquire).into()
    }
}

/// The version of a policy, and the place of the limit in it.
type LimitId = (Arc<str>, usize);

/// All limiters.
pub(super) struct Throttle {
    clock: Ticker,
    limiters: Mutex<HashMap<LimitId, Arc<Limiter>>>,
}

/// Refused: after how many milliseconds it would pass.
pub(super) struct TooFast {
    pub(super) retry_ms: u64,
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
        Self { clock: Ticker::default(), limiters: Mutex::new(HashMap::new()) }
    }

    /// Charges the limits of one kind of a policy; the first that is spent refuses.
    pub(super) fn take(
        &self,
        caller: &Caller,
        policy: &Policy,
        captures: &Captures,
        now: Timestamp,
        which: Which,
    ) -> Result<(), TooFast> {
        let nanos = now.as_millis().unsigned_abs().saturating_mul(1_000_000);
        self.clock.0.fetch_max(nanos, Ordering::AcqRel);
        for (at, limit) in policy.limits.iter().enumerate().filter(|(_, it)| Which::of(&it.per) == which) {
            let limiter = self.limiter(&policy.version, at, limit);
            if let Err(not_yet) = limiter.check_key(&key(caller, limit, captures)) {
                let wait = not_yet.wait_time_from(self.clock.now());
                return Err(TooFast { retry_ms: millis(wait) });
            }
        }
        Ok(())
    }

    fn limiter(&self, version: &Arc<str>, at: usize, limit: &Limit) -> Arc<Limiter> {
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || {
            let state = DashMapStateStore::default();
            Arc::new(RateLimiter::new(limit.quota(), state, self.clock.clone()))
        };
        limiters.entry((version.clone(), at)).or_insert_with(made).clone()
    }

    /// Forgets the keys whose bucket is full again; called now and then by the sweep.
    pub(super) fn sweep(&self, now: Timestamp) {
        let nanos = now.as_millis().unsigned_abs().saturating_mul(1_000_000);
        self.clock.0.fetch_max(nanos, Ordering::AcqRel);
        let limiters: Vec<_> =
            self.limiters.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for limiter in limiters {
            limiter.retain_recent();
            if RATE_KEYS_MAX < limiter.len() {
                limiter.shrink_to_fit();
            }
        }
    }
}

/// Whole milliseconds, rounded up: a caller who comes back then is let in.
fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn key(caller: &Caller, limit: &Limit, captures: &Captures) -> String {
    match &limit.per {
        Per::Identity => caller.identity().map(ToString::to_string).unwrap_or_default(),
        Per::Address => network(caller),
        Per::Policy => String::new(),
        Per::Captures(_) => limit.per.key(captures),
    }
}

/// The address, an IPv6 one by its /64: a household holds as many as it likes of the rest.
fn network(caller: &Caller) -> String {
    match caller.peer() {
        std::net::IpAddr::V4(it) => it.to_string(),
        std::net::IpAddr::V6(it) => {
            let mut segments = it.segments();
            segments.iter_mut().skip(4).for_each(|it| *it = 0);
            std::net::Ipv6Addr::from(segments).to_string()
        }
    }
}
