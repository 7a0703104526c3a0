//! Shared objects with nothing in them are forgotten, and nobody sees a difference (decision 18).

use super::{
    applying::{done, stage, told},
    world::{SERVICE, World, data, identity, key_of, pictured, shell, sid},
};
use crate::{
    domain::{
        limits::{EMPTY_LOOKS_MAX, SHARED_EMPTY_SECONDS, SWEEP_MAX},
        object::{
            EventId,
            ObjectKind::{self, Document, List, Map, Stream},
            Space,
        },
        permission::Permission,
        sid::ObjectSid,
        time::Timestamp,
    },
    relay::{
        record::{Effect, Shell},
        store::{apply::apply, snapshot::Checkpoint, view::View},
        sweep::Search,
    },
};

fn shared(kind: ObjectKind, name: &str) -> Shell {
    shell(kind, name, Space::Shared { policy: "cursors".into() })
}

/// A shared object made by a backend, with nothing in it.
fn made(world: &World, view: &mut View, kind: ObjectKind, name: &str) -> ObjectSid {
    let shell = shared(kind, name);
    let (service, sid) = (SERVICE, shell.sid);
    let create = Effect::Create { service, shell, data: None, expires: None, publications: Vec::new() };
    done(view, &world.backend(create));
    sid
}

fn before(world: &World) -> Timestamp {
    Timestamp::from_seconds(world.now.get() - SHARED_EMPTY_SECONDS)
}

/// One whole search, as the sweep does it; gives what was forgotten.
fn swept(world: &World, view: &mut View) -> usize {
    let (mut search, mut forgotten) = (Search::default(), 0);
    let objects = view.tenant(SERVICE).expect("the service").objects.len();
    for _ in 0..=objects.div_ceil(EMPTY_LOOKS_MAX) {
        for (service, objects) in search.next(view, before(world)) {
            assert!(objects.len() <= SWEEP_MAX, "a batch is bounded");
            forgotten += objects.len();
            let forget = world.backend(Effect::Forget { service, objects, before: before(world) });
            assert!(done(view, &forget).is_empty(), "nobody is told");
        }
    }
    forgotten
}

fn stands(view: &View, sid: ObjectSid) -> bool {
    view.tenant(SERVICE).expect("the service").objects.contains_key(&sid)
}

