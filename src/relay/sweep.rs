//! Once a second: removes what has expired, forgets what is empty, through the same door, and looks at the
//! watermarks.

use std::{
    ops::Bound::{Excluded, Included, Unbounded},
    path::PathBuf,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use tracing::{info, warn};

use super::{Relay, rewrite, store::view::View};
use crate::domain::{
    limits::{EMPTY_LOOKS_MAX, SHARED_EMPTY_SECONDS, SWEEP_MAX},
    object::ObjectKind,
    sid::{ObjectSid, ServiceSid},
    time::Timestamp,
};

/// Between two sweeps.
const PERIOD: Duration = Duration::from_secs(1);

/// Lets the sweep end at once.
#[derive(Default)]
pub(super) struct Stopping {
    stopped: Mutex<bool>,
    wake: Condvar,
}

impl Stopping {
    pub(super) fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }

    /// Waits one period; whether it is time to end.
    fn wait(&self) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.wake.wait_timeout_while(stopped, PERIOD, |it| !*it);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Relay {
    /// Sweeps until the relay stops.
    pub(super) fn sweep(&self) {
        let mut rounds: u32 = 0;
        let mut search = Search::default();
        while !self.inner.stopping.wait() {
            rounds = rounds.wrapping_add(1);
            let now = self.now();
            self.inner.watermark.look();
            if rounds.is_multiple_of(60) {
                self.inner.gate.sweep(now);
                self.log_refusals();
                for (service, calls) in self.inner.would_deny.end_minute() {
                    info!(service.sid = %service, acl.would_deny = calls, "calls of the last minute that ACL would deny");
                }
            }
            self.withdraw_the_gone();
            self.tell_the_debounced();
            let view = self.inner.hub.view();
            for (service, tenant) in &view.services {
                let due = tenant.due.iter().take_while(|it| it.0 <= now).take(SWEEP_MAX);
                let due: Vec<_> = due.map(|(_, object, key)| (*object, key.clone())).collect();
                if due.is_empty() {
                    continue;
                }
                let batch = rewrite::expiry(*service, due, self.decision(), now);
                if let Err(error) = self.own(batch) {
                    warn!(service.sid = %service, error = %error, "expired objects could not be removed");
                    break;
                }
            }
            let before = Timestamp::from_millis(now.as_millis() - SHARED_EMPTY_SECONDS * 1_000);
            for (service, idle) in search.next(&view, before) {
                let batch = rewrite::oblivion(service, idle, before, self.decision(), now);
                if let Err(error) = self.own(batch) {
                    warn!(service.sid = %service, error = %error, "empty objects could not be forgotten");
                    break;
                }
            }
        }
        self.log_refusals();
    }
}

/// How far the search for empty shared objects has come: a slice of all objects each round.
#[derive(Default)]
pub(super) struct Search {
    service: Option<ServiceSid>,
    /// The last object of that service that was looked at.
    after: Option<(ObjectKind, u64)>,
}

impl Search {
    /// Looks at the next slice; gives what may be forgotten, in pieces that fit a batch.
    pub(super) fn next(&mut self, view: &View, before: Timestamp) -> Vec<(ServiceSid, Vec<ObjectSid>)> {
        let (mut left, mut found) = (EMPTY_LOOKS_MAX, Vec::new());
        let (begun, mut after) = (self.service.take(), self.after.take());
        for (service, tenant) in view.services.range((begun.map_or(Unbounded, Included), Unbounded)) {
            let from = after.take().filter(|_| begun == Some(*service)).map_or(Unbounded, Excluded);
            let (mut idle, mut last) = (Vec::new(), None);
            for (place, sid) in tenant.in_order.range((from, Unbounded)).take(left) {
                left -= 1;
                last = Some(*place);
                if tenant.objects.get(sid).is_some_and(|it| it.is_idle(before)) {
                    idle.push(*sid);
                }
            }
            found.extend(idle.chunks(SWEEP_MAX).map(|it| (*service, it.to_vec())));
            if left == 0 {
                (self.service, self.after) = (Some(*service), last);
                break;
            }
        }
        found
    }
}

/// Memory and disk: beyond their marks growth is refused, and nothing is removed (decision 12).
pub(super) struct Watermark {
    directory: Option<PathBuf>,
    memory_max_bytes: u64,
    disk_min_free_bytes: u64,
    short: AtomicU8,
}

impl Watermark {
    pub(super) fn new(directory: Option<PathBuf>, memory_max_bytes: u64, disk_min_free_bytes: u64) -> Self {
        let mark = Self { directory, memory_max_bytes, disk_min_free_bytes, short: AtomicU8::new(0) };
        mark.look();
        mark
    }

    /// What is short, if anything.
    pub(super) fn short_of(&self) -> Option<&'static str> {
        match self.short.load(Ordering::Relaxed) {
            1 => Some("memory"),
            2 => Some("disk"),
            _ => None,
        }
    }

    fn look(&self) {
        let memory = self.memory_max_bytes != 0 && self.memory_max_bytes < resident_bytes();
        let disk = self.disk_min_free_bytes != 0
            && self
                .directory
                .as_ref()
                .and_then(|it| rustix::fs::statvfs(it).ok())
                .is_some_and(|it| it.f_bavail.saturating_mul(it.f_frsize) < self.disk_min_free_bytes);
        let short = if memory { 1 } else { u8::from(disk) * 2 };
        if self.short.swap(short, Ordering::Relaxed) != short && short != 0 {
            warn!(
                short.of = self.short_of(),
                "short of memory or disk: growth is refused until there is room"
            );
        }
    }
}

/// Resident memory of this process, in bytes; 0 where the system does not tell.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|it| it.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}
