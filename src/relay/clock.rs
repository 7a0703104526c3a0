//! The relay's clock: monotonic, never behind the log, slewed to the wall clock (docs/adr/0019-one-clock.md).
//!
//! A step of the wall clock suspends expiry until the clocks agree again, or an operator accepts the wall clock.
//! The suspension is a record of the log: reads, writes, `apply` and the sweep judge expiry by one time.

mod comparison;
mod source;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tracing::{info, warn};

use super::{Relay, rewrite, store::view::View};
use crate::domain::{limits::CLOCK_STEP_MS, time::Timestamp};
use comparison::{Comparison, Transition};
use source::Source;

/// Between two comparisons of the clocks.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a reading of both clocks may take, in milliseconds, and how often it is tried again.
const READ_MS_MAX: i64 = 1_000;
const READS_MAX: u32 = 3;
/// The file in the data directory with which an operator asks a running server to accept the wall clock.
pub const ACCEPT_CLOCK_FILE: &str = "accept-clock";

/// The time by which the relay works.
pub(super) struct Clock {
    source: Source,
    /// The relay's time minus the monotonic time, in milliseconds.
    offset_ms: AtomicI64,
    /// The latest time that was given.
    latest_ms: AtomicI64,
    comparison: Mutex<Comparison>,
    /// The operator's request; its removal is the answer.
    request: Option<PathBuf>,
}

/// Both clocks at one moment.
#[derive(Clone, Copy)]
struct Reading {
    relay: Timestamp,
    wall: Timestamp,
}

impl Clock {
    /// A clock that begins at the later of the wall clock's and the log's time. While expiry is suspended the wall
    /// clock is not believed, so that a restart does not accept it.
    pub(super) fn start(view: &View, directory: Option<&Path>) -> Self {
        let (source, log_ms) = (Source::new(), view.at.as_millis());
        let suspended = view.expiry_limit.is_some();
        let start_ms = if suspended { log_ms } else { source.wall_ms().max(log_ms) };
        let monotonic_ms = source.monotonic_ms();
        let request = directory.map(|it| it.join(ACCEPT_CLOCK_FILE));
        let clock = Self {
            source,
            offset_ms: AtomicI64::new(start_ms.saturating_sub(monotonic_ms)),
            latest_ms: AtomicI64::new(start_ms),
            comparison: Mutex::new(Comparison::new(monotonic_ms, suspended)),
            request,
        };
        // A request to an earlier process is none to this one.
        clock.take_request();
        clock
    }

    /// The relay's time. It never decreases.
    pub(super) fn now(&self) -> Timestamp {
        let now_ms = self.relay_ms();
        let latest_ms = self.latest_ms.fetch_max(now_ms, Ordering::Relaxed);
        Timestamp::from_millis(now_ms.max(latest_ms))
    }

    /// The time of the wall clock.
    pub(super) fn wall(&self) -> Timestamp {
        Timestamp::from_millis(self.source.wall_ms())
    }

    /// Has time go by only by [`Self::advance`].
    #[cfg(test)]
    pub(super) fn stop(&self) {
        self.source.stop();
    }

