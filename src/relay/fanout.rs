//! Who watches what, and the order in which they hear: takes [`Committed`] and nothing else.
//!
//! One lock holds the order. Under it the view is published, each answer is given before the
//! events of its batch, and a new subscription gets its replay from the very view after which its
//! live events begin: no gap, no double, reply before echo.

mod replay;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;
use replay::Replay;

use crate::{
    domain::{
        event::{Event, Happening},
        name::UniqueName,
        sid::{ObjectSid, ServiceSid},
    },
    relay::{
        authn::Caller,
        error::{Error, Failure},
        receipt::Receipt,
        refusal::{Missing, Reason},
        store::{
            committed::{Committed, Outcome, Rejudge, Verdict},
            view::View,
        },
        ticket::{Attempt, Ticket},
        watcher::{Queued, Watch, Watched, Watcher},
    },
};

/// The hub.
pub(super) struct Hub {
    order: Mutex<Watchers>,
    view: ArcSwap<View>,
}

/// Whether a caller may hear of an object, by the rules of this moment (decision 20). The name is
/// that of the event which is about to be told; without one it is looked up.
pub(super) type Judge<'j> =
    dyn Fn(&View, &Caller, ServiceSid, ObjectSid, Option<&UniqueName>) -> Result<(), Error> + 'j;

/// One subscription.
struct Listener {
    watcher: Arc<dyn Watcher>,
    caller: Caller,
    /// Whether its right to hear was judged: not before the object stands, or is spoken of by name.
    judged: bool,
}

#[derive(Default)]
struct Watchers {
    by_object: HashMap<(ServiceSid, ObjectSid), Vec<Listener>>,
    by_watcher: HashMap<u64, HashSet<(ServiceSid, ObjectSid)>>,
}

