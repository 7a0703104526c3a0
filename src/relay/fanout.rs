//! Who watches what, and the order in which they hear: takes [`Committed`] and nothing else.
//!
//! One lock holds the order. Under it the view is published, each answer is given before the
//! events of its batch, and a new subscription begins with the very view up to which it was
//! replayed: no gap, no double, reply before echo. Nothing is encoded or written to a socket under it
//! but the first encoding of an event that several hear.

mod index;
mod replay;
mod subscribe;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::{
    domain::{
        event::{Event, Happening},
        limits::SUBSCRIPTION_SLICE,
        name::UniqueName,
        sid::{ObjectSid, ServiceSid},
    },
    relay::{
        authn::Caller,
        error::{Error, Failure},
        receipt::Receipt,
        store::{
            committed::{Committed, Outcome, Rejudge, Verdict},
            queue::LaneKey,
            view::View,
        },
        ticket::{Attempt, Ticket},
        watcher::{Queued, Watcher},
    },
};
use index::{Listener, ObjectKey, SubscriptionIndex};
use subscribe::has_same_rights;

pub(super) use subscribe::Subscription;

/// The hub.
pub(super) struct Hub {
    order: Mutex<SubscriptionIndex>,
    view: ArcSwap<View>,
}

/// Whether a caller may hear of an object, by the rules of this moment (decision 20). The name is
/// that of the event which is about to be told; without one it is looked up.
pub(super) type Judge<'j> =
    dyn Fn(&View, &Caller, ServiceSid, ObjectSid, Option<&UniqueName>) -> Result<(), Error> + 'j;

/// What the relay hears of each outcome, for its log.
pub(super) enum Told {
    /// Nothing to do.
    Answered,
    /// It is decided again, at the head of this lane.
    Again(Box<Attempt>, LaneKey),
}

impl Hub {
    pub(super) fn new(view: View) -> Self {
        Self { order: Mutex::default(), view: ArcSwap::from_pointee(view) }
    }

    /// The state that is durable and told.
    pub(super) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Publishes sealed groups, in their order. `decided` hears of each attempt's outcome before its answer is
    /// given. What the groups have for one watcher leaves in one write: a write costs more than all else.
    pub(super) fn deliver(
        &self,
        gathered: Vec<Committed>,
        decided: &mut dyn FnMut(&Attempt, Result<&Receipt, &Error>),
        judge: &Judge<'_>,
    ) -> Vec<(Box<Attempt>, LaneKey)> {
        let mut index = self.lock();
        let mut round = Round { index: &mut index, view: self.view(), judge, flushes: Vec::new() };
        let mut again = Vec::new();
        for committed in gathered {
            let (view, outcomes) = committed.open();
            round.view = Arc::new(view);
            self.view.store(round.view.clone());
            for outcome in outcomes {
                if let Told::Again(attempt, lane) = round.answer(outcome, decided) {
                    again.push((attempt, lane));
                }
            }
        }
        let flushes = round.flushes;
        // What is queued keeps its order: writing it needs no lock, and is most of the work.
        drop(index);
        flushes.iter().for_each(|it| it.flush());
        again
    }

    /// A watcher speaks under a new credential: its subscriptions are judged under that, and no others (decision 20).
    /// Other work of the hub comes between slices; each subscription goes on under the old credential until its turn.
    pub(super) fn renew(&self, watcher: u64, caller: &Caller, judge: &Judge<'_>) {
        let keys = self.lock().some_keys_of(watcher, usize::MAX);
        let mut revoked: Option<Listener> = None;
        for slice in keys.chunks(SUBSCRIPTION_SLICE) {
            let before = self.view();
            let judged: Vec<_> = slice.iter().map(|it| judge_existing(&before, caller, *it, judge)).collect();
            let mut index = self.lock();
            let now = self.view();
            for (key, verdict) in slice.iter().zip(judged) {
                let holds = Arc::ptr_eq(&before, &now) || has_same_rights(&before, &now, *key, caller);
                let verdict = if holds { verdict } else { judge_existing(&now, caller, *key, judge) };
                match verdict {
                    Ok(()) => {
                        if let Some(listener) = index.get_mut(watcher, *key) {
                            listener.caller = caller.clone();
                        }
                    }
                    Err(error) => {
                        if let Some(listener) = index.remove(watcher, *key) {
                            listener.watcher.revoke(key.1, &error);
                            revoked = Some(listener);
                        }
                    }
                }
            }
        }
        if let Some(listener) = revoked {
            listener.watcher.flush();
        }
    }

    /// Ends subscriptions of a watcher; nothing happens where there is none.
    pub(super) fn unsubscribe(&self, watcher: u64, service: ServiceSid, objects: &[ObjectSid]) {
        for slice in objects.chunks(SUBSCRIPTION_SLICE) {
            let mut index = self.lock();
            for object in slice {
                index.remove(watcher, (service, *object));
            }
        }
    }

