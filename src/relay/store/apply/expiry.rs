//! The time of expiry alone: told to those who listen, with the same data and no new revision.
//!
//! It has an event id, so that it is replayed to who was away. A list, map or stream has no event for
//! its own expiry: Sync knows none.

use std::sync::Arc;

use crate::{
    domain::{
        change::{Expect, IfMatch},
        event::Happening,
        name::ItemId,
        object::{Item, Revision},
        sid::ObjectSid,
        time::Timestamp,
    },
    relay::{
        receipt::Receipt,
        record::{By, Shell},
        store::view::{Body, Entry},
    },
};

use super::{
    Rejection,
    item::{self, Set},
    object::{self, Update},
    scribe::Scribe,
};

/// One change of a time of expiry.
pub(super) struct Expiry<'r> {
    pub(super) object: ObjectSid,
    pub(super) shell: Option<&'r Shell>,
    pub(super) if_match: Option<IfMatch>,
    pub(super) expires: Option<Option<Timestamp>>,
    pub(super) collection_expires: Option<Option<Timestamp>>,
}

/// Sets when an object or one of its items expires; a time that stays what it was is no event.
pub(super) fn set(
    scribe: &mut Scribe<'_>,
    by: &By,
    item: Option<&ItemId>,
    to: Expiry<'_>,
) -> Result<Receipt, Rejection> {
    let Expiry { object, shell, if_match, expires, collection_expires } = to;
    let before = expires_of(scribe, object, item);
    let receipt = match item {
        None => {
            let if_match = if_match.map(|it| match it {
                IfMatch::Revision(revision) => revision,
                // A condition on items; no object has this revision.
                IfMatch::Absent => Revision(u64::MAX),
            });
            let (data, publications) = (None, None);
            let update = Update { sid: object, shell, if_match, data, expires, publications };
            object::update(scribe, by, update)?
        }
        Some(item) => {
            let (collection, expect, data, publications) = (object, Expect::Present, None, None);
            let set = Set {
                collection,
                shell,
                item,
                expect,
                if_match,
                data,
                expires,
                collection_expires,
                publications,
            };
            item::set(scribe, by, set)?
        }
    };
    if expires_of(scribe, object, item) == before {
        return Ok(receipt);
    }
    match (receipt, item) {
        (Receipt::Object { created, .. }, None) => {
            emit_document(scribe, object);
            object::receipt(scribe, object, created)
        }
        (Receipt::Item { service, collection, item, created }, Some(id)) => {
            let item = emit_item(scribe, object, id).unwrap_or(item);
            Ok(Receipt::Item { service, collection, item, created })
        }
        (receipt, _) => Ok(receipt),
    }
}

fn expires_of(scribe: &Scribe<'_>, object: ObjectSid, item: Option<&ItemId>) -> Option<Timestamp> {
    let object = scribe.tenant.objects.get(&object)?;
    match item {
        None => object.head.date_expires,
        Some(id) => object.items()?.standing.get(id)?.item.date_expires,
    }
}

fn emit_document(scribe: &mut Scribe<'_>, sid: ObjectSid) {
    let Some(Body::Document { data, .. }) = scribe.tenant.objects.get(&sid).map(|it| &it.body) else {
        return;
    };
    let data = data.clone();
    let id = scribe.stamp_expiry(sid);
    if let Some(head) = scribe.tenant.objects.get(&sid).map(|it| &it.head) {
        let (revision, date_expires) = (head.revision, head.date_expires);
        scribe.tell_expiry(sid, id, Happening::DocumentSet { revision, data, date_expires });
    }
}

fn emit_item(scribe: &mut Scribe<'_>, collection: ObjectSid, id: &ItemId) -> Option<Arc<Item>> {
    let entry = scribe.tenant.objects.get(&collection)?.items()?.standing.get(id)?.clone();
    let event = scribe.stamp_expiry(collection);
    let mut item = entry.item.as_ref().clone();
    (item.last_event_id, item.date_updated) = (event, scribe.at);
    let item = Arc::new(item);
    scribe.put_entry(collection, Entry { item: item.clone(), contributions: entry.contributions });
    let revision = scribe.tenant.objects.get(&collection)?.head.revision;
    scribe.tell_expiry(collection, event, Happening::ItemSet { revision, added: false, item: item.clone() });
    Some(item)
}
