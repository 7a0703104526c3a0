//! Edits one service and keeps its indexes true: names, expiries, usage, event ids.

use std::sync::Arc;

use super::{Judging, note::Notes};
use crate::{
    domain::{
        event::{Event, Happening},
        limits::{TOMBSTONE_SECONDS_MAX, TOMBSTONES_MAX, TOMBSTONES_PRUNED_MAX, UNFED_MAX},
        name::{ItemId, UniqueName},
        object::{EventId, Head, Item, Space},
        service::ServiceHead,
        sid::{ObjectSid, ServiceSid},
        steps::{TREE_STEPS, count},
        time::Timestamp,
    },
    relay::store::{
        committed::Noted,
        view::{Body, Entry, Holder, Items, Object, Place, Source, Tenant, Tombstone, Usage},
    },
};

/// One batch's pen on one service.
pub(super) struct Scribe<'t> {
    pub(super) service: ServiceSid,
    pub(super) tenant: &'t mut Tenant,
    pub(super) at: Timestamp,
    /// The time against which expiry is judged: `at`, or an earlier one while expiry is suspended.
    pub(super) expiry_at: Timestamp,
    judging: Judging,
    events: Vec<Event>,
    /// For the service's webhook; `None` when it has none.
    notes: Option<Notes>,
}

impl Tenant {
    /// A service with nothing in it.
    pub(in crate::relay::store) fn new(head: ServiceHead) -> Self {
        Self {
            head,
            newest: EventId(0),
            made: 0,
            objects: Default::default(),
            in_order: Default::default(),
            names: Default::default(),
            sources: Default::default(),
            due: Default::default(),
            due_by_holder: Default::default(),
            private: Default::default(),
            gone: Default::default(),
            usage: Default::default(),
            attempts: Default::default(),
            pending: Default::default(),
        }
    }

    /// Enters an object into the indexes: on its making, and when a checkpoint is loaded.
    pub(in crate::relay::store) fn insert(&mut self, object: Object) {
        let sid = object.head.sid;
        if let Some(name) = &object.head.unique_name {
            self.names.insert((sid.kind, name.clone()), sid);
        }
        let owner = holder(&object.head);
        self.expires(owner.as_ref(), None, object.head.date_expires, sid, None);
        match &object.body {
            Body::Document { contributions, .. } => {
                contributions.sources().for_each(|it| self.feed(it, &(sid, None)));
            }
            Body::Fold(fold) => fold.tally.sources().for_each(|it| self.feed(it, &(sid, None))),
            Body::Items(items) => {
                for (id, entry) in &items.standing {
                    self.expires(owner.as_ref(), None, entry.item.date_expires, sid, Some(id));
                    let place = (sid, Some(id.clone()));
                    entry.contributions.sources().for_each(|it| self.feed(it, &place));
                }
            }
            Body::Stream => (),
        }
        self.in_order.insert((sid.kind, object.ordinal), sid);
        if let Space::Private { owner, .. } = &object.head.space {
            self.private.insert((owner.clone(), sid));
        }
        if let Some(holder) = owner {
            let usage = self.usage.entry(holder).or_default();
            usage.objects = usage.objects.saturating_add(1);
            usage.bytes = usage.bytes.saturating_add(object.size_bytes());
        }
        self.objects.insert(sid, Arc::new(object));
    }

    /// A source shows something at a place from now on.
    pub(super) fn feed(&mut self, source: &Source, place: &Place) {
        self.sources.entry(source.clone()).or_default().insert(place);
    }

    /// A source shows nothing at a place any more.
    pub(super) fn unfeed(&mut self, source: &Source, place: &Place) {
        let Some(places) = self.sources.get_mut(source) else { return };
        places.remove(place);
        if places.is_empty() {
            self.sources.remove(source);
        }
    }

