//! The stored form of batches: literal values only.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        change::{Expect, IfMatch},
        data::Data,
        name::{Identity, ItemId, ItemKey, UniqueName},
        object::{EventId, ObjectKind, Revision, Space},
        permission::{Permission, Right},
        service::Settings,
        sid::{MessageSid, ObjectSid, ServiceSid},
        time::Timestamp,
    },
    policy::{
        Reserved,
        fold::{Shape, Share},
    },
    relay::refusal::DecisionId,
};

/// One batch as it stands in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) struct Record {
    /// When it was decided.
    pub(in crate::relay) at: Timestamp,
    /// Which decision it follows from (decision 38: the log is the audit trail).
    pub(in crate::relay) decision: DecisionId,
    /// Who asked.
    pub(in crate::relay) by: By,
    /// The endpoint that a client's token names: webhooks tell it.
    pub(in crate::relay) endpoint: Option<Arc<str>>,
    /// The policy set under which it was admitted (decision 3).
    pub(in crate::relay) policies: Arc<str>,
    /// Recognises a repeated attempt (decision 7).
    pub(in crate::relay) batch: Option<[u8; 16]>,
    /// What was read and must still stand (decision 5).
    pub(in crate::relay) needs: Vec<Need>,
    /// What it does.
    pub(in crate::relay) effect: Effect,
}

/// Something that was read: at which event it was last written, or that it did not stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) struct Need {
    pub(in crate::relay) kind: ObjectKind,
    pub(in crate::relay) name: UniqueName,
    pub(in crate::relay) item: Option<ItemId>,
    pub(in crate::relay) event: Option<EventId>,
}

/// Who asked for a batch, and under what it was admitted: judged again in `apply`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) enum By {
    /// A client, under Sync's own rules; it needs this right when ACL is on.
    Client { identity: Identity, right: Right, objects_max: u32, bytes_max: u64 },
    /// A client, under a policy.
    Policy {
        identity: Identity,
        policy: Arc<str>,
        version: Arc<str>,
        objects_max: u32,
        bytes_max: u64,
        /// Kept with the private object: a backend that writes it later writes under these (decision 21).
        claims: Arc<str>,
    },
    /// A trusted backend.
    Backend,
    /// The relay itself.
    System,
}

