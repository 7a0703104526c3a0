//! What sources show at one place: the latest that has not expired stands. A change costs the same however many
//! sources there are.

use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use super::view::Source;
use crate::domain::{
    data::Data,
    limits::EXPIRED_PURGED_MAX,
    steps::{TREE_STEPS, count},
    time::Timestamp,
};

/// What one source shows at one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) struct Contribution {
    /// `None`: a backend wrote it.
    pub(in crate::relay) source: Option<Source>,
    pub(in crate::relay) data: Data,
    pub(in crate::relay) expires: Option<Timestamp>,
}

impl Contribution {
    fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|it| it <= now)
    }
}

/// The contributions at one place, at most one of each source, in the order in which they were made. A clone
/// shares them. Its stored form is their list.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Contribution>", into = "Vec<Contribution>")]
pub(in crate::relay) struct Contributions(Held);

#[derive(Clone, Debug, Default)]
enum Held {
    #[default]
    Nothing,
    One(Arc<Contribution>),
    Many(Arc<Many>),
}

/// More than one: by turn, those without an end apart from those with one.
#[derive(Clone, Debug, Default)]
struct Many {
    lasting: OrdMap<u64, Arc<Contribution>>,
    ending: OrdMap<u64, Arc<Contribution>>,
    /// When those with an end expire, in order.
    ends: OrdSet<(Timestamp, u64)>,
    turns: HashMap<Option<Source>, u64>,
    next: u64,
}

impl Many {
    fn put(&mut self, contribution: Arc<Contribution>) {
        count(TREE_STEPS);
        self.take(contribution.source.as_ref());
        let turn = self.next;
        self.next = turn.saturating_add(1);
        self.turns.insert(contribution.source.clone(), turn);
        match contribution.expires {
            None => drop(self.lasting.insert(turn, contribution)),
            Some(end) => {
                self.ends.insert((end, turn));
                self.ending.insert(turn, contribution);
            }
        }
    }

    fn take(&mut self, source: Option<&Source>) -> Option<Arc<Contribution>> {
        count(TREE_STEPS);
        let turn = self.turns.remove(&source.cloned())?;
        let found = self.lasting.remove(&turn).or_else(|| self.ending.remove(&turn))?;
        if let Some(end) = found.expires {
            self.ends.remove(&(end, turn));
        }
        Some(found)
    }

    fn latest(&self, now: Timestamp) -> Option<&Arc<Contribution>> {
        let lasting = self.lasting.get_max();
        // When the last end has come, so have all: only those that outlive a later one are looked through.
        let ending = self.ends.get_max().filter(|it| now < it.0).and_then(|_| {
            let mut newest = self.ending.iter().rev().inspect(|_| count(1));
            newest.find(|it| !it.1.is_expired(now))
        });
        match (lasting.map(|it| (&it.0, &it.1)), ending) {
            (Some(one), Some(two)) => Some(if one.0 < two.0 { two.1 } else { one.1 }),
            (one, two) => one.or(two).map(|it| it.1),
        }
    }
}

impl Contributions {
    /// How many there are, expired ones included.
    pub(in crate::relay) fn len(&self) -> usize {
        match &self.0 {
            Held::Nothing => 0,
            Held::One(_) => 1,
            Held::Many(many) => many.turns.len(),
        }
    }

    /// Whether there is none.
    pub(in crate::relay) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The latest that has not expired.
    pub(in crate::relay) fn latest(&self, now: Timestamp) -> Option<&Contribution> {
        match &self.0 {
            Held::Nothing => None,
            Held::One(one) => Some(&**one).filter(|it| !it.is_expired(now)),
            Held::Many(many) => many.latest(now).map(|it| &**it),
        }
    }

    /// What a source shows here.
    pub(in crate::relay) fn of(&self, source: &Source) -> Option<&Contribution> {
        match &self.0 {
            Held::Nothing => None,
            Held::One(one) => Some(&**one).filter(|it| it.source.as_ref() == Some(source)),
            Held::Many(many) => {
                let turn = many.turns.get(&Some(source.clone()))?;
                many.lasting.get(turn).or_else(|| many.ending.get(turn)).map(|it| &**it)
            }
        }
    }

    /// The sources.
    pub(in crate::relay) fn sources(&self) -> impl Iterator<Item = &Source> {
        let (one, many) = match &self.0 {
            Held::Nothing => (None, None),
            Held::One(one) => (one.source.as_ref(), None),
            Held::Many(many) => (None, Some(many.turns.keys().flatten())),
        };
        one.into_iter().chain(many.into_iter().flatten()).inspect(|_| count(1))
    }

    /// Puts a contribution above all others, in place of what its source showed before.
    pub(super) fn put(&mut self, contribution: Contribution) {
        let contribution = Arc::new(contribution);
        match &mut self.0 {
            Held::Nothing => self.0 = Held::One(contribution),
            Held::One(one) if one.source == contribution.source => *one = contribution,
            Held::One(one) => {
                let mut many = Many::default();
                many.put(one.clone());
                many.put(contribution);
                self.0 = Held::Many(Arc::new(many));
            }
            Held::Many(many) => Arc::make_mut(many).put(contribution),
        }
    }

