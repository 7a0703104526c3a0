//! Replays of several objects, merged so that every event id is a safe place to resume from.
//!
//! A client that comes back with the id `n` is told what happened after `n`, so whoever hands out `n`
//! must have told everything before it, of every object. One round asks each object for a piece of
//! its replay. A piece may be cut short at some event; what the others told beyond it is given up,
//! and asked for again in the next round. The horizon, up to which everything is known, grows with
//! each round, and the memory of a round does not depend on the number of objects.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::domain::{
    limits::{OUTBOX_BYTES_MAX, OUTBOX_MESSAGES_MAX},
    object::EventId,
};

/// One round: events of all objects of a stream, up to the horizon.
#[derive(Debug)]
pub struct Merge {
    blocks: BTreeMap<EventId, Bytes>,
    bytes: usize,
    horizon: Option<EventId>,
    events_max: usize,
    bytes_max: usize,
}

/// What a round has gathered.
#[derive(Debug, PartialEq, Eq)]
pub struct Merged {
    /// The events, in ascending order of their ids.
    pub blocks: Vec<Bytes>,
    /// The id of the last of them.
    pub newest: Option<EventId>,
    /// The event up to which all objects are told; `None` when nothing was cut short.
    pub horizon: Option<EventId>,
}

impl Default for Merge {
    fn default() -> Self {
        Self::within(OUTBOX_MESSAGES_MAX, OUTBOX_BYTES_MAX)
    }
}

impl Merge {
    /// A round that keeps so much, and always one event.
    fn within(events_max: usize, bytes_max: usize) -> Self {
        Self { blocks: BTreeMap::new(), bytes: 0, horizon: None, events_max, bytes_max }
    }

    /// Takes an event, replayed or live; those of one object come in ascending order.
    pub fn take(&mut self, id: EventId, block: impl FnOnce() -> Bytes) {
        if self.horizon.is_some_and(|it| it < id) {
            return;
        }
        let block = block();
        self.bytes += block.len();
        if let Some(other) = self.blocks.insert(id, block) {
            self.bytes = self.bytes.saturating_sub(other.len());
        }
        while 1 < self.blocks.len()
            && (self.events_max < self.blocks.len() || self.bytes_max < self.bytes)
            && let Some((_, last)) = self.blocks.pop_last()
        {
            self.bytes = self.bytes.saturating_sub(last.len());
            self.horizon = self.blocks.last_key_value().map(|it| *it.0);
        }
    }

    /// An object was told up to this event only.
    pub fn interrupt(&mut self, at: EventId) {
        if self.horizon.is_some_and(|it| it <= at) {
            return;
        }
        self.horizon = Some(at);
        let beyond = self.blocks.split_off(&EventId(at.0.saturating_add(1)));
        self.bytes = self.bytes.saturating_sub(beyond.values().map(Bytes::len).sum());
    }

    /// Ends the round.
    pub fn finish(self) -> Merged {
        let newest = self.blocks.last_key_value().map(|it| *it.0);
        Merged { blocks: self.blocks.into_values().collect(), newest, horizon: self.horizon }
    }
}

#[cfg(test)]
mod tests;
