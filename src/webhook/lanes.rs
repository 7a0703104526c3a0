//! Which hook may be sent now: those of one object one after the other, those of different objects side by side, within bounds.
//!
//! Pure: it is told the time. A lane (an object) is ready, flying, or resting until its next attempt, and never two of these.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use tokio::time::Instant;

use crate::domain::{
    hook::Hook,
    limits::{HOOKS_FAILING_MAX, HOOKS_FLYING_MAX, HOOKS_PASSING_PER_SERVICE_MAX, HOOKS_PER_SERVICE_MAX},
    sid::{ObjectSid, ServiceSid},
};

/// A hook that waits: its number in the state, or itself when it is not there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    Stored(u64),
    Passing(Arc<Hook>),
}

/// A hook that is to be sent now.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) service: ServiceSid,
    pub(super) object: ObjectSid,
    pub(super) entry: Entry,
    /// 1 for the first.
    pub(super) attempt: u32,
}

/// All lanes.
#[derive(Default)]
pub(super) struct Lanes {
    services: HashMap<ServiceSid, Service>,
    /// Services with lanes that are ready, each once.
    turns: VecDeque<ServiceSid>,
    resting: BTreeSet<(Instant, ServiceSid, ObjectSid)>,
    flying: usize,
}

#[derive(Default)]
struct Service {
    lanes: HashMap<ObjectSid, Lane>,
    ready: VecDeque<ObjectSid>,
    flying: usize,
    /// Whether the last attempt that ended has failed.
    failing: bool,
    /// Hooks in it that are not in the state.
    passing: usize,
}

/// How the last attempt of a job went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Delivered,
    Failed,
    /// There was nothing to send any more.
    Nothing,
}

#[derive(Default)]
struct Lane {
    entries: VecDeque<Entry>,
    attempts: u32,
}

impl Lanes {
    /// Appends a hook to its object's lane; whether there was room for it, if nothing else keeps it.
    pub(super) fn push(&mut self, service: ServiceSid, object: ObjectSid, entry: Entry) -> bool {
        let of = self.services.entry(service).or_default();
        if let Entry::Passing(_) = entry {
            if HOOKS_PASSING_PER_SERVICE_MAX <= of.passing {
                return false;
            }
            of.passing += 1;
        }
        let lane = of.lanes.entry(object).or_default();
        lane.entries.push_back(entry);
        if lane.entries.len() == 1 {
            self.ready(service, object);
        }
        true
    }

    /// Forgets hooks with smaller numbers, which had to make room; the first of each lane is in somebody's hands.
    pub(super) fn forget(&mut self, service: ServiceSid, first: u64) {
        for lane in self.services.get_mut(&service).into_iter().flat_map(|it| it.lanes.values_mut()) {
            let mut head = true;
            lane.entries.retain(|it| {
                std::mem::take(&mut head) || !matches!(it, Entry::Stored(number) if *number < first)
            });
        }
    }

    fn ready(&mut self, service: ServiceSid, object: ObjectSid) {
        if let Some(of) = self.services.get_mut(&service) {
            of.ready.push_back(object);
            if of.ready.len() == 1 {
                self.turns.push_back(service);
            }
        }
    }

    /// The next hook that may be sent, services in turn; the caller says later what became of it.
    pub(super) fn take(&mut self, now: Instant) -> Option<Job> {
        while let Some(first) = self.resting.first().copied().filter(|it| it.0 <= now) {
            self.resting.remove(&first);
            self.ready(first.1, first.2);
        }
        if HOOKS_FLYING_MAX <= self.flying {
            return None;
        }
        for _ in 0..self.turns.len() {
            let service = self.turns.pop_front()?;
            let of = self.services.get_mut(&service)?;
            let free = of.flying < if of.failing { HOOKS_FAILING_MAX } else { HOOKS_PER_SERVICE_MAX };
            let object = if free { of.ready.pop_front() } else { None };
            if !of.ready.is_empty() {
                self.turns.push_back(service);
            }
            let Some(object) = object else { continue };
            let lane = of.lanes.get_mut(&object)?;
            let entry = lane.entries.front()?.clone();
            lane.attempts += 1;
            let attempt = lane.attempts;
            of.flying += 1;
            self.flying += 1;
            return Some(Job { service, object, entry, attempt });
        }
        None
    }

