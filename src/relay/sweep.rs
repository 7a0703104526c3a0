//! Removes what has expired, in slices, as fast as they are committed. Once a second: forgets what is empty, through
//! the same door, and looks at the watermarks.

use std::{
    collections::HashMap,
    ops::Bound::{Excluded, Included, Unbounded},
    path::PathBuf,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use tracing::{info, warn};

use super::{
    Relay, rewrite,
    store::view::{Body, Place, Tenant, View},
};
use crate::{
    domain::{
        limits::{EMPTY_LOOKS_MAX, SHARED_EMPTY_SECONDS, SWEEP_FOLD_BYTES, SWEEP_MAX},
        name::ItemId,
        object::ObjectKind,
        sid::{ObjectSid, ServiceSid},
        time::Timestamp,
    },
    relay::error::{Error, Failure},
};

/// Between two looks for what has expired and for who has left.
const LOOK: Duration = Duration::from_millis(250);
/// Between two rounds of everything else.
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

    /// Waits; returns whether it is time to end.
    pub(super) fn wait(&self, period: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.wake.wait_timeout_while(stopped, period, |it| !*it);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Relay {
    /// Sweeps until the relay stops.
    pub(super) fn sweep(&self) {
        let mut state = Sweep::default();
        loop {
            let pause = self.sweep_step(&mut state);
            if self.inner.stopping.wait(pause) {
                break;
            }
        }
        self.log_refusals();
    }

    /// One slice of each kind, and once a second everything else. Returns after what time the next step is due: at once
    /// while anything is left.
    fn sweep_step(&self, state: &mut Sweep) -> Duration {
        // The slices take turns, so that neither kind waits for all of the other.
        let expired = self.expire_slices(&mut state.first);
        let withdrawn = self.withdraw_disconnected();
        self.flush_debounced();
        if state.next_round.is_none_or(|it| it <= Instant::now()) {
            self.sweep_round(state);
            state.next_round = Some(Instant::now() + PERIOD);
        }
        if expired || withdrawn { Duration::ZERO } else { LOOK }
    }

    /// Removes one slice of what has expired in each service, all of them in flight together. Returns whether more may
    /// be due at once.
    fn expire_slices(&self, last: &mut HashMap<ServiceSid, Due>) -> bool {
        if self.inner.writer.failed() {
            return false;
        }
        let (view, now) = (self.inner.hub.view(), self.now());
        let due_at = view.expiry_time(now);
        let mut pending = Vec::new();
        let mut first = HashMap::new();
        for (service, tenant) in &view.services {
            let Some(entry) = tenant.due.get_min().filter(|it| it.0 <= due_at) else { continue };
            first.insert(*service, entry.clone());
            let batch = rewrite::expiry(*service, due_slice(tenant, due_at), self.decision(), now);
            pending.push((*service, self.own_later(batch)));
        }
        let mut more = false;
        for (service, answer) in pending {
            let committed =
                answer.map_err(Error::from).and_then(|it| it.recv().unwrap_or(Err(Failure::Stopping.into())));
            match committed {
                // A slice that left its first entry in place would come again for ever: it waits for the next look.
                Ok(()) => more |= last.get(&service) != first.get(&service),
                Err(error) => {
                    warn!(service.sid = %service, error = %error, "expired objects could not be removed");
                }
            }
        }
        *last = first;
        more
    }

    /// Does what is to be done once a second.
    fn sweep_round(&self, state: &mut Sweep) {
        state.rounds = state.rounds.wrapping_add(1);
        let now = self.now();
        self.inner.watermark.look();
        self.inner.writer.wake();
        if state.rounds.is_multiple_of(60) {
            self.inner.gate.sweep(now);
            self.log_refusals();
            for (service, calls) in self.inner.would_deny.end_minute() {
                info!(service.sid = %service, acl.would_deny = calls, "calls of the last minute that ACL would deny");
            }
        }
        let view = self.inner.hub.view();
        let before = Timestamp::from_millis(now.as_millis() - SHARED_EMPTY_SECONDS * 1_000);
        for (service, idle) in state.search.next(&view, before) {
            let batch = rewrite::oblivion(service, idle, before, self.decision(), now);
            if let Err(error) = self.own(batch) {
                warn!(service.sid = %service, error = %error, "empty objects could not be forgotten");
                break;
            }
        }
    }
}

/// An entry of what expires.
type Due = (Timestamp, ObjectSid, Option<ItemId>);

/// What the sweep remembers from step to step.
#[derive(Default)]
struct Sweep {
    /// The first entry of each service's last slice.
    first: HashMap<ServiceSid, Due>,
    next_round: Option<Instant>,
    rounds: u32,
    search: Search,
}

/// The first of what is due, as much as one batch may cost.
pub(super) fn due_slice(tenant: &Tenant, due_at: Timestamp) -> Vec<(ObjectSid, Option<ItemId>)> {
    let mut cost = 0;
    let due = tenant.due.iter().take_while(|it| it.0 <= due_at);
    let slice = due.take_while(|(_, object, item)| {
        let begun = cost < SWEEP_MAX;
        cost += expiry_cost(tenant, *object, item.as_ref());
        begun
    });
    slice.map(|(_, object, item)| (*object, item.clone())).collect()
}

/// What the removal of an object or item costs: itself, its items, and the places at which it is shown.
fn expiry_cost(tenant: &Tenant, object: ObjectSid, item: Option<&ItemId>) -> usize {
    let places = tenant.sources.get(&(object, item.cloned())).into_iter().flat_map(|it| it.iter());
    let withdrawal = |(shared, _): Place| match tenant.objects.get(&shared).map(|it| &it.body) {
        Some(Body::Fold(fold)) => 1 + fold.data.size_bytes() / SWEEP_FOLD_BYTES,
        _ => 1,
    };
    let items = match item {
        None => tenant.objects.get(&object).and_then(|it| it.items()).map_or(0, |it| it.standing.len()),
        Some(_) => 0,
    };
    1 + items + places.map(withdrawal).sum::<usize>()
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

#[cfg(test)]
mod tests;
