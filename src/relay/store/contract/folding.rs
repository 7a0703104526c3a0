//! Folds after any history: writing, changing, withdrawing, removing, expiry, repetition and a crash leave what a
//! batch computation over the private objects that stand gives.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::{
    applying::{done, rejected, stage},
    world::{SERVICE, World, data, identity, shell, sid},
};
use crate::{
    domain::{
        object::{EventId, ObjectKind::Document, Space},
        time::Timestamp,
    },
    policy::fold::{self, Field, Kind, Shape, Share},
    relay::{
        record::{Effect, Need, Publication, Record, Spot},
        refusal::Reason,
        store::{
            apply::{Rejection, apply},
            snapshot::Checkpoint,
            view::{Body, Folded, View},
        },
    },
};

fn shape() -> Shape {
    let field = |name: &str, kind| Field { name: name.into(), kind };
    Shape::new(vec![
        field("votes", Kind::CountBy { top: None }),
        field("voters", Kind::Count),
        field("sum", Kind::Sum),
        field("least", Kind::Min),
        field("most", Kind::Max),
        field("best", Kind::Top { count: 2 }),
    ])
    .expect("a shape")
}

fn share(value: u8) -> Share {
    let keep = json!({ "v": value });
    let part = |it: &Field| it.kind.part(&json!(value), Some(&keep)).ok();
    Share::new(shape().fields().iter().map(part).collect())
}

fn publication(value: u8) -> Publication {
    let shell = shell(Document, "tally", Space::Shared { policy: "cursors".into() });
    Publication {
        shell,
        spot: Spot::Fold { shape: shape(), share: share(value) },
        data: data("{}"),
        expires: None,
    }
}