    /// Ends all subscriptions of a watcher.
    pub(super) fn unsubscribe_all(&self, watcher: u64) {
        loop {
            let mut index = self.lock();
            let keys = index.some_keys_of(watcher, SUBSCRIPTION_SLICE);
            if keys.is_empty() {
                return;
            }
            for key in keys {
                index.remove(watcher, key);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, SubscriptionIndex> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Judges a subscription to an object that exists. One that does not is judged when it is born, and its removal was told.
fn judge_existing(view: &View, caller: &Caller, key: ObjectKey, judge: &Judge<'_>) -> Result<(), Error> {
    match view.tenant(key.0).is_some_and(|it| it.objects.contains_key(&key.1)) {
        true => judge(view, caller, key.0, key.1, None),
        false => Ok(()),
    }
}

/// One group on its way out, under the lock.
struct Round<'r> {
    index: &'r mut SubscriptionIndex,
    view: Arc<View>,
    judge: &'r Judge<'r>,
    flushes: Vec<Arc<dyn Watcher>>,
}

impl Round<'_> {
    /// Gives one answer, then tells the events of its batch.
    fn answer(
        &mut self,
        outcome: Outcome,
        decided: &mut dyn FnMut(&Attempt, Result<&Receipt, &Error>),
    ) -> Told {
        let (verdict, ticket) = (outcome.verdict, outcome.ticket);
        let attempt = match ticket {
            Ticket::Own(then) => {
                let (result, events, rejudge) = match verdict {
                    Verdict::Done { events, rejudge, .. } => (Ok(()), events, rejudge),
                    Verdict::Not(error) => (Err(error), Vec::new(), None),
                    Verdict::DecideAgain(_) => (Err(Failure::Contended.into()), Vec::new(), None),
                };
                rejudge.into_iter().for_each(|it| self.rejudge(it));
                events.into_iter().for_each(|it| self.tell(it, None));
                then(result);
                return Told::Answered;
            }
            Ticket::Attempt(attempt) => attempt,
        };
        let (result, events, rejudge) = match verdict {
            Verdict::DecideAgain(lane) => return Told::Again(attempt, lane),
            Verdict::Not(error) => (Err(error), Vec::new(), None),
            Verdict::Done { receipt, events, rejudge } => {
                let receipt = receipt.ok_or(Failure::Contended.into());
                (receipt, events, rejudge)
            }
        };
        let result = result.map_err(|error| error.of_decision(attempt.decision, attempt.under.as_ref()));
        decided(&attempt, result.as_ref());
        let answer = attempt.answer;
        (answer.then)(result);
        rejudge.into_iter().for_each(|it| self.rejudge(it));
        let sender = answer.through.as_ref().map(|it| it.id());
        self.flushes.extend(answer.through);
        events.into_iter().for_each(|it| self.tell(it, sender));
        Told::Answered
    }

    /// Tells an event to all who may hear it. `sender` is the connection behind it, which does not
    /// hear its own messages (decision 30).
    fn tell(&mut self, event: Event, sender: Option<u64>) {
        let own = match event.what {
            Happening::MessagePublished { direct: true, .. } => sender,
            _ => None,
        };
        let gone = matches!(event.what, Happening::ObjectRemoved);
        let event = Arc::new(event);
        let Self { index, view, judge, flushes } = self;
        index.retain((event.service, event.object), |it| {
            if own == Some(it.watcher.id()) {
                return true;
            }
            if !it.judged {
                let name = event.unique_name.as_ref();
                if let Err(error) = judge(view, &it.caller, event.service, event.object, name) {
                    revoke(it, event.object, &error, flushes);
                    return false;
                }
            }
            // Whoever comes after it under its SID, if anybody does, is another object.
            it.judged = !gone;
            match it.watcher.queue(&event) {
                Queued::First => {
                    flushes.push(it.watcher.clone());
                    true
                }
                Queued::Again => true,
                Queued::Gone => false,
            }
        });
    }

    /// Ends the subscriptions that are no longer permitted, before anything more is told to them.
    fn rejudge(&mut self, whose: Rejudge) {
        let Self { index, view, judge, flushes } = self;
        let keys = match whose.object {
            Some(object) => vec![(whose.service, object)],
            None => index.keys_in(whose.service),
        };
        for key in keys {
            index.retain(key, |it| match judge_existing(view, &it.caller, key, *judge) {
                Ok(()) => true,
                Err(error) => {
                    revoke(it, key.1, &error, flushes);
                    false
                }
            });
        }
    }
}

fn revoke(listener: &Listener, object: ObjectSid, error: &Error, flushes: &mut Vec<Arc<dyn Watcher>>) {
    if listener.watcher.revoke(object, error) == Queued::First {
        flushes.push(listener.watcher.clone());
    }
}
