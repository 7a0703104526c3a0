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
    frames: [OnceLock<Bytes>; 2],
    block: OnceLock<Bytes>,
}

/// The version of Sync's event protocol that a client speaks: it decides how a notification is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventProtocol {
    /// Up to 3: each notification carries `event`, one object.
    V3,
    /// From 4 on, and what holds for a client that names none: subscription notices carry `events`, an array.
    #[default]
    V4,
}

impl EventProtocol {
    /// The number on the wire.
    pub fn number(self) -> u64 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }
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
        Self {
            service,
            object,
            unique_name,
            id,
            at,
            what,
            frames: Default::default(),
            block: OnceLock::new(),
        }
    }

    /// The kind of its object.
    pub fn kind(&self) -> ObjectKind {
        self.object.kind
    }

    /// The bytes of its frame in one protocol: encoded by the first who asks, the same for all others.
    pub fn frame(&self, protocol: EventProtocol, encode: impl FnOnce(&Self) -> Bytes) -> Bytes {
        let [v3, v4] = &self.frames;
        let frame = match protocol {
            EventProtocol::V3 => v3,
            EventProtocol::V4 => v4,
        };
        frame.get_or_init(|| encode(self)).clone()
    }

    /// The bytes of its block in a stream of server-sent events: likewise.
    pub fn block(&self, encode: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.block.get_or_init(|| encode(self)).clone()
    }
}
