//! What a caller asks to read.

use crate::domain::{limits::PAGE_ROWS_DEFAULT, name::ItemKey, object::Address, sid::ServiceSid};

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// A service's settings (backends only).
    Service(ServiceSid),
    /// An object, without its items.
    Object(Address),
    /// One item of a map; absent is an error.
    Item(Address, ItemKey),
    /// Items of a map, in the order of their keys.
    Items(Address, Range),
}

/// Which items, in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Only this key; the rest then has no meaning.
    pub only: Option<ItemKey>,
    /// Where to start; it need not stand. `None` starts at the edge.
    pub from: Option<ItemKey>,
    /// Whether `from` itself belongs to the answer.
    pub bounds: Bounds,
    /// In which direction.
    pub order: Order,
    /// How many at the most.
    pub rows: usize,
}

impl Default for Range {
    fn default() -> Self {
        Self {
            only: None,
            from: None,
            bounds: Bounds::Inclusive,
            order: Order::Ascending,
            rows: PAGE_ROWS_DEFAULT,
        }
    }
}

/// The order of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By key, bytewise upwards.
    Ascending,
    /// By key, bytewise downwards.
    Descending,
}

/// Whether the start of a range belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// It does.
    Inclusive,
    /// It does not.
    Exclusive,
}

impl Query {
    /// The object that is asked for, if it is one.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Service(_) => None,
            Self::Object(address) | Self::Item(address, _) | Self::Items(address, _) => Some(address),
        }
    }

    /// The service in which is asked.
    pub fn service(&self) -> ServiceSid {
        match self {
            Self::Service(service) => *service,
            Self::Object(address) | Self::Item(address, _) | Self::Items(address, _) => address.service,
        }
    }
}
