//! What a change of the time of expiry alone does: an event with the same data, and no new revision.

use super::{
    applying::{done, rejected, stage, told},
    world::{SERVICE, World, sid},
};
use crate::{
    domain::{
        change::IfMatch,
        event::{Event, Happening},
        object::{
            Item,
            ObjectKind::{Document, List, Map},
            Revision,
        },
        time::Timestamp,
    },
    relay::{
        receipt::Receipt,
        record::{Effect, Record},
        refusal::Reason,
        store::{
            apply::{Rejection, apply},
            view::View,
        },
    },
};

fn applied(view: &mut View, record: &Record) -> (Receipt, Vec<Event>) {
    let applied = apply(view, record).expect("it applies");
    (applied.receipt.expect("a receipt"), applied.events)
}

#[test]
fn a_document_is_told_with_the_same_data_and_revision() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.client(world.create(Document, "d", r#"{"n":1}"#)));
    done(&mut view, &world.client(world.update("d", r#"{"n":2}"#)));
    let document = sid(Document, "d");
    let before = view.tenant(SERVICE).expect("the service").objects[&document].head.clone();
    world.now.set(world.now.get() + 5);
    let (receipt, events) = applied(&mut view, &world.client(world.expires(document, None, Some(60))));
    let Receipt::Object { head, created: false, .. } = receipt else { panic!("another receipt") };
    let [event] = events.as_slice() else { panic!("{events:?}") };
    let Happening::DocumentSet { revision, data, date_expires } = &event.what else { panic!("{event:?}") };
    let expires = Timestamp::from_seconds(world.now.get() + 60);
    assert_eq!((*revision, data.as_str(), *date_expires), (Revision(1), r#"{"n":2}"#, Some(expires)));
    assert_eq!((head.revision, head.date_expires), (Revision(1), Some(expires)));
    // Ids and dates of event and reply are the same.
    assert!(before.last_event_id < event.id);
    assert_eq!((head.last_event_id, head.date_updated), (event.id, event.at));
    assert_eq!(event.at, world.at());

    let again = world.client(world.expires(document, None, Some(60)));
    assert_eq!(told(&done(&mut view, &again)), [""; 0], "what stays as it was is no event");
    assert_eq!(told(&done(&mut view, &world.client(world.expires(document, None, None)))), ["document"]);
}

#[test]
fn an_item_is_told_and_found_by_who_was_away() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.client(world.create(Map, "m", "")));
    done(&mut view, &world.client(world.set("m", "k", r#"{"n":1}"#)));
    done(&mut view, &world.client(world.set("m", "other", r#"{"n":2}"#)));
    let map = sid(Map, "m");
    let before = view.tenant(SERVICE).expect("the service").objects[&map].head.clone();
    let (receipt, events) = applied(&mut view, &world.client(world.expires(map, Some("k"), Some(60))));
    let Receipt::Item { item, created: false, .. } = receipt else { panic!("another receipt") };
    assert_eq!(told(&events), ["item set"]);
    let Happening::ItemSet { revision, item: shown, .. } = &events[0].what else { panic!("{events:?}") };
    assert_eq!(shown, &item);
    let Item { revision: own, last_event_id, .. } = item.as_ref();
    assert_eq!((*revision, *own, *last_event_id), (before.revision, Revision(0), events[0].id));
    let object = &view.tenant(SERVICE).expect("the service").objects[&map];
    assert_eq!((object.head.revision, object.head.last_event_id), (before.revision, events[0].id));
    // A replay walks this order.
    let order = &object.items().expect("items").by_event;
    let last = order.iter().next_back().map(|(event, id)| (*event, id.to_string()));
    assert_eq!((last, order.len()), (Some((events[0].id, "k".to_owned())), 2));

    let mut stale = world.expires(map, Some("k"), Some(90));
    if let Effect::SetExpiry { if_match, .. } = &mut stale {
        *if_match = Some(IfMatch::Revision(Revision(7)));
    }
    let mismatch = Reason::RevisionMismatch { of: Map, current: Some(Revision(0)) };
    assert_eq!(rejected(&mut view, &world.client(stale)), Rejection::Refused(mismatch));
}

#[test]
fn lists_and_maps_have_no_event_for_their_own_expiry() {
    let world = World::default();
    let mut view = stage(&world);
    for kind in [List, Map] {
        done(&mut view, &world.client(world.create(kind, "c", "")));
        let (receipt, events) =
            applied(&mut view, &world.client(world.expires(sid(kind, "c"), None, Some(60))));
        let Receipt::Object { head, .. } = receipt else { panic!("another receipt") };
        assert_eq!((told(&events), head.date_expires.is_some(), head.revision), (vec![], true, Revision(0)));
    }
}

/// Records with what their rules have read name events by their ids, so a replay gives the ids of the first time.
#[test]
fn older_logs_are_replayed_as_they_were_written() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.client(world.create(Document, "d", r#"{"n":1}"#)));
    done(&mut view, &world.client(world.create(Map, "m", "")));
    done(&mut view, &world.client(world.set("m", "k", r#"{"n":1}"#)));
    let newest = view.tenant(SERVICE).expect("the service").newest;
    let when = Some(Some(Timestamp::from_seconds(world.now.get() + 60)));
    let mut document = world.update("d", "{}");
    if let Effect::Update { data, expires, .. } = &mut document {
        (*data, *expires) = (None, when);
    }
    let mut item = world.set("m", "k", "{}");
    if let Effect::SetItem { data, expires, .. } = &mut item {
        (*data, *expires) = (None, when);
    }
    for effect in [document, item] {
        assert_eq!(told(&done(&mut view, &world.client(effect))), [""; 0]);
    }
    assert_eq!(view.tenant(SERVICE).expect("the service").newest, newest);
}
