//! One stream's outlet: what waits until the client's connection takes it.
//!
//! While the client catches up, events go into a [`Merge`]; once it is live they are queued. What a
//! round of catching up has gathered is paced by the client, so it is bounded but never too much;
//! live events come whether it reads or not, and one that does not is cut.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::{
    domain::{
        event::Event,
        limits::{OUTBOX_BYTES_MAX, OUTBOX_MESSAGES_MAX},
        object::EventId,
        sid::ObjectSid,
    },
    events::merge::{Merge, Merged},
    relay::{Error, Queued, Watcher},
    wire::{
        event_stream::{self, Remember},
        problem::{Plane, Problem},
    },
};

/// One stream's outlet; its body and the relay share it.
pub struct Outbox {
    id: u64,
    base_url: Arc<str>,
    waiting: Mutex<Waiting>,
    changed: Notify,
}

struct Waiting {
    phase: Phase,
    /// What was asked for: it waits for the client, and nothing more is asked for before it has left.
    paced: VecDeque<Bytes>,
    live: VecDeque<Bytes>,
    live_bytes: usize,
    flush_owed: bool,
}

enum Phase {
    /// Between two rounds of catching up: what happens is told by the next one.
    Behind,
    /// In a round.
    Merging(Merge),
    /// Everything is told as it happens.
    Live,
    /// Nothing is taken any more.
    Ended,
}

/// What the stream does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Sends this.
    Block(Bytes),
    /// Asks for the next piece of what was missed.
    Round,
    /// Waits.
    Wait,
    /// Ends.
    End,
}

/// What came of a round of catching up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caught {
    /// Everything up to here is told; the next round goes on from here.
    Behind(EventId),
    /// Everything is told, and what follows is live.
    Up,
}

impl Outbox {
    /// An outlet with its first blocks in it.
    pub fn new(id: u64, base_url: Arc<str>, first: Vec<Bytes>) -> Arc<Self> {
        let waiting = Waiting {
            phase: Phase::Behind,
            paced: first.into(),
            live: VecDeque::new(),
            live_bytes: 0,
            flush_owed: false,
        };
        Arc::new(Self { id, base_url, waiting: Mutex::new(waiting), changed: Notify::new() })
    }

    /// What the stream does next; a block is given once.
    pub fn next(&self) -> Next {
        let mut waiting = self.lock();
        if let Some(block) = waiting.paced.pop_front() {
            return Next::Block(block);
        }
        if let Some(block) = waiting.live.pop_front() {
            waiting.live_bytes = waiting.live_bytes.saturating_sub(block.len());
            return Next::Block(block);
        }
        // A stream is idle for most of its life: no memory of busier times.
        (waiting.paced, waiting.live) = Default::default();
        match waiting.phase {
            Phase::Behind | Phase::Merging(_) => Next::Round,
            Phase::Live => Next::Wait,
            Phase::Ended => Next::End,
        }
    }

    /// Returns when something may have changed since the last call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Begins a round of catching up: what is queued now is gathered.
    pub fn gather(&self) {
        let mut waiting = self.lock();
        if let Phase::Behind = waiting.phase {
            waiting.phase = Phase::Merging(Merge::default());
        }
    }

    /// One object of the round was told up to this event only.
    pub fn interrupted(&self, at: EventId) {
        if let Phase::Merging(merge) = &mut self.lock().phase {
            merge.interrupt(at);
        }
    }

    /// Ends the round: what it has gathered is sent, and if that was all, what `established` makes of the
    /// newest event among it. There is no gap before what is live.
    pub fn release(&self, established: impl FnOnce(Option<EventId>) -> Bytes) -> Caught {
        let mut waiting = self.lock();
        let Phase::Merging(merge) = mem::replace(&mut waiting.phase, Phase::Behind) else {
            waiting.phase = Phase::Ended;
            return Caught::Up;
        };
        let Merged { blocks, newest, horizon } = merge.finish();
        waiting.paced.extend(blocks);
        match horizon {
            Some(horizon) => Caught::Behind(horizon),
            None => {
                waiting.paced.push_back(established(newest));
                waiting.phase = Phase::Live;
                Caught::Up
            }
        }
    }

    /// Sends one more block of the stream's own.
    pub fn push(&self, block: Bytes) {
        self.lock().paced.push_back(block);
    }

    /// Ends the stream after what waits and this.
    pub fn finish(&self, last: Option<Bytes>) {
        let mut waiting = self.lock();
        waiting.phase = Phase::Ended;
        waiting.live.extend(last);
    }

    fn block(&self, event: &Event) -> Bytes {
        event.block(|it| event_stream::of_event(it, &self.base_url))
    }