/// A ballot: made if it does not stand; `None` withdraws it.
fn ballot(world: &World, view: &View, owner: &str, value: Option<u8>, ttl: Option<i64>) -> Record {
    let stands =
        view.tenant(SERVICE).expect("the service").object(sid(Document, owner), world.at()).is_some();
    let publications: Vec<Publication> = value.iter().map(|it| publication(*it)).collect();
    let text = value.map_or_else(|| "{}".to_owned(), |it| format!(r#"{{"choice":{it}}}"#));
    let expires = ttl.map(|it| Timestamp::from_seconds(world.now.get() + it));
    if stands {
        let mut effect = world.update(owner, &text);
        if let Effect::Update { publications: all, expires: when, .. } = &mut effect {
            (*all, *when) = (Some(publications), Some(expires));
        }
        return world.policy(owner, effect);
    }
    let shell = shell(Document, owner, Space::Private { owner: identity(owner), policy: "cursors".into() });
    let data = Some(data(&text));
    world.policy(owner, Effect::Create { service: SERVICE, shell, data, expires, publications })
}

fn folded(view: &View) -> Option<&Folded> {
    match &view.tenant(SERVICE)?.objects.get(&sid(Document, "tally"))?.body {
        Body::Fold(fold) => Some(fold),
        _ => None,
    }
}

#[derive(Clone, Debug)]
enum Move {
    Vote(u8, u8),
    VoteForAWhile(u8, u8, i64),
    Withdraw(u8),
    Remove(u8),
    Repeat,
    Wait(i64),
    Crash,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let step = prop_oneof![
        5 => (0..5_u8, 0..4_u8).prop_map(|(who, what)| Move::Vote(who, what)),
        2 => (0..5_u8, 0..4_u8, 1..9_i64).prop_map(|(who, what, ttl)| Move::VoteForAWhile(who, what, ttl)),
        2 => (0..5_u8).prop_map(Move::Withdraw),
        1 => (0..5_u8).prop_map(Move::Remove),
        1 => Just(Move::Repeat),
        2 => (1..6_i64).prop_map(Move::Wait),
        1 => Just(Move::Crash),
    ];
    prop::collection::vec(step, 0..20)
}

/// Histories in one run: 10^5 of them with `tests/run --long`.
fn histories() -> u32 {
    if std::env::var_os("AIRLOCK_LONG").is_some() { 100_000 } else { 1_000 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_fold_is_what_the_present_objects_give(moves in moves()) {
        let world = World::default();
        let mut view = stage(&world);
        // Who stands, with what and until when.
        let mut model: BTreeMap<String, (u8, Option<i64>)> = BTreeMap::new();
        let mut last: Option<Record> = None;
        for (at, step) in moves.into_iter().enumerate() {
            let owner = |it: u8| format!("voter-{it}");
            let mut batch = [0; 16];
            batch[..8].copy_from_slice(&(at as u64 + 1).to_be_bytes());
            let mut vote = |view: &mut View, who: u8, value: Option<u8>, ttl: Option<i64>| {
                let record = Record { batch: Some(batch), ..ballot(&world, view, &owner(who), value, ttl) };
                done(view, &record);
                last = Some(record);
            };
            match step {
                Move::Vote(who, value) => {
                    vote(&mut view, who, Some(value), None);
                    model.insert(owner(who), (value, None));
                }
                Move::VoteForAWhile(who, value, ttl) => {
                    vote(&mut view, who, Some(value), Some(ttl));
                    model.insert(owner(who), (value, Some(world.now.get() + ttl)));
                }
                Move::Withdraw(who) => {
                    vote(&mut view, who, None, None);
                    model.remove(&owner(who));
                }
                Move::Remove(who) => {
                    let effect = Effect::Remove { service: SERVICE, object: sid(Document, &owner(who)) };
                    let stood = apply(&mut view, &world.policy(&owner(who), effect)).is_ok();
                    prop_assert!(stood || !model.contains_key(&owner(who)));
                    model.remove(&owner(who));
                }
                // The same attempt again has its answer and no effect.
                Move::Repeat => {
                    if let Some(record) = &last {
                        let before = super::world::pictured(&view);
                        let _same_or_gone = apply(&mut view, record);
                        prop_assert_eq!(super::world::pictured(&view), before);
                    }
                }
                Move::Wait(seconds) => {
                    world.now.set(world.now.get() + seconds);
                    let due = view.tenant(SERVICE).expect("the service").due.iter();
                    let due: Vec<_> = due.take_while(|it| it.0 <= world.at()).map(|it| (it.1, it.2.clone())).collect();
                    done(&mut view, &world.record(crate::relay::record::By::System, Effect::Expire { service: SERVICE, due }));
                    model.retain(|_, it| it.1.is_none_or(|until| world.now.get() < until));
                }
                Move::Crash => {
                    view = Checkpoint::of(&view).expect("written").into_view().expect("read");
                }
            }
            let Some(fold) = folded(&view) else {
                prop_assert!(model.is_empty());
                continue;
            };
            let shares: BTreeMap<_, _> = fold.tally.shares().map(|it| (it.0.clone(), it.1.clone())).collect();
            let stand = model.iter().map(|(name, it)| ((sid(Document, name), None), share(it.0)));
            prop_assert_eq!(shares, stand.collect::<BTreeMap<_, _>>());
            prop_assert_eq!(fold.data.as_str(), fold::batch(&shape(), fold.tally.shares()));
        }
    }
}

#[test]
fn a_fold_is_written_by_nobody() {
    let world = World::default();
    let mut view = stage(&world);
    let record = ballot(&world, &view, "alice", Some(1), None);
    done(&mut view, &record);
    let forged = rejected(&mut view, &world.backend(world.update("tally", "{}")));
    assert_eq!(forged, Rejection::Refused(Reason::Fold));
}

#[test]
fn what_was_read_must_still_stand() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.backend(world.create(Document, "board", "{}")));
    let event =
        view.tenant(SERVICE).expect("the service").objects[&sid(Document, "board")].head.last_event_id;
    let need = |name: &str, event: Option<EventId>| {
        vec![Need { kind: Document, name: super::world::named(name), item: None, event }]
    };
    let write = |view: &View, needs| Record { needs, ..ballot(&world, view, "alice", Some(1), None) };
    for stale in [need("board", None), need("board", Some(EventId(event.0 + 1))), need("other", Some(event))]
    {
        let record = write(&view, stale);
        assert_eq!(rejected(&mut view, &record), Rejection::Stale);
    }
    let record = write(&view, [need("board", Some(event)), need("other", None)].concat());
    done(&mut view, &record);
    // Another event of what was read, and the same attempt is out of date.
    done(&mut view, &world.backend(world.update("board", r#"{"x":1}"#)));
    let record = write(&view, need("board", Some(event)));
    assert_eq!(rejected(&mut view, &record), Rejection::Stale);
}