    /// A job has come to its end, one way or the other: the next of its object may go.
    pub(super) fn ended(&mut self, service: ServiceSid, object: ObjectSid, outcome: Outcome) {
        self.landed(service, outcome);
        let Some(of) = self.services.get_mut(&service) else { return };
        let Some(lane) = of.lanes.get_mut(&object) else { return };
        lane.attempts = 0;
        if let Some(Entry::Passing(_)) = lane.entries.pop_front() {
            of.passing = of.passing.saturating_sub(1);
        }
        if lane.entries.is_empty() {
            of.lanes.remove(&object);
            if of.lanes.is_empty() {
                self.services.remove(&service);
            }
        } else {
            self.ready(service, object);
        }
    }

    /// A job is to be tried again, not before `at`.
    pub(super) fn again(&mut self, service: ServiceSid, object: ObjectSid, at: Instant) {
        self.landed(service, Outcome::Failed);
        self.resting.insert((at, service, object));
    }

    fn landed(&mut self, service: ServiceSid, outcome: Outcome) {
        self.flying = self.flying.saturating_sub(1);
        if let Some(of) = self.services.get_mut(&service) {
            of.failing = if outcome == Outcome::Nothing { of.failing } else { outcome == Outcome::Failed };
            of.flying = of.flying.saturating_sub(1);
        }
    }

    /// When the next lane has rested.
    pub(super) fn rested(&self) -> Option<Instant> {
        self.resting.first().map(|it| it.0)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, time::Duration};

    use proptest::prelude::*;

    use super::*;
    use crate::domain::object::ObjectKind::Document;

    fn object(at: u8) -> ObjectSid {
        ObjectSid { kind: Document, bytes: [at; 16] }
    }

    fn service(at: u8) -> ServiceSid {
        ServiceSid::new([at; 16])
    }

