//! Publications: what a private object or item shows at shared places, and its withdrawal.
//!
//! Writing, `{}`, removal and expiry are one path: the complete list of what a source publishes
//! replaces the list before, and only the difference is told (decisions 1, 2). Lists and streams
//! only append: what a document says again is a new item, what an item says again is the same one.

use crate::{
    domain::{
        data::Data,
        event::Happening,
        limits::{OLDEST_DROPPED_MAX, SOURCE_ITEMS_MAX},
        name::ItemId,
        object::{EventId, Head, ObjectKind, Revision},
        sid::ObjectSid,
        time::Timestamp,
    },
    relay::{
        record::{Publication, Shell, Spot},
        refusal::Reason,
        store::{
            places::Places,
            view::{Body, Object, Place, Source},
        },
    },
};

use super::{
    Rejection, fold,
    place::{self, Contribution},
    quota,
    scribe::Scribe,
};

/// Publications that were judged: there is room for all of them, and what stands in their places is what they are
/// for. Only [`fit`] makes them of those of a record, so none is set, or lost, unjudged.
pub(super) struct Fitted<'r> {
    publications: &'r [Publication],
    /// What has expired and must be removed for them.
    expired: Vec<Place>,
}

impl Fitted<'_> {
    /// Nothing: it withdraws all.
    pub(super) const NOTHING: Self = Self { publications: &[], expired: Vec::new() };

    /// What has expired and must be removed for them, before they are set.
    pub(super) fn expired(&self) -> Vec<Place> {
        self.expired.clone()
    }
}

/// Whether there is room for all that a source is to publish; judged before anything is set.
pub(super) fn fit<'r>(
    scribe: &Scribe<'_>,
    source: &Source,
    publications: &'r [Publication],
) -> Result<Fitted<'r>, Rejection> {
    // All of one batch count together, whichever target they are of.
    let mut new: Vec<(ObjectSid, usize)> = Vec::new();
    let mut expired: Vec<Place> = Vec::new();
    let mut appended = 0;
    for publication in publications {
        let sid = publication.shell.sid;
        let object = scribe.tenant.objects.get(&sid);
        let items = object.and_then(|it| it.items());
        let (adds, items_max) = match &publication.spot {
            Spot::Fold { shape, .. } => match object.map(|it| &it.body) {
                // Activation refuses other fields over shares that stand.
                Some(Body::Fold(fold)) if scribe.judges() && fold.tally.shape() != shape => {
                    return Err(Rejection::Stale);
                }
                _ => continue,
            },
            Spot::Key { key, items_max } => {
                let id = ItemId::Key(key.clone());
                (items.is_none_or(|it| !it.standing.contains_key(&id)), *items_max)
            }
            Spot::Append { keep, items_max, drop_oldest } => {
                let adds = own_item(scribe, source, sid).is_none();
                appended += usize::from(adds && !keep);
                if *drop_oldest {
                    continue;
                }
                (adds, *items_max)
            }
            Spot::Document | Spot::Kept | Spot::Message(_) => continue,
        };
        if !adds {
            continue;
        }
        let before = new.iter().filter(|it| it.0 == sid).map(|it| it.1).sum::<usize>();
        let standing = items.map_or(0, |it| it.standing.len()).saturating_add(before);
        let items_max = usize::try_from(items_max).unwrap_or(usize::MAX);
        let excess = (standing + 1).saturating_sub(items_max);
        let gone = items
            .map_or((excess == 0).then(Vec::new), |it| quota::expired_items(it, excess, scribe.expiry_at));
        match gone {
            Some(gone) => {
                let gone = gone.into_iter().map(|it| (sid, Some(it)));
                expired.extend(gone.filter(|it| !expired.contains(it)).collect::<Vec<_>>());
            }
            None if scribe.judges() => return Err(Reason::Quota { what: "items" }.into()),
            None => (),
        }
        new.push((sid, 1));
    }
    let shown = scribe.tenant.sources.get(source).map_or(0, Places::len);
    if scribe.judges() && appended != 0 && SOURCE_ITEMS_MAX < shown.saturating_add(appended) {
        return Err(Reason::Quota { what: "items of one document" }.into());
    }
    Ok(Fitted { publications, expired })
}

