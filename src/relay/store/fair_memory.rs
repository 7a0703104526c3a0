//! A bounded memory of attempts that its owners share fairly: who notes the most forgets its own first.
//!
//! The owner of an attempt is the beginning of its id (`relay/repetition.rs`). When there is no room, the oldest attempt
//! of an owner with the most attempts is forgotten, up to a factor of two. What is forgotten depends only on what was
//! noted and in which order, so every process that applies the same log remembers the same.

use std::sync::Arc;

use imbl::{HashMap, OrdSet, Vector};

use super::attempts::BatchId;

/// Values under the ids of attempts. A clone shares what it does not change.
#[derive(Clone)]
pub(super) struct FairMemory<V: Clone> {
    /// The number of each attempt among those of its owner. A map node is copied where it changes, and an id is at a
    /// random place: so the map has numbers only.
    numbers: HashMap<BatchId, u64>,
    owners: HashMap<Owner, Arc<Owned<V>>>,
    /// Each owner under the magnitude of its count: an owner moves when its count doubles or halves.
    magnitudes: OrdSet<(u32, Owner)>,
}

/// Who made an attempt: the first bytes of its id.
type Owner = [u8; 4];

/// The attempts of one owner.
#[derive(Clone)]
struct Owned<V: Clone> {
    /// The oldest first.
    attempts: Vector<(BatchId, V)>,
    /// The number of the oldest.
    first: u64,
}

impl<V: Clone> Default for FairMemory<V> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), owners: HashMap::new(), magnitudes: OrdSet::new() }
    }
}

impl<V: Clone> FairMemory<V> {
    /// How many attempts are remembered.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// What was noted of an attempt, if it is remembered.
    pub(super) fn get(&self, id: &BatchId) -> Option<&V> {
        let number = self.numbers.get(id)?;
        let owned = self.owners.get(&owner(id))?;
        let place = usize::try_from(number.checked_sub(owned.first)?).ok()?;
        owned.attempts.get(place).map(|it| &it.1)
    }

    /// Notes an attempt; an attempt that is remembered gets the new value. Beyond `max` one other is forgotten.
    pub(super) fn note(&mut self, id: BatchId, value: V, max: usize) {
        let owner = owner(&id);
        let empty = || Arc::new(Owned { attempts: Vector::new(), first: 0 });
        let owned = Arc::make_mut(self.owners.entry(owner).or_insert_with(empty));
        if let Some(number) = self.numbers.get(&id) {
            let place = usize::try_from(number.saturating_sub(owned.first)).unwrap_or(usize::MAX);
            if let Some(noted) = owned.attempts.get_mut(place) {
                noted.1 = value;
            }
            return;
        }
        let before = owned.attempts.len();
        self.numbers.insert(id, owned.first + before as u64);
        owned.attempts.push_back((id, value));
        self.count_changed(owner, before, before + 1);
        if max < self.numbers.len() {
            self.forget_one();
        }
    }

    /// Forgets the oldest attempt of an owner with the most attempts.
    pub(super) fn forget_one(&mut self) {
        let Some((_, owner)) = self.magnitudes.get_max().copied() else { return };
        let Some(owned) = self.owners.get_mut(&owner) else { return };
        let owned = Arc::make_mut(owned);
        let before = owned.attempts.len();
        if let Some((id, _)) = owned.attempts.pop_front() {
            owned.first += 1;
            self.numbers.remove(&id);
        }
        if before <= 1 {
            self.owners.remove(&owner);
        }
        self.count_changed(owner, before, before.saturating_sub(1));
    }

    /// All attempts: owner by owner, and of each the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (BatchId, &V)> {
        let mut owners: Vec<_> = self.owners.iter().collect();
        owners.sort_unstable_by_key(|it| it.0);
        owners.into_iter().flat_map(|it| it.1.attempts.iter().map(|it| (it.0, &it.1)))
    }

    fn count_changed(&mut self, owner: Owner, before: usize, after: usize) {
        let (before, after) = (magnitude(before), magnitude(after));
        if before != after {
            self.magnitudes.remove(&(before, owner));
            if after != 0 {
                self.magnitudes.insert((after, owner));
            }
        }
    }
}

/// How many binary digits a count has.
fn magnitude(count: usize) -> u32 {
    usize::BITS - count.leading_zeros()
}

fn owner(id: &BatchId) -> Owner {
    let [a, b, c, d, ..] = *id;
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap as Map;

    use proptest::prelude::*;

    use super::*;

    fn id(owner: u8, number: u32) -> BatchId {
        let mut id = [0; 16];
        id[0] = owner;
        id[12..].copy_from_slice(&number.to_be_bytes());
        id
    }

    #[test]
    fn who_notes_much_forgets_only_its_own() {
        let mut memory = FairMemory::default();
        memory.note(id(1, 0), "quiet", 1_000);
        for number in 0..50_000 {
            memory.note(id(2, number), "flood", 1_000);
        }
        assert_eq!(memory.get(&id(1, 0)), Some(&"quiet"));
        assert_eq!((memory.get(&id(2, 0)), memory.len()), (None, 1_000));
        assert_eq!(memory.get(&id(2, 49_999)), Some(&"flood"));
    }

    proptest! {
        /// What is forgotten is the oldest of one of the largest; the rest is found again, also after a reload.
        #[test]
        fn the_largest_owner_forgets_its_oldest(owners in prop::collection::vec(0..6_u8, 1..300), max in 1..40_usize) {
            let mut memory = FairMemory::default();
            let mut kept: Map<u8, Vec<u32>> = Map::new();
            for (number, owner) in (0..).zip(&owners) {
                memory.note(id(*owner, number), number, max);
                memory.note(id(*owner, number), number, max);
                kept.entry(*owner).or_default().push(number);
                if max < kept.values().map(Vec::len).sum::<usize>() {
                    let largest = kept.values().map(|it| magnitude(it.len())).max().unwrap_or_default();
                    let gone: Vec<u8> = kept
                        .iter()
                        .filter(|(owner, it)| it.first().is_some_and(|first| memory.get(&id(**owner, *first)).is_none()))
                        .map(|it| *it.0)
                        .collect();
                    prop_assert_eq!(gone.len(), 1);
                    let loser = kept.get_mut(&gone[0]).expect("an owner");
                    prop_assert_eq!(magnitude(loser.len()), largest);
                    loser.remove(0);
                }
                let all = kept.iter().flat_map(|(owner, it)| it.iter().map(|number| (*owner, *number)));
                for (owner, number) in all {
                    prop_assert_eq!(memory.get(&id(owner, number)), Some(&number));
                }
                prop_assert!(memory.len() <= max);
            }
            let mut again = FairMemory::default();
            memory.iter().for_each(|(id, it)| again.note(id, *it, max));
            for number in 1_000..1_040 {
                memory.note(id(9, number), number, max);
                again.note(id(9, number), number, max);
            }
            prop_assert!(memory.iter().eq(again.iter()), "a checkpoint changes nothing of what is forgotten next");
        }
    }
}