    /// The sources of a place that is gone forget it. Of very many none does: a place at which a source shows
    /// nothing is passed over when its turn comes.
    pub(super) fn unfeed_all<'s>(&mut self, place: &Place, sources: impl Iterator<Item = &'s Source>) {
        let mut sources: Vec<&Source> = sources.take(UNFED_MAX + 1).collect();
        if sources.len() <= UNFED_MAX {
            sources.drain(..).for_each(|it| self.unfeed(it, place));
        }
    }

    fn expires(
        &mut self,
        holder: Option<&Holder>,
        old: Option<Timestamp>,
        new: Option<Timestamp>,
        sid: ObjectSid,
        item: Option<&ItemId>,
    ) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.due.remove(&(old, sid, item.cloned()));
            if let Some(holder) = holder {
                self.due_by_holder.remove(&(holder.clone(), old, sid, item.cloned()));
            }
        }
        if let Some(new) = new {
            self.due.insert((new, sid, item.cloned()));
            if let Some(holder) = holder {
                self.due_by_holder.insert((holder.clone(), new, sid, item.cloned()));
            }
        }
    }

    fn charge(&mut self, holder: Option<Holder>, old: u64, new: u64) {
        if let Some(holder) = holder
            && old != new
        {
            let usage = self.usage.entry(holder).or_default();
            usage.bytes = usage.bytes.saturating_sub(old).saturating_add(new);
        }
    }

    /// What a holder holds.
    pub(in crate::relay) fn held(&self, holder: &Holder) -> Usage {
        self.usage.get(holder).copied().unwrap_or_default()
    }
}

/// Against whose quota an object counts: shared objects and those of backends against nobody's.
pub(super) fn holder(head: &Head) -> Option<Holder> {
    match &head.space {
        Space::Plain => head.created_by.clone().map(|it| (it, None)),
        Space::Private { owner, policy } => Some((owner.clone(), Some(policy.clone()))),
        Space::Shared { .. } => None,
    }
}

impl<'t> Scribe<'t> {
    pub(super) fn new(
        service: ServiceSid,
        tenant: &'t mut Tenant,
        (at, expiry_at, judging): (Timestamp, Timestamp, Judging),
        notes: Option<Notes>,
    ) -> Self {
        Self { service, tenant, at, expiry_at, judging, events: Vec::new(), notes }
    }

    /// Whether bounds are judged: what stands in the log was judged in its time.
    pub(super) fn judges(&self) -> bool {
        self.judging == Judging::New
    }

    /// What is told to those who listen, and what was noted for the webhook.
    pub(super) fn finish(self) -> (Vec<Event>, Option<Noted>) {
        let noted = self.notes.and_then(|it| it.finish(self.service, &mut self.tenant.pending));
        (self.events, noted)
    }

    /// Does what nobody does: something has expired. The webhook is not told whose write came across it.
    pub(super) fn unattended<R>(&mut self, act: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.notes.as_mut().map(|it| std::mem::replace(&mut it.unattended, true));
        let result = act(self);
        if let (Some(notes), Some(before)) = (&mut self.notes, before) {
            notes.unattended = before;
        }
        result
    }

    /// The next event id of the service.
    pub(super) fn tick(&mut self) -> EventId {
        self.tenant.newest = EventId(self.tenant.newest.0.saturating_add(1));
        self.tenant.newest
    }

    /// Records what happened to an object, at its newest event id.
    pub(super) fn tell(&mut self, sid: ObjectSid, id: EventId, what: Happening) {
        count(1);
        let head = self.tenant.objects.get(&sid).map(|it| &it.head);
        if let (Some(notes), Some(head)) = (&mut self.notes, head) {
            notes.happened(head, id, &what);
        }
        let name = head.and_then(|it| it.unique_name.clone());
        self.events.push(Event::new(self.service, sid, name, id, self.at, what));
    }

    /// Tells a message of a stream, which need not stand. It takes no id: nothing of it is kept.
    pub(super) fn tell_message(&mut self, sid: ObjectSid, name: Option<UniqueName>, what: Happening) {
        if let Some(notes) = &mut self.notes {
            notes.passed(sid, name.as_ref(), &what);
        }
        self.events.push(Event::new(self.service, sid, name, EventId(0), self.at, what));
    }

    /// Adds an object, with its place in the order of making.
    pub(super) fn add(&mut self, mut object: Object) {
        object.ordinal = self.tenant.made;
        self.tenant.made = self.tenant.made.saturating_add(1);
        if let Some(notes) = &mut self.notes {
            notes.made(&object);
        }
        self.tenant.insert(object);
    }

