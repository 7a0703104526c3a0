//! Items of lists and maps appended, set and removed.

use std::sync::Arc;

use crate::{
    domain::{
        change::{Expect, IfMatch},
        data::Data,
        limits::{LIST_ITEMS_MAX, MAP_ITEMS_MAX},
        name::ItemId,
        object::{Item, ObjectKind, Revision, Space},
        sid::ObjectSid,
        time::Timestamp,
    },
    relay::{
        receipt::Receipt,
        record::{By, Publication, Shell},
        refusal::{Missing, Reason},
        store::view::{Items, Object, Place},
    },
};

use super::{
    Rejection, may, may_make,
    object::{identity, room, snapshot},
    place::{self, Contribution, Write},
    publish::{self, Fitted},
    quota,
    scribe::Scribe,
};

/// One item appended to a list.
pub(super) struct Push<'r> {
    pub(super) list: ObjectSid,
    pub(super) shell: Option<&'r Shell>,
    pub(super) data: &'r Data,
    pub(super) expires: Option<Timestamp>,
    pub(super) collection_expires: Option<Option<Timestamp>>,
    pub(super) publications: &'r [Publication],
}

/// Appends an item.
pub(super) fn push(scribe: &mut Scribe<'_>, by: &By, push: Push<'_>) -> Result<Receipt, Rejection> {
    let list = push.list;
    let mut expired = Vec::new();
    match (scribe.tenant.object(list, scribe.expiry_at), push.shell) {
        (Some(object), _) => {
            may(scribe, by, object)?;
            let size = push.data.size_bytes() as u64;
            expired = growable(scribe, by, object, items_of(object, list)?, size)?;
        }
        (None, Some(shell)) => {
            may_make(by, shell)?;
            publish::stand(scribe, shell);
        }
        (None, None) => return Err(Reason::NotFound(Missing::Sid(list.kind)).into()),
    }
    // The source is new: only its being an item, and not its index, decides where there is room.
    let next = scribe.tenant.objects.get(&list).and_then(|it| it.items()).map_or(0, |it| it.next_index);
    let source = (list, Some(ItemId::Index(next)));
    let fitted = publish::fit(scribe, &source, push.publications)?;
    expired.extend(fitted.expired());
    quota::expire(scribe, expired);
    let missing = || Reason::NotFound(Missing::Sid(list.kind));
    let id = scribe.next_index(list).ok_or_else(missing)?;
    let item = if is_shared(scribe, list) {
        let place = (list, Some(id.clone()));
        let shown = Contribution { source: None, data: push.data.clone(), expires: push.expires };
        place::contribute(scribe, &place, shown);
        standing(scribe, list, &id).ok_or_else(missing)?
    } else {
        let by = identity(by).cloned();
        let write = Write { data: Some(push.data.clone()), expires: Some(push.expires), by };
        place::write_item(scribe, list, &id, write, Default::default()).0
    };
    snapshot(scribe, by, list);
    publish::publish(scribe, &(list, Some(id)), fitted);
    finish(scribe, list, push.collection_expires);
    Ok(Receipt::Item { service: scribe.service, collection: list, item, created: true })
}

/// One write of an item.
pub(super) struct Set<'r> {
    pub(super) collection: ObjectSid,
    pub(super) shell: Option<&'r Shell>,
    pub(super) item: &'r ItemId,
    pub(super) expect: Expect,
    pub(super) if_match: Option<IfMatch>,
    pub(super) data: Option<&'r Data>,
    pub(super) expires: Option<Option<Timestamp>>,
    pub(super) collection_expires: Option<Option<Timestamp>>,
    pub(super) publications: Option<&'r [Publication]>,
}

/// Sets an item.
pub(super) fn set(scribe: &mut Scribe<'_>, by: &By, set: Set<'_>) -> Result<Receipt, Rejection> {
    let collection = set.collection;
    let source = (collection, Some(set.item.clone()));
    let fitted = set.publications.map(|it| publish::fit(scribe, &source, it)).transpose();
    let mut expired = Vec::new();
    let fitted = match (scribe.tenant.object(collection, scribe.expiry_at), set.shell) {
        (Some(object), _) => {
            may(scribe, by, object)?;
            let items = items_of(object, collection)?;
            let item = items.item(set.item, scribe.expiry_at);
            judge(item, &set)?;
            let new = set.data.map(|it| it.size_bytes() as u64);
            expired = match item {
                None => growable(scribe, by, object, items, new.unwrap_or_default())?,
                Some(item) => {
                    let old = item.data.size_bytes() as u64;
                    room(scribe, by, object, new.unwrap_or(old), old)?
                }
            };
            fitted?
        }
        (None, Some(shell)) => {
            may_make(by, shell)?;
            judge(None, &set)?;
            let fitted = fitted?;
            publish::stand(scribe, shell);
            fitted
        }
        (None, None) => return Err(Reason::NotFound(Missing::Sid(collection.kind)).into()),
    };
    expired.extend(fitted.iter().flat_map(|it| it.expired()));
    quota::expire(scribe, expired);
    if let (true, Some(data)) = (is_shared(scribe, collection), set.data) {
        let expires = set.expires.unwrap_or_default();
        let created = standing(scribe, collection, set.item).is_none_or(|it| it.expired(scribe.expiry_at));
        place::contribute(scribe, &source, Contribution { source: None, data: data.clone(), expires });
        finish(scribe, collection, set.collection_expires);
        let missing = Reason::NotFound(Missing::Item(collection.kind));
        let item = standing(scribe, collection, set.item).ok_or(missing)?;
        return Ok(Receipt::Item { service: scribe.service, collection, item, created });
    }
    let kept = scribe
        .tenant
        .objects
        .get(&collection)
        .and_then(|it| it.items())
        .and_then(|it| it.standing.get(set.item))
        .map(|it| it.contributions.clone())
        .unwrap_or_default();
    let write = Write { data: set.data.cloned(), expires: set.expires, by: identity(by).cloned() };
    let (item, created) = place::write_item(scribe, collection, set.item, write, kept);
    snapshot(scribe, by, collection);
    if let Some(fitted) = fitted {
        publish::publish(scribe, &source, fitted);
    }
    finish(scribe, collection, set.collection_expires);
    Ok(Receipt::Item { service: scribe.service, collection, item, created })
}

