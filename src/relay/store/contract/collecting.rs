//! What `apply` promises of lists, streams and grants.

use super::{
    applying::{done, rejected, stage, told},
    world::{SERVICE, World, data, identity, shell, sid},
};
use crate::{
    domain::{
        change::Expect,
        name::ItemId,
        object::{ObjectKind::Document, ObjectKind::List, ObjectKind::Stream, Space},
        permission::{Permission, Right},
        sid::{MessageSid, ObjectSid},
    },
    relay::{
        record::{By, Effect, Publication, Record, Spot},
        refusal::{Missing, Reason},
        store::{
            apply::{Rejection, apply},
            committed::Rejudge,
            snapshot::Checkpoint,
            view::View,
        },
    },
};

fn push(list: &str, text: &str, publications: Vec<Publication>) -> Effect {
    Effect::Push {
        service: SERVICE,
        list: sid(List, list),
        shell: None,
        data: data(text),
        expires: None,
        collection_expires: None,
        publications,
    }
}

fn items(view: &View, list: &str) -> Vec<(u64, String)> {
    let object = view.tenant(SERVICE).and_then(|it| it.objects.get(&sid(List, list)).cloned());
    let items = object.as_ref().and_then(|it| it.items()).into_iter().flat_map(|it| it.standing.values());
    let pair = |it: &crate::relay::store::view::Entry| match it.item.id {
        ItemId::Index(index) => (index, it.item.data.as_str().to_owned()),
        ItemId::Key(_) => unreachable!("a list has indexes"),
    };
    items.map(pair).collect()
}

fn set(index: u64, text: &str, publications: Option<Vec<Publication>>) -> Effect {
    Effect::SetItem {
        service: SERVICE,
        collection: sid(List, "own"),
        shell: None,
        item: ItemId::Index(index),
        expect: Expect::Present,
        if_match: None,
        data: Some(data(text)),
        expires: None,
        collection_expires: None,
        publications,
    }
}

fn remove(index: u64) -> Effect {
    Effect::RemoveItem {
        service: SERVICE,
        collection: sid(List, "own"),
        item: ItemId::Index(index),
        if_match: None,
    }
}

/// An output at the shared list `board`.
fn appended(text: &str, keep: bool, items_max: u32, drop_oldest: bool) -> Publication {
    Publication {
        shell: shell(List, "board", Space::Shared { policy: "cursors".into() }),
        spot: Spot::Append { keep, items_max, drop_oldest },
        data: data(text),
        expires: None,
    }
}

/// The private list `own` of alice.
fn owned(world: &World) -> Record {
    let space = Space::Private { owner: identity("alice"), policy: "cursors".into() };
    let shell = shell(List, "own", space);
    let effect =
        Effect::Create { service: SERVICE, shell, data: None, expires: None, publications: Vec::new() };
    world.policy("alice", effect)
}

