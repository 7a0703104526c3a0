//! The state in memory that the log adds up to: immutable maps that share structure.
//!
//! A clone is a snapshot: readers, the checkpoint and the group in flight each hold one, and none
//! waits for another (decision 11). Only `apply` changes a view.

use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        data::Data,
        limits::TOMBSTONES_MAX,
        name::{Identity, ItemId, UniqueName},
        object::{Address, EventId, Head, Item, ObjectKind, ObjectRef, Revision, Space},
        permission::Permission,
        service::ServiceHead,
        sid::{ObjectSid, ServiceSid},
        time::Timestamp,
    },
    policy::{
        Reserved,
        fold::{Shape, Tally},
    },
    relay::{
        derived::Secret,
        seal::Chain,
        store::{attempts::Attempts, pending::Pending, places::Places},
    },
};

pub(in crate::relay) use crate::relay::store::contributions::{Contribution, Contributions};

/// Everything that stands.
#[derive(Clone, Default)]
pub(in crate::relay) struct View {
    /// The newest group in it.
    pub(in crate::relay) seq: u64,
    /// The hash of that group.
    pub(in crate::relay) chain: Chain,
    /// The time of the newest batch; it never decreases (decision 11b).
    pub(in crate::relay) at: Timestamp,
    /// While expiry is suspended: nothing expires that was not due at this time.
    pub(in crate::relay) expiry_limit: Option<Timestamp>,
    /// The key of derived SIDs.
    pub(in crate::relay) secret: Secret,
    /// The active policy set.
    pub(in crate::relay) policies: Arc<str>,
    /// The names that it reserves.
    pub(in crate::relay) reserved: Arc<Vec<Reserved>>,
    /// The service behind the alias `default`.
    pub(in crate::relay) default_service: Option<ServiceSid>,
    /// Services made so far: gives each its place in the order.
    pub(in crate::relay) made: u64,
    /// The services.
    pub(in crate::relay) services: OrdMap<ServiceSid, Arc<Tenant>>,
    /// The last changes of the services themselves.
    pub(in crate::relay) attempts: Attempts,
}

/// One service with all that is in it.
#[derive(Clone)]
pub(in crate::relay) struct Tenant {
    pub(in crate::relay) head: ServiceHead,
    /// The newest event id (decision 6).
    pub(in crate::relay) newest: EventId,
    /// Objects made so far: gives each its place in the order.
    pub(in crate::relay) made: u64,
    pub(in crate::relay) objects: HashMap<ObjectSid, Arc<Object>>,
    /// The objects of each kind in the order in which they were made.
    pub(in crate::relay) in_order: OrdMap<(ObjectKind, u64), ObjectSid>,
    pub(in crate::relay) names: HashMap<(ObjectKind, UniqueName), ObjectSid>,
    /// What each private object or item publishes now.
    pub(in crate::relay) sources: HashMap<Source, Places>,
    /// What expires, in order.
    pub(in crate::relay) due: OrdSet<(Timestamp, ObjectSid, Option<ItemId>)>,
    /// The same of what counts against a quota, by its holder.
    pub(in crate::relay) due_by_holder: OrdSet<(Holder, Timestamp, ObjectSid, Option<ItemId>)>,
    /// Shared objects that were removed.
    pub(in crate::relay) gone: Gone,
    /// The private objects, by their owners.
    pub(in crate::relay) private: OrdSet<(Identity, ObjectSid)>,
    pub(in crate::relay) usage: HashMap<Holder, Usage>,
    /// The last changes in it.
    pub(in crate::relay) attempts: Attempts,
    /// What its webhook is to be told.
    pub(in crate::relay) pending: Pending,
}

/// Who holds objects: an identity, outside any policy or under one.
pub(in crate::relay) type Holder = (Identity, Option<Arc<str>>);

/// What a holder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::relay) struct Usage {
    pub(in crate::relay) objects: u32,
    pub(in crate::relay) bytes: u64,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) struct Object {
    pub(in crate::relay) head: Head,
    pub(in crate::relay) body: Body,
    /// Its place in the order in which objects were made.
    pub(in crate::relay) ordinal: u64,
    /// Who may do what, when the service's ACL is on.
    pub(in crate::relay) grants: OrdMap<Identity, Permission>,
    /// The claims under which its owner last wrote a private object, as JSON (decision 21).
    pub(in crate::relay) claims: Option<Arc<str>>,
}

