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
    relay::store::view::{Body, Entry, Place, Source},
};

pub(super) use crate::relay::store::view::{Contribution, Contributions};

use super::{
    publish::{self, Fitted},
    scribe::Scribe,
};

/// Shows a contribution at a place, above those that stand there.
pub(super) fn contribute(scribe: &mut Scribe<'_>, place: &Place, shown: Contribution) {
    let (source, top) = (shown.source.clone(), (shown.data.clone(), shown.expires));
    let mut standing = purged(scribe, place);
    standing.put(shown);
    set(scribe, place, Some(top), standing);
    if let Some(source) = source {
        scribe.tenant.feed(&source, place);
    }
}

/// Takes back what a source shows at a place.
pub(super) fn withdraw(scribe: &mut Scribe<'_>, place: &Place, source: &Source) {
    scribe.tenant.unfeed(source, place);
    let mut standing = contributions(scribe, place);
    if standing.take(source) {
        uncover(scribe, place, standing);
    }
}

/// Makes a place show what has not expired, or nothing.
pub(super) fn expire(scribe: &mut Scribe<'_>, place: &Place) {
    let standing = purged(scribe, place);
    uncover(scribe, place, standing);
}

/// What sources show at a place, expired or not.
fn contributions(scribe: &Scribe<'_>, (sid, item): &Place) -> Contributions {
    let object = scribe.tenant.objects.get(sid);
    match (object.map(|it| &it.body), item) {
        (Some(Body::Document { contributions, .. }), None) => contributions.clone(),
        (Some(Body::Items(items)), Some(id)) => {
            items.standing.get(id).map(|it| it.contributions.clone()).unwrap_or_default()
        }
        _ => Contributions::default(),
    }
}

/// The same, without some of what has expired.
fn purged(scribe: &mut Scribe<'_>, place: &Place) -> Contributions {
    let mut standing = contributions(scribe, place);
    for source in standing.purge(scribe.expiry_at) {
        scribe.tenant.unfeed(&source, place);
    }
    standing
}

/// Makes a place show the latest of its contributions that has not expired, or nothing.
fn uncover(scribe: &mut Scribe<'_>, place: &Place, standing: Contributions) {
    let top = standing.latest(scribe.expiry_at).map(|it| (it.data.clone(), it.expires));
    if top.is_some() {
        set(scribe, place, top, standing);
    } else {
        // All that are left have expired.
        scribe.tenant.unfeed_all(place, standing.sources());
        set(scribe, place, None, Contributions::default());
    }
}

/// What a place shows, and until when.
type Shown = (Data, Option<Timestamp>);

/// Makes a place show this, or nothing; tells it if the data differs.
fn set(scribe: &mut Scribe<'_>, (sid, item): &Place, top: Option<Shown>, contributions: Contributions) {
    let Some(id) = item else {
        show_document(scribe, *sid, top, contributions);
        return;
    };
    match top {
        None => {
            let items = scribe.tenant.objects.get(sid).and_then(|it| it.items());
            if items.is_some_and(|it| it.standing.contains_key(id)) {
                scribe.drop_item(*sid, id);
            }
        }
        Some((data, expires)) => {
            let write = Write { data: Some(data), expires: Some(expires), by: None };
            write_item(scribe, *sid, id, write, contributions);
        }
    }
}

fn show_document(scribe: &mut Scribe<'_>, sid: ObjectSid, top: Option<Shown>, standing: Contributions) {
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
    contributions: Contributions,
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
            publish::publish(scribe, &(collection, Some(id.clone())), Fitted::NOTHING);
            if standing(scribe).is_some() {
                scribe.end_item(collection, id);
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
