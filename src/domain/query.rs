//! What a caller asks to read.

use crate::domain::{
    limits::PAGE_ROWS_DEFAULT,
    name::{Identity, ItemId},
    object::{Address, ObjectKind},
    sid::ServiceSid,
};

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// All services, in the order in which they were made (backends only).
    Services(Range<u64>),
    /// A service's settings (backends only).
    Service(ServiceSid),
    /// All objects of one kind, in the order in which they were made (backends only).
    Objects(ServiceSid, ObjectKind, Range<u64>),
    /// An object, without its items.
    Object(Address),
    /// One item of a list or map; absent is an error.
    Item(Address, ItemId),
    /// Items of a list or map, in the order of their indexes or keys.
    Items(Address, Range<ItemId>),
    /// Who may do what with an object, in the order of the identities (backends only).
    Permissions(Address, Range<Identity>),
    /// What one identity may do with an object; without a grant it is an error (backends only).
    Permission(Address, Identity),
}

/// Which rows, in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range<K> {
    /// Only this one; the rest then has no meaning.
    pub only: Option<K>,
    /// Where to start; it need not stand. `None` starts at the edge.
    pub from: Option<K>,
    /// Whether `from` itself belongs to the answer.
    pub bounds: Bounds,
    /// In which direction.
    pub order: Order,
    /// How many at the most.
    pub rows: usize,
}

impl<K> Default for Range<K> {
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

/// The order of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Upwards: indexes as numbers, keys bytewise.
    Ascending,
    /// Downwards.
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
            Self::Services(_) | Self::Service(_) | Self::Objects(..) => None,
            Self::Object(address)
            | Self::Item(address, _)
            | Self::Items(address, _)
            | Self::Permissions(address, _)
            | Self::Permission(address, _) => Some(address),
        }
    }

    /// The service in which is asked, unless it is about all of them.
    pub fn service(&self) -> Option<ServiceSid> {
        match self {
            Self::Services(_) => None,
            Self::Service(service) | Self::Objects(service, ..) => Some(*service),
            _ => self.address().map(|it| it.service),
        }
    }

    /// Whether only backends may ask it.
    pub fn is_for_backends(&self) -> bool {
        !matches!(self, Self::Object(_) | Self::Item(..) | Self::Items(..))
    }
}
