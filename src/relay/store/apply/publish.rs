//! Publications: what a private object or item shows at shared places, and its withdrawal.
//!
//! Writing, `{}`, removal and expiry are one path: the complete list of what a source publishes
//! replaces the list before, and only the difference is told (decisions 1, 2).

use std::sync::Arc;

use crate::{
    domain::{
        data::Data,
        event::Happening,
        name::ItemKey,
        object::{EventId, Head, Item, Revision},
        sid::ObjectSid,
        time::Timestamp,
    },
    relay::{
        record::{Publication, Shell},
        store::view::{Body, Entry, Object, Place, Source},
    },
};

pub(super) use crate::relay::store::view::Contribution;

use super::scribe::Scribe;

/// Replaces what a source publishes.
pub(super) fn publish(scribe: &mut Scribe<'_>, source: &Source, publications: &[Publication]) {
    let places: Vec<Place> = publications.iter().map(|it| (it.shell.sid, it.key.clone())).collect();
    let before = scribe.tenant.sources.get(source).cloned().unwrap_or_else(|| Arc::from([]));
    for place in before.iter().filter(|it| !places.contains(it)) {
        withdraw(scribe, place, source);
    }
    for (publication, place) in publications.iter().zip(&places) {
        stand(scribe, &publication.shell);
        let shown = Contribution {
            source: Some(source.clone()),
            data: publication.data.clone(),
            expires: publication.expires,
        };
        contribute(scribe, place, shown);
    }
    if places.is_empty() {
        scribe.tenant.sources.remove(source);
    } else {
        // Sorted, as after a checkpoint: withdrawals follow this order.
        let mut places = places;
        places.sort();
        scribe.tenant.sources.insert(source.clone(), places.into());
    }
}

/// Makes a shared object that does not stand yet (decision 18).
pub(super) fn stand(scribe: &mut Scribe<'_>, shell: &Shell) {
    if scribe.tenant.objects.get(&shell.sid).is_some_and(|it| it.head.expired(scribe.at)) {
        expire(scribe, shell.sid, None);
    }
    if !scribe.tenant.objects.contains_key(&shell.sid) {
        scribe.tenant.insert(fresh(shell, scribe.at, None));
    }
}

/// An object as it is before its first event.
pub(super) fn fresh(shell: &Shell, at: Timestamp, by: Option<crate::domain::name::Identity>) -> Object {
    let body = match shell.sid.kind {
        crate::domain::object::ObjectKind::Document => {
            Body::Document { data: Data::empty(), contributions: Vec::new() }
        }
        _ => Body::Map(Box::default()),
    };
    let head = Head {
        sid: shell.sid,
        unique_name: shell.name.clone(),
        space: shell.space.clone(),
        created_by: by,
        date_created: at,
        date_updated: at,
        date_expires: None,
        revision: Revision(0),
        last_event_id: EventId(0),
    };
    Object { head, body, grants: Vec::new(), claims: None }
}

/// Shows a contribution at a place, above those that stand there.
pub(super) fn contribute(scribe: &mut Scribe<'_>, place: &Place, shown: Contribution) {
    let mut standing = contributions(scribe, place);
    match standing.iter().position(|it| it.source == shown.source) {
        // Said again by the one that stands: only its expiry moves.
        Some(last) if last + 1 == standing.len() => standing.truncate(last),
        Some(below) => drop(standing.remove(below)),
        None => (),
    }
    standing.push(shown);
    show(scribe, place, standing);
}

fn withdraw(scribe: &mut Scribe<'_>, place: &Place, source: &Source) {
    let mut standing = contributions(scribe, place);
    let before = standing.len();
    standing.retain(|it| it.source.as_ref() != Some(source));
    if standing.len() != before {
        show(scribe, place, standing);
    }
}