/// Literal changes of the state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) enum Effect {
    /// The first record: the key of derived SIDs.
    Found { secret: [u8; 32] },
    /// The policy set from here on, with the names it reserves.
    Activate { reserved: Vec<Reserved> },
    /// A service is made.
    CreateService { service: ServiceSid, default: bool, settings: Settings },
    /// A service's settings from here on.
    UpdateService { service: ServiceSid, settings: Settings },
    /// A service is removed with all that is in it.
    RemoveService { service: ServiceSid },
    /// An object is made; `data` is a document's content or a list's context.
    Create {
        service: ServiceSid,
        shell: Shell,
        data: Option<Data>,
        expires: Option<Timestamp>,
        publications: Vec<Publication>,
    },
    /// An object is set.
    Update {
        service: ServiceSid,
        object: ObjectSid,
        /// The object is made first when it does not stand (shared ones, decision 18).
        shell: Option<Shell>,
        if_match: Option<Revision>,
        data: Option<Data>,
        expires: Option<Option<Timestamp>>,
        publications: Option<Vec<Publication>>,
    },
    /// An object is removed with all that is in it and all that it publishes.
    Remove { service: ServiceSid, object: ObjectSid },
    /// An item is appended to a list.
    Push {
        service: ServiceSid,
        list: ObjectSid,
        shell: Option<Shell>,
        data: Data,
        expires: Option<Timestamp>,
        collection_expires: Option<Option<Timestamp>>,
        publications: Vec<Publication>,
    },
    /// An item of a list or map is set.
    SetItem {
        service: ServiceSid,
        collection: ObjectSid,
        shell: Option<Shell>,
        item: ItemId,
        expect: Expect,
        if_match: Option<IfMatch>,
        data: Option<Data>,
        expires: Option<Option<Timestamp>>,
        collection_expires: Option<Option<Timestamp>>,
        publications: Option<Vec<Publication>>,
    },
    /// An item is removed with all that it publishes.
    RemoveItem { service: ServiceSid, collection: ObjectSid, item: ItemId, if_match: Option<Revision> },
    /// A message goes through a stream. It is told and not written; what else it publishes is.
    Message {
        service: ServiceSid,
        stream: ObjectSid,
        /// A shared stream needs not stand: messages leave nothing behind.
        shell: Option<Shell>,
        message: MessageSid,
        data: Data,
        publications: Vec<Publication>,
    },
    /// What an identity may do with an object; `None` takes the grant away.
    Permit {
        service: ServiceSid,
        object: ObjectSid,
        shell: Option<Shell>,
        identity: Identity,
        permission: Option<Permission>,
    },
    /// What is due at `at` is removed; the rest of the list is passed over.
    Expire { service: ServiceSid, due: Vec<(ObjectSid, Option<ItemId>)> },
    /// These webhooks were sent or given up on.
    Settle { service: ServiceSid, hooks: Vec<u64> },
    // Older logs know the effects by their places: new ones come at the end.
    /// A document is removed if it stands at this revision.
    RemoveAt { service: ServiceSid, object: ObjectSid, revision: Revision },
    /// Shared objects with nothing in them and without an event since `before` are dropped, without a word.
    Forget { service: ServiceSid, objects: Vec<ObjectSid>, before: Timestamp },
    /// Nothing expires that was not due at this time; with `None`, what is due expires.
    LimitExpiry { until: Option<Timestamp> },
    /// The time of expiry alone is set, of an object or of one item in it. An event, but no new revision. Older
    /// logs have such a change as an update without data, which is no event.
    SetExpiry {
        service: ServiceSid,
        object: ObjectSid,
        /// The object is made first when it does not stand (shared ones).
        shell: Option<Shell>,
        item: Option<ItemId>,
        if_match: Option<IfMatch>,
        expires: Option<Option<Timestamp>>,
        /// The list's or map's, beside that of the item.
        collection_expires: Option<Option<Timestamp>>,
    },
    /// What an identity may do with a fold, which is made in its zero state when it does not stand.
    PermitFold {
        service: ServiceSid,
        shell: Shell,
        shape: Shape,
        identity: Identity,
        permission: Option<Permission>,
    },
    /// A fold that stands as something else becomes one, and shares that it has lost are put back.
    RestoreFold { service: ServiceSid, shell: Shell, shape: Shape, shares: Vec<RestoredShare> },
    /// The store continues from a copy: each service goes on above the event id `floor`, or skips `gap` ids when it is
    /// beyond that, and every subscriber is answered in full.
    Restore { gap: u64, floor: EventId },
    /// The first record: the key of derived SIDs. Pseudonyms are of their service; with `Found` they are of the account.
    Begin { secret: [u8; 32] },
}

/// What a private document brings to a fold, rendered again from what stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) struct RestoredShare {
    pub(in crate::relay) source: ObjectSid,
    pub(in crate::relay) share: Share,
    /// The event of the document's last write: equal ranks stand in this order.
    pub(in crate::relay) reached: u64,
}

impl Effect {
    /// The service in which it happens; `None` for what is everybody's.
    pub(in crate::relay) fn service(&self) -> Option<ServiceSid> {
        match self {
            Self::Found { .. }
            | Self::Begin { .. }
            | Self::Activate { .. }
            | Self::LimitExpiry { .. }
            | Self::Restore { .. } => None,
            Self::CreateService { service, .. }
            | Self::UpdateService { service, .. }
            | Self::RemoveService { service }
            | Self::Create { service, .. }
            | Self::Update { service, .. }
            | Self::Remove { service, .. }
            | Self::Push { service, .. }
            | Self::SetItem { service, .. }
            | Self::RemoveItem { service, .. }
            | Self::Message { service, .. }
            | Self::Permit { service, .. }
            | Self::Expire { service, .. }
            | Self::Settle { service, .. }
            | Self::RemoveAt { service, .. }
            | Self::Forget { service, .. }
            | Self::SetExpiry { service, .. }
            | Self::PermitFold { service, .. }
            | Self::RestoreFold { service, .. } => Some(*service),
        }
    }
}

