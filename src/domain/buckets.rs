//! Token buckets, and a bounded number of them under keys.
//!
//! `governor` counts; what it counts with is kept here, so that the memory has a bound and nobody waits for a
//! sweep. The time is an argument: nanoseconds of a clock that does not go back. A bucket that is full again says
//! no more than one that was never used, and is forgotten when room is needed.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{NotKeyed, StateStore},
};

use crate::domain::limits::RATE_SWEEP_SLICE;

/// The latest time, in nanoseconds: no sum that a bucket makes of it overflows (the year 2116).
const LATEST: u64 = u64::MAX / 4;

/// One bucket of tokens. The quota is an argument, always the same one.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// When it is full again, in nanoseconds.
    full_at: u64,
}

impl Bucket {
    /// Takes tokens, or says after which time there will be enough of them. More than the burst are never there.
    ///
    /// # Errors
    /// The time to wait; nothing was taken.
    pub fn take(&mut self, tokens: NonZeroU32, quota: Quota, now: u64) -> Result<(), Duration> {
        let slot = Slot(Cell::new(self.full_at));
        let limiter =
            RateLimiter::<_, _, _, NoOpMiddleware<Nanos>>::new(quota, slot, Hand(Cell::new(Nanos::new(0))));
        // Set only now: a limiter counts from the time at which it was made.
        limiter.clock().0.set(Nanos::new(now.min(LATEST)));
        let taken = match limiter.check_n(tokens) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_yet)) => Err(not_yet.wait_time_from(limiter.clock().now())),
            Err(_more_than_the_burst) => Err(Duration::MAX),
        };
        self.full_at = limiter.into_state_store().0.get();
        taken
    }
}

/// Where the limiter finds and leaves the state of the bucket.
struct Slot(Cell<u64>);

impl StateStore for Slot {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (outcome, full_at) = measure(Some(Nanos::new(self.0.get())))?;
        self.0.set(full_at.as_u64());
        Ok(outcome)
    }
}

/// A clock that stands where it was put.
struct Hand(Cell<Nanos>);

impl Clock for Hand {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.get()
    }
}

/// Buckets under keys, a bounded number of them in all and of one owner.
#[derive(Clone, Debug)]
pub struct Buckets {
    max: usize,
    owned_max: usize,
    held: BTreeMap<u64, Held>,
    /// Every key once. INVARIANT: the time is not after the one at which its bucket is full.
    due: BTreeSet<(u64, u64)>,
    /// The keys that have an owner, behind it; the times are the same.
    owned: BTreeSet<(u64, u64, u64)>,
}

#[derive(Clone, Debug)]
struct Held {
    bucket: Bucket,
    due: u64,
    owner: Option<u64>,
}

/// Whether a slice of the sweep was the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swept {
    /// Nothing that is full is left.
    All,
    /// The slice was used up.
    Some,
}

impl Buckets {
    /// At most so many in all, and with one owner.
    pub fn new(max: usize, owned_max: usize) -> Self {
        let (due, owned) = (BTreeSet::new(), BTreeSet::new());
        Self { max, owned_max, held: BTreeMap::new(), due, owned }
    }

    /// Takes tokens under this key. A new key counts for its owner, if it has one; when there is no room for
    /// it, it is refused as if its bucket were empty.
    ///
    /// # Errors
    /// The time to wait: of the bucket, or until the next one is full and may be forgotten. It may be too short,
    /// never too long.
    pub fn take(
        &mut self,
        key: u64,
        owner: Option<u64>,
        tokens: NonZeroU32,
        quota: Quota,
        now: u64,
    ) -> Result<(), Duration> {
        let now = now.min(LATEST);
        let Some(held) = self.held.get_mut(&key) else {
            if owner.is_some_and(|it| self.owned_max <= self.owned_by(it)) {
                self.make_room(owner, now)?;
            }
            if self.max <= self.held.len() {
                self.make_room(None, now)?;
            }
            let mut bucket = Bucket::default();
            let taken = bucket.take(tokens, quota, now);
            let due = bucket.full_at;
            self.held.insert(key, Held { bucket, due, owner });
            self.list(key, due, owner);
            return taken;
        };
        held.bucket.take(tokens, quota, now)
    }

    /// How long these tokens would have to be waited for under this key: the longest time, if they never come. Nothing
    /// is taken.
    pub fn wait(&self, key: u64, tokens: NonZeroU32, quota: Quota, now: u64) -> Duration {
        let mut bucket = self.held.get(&key).map_or_else(Bucket::default, |it| it.bucket.clone());
        bucket.take(tokens, quota, now).err().unwrap_or_default()
    }

    /// Forgets full buckets, one slice of them.
    pub fn sweep(&mut self, now: u64) -> Swept {
        for _ in 0..RATE_SWEEP_SLICE {
            match self.due.first() {
                Some(&(due, key)) if due <= now => self.look(key, now),
                _ => return Swept::All,
            };
        }
        Swept::Some
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Forgets one full bucket, of this owner or of anybody, or says when the next one is full.
    fn make_room(&mut self, owner: Option<u64>, now: u64) -> Result<(), Duration> {
        let first = |it: &Self| match owner {
            Some(owner) => it.owned.range((owner, 0, 0)..).next().map(|it| (it.1, it.2)),
            None => it.due.first().copied(),
        };
        for _ in 0..RATE_SWEEP_SLICE {
            let Some((_, key)) = first(self) else { break };
            match self.look(key, now) {
                Look::Forgotten => return Ok(()),
                Look::Moved => {}
                Look::Stays => break,
            }
        }
        let next = first(self).map_or(now, |it| it.0);
        Err(Duration::from_nanos(next.saturating_sub(now).max(1)))
    }

    /// Forgets the bucket if it is full, else notes when it will be.
    fn look(&mut self, key: u64, now: u64) -> Look {
        let Some(held) = self.held.get_mut(&key) else { return Look::Stays };
        let (due, full_at, owner) = (held.due, held.bucket.full_at, held.owner);
        if now < full_at && due == full_at {
            return Look::Stays;
        }
        held.due = full_at;
        self.due.remove(&(due, key));
        if let Some(owner) = owner {
            self.owned.remove(&(owner, due, key));
        }
        if full_at <= now {
            self.held.remove(&key);
            return Look::Forgotten;
        }
        self.list(key, full_at, owner);
        Look::Moved
    }

    fn list(&mut self, key: u64, due: u64, owner: Option<u64>) {
        self.due.insert((due, key));
        if let Some(owner) = owner {
            self.owned.insert((owner, due, key));
        }
    }

    /// How many keys this owner has, counted up to the bound.
    fn owned_by(&self, owner: u64) -> usize {
        self.owned.range((owner, 0, 0)..=(owner, u64::MAX, u64::MAX)).take(self.owned_max).count()
    }
}

/// What a look at a bucket did.
enum Look {
    Forgotten,
    Moved,
    Stays,
}

#[cfg(test)]
mod tests;
