//! What a verb answers when it succeeds: the state to render, nothing of the store.

use std::sync::Arc;

use crate::domain::{
    data::Data,
    object::{EventId, Head, Item},
    service::ServiceHead,
    sid::{ObjectSid, ServiceSid},
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
        /// In which map.
        map: ObjectSid,
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
        /// In which map.
        map: ObjectSid,
        /// The item as it was.
        item: Arc<Item>,
        /// The event of its removal.
        event_id: EventId,
        /// When it was removed.
        at: Timestamp,
    },
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

/// The answer to a query.
#[derive(Clone, Debug)]
pub enum Reading {
    /// A service's settings.
    Service(Box<ServiceHead>),
    /// An object; `data` of documents.
    Object {
        /// In which service.
        service: ServiceSid,
        /// The object.
        head: Box<Head>,
        /// A document's content.
        data: Option<Data>,
    },
    /// One item.
    Item {
        /// In which service.
        service: ServiceSid,
        /// In which map.
        map: ObjectSid,
        /// The item.
        item: Arc<Item>,
    },
    /// Some items, in the order that was asked for.
    Items {
        /// In which service.
        service: ServiceSid,
        /// In which map.
        map: ObjectSid,
        /// The items.
        items: Vec<Arc<Item>>,
        /// Whether items stand on the other side of the start.
        before: bool,
        /// Whether more follow in this order.
        more: bool,
    },
}