/// What an object holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) enum Body {
    Document {
        data: Data,
        contributions: Contributions,
    },
    /// A list or a map.
    Items(Box<Items>),
    /// Nothing is kept.
    Stream,
    /// A document that is an aggregate over its sources.
    Fold(Box<Folded>),
}

/// A fold: what all sources bring, and the document that it gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) struct Folded {
    pub(in crate::relay) data: Data,
    pub(in crate::relay) tally: Tally<Source>,
}

impl Body {
    /// Changes the fold, which it becomes if it is none: whatever stood in a fold's place, no share is lost.
    pub(in crate::relay) fn change_fold(&mut self, shape: &Shape, change: impl FnOnce(&mut Folded)) {
        let mut fold = match std::mem::replace(self, Self::Stream) {
            Self::Fold(fold) => fold,
            Self::Document { .. } | Self::Items(_) | Self::Stream => Box::new(Folded::zero(shape)),
        };
        change(&mut fold);
        *self = Self::Fold(fold);
    }
}

impl Folded {
    /// A fold to which nobody has brought anything.
    pub(in crate::relay) fn zero(shape: &Shape) -> Self {
        let tally = Tally::new(shape.clone());
        Self { data: Data::built(tally.render()), tally }
    }
}

/// The items of a list or map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) struct Items {
    pub(in crate::relay) standing: OrdMap<ItemId, Entry>,
    /// The items by their newest events: a replay begins where its subscriber stands.
    #[serde(skip)]
    pub(in crate::relay) by_event: OrdMap<EventId, ItemId>,
    /// The items that expire, in order.
    #[serde(skip)]
    pub(in crate::relay) by_expiry: OrdSet<(Timestamp, ItemId)>,
    /// Removed items by the event of their removal; bounded in number and age (decision 29).
    pub(in crate::relay) tombstones: OrdMap<EventId, Tombstone>,
    /// Below this event, removals are no longer known.
    pub(in crate::relay) floor: EventId,
    /// Bytes of all items.
    pub(in crate::relay) bytes: u64,
    /// The index of a list's next item: none is given twice.
    pub(in crate::relay) next_index: u64,
    /// A list's context.
    pub(in crate::relay) context: Option<Data>,
}

/// An item and, in a shared list or map, what it is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) struct Entry {
    pub(in crate::relay) item: Arc<Item>,
    pub(in crate::relay) contributions: Contributions,
}

/// A removed item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) struct Tombstone {
    pub(in crate::relay) item: ItemId,
    pub(in crate::relay) at: Timestamp,
    /// The event of its making: not told to those who never saw it.
    pub(in crate::relay) created_event_id: EventId,
    pub(in crate::relay) revision: Revision,
}

/// A private object, or an item of one, that publishes.
pub(in crate::relay) type Source = (ObjectSid, Option<ItemId>);
/// A shared document, or an item of a shared list or map.
pub(in crate::relay) type Place = (ObjectSid, Option<ItemId>);

/// The shared objects that were removed, each with the event of its removal: one of the same name
/// has the same SID, and who knew the old one must not take the new one for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) struct Gone {
    at: OrdMap<ObjectSid, EventId>,
    /// Below this event, removals are no longer known.
    floor: EventId,
}

impl Gone {
    /// Of none it is known whether it was removed before this event.
    pub(in crate::relay) fn below(floor: EventId) -> Self {
        Self { at: OrdMap::new(), floor }
    }

    /// Notes a removal; too many of them are forgotten together, and then each may have been one.
    pub(in crate::relay) fn note(&mut self, object: ObjectSid, event: EventId) {
        if TOMBSTONES_MAX <= self.at.len() {
            (self.at, self.floor) = (OrdMap::new(), event);
        }
        self.at.insert(object, event);
    }

    /// The newest event at which the object may have been removed; 0 if it never was.
    pub(in crate::relay) fn event(&self, object: ObjectSid) -> EventId {
        self.at.get(&object).copied().unwrap_or(self.floor)
    }
}

impl View {
    /// The service, if it stands.
    pub(in crate::relay) fn tenant(&self, service: ServiceSid) -> Option<&Arc<Tenant>> {
        self.services.get(&service)
    }

    /// The time against which expiry is judged at `now`.
    pub(in crate::relay) fn expiry_time(&self, now: Timestamp) -> Timestamp {
        self.expiry_limit.map_or(now, |it| it.min(now))
    }
}

