//! Publications: what a private object or item shows at shared places, and its withdrawal.
//!
//! Writing, `{}`, removal and expiry are one path: the complete list of what a source publishes
//! replaces the list before, and only the difference is told (decisions 1, 2). Lists and streams
//! only append: what a document says again is a new item, what an item says again is the same one.

use std::sync::Arc;

use crate::{
    domain::{
        data::Data,
        event::Happening,
        name::ItemId,
        object::{EventId, Head, ObjectKind, Revision},
        sid::ObjectSid,
        time::Timestamp,
    },
    relay::{
        record::{Publication, Shell, Spot},
        refusal::Reason,
        store::view::{Body, Object, Place, Source},
    },
};

use super::{
    fold,
    place::{self, Contribution},
    quota,
    scribe::Scribe,
};

/// Whether there is room for all that a source is to publish; judged before anything is set. Returns what has expired
/// and must be removed for it.
pub(super) fn fits(
    scribe: &Scribe<'_>,
    source: &Source,
    publications: &[Publication],
) -> Result<Vec<Place>, Reason> {
    let mut expired = Vec::new();
    for publication in publications {
        let sid = publication.shell.sid;
        let items = scribe.tenant.objects.get(&sid).and_then(|it| it.items());
        let standing = items.map_or(0, |it| it.standing.len());
        let (new, items_max) = match &publication.spot {
            Spot::Key { key, items_max } => {
                let id = ItemId::Key(key.clone());
                (items.is_none_or(|it| !it.standing.contains_key(&id)), *items_max)
            }
            Spot::Append { items_max, drop_oldest: false, .. } => {
                (own_item(scribe, source, sid).is_none(), *items_max)
            }
            Spot::Append { .. } | Spot::Document | Spot::Kept | Spot::Fold { .. } | Spot::Message(_) => {
                continue;
            }
        };
        let items_max = usize::try_from(items_max).unwrap_or(usize::MAX);
        if new && items_max <= standing {
            let (excess, full) = (standing - items_max + 1, Reason::Quota { what: "items" });
            let gone = items.and_then(|it| quota::expired_items(it, excess, scribe.expiry_at)).ok_or(full)?;
            expired.extend(gone.into_iter().map(|it| (sid, Some(it))));
        }
    }
    Ok(expired)
}

/// Replaces what a source publishes.
pub(super) fn publish(scribe: &mut Scribe<'_>, source: &Source, publications: &[Publication]) {
    let before = scribe.tenant.sources.get(source).cloned().unwrap_or_else(|| Arc::from([]));
    let mut places: Vec<Place> = Vec::with_capacity(publications.len());
    for publication in publications {
        let sid = publication.shell.sid;
        match &publication.spot {
            Spot::Document | Spot::Fold { .. } => places.push((sid, None)),
            Spot::Key { key, .. } => places.push((sid, Some(ItemId::Key(key.clone())))),
            // What a document has appended before stays until it is withdrawn.
            Spot::Append { .. } => places.extend(before.iter().filter(|it| it.0 == sid).cloned()),
            Spot::Message(_) | Spot::Kept => (),
        }
    }
    for place in before.iter().filter(|it| !places.contains(it)) {
        withdraw(scribe, place, source);
    }
    for publication in publications {
        places.extend(show(scribe, source, publication));
    }
    places.sort();
    places.dedup();
    // What stands no longer (the oldest of a list that was full) is nobody's place.
    places.retain(|(sid, item)| {
        let object = scribe.tenant.objects.get(sid);
        match item {
            None => object.is_some(),
            Some(id) => object.and_then(|it| it.items()).is_some_and(|it| it.standing.contains_key(id)),
        }
    });
    if places.is_empty() {
        scribe.tenant.sources.remove(source);
    } else {
        scribe.tenant.sources.insert(source.clone(), places.into());
    }
}

/// Shows one output; gives the place if it is a new one that the source must remember.
fn show(scribe: &mut Scribe<'_>, source: &Source, publication: &Publication) -> Option<Place> {
    let sid = publication.shell.sid;
    let shown = |source: Option<&Source>| Contribution {
        source: source.cloned(),
        data: publication.data.clone(),
        expires: publication.expires,
    };
    match &publication.spot {
        Spot::Document => {
            stand(scribe, &publication.shell);
            place::contribute(scribe, &(sid, None), shown(Some(source)));
            None
        }
        Spot::Fold { shape, share } => {
            fold::put(scribe, &publication.shell, shape, source, share);
            None
        }
        Spot::Kept => {
            stand(scribe, &publication.shell);
            place::contribute(scribe, &(sid, None), shown(None));
            None
        }
        Spot::Key { key, .. } => {
            stand(scribe, &publication.shell);
            place::contribute(scribe, &(sid, Some(ItemId::Key(key.clone()))), shown(Some(source)));
            None
        }
        Spot::Append { keep, items_max, drop_oldest } => {
            stand(scribe, &publication.shell);
            if let Some(place) = own_item(scribe, source, sid) {
                place::contribute(scribe, &place, shown(Some(source)));
                return None;
            }
            let place = (sid, Some(scribe.next_index(sid)?));
            place::contribute(scribe, &place, shown((!keep).then_some(source)));
            if *drop_oldest {
                make_room(scribe, sid, *items_max);
            }
            (!keep).then_some(place)
        }
        Spot::Message(message) => {
            let (message, data) = (*message, publication.data.clone());
            let what = Happening::MessagePublished { message, data, direct: false };
            scribe.tell_message(sid, publication.shell.name.clone(), what);
            None
        }
    }
}