    /// Lets time go by on both clocks.
    #[cfg(test)]
    pub(super) fn advance(&self, milliseconds: i64) {
        self.offset_ms.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// Whether an operator has asked for the wall clock to be accepted; a request is taken once.
    fn take_request(&self) -> bool {
        self.request.as_ref().is_some_and(|it| fs::remove_file(it).is_ok())
    }

    /// Compares the clocks and corrects the relay's.
    fn observe(&self) -> (Reading, Option<Transition>) {
        let mut comparison = self.lock();
        let (reading, ahead_ms) = self.read();
        let seen = comparison.observe(self.source.monotonic_ms(), ahead_ms);
        self.offset_ms.fetch_add(seen.correction_ms, Ordering::Relaxed);
        (reading, seen.transition)
    }

    /// Accepts the wall clock; `None` when nothing was suspended.
    fn accept(&self) -> Option<Reading> {
        let mut comparison = self.lock();
        let (reading, ahead_ms) = self.read();
        let correction_ms = comparison.accept(ahead_ms)?;
        self.offset_ms.fetch_add(correction_ms, Ordering::Relaxed);
        Some(reading)
    }

    fn is_suspended(&self) -> bool {
        self.lock().is_suspended()
    }

    fn relay_ms(&self) -> i64 {
        self.source.monotonic_ms().saturating_add(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Both clocks, and how far the wall clock is ahead of the relay's, in milliseconds.
    fn read(&self) -> (Reading, i64) {
        let mut relay_ms = self.relay_ms();
        let mut wall_ms = self.source.wall_ms();
        // A process that was stopped between the two readings has read them at two moments.
        for _ in 0..READS_MAX {
            let after_ms = self.relay_ms();
            if after_ms.saturating_sub(relay_ms) < READ_MS_MAX {
                break;
            }
            (relay_ms, wall_ms) = (after_ms, self.source.wall_ms());
        }
        let reading =
            Reading { relay: Timestamp::from_millis(relay_ms), wall: Timestamp::from_millis(wall_ms) };
        (reading, wall_ms.saturating_sub(relay_ms))
    }

    fn lock(&self) -> MutexGuard<'_, Comparison> {
        // Each change is whole before the next line can panic.
        self.comparison.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Relay {
    /// The relay's time: it never decreases, and is never behind the log. Everything but tokens is judged by it.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The time of the wall clock, by which tokens are judged (RFC 7519, sections 4.1.4 and 4.1.5).
    pub fn wall_clock(&self) -> Timestamp {
        self.inner.clock.wall()
    }

    /// Accepts the wall clock after a step: an operator says that it is right. Expiry goes on.
    pub fn accept_clock(&self) {
        match self.inner.clock.accept() {
            Some(Reading { relay, wall }) => {
                info!(clock.wall = %wall, clock.relay = %relay, "the wall clock was accepted: expiry goes on");
                self.commit_expiry_limit();
            }
            None => info!("the wall clock agrees with the relay's: there was nothing to accept"),
        }
    }

    /// Compares the clocks before anything can expire, and says when expiry was suspended by an earlier process.
    pub(super) fn start_clock(&self) {
        if let Some(limit) = self.inner.hub.view().expiry_limit {
            let (wall, relay) = (self.wall_clock(), self.now());
            warn!(
                clock.wall = %wall,
                clock.relay = %relay,
                "expiry has been suspended since {limit}. If the wall clock is right, run `airlock clock accept`"
            );
        }
        self.check_clock();
    }

    /// Compares the clocks once a second, until the relay stops.
    pub(super) fn watch_clock(&self) {
        loop {
            self.check_clock();
            if self.inner.stopping.wait(PERIOD) {
                return;
            }
        }
    }

    /// Compares the clocks once, and commits what follows from it for expiry.
    fn check_clock(&self) {
        if self.inner.clock.take_request() {
            self.accept_clock();
        }
        let (Reading { relay, wall }, transition) = self.inner.clock.observe();
        self.commit_expiry_limit();
        match transition {
            Some(Transition::Suspended) => warn!(
                clock.wall = %wall,
                clock.relay = %relay,
                "the wall clock differs from the relay's by more than {} minutes: nothing expires until they agree for a \
                 minute. If the wall clock is right, run `airlock clock accept`",
                CLOCK_STEP_MS / 60_000
            ),
            Some(Transition::Resumed) => {
                info!(clock.wall = %wall, clock.relay = %relay, "the clocks agree again: expiry goes on");
            }
            None => (),
        }
    }

    /// Commits whether anything expires, if the log says otherwise.
    fn commit_expiry_limit(&self) {
        let suspended = self.inner.clock.is_suspended();
        if suspended == self.inner.hub.view().expiry_limit.is_some() || self.inner.writer.failed() {
            return;
        }
        let now = self.now();
        let batch = rewrite::expiry_limit(suspended.then_some(now), self.decision(), now);
        if let Err(error) = self.own(batch) {
            // It is tried again at the next comparison.
            warn!(error = %error, "the log could not be told whether anything expires");
        }
    }
}