impl Tenant {
    /// The object at an address, unless it is gone at `now`.
    pub(in crate::relay) fn find(&self, address: &Address, now: Timestamp) -> Option<&Arc<Object>> {
        let sid = match &address.object {
            ObjectRef::Sid(sid) => *sid,
            ObjectRef::Name(name) => *self.names.get(&(address.kind, name.clone()))?,
        };
        self.object(sid, now).filter(|_| sid.kind == address.kind)
    }

    /// The private objects of an identity, expired ones included.
    pub(in crate::relay) fn private_of<'t>(
        &'t self,
        identity: &Identity,
    ) -> impl Iterator<Item = &'t Arc<Object>> {
        let lowest = ObjectSid { kind: ObjectKind::Document, bytes: [0; 16] };
        let owner = identity.clone();
        self.private
            .range((identity.clone(), lowest)..)
            .take_while(move |it| it.0 == owner)
            .filter_map(|it| self.objects.get(&it.1))
    }

    /// What counts against a holder's quota and is due at this time, in order.
    pub(in crate::relay) fn due_of_holder<'t>(
        &'t self,
        holder: &'t Holder,
        at: Timestamp,
    ) -> impl Iterator<Item = (&'t ObjectSid, &'t Option<ItemId>)> {
        let lowest = ObjectSid { kind: ObjectKind::Document, bytes: [0; 16] };
        self.due_by_holder
            .range((holder.clone(), Timestamp::from_millis(i64::MIN), lowest, None)..)
            .take_while(move |it| it.0 == *holder && it.1 <= at)
            .map(|it| (&it.2, &it.3))
    }

    /// The object with a SID, unless it is gone at `now`.
    pub(in crate::relay) fn object(&self, sid: ObjectSid, now: Timestamp) -> Option<&Arc<Object>> {
        self.objects.get(&sid).filter(|it| !it.head.expired(now))
    }
}

impl Object {
    /// The items of a list or map.
    pub(in crate::relay) fn items(&self) -> Option<&Items> {
        match &self.body {
            Body::Items(items) => Some(items),
            Body::Document { .. } | Body::Fold(_) | Body::Stream => None,
        }
    }

    /// The content of a document, the context of a list.
    pub(in crate::relay) fn data(&self) -> Option<&Data> {
        match &self.body {
            Body::Document { data, .. } => Some(data),
            Body::Fold(fold) => Some(&fold.data),
            Body::Items(items) => items.context.as_ref(),
            Body::Stream => None,
        }
    }

    /// Bytes that quotas count.
    pub(in crate::relay) fn size_bytes(&self) -> u64 {
        match &self.body {
            Body::Document { data, .. } => data.size_bytes() as u64,
            Body::Fold(fold) => fold.data.size_bytes() as u64,
            Body::Items(items) => items.bytes,
            Body::Stream => 0,
        }
    }

    /// Whether it is shared and as good as absent: nothing in it, nobody shown, nothing granted, no end set,
    /// and no event since `before` (decision 18).
    pub(in crate::relay) fn is_idle(&self, before: Timestamp) -> bool {
        let empty = match &self.body {
            Body::Document { data, contributions } => data.is_empty() && contributions.is_empty(),
            Body::Items(items) => {
                items.standing.is_empty() && items.context.as_ref().is_none_or(Data::is_empty)
            }
            Body::Fold(fold) => fold.tally.sources().next().is_none(),
            Body::Stream => true,
        };
        matches!(self.head.space, Space::Shared { .. })
            && empty
            && self.grants.is_empty()
            && self.head.date_expires.is_none()
            && self.head.date_updated <= before
    }

    /// What an identity holds on it.
    pub(in crate::relay) fn permission(&self, identity: &Identity) -> Permission {
        self.grants.get(identity).copied().unwrap_or_default()
    }
}

impl Items {
    /// Makes the indexes of a checkpoint's items, which are not written.
    pub(in crate::relay) fn index(&mut self) {
        let index = |(id, it): (&ItemId, &Entry)| (it.item.last_event_id, id.clone());
        self.by_event = self.standing.iter().map(index).collect();
        let expiry = |(id, it): (&ItemId, &Entry)| it.item.date_expires.map(|at| (at, id.clone()));
        self.by_expiry = self.standing.iter().filter_map(expiry).collect();
    }

    /// The item, unless it is gone at `now`.
    pub(in crate::relay) fn item(&self, id: &ItemId, now: Timestamp) -> Option<&Arc<Item>> {
        self.standing.get(id).map(|it| &it.item).filter(|it| !it.expired(now))
    }
}