/// What an object is made with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) struct Shell {
    pub(in crate::relay) sid: ObjectSid,
    pub(in crate::relay) name: Option<UniqueName>,
    pub(in crate::relay) space: Space,
}

/// One rendered output of a private object at one place (decision 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) struct Publication {
    pub(in crate::relay) shell: Shell,
    pub(in crate::relay) spot: Spot,
    pub(in crate::relay) data: Data,
    pub(in crate::relay) expires: Option<Timestamp>,
}

impl Publication {
    /// Whether it stands somewhere: a message does not.
    fn is_kept(&self) -> bool {
        !matches!(self.spot, Spot::Message(_))
    }
}

/// Where in the shared object an output stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) enum Spot {
    /// It is the document.
    Document,
    /// The item of a map.
    Key { key: ItemKey, items_max: u32 },
    /// A new item of a list; that of the same source item again, if it has one there.
    Append {
        /// Whether it stays when its source is withdrawn.
        keep: bool,
        items_max: u32,
        /// Whether the oldest items make room, else the write is refused.
        drop_oldest: bool,
    },
    /// A message of a stream.
    Message(MessageSid),
    /// It is the document, and stays when its source is withdrawn.
    Kept,
    /// It is a share of the document, which is a fold.
    Fold { shape: Shape, share: Share },
}

impl Record {
    /// Bytes of its data, and a constant for the rest: what bounds a group.
    pub(in crate::relay) fn size_bytes(&self) -> usize {
        /// Heads, identities, names and hashes of one batch, about.
        const REST_BYTES: usize = 256;
        let published = |all: &[Publication]| all.iter().map(|it| it.data.size_bytes()).sum::<usize>();
        let data = |it: &Option<Data>| it.as_ref().map_or(0, Data::size_bytes);
        let claims = match &self.by {
            By::Policy { claims, .. } => claims.len(),
            By::Client { .. } | By::Backend | By::System => 0,
        };
        let own = match &self.effect {
            Effect::Create { data: own, publications, .. } => data(own) + published(publications),
            Effect::Update { data: own, publications, .. }
            | Effect::SetItem { data: own, publications, .. } => {
                data(own) + published(publications.as_deref().unwrap_or_default())
            }
            Effect::Push { data, publications, .. } | Effect::Message { data, publications, .. } => {
                data.size_bytes() + published(publications)
            }
            _ => 0,
        };
        REST_BYTES + claims + own
    }

    /// Whether anything of it stands in the log: a message alone is told once and not kept.
    pub(in crate::relay) fn is_kept(&self) -> bool {
        match &self.effect {
            Effect::Message { publications, .. } => publications.iter().any(Publication::is_kept),
            _ => true,
        }
    }

    /// What of it stands in the log: all but messages, which are told once and not kept. `None`
    /// when that is all.
    pub(in crate::relay) fn durable(mut self) -> Option<Self> {
        if !self.is_kept() {
            return None;
        }
        let kept = Publication::is_kept;
        match &mut self.effect {
            Effect::Message { data, publications, .. } => {
                *data = Data::empty();
                publications.retain(kept);
            }
            Effect::Create { publications, .. } | Effect::Push { publications, .. } => {
                publications.retain(kept);
            }
            Effect::Update { publications: Some(publications), .. }
            | Effect::SetItem { publications: Some(publications), .. } => publications.retain(kept),
            _ => (),
        }
        Some(self)
    }
}
