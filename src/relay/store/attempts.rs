//! Attempts that may come again: what the last ones were answered (decision 7).
//!
//! Kept as little as the answer can be made of: what the attempt says itself, it says again.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        limits::REMEMBERED_MAX,
        name::ItemId,
        object::{EventId, Revision},
        sid::{MessageSid, ObjectSid, ServiceSid},
        time::Timestamp,
    },
    relay::{receipt::Receipt, store::fair_memory::FairMemory},
};

/// Names an attempt; equal only for one caller that says the same again. Its first four bytes are those of a digest of
/// the caller: the owner, among whom memory is shared.
pub(in crate::relay) type BatchId = [u8; 16];

/// The last attempts and their answers.
#[derive(Clone, Default)]
pub(in crate::relay) struct Attempts(FairMemory<Known>);

/// What one attempt was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) struct Known {
    /// When it was done.
    pub(in crate::relay) at: Timestamp,
    pub(in crate::relay) answer: Answered,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::relay) enum Answered {
    /// An object was made or set.
    Object { sid: ObjectSid, created: bool, revision: Revision, event_id: EventId },
    /// An item was made or set.
    Item { collection: ObjectSid, item: ItemId, created: bool, revision: Revision, event_id: EventId },
    /// An object was removed.
    ObjectRemoved,
    /// An item was removed.
    ItemRemoved { collection: ObjectSid, item: ItemId, revision: Revision, event_id: EventId },
    /// A message was sent, and something of it stands.
    Message(MessageSid),
    /// A grant was set.
    Permission { object: ObjectSid },
    /// A grant was taken away.
    PermissionRemoved,
    /// A service was made or changed.
    Service { service: ServiceSid, created: bool },
    /// A service was removed.
    ServiceRemoved,
}

impl Attempts {
    /// What this attempt was answered, if it is remembered.
    pub(in crate::relay) fn get(&self, batch: &BatchId) -> Option<&Known> {
        self.0.get(batch)
    }

    /// Remembers an attempt, up to [`REMEMBERED_MAX`], shared fairly among those who make them.
    pub(super) fn note(&mut self, batch: BatchId, known: Known) {
        self.0.note(batch, known, REMEMBERED_MAX);
    }

    /// All of them, of each owner the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (BatchId, &Known)> {
        self.0.iter()
    }
}

impl Known {
    /// What is kept of an answer.
    pub(super) fn of(receipt: &Receipt, at: Timestamp) -> Self {
        let answer = match receipt {
            Receipt::Object { head, created, .. } => Answered::Object {
                sid: head.sid,
                created: *created,
                revision: head.revision,
                event_id: head.last_event_id,
            },
            Receipt::Item { collection, item, created, .. } => Answered::Item {
                collection: *collection,
                item: item.id.clone(),
                created: *created,
                revision: item.revision,
                event_id: item.last_event_id,
            },
            Receipt::ObjectRemoved => Answered::ObjectRemoved,
            Receipt::ItemRemoved { collection, item, event_id, .. } => Answered::ItemRemoved {
                collection: *collection,
                item: item.id.clone(),
                revision: item.revision,
                event_id: *event_id,
            },
            Receipt::Message { message, .. } => Answered::Message(*message),
            Receipt::Permission(grant) => Answered::Permission { object: grant.object },
            Receipt::PermissionRemoved => Answered::PermissionRemoved,
            Receipt::Service { head, created } => Answered::Service { service: head.sid, created: *created },
            Receipt::ServiceRemoved => Answered::ServiceRemoved,
        };
        Self { at, answer }
    }
}
