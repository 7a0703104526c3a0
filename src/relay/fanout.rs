//! Who watches what, and the order in which they hear: takes [`Committed`] and nothing else.
//!
//! One lock holds the order. Under it the view is published, each answer is given before the
//! events of its batch, and a new subscription gets its replay from the very view after which its
//! live events begin: no gap, no double, reply before echo.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;

use crate::{
    domain::{
        event::{Event, Happening},
        limits::{REPLAY_BYTES_MAX, REPLAY_EVENTS_MAX},
        object::{EventId, Item},
        sid::{ObjectSid, ServiceSid},
    },
    relay::{
        receipt::Receipt,
        refusal::{Missing, Reason},
        store::{
            committed::{Committed, Outcome, Verdict},
            view::{Body, Object, Tenant, View},
        },
        ticket::{Attempt, Ticket},
        watcher::{Queued, Watched, Watcher},
    },
};

/// The hub.
pub(super) struct Hub {
    order: Mutex<Watchers>,
    view: ArcSwap<View>,
}

#[derive(Default)]
struct Watchers {
    by_object: HashMap<(ServiceSid, ObjectSid), Vec<Arc<dyn Watcher>>>,
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
        first: Committed,
        more: impl Iterator<Item = Committed>,
        decided: &mut dyn FnMut(&Attempt, Result<&Receipt, &crate::relay::error::Error>),
    ) -> Vec<Attempt> {
        let mut watchers = self.lock();
        let (mut flushes, mut again) = (Vec::new(), Vec::new());
        for committed in std::iter::once(first).chain(more) {
            let (view, outcomes) = committed.open();
            self.view.store(Arc::new(view));
            for outcome in outcomes {
                if let Told::Again(attempt) = answer(outcome, &mut watchers, &mut flushes, decided) {
                    again.push(*attempt);
                }
            }
        }
        for watcher in flushes {
            watcher.flush();
        }
        again
    }

    /// Subscribes a watcher: the replay, `then`, and from there on what is live.
    pub(super) fn subscribe(
        &self,
        service: ServiceSid,
        object: ObjectSid,
        since: Option<EventId>,
        watcher: &Arc<dyn Watcher>,
        then: &mut dyn FnMut(Result<Watched, Reason>),
    ) {
        let mut watchers = self.lock();
        let view = self.view.load();
        let Some(tenant) = view.tenant(service) else {
            then(Err(Reason::NotFound(Missing::Service)));
            return;
        };
        let replay = match Replay::of(service, object, tenant, since) {
            Ok(replay) => replay,
            Err(reason) => {
                then(Err(reason));
                return;
            }
        };
        for event in replay.events {
            watcher.queue(&Arc::new(event));
        }
        if let Watched::Established(_) = replay.watched {
            let list = watchers.by_object.entry((service, object)).or_default();
            list.retain(|it| it.id() != watcher.id());
            list.push(watcher.clone());
            watchers.by_watcher.entry(watcher.id()).or_default().insert((service, object));
        }
        then(Ok(replay.watched));
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
            list.retain(|it| it.id() != watcher);
            if list.is_empty() {
                self.by_object.remove(&place);
            }
        }
    }

    /// Closes all that watch in a service: its rules of access have changed, and whoever comes back
    /// is judged by the new ones before the next event (decision 20).
    fn dismiss(&mut self, service: ServiceSid) {
        self.by_object.retain(|place, list| {
            if place.0 == service {
                list.iter().for_each(|it| it.cut());
            }
            place.0 != service
        });
    }

    fn tell(&mut self, event: Event, flushes: &mut Vec<Arc<dyn Watcher>>) {
        let Some(list) = self.by_object.get_mut(&(event.service, event.object)) else {
            return;
        };
        let event = Arc::new(event);
        list.retain(|watcher| match watcher.queue(&event) {
            Queued::First => {
                flushes.push(watcher.clone());
                true
            }
            Queued::Again => true,
            Queued::Gone => false,
        });
    }
}

