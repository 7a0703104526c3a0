//! Subscribing a watcher to a batch of objects ([ADR 0013](../../../docs/adr/0013-subscriptions.md)).
//!
//! Judgement, replay and encoding are made from a view, without the lock. Under the lock it is checked, for each
//! object, that nothing since that view concerns the subscription; then what was prepared is queued and the listener
//! registered. Where something does, the difference is prepared in the same way, and at last, if it is small, under
//! the lock.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Hub, Judge,
    index::{Listener, ObjectKey, SubscriptionIndex},
    replay::{Piece, Replay},
};
use crate::{
    domain::{
        event::Event,
        limits::{SUBSCRIBE_ROUNDS_MAX, SUBSCRIPTION_SLICE},
        object::EventId,
        sid::{ObjectSid, ServiceSid},
    },
    relay::{
        authn::Caller,
        error::Error,
        refusal::{Missing, Reason},
        store::view::View,
        watcher::{Watch, Watched, Watcher},
    },
};

/// The notice of a subscription in the words of its front; it stands between the replay and what is live.
pub(in crate::relay) type Notice<'n> = dyn FnMut(&Watch, Watched) -> Option<Bytes> + 'n;

/// Who subscribes, and what a subscription is judged and announced with.
pub(in crate::relay) struct Subscription<'s> {
    pub(in crate::relay) service: ServiceSid,
    pub(in crate::relay) watcher: &'s Arc<dyn Watcher>,
    pub(in crate::relay) caller: &'s Caller,
    pub(in crate::relay) judge: &'s Judge<'s>,
    pub(in crate::relay) notice: &'s mut Notice<'s>,
}

/// One object of a batch, on its way to a subscription.
struct Candidate<'w> {
    watch: &'w Watch,
    /// The view from which the rest was made.
    view: Arc<View>,
    events: Vec<Arc<Event>>,
    size_bytes: usize,
    notice: Option<Bytes>,
    outcome: Result<Watched, Error>,
    settled: bool,
}

impl Hub {
    /// Subscribes to the first of these objects, at least one, at most [`SUBSCRIPTION_SLICE`], and no more than fill
    /// one piece of replay. Gives one outcome for each of them, in their order. Queues the replay, the notice and from
    /// there on what is live, with no gap and no double. The lock is taken at most [`SUBSCRIBE_ROUNDS_MAX`] times. The
    /// caller flushes the watcher.
    pub(in crate::relay) fn subscribe(
        &self,
        watches: &[Watch],
        mut subscription: Subscription<'_>,
    ) -> Vec<Result<Watched, Error>> {
        let mut view = self.view();
        let mut candidates: Vec<Candidate<'_>> = Vec::new();
        let (mut events, mut bytes) = (0, 0);
        for watch in watches.iter().take(SUBSCRIPTION_SLICE) {
            let candidate = Candidate::prepare(watch, &view, &mut subscription);
            (events, bytes) = (events + candidate.events.len(), bytes + candidate.size_bytes);
            // What does not fit is prepared again in the next batch, where it is the first.
            if !candidates.is_empty() && !Piece::WHOLE.has_room(events, bytes) {
                break;
            }
            candidates.push(candidate);
        }
        for round in 1..=SUBSCRIBE_ROUNDS_MAX {
            let last = round == SUBSCRIBE_ROUNDS_MAX;
            let open = candidates.iter_mut().filter(|it| !it.settled);
            for candidate in open.filter(|_| 1 < round) {
                candidate.catch_up(&view, &mut subscription, Piece::WHOLE);
            }
            if candidates.iter().all(|it| it.settled) {
                break;
            }
            let mut index = self.lock();
            view = self.view();
            for candidate in candidates.iter_mut().filter(|it| !it.settled) {
                if !candidate.is_current(&view, &subscription) {
                    if !last {
                        continue;
                    }
                    candidate.catch_up(&view, &mut subscription, Piece::SMALL);
                }
                candidate.settle(&mut index, &subscription);
            }
        }
        candidates.into_iter().map(|it| it.outcome).collect()
    }
}

impl<'w> Candidate<'w> {
    fn prepare(watch: &'w Watch, view: &Arc<View>, subscription: &mut Subscription<'_>) -> Self {
        // Nothing was told yet.
        let outcome = Ok(Watched::Interrupted { at: EventId(0), newest: EventId(0) });
        let (events, size_bytes, notice, settled) = (Vec::new(), 0, None, false);
        let mut candidate =
            Self { watch, view: Arc::clone(view), events, size_bytes, notice, outcome, settled };
        candidate.catch_up(view, subscription, Piece::WHOLE);
        candidate
    }

