//! One client: its connection, what it has sent, what it was answered, and what it watches.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::replica::Replica;
use crate::{
    domain::{change::Change, event::Event, object::EventId, sid::ObjectSid},
    relay::{Answer, Caller, Error, Queued, Receipt, Relay, watcher::Watcher},
};

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Durable, at this event; 0 where an answer names none.
    Done(EventId),
    /// Refused, with nothing changed.
    Refused,
    /// Not acknowledged: it may have been done or not.
    Failed,
}

/// What a write is about, for the order that its connection is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Target {
    Ladder,
    Ballot,
    Journal,
    Cursor,
    Plain,
}

/// A write that was sent.
pub(super) struct Write {
    pub(super) target: Target,
    pub(super) change: Change,
    /// The number that it writes.
    pub(super) value: u64,
    pub(super) outcome: Option<Outcome>,
}

/// The outlet of the connection: replies and events in the order in which they were queued.
pub(super) struct Ear {
    id: u64,
    in_flight: AtomicUsize,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    events: Vec<Arc<Event>>,
    replies: Vec<(usize, Outcome)>,
    /// The newest event that was queued of each object.
    newest: HashMap<ObjectSid, EventId>,
}

impl Watcher for Ear {
    fn id(&self) -> u64 {
        self.id
    }
    fn queue(&self, event: &Arc<Event>) -> Queued {
        let mut heard = self.heard.lock().expect("no panic under it");
        heard.newest.insert(event.object, event.id);
        heard.events.push(event.clone());
        Queued::Again
    }
    fn revoke(&self, object: ObjectSid, error: &Error) -> Queued {
        panic!("a subscription to {object} that is permitted ends: {error}");
    }
    fn flush(&self) {}
    fn is_pipelining(&self) -> bool {
        1 < self.in_flight.load(Ordering::Relaxed)
    }
}

/// A client with one connection.
pub(super) struct Client {
    pub(super) name: String,
    pub(super) caller: Caller,
    pub(super) ear: Arc<Ear>,
    pub(super) writes: Vec<Write>,
    pub(super) replicas: BTreeMap<ObjectSid, Replica>,
    /// The newest number that was sent, for each target.
    pub(super) sent: HashMap<Target, u64>,
}

impl Client {
    pub(super) fn new(name: String, caller: Caller, id: u64) -> Self {
        Self {
            name,
            caller,
            ear: Self::ear(id),
            writes: Vec::new(),
            replicas: BTreeMap::new(),
            sent: HashMap::new(),
        }
    }

    /// A fresh connection.
    pub(super) fn ear(id: u64) -> Arc<Ear> {
        Arc::new(Ear { id, in_flight: AtomicUsize::new(0), heard: Mutex::default() })
    }

    /// Sends a write without waiting.
    pub(super) fn send(&mut self, relay: &Relay, target: Target, value: u64, change: Change) {
        // A repeated attempt has its first answer, long after its echo.
        let repeated = self.writes.iter().any(|it| it.change.idempotency == change.idempotency);
        let number = self.writes.len();
        self.writes.push(Write { target, change: change.clone(), value, outcome: None });
        self.ear.in_flight.fetch_add(1, Ordering::Relaxed);
        let ear = self.ear.clone();
        let then = move |result: Result<Receipt, Error>| {
            ear.in_flight.fetch_sub(1, Ordering::Relaxed);
            let mut heard = ear.heard.lock().expect("no panic under it");
            if let Ok(receipt) = &result
                && let Some((object, event)) = written(receipt)
            {
                let echoed = heard.newest.get(&object).is_some_and(|it| event <= *it);
                assert!(repeated || !echoed, "the reply comes before the echo");
            }
            let outcome = match result {
                Ok(receipt) => Outcome::Done(written(&receipt).map_or(EventId(0), |it| it.1)),
                Err(Error::Refused(_)) => Outcome::Refused,
                Err(Error::Failed(_)) => Outcome::Failed,
            };
            heard.replies.push((number, outcome));
        };
        let through: Arc<dyn Watcher> = self.ear.clone();
        relay.submit(&self.caller, change, Answer { then: Box::new(then), through: Some(through) });
    }

    /// The connection is gone, and with it every answer that it has not heard.
    pub(super) fn forget_connection(&mut self, id: u64) {
        self.ear = Self::ear(id);
        for write in self.writes.iter_mut().filter(|it| it.outcome.is_none()) {
            write.outcome = Some(Outcome::Failed);
        }
    }

    /// Takes what was heard since the last call. Each write is answered once, and the acknowledged writes of one
    /// target come in the order in which they were sent.
    pub(super) fn listen(&mut self) {
        let (events, replies) = {
            let mut heard = self.ear.heard.lock().expect("no panic under it");
            // The replies stay: a repetition is told apart by them.
            (std::mem::take(&mut heard.events), heard.replies.clone())
        };
        for (number, outcome) in replies {
            let write = &mut self.writes[number];
            assert!(write.outcome.is_none_or(|it| it == outcome), "write {number} is answered twice");
            write.outcome = Some(outcome);
        }
        for event in events {
            self.replicas.entry(event.object).or_default().hear(&event);
        }
    }

    /// Checks the number of answers and the order of what was acknowledged.
    pub(super) fn check(&self) {
        let heard = self.ear.heard.lock().expect("no panic under it");
        let mut numbers: Vec<_> = heard.replies.iter().map(|it| it.0).collect();
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|it| it[0] < it[1]), "{}: a write has two answers", self.name);
        let mut newest: HashMap<Target, EventId> = HashMap::new();
        let mut known: std::collections::HashSet<EventId> = std::collections::HashSet::new();
        for write in &self.writes {
            if let Some(Outcome::Done(event)) = write.outcome
                && event != EventId(0)
                && known.insert(event)
            {
                let last = newest.insert(write.target, event);
                assert!(
                    last.is_none_or(|it| it < event),
                    "{}: {:?} {} at {event:?} is older than the write before it at {last:?}",
                    self.name,
                    write.target,
                    write.value
                );
            }
        }
    }

    /// Whether a write waits for its answer.
    pub(super) fn waits(&self) -> bool {
        self.ear.in_flight.load(Ordering::Relaxed) != 0
    }

    /// The newest number of a target that was acknowledged, and the newest that may have been done.
    pub(super) fn bounds(&self, target: Target) -> (u64, u64) {
        let of = self.writes.iter().filter(|it| it.target == target);
        let done = |it: &&Write| matches!(it.outcome, Some(Outcome::Done(_)));
        let acknowledged = of.clone().filter(done).map(|it| it.value).max().unwrap_or(0);
        let possible = of.filter(|it| it.outcome != Some(Outcome::Refused)).map(|it| it.value).max();
        (acknowledged, possible.unwrap_or(0))
    }
}

/// The object and the event of an answer that has one.
fn written(receipt: &Receipt) -> Option<(ObjectSid, EventId)> {
    match receipt {
        Receipt::Object { head, .. } => Some((head.sid, head.last_event_id)),
        Receipt::Item { collection, item, .. } => Some((*collection, item.last_event_id)),
        _ => None,
    }
}