    /// The index of the next item of a list.
    pub(super) fn next_index(&mut self, list: ObjectSid) -> Option<ItemId> {
        self.edit(list, |object| {
            let Body::Items(items) = &mut object.body else { return None };
            let index = items.next_index;
            items.next_index = index.saturating_add(1);
            Some(ItemId::Index(index))
        })?
    }

    /// Edits an object in place and mends the indexes after.
    pub(super) fn edit<R>(&mut self, sid: ObjectSid, edit: impl FnOnce(&mut Object) -> R) -> Option<R> {
        count(TREE_STEPS);
        let object = Arc::make_mut(self.tenant.objects.get_mut(&sid)?);
        let (old_expiry, old_size) = (object.head.date_expires, object.size_bytes());
        let result = edit(object);
        let (expiry, size, holder) = (object.head.date_expires, object.size_bytes(), holder(&object.head));
        self.tenant.expires(holder.as_ref(), old_expiry, expiry, sid, None);
        self.tenant.charge(holder, old_size, size);
        Some(result)
    }

    /// Stamps an object with one more change and gives the event id of it.
    pub(super) fn stamp(&mut self, sid: ObjectSid) -> EventId {
        let id = self.tick();
        let at = self.at;
        self.edit(sid, |object| {
            object.head.revision = object.head.revision.next();
            object.head.last_event_id = id;
            object.head.date_updated = at;
        });
        id
    }

    /// Gives an object one more event id without a new revision: only its expiry has changed, or that of an item.
    pub(super) fn stamp_expiry(&mut self, sid: ObjectSid) -> EventId {
        let id = self.tick();
        let at = self.at;
        self.edit(sid, |object| (object.head.last_event_id, object.head.date_updated) = (id, at));
        id
    }

    /// Records a change of the expiry alone. The webhook is not told: its events do not carry an expiry.
    pub(super) fn tell_expiry(&mut self, sid: ObjectSid, id: EventId, what: Happening) {
        let name = self.tenant.objects.get(&sid).and_then(|it| it.head.unique_name.clone());
        self.events.push(Event::new(self.service, sid, name, id, self.at, what));
    }

    /// Removes an object, tells it, and frees its name. What it publishes is withdrawn before, by
    /// the caller.
    pub(super) fn drop_object(&mut self, sid: ObjectSid) {
        let id = self.tick();
        self.tell(sid, id, Happening::ObjectRemoved);
        self.take_out(sid, id);
    }

    /// Drops a shared object that is empty and has been quiet since `before`; nobody is told, since nobody sees
    /// a difference. Who has known it and comes later opens it again (decisions 18, 29).
    pub(super) fn forget_object(&mut self, sid: ObjectSid, before: Timestamp) {
        if self.tenant.objects.get(&sid).is_some_and(|it| it.is_idle(before)) {
            let id = self.tick();
            self.take_out(sid, id);
        }
    }

    /// Takes an object out of the indexes; `id` is the event at which it went.
    fn take_out(&mut self, sid: ObjectSid, id: EventId) {
        let Some(object) = self.tenant.objects.remove(&sid) else {
            return;
        };
        if let Some(name) = &object.head.unique_name {
            self.tenant.names.remove(&(sid.kind, name.clone()));
        }
        self.tenant.in_order.remove(&(sid.kind, object.ordinal));
        if let Space::Shared { .. } = &object.head.space {
            self.tenant.gone.note(sid, id);
        }
        if let Space::Private { owner, .. } = &object.head.space {
            self.tenant.private.remove(&(owner.clone(), sid));
        }
        let owner = holder(&object.head);
        self.tenant.expires(owner.as_ref(), object.head.date_expires, None, sid, None);
        for (named, entry) in object.items().into_iter().flat_map(|it| &it.standing) {
            count(1);
            self.tenant.expires(owner.as_ref(), entry.item.date_expires, None, sid, Some(named));
            if !entry.contributions.is_empty() {
                self.tenant.unfeed_all(&(sid, Some(named.clone())), entry.contributions.sources());
            }
        }
        match &object.body {
            Body::Document { contributions, .. } => {
                self.tenant.unfeed_all(&(sid, None), contributions.sources());
            }
            Body::Fold(fold) => self.tenant.unfeed_all(&(sid, None), fold.tally.sources()),
            Body::Items(_) | Body::Stream => (),
        }
        if let Some(holder) = owner
            && let Some(usage) = self.tenant.usage.get_mut(&holder)
        {
            usage.objects = usage.objects.saturating_sub(1);
            usage.bytes = usage.bytes.saturating_sub(object.size_bytes());
            if usage.objects == 0 {
                self.tenant.usage.remove(&holder);
            }
        }
    }