    fn cut_locked(&self, waiting: &mut Waiting) {
        *waiting = Waiting {
            phase: Phase::Ended,
            paced: VecDeque::new(),
            live: VecDeque::new(),
            live_bytes: 0,
            flush_owed: false,
        };
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // The counts hold whatever a panicking thread did between two of these lines.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher for Outbox {
    fn id(&self) -> u64 {
        self.id
    }

    fn encode(&self, event: &Event) {
        self.block(event);
    }

    fn queue(&self, event: &Arc<Event>) -> Queued {
        let block = || self.block(event);
        let mut waiting = self.lock();
        match &mut waiting.phase {
            Phase::Ended => return Queued::Gone,
            Phase::Behind => return Queued::Again,
            Phase::Merging(merge) => {
                merge.take(event.id, block);
                return Queued::Again;
            }
            Phase::Live => {}
        }
        // Judged before the first event of a group: the client can take none of a group before all of it is here.
        let much = OUTBOX_MESSAGES_MAX < waiting.live.len() || OUTBOX_BYTES_MAX < waiting.live_bytes;
        if much && !waiting.flush_owed {
            tracing::debug!(conn.id = self.id, "subscriber too slow, event stream cut");
            self.cut_locked(&mut waiting);
            return Queued::Gone;
        }
        let block = block();
        waiting.live_bytes += block.len();
        waiting.live.push_back(block);
        if mem::replace(&mut waiting.flush_owed, true) { Queued::Again } else { Queued::First }
    }

    fn revoke(&self, object: ObjectSid, error: &Error) -> Queued {
        let mut waiting = self.lock();
        if matches!(waiting.phase, Phase::Ended) {
            return Queued::Gone;
        }
        // Nothing more of this object is handed over. What waits of others is told to who comes back
        // with the last id that it has read.
        self.cut_locked(&mut waiting);
        let problem = Problem::of_error(error, Plane::Sdk);
        let asked = object.to_string();
        waiting.live.push_back(event_stream::failed(object.kind, &asked, &problem, Remember::AsBefore));
        Queued::First
    }

    fn flush(&self) {
        self.lock().flush_owed = false;
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        data::Data,
        event::Happening,
        object::{ObjectKind, Revision},
        sid::ServiceSid,
        time::Timestamp,
    };
    use crate::relay::Reason;

    fn event(id: u64) -> Arc<Event> {
        let object = ObjectSid { kind: ObjectKind::Document, bytes: [1; 16] };
        let what = Happening::DocumentSet { revision: Revision(id), data: Data::empty(), date_expires: None };
        let at = Timestamp::from_millis(0);
        Arc::new(Event::new(ServiceSid::new([1; 16]), object, None, EventId(id), at, what))
    }

    fn drained(outbox: &Outbox) -> (Vec<String>, Next) {
        let mut heads = Vec::new();
        loop {
            match outbox.next() {
                Next::Block(block) => {
                    heads.push(String::from_utf8_lossy(&block).lines().next().unwrap_or_default().to_owned());
                }
                end => return (heads, end),
            }
        }
    }

    fn live() -> Arc<Outbox> {
        let outbox = Outbox::new(1, "".into(), Vec::new());
        outbox.gather();
        assert_eq!(outbox.release(|_| Bytes::from_static(b"established")), Caught::Up);
        assert_eq!(drained(&outbox), (vec!["established".to_owned()], Next::Wait));
        outbox
    }

    #[test]
    fn what_is_missed_stands_before_what_is_live() {
        let outbox = Outbox::new(1, "".into(), vec![Bytes::from_static(b"opening")]);
        assert_eq!(outbox.queue(&event(1)), Queued::Again);
        assert_eq!(drained(&outbox), (vec!["opening".to_owned()], Next::Round));
        outbox.gather();
        for id in [5, 3, 4] {
            outbox.queue(&event(id));
        }
        outbox.interrupted(EventId(4));
        assert_eq!(outbox.release(|_| unreachable!()), Caught::Behind(EventId(4)));
        outbox.queue(&event(6));
        assert_eq!(drained(&outbox), (vec!["id: 3".to_owned(), "id: 4".to_owned()], Next::Round));
        outbox.gather();
        for id in [6, 5] {
            outbox.queue(&event(id));
        }
        let mut newest = None;
        let established = |it| {
            newest = it;
            Bytes::from_static(b"established")
        };
        assert_eq!(outbox.release(established), Caught::Up);
        assert_eq!((outbox.queue(&event(7)), outbox.queue(&event(8))), (Queued::First, Queued::Again));
        outbox.flush();
        assert_eq!(outbox.queue(&event(9)), Queued::First);
        let heads = ["id: 5", "id: 6", "established", "id: 7", "id: 8", "id: 9"].map(str::to_owned);
        assert_eq!((drained(&outbox), newest), ((heads.into(), Next::Wait), Some(EventId(6))));
    }

    #[test]
    fn who_does_not_read_is_cut() {
        let outbox = live();
        for id in 0..=OUTBOX_MESSAGES_MAX as u64 {
            assert_eq!(outbox.queue(&event(id)), Queued::First);
            outbox.flush();
        }
        assert_eq!(outbox.queue(&event(5_000)), Queued::Gone);
        assert_eq!((outbox.next(), outbox.queue(&event(5_001))), (Next::End, Queued::Gone));
    }

    #[test]
    fn one_group_may_be_much() {
        let outbox = live();
        let group = 0..2 * OUTBOX_MESSAGES_MAX as u64;
        assert!(group.clone().all(|id| outbox.queue(&event(id)) != Queued::Gone));
        outbox.flush();
        assert_eq!(drained(&outbox).0.len(), group.count());
        assert_eq!(outbox.queue(&event(5_000)), Queued::First);
    }

    #[test]
    fn an_end_waits_for_what_was_said_and_a_cut_does_not() {
        let outbox = live();
        outbox.queue(&event(1));
        outbox.finish(Some(Bytes::from_static(b"last")));
        assert_eq!(drained(&outbox), (vec!["id: 1".to_owned(), "last".to_owned()], Next::End));
        let outbox = live();
        outbox.queue(&event(1));
        outbox.revoke(event(1).object, &Reason::Forbidden.into());
        outbox.gather();
        assert_eq!(outbox.release(|_| unreachable!()), Caught::Up);
        assert_eq!(drained(&outbox), (vec!["event: failed".to_owned()], Next::End));
    }
}
