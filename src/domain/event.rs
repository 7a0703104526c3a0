//! What has happened, once it is durable. An event is encoded once, for all who hear it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::domain::{
    data::Data,
    name::UniqueName,
    object::{EventId, Item, ObjectKind, Revision},
    sid::{MessageSid, ObjectSid, ServiceSid},
    time::Timestamp,
};

/// One event of one object.
#[derive(Debug)]
pub struct Event {
    /// The service in which the object stands.
    pub service: ServiceSid,
    /// The object.
    pub object: ObjectSid,
    /// The object's name.
    pub unique_name: Option<UniqueName>,
    /// Its place in the service's order; it ascends for every subscriber.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub what: Happening,
    frame: OnceLock<Bytes>,
    block: OnceLock<Bytes>,
}

/// What happened to an object.
#[derive(Debug, Clone)]
pub enum Happening {
    /// A document was set.
    DocumentSet {
        /// Its new revision.
        revision: Revision,
        /// Its new content.
        data: Data,
        /// When it is gone.
        date_expires: Option<Timestamp>,
    },
    /// The object is gone.
    ObjectRemoved,
    /// An item of a list or map was made or set.
    ItemSet {
        /// The list's or map's new revision.
        revision: Revision,
        /// Whether the item is new.
        added: bool,
        /// The item after it.
        item: Arc<Item>,
    },
    /// An item of a list or map is gone.
    ItemRemoved {
        /// The list's or map's new revision.
        revision: Revision,
        /// The item before; in a replay only its name is known and the data is empty.
        item: Arc<Item>,
    },
    /// A message went through a stream: it is not kept, and has no id of its own.
    MessagePublished {
        /// The message.
        message: MessageSid,
        /// Its content.
        data: Data,
        /// Whether it was sent to this very stream: its sender then does not hear it (decision 30).
        direct: bool,
    },
}

impl Happening {
    /// The data that it tells.
    pub fn data(&self) -> Option<&Data> {
        match self {
            Self::DocumentSet { data, .. } | Self::MessagePublished { data, .. } => Some(data),
            Self::ItemSet { item, .. } | Self::ItemRemoved { item, .. } => Some(&item.data),
            Self::ObjectRemoved => None,
        }
    }
}

impl Event {
    /// An event that nobody has encoded yet.
    pub fn new(
        service: ServiceSid,
        object: ObjectSid,
        unique_name: Option<UniqueName>,
        id: EventId,
        at: Timestamp,
        what: Happening,
    ) -> Self {
        Self { service, object, unique_name, id, at, what, frame: OnceLock::new(), block: OnceLock::new() }
    }

    /// The kind of its object.
    pub fn kind(&self) -> ObjectKind {
        self.object.kind
    }

    /// The bytes of its frame: encoded by the first who asks, the same for all others.
    pub fn frame(&self, encode: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.frame.get_or_init(|| encode(self)).clone()
    }

    /// The bytes of its block in a stream of server-sent events: likewise.
    pub fn block(&self, encode: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.block.get_or_init(|| encode(self)).clone()
    }
}