/// Gives one answer, then tells the events of its batch.
fn answer(
    outcome: Outcome,
    watchers: &mut Watchers,
    flushes: &mut Vec<Arc<dyn Watcher>>,
    decided: &mut dyn FnMut(&Attempt, Result<&Receipt, &crate::relay::error::Error>),
) -> Told {
    let (verdict, ticket) = (outcome.verdict, outcome.ticket);
    let attempt = match ticket {
        Ticket::Own(then) => {
            let (result, events) = match verdict {
                Verdict::Done { events, .. } => (Ok(()), events),
                Verdict::Not(error) => (Err(error), Vec::new()),
                Verdict::Stale => (Err(crate::relay::error::Failure::Contended.into()), Vec::new()),
            };
            events.into_iter().for_each(|it| watchers.tell(it, flushes));
            then(result);
            return Told::Answered;
        }
        Ticket::Attempt(attempt) => attempt,
    };
    let (result, events, rejudge) = match verdict {
        Verdict::Stale => return Told::Again(attempt),
        Verdict::Not(error) => (Err(error), Vec::new(), None),
        Verdict::Done { receipt, events, rejudge } => {
            let receipt = receipt.ok_or(crate::relay::error::Failure::Contended.into());
            (receipt, events, rejudge)
        }
    };
    let result = result.map_err(|error| error.of_decision(attempt.decision, attempt.under.as_ref()));
    decided(&attempt, result.as_ref());
    let answer = attempt.answer;
    (answer.then)(result);
    flushes.extend(answer.through);
    events.into_iter().for_each(|it| watchers.tell(it, flushes));
    if let Some(service) = rejudge {
        watchers.dismiss(service);
    }
    Told::Answered
}

/// What a subscriber that knows everything up to `since` has missed, built from state (decision 29).
struct Replay {
    events: Vec<Event>,
    watched: Watched,
}

impl Replay {
    fn of(
        service: ServiceSid,
        sid: ObjectSid,
        tenant: &Tenant,
        since: Option<EventId>,
    ) -> Result<Self, Reason> {
        let Some(object) = tenant.objects.get(&sid) else {
            // A shared object that does not stand: it waits, and hears of its birth.
            return Ok(Self { events: Vec::new(), watched: Watched::Established(since.unwrap_or_default()) });
        };
        let newest = object.head.last_event_id;
        let since = match since {
            None => newest,
            // From the future: another history. Everything is told again (decision 6).
            Some(since) if tenant.newest < since => EventId(0),
            Some(since) => since,
        };
        let told = |id, at, what| Event::new(service, sid, object.head.unique_name.clone(), id, at, what);
        let mut events = Vec::new();
        match &object.body {
            Body::Document { data, .. } if since < newest => {
                let (revision, date_expires) = (object.head.revision, object.head.date_expires);
                let what = Happening::DocumentSet { revision, data: data.clone(), date_expires };
                events.push(told(newest, object.head.date_updated, what));
            }
            Body::Document { .. } => (),
            Body::Map(items) => {
                if EventId(0) < since && since < items.floor {
                    return Err(Reason::BelowFloor);
                }
                events = missed(object, since, told);
            }
        }
        events.sort_by_key(|it| it.id);
        let pieces = piece(&events);
        if pieces < events.len() {
            events.truncate(pieces);
            let last = events.last().map_or(since, |it| it.id);
            return Ok(Self { events, watched: Watched::Interrupted(last) });
        }
        Ok(Self { events, watched: Watched::Established(newest) })
    }
}

/// How many of these events one piece of a replay holds: at least one, and no more than an outbox.
fn piece(events: &[Event]) -> usize {
    let mut bytes = 0;
    let size = |it: &Event| match &it.what {
        Happening::DocumentSet { data, .. } => data.size_bytes(),
        Happening::ItemSet { item, .. } | Happening::ItemRemoved { item, .. } => item.data.size_bytes(),
        Happening::ObjectRemoved => 0,
    };
    let fits = events.iter().take_while(|it| {
        bytes += size(it);
        bytes <= REPLAY_BYTES_MAX
    });
    fits.take(REPLAY_EVENTS_MAX).count().max(1)
}

fn missed(
    object: &Object,
    since: EventId,
    told: impl Fn(EventId, crate::domain::time::Timestamp, Happening) -> Event,
) -> Vec<Event> {
    let Body::Map(items) = &object.body else {
        return Vec::new();
    };
    let mut events = Vec::new();
    let revision = object.head.revision;
    for entry in items.standing.values().filter(|it| since < it.item.last_event_id) {
        let item = entry.item.clone();
        let added = since < item.created_event_id;
        events.push(told(
            item.last_event_id,
            item.date_updated,
            Happening::ItemSet { revision, added, item },
        ));
    }
    let buried = items.tombstones.iter().filter(|(id, _)| since < **id);
    for (id, grave) in buried.filter(|(_, it)| it.created_event_id <= since) {
        let item = Arc::new(Item {
            key: grave.key.clone(),
            data: crate::domain::data::Data::empty(),
            created_by: None,
            date_created: grave.at,
            date_updated: grave.at,
            date_expires: None,
            revision: Default::default(),
            created_event_id: grave.created_event_id,
            last_event_id: *id,
        });
        events.push(told(*id, grave.at, Happening::ItemRemoved { revision: grave.revision, item }));
    }
    events
}