    /// Puts an entry into a list or map.
    pub(super) fn put_entry(&mut self, collection: ObjectSid, entry: Entry) {
        let (id, expiry, size) =
            (entry.item.id.clone(), entry.item.date_expires, entry.item.data.size_bytes() as u64);
        let newest = entry.item.last_event_id;
        let mut old = None;
        let mut owner = None;
        self.edit(collection, |object| {
            owner = holder(&object.head);
            if let Body::Items(items) = &mut object.body {
                items.by_event.insert(entry.item.last_event_id, id.clone());
                old = items.standing.insert(id.clone(), entry).map(|it| it.item);
                if let Some(event) = old.as_ref().map(|it| it.last_event_id).filter(|it| *it != newest) {
                    items.by_event.remove(&event);
                }
                items.reschedule(&id, old.as_ref().and_then(|it| it.date_expires), expiry);
                let old_size = old.as_ref().map_or(0, |it| it.data.size_bytes() as u64);
                items.bytes = items.bytes.saturating_sub(old_size).saturating_add(size);
            }
        });
        let before = old.and_then(|it| it.date_expires);
        self.tenant.expires(owner.as_ref(), before, expiry, collection, Some(&id));
    }

    /// Removes an item, leaves a tombstone and tells it. What it publishes is withdrawn by the caller.
    pub(super) fn drop_item(
        &mut self,
        collection: ObjectSid,
        named: &ItemId,
    ) -> Option<(Arc<Item>, EventId)> {
        let (entry, id) = self.end_item(collection, named)?;
        self.tenant.unfeed_all(&(collection, Some(named.clone())), entry.contributions.sources());
        Some((entry.item, id))
    }

    /// The same for an item that is made again in this batch: what sources show there stays theirs.
    pub(super) fn end_item(&mut self, collection: ObjectSid, named: &ItemId) -> Option<(Entry, EventId)> {
        let (id, at) = (self.tick(), self.at);
        let (entry, revision, owner) = self.edit(collection, |object| {
            let owner = holder(&object.head);
            object.head.revision = object.head.revision.next();
            object.head.last_event_id = id;
            object.head.date_updated = at;
            let revision = object.head.revision;
            let Body::Items(items) = &mut object.body else { return None };
            let entry = items.standing.remove(named)?;
            items.by_event.remove(&entry.item.last_event_id);
            items.reschedule(named, entry.item.date_expires, None);
            items.bytes = items.bytes.saturating_sub(entry.item.data.size_bytes() as u64);
            let grave = Tombstone {
                item: named.clone(),
                at,
                created_event_id: entry.item.created_event_id,
                revision,
            };
            items.bury(id, grave);
            Some((entry, revision, owner))
        })??;
        self.tenant.expires(owner.as_ref(), entry.item.date_expires, None, collection, Some(named));
        self.tell(collection, id, Happening::ItemRemoved { revision, item: entry.item.clone() });
        Some((entry, id))
    }
}

impl Items {
    /// Notes that an item expires at another time, or no longer.
    fn reschedule(&mut self, id: &ItemId, old: Option<Timestamp>, new: Option<Timestamp>) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.by_expiry.remove(&(old, id.clone()));
        }
        if let Some(new) = new {
            self.by_expiry.insert((new, id.clone()));
        }
    }

    /// Keeps a tombstone and forgets those that are too many, and some of those that are too old (decision 29).
    fn bury(&mut self, id: EventId, grave: Tombstone) {
        let horizon = Timestamp::from_millis(grave.at.as_millis() - TOMBSTONE_SECONDS_MAX * 1000);
        self.tombstones.insert(id, grave);
        for _ in 0..TOMBSTONES_PRUNED_MAX {
            let Some((oldest, old)) = self.tombstones.get_min() else { return };
            if self.tombstones.len() <= TOMBSTONES_MAX && horizon <= old.at {
                return;
            }
            count(TREE_STEPS);
            self.floor = *oldest;
            let oldest = *oldest;
            self.tombstones.remove(&oldest);
        }
    }
}
