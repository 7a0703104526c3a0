//! How fast one connection may speak: requests and bytes, counted before anything is parsed.
//!
//! What was read is answered, and paid for: over the limit one request, with all its entries, and one read are taken on
//! credit, and the connection is not read again until both are paid. Nothing is dropped, and nobody else notices.

use std::num::NonZeroU32;

use governor::Quota;
use tokio::time::Instant;

use crate::domain::{
    buckets::Bucket,
    limits::{
        ANONYMOUS_REQUESTS_BURST, ANONYMOUS_REQUESTS_PER_SECOND, REQUESTS_BURST_SECONDS, SOCKET_BYTES_BURST,
        SOCKET_BYTES_PER_SECOND,
    },
};

/// What all connections of a door may do.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    requests: Option<Quota>,
    bytes: Quota,
}

impl Rates {
    /// So many requests per second, and twice as many at once; 0 is no limit. The bytes always have theirs.
    pub fn new(requests_per_second: u32) -> Self {
        let burst = |it: NonZeroU32| it.saturating_mul(REQUESTS_BURST_SECONDS);
        let requests = NonZeroU32::new(requests_per_second);
        Self {
            requests: requests.map(|it| Quota::per_second(it).allow_burst(burst(it))),
            bytes: Quota::per_second(SOCKET_BYTES_PER_SECOND).allow_burst(SOCKET_BYTES_BURST),
        }
    }

    /// The same for a connection on which nobody has authenticated: at most [`ANONYMOUS_REQUESTS_PER_SECOND`].
    pub fn anonymous(requests_per_second: u32) -> Self {
        let requests = NonZeroU32::new(requests_per_second).map(|it| {
            let rate = it.min(ANONYMOUS_REQUESTS_PER_SECOND);
            Quota::per_second(rate).allow_burst(ANONYMOUS_REQUESTS_BURST)
        });
        Self { requests, ..Self::new(0) }
    }

    /// The requests alone, for buckets that are kept elsewhere; `None` is no limit.
    pub fn requests(&self) -> Option<Quota> {
        self.requests
    }
}

/// What one connection has used of it.
#[derive(Debug)]
pub struct Pace {
    rates: Rates,
    since: Instant,
    requests: Account,
    bytes: Account,
    until: Option<Instant>,
}

#[derive(Debug, Default)]
struct Account {
    bucket: Bucket,
    owed: u32,
}

impl Pace {
    /// A connection that has said nothing yet.
    pub fn new(rates: Rates, now: Instant) -> Self {
        Self { rates, since: now, requests: Account::default(), bytes: Account::default(), until: None }
    }

    /// So many requests were heard, or what is worth as many.
    pub fn requests(&mut self, count: u32, now: Instant) {
        if let Some(quota) = self.rates.requests {
            let wait = self.requests.charge(count, quota, now - self.since);
            self.wait(wait, now);
        }
    }

    /// So many bytes were read, at most [`READ_BYTES`] of a socket and [`HEAD_BYTES_MAX`] over HTTP.
    pub fn bytes(&mut self, read: usize, now: Instant) {
        let read = u32::try_from(read).unwrap_or(u32::MAX);
        let wait = self.bytes.charge(read, self.rates.bytes, now - self.since);
        self.wait(wait, now);
    }

    /// Until when nothing more may be read, if so.
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Pays what is owed, once that is possible.
    pub fn resume(&mut self, now: Instant) {
        if self.until.is_none_or(|it| now < it) {
            return;
        }
        self.until = None;
        let at = now - self.since;
        if let Some(quota) = self.rates.requests {
            let wait = self.requests.charge(0, quota, at);
            self.wait(wait, now);
        }
        let wait = self.bytes.charge(0, self.rates.bytes, at);
        self.wait(wait, now);
    }

    fn wait(&mut self, wait: std::time::Duration, now: Instant) {
        if !wait.is_zero() {
            self.until = self.until.max(Some(now + wait));
        }
    }
}

impl Account {
    /// Takes tokens, or owes them; how long to wait until the next of them are there. What is more than the burst is
    /// paid in parts.
    fn charge(&mut self, tokens: u32, quota: Quota, at: std::time::Duration) -> std::time::Duration {
        let at = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        self.owed = self.owed.saturating_add(tokens);
        while let Some(part) = NonZeroU32::new(self.owed.min(quota.burst_size().get())) {
            if let Err(wait) = self.bucket.take(part, quota, at) {
                return wait;
            }
            self.owed -= part.get();
        }
        std::time::Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::limits::READ_BYTES;

    #[test]
    fn the_burst_passes_and_then_the_rate() {
        let start = Instant::now();
        let mut pace = Pace::new(Rates::new(100), start);
        for _ in 0..200 {
            pace.requests(1, start);
            assert_eq!(pace.until(), None);
        }
        // One on credit, paid as soon as it could have been asked for.
        pace.requests(1, start);
        assert_eq!(pace.until(), Some(start + Duration::from_millis(10)));
        pace.resume(start + Duration::from_millis(9));
        assert!(pace.until().is_some());
        pace.resume(start + Duration::from_millis(10));
        assert_eq!(pace.until(), None);
        let (mut now, mut heard) = (start + Duration::from_millis(10), 0);
        while now < start + Duration::from_secs(10) {
            now = pace.until().unwrap_or(now);
            pace.resume(now);
            pace.requests(1, now);
            heard += 1;
        }
        assert!((998..=1_001).contains(&heard), "{heard}");
    }

    #[test]
    fn a_request_of_many_entries_is_paid_in_parts() {
        let start = Instant::now();
        let mut pace = Pace::new(Rates::new(10), start);
        pace.requests(1_000, start);
        // 20 at once, and the rest at ten a second.
        let (mut now, mut pauses) = (start, 0);
        while let Some(until) = pace.until() {
            (now, pauses) = (until, pauses + 1);
            pace.resume(now);
        }
        let seconds = (now - start).as_secs_f64();
        assert!((97.9..=98.1).contains(&seconds), "{seconds}");
        assert!(pauses <= 1_000 / 20 + 1, "{pauses}");
    }

    #[test]
    fn bytes_have_their_own_bucket() {
        let start = Instant::now();
        let mut pace = Pace::new(Rates::new(0), start);
        let reads = SOCKET_BYTES_BURST.get() as usize / READ_BYTES;
        for _ in 0..reads {
            pace.requests(1, start);
            pace.bytes(READ_BYTES, start);
            assert_eq!(pace.until(), None);
        }
        pace.bytes(READ_BYTES, start);
        let wait = pace.until().unwrap() - start;
        assert!((Duration::from_micros(1_900)..Duration::from_millis(2)).contains(&wait), "{wait:?}");
        pace.resume(start + wait);
        assert_eq!(pace.until(), None);
    }
}
