//! What `apply` promises, whatever was decided before.

use super::world::{SERVICE, World, data, identity, key_of, pictured, sid};
use crate::{
    domain::{
        change::IfMatch,
        event::{Event, Happening},
        limits::REMEMBERED_MAX,
        object::{Item, ObjectKind::Document, ObjectKind::Map, Revision, Space},
        time::Timestamp,
    },
    relay::{
        record::{Effect, Record},
        refusal::Reason,
        store::{
            apply::{Rejection, apply, enact},
            attempts::{Answered, Attempts, Known},
            view::View,
        },
    },
};

/// A view with the service in it.
pub(super) fn stage(world: &World) -> View {
    let mut view = View::default();
    for record in [world.founding(), world.service()] {
        done(&mut view, &record);
    }
    view
}

pub(super) fn done(view: &mut View, record: &Record) -> Vec<Event> {
    apply(view, record).map(|it| it.events).expect("it applies")
}

/// Applies what must be rejected, and checks that nothing came of it.
pub(super) fn rejected(view: &mut View, record: &Record) -> Rejection {
    let before = pictured(view);
    let rejection = apply(view, record).err().expect("it is rejected");
    assert_eq!(pictured(view), before, "a rejection leaves the view as it was");
    rejection
}

fn item(view: &View, map: &str, key: &str, now: i64) -> Option<Item> {
    let tenant = view.tenant(SERVICE).expect("the service");
    let object = tenant.object(sid(Map, map), Timestamp::from_seconds(now))?;
    object.items()?.item(&key_of(key), Timestamp::from_seconds(now)).map(|it| it.as_ref().clone())
}

fn shown(view: &View, world: &World) -> Option<String> {
    item(view, "room", "place", world.now.get()).map(|it| it.data.as_str().to_owned())
}

pub(super) fn told(events: &[Event]) -> Vec<&'static str> {
    let word = |it: &Event| match &it.what {
        Happening::DocumentSet { .. } => "document",
        Happening::ObjectRemoved => "object gone",
        Happening::ItemSet { added: true, .. } => "item made",
        Happening::ItemSet { .. } => "item set",
        Happening::ItemRemoved { .. } => "item gone",
        Happening::MessagePublished { direct: true, .. } => "message",
        Happening::MessagePublished { .. } => "message passed on",
    };
    events.iter().map(word).collect()
}