/// The item of a list that a source item has shown before and that still stands.
fn own_item(scribe: &Scribe<'_>, source: &Source, list: ObjectSid) -> Option<Place> {
    source.1.as_ref()?;
    let items = scribe.tenant.objects.get(&list)?.items()?;
    let places = scribe.tenant.sources.get(source)?;
    let stands = |it: &&Place| it.1.as_ref().is_some_and(|id| items.standing.contains_key(id));
    places.iter().filter(|it| it.0 == list).find(stands).cloned()
}

/// Removes the oldest items of a list until it holds no more than it may.
fn make_room(scribe: &mut Scribe<'_>, list: ObjectSid, items_max: u32) {
    let items_max = usize::try_from(items_max).unwrap_or(usize::MAX);
    while let Some(oldest) = scribe
        .tenant
        .objects
        .get(&list)
        .and_then(|it| it.items())
        .filter(|it| items_max < it.standing.len())
        .and_then(|it| it.standing.get_min().map(|(id, _)| id.clone()))
    {
        if scribe.drop_item(list, &oldest).is_none() {
            return;
        }
    }
}

/// Makes a shared object that does not stand yet (decision 18).
pub(super) fn stand(scribe: &mut Scribe<'_>, shell: &Shell) {
    if scribe.tenant.objects.get(&shell.sid).is_some_and(|it| it.head.expired(scribe.expiry_at)) {
        scribe.unattended(|it| expire(it, shell.sid, None));
    }
    if !scribe.tenant.objects.contains_key(&shell.sid) {
        let mut object = fresh(shell, scribe.at, None);
        if let Body::Items(items) = &mut object.body {
            // One that was removed may have had items: who knew them opens the object again.
            items.floor = scribe.tenant.gone.event(shell.sid);
            // Each index was given with an event, so none of the old ones is as large.
            items.next_index = items.floor.0;
        }
        scribe.add(object);
    }
}

/// An object as it is before its first event.
pub(in crate::relay) fn fresh(
    shell: &Shell,
    at: Timestamp,
    by: Option<crate::domain::name::Identity>,
) -> Object {
    let body = match shell.sid.kind {
        ObjectKind::Document => Body::Document { data: Data::empty(), contributions: Vec::new() },
        ObjectKind::List | ObjectKind::Map => Body::Items(Box::default()),
        ObjectKind::Stream => Body::Stream,
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
    Object { head, body, ordinal: 0, grants: Default::default(), claims: None }
}

fn withdraw(scribe: &mut Scribe<'_>, place: &Place, source: &Source) {
    if scribe.tenant.objects.get(&place.0).is_some_and(|it| matches!(it.body, Body::Fold(_))) {
        fold::take(scribe, place.0, source);
        return;
    }
    let mut standing = place::contributions(scribe, place);
    let before = standing.len();
    standing.retain(|it| it.source.as_ref() != Some(source));
    if standing.len() != before {
        place::show(scribe, place, standing);
    }
}

/// Removes an object or item if it is due; a shared place only loses what has expired.
pub(super) fn expire(scribe: &mut Scribe<'_>, sid: ObjectSid, item: Option<&ItemId>) {
    let Some(object) = scribe.tenant.objects.get(&sid) else {
        return;
    };
    let shared = matches!(object.head.space, crate::domain::object::Space::Shared { .. });
    let due = match item {
        None => object.head.expired(scribe.expiry_at),
        Some(id) => object
            .items()
            .and_then(|it| it.standing.get(id))
            .is_some_and(|it| it.item.expired(scribe.expiry_at)),
    };
    let place = (sid, item.cloned());
    let whole = sid.kind != ObjectKind::Document && item.is_none();
    match (due, shared, item) {
        (false, _, _) => (),
        (true, true, _) if !whole => {
            let standing = place::contributions(scribe, &place);
            place::show(scribe, &place, standing);
        }
        (true, _, None) => remove(scribe, sid),
        (true, _, Some(id)) => {
            publish(scribe, &place, &[]);
            scribe.drop_item(sid, id);
        }
    }
}

/// Removes an object with all that it publishes.
pub(super) fn remove(scribe: &mut Scribe<'_>, sid: ObjectSid) {
    let items: Vec<Option<ItemId>> = match scribe.tenant.objects.get(&sid).map(|it| &it.body) {
        Some(Body::Items(items)) => items.standing.keys().cloned().map(Some).collect(),
        Some(Body::Document { .. } | Body::Fold(_) | Body::Stream) => vec![None],
        None => return,
    };
    for item in items {
        let source = (sid, item);
        if scribe.tenant.sources.contains_key(&source) {
            publish(scribe, &source, &[]);
        }
    }
    scribe.drop_object(sid);
}
