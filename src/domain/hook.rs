//! What a service's webhook is told of one change: noted when it is applied, sent when it is durable.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{
    data::Data,
    name::{Identity, ItemId, UniqueName},
    object::{EventId, Revision},
    sid::{MessageSid, ObjectSid},
    time::Timestamp,
};

/// One webhook, before it is written as a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// When it happened.
    pub at: Timestamp,
    /// The object; hooks of one object keep their order. Presence has none: it is a number made of
    /// the identity, for the order alone.
    pub object: ObjectSid,
    /// The object's name.
    pub unique_name: Option<UniqueName>,
    /// Who did it; `None` is the system: a backend, a policy, an expiry.
    pub identity: Option<Identity>,
    /// The endpoint that the client's token names.
    pub endpoint: Option<Arc<str>>,
    /// What happened.
    pub note: Note,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// The object was made; `data` is that of a document.
    Created {
        /// Its first revision.
        revision: Revision,
        /// A document's content.
        data: Option<Data>,
    },
    /// A document was set.
    Updated {
        /// Its new revision.
        revision: Revision,
        /// Its new content.
        data: Data,
    },
    /// The object is gone.
    Removed {
        /// Its last revision.
        revision: Revision,
    },
    /// An item was made or set.
    ItemSet {
        /// The list's or map's new revision.
        revision: Revision,
        /// Whether the item is new.
        added: bool,
        /// The item.
        item: ItemId,
        /// Its new revision.
        item_revision: Revision,
        /// The event of this change.
        event: EventId,
        /// Its new content.
        data: Data,
    },
    /// An item is gone.
    ItemRemoved {
        /// The list's or map's new revision.
        revision: Revision,
        /// The item.
        item: ItemId,
        /// Its last revision.
        item_revision: Revision,
        /// The event of this change.
        event: EventId,
    },
    /// A message went through a stream. It is not kept, and neither is this.
    Message {
        /// The message.
        message: MessageSid,
        /// Its content.
        data: Data,
    },
    /// An endpoint has connected. It is not kept.
    Connected,
    /// An endpoint has disconnected, or an identity's last one has stayed away. It is not kept.
    Disconnected,
}

/// Bytes of a hook besides its data, about.
const HOOK_BYTES: u64 = 256;

impl Hook {
    /// Bytes that the bound on waiting hooks counts.
    pub fn size_bytes(&self) -> u64 {
        let data = match &self.note {
            Note::Created { data, .. } => data.as_ref(),
            Note::Updated { data, .. } | Note::ItemSet { data, .. } | Note::Message { data, .. } => {
                Some(data)
            }
            Note::Removed { .. } | Note::ItemRemoved { .. } | Note::Connected | Note::Disconnected => None,
        };
        HOOK_BYTES + data.map_or(0, |it| it.size_bytes() as u64)
    }
}