    /// Judges by this view, and adds what the replay lacks.
    fn catch_up(&mut self, view: &Arc<View>, subscription: &mut Subscription<'_>, piece: Piece) {
        let rest = match self.outcome {
            Ok(Watched::Established(at)) => Watch { since: Some(at), ..*self.watch },
            Ok(Watched::Interrupted { .. }) | Err(_) => {
                (self.events, self.size_bytes) = (Vec::new(), 0);
                *self.watch
            }
        };
        self.view = Arc::clone(view);
        match subscription.replay(view, rest, piece) {
            Ok(replay) => {
                for event in &replay.events {
                    subscription.watcher.encode(event);
                }
                self.size_bytes += replay.size_bytes;
                self.events.extend(replay.events);
                self.notice = (subscription.notice)(self.watch, replay.watched);
                self.outcome = Ok(replay.watched);
            }
            Err(error) => self.refuse(error),
        }
    }

    fn refuse(&mut self, error: Error) {
        (self.events, self.notice) = (Vec::new(), None);
        (self.outcome, self.settled) = (Err(error), true);
    }

    /// Whether judgement and replay are the same by this view.
    fn is_current(&self, view: &Arc<View>, subscription: &Subscription<'_>) -> bool {
        if Arc::ptr_eq(&self.view, view) {
            return true;
        }
        let key = (subscription.service, self.watch.object);
        let same_rights = has_same_rights(&self.view, view, key, subscription.caller);
        match self.outcome {
            // Ends somewhere before the newest event, and is asked for again.
            Ok(Watched::Interrupted { .. }) => same_rights,
            Ok(Watched::Established(_)) => same_rights && newest(&self.view, key) == newest(view, key),
            Err(_) => true,
        }
    }

    /// Queues what was prepared, and registers the listener. Called under the lock, with a view that is current.
    fn settle(&mut self, index: &mut SubscriptionIndex, subscription: &Subscription<'_>) {
        let Ok(watched) = self.outcome else { return };
        let key = (subscription.service, self.watch.object);
        if let Watched::Established(_) = watched {
            let tenant = self.view.tenant(key.0);
            let listener = Listener {
                watcher: Arc::clone(subscription.watcher),
                caller: subscription.caller.clone(),
                judged: tenant.is_some_and(|it| it.objects.contains_key(&key.1)),
            };
            if let Err(reason) = index.insert(key, listener) {
                return self.refuse(reason.into());
            }
        }
        for event in self.events.drain(..) {
            subscription.watcher.queue_replayed(&event);
        }
        if let Some(notice) = self.notice.take() {
            subscription.watcher.queue_notice(notice);
        }
        self.settled = true;
    }
}

impl Subscription<'_> {
    fn replay(&self, view: &View, watch: Watch, piece: Piece) -> Result<Replay, Error> {
        (self.judge)(view, self.caller, self.service, watch.object, None)?;
        let tenant = view.tenant(self.service).ok_or(Reason::NotFound(Missing::Service))?;
        Ok(Replay::of(self.service, tenant, watch, piece)?)
    }
}

/// Whether a judgement of this caller by one view holds by the other: everything that it reads is the same.
pub(super) fn has_same_rights(before: &View, now: &View, key: ObjectKey, caller: &Caller) -> bool {
    let (Some(before), Some(now)) = (before.tenant(key.0), now.tenant(key.0)) else { return false };
    if Arc::ptr_eq(before, now) {
        return true;
    }
    let same_service = before.head.settings.acl == now.head.settings.acl
        && before.head.unique_name == now.head.unique_name
        && before.head.date_created == now.head.date_created;
    same_service
        && match (before.objects.get(&key.1), now.objects.get(&key.1)) {
            (None, None) => true,
            (Some(before), Some(now)) => {
                Arc::ptr_eq(before, now)
                    || before.ordinal == now.ordinal
                        && before.head.space == now.head.space
                        && before.head.unique_name == now.head.unique_name
                        && before.head.date_expires == now.head.date_expires
                        && caller.identity().is_none_or(|it| before.permission(it) == now.permission(it))
            }
            (Some(_), None) | (None, Some(_)) => false,
        }
}

/// The object's newest event; of an object that does not exist, that of its removal.
fn newest(view: &View, (service, object): (ServiceSid, ObjectSid)) -> Option<EventId> {
    let tenant = view.tenant(service)?;
    let standing = tenant.objects.get(&object).map(|it| it.head.last_event_id);
    Some(standing.unwrap_or_else(|| tenant.gone.event(object)))
}

#[cfg(test)]
mod tests;
