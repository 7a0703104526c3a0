//! The writer's fair queue: services in turn, within a service its lanes in turn, each bounded.
//!
//! A lane is an identity, the backends, or the relay itself. Within a lane the order is kept, so
//! attempts of one connection reach the writer as they were sent (decision 13).

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
pub(super) enum Lane {
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

/// What waits, by service and lane.
pub(super) struct Queue<T> {
    turns: VecDeque<Option<ServiceSid>>,
    services: HashMap<Option<ServiceSid>, Lanes<T>>,
    length: usize,
}

struct Lanes<T> {
    turns: VecDeque<Lane>,
    waiting: HashMap<Lane, VecDeque<T>>,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self { turns: VecDeque::new(), services: HashMap::new(), length: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends to a lane; gives the thing back when the lane or the queue is full.
    pub(super) fn push(&mut self, service: Option<ServiceSid>, lane: Lane, thing: T) -> Result<(), T> {
        let room = match lane {
            Lane::Identity(_) => WRITES_PER_IDENTITY_MAX,
            Lane::Backend | Lane::System => WRITES_WAITING_MAX,
        };
        if WRITES_WAITING_MAX <= self.length && lane != Lane::System {
            return Err(thing);
        }
        let turns = &mut self.turns;
        let lanes = self.services.entry(service).or_insert_with(|| {
            turns.push_back(service);
            Lanes { turns: VecDeque::new(), waiting: HashMap::new() }
        });
        let line = lanes.waiting.entry(lane.clone()).or_default();
        if room <= line.len() {
            return Err(thing);
        }
        if line.is_empty() {
            lanes.turns.push_back(lane);
        }
        line.push_back(thing);
        self.length += 1;
        Ok(())
    }

    /// Takes the next whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let service = self.turns.pop_front()?;
        let lanes = self.services.get_mut(&service)?;
        let lane = lanes.turns.pop_front()?;
        let line = lanes.waiting.get_mut(&lane)?;
        let thing = line.pop_front();
        if line.is_empty() {
            lanes.waiting.remove(&lane);
        } else {
            lanes.turns.push_back(lane);
        }
        if lanes.turns.is_empty() {
            self.services.remove(&service);
        } else {
            self.turns.push_back(service);
        }
        self.length -= usize::from(thing.is_some());
        thing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_in_one_lane_does_not_delay_the_others() {
        let mut queue = Queue::new();
        let lane = |name: &str| Lane::Identity(Identity::try_from(name).expect("identity"));
        for at in 0..WRITES_PER_IDENTITY_MAX {
            assert!(queue.push(None, lane("flood"), ("flood", at)).is_ok());
        }
        assert!(queue.push(None, lane("flood"), ("flood", 9999)).is_err(), "the lane is bounded");
        assert!(queue.push(None, lane("calm"), ("calm", 0)).is_ok());
        let other = Some(ServiceSid::new([1; 16]));
        assert!(queue.push(other, lane("far"), ("far", 0)).is_ok());
        let first: Vec<_> = std::iter::from_fn(|| queue.pop()).take(4).collect();
        assert!(first.contains(&("calm", 0)) && first.contains(&("far", 0)));
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|it| it.1).collect();
        assert!(rest.windows(2).all(|it| it[0] < it[1]), "a lane keeps its order");
        assert!(queue.is_empty());
    }
}
