//! The stored form of batches: literal values only, versioned, sealed into a hash chain.
//!
//! A group is one blob: version, hash of the group before, records, hash over all of it. A group
//! that does not open, or does not follow its predecessor, stops the process (decision 8).

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        change::{Expect, IfMatch},
        data::Data,
        name::{Identity, ItemId, ItemKey, UniqueName},
        object::{Revision, Space},
        permission::{Permission, Right},
        service::Settings,
        sid::{MessageSid, ObjectSid, ServiceSid},
        time::Timestamp,
    },
    policy::Reserved,
    relay::refusal::DecisionId,
};

/// The version of the form that is written.
const VERSION: u8 = 3;
/// The one before it, which is read: its records name no endpoint.
const VERSION_BEFORE: u8 = 2;
/// Version, hash before, hash after.
const FRAME_BYTES: usize = 1 + 32 + 32;

/// The head of the chain: the hash of the newest group.
pub(in crate::relay) type Chain = [u8; 32];

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
    /// What it does.
    pub(in crate::relay) effect: Effect,
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
}

impl Effect {
    /// The service in which it happens; `None` for what is everybody's.
    pub(in crate::relay) fn service(&self) -> Option<ServiceSid> {
        match self {
            Self::Found { .. } | Self::Activate { .. } => None,
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
            | Self::Forget { service, .. } => Some(*service),
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
}

impl Record {
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

/// Why a stored group cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::relay) enum Broken {
    #[error("the group has another version than this program writes")]
    Version,
    #[error("the group does not follow the one before it")]
    Chain,
    #[error("the group was changed after it was written")]
    Hash,
    #[error("the group holds a record that this program does not know")]
    Unknown,
}

/// Seals the records of one group; gives the blob and the new head of the chain.
pub(in crate::relay) fn seal(
    before: &Chain,
    seq: u64,
    records: &[Record],
) -> Result<(Vec<u8>, Chain), Broken> {
    let mut blob = vec![VERSION];
    blob.extend_from_slice(before);
    let mut blob = postcard::to_extend(records, blob).map_err(|_| Broken::Unknown)?;
    let head = hash(seq, &blob);
    blob.extend_from_slice(&head);
    Ok((blob, head))
}

/// Opens a group that must follow `before`.
pub(in crate::relay) fn open(before: &Chain, seq: u64, blob: &[u8]) -> Result<(Vec<Record>, Chain), Broken> {
    let version = blob.first().copied();
    if ![Some(VERSION), Some(VERSION_BEFORE)].contains(&version) {
        return Err(Broken::Version);
    }
    if blob.len() < FRAME_BYTES {
        return Err(Broken::Hash);
    }
    let (sealed, stored) = blob.split_at(blob.len() - 32);
    let head = hash(seq, sealed);
    if stored != head {
        return Err(Broken::Hash);
    }
    let body = sealed.get(1..).unwrap_or_default();
    let Some(records) = body.strip_prefix(before.as_slice()) else {
        return Err(Broken::Chain);
    };
    let (records, rest) = if version == Some(VERSION) {
        postcard::take_from_bytes::<Vec<Record>>(records).map_err(|_| Broken::Unknown)?
    } else {
        let read = postcard::take_from_bytes::<Vec<RecordBefore>>(records);
        let (records, rest) = read.map_err(|_| Broken::Unknown)?;
        (records.into_iter().map(Record::from).collect(), rest)
    };
    if rest.is_empty() { Ok((records, head)) } else { Err(Broken::Unknown) }
}

/// A record of the version before.
#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct RecordBefore {
    at: Timestamp,
    decision: DecisionId,
    by: By,
    policies: Arc<str>,
    batch: Option<[u8; 16]>,
    effect: Effect,
}

impl From<RecordBefore> for Record {
    fn from(before: RecordBefore) -> Self {
        let RecordBefore { at, decision, by, policies, batch, effect } = before;
        Self { at, decision, by, endpoint: None, policies, batch, effect }
    }
}

fn hash(seq: u64, sealed: &[u8]) -> Chain {
    let mut context = Context::new(&SHA256);
    context.update(&seq.to_be_bytes());
    context.update(sealed);
    let mut head = [0; 32];
    head.copy_from_slice(context.finish().as_ref());
    head
}

#[cfg(test)]
mod tests;
