//! What stands at a place: a document or an item, and in a shared one the contributions beneath it.
//!
//! The latest contribution that is present stands; withdrawal and expiry uncover the next (decision 2).

use std::sync::Arc;

use crate::{
    domain::{
        data::Data,
        event::Happening,
        name::{Identity, ItemId},
        object::{EventId, Item, Revision},
        sid::ObjectSid,
        time::Timestamp,
    },
    relay::store::view::{Body, Entry, Place},
};

pub(super) use crate::relay::store::view::Contribution;

use super::{publish, scribe::Scribe};

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

/// What stands at a place and has not expired.
pub(super) fn contributions(scribe: &Scribe<'_>, (sid, item): &Place) -> Vec<Contribution> {
    let object = scribe.tenant.objects.get(sid);
    let all = match (object.map(|it| &it.body), item) {
        (Some(Body::Document { contributions, .. }), None) => contributions.clone(),
        (Some(Body::Items(items)), Some(id)) => {
            items.standing.get(id).map(|it| it.contributions.clone()).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    all.into_iter().filter(|it| it.expires.is_none_or(|expires| scribe.expiry_at < expires)).collect()
}

/// Makes a place show the latest of its contributions, or nothing; tells it if the data differs.
pub(super) fn show(scribe: &mut Scribe<'_>, (sid, item): &Place, contributions: Vec<Contribution>) {
    let top = contributions.last().map(|it| (it.data.clone(), it.expires));
    let Some(id) = item else {
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
                .is_some_and(|it| it.standing.contains_key(id))
            {
                scribe.drop_item(*sid, id);
            }
        }
        Some((data, expires)) => {
            let write = Write { data: Some(data), expires: Some(expires), by: None };
            write_item(scribe, *sid, id, write, contributions);
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
    pub(super) by: Option<Identity>,
}

/// Writes an item that may be written; data that stays what it was is no event. Gives the item and
/// whether it is new.
pub(super) fn write_item(
    scribe: &mut Scribe<'_>,
    collection: ObjectSid,
    id: &ItemId,
    write: Write,
    contributions: Vec<Contribution>,
) -> (Arc<Item>, bool) {
    let standing = |scribe: &Scribe<'_>| {
        scribe
            .tenant
            .objects
            .get(&collection)
            .and_then(|it| it.items())
            .and_then(|it| it.standing.get(id).cloned())
    };
    let mut old = standing(scribe);
    if old.as_ref().is_some_and(|it| it.item.expired(scribe.expiry_at)) {
        // The expiry is committed first, in the same batch (decision 11b).
        scribe.unattended(|scribe| {
            publish::publish(scribe, &(collection, Some(id.clone())), &[]);
            if standing(scribe).is_some() {
                scribe.drop_item(collection, id);
            }
        });
        old = None;
    }
    let created = old.is_none();
    let shared = !contributions.is_empty();
    let same =
        old.as_ref().is_some_and(|it| write.data.as_ref().is_none_or(|data| shared && *data == it.item.data));
    let at = scribe.at;
    let mut item = old.map_or_else(
        || Item {
            id: id.clone(),
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
        scribe.put_entry(collection, Entry { item: item.clone(), contributions });
        return (item, false);
    }
    let event = scribe.stamp(collection);
    if created {
        item.created_event_id = event;
    } else {
        item.revision = item.revision.next();
    }
    item.last_event_id = event;
    item.date_updated = at;
    if let Some(data) = write.data {
        item.data = data;
    }
    let item = Arc::new(item);
    scribe.put_entry(collection, Entry { item: item.clone(), contributions });
    let revision = scribe.tenant.objects.get(&collection).map(|it| it.head.revision).unwrap_or_default();
    scribe.tell(collection, event, Happening::ItemSet { revision, added: created, item: item.clone() });
    (item, created)
}