fn finish(scribe: &mut Scribe<'_>, collection: ObjectSid, expires: Option<Option<Timestamp>>) {
    if let Some(expires) = expires {
        scribe.edit(collection, |it| it.head.date_expires = expires);
    }
}

fn items_of(object: &Object, collection: ObjectSid) -> Result<&Items, Reason> {
    object.items().ok_or(Reason::NotFound(Missing::Sid(collection.kind)))
}

/// Whether one more item of this size may stand. Returns what has expired and must be removed for it.
fn growable(
    scribe: &Scribe<'_>,
    by: &By,
    object: &Object,
    items: &Items,
    size: u64,
) -> Result<Vec<Place>, Reason> {
    let items_max = if object.head.sid.kind == ObjectKind::List { LIST_ITEMS_MAX } else { MAP_ITEMS_MAX };
    let excess = (items.standing.len() + 1).saturating_sub(items_max);
    let items = match quota::expired_items(items, excess, scribe.expiry_at) {
        Some(items) => items,
        None if scribe.judges() => return Err(Reason::Quota { what: "items" }),
        None => Vec::new(),
    };
    let mut expired = room(scribe, by, object, size, 0)?;
    expired.extend(items.into_iter().map(|it| (object.head.sid, Some(it))));
    Ok(expired)
}

fn is_shared(scribe: &Scribe<'_>, sid: ObjectSid) -> bool {
    scribe.tenant.objects.get(&sid).is_some_and(|it| matches!(it.head.space, Space::Shared { .. }))
}

fn standing(scribe: &Scribe<'_>, collection: ObjectSid, id: &ItemId) -> Option<Arc<Item>> {
    scribe.tenant.objects.get(&collection)?.items()?.standing.get(id).map(|it| it.item.clone())
}

fn judge(item: Option<&Arc<Item>>, set: &Set<'_>) -> Result<(), Reason> {
    let of = set.collection.kind;
    match (set.expect, item) {
        (Expect::Absent, Some(_)) => return Err(Reason::ItemExists),
        (Expect::Present, None) => return Err(Reason::NotFound(Missing::Item(of))),
        // Only times to live were given, or a list gives no index but its own: there must be an item.
        (_, None) if set.data.is_none() || of == ObjectKind::List => {
            return Err(Reason::NotFound(Missing::Item(of)));
        }
        _ => (),
    }
    let current = item.map(|it| it.revision);
    match (set.if_match, current) {
        (None, _) | (Some(IfMatch::Absent), None) => Ok(()),
        (Some(IfMatch::Revision(expected)), Some(it)) if expected == it => Ok(()),
        (Some(_), _) => Err(Reason::RevisionMismatch { of, current }),
    }
}

/// Removes an item.
pub(super) fn remove(
    scribe: &mut Scribe<'_>,
    by: &By,
    collection: ObjectSid,
    id: &ItemId,
    if_match: Option<Revision>,
) -> Result<Receipt, Rejection> {
    let object = scribe
        .tenant
        .object(collection, scribe.expiry_at)
        .ok_or(Reason::NotFound(Missing::Sid(collection.kind)))?;
    may(scribe, by, object)?;
    let missing = || Reason::NotFound(Missing::Item(collection.kind));
    let item = object.items().and_then(|it| it.item(id, scribe.expiry_at)).ok_or_else(missing)?;
    if if_match.is_some_and(|it| it != item.revision) {
        return Err(Reason::RevisionMismatch { of: collection.kind, current: Some(item.revision) }.into());
    }
    publish::publish(scribe, &(collection, Some(id.clone())), Fitted::NOTHING);
    let (item, event_id) = scribe.drop_item(collection, id).ok_or_else(missing)?;
    Ok(Receipt::ItemRemoved { service: scribe.service, collection, item, event_id, at: scribe.at })
}