    /// What happens: a hook arrives, or the oldest flight ends, well or not, or time passes.
    #[derive(Clone, Debug)]
    enum Step {
        Push(u8, u8),
        Ended(u8),
        Again(u8, u64),
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..3_u8, 0..30_u8).prop_map(|(service, object)| Step::Push(service, object)),
            3 => any::<u8>().prop_map(Step::Ended),
            1 => (any::<u8>(), 0..50_u64).prop_map(|(which, ms)| Step::Again(which, ms)),
            1 => (0..20_u64).prop_map(Step::Pass),
        ]
    }

    proptest! {
        #[test]
        fn hooks_of_one_object_keep_their_order(steps in proptest::collection::vec(step(), 0..400)) {
            let (mut lanes, mut now) = (Lanes::default(), Instant::now());
            let mut flying: Vec<Job> = Vec::new();
            let (mut pushed, mut ended) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
            let mut number = 0;
            let mut end = |lanes: &mut Lanes, job: Job| {
                lanes.ended(job.service, job.object, Outcome::Delivered);
                ended.entry((job.service, job.object)).or_default().push(job.entry);
            };
            for step in steps {
                match step {
                    Step::Push(of, at) => {
                        number += 1;
                        lanes.push(service(of), object(at), Entry::Stored(number));
                        pushed.entry((service(of), object(at))).or_default().push(Entry::Stored(number));
                    }
                    Step::Ended(which) if !flying.is_empty() => {
                        let job = flying.remove(usize::from(which) % flying.len());
                        end(&mut lanes, job);
                    }
                    Step::Again(which, ms) if !flying.is_empty() => {
                        let job = flying.remove(usize::from(which) % flying.len());
                        lanes.again(job.service, job.object, now + Duration::from_millis(ms));
                    }
                    Step::Pass(ms) => now += Duration::from_millis(ms),
                    Step::Ended(_) | Step::Again(..) => (),
                }
                while let Some(job) = lanes.take(now) {
                    flying.push(job);
                }
                let places: HashSet<_> = flying.iter().map(|it| (it.service, it.object)).collect();
                prop_assert_eq!(places.len(), flying.len(), "one object has one hook on its way");
                prop_assert!(flying.len() <= HOOKS_FLYING_MAX);
                for of in 0..3 {
                    let own = flying.iter().filter(|it| it.service == service(of)).count();
                    prop_assert!(own <= HOOKS_PER_SERVICE_MAX);
                }
            }
            while let Some(job) = flying.pop() {
                end(&mut lanes, job);
                now += Duration::from_secs(1);
                while let Some(job) = lanes.take(now) {
                    flying.push(job);
                }
            }
            // Whatever rested without anything flying.
            now += Duration::from_secs(1);
            while let Some(job) = lanes.take(now) {
                end(&mut lanes, job);
            }
            prop_assert_eq!(ended, pushed, "each has ended once, in its object's order");
            prop_assert!(lanes.services.is_empty() && lanes.turns.is_empty() && lanes.resting.is_empty());
        }
    }

    #[test]
    fn attempts_are_counted_for_one_hook_at_a_time() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        lanes.push(service(1), object(1), Entry::Stored(1));
        lanes.push(service(1), object(1), Entry::Stored(2));
        let later = now + Duration::from_secs(1);
        assert_eq!(lanes.take(now).map(|it| it.attempt), Some(1));
        lanes.again(service(1), object(1), later);
        assert!(lanes.take(now).is_none(), "it rests, and nothing overtakes it");
        assert_eq!(lanes.rested(), Some(later));
        assert_eq!(lanes.take(later).map(|it| (it.attempt, it.entry)), Some((2, Entry::Stored(1))));
        lanes.ended(service(1), object(1), Outcome::Failed);
        assert_eq!(lanes.take(later).map(|it| (it.attempt, it.entry)), Some((1, Entry::Stored(2))));
    }

    #[test]
    fn what_had_to_make_room_is_forgotten_and_messages_are_bounded() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        (0..5).for_each(|at| assert!(lanes.push(service(1), object(1), Entry::Stored(at))));
        let first = lanes.take(now).expect("the first");
        lanes.forget(service(1), 3);
        let mut left = vec![first.entry];
        lanes.ended(service(1), object(1), Outcome::Nothing);
        while let Some(job) = lanes.take(now) {
            left.push(job.entry);
            lanes.ended(service(1), object(1), Outcome::Delivered);
        }
        assert_eq!(left, [0, 3, 4].map(Entry::Stored));
        let hook = Arc::new(Hook {
            at: crate::domain::time::Timestamp::from_seconds(1),
            object: object(1),
            unique_name: None,
            identity: None,
            endpoint: None,
            note: crate::domain::hook::Note::Removed { revision: Default::default() },
        });
        let push = |lanes: &mut Lanes, of| lanes.push(service(of), object(1), Entry::Passing(hook.clone()));
        assert!((0..HOOKS_PASSING_PER_SERVICE_MAX).all(|_| push(&mut lanes, 1)));
        assert!(!push(&mut lanes, 1) && push(&mut lanes, 2), "one service does not take the others' room");
        lanes.take(now);
        lanes.ended(service(1), object(1), Outcome::Delivered);
        assert!(push(&mut lanes, 1));
    }

    #[test]
    fn a_receiver_that_fails_is_asked_by_few() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        (0..40).for_each(|at| assert!(lanes.push(service(1), object(at), Entry::Stored(at.into()))));
        let mut jobs: Vec<_> = std::iter::from_fn(|| lanes.take(now)).collect();
        assert_eq!(jobs.len(), HOOKS_PER_SERVICE_MAX);
        for job in jobs.drain(..) {
            lanes.again(job.service, job.object, now + Duration::from_secs(1));
        }
        jobs = std::iter::from_fn(|| lanes.take(now)).collect();
        assert_eq!(jobs.len(), HOOKS_FAILING_MAX);
        (0..40).for_each(|at| assert!(lanes.push(service(2), object(at), Entry::Stored(at.into()))));
        assert_eq!(std::iter::from_fn(|| lanes.take(now)).count(), HOOKS_PER_SERVICE_MAX, "others go on");
        lanes.ended(service(1), jobs[0].object, Outcome::Delivered);
        assert_eq!(std::iter::from_fn(|| lanes.take(now)).count(), HOOKS_PER_SERVICE_MAX - 1, "it is back");
    }
}