#[test]
fn an_empty_shared_object_is_forgotten_a_day_after_its_last_event() {
    let world = World::default();
    let mut view = stage(&world);
    let empty = [Document, List, Map, Stream].map(|kind| made(&world, &mut view, kind, "nothing"));
    done(&mut view, &world.private("alice", "place", r#"{"n":1}"#, None));
    done(&mut view, &world.says("alice", vec![]));
    let room = sid(Map, "room");
    world.now.set(world.now.get() + SHARED_EMPTY_SECONDS - 1);
    assert_eq!(swept(&world, &mut view), 0, "a second too early");
    world.now.set(world.now.get() + 1);
    assert_eq!(swept(&world, &mut view), 5);
    assert!(empty.iter().chain([&room]).all(|it| !stands(&view, *it)));
    assert!(stands(&view, sid(Document, "alice")), "what is private stays");
    assert_eq!(swept(&world, &mut view), 0);
}

#[test]
fn what_is_not_empty_or_not_shared_stays() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.backend(world.create(Document, "plain", "{}")));
    done(&mut view, &world.backend(world.create(Map, "plain", "{}")));
    done(&mut view, &world.private("alice", "place", r#"{"n":1}"#, None));
    let granted = made(&world, &mut view, Map, "granted");
    let (shell, identity) = (None, identity("ada"));
    let permission = Some(Permission::ALL);
    done(
        &mut view,
        &world.backend(Effect::Permit { service: SERVICE, object: granted, shell, identity, permission }),
    );
    let ending = made(&world, &mut view, Document, "ending");
    let mut end = world.update("ending", "{}");
    if let Effect::Update { data, expires, .. } = &mut end {
        (*data, *expires) = (None, Some(Some(Timestamp::from_seconds(world.now.get() + (1 << 20)))));
    }
    done(&mut view, &world.backend(end));
    let list = made(&world, &mut view, List, "with context");
    let context = shared(List, "context");
    let (sid, publications) = (context.sid, Vec::new());
    done(
        &mut view,
        &world.backend(Effect::Create {
            service: SERVICE,
            shell: context,
            data: Some(data("{}")),
            expires: None,
            publications,
        }),
    );
    let tenant = view.services.get_mut(&SERVICE).expect("the service");
    let object = std::sync::Arc::make_mut(tenant).objects.get_mut(&sid).expect("the list");
    if let crate::relay::store::view::Body::Items(items) = &mut std::sync::Arc::make_mut(object).body {
        items.context = Some(data(r#"{"n":1}"#));
    }
    world.now.set(world.now.get() + SHARED_EMPTY_SECONDS);
    assert_eq!(swept(&world, &mut view), 1, "the list with nothing in it");
    assert!(!stands(&view, list) && stands(&view, granted) && stands(&view, ending) && stands(&view, sid));
    // Judged where it stands in the order: what was written since the search is not forgotten.
    let (service, objects) = (SERVICE, vec![super::world::sid(Map, "room"), super::world::sid(Map, "plain")]);
    let before_it = pictured(&view);
    let late = world.backend(Effect::Forget { service, objects, before: before(&world) });
    done(&mut view, &late);
    assert_eq!(pictured(&view).1, before_it.1);
}

#[test]
fn who_knew_what_was_forgotten_opens_it_again() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.private("alice", "place", r#"{"n":1}"#, None));
    done(&mut view, &world.says("alice", vec![]));
    let room = sid(Map, "room");
    let newest = view.tenant(SERVICE).expect("the service").objects[&room].head.last_event_id;
    world.now.set(world.now.get() + SHARED_EMPTY_SECONDS);
    assert_eq!(swept(&world, &mut view), 1);
    let gone = |view: &View| view.tenant(SERVICE).expect("the service").gone.event(room);
    assert!(newest < gone(&view), "whatever it knew, it is below");
    let mut view = Checkpoint::of(&view).and_then(Checkpoint::into_view).expect("a checkpoint");
    assert!(newest < gone(&view), "over a restart, too");
    let events = done(&mut view, &world.says("alice", vec![world.shown("place", r#"{"n":2}"#, None)]));
    assert_eq!(told(&events), ["document", "item made"]);
    let floor = |view: &View| {
        let object = view.tenant(SERVICE).expect("the service").objects[&room].clone();
        (
            object.items().expect("items").floor,
            object.items().expect("items").standing.contains_key(&key_of("place")),
        )
    };
    assert_eq!(floor(&view), (gone(&view), true), "it begins above what was");
    assert!(events.iter().all(|it| gone(&view) < it.id && EventId(0) < it.id));
}

#[test]
fn the_search_goes_through_all_in_slices() {
    let world = World::default();
    let mut view = stage(&world);
    let count = EMPTY_LOOKS_MAX + SWEEP_MAX + 1;
    for at in 0..count {
        let create = world.backend(Effect::Create {
            service: SERVICE,
            shell: shared(Document, &format!("{at:08}")),
            data: None,
            expires: None,
            publications: Vec::new(),
        });
        apply(&mut view, &create).expect("it applies");
    }
    world.now.set(world.now.get() + SHARED_EMPTY_SECONDS);
    let mut search = Search::default();
    let mut looked = || search.next(&view, before(&world)).iter().map(|it| it.1.len()).sum::<usize>();
    assert_eq!([looked(), looked(), looked()], [EMPTY_LOOKS_MAX, SWEEP_MAX + 1, EMPTY_LOOKS_MAX]);
}
