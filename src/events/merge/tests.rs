//! No cut anywhere in a stream of several objects loses an event, whatever is written meanwhile.

use proptest::prelude::*;

use super::*;

/// What stands at a key: the event that made it, and its newest.
type Items = BTreeMap<u8, (u64, u64)>;
/// What a client holds: for each object the keys with the newest event that it was told of.
type Held = Vec<BTreeMap<u8, u64>>;

/// A service of some maps, as the hub shows it: replays built from state, in pieces.
struct Hub {
    newest: u64,
    standing: Vec<Items>,
    /// Removals: event, key, the event of its making.
    graves: Vec<BTreeMap<u64, (u8, u64)>>,
    piece: usize,
}

/// What happened, as an event tells it.
#[derive(Clone, Copy, Debug)]
struct Told {
    object: usize,
    id: u64,
    key: u8,
    set: bool,
}

#[derive(Clone, Copy, Debug)]
struct Write {
    object: usize,
    key: u8,
    set: bool,
}

impl Hub {
    fn new(objects: usize, piece: usize) -> Self {
        let (standing, graves) = (vec![Items::new(); objects], vec![BTreeMap::new(); objects]);
        Self { newest: 0, standing, graves, piece }
    }

    fn write(&mut self, write: Write) -> Option<Told> {
        let object = write.object % self.standing.len();
        let (id, key) = (self.newest + 1, write.key);
        if write.set {
            let made = self.standing[object].get(&key).map_or(id, |it| it.0);
            self.standing[object].insert(key, (made, id));
        } else {
            let (made, _) = self.standing[object].remove(&key)?;
            self.graves[object].insert(id, (key, made));
        }
        self.newest = id;
        Some(Told { object, id, key, set: write.set })
    }

    /// The next piece of what was missed, and where it was cut short.
    fn replay(&self, object: usize, since: u64) -> (Vec<Told>, Option<u64>) {
        let set = self.standing[object].iter().map(|(key, it)| (it.1, *key, true));
        let gone = self.graves[object].iter().filter(|it| it.1.1 <= since).map(|(id, it)| (*id, it.0, false));
        let mut told: Vec<Told> = set
            .chain(gone)
            .filter(|it| since < it.0)
            .map(|(id, key, set)| Told { object, id, key, set })
            .collect();
        told.sort_by_key(|it| it.id);
        let cut = self.piece < told.len();
        told.truncate(self.piece);
        let last = told.last().map(|it| it.id);
        (told, last.filter(|_| cut))
    }
}

fn apply(held: &mut Held, told: Told) {
    if told.set {
        held[told.object].insert(told.key, told.id);
    } else {
        held[told.object].remove(&told.key);
    }
}

fn block(told: Told) -> Bytes {
    format!("{} {} {} {}", told.object, told.id, told.key, u8::from(told.set)).into()
}

fn read(block: &Bytes) -> Told {
    let text = std::str::from_utf8(block).expect("text");
    let words: Vec<u64> = text.split(' ').map(|it| it.parse().expect("a number")).collect();
    let [object, id, key, set] = words.as_slice() else { panic!("{text}") };
    Told { object: *object as usize, id: *id, key: *key as u8, set: *set == 1 }
}

/// One connection from `since` on: whoever is asked for its piece sees writes before and after. Ends after
/// `patience` blocks, or when it is live. Answers the client's last event id, and whether it is live.
fn connect(
    hub: &mut Hub,
    held: &mut Held,
    mut since: u64,
    patience: usize,
    writes: &mut impl Iterator<Item = Write>,
    (events_max, bytes_max): (usize, usize),
) -> (u64, bool) {
    let (objects, mut seen, mut last) = (hub.standing.len(), 0, since);
    loop {
        let mut merge = Merge::within(events_max, bytes_max);
        let mut live = vec![false; objects];
        for object in 0..objects {
            let (told, cut) = hub.replay(object, since);
            told.into_iter().for_each(|it| merge.take(EventId(it.id), || block(it)));
            match cut {
                Some(at) => merge.interrupt(EventId(at)),
                None => live[object] = true,
            }
            if let Some(told) = writes.next().and_then(|it| hub.write(it))
                && live[told.object]
            {
                merge.take(EventId(told.id), || block(told));
            }
        }
        let merged = merge.finish();
        assert!(merged.horizon.is_none_or(|it| since < it.0), "each round goes on: {since} {merged:?}");
        for told in merged.blocks.iter().map(read) {
            if seen == patience {
                return (last, false);
            }
            assert!(last < told.id, "ids ascend: {last} {told:?}");
            apply(held, told);
            (last, seen) = (told.id, seen + 1);
        }
        match merged.horizon {
            Some(horizon) => since = horizon.0,
            None => return (last, true),
        }
    }
}

fn write(objects: usize) -> impl Strategy<Value = Write> {
    (0..objects, 0..12_u8, prop::bool::weighted(0.7)).prop_map(|(object, key, set)| Write {
        object,
        key,
        set,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_anywhere_skips_nothing(
        before in prop::collection::vec(write(4), 0..80),
        during in prop::collection::vec(write(4), 0..80),
        patience in prop::collection::vec(0..12_usize, 0..20),
        objects in 1..5_usize,
        piece in 1..6_usize,
        bounds in (1..8_usize, 1..60_usize),
    ) {
        let mut hub = Hub::new(objects, piece);
        before.into_iter().for_each(|it| { hub.write(it); });
        let mut held: Held = vec![BTreeMap::new(); objects];
        let (mut last, mut writes) = (0, during.into_iter());
        for patience in patience {
            last = connect(&mut hub, &mut held, last, patience, &mut writes, bounds).0;
        }
        let (_, live) = connect(&mut hub, &mut held, last, usize::MAX, &mut writes, bounds);
        prop_assert!(live);
        let standing: Held =
            hub.standing.iter().map(|it| it.iter().map(|(key, it)| (*key, it.1)).collect()).collect();
        prop_assert_eq!(held, standing);
    }

    #[test]
    fn a_round_is_bounded_and_keeps_the_smallest(
        events in prop::collection::vec((1..200_u64, 0..40_usize), 1..60),
        cut in prop::option::of(1..200_u64),
        bounds in (1..8_usize, 1..100_usize),
    ) {
        let mut merge = Merge::within(bounds.0, bounds.1);
        for (id, size) in &events {
            merge.take(EventId(*id), || Bytes::from(vec![0; *size]));
            prop_assert!(merge.blocks.len() <= bounds.0);
            prop_assert!(merge.blocks.len() == 1 || merge.bytes <= bounds.1);
        }
        if let Some(at) = cut {
            merge.interrupt(EventId(at));
        }
        prop_assert_eq!(merge.bytes, merge.blocks.values().map(Bytes::len).sum::<usize>());
        let kept: Vec<u64> = merge.blocks.keys().map(|it| it.0).collect();
        let horizon = merge.horizon.map_or(u64::MAX, |it| it.0);
        let mut expected: Vec<u64> = events.iter().map(|it| it.0).filter(|it| *it <= horizon).collect();
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(kept, expected);
    }
}