/// What the relay hears of each outcome, for its log.
pub(super) enum Told {
    /// Nothing to do.
    Answered,
    /// The passage runs again.
    Again(Box<Attempt>),
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
    ) -> Vec<Attempt> {
        let mut watchers = self.lock();
        let mut round =
            Round { watchers: &mut watchers, view: self.view.load_full(), judge, flushes: Vec::new() };
        let mut again = Vec::new();
        for committed in gathered {
            let (view, outcomes) = committed.open();
            round.view = Arc::new(view);
            self.view.store(round.view.clone());
            for outcome in outcomes {
                if let Told::Again(attempt) = round.answer(outcome, decided) {
                    again.push(*attempt);
                }
            }
        }
        for watcher in round.flushes {
            watcher.flush();
        }
        again
    }

    /// Subscribes a watcher: the replay, `then`, and from there on what is live.
    pub(super) fn subscribe(
        &self,
        service: ServiceSid,
        watch: Watch,
        (watcher, caller): (&Arc<dyn Watcher>, &Caller),
        judge: &Judge<'_>,
        then: &mut dyn FnMut(Result<Watched, Error>),
    ) {
        let object = watch.object;
        let mut watchers = self.lock();
        let view = self.view.load();
        // Judged under the lock: a grant taken away before this moment is seen, one after it is told.
        if let Err(error) = judge(&view, caller, service, object, None) {
            then(Err(error));
            return;
        }
        let Some(tenant) = view.tenant(service) else {
            then(Err(Reason::NotFound(Missing::Service).into()));
            return;
        };
        let replay = match Replay::of(service, tenant, watch) {
            Ok(replay) => replay,
            Err(reason) => {
                then(Err(reason.into()));
                return;
            }
        };
        for event in replay.events {
            watcher.queue_replayed(&Arc::new(event));
        }
        if let Watched::Established(_) = replay.watched {
            let list = watchers.by_object.entry((service, object)).or_default();
            list.retain(|it| it.watcher.id() != watcher.id());
            let judged = tenant.objects.contains_key(&object);
            list.push(Listener { watcher: watcher.clone(), caller: caller.clone(), judged });
            watchers.by_watcher.entry(watcher.id()).or_default().insert((service, object));
        }
        then(Ok(replay.watched));
    }

    /// A watcher speaks under a new credential: its subscriptions are judged under that (decision 20).
    pub(super) fn renew(&self, watcher: u64, caller: &Caller, judge: &Judge<'_>) {
        let mut watchers = self.lock();
        let places: Vec<_> = watchers.by_watcher.get(&watcher).into_iter().flatten().copied().collect();
        let mut round =
            Round { watchers: &mut watchers, view: self.view.load_full(), judge, flushes: Vec::new() };
        for place in &places {
            let own = |it: &&mut Listener| it.watcher.id() == watcher;
            let list = round.watchers.by_object.get_mut(place);
            if let Some(listener) = list.and_then(|it| it.iter_mut().find(own)) {
                listener.caller = caller.clone();
            }
            round.rejudge(Rejudge { service: place.0, object: Some(place.1) });
        }
        for watcher in round.flushes {
            watcher.flush();
        }
    }

    /// Ends one subscription.
    pub(super) fn unsubscribe(&self, watcher: u64, object: ObjectSid) {
        let mut watchers = self.lock();
        let held = watchers.by_watcher.get(&watcher).into_iter().flatten().find(|it| it.1 == object).copied();
        if let Some(place) = held {
            watchers.forget(watcher, place);
            if let Some(places) = watchers.by_watcher.get_mut(&watcher) {
                places.remove(&place);
            }
        }
    }

    /// Ends all subscriptions of a watcher.
    pub(super) fn unsubscribe_all(&self, watcher: u64) {
        let mut watchers = self.lock();
        for place in watchers.by_watcher.remove(&watcher).into_iter().flatten() {
            watchers.forget(watcher, place);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Watchers> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watchers {
    fn forget(&mut self, watcher: u64, place: (ServiceSid, ObjectSid)) {
        if let Some(list) = self.by_object.get_mut(&place) {
            list.retain(|it| it.watcher.id() != watcher);
            if list.is_empty() {
                self.by_object.remove(&place);
            }
        }
    }
}

/// One group on its way out, under the lock.
struct Round<'r> {
    watchers: &'r mut Watchers,
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
                    Verdict::Stale => (Err(Failure::Contended.into()), Vec::new(), None),
                };
                rejudge.into_iter().for_each(|it| self.rejudge(it));
                events.into_iter().for_each(|it| self.tell(it, None));
                then(result);
                return Told::Answered;
            }
            Ticket::Attempt(attempt) => attempt,
        };
        let (result, events, rejudge) = match verdict {
            Verdict::Stale => return Told::Again(attempt),
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
        let Some(list) = self.watchers.by_object.get_mut(&(event.service, event.object)) else {
            return;
        };
        let own = match event.what {
            Happening::MessagePublished { direct: true, .. } => sender,
            _ => None,
        };
        let gone = matches!(event.what, Happening::ObjectRemoved);
        let event = Arc::new(event);
        list.retain_mut(|it| {
            if own == Some(it.watcher.id()) {
                return true;
            }
            if !it.judged {
                let name = event.unique_name.as_ref();
                if let Err(error) = (self.judge)(&self.view, &it.caller, event.service, event.object, name) {
                    revoke(it, event.object, &error, &mut self.flushes);
                    return false;
                }
            }
            // Whoever comes after it under its SID, if anybody does, is another object.
            it.judged = !gone;
            match it.watcher.queue(&event) {
                Queued::First => {
                    self.flushes.push(it.watcher.clone());
                    true
                }
                Queued::Again => true,
                Queued::Gone => false,
            }
        });
    }

    /// Ends the subscriptions that are no longer permitted, before anything more is told to them.
    fn rejudge(&mut self, whose: Rejudge) {
        let Self { watchers, view, judge, flushes } = self;
        let mut look = |(service, object): &(ServiceSid, ObjectSid), list: &mut Vec<Listener>| {
            let stands = view.tenant(*service).is_some_and(|it| it.objects.contains_key(object));
            // What does not stand is judged when it is born, and its removal was told.
            list.retain(|it| match stands.then(|| judge(view, &it.caller, *service, *object, None)) {
                Some(Err(error)) => {
                    revoke(it, *object, &error, flushes);
                    false
                }
                Some(Ok(())) | None => true,
            });
        };
        match whose.object {
            Some(object) => {
                let place = (whose.service, object);
                if let Some(list) = watchers.by_object.get_mut(&place) {
                    look(&place, list);
                }
            }
            None => {
                for (place, list) in watchers.by_object.iter_mut().filter(|it| it.0.0 == whose.service) {
                    look(place, list);
                }
            }
        }
    }
}

fn revoke(listener: &Listener, object: ObjectSid, error: &Error, flushes: &mut Vec<Arc<dyn Watcher>>) {
    if listener.watcher.revoke(object, error) == Queued::First {
        flushes.push(listener.watcher.clone());
    }
}
