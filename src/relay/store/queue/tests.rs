//! The order of each lane against a model, and the turns between lanes.

use proptest::prelude::*;

use super::*;

fn lane(name: &str) -> LaneKey {
    (None, Lane::Identity(Identity::try_from(name).expect("an identity")))
}

#[test]
fn a_flood_in_one_lane_does_not_delay_the_others() {
    let mut queue = Queue::new();
    for at in 0..WRITES_PER_IDENTITY_MAX {
        assert!(queue.push(lane("flood"), ("flood", at)).is_ok());
    }
    assert!(queue.push(lane("flood"), ("flood", 9999)).is_err(), "the lane is bounded");
    assert!(queue.push(lane("calm"), ("calm", 0)).is_ok());
    let other = (Some(ServiceSid::new([1; 16])), lane("far").1);
    assert!(queue.push(other, ("far", 0)).is_ok());
    let first: Vec<_> = std::iter::from_fn(|| queue.pop()).take(4).map(|it| it.1).collect();
    assert!(first.contains(&("calm", 0)) && first.contains(&("far", 0)));
    let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|it| it.1.1).collect();
    assert!(rest.windows(2).all(|it| it[0] < it[1]), "a lane keeps its order");
    assert!(queue.is_idle() && queue.is_drained());
}

#[test]
fn a_held_lane_gives_nothing_and_others_go_on() {
    let mut queue = Queue::new();
    queue.push(lane("held"), 1).expect("there is room");
    queue.push(lane("held"), 2).expect("there is room");
    assert_eq!(queue.pop().map(|it| it.1), Some(1));
    queue.hold(&lane("held"));
    queue.push(lane("free"), 9).expect("there is room");
    assert_eq!(queue.pop().map(|it| it.1), Some(9));
    assert_eq!(queue.pop(), None);
    assert!(queue.is_idle() && !queue.is_drained());
    queue.release(lane("held"), Some(1));
    let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|it| it.1).collect();
    assert_eq!(rest, [1, 2], "the entry that comes back keeps its place");
    assert!(queue.is_drained());
}

#[test]
fn held_lanes_count_among_what_waits() {
    let mut queue = Queue::new();
    for number in 0..WRITES_WAITING_MAX {
        let key = lane(&format!("n{number}"));
        queue.push(key.clone(), ()).expect("there is room");
        queue.pop().expect("it waits");
        queue.hold(&key);
    }
    assert!(queue.push(lane("one more"), ()).is_err());
    assert!(queue.push((None, Lane::System), ()).is_ok(), "the relay's own batches always have room");
}

/// What happens to the queue.
#[derive(Clone, Debug)]
enum Step {
    Push(u8, u8),
    /// Takes a group; the attempts at these places are decided again.
    Group {
        size: usize,
        stale: Vec<usize>,
    },
    /// The oldest held lane comes back, with its attempt or without.
    Return {
        answered: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_u8, 0..4_u8).prop_map(|(service, lane)| Step::Push(service, lane)),
        2 => (1..12_usize, prop::collection::vec(0..12_usize, 0..3))
            .prop_map(|(size, stale)| Step::Group { size, stale }),
        2 => any::<bool>().prop_map(|answered| Step::Return { answered }),
    ]
}

proptest! {
    /// Whatever is decided again, each lane ends its entries in the order in which they were sent, and each once.
    #[test]
    fn every_lane_keeps_its_order(steps in prop::collection::vec(step(), 1..200)) {
        let key = |service: u8, it: u8| {
            let service = (service != 0).then(|| ServiceSid::new([service; 16]));
            (service, lane(&format!("lane {it}")).1)
        };
        let mut queue = Queue::new();
        let mut sent: HashMap<LaneKey, Vec<usize>> = HashMap::new();
        let mut ended: HashMap<LaneKey, Vec<usize>> = HashMap::new();
        let mut held: VecDeque<(LaneKey, usize)> = VecDeque::new();
        let mut number = 0;
        let group = |queue: &mut Queue<usize>, size: usize, stale: &[usize], ended: &mut HashMap<LaneKey, Vec<usize>>, held: &mut VecDeque<(LaneKey, usize)>| {
            let taken: Vec<_> = std::iter::from_fn(|| queue.pop()).take(size).collect();
            let (mut holds, mut behind) = (Vec::new(), Vec::new());
            for (at, (key, entry)) in taken.into_iter().enumerate() {
                if holds.contains(&key) {
                    behind.push((key, entry));
                } else if stale.contains(&at) {
                    holds.push(key.clone());
                    held.push_back((key, entry));
                } else {
                    ended.entry(key).or_default().push(entry);
                }
            }
            holds.iter().for_each(|it| queue.hold(it));
            behind.into_iter().rev().for_each(|(key, entry)| queue.put_back(key, entry));
        };
        for step in steps {
            match step {
                Step::Push(service, lane) => {
                    number += 1;
                    let key = key(service, lane);
                    if queue.push(key.clone(), number).is_ok() {
                        sent.entry(key).or_default().push(number);
                    }
                }
                Step::Group { size, stale } => group(&mut queue, size, &stale, &mut ended, &mut held),
                Step::Return { answered } => if let Some((key, entry)) = held.pop_front() {
                    if answered {
                        ended.entry(key.clone()).or_default().push(entry);
                        queue.release(key, None);
                    } else {
                        queue.release(key, Some(entry));
                    }
                },
            }
        }
        while let Some((key, entry)) = held.pop_front() {
            queue.release(key, Some(entry));
        }
        // Each group takes something, or nothing is left.
        for _ in 0..=number {
            group(&mut queue, 7, &[], &mut ended, &mut held);
        }
        prop_assert!(queue.is_drained());
        prop_assert!(queue.is_idle());
        prop_assert!(queue.services.is_empty(), "nothing is kept of a lane without entries");
        prop_assert_eq!(sent, ended);
    }
}
