//! The writer's fair queue: services in turn, within a service its lanes in turn, each bounded.
//!
//! A lane is an identity, the backends, or the relay itself. Within a lane the order of arrival is kept. A lane
//! can be held: nothing is taken from it until the attempt at its head was decided again and came back, so an
//! attempt that runs again keeps its place (docs/adr/0012-lanes-and-reads.md).

use std::collections::{HashMap, VecDeque};

use crate::{
    domain::{
        limits::{WRITES_PER_IDENTITY_MAX, WRITES_WAITING_MAX},
        name::Identity,
        sid::ServiceSid,
    },
    relay::record::By,
};

/// Who waits in line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::relay) enum Lane {
    Identity(Identity),
    Backend,
    System,
}

impl Lane {
    pub(super) fn of(by: &By) -> Self {
        match by {
            By::Client { identity, .. } | By::Policy { identity, .. } => Self::Identity(identity.clone()),
            By::Backend => Self::Backend,
            By::System => Self::System,
        }
    }
}

/// Names a lane of the queue: its service (`None` for what belongs to no service), and who waits there.
pub(in crate::relay) type LaneKey = (Option<ServiceSid>, Lane);

/// The entries that wait, by service and lane.
pub(super) struct Queue<T> {
    /// The services that have a lane in their `turns`, each once.
    turns: VecDeque<Option<ServiceSid>>,
    services: HashMap<Option<ServiceSid>, Lanes<T>>,
    length: usize,
    held: usize,
}

struct Lanes<T> {
    /// The lanes from which an entry can be taken, each once. A held lane leaves when its turn comes.
    turns: VecDeque<Lane>,
    lanes: HashMap<Lane, Line<T>>,
    /// Whether the service is in the queue's `turns`.
    listed: bool,
}

struct Line<T> {
    waiting: VecDeque<T>,
    held: bool,
    /// Whether the lane is in its service's `turns`.
    listed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self { turns: VecDeque::new(), services: HashMap::new(), length: 0, held: 0 }
    }

    /// Whether [`Self::pop`] has nothing to give at present.
    pub(super) fn is_idle(&self) -> bool {
        self.turns.is_empty()
    }

    /// Whether nothing waits and no lane is held.
    pub(super) fn is_drained(&self) -> bool {
        self.length == 0 && self.held == 0
    }

    /// Appends an entry to a lane; returns it when the lane or the queue is full.
    pub(super) fn push(&mut self, (service, lane): LaneKey, entry: T) -> Result<(), T> {
        let capacity = match lane {
            Lane::Identity(_) => WRITES_PER_IDENTITY_MAX,
            Lane::Backend | Lane::System => WRITES_WAITING_MAX,
        };
        if WRITES_WAITING_MAX <= self.length + self.held && lane != Lane::System {
            return Err(entry);
        }
        let lanes = self.services.entry(service).or_insert_with(Lanes::new);
        let line = lanes.lanes.entry(lane.clone()).or_insert_with(Line::new);
        if capacity <= line.waiting.len() {
            return Err(entry);
        }
        line.waiting.push_back(entry);
        self.length += 1;
        self.list(&(service, lane));
        Ok(())
    }

    /// Takes the next entry whose turn it is, with its lane.
    pub(super) fn pop(&mut self) -> Option<(LaneKey, T)> {
        while let Some(service) = self.turns.pop_front() {
            let Some(lanes) = self.services.get_mut(&service) else { continue };
            lanes.listed = false;
            let mut taken = None;
            while taken.is_none()
                && let Some(lane) = lanes.turns.pop_front()
            {
                let Some(line) = lanes.lanes.get_mut(&lane) else { continue };
                line.listed = false;
                if !line.held {
                    taken = line.waiting.pop_front().map(|it| (lane, it));
                }
            }
            if !lanes.turns.is_empty() {
                lanes.listed = true;
                self.turns.push_back(service);
            }
            if let Some((lane, entry)) = taken {
                self.length -= 1;
                let key = (service, lane);
                self.list(&key);
                return Some((key, entry));
            }
        }
        None
    }

    /// Holds a lane until [`Self::release`].
    pub(super) fn hold(&mut self, (service, lane): &LaneKey) {
        let lanes = self.services.entry(*service).or_insert_with(Lanes::new);
        let line = lanes.lanes.entry(lane.clone()).or_insert_with(Line::new);
        self.held += usize::from(!std::mem::replace(&mut line.held, true));
    }

    /// Puts an entry that was taken back to the front of its lane. The lane may then have more entries than its
    /// capacity, by at most one group.
    pub(super) fn put_back(&mut self, (service, lane): LaneKey, entry: T) {
        let lanes = self.services.entry(service).or_insert_with(Lanes::new);
        lanes.lanes.entry(lane.clone()).or_insert_with(Line::new).waiting.push_front(entry);
        self.length += 1;
        self.list(&(service, lane));
    }

    /// Ends the hold of a lane. `entry` takes the place for which the lane was held.
    pub(super) fn release(&mut self, key: LaneKey, entry: Option<T>) {
        if let Some(line) = self.services.get_mut(&key.0).and_then(|it| it.lanes.get_mut(&key.1)) {
            self.held -= usize::from(std::mem::replace(&mut line.held, false));
        }
        match entry {
            Some(entry) => self.put_back(key, entry),
            None => self.list(&key),
        }
    }

    /// Takes every entry, those of held lanes included.
    pub(super) fn drain(&mut self) -> Vec<T> {
        self.length = 0;
        self.turns.clear();
        let lines = self.services.drain().flat_map(|it| it.1.lanes.into_values());
        let entries = lines.flat_map(|it| it.waiting).collect();
        self.held = 0;
        entries
    }

    /// Gives a lane with entries its turn, and forgets one without.
    fn list(&mut self, (service, lane): &LaneKey) {
        let Some(lanes) = self.services.get_mut(service) else { return };
        let Some(line) = lanes.lanes.get_mut(lane) else { return };
        if line.waiting.is_empty() {
            if !line.held && !line.listed {
                lanes.lanes.remove(lane);
            }
        } else if !line.held && !line.listed {
            line.listed = true;
            lanes.turns.push_back(lane.clone());
        }
        if !lanes.turns.is_empty() && !lanes.listed {
            lanes.listed = true;
            self.turns.push_back(*service);
        }
        if lanes.lanes.is_empty() {
            self.services.remove(service);
        }
    }
}

impl<T> Lanes<T> {
    fn new() -> Self {
        Self { turns: VecDeque::new(), lanes: HashMap::new(), listed: false }
    }
}

impl<T> Line<T> {
    fn new() -> Self {
        Self { waiting: VecDeque::new(), held: false, listed: false }
    }
}

#[cfg(test)]
mod tests;