/// What stands at a place and has not expired.
fn contributions(scribe: &Scribe<'_>, (sid, key): &Place) -> Vec<Contribution> {
    let object = scribe.tenant.objects.get(sid);
    let all = match (object.map(|it| &it.body), key) {
        (Some(Body::Document { contributions, .. }), None) => contributions.clone(),
        (Some(Body::Map(items)), Some(key)) => {
            items.standing.get(key).map(|it| it.contributions.clone()).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    all.into_iter().filter(|it| it.expires.is_none_or(|expires| scribe.at < expires)).collect()
}

/// Makes a place show the latest of its contributions, or nothing; tells it if the data differs.
fn show(scribe: &mut Scribe<'_>, (sid, key): &Place, contributions: Vec<Contribution>) {
    let top = contributions.last().map(|it| (it.data.clone(), it.expires));
    let Some(key) = key else {
        show_document(scribe, *sid, top, contributions);
        return;
    };
    match top {
        None => {
            if scribe
                .tenant
                .objects
                .get(sid)
                .and_then(|it| it.items())
                .is_some_and(|it| it.standing.contains_key(key))
            {
                scribe.drop_item(*sid, key);
            }
        }
        Some((data, expires)) => {
            write_item(
                scribe,
                *sid,
                key,
                Write { data: Some(data), expires: Some(expires), by: None },
                contributions,
            );
        }
    }
}

fn show_document(
    scribe: &mut Scribe<'_>,
    sid: ObjectSid,
    top: Option<(Data, Option<Timestamp>)>,
    standing: Vec<Contribution>,
) {
    let (shown, expires) = top.unwrap_or_else(|| (Data::empty(), None));
    let changed = scribe.edit(sid, |object| {
        object.head.date_expires = expires;
        let Body::Document { data, contributions } = &mut object.body else { return false };
        let changed = *data != shown;
        (*data, *contributions) = (shown.clone(), standing);
        changed
    });
    if changed == Some(true) {
        let id = scribe.stamp(sid);
        let revision = scribe.tenant.objects.get(&sid).map(|it| it.head.revision).unwrap_or_default();
        scribe.tell(sid, id, Happening::DocumentSet { revision, data: shown, date_expires: expires });
    }
}

/// How an item is written; `None` leaves a value as it is.
pub(super) struct Write {
    pub(super) data: Option<Data>,
    pub(super) expires: Option<Option<Timestamp>>,
    pub(super) by: Option<crate::domain::name::Identity>,
}

/// Writes an item that may be written; a changed expiry alone is no event (decision 28). Gives
/// the item and whether it is new.
pub(super) fn write_item(
    scribe: &mut Scribe<'_>,
    map: ObjectSid,
    key: &ItemKey,
    write: Write,
    contributions: Vec<Contribution>,
) -> (Arc<Item>, bool) {
    let standing = |scribe: &Scribe<'_>| {
        scribe.tenant.objects.get(&map).and_then(|it| it.items()).and_then(|it| it.standing.get(key).cloned())
    };
    let mut old = standing(scribe);
    if old.as_ref().is_some_and(|it| it.item.expired(scribe.at)) {
        // The expiry is committed first, in the same batch (decision 11b).
        publish(scribe, &(map, Some(key.clone())), &[]);
        if standing(scribe).is_some() {
            scribe.drop_item(map, key);
        }
        old = None;
    }
    let created = old.is_none();
    let shared = !contributions.is_empty();
    let same =
        old.as_ref().is_some_and(|it| write.data.as_ref().is_none_or(|data| shared && *data == it.item.data));
    let at = scribe.at;
    let mut item = old.map_or_else(
        || Item {
            key: key.clone(),
            data: Data::empty(),
            created_by: write.by.clone(),
            date_created: at,
            date_updated: at,
            date_expires: None,
            revision: Revision(0),
            created_event_id: EventId(0),
            last_event_id: EventId(0),
        },
        |it| it.item.as_ref().clone(),
    );
    if let Some(expires) = write.expires {
        item.date_expires = expires;
    }
    if same {
        let item = Arc::new(item);
        scribe.put_entry(map, Entry { item: item.clone(), contributions });
        return (item, false);
    }
    let id = scribe.stamp(map);
    if created {
        item.created_event_id = id;
    } else {
        item.revision = item.revision.next();
    }
    item.last_event_id = id;
    item.date_updated = at;
    if let Some(data) = write.data {
        item.data = data;
    }
    let item = Arc::new(item);
    scribe.put_entry(map, Entry { item: item.clone(), contributions });
    let revision = scribe.tenant.objects.get(&map).map(|it| it.head.revision).unwrap_or_default();
    scribe.tell(map, id, Happening::ItemSet { revision, added: created, item: item.clone() });
    (item, created)
}

/// Removes an object or item if it is due; a shared place only loses what has expired.
pub(super) fn expire(scribe: &mut Scribe<'_>, sid: ObjectSid, key: Option<&ItemKey>) {
    let Some(object) = scribe.tenant.objects.get(&sid) else {
        return;
    };
    let shared = matches!(object.head.space, crate::domain::object::Space::Shared { .. });
    let due = match key {
        None => object.head.expired(scribe.at),
        Some(key) => {
            object.items().and_then(|it| it.standing.get(key)).is_some_and(|it| it.item.expired(scribe.at))
        }
    };
    let place = (sid, key.cloned());
    match (due, shared, key) {
        (false, _, _) => (),
        (true, true, _) if !(key.is_none() && object.items().is_some()) => {
            let standing = contributions(scribe, &place);
            show(scribe, &place, standing);
        }
        (true, _, None) => remove(scribe, sid),
        (true, _, Some(key)) => {
            publish(scribe, &place, &[]);
            scribe.drop_item(sid, key);
        }
    }
}

/// Removes an object with all that it publishes.
pub(super) fn remove(scribe: &mut Scribe<'_>, sid: ObjectSid) {
    let keys: Vec<Option<ItemKey>> = match scribe.tenant.objects.get(&sid).map(|it| &it.body) {
        Some(Body::Map(items)) => items.standing.keys().cloned().map(Some).collect(),
        Some(Body::Document { .. }) => vec![None],
        None => return,
    };
    for key in keys {
        let source = (sid, key);
        if scribe.tenant.sources.contains_key(&source) {
            publish(scribe, &source, &[]);
        }
    }
    scribe.drop_object(sid);
}