/// Replaces what a source publishes.
pub(super) fn publish(scribe: &mut Scribe<'_>, source: &Source, fitted: Fitted<'_>) {
    let publications = fitted.publications;
    let mut places = scribe.tenant.sources.get(source).cloned().unwrap_or_default();
    let (mut named, mut lists) = (Vec::new(), Vec::new());
    for publication in publications {
        let sid = publication.shell.sid;
        match &publication.spot {
            Spot::Document | Spot::Fold { .. } => named.push((sid, None)),
            Spot::Key { key, .. } => named.push((sid, Some(ItemId::Key(key.clone())))),
            // What a document has appended before stays until it is withdrawn.
            Spot::Append { .. } => lists.push(sid),
            Spot::Message(_) | Spot::Kept => (),
        }
    }
    let gone = places.split_off(&named, &lists);
    if places.is_empty() {
        scribe.tenant.sources.remove(source);
    } else if !gone.is_empty() {
        scribe.tenant.sources.insert(source.clone(), places);
    }
    for place in &gone {
        withdraw(scribe, place, source);
    }
    for publication in publications {
        show(scribe, source, publication);
    }
}

/// Shows one output.
fn show(scribe: &mut Scribe<'_>, source: &Source, publication: &Publication) {
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
        }
        Spot::Fold { shape, share } => fold::put(scribe, &publication.shell, shape, source, share),
        Spot::Kept => {
            stand(scribe, &publication.shell);
            place::contribute(scribe, &(sid, None), shown(None));
        }
        Spot::Key { key, .. } => {
            stand(scribe, &publication.shell);
            place::contribute(scribe, &(sid, Some(ItemId::Key(key.clone()))), shown(Some(source)));
        }
        Spot::Append { keep, items_max, drop_oldest } => {
            stand(scribe, &publication.shell);
            if let Some(place) = own_item(scribe, source, sid) {
                place::contribute(scribe, &place, shown(Some(source)));
                return;
            }
            let Some(index) = scribe.next_index(sid) else { return };
            place::contribute(scribe, &(sid, Some(index)), shown((!keep).then_some(source)));
            if *drop_oldest {
                make_room(scribe, sid, *items_max);
            }
        }
        Spot::Message(message) => {
            let (message, data) = (*message, publication.data.clone());
            let what = Happening::MessagePublished { message, data, direct: false };
            scribe.tell_message(sid, publication.shell.name.clone(), what);
        }
    }
}

/// The item of a list that a source item has shown before and that still stands.
fn own_item(scribe: &Scribe<'_>, source: &Source, list: ObjectSid) -> Option<Place> {
    source.1.as_ref()?;
    let items = scribe.tenant.objects.get(&list)?.items()?;
    let mut own = scribe.tenant.sources.get(source)?.items_of(list);
    own.find(|id| items.standing.contains_key(*id)).map(|it| (list, Some(it.clone())))
}

/// Removes the oldest items of a list until it holds no more than it may; of very many too many some with each write.
fn make_room(scribe: &mut Scribe<'_>, list: ObjectSid, items_max: u32) {
    let items_max = usize::try_from(items_max).unwrap_or(usize::MAX);
    for _ in 0..OLDEST_DROPPED_MAX {
        let items = scribe.tenant.objects.get(&list).and_then(|it| it.items());
        let full = items.filter(|it| items_max < it.standing.len());
        let oldest = full.and_then(|it| it.standing.get_min().map(|(id, _)| id.clone()));
        if oldest.is_none_or(|it| scribe.drop_item(list, &it).is_none()) {
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
        ObjectKind::Document => Body::Document { data: Data::empty(), contributions: Default::default() },
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
        scribe.tenant.unfeed(source, place);
        fold::take(scribe, place.0, source);
    } else {
        place::withdraw(scribe, place, source);
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
        (true, true, _) if !whole => place::expire(scribe, &place),
        (true, _, None) => remove(scribe, sid),
        (true, _, Some(id)) => {
            publish(scribe, &place, Fitted::NOTHING);
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
            publish(scribe, &source, Fitted::NOTHING);
        }
    }
    scribe.drop_object(sid);
}
