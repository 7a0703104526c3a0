//! What a verb answers when it succeeds: the state to render, nothing of the store.

use std::sync::Arc;

use crate::domain::{
    data::Data,
    name::Identity,
    object::{EventId, Head, Item},
    permission::Permission,
    service::ServiceHead,
    sid::{MessageSid, ObjectSid, ServiceSid},
    time::Timestamp,
};

/// What a change did; it is durable.
#[derive(Clone, Debug)]
pub enum Receipt {
    /// An object was made or changed.
    Object {
        /// In which service.
        service: ServiceSid,
        /// The object after the change.
        head: Box<Head>,
        /// A document's content after the change.
        data: Option<Data>,
        /// Whether it was made.
        created: bool,
    },
    /// An item was made or changed.
    Item {
        /// In which service.
        service: ServiceSid,
        /// In which list or map.
        collection: ObjectSid,
        /// The item after the change.
        item: Arc<Item>,
        /// Whether it was made.
        created: bool,
    },
    /// An object is gone.
    ObjectRemoved,
    /// An item is gone.
    ItemRemoved {
        /// In which service.
        service: ServiceSid,
        /// In which list or map.
        collection: ObjectSid,
        /// The item as it was.
        item: Arc<Item>,
        /// The event of its removal.
        event_id: EventId,
        /// When it was removed.
        at: Timestamp,
    },
    /// A message was sent.
    Message {
        /// The message.
        message: MessageSid,
        /// Its content.
        data: Data,
    },
    /// A grant was set.
    Permission(Grant),
    /// A grant was taken away.
    PermissionRemoved,
    /// A service was made or changed.
    Service {
        /// The service after the change.
        head: Box<ServiceHead>,
        /// Whether it was made.
        created: bool,
    },
    /// A service is gone.
    ServiceRemoved,
}

/// What an identity may do with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// In which service.
    pub service: ServiceSid,
    /// The object.
    pub object: ObjectSid,
    /// The identity.
    pub identity: Identity,
    /// What it may do.
    pub permission: Permission,
}

/// Some rows, in the order that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether rows stand on the other side of the start.
    pub before: bool,
    /// Whether more follow in this order.
    pub more: bool,
}

/// One object of a listing.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its place in the order in which objects were made.
    pub ordinal: u64,
    /// The object.
    pub head: Head,
    /// A document's content.
    pub data: Option<Data>,
}

/// The answer to a query.
#[derive(Clone, Debug)]
pub enum Reading {
    /// Some services.
    Services(Page<ServiceHead>),
    /// A service's settings.
    Service(Box<ServiceHead>),
    /// Some objects.
    Objects {
        /// In which service.
        service: ServiceSid,
        /// The objects.
        page: Page<Listed>,
    },
    /// An object.
    Object {
        /// In which service.
        service: ServiceSid,
        /// The object.
        head: Box<Head>,
        /// A document's content, a list's context.
        data: Option<Data>,
    },
    /// One item.
    Item {
        /// In which service.
        service: ServiceSid,
        /// In which list or map.
        collection: ObjectSid,
        /// The item.
        item: Arc<Item>,
    },
    /// Some items.
    Items {
        /// In which service.
        service: ServiceSid,
        /// In which list or map.
        collection: ObjectSid,
        /// The items.
        page: Page<Arc<Item>>,
    },
    /// Some grants of an object.
    Permissions {
        /// The object; it stands in its grants too.
        object: ObjectSid,
        /// The grants.
        page: Page<Grant>,
    },
    /// One grant.
    Permission(Grant),
}