#[test]
fn a_contended_place_shows_the_latest_who_is_present() {
    let (world, text) = (World::default(), |name: &str| format!(r#"{{"by":"{name}"}}"#));
    let mut view = stage(&world);
    for name in ["alice", "bob", "carol"] {
        let events = done(&mut view, &world.private(name, "place", &text(name), None));
        assert_eq!(told(&events), [if name == "alice" { "item made" } else { "item set" }]);
        assert_eq!(shown(&view, &world), Some(text(name)));
    }
    let again = world.shown("place", &text("alice"), None);
    assert_eq!(told(&done(&mut view, &world.says("alice", vec![again]))), ["document", "item set"]);
    assert_eq!(shown(&view, &world), Some(text("alice")), "who speaks last is shown");
    done(&mut view, &world.says("bob", vec![]));
    assert_eq!(shown(&view, &world), Some(text("alice")), "who was covered goes unseen");
    assert_eq!(told(&done(&mut view, &world.says("alice", vec![]))), ["document", "item set"]);
    assert_eq!(shown(&view, &world), Some(text("carol")), "the next is uncovered");
    let gone = world.policy("carol", Effect::Remove { service: SERVICE, object: sid(Document, "carol") });
    assert_eq!(told(&done(&mut view, &gone)), ["item gone", "object gone"]);
    assert_eq!(shown(&view, &world), None, "nobody is left");
}

#[test]
fn what_expires_uncovers_the_next() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.private("alice", "place", r#"{"a":1}"#, None));
    done(&mut view, &world.private("bob", "place", r#"{"b":1}"#, Some(5)));
    assert_eq!(shown(&view, &world).as_deref(), Some(r#"{"b":1}"#));
    let due = vec![(sid(Map, "room"), Some(key_of("place")))];
    let expire = Effect::Expire { service: SERVICE, due };
    assert!(done(&mut view, &world.backend(expire.clone())).is_empty(), "what is not due stays");
    world.now.set(world.now.get() + 5);
    assert_eq!(told(&done(&mut view, &world.backend(expire))), ["item gone", "item made"]);
    assert_eq!(shown(&view, &world).as_deref(), Some(r#"{"a":1}"#));
}

#[test]
fn an_expiry_comes_before_the_write_in_one_batch() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.backend(world.create(Map, "plain", "{}")));
    let mut brief = world.set("plain", "key", r#"{"n":1}"#);
    if let Effect::SetItem { expires, .. } = &mut brief {
        *expires = Some(Some(Timestamp::from_seconds(world.now.get() + 5)));
    }
    done(&mut view, &world.backend(brief));
    world.now.set(world.now.get() + 5);
    let events = done(&mut view, &world.backend(world.set("plain", "key", r#"{"n":2}"#)));
    assert_eq!(told(&events), ["item gone", "item made"]);
    assert!(events.windows(2).all(|it| it[0].id < it[1].id), "event ids ascend");
    let new = item(&view, "plain", "key", world.now.get()).expect("it stands");
    assert_eq!((new.data, new.revision), (data(r#"{"n":2}"#), Revision(0)), "it is a new item");
}

#[test]
fn a_repeated_attempt_changes_nothing() {
    let world = World::default();
    let mut view = stage(&world);
    let create = world.backend(world.create(Document, "once", r#"{"n":1}"#));
    let create = Record { batch: Some([9; 16]), ..create };
    done(&mut view, &create);
    let later = Record { at: Timestamp::from_seconds(world.now.get() + 9), ..create.clone() };
    for again in [create, later] {
        // The picture has the time in it: what the log does not hold, the view must not either.
        assert_eq!(rejected(&mut view, &again), Rejection::Known);
    }
    let remove = Effect::Remove { service: SERVICE, object: sid(Document, "once") };
    let remove = Record { batch: Some([8; 16]), ..world.backend(remove) };
    done(&mut view, &remove);
    assert_eq!(rejected(&mut view, &remove), Rejection::Known, "not: there is no such document");
    let service =
        Record { batch: Some([7; 16]), ..world.backend(Effect::RemoveService { service: SERVICE }) };
    done(&mut view, &service);
    assert_eq!(rejected(&mut view, &service), Rejection::Known);
}

#[test]
fn what_the_log_holds_twice_was_done_twice() {
    // Earlier versions did not remember removals of items, so their logs may hold one attempt twice.
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.backend(world.create(Map, "plain", "{}")));
    for _ in 0..2 {
        done(&mut view, &world.backend(world.set("plain", "key", "{}")));
        let remove = Record { batch: Some([9; 16]), ..world.backend(world.unset("plain", "key")) };
        enact(&mut view, &remove).expect("it was done");
        assert!(item(&view, "plain", "key", world.now.get()).is_none());
    }
}

#[test]
fn only_the_last_attempts_are_remembered() {
    let known = Known { at: Timestamp::from_seconds(1), answer: Answered::ObjectRemoved };
    let id = |n: usize| (n as u128).to_be_bytes();
    let mut attempts = Attempts::default();
    for n in 0..=REMEMBERED_MAX {
        attempts.note(id(n), known.clone());
        attempts.note(id(n), known.clone());
    }
    assert!(attempts.get(&id(0)).is_none() && attempts.get(&id(1)).is_some());
    assert_eq!(attempts.iter().count(), REMEMBERED_MAX);
}

#[test]
fn a_condition_on_the_revision_is_judged_in_order() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.backend(world.create(Document, "page", r#"{"n":0}"#)));
    let on = |revision| {
        let mut effect = world.update("page", r#"{"n":1}"#);
        if let Effect::Update { if_match, .. } = &mut effect {
            *if_match = Some(revision);
        }
        effect
    };
    done(&mut view, &world.backend(on(Revision(0))));
    let late = rejected(&mut view, &world.backend(on(Revision(0))));
    let current = Some(Revision(1));
    assert_eq!(late, Rejection::Refused(Reason::RevisionMismatch { of: Document, current }));
    done(&mut view, &world.backend(on(Revision(1))));
    let (service, object) = (SERVICE, sid(Document, "page"));
    let remove = |revision| world.backend(Effect::RemoveAt { service, object, revision });
    let late = rejected(&mut view, &remove(Revision(1)));
    let current = Some(Revision(2));
    assert_eq!(late, Rejection::Refused(Reason::RevisionMismatch { of: Document, current }));
    assert_eq!(told(&done(&mut view, &remove(Revision(2)))), ["object gone"]);
    let absent = |mut effect| {
        if let Effect::SetItem { if_match, .. } = &mut effect {
            *if_match = Some(IfMatch::Absent);
        }
        effect
    };
    done(&mut view, &world.backend(world.create(Map, "plain", "{}")));
    done(&mut view, &world.backend(absent(world.set("plain", "key", "{}"))));
    let second = rejected(&mut view, &world.backend(absent(world.set("plain", "key", "{}"))));
    assert!(matches!(second, Rejection::Refused(Reason::RevisionMismatch { of: Map, .. })), "{second:?}");
}

#[test]
fn the_last_wall_stands_before_governed_objects() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.private("alice", "place", r#"{"a":1}"#, None));
    let shared = world.set("room", "place", r#"{"forged":1}"#);
    let space = Space::Shared { policy: "cursors".into() };
    let made = |space| {
        let mut effect = world.create(Document, "new", "{}");
        if let Effect::Create { shell, .. } = &mut effect {
            shell.space = space;
        }
        effect
    };
    let own = Space::Private { owner: identity("alice"), policy: "cursors".into() };
    let other_policy = Space::Private { owner: identity("alice"), policy: "pins".into() };
    let walls = [
        world.client(shared.clone()),
        world.policy("alice", shared),
        world.client(world.unset("room", "place")),
        world.policy("alice", world.unset("room", "place")),
        world.client(Effect::Remove { service: SERVICE, object: sid(Map, "room") }),
        world.client(world.update("alice", r#"{"plain":1}"#)),
        world.policy("bob", world.update("alice", r#"{"others":1}"#)),
        world.policy("bob", Effect::Remove { service: SERVICE, object: sid(Document, "alice") }),
        world.client(made(own)),
        world.client(made(space.clone())),
        world.policy("alice", made(space)),
        world.policy("alice", made(other_policy)),
        world.policy("alice", made(Space::Plain)),
    ];
    for record in walls {
        let rejection = rejected(&mut view, &record);
        assert_eq!(rejection, Rejection::Refused(Reason::Forbidden), "{record:?}");
    }
    assert_eq!(shown(&view, &world).as_deref(), Some(r#"{"a":1}"#));
}

#[test]
fn a_decision_under_other_policies_is_stale() {
    let world = World::default();
    let mut view = stage(&world);
    let old = Record { policies: "other".into(), ..world.backend(world.create(Document, "page", "{}")) };
    assert_eq!(rejected(&mut view, &old), Rejection::Stale);
}

/// A shared map that a backend gave an end, one second after that end and before the sweep.
fn ended_room(world: &World) -> View {
    let mut view = stage(world);
    done(&mut view, &world.private("alice", "place", r#"{"a":1}"#, None));
    let mut end = world.set("room", "extra", r#"{"n":1}"#);
    if let Effect::SetItem { collection_expires, .. } = &mut end {
        *collection_expires = Some(Some(Timestamp::from_seconds(world.now.get() + 5)));
    }
    done(&mut view, &world.backend(end));
    world.now.set(world.now.get() + 6);
    view
}

fn swept(world: &World, view: &mut View) {
    let due = vec![(sid(Map, "room"), None)];
    done(view, &world.backend(Effect::Expire { service: SERVICE, due }));
}

#[test]
fn a_publication_into_an_ended_map_is_not_lost() {
    let world = World::default();
    let mut view = ended_room(&world);
    let new = world.shown("place", r#"{"a":2}"#, None);
    done(&mut view, &world.says("alice", vec![new]));
    swept(&world, &mut view);
    assert_eq!(shown(&view, &world).as_deref(), Some(r#"{"a":2}"#));
}

#[test]
fn a_backends_item_in_an_ended_map_is_not_lost() {
    let world = World::default();
    let mut view = ended_room(&world);
    let mut write = world.set("room", "place", r#"{"n":2}"#);
    if let Effect::SetItem { shell, .. } = &mut write {
        *shell = Some(world.shown("place", "{}", None).shell);
    }
    done(&mut view, &world.backend(write));
    swept(&world, &mut view);
    assert_eq!(shown(&view, &world).as_deref(), Some(r#"{"n":2}"#));
    assert!(item(&view, "room", "extra", world.now.get()).is_none(), "what ended has ended");
}

#[test]
fn an_item_that_is_over_before_it_stands_changes_nothing() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.private("alice", "other", r#"{"a":1}"#, None));
    let mut late = world.set("room", "place", r#"{"n":1}"#);
    if let Effect::SetItem { expires, .. } = &mut late {
        *expires = Some(Some(Timestamp::from_seconds(world.now.get() - 1)));
    }
    let before = pictured(&view);
    if apply(&mut view, &world.backend(late)).is_err() {
        assert_eq!(pictured(&view), before, "a rejection leaves the view as it was");
    }
}