#[test]
fn an_index_is_never_given_twice() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.backend(world.create(List, "own", "{}")));
    for text in [r#"{"n":0}"#, r#"{"n":1}"#] {
        assert_eq!(told(&done(&mut view, &world.backend(push("own", text, Vec::new())))), ["item made"]);
    }
    done(&mut view, &world.backend(remove(1)));
    // A recovery must not forget it either.
    let mut view = Checkpoint::of(&view).and_then(Checkpoint::into_view).expect("a checkpoint");
    done(&mut view, &world.backend(push("own", r#"{"n":2}"#, Vec::new())));
    assert_eq!(items(&view, "own"), [(0, r#"{"n":0}"#.into()), (2, r#"{"n":2}"#.into())]);
    let absent = Rejection::Refused(Reason::NotFound(Missing::Item(List)));
    assert_eq!(rejected(&mut view, &world.backend(set(1, "{}", None))), absent);
    assert_eq!(rejected(&mut view, &world.backend(set(9, "{}", None))), absent, "nobody chooses an index");
}

#[test]
fn an_item_stands_and_falls_with_its_source() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &owned(&world));
    let shown = |text: &str| vec![appended(text, false, 10, false)];
    let one = r#"{"n":1}"#;
    let written = done(&mut view, &world.policy("alice", push("own", "{}", shown(one))));
    assert_eq!(told(&written), ["item made", "item made"]);
    done(&mut view, &world.policy("alice", push("own", "{}", shown(r#"{"n":2}"#))));
    let written = done(&mut view, &world.policy("alice", set(0, "{}", Some(shown(r#"{"n":3}"#)))));
    assert_eq!(told(&written), ["item set", "item set"], "the same item says something else");
    assert_eq!(items(&view, "board"), [(0, r#"{"n":3}"#.into()), (1, r#"{"n":2}"#.into())]);
    let gone = done(&mut view, &world.policy("alice", remove(0)));
    assert_eq!(told(&gone), ["item gone", "item gone"]);
    let all = Effect::Remove { service: SERVICE, object: sid(List, "own") };
    assert_eq!(told(&done(&mut view, &world.policy("alice", all))), ["item gone", "object gone"]);
    assert!(items(&view, "board").is_empty());
    assert!(view.tenant(SERVICE).expect("the service").sources.is_empty());
}

#[test]
fn what_a_document_appends_goes_or_stays() {
    for (keep, left) in [(false, 0), (true, 3)] {
        let world = World::default();
        let mut view = stage(&world);
        done(&mut view, &world.private("alice", "place", "{}", None));
        for text in [r#"{"n":1}"#, r#"{"n":1}"#, r#"{"n":2}"#] {
            let again = world.says("alice", vec![appended(text, keep, 10, false)]);
            assert!(told(&done(&mut view, &again)).contains(&"item made"), "each write is an item");
        }
        assert_eq!(items(&view, "board").len(), 3);
        done(&mut view, &world.says("alice", Vec::new()));
        assert_eq!(items(&view, "board").len(), left, "keep = {keep}");
    }
}

#[test]
fn a_full_list_refuses_or_drops_its_oldest() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &owned(&world));
    let write = |n: u64, drop_oldest| {
        let text = format!(r#"{{"n":{n}}}"#);
        world.policy("alice", push("own", "{}", vec![appended(&text, false, 2, drop_oldest)]))
    };
    for n in 0..2 {
        done(&mut view, &write(n, false));
    }
    let full = Rejection::Refused(Reason::Quota { what: "items" });
    assert_eq!(rejected(&mut view, &write(2, false)), full);
    assert_eq!(told(&done(&mut view, &write(3, true))), ["item made", "item made", "item gone"]);
    let left: Vec<u64> = items(&view, "board").into_iter().map(|it| it.0).collect();
    assert_eq!(left, [1, 2]);
    // The source whose item was dropped shows nothing now, and an update of it appends.
    let again = set(0, "{}", Some(vec![appended(r#"{"n":9}"#, false, 9, false)]));
    done(&mut view, &world.policy("alice", again));
    let left: Vec<u64> = items(&view, "board").into_iter().map(|it| it.0).collect();
    assert_eq!(left, [1, 2, 3]);
}

#[test]
fn messages_are_told_and_leave_nothing() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.backend(world.create(Stream, "private", "{}")));
    let message = |publications| {
        world.backend(Effect::Message {
            service: SERVICE,
            stream: sid(Stream, "private"),
            shell: None,
            message: MessageSid::new([5; 16]),
            data: data(r#"{"secret":1}"#),
            publications,
        })
    };
    let passed_on = Publication {
        shell: shell(Stream, "loud", Space::Shared { policy: "cursors".into() }),
        spot: Spot::Message(MessageSid::new([6; 16])),
        data: data(r#"{"said":1}"#),
        expires: None,
    };
    let before = super::world::pictured(&view);
    world.now.set(world.now.get() + 60);
    let record = message(vec![passed_on.clone()]);
    let events = done(&mut view, &record);
    assert_eq!(told(&events), ["message", "message passed on"]);
    assert!(events.iter().all(|it| it.id.0 == 0), "it takes no place in the order of ids");
    assert_eq!(super::world::pictured(&view), before, "nothing of it is kept, not even its time");
    assert_eq!(record.durable(), None, "and nothing is written");

    let record = message(vec![passed_on, appended(r#"{"said":1}"#, true, 5, false)]);
    assert_eq!(told(&done(&mut view, &record)), ["message", "message passed on", "item made"]);
    let Some(Record { effect: Effect::Message { data, publications, .. }, .. }) = record.durable() else {
        panic!("what it appends is written");
    };
    assert_eq!((data.as_str(), publications.len()), ("{}", 1), "without the messages");
}

#[test]
fn grants_are_judged_in_the_order_of_the_log() {
    let world = World::default();
    let mut view = stage(&world);
    let tenant = view.services.get_mut(&SERVICE).expect("the service");
    std::sync::Arc::make_mut(tenant).head.settings.acl = true;
    done(&mut view, &world.backend(world.create(Document, "doc", "{}")));
    let object = sid(Document, "doc");
    let permit = |object: ObjectSid, who: &str, permission| {
        let (shell, identity) = (None, identity(who));
        world.backend(Effect::Permit { service: SERVICE, object, shell, identity, permission })
    };
    let write = world.record(
        By::Client { identity: identity("alice"), right: Right::Write, objects_max: 9, bytes_max: 9_999 },
        world.update("doc", r#"{"by":"alice"}"#),
    );
    assert_eq!(rejected(&mut view, &write), Rejection::Refused(Reason::Forbidden));
    let reader = Permission { read: true, ..Permission::default() };
    done(&mut view, &permit(object, "alice", Some(reader)));
    assert_eq!(rejected(&mut view, &write), Rejection::Refused(Reason::Forbidden), "reading is not writing");
    done(&mut view, &permit(object, "alice", Some(Permission { write: true, ..reader })));
    done(&mut view, &write);
    let applied = apply(&mut view, &permit(object, "alice", None)).expect("it is taken away");
    assert_eq!(applied.rejudge, Some(Rejudge { service: SERVICE, object: Some(object) }));
    assert_eq!(rejected(&mut view, &write), Rejection::Refused(Reason::Forbidden));
    let again = rejected(&mut view, &permit(object, "alice", None));
    assert_eq!(again, Rejection::Refused(Reason::NotFound(Missing::Grant)));

    done(&mut view, &world.private("bob", "place", "{}", None));
    let private = permit(sid(Document, "bob"), "alice", Some(reader));
    assert_eq!(rejected(&mut view, &private), Rejection::Refused(Reason::Private), "bob's is bob's");
}