    /// Takes out what a source shows; whether there was anything.
    pub(super) fn take(&mut self, source: &Source) -> bool {
        let taken = match &mut self.0 {
            Held::Nothing => return false,
            Held::One(one) if one.source.as_ref() == Some(source) => {
                self.0 = Held::Nothing;
                return true;
            }
            Held::One(_) => return false,
            Held::Many(many) => Arc::make_mut(many).take(Some(source)).is_some(),
        };
        self.shrink();
        taken
    }

    /// Takes out some of those that have expired, at most [`EXPIRED_PURGED_MAX`]; gives their sources.
    pub(super) fn purge(&mut self, now: Timestamp) -> Vec<Source> {
        let mut purged = Vec::new();
        match &mut self.0 {
            Held::Nothing => (),
            Held::One(one) if one.is_expired(now) => {
                purged.extend(one.source.clone());
                self.0 = Held::Nothing;
            }
            Held::One(_) => (),
            Held::Many(many) => {
                let due = many.ends.iter().take_while(|it| it.0 <= now).take(EXPIRED_PURGED_MAX);
                let due: Vec<_> = due.filter_map(|it| many.ending.get(&it.1)).cloned().collect();
                for expired in due {
                    Arc::make_mut(many).take(expired.source.as_ref());
                    purged.extend(expired.source.clone());
                }
            }
        }
        self.shrink();
        purged
    }

    /// One that is left is held as one.
    fn shrink(&mut self) {
        if let Held::Many(many) = &self.0
            && many.turns.len() < 2
        {
            let left = many.lasting.values().chain(many.ending.values()).next().cloned();
            self.0 = left.map_or(Held::Nothing, Held::One);
        }
    }
}

impl From<Contributions> for Vec<Contribution> {
    fn from(contributions: Contributions) -> Self {
        match contributions.0 {
            Held::Nothing => Self::new(),
            Held::One(one) => vec![one.as_ref().clone()],
            Held::Many(many) => {
                let mut all: Vec<_> = many.lasting.iter().chain(&many.ending).collect();
                all.sort_by_key(|it| it.0);
                all.into_iter().map(|it| it.1.as_ref().clone()).collect()
            }
        }
    }
}

impl From<Vec<Contribution>> for Contributions {
    fn from(list: Vec<Contribution>) -> Self {
        let mut contributions = Self::default();
        list.into_iter().for_each(|it| contributions.put(it));
        contributions
    }
}

impl PartialEq for Contributions {
    fn eq(&self, other: &Self) -> bool {
        Vec::from(self.clone()) == Vec::from(other.clone())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{object::ObjectKind, sid::ObjectSid};

    fn source(number: u8) -> Source {
        (ObjectSid { kind: ObjectKind::Document, bytes: [number; 16] }, None)
    }

    #[derive(Clone, Debug)]
    enum Step {
        Put(Option<u8>, Option<i64>),
        Take(u8),
        Wait(i64),
        Purge,
        Reload,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (prop::option::of(0..5_u8), prop::option::of(1..6_i64)).prop_map(|(who, end)| Step::Put(who, end)),
            3 => (0..5_u8).prop_map(Step::Take),
            2 => (1..4_i64).prop_map(Step::Wait),
            1 => Just(Step::Purge),
            1 => Just(Step::Reload),
        ];
        prop::collection::vec(step, 0..40)
    }

    proptest! {
        /// The model is a list: what was said last stands last.
        #[test]
        fn the_latest_that_has_not_expired_stands(steps in steps()) {
            let (mut all, mut model, mut now) = (Contributions::default(), Vec::<Contribution>::new(), 0);
            for (at, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Put(who, end) => {
                        let contribution = Contribution {
                            source: who.map(source),
                            data: Data::built(format!("{{\"at\":{at}}}")),
                            expires: end.map(|it| Timestamp::from_seconds(now + it)),
                        };
                        model.retain(|it| it.source != contribution.source);
                        model.push(contribution.clone());
                        all.put(contribution);
                    }
                    Step::Take(who) => {
                        let before = model.len();
                        model.retain(|it| it.source != Some(source(who)));
                        prop_assert_eq!(all.take(&source(who)), model.len() != before);
                    }
                    Step::Wait(seconds) => now += seconds,
                    Step::Purge => {
                        all.purge(Timestamp::from_seconds(now));
                        model.retain(|it| !it.is_expired(Timestamp::from_seconds(now)));
                    }
                    Step::Reload => {
                        let bytes = postcard::to_allocvec(&all).expect("written");
                        prop_assert_eq!(&bytes, &postcard::to_allocvec(&model).expect("written"), "the stored form is a list");
                        all = postcard::from_bytes(&bytes).expect("read");
                    }
                }
                let now = Timestamp::from_seconds(now);
                prop_assert_eq!(all.latest(now), model.iter().rfind(|it| !it.is_expired(now)));
                prop_assert_eq!(Vec::from(all.clone()), model.clone());
                prop_assert_eq!(all.sources().count(), model.iter().filter(|it| it.source.is_some()).count());
            }
        }
    }
}
