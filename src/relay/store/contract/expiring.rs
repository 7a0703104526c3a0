//! What `apply` promises of expiry: while it is suspended nothing is gone, and what has expired counts in no quota.

use super::{
    applying::{done, rejected, stage, told},
    world::{SERVICE, World, identity, pictured, shell, sid},
};
use crate::{
    domain::{
        object::{ObjectKind::Document, ObjectKind::Map, Space},
        permission::Right,
        time::Timestamp,
    },
    relay::{
        record::{By, Effect, Publication, Record, Spot},
        refusal::{Missing, Reason},
        store::{apply::Rejection, snapshot::Checkpoint, view::View},
    },
};

/// Seconds that everything here lives.
const LIFE: i64 = 5;

fn ends(world: &World) -> Option<Timestamp> {
    Some(Timestamp::from_seconds(world.now.get() + LIFE))
}

fn pass(world: &World, seconds: i64) {
    world.now.set(world.now.get() + seconds);
}

/// A client with a small quota.
fn alice(world: &World, effect: Effect) -> Record {
    let (identity, right) = (identity("alice"), Right::Write);
    Record { by: By::Client { identity, right, objects_max: 2, bytes_max: 40 }, ..world.client(effect) }
}

fn brief_document(world: &World, name: &str) -> Record {
    let mut effect = world.create(Document, name, "{}");
    if let Effect::Create { expires, .. } = &mut effect {
        *expires = ends(world);
    }
    alice(world, effect)
}

fn limit(world: &World, until: Option<Timestamp>) -> Record {
    world.record(By::System, Effect::LimitExpiry { until })
}

fn sweep(world: &World, view: &mut View) -> Vec<&'static str> {
    let due = view.tenant(SERVICE).expect("the service").due.iter();
    let due = due.map(|(_, object, item)| (*object, item.clone())).collect();
    told(&done(view, &world.record(By::System, Effect::Expire { service: SERVICE, due })))
}

fn restored(view: &View) -> View {
    Checkpoint::of(view).expect("written").into_view().expect("read")
}

#[test]
fn nothing_is_gone_while_expiry_is_suspended() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &brief_document(&world, "before"));
    done(&mut view, &limit(&world, Some(world.at())));
    pass(&world, 1);
    done(&mut view, &brief_document(&world, "meanwhile"));
    pass(&world, 400 * 24 * 3600);
    for mut view in [restored(&view), view.clone()] {
        for name in ["before", "meanwhile"] {
            assert!(view.tenant(SERVICE).is_some_and(|it| {
                it.object(sid(Document, name), view.expiry_time(world.at())).is_some()
            }));
            assert_eq!(
                told(&done(&mut view, &alice(&world, world.update(name, "{}")))),
                ["document"],
                "{name}"
            );
        }
        assert!(sweep(&world, &mut view).is_empty());
        done(&mut view, &limit(&world, None));
        let gone = Rejection::Refused(Reason::NotFound(Missing::Sid(Document)));
        assert_eq!(rejected(&mut view, &alice(&world, world.update("before", "{}"))), gone);
        assert_eq!(sweep(&world, &mut view), ["object gone", "object gone"]);
        assert_eq!(restored(&view).expiry_limit, None);
    }
}

#[test]
fn an_expired_object_counts_in_no_quota() {
    let world = World::default();
    let mut view = stage(&world);
    let create = |name| alice(&world, world.create(Document, name, "{}"));
    let full = Rejection::Refused(Reason::Quota { what: "objects" });
    done(&mut view, &brief_document(&world, "first"));
    pass(&world, 1);
    done(&mut view, &brief_document(&world, "second"));
    assert_eq!(rejected(&mut view, &create("third")), full);
    pass(&world, LIFE);
    let mut suspended = view.clone();
    done(&mut suspended, &limit(&world, Some(Timestamp::from_seconds(world.now.get() - LIFE))));
    assert_eq!(rejected(&mut suspended, &create("third")), full, "what is not gone counts");
    let mut view = restored(&view);
    assert_eq!(told(&done(&mut view, &create("third"))), ["object gone"], "no more than is needed");
    assert!(view.tenant(SERVICE).is_some_and(|it| it.objects.contains_key(&sid(Document, "second"))));
    assert_eq!(told(&done(&mut view, &create("second"))), ["object gone"], "the place that it takes itself");
    assert_eq!(rejected(&mut view, &create("fourth")), full);
    assert_eq!(pictured(&restored(&view)), pictured(&view));
}

#[test]
fn expired_items_count_in_no_quota() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &alice(&world, world.create(Map, "bag", "{}")));
    let set = |key| {
        let mut effect = world.set("bag", key, r#"{"n":"aaaaaaaaaa"}"#);
        if let Effect::SetItem { expires, .. } = &mut effect {
            *expires = Some(ends(&world));
        }
        alice(&world, effect)
    };
    done(&mut view, &set("one"));
    done(&mut view, &set("two"));
    let full = Rejection::Refused(Reason::Quota { what: "bytes" });
    assert_eq!(rejected(&mut view, &set("three")), full);
    pass(&world, LIFE);
    let mut view = restored(&view);
    assert_eq!(told(&done(&mut view, &set("three"))), ["item gone", "item made"]);
    assert_eq!(told(&done(&mut view, &set("four"))), ["item gone", "item made"]);
    assert_eq!(rejected(&mut view, &set("five")), full);
    assert_eq!(pictured(&restored(&view)), pictured(&view));
}

/// The private document of somebody, shown in a map that has room for one item.
fn shows(world: &World, owner: &str, key: &str, ttl: Option<i64>) -> Record {
    let mut publication = world.shown(key, r#"{"n":1}"#, ttl);
    publication.spot = match publication.spot {
        Spot::Key { key, .. } => Spot::Key { key, items_max: 1 },
        other => other,
    };
    let publications: Vec<Publication> = vec![publication];
    let shell = shell(Document, owner, Space::Private { owner: identity(owner), policy: "cursors".into() });
    let data = Some(crate::domain::data::Data::empty());
    world.policy(owner, Effect::Create { service: SERVICE, shell, data, expires: None, publications })
}

#[test]
fn expired_items_of_a_shared_map_make_room() {
    let world = World::default();
    let mut view = stage(&world);
    let full = Rejection::Refused(Reason::Quota { what: "items" });
    done(&mut view, &shows(&world, "alice", "a", Some(LIFE)));
    assert_eq!(rejected(&mut view, &shows(&world, "bob", "b", None)), full);
    pass(&world, LIFE);
    assert_eq!(told(&done(&mut view, &shows(&world, "bob", "b", None))), ["item gone", "item made"]);
    assert_eq!(rejected(&mut view, &shows(&world, "carol", "c", None)), full);
}

#[test]
fn an_expired_item_with_another_beneath_it_makes_no_room() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &shows(&world, "carol", "a", None));
    done(&mut view, &shows(&world, "alice", "a", Some(LIFE)));
    pass(&world, LIFE);
    let full = Rejection::Refused(Reason::Quota { what: "items" });
    assert_eq!(rejected(&mut view, &shows(&world, "bob", "b", None)), full);
}
