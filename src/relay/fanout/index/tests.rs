//! The index beside a plain list of pairs, and what one entry costs beside many.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::Value;

use super::*;
use crate::{
    domain::{event::Event, object::ObjectKind, sid::Sid},
    relay::{Error, Queued},
};

/// A watcher that counts how often it is looked at.
struct Counted {
    id: u64,
    looks: Arc<AtomicUsize>,
}

impl Watcher for Counted {
    fn id(&self) -> u64 {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.id
    }
    fn queue(&self, _: &Arc<Event>) -> Queued {
        Queued::Again
    }
    fn revoke(&self, _: ObjectSid, _: &Error) -> Queued {
        Queued::Again
    }
    fn flush(&self) {}
}

fn key(number: u8) -> ObjectKey {
    (Sid::new([1; 16]), ObjectSid { kind: ObjectKind::Map, bytes: [number; 16] })
}

fn caller(name: &str) -> Caller {
    let identity = Identity::try_from(name).unwrap();
    Caller::rehearsed(Some(identity), key(0).0, Value::Null)
}

fn listener(id: u64, looks: &Arc<AtomicUsize>) -> Listener {
    let watcher = Arc::new(Counted { id, looks: Arc::clone(looks) });
    // Two connections of each identity.
    Listener { watcher, caller: caller(&format!("c{}", id / 2)), judged: true }
}

impl SubscriptionIndex {
    /// All subscriptions, after a look at what the three maps say of each other.
    fn checked(&self) -> BTreeSet<(u64, ObjectKey)> {
        let mut all = BTreeSet::new();
        let mut counts: HashMap<(ServiceSid, Identity), usize> = HashMap::new();
        for (key, listeners) in &self.by_object {
            assert!(!listeners.is_empty(), "an object without listeners is forgotten");
            for (position, it) in listeners.iter().enumerate() {
                let watcher = it.watcher.id();
                assert_eq!(self.by_watcher[&watcher][key], position);
                assert!(all.insert((watcher, *key)), "once each");
                *counts.entry((key.0, it.caller.identity().unwrap().clone())).or_default() += 1;
            }
        }
        assert_eq!(self.by_watcher.values().map(HashMap::len).sum::<usize>(), all.len());
        assert!(self.by_watcher.values().all(|it| !it.is_empty()));
        assert_eq!(self.by_identity, counts);
        all
    }
}

proptest::proptest! {
    #[test]
    fn the_index_is_a_set_of_pairs(steps in proptest::collection::vec((0_u8..8, 0_u64..12, 0_u8..4), 0..200)) {
        let (mut index, mut model) = (SubscriptionIndex::default(), BTreeSet::new());
        let looks = Arc::default();
        for (what, watcher, object) in steps {
            match what {
                0..=4 => {
                    index.insert(key(object), listener(watcher, &looks)).unwrap();
                    model.insert((watcher, key(object)));
                }
                5 => {
                    let removed = index.remove(watcher, key(object)).map(|it| it.watcher.id());
                    proptest::prop_assert_eq!(removed.is_some(), model.remove(&(watcher, key(object))));
                    proptest::prop_assert!(removed.is_none_or(|it| it == watcher));
                }
                6 => {
                    index.retain(key(object), |it| !it.watcher.id().is_multiple_of(watcher + 1));
                    model.retain(|it| it.1 != key(object) || !it.0.is_multiple_of(watcher + 1));
                }
                _ => {
                    for key in index.some_keys_of(watcher, usize::MAX) {
                        index.remove(watcher, key);
                    }
                    model.retain(|it| it.0 != watcher);
                }
            }
            proptest::prop_assert_eq!(&index.checked(), &model);
        }
    }
}

#[test]
fn one_entry_costs_the_same_beside_many() {
    let costs = [10, 10_000].map(|listeners| {
        let (mut index, looks) = (SubscriptionIndex::default(), Arc::default());
        for id in 0..listeners {
            index.insert(key(1), listener(id, &looks)).unwrap();
        }
        let mut cost = |act: &mut dyn FnMut(&mut SubscriptionIndex)| {
            let before = looks.load(Ordering::Relaxed);
            act(&mut index);
            looks.load(Ordering::Relaxed) - before
        };
        [
            cost(&mut |it| assert!(it.insert(key(1), listener(listeners, &looks)).is_ok())),
            cost(&mut |it| assert!(it.insert(key(1), listener(listeners - 1, &looks)).is_ok())),
            cost(&mut |it| assert!(it.get_mut(listeners - 1, key(1)).is_some())),
            cost(&mut |it| assert!(it.remove(listeners - 2, key(1)).is_some())),
            cost(&mut |it| assert_eq!(it.some_keys_of(listeners - 1, 100).len(), 1)),
        ]
    });
    assert_eq!(costs[0], costs[1], "looks at listeners: add, replace, find, remove, list");
}

#[test]
fn an_identity_has_so_many_subscriptions_over_all_connections() {
    let (mut index, looks) = (SubscriptionIndex::default(), Arc::default());
    let of = |name: &str, id| {
        let watcher = Arc::new(Counted { id, looks: Arc::clone(&looks) });
        Listener { watcher, caller: caller(name), judged: true }
    };
    for id in 0..SUBSCRIPTIONS_PER_IDENTITY_MAX as u64 {
        index.insert(key(1), of("ada", id)).unwrap();
    }
    assert_eq!(index.insert(key(2), of("ada", 0)), Err(Reason::TooManySubscriptions));
    assert_eq!(index.insert(key(1), of("ada", 0)), Ok(()), "what it has may be replaced");
    assert_eq!(index.insert(key(2), of("bob", u64::MAX)), Ok(()), "nobody else is concerned");
    let other = (Sid::new([2; 16]), key(2).1);
    assert_eq!(index.insert(other, of("ada", 0)), Ok(()), "nor is another service");
    assert!(index.remove(7, key(1)).is_some());
    assert_eq!(index.insert(key(2), of("ada", 0)), Ok(()));
}
