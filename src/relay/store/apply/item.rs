//! Items of maps set and removed.

use std::sync::Arc;

use crate::{
    domain::{
        change::{Expect, IfMatch},
        data::Data,
        limits::MAP_ITEMS_MAX,
        name::ItemKey,
        object::{Item, Revision, Space},
        sid::ObjectSid,
        time::Timestamp,
    },
    relay::{
        receipt::Receipt,
        record::{By, Publication, Shell},
        refusal::{Missing, Reason},
    },
};

use super::{
    Rejection, may, may_make,
    object::{identity, room, snapshot},
    publish::{self, Contribution, Write},
    scribe::Scribe,
};

/// One write of an item.
pub(super) struct Set<'r> {
    pub(super) map: ObjectSid,
    pub(super) shell: Option<&'r Shell>,
    pub(super) key: &'r ItemKey,
    pub(super) expect: Expect,
    pub(super) if_match: Option<IfMatch>,
    pub(super) data: Option<&'r Data>,
    pub(super) expires: Option<Option<Timestamp>>,
    pub(super) collection_expires: Option<Option<Timestamp>>,
    pub(super) publications: Option<&'r [Publication]>,
}

/// Sets an item.
pub(super) fn set(scribe: &mut Scribe<'_>, by: &By, set: Set<'_>) -> Result<Receipt, Rejection> {
    let map = set.map;
    match (scribe.tenant.object(map, scribe.at), set.shell) {
        (Some(object), _) => {
            may(scribe, by, object)?;
            let items = object.items().ok_or(Reason::NotFound(Missing::Sid(map.kind)))?;
            let item = items.item(set.key, scribe.at);
            judge(item, &set)?;
            if item.is_none() && MAP_ITEMS_MAX <= items.standing.len() {
                return Err(Reason::Quota { what: "items" }.into());
            }
            let old = item.map_or(0, |it| it.data.size_bytes() as u64);
            let new = set.data.map_or(old, |it| it.size_bytes() as u64);
            room(scribe, by, object, new, old)?;
        }
        (None, Some(shell)) => {
            may_make(by, shell)?;
            judge(None, &set)?;
            publish::stand(scribe, shell);
        }
        (None, None) => return Err(Reason::NotFound(Missing::Sid(map.kind)).into()),
    }
    let shared =
        scribe.tenant.objects.get(&map).is_some_and(|it| matches!(it.head.space, Space::Shared { .. }));
    if let (true, Some(data)) = (shared, set.data) {
        let expires = set.expires.unwrap_or_default();
        let created = standing(scribe, map, set.key).is_none_or(|it| it.expired(scribe.at));
        let place = (map, Some(set.key.clone()));
        publish::contribute(scribe, &place, Contribution { source: None, data: data.clone(), expires });
        finish(scribe, &set);
        let item = standing(scribe, map, set.key).ok_or(Reason::NotFound(Missing::Item(map.kind)))?;
        return Ok(Receipt::Item { service: scribe.service, map, item, created });
    }
    let kept = scribe
        .tenant
        .objects
        .get(&map)
        .and_then(|it| it.items())
        .and_then(|it| it.standing.get(set.key))
        .map(|it| it.contributions.clone())
        .unwrap_or_default();
    let write = Write { data: set.data.cloned(), expires: set.expires, by: identity(by).cloned() };
    let (item, created) = publish::write_item(scribe, map, set.key, write, kept);
    snapshot(scribe, by, map);
    if let Some(publications) = set.publications {
        publish::publish(scribe, &(map, Some(set.key.clone())), publications);
    }
    finish(scribe, &set);
    Ok(Receipt::Item { service: scribe.service, map, item, created })
}

fn finish(scribe: &mut Scribe<'_>, set: &Set<'_>) {
    if let Some(expires) = set.collection_expires {
        scribe.edit(set.map, |it| it.head.date_expires = expires);
    }
}

fn standing(scribe: &Scribe<'_>, map: ObjectSid, key: &ItemKey) -> Option<Arc<Item>> {
    scribe.tenant.objects.get(&map)?.items()?.standing.get(key).map(|it| it.item.clone())
}

fn judge(item: Option<&Arc<Item>>, set: &Set<'_>) -> Result<(), Reason> {
    let of = set.map.kind;
    match (set.expect, item) {
        (Expect::Absent, Some(_)) => return Err(Reason::ItemExists),
        (Expect::Present, None) => return Err(Reason::NotFound(Missing::Item(of))),
        // Only times to live were given: there must be an item to give them to.
        (_, None) if set.data.is_none() => return Err(Reason::NotFound(Missing::Item(of))),
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
    map: ObjectSid,
    key: &ItemKey,
    if_match: Option<Revision>,
) -> Result<Receipt, Rejection> {
    let object = scribe.tenant.object(map, scribe.at).ok_or(Reason::NotFound(Missing::Sid(map.kind)))?;
    may(scribe, by, object)?;
    let missing = Reason::NotFound(Missing::Item(map.kind));
    let item = object.items().and_then(|it| it.item(key, scribe.at)).ok_or(missing)?;
    if if_match.is_some_and(|it| it != item.revision) {
        return Err(Reason::RevisionMismatch { of: map.kind, current: Some(item.revision) }.into());
    }
    publish::publish(scribe, &(map, Some(key.clone())), &[]);
    let missing = Reason::NotFound(Missing::Item(map.kind));
    let (item, event_id) = scribe.drop_item(map, key).ok_or(missing)?;
    Ok(Receipt::ItemRemoved { service: scribe.service, map, item, event_id, at: scribe.at })
}
