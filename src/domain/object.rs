//! Objects as they stand: kinds, spaces, revisions, heads and items.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::domain::{
    data::Data,
    name::{Identity, ItemId, UniqueName},
    sid::{ObjectSid, ServiceSid},
    time::Timestamp,
};

/// The four kinds of objects (Sync).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ObjectKind {
    /// One JSON object.
    Document,
    /// Items in the order of their indexes.
    List,
    /// Items by key.
    Map,
    /// Messages that are not kept.
    Stream,
}

impl ObjectKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Document, Self::List, Self::Map, Self::Stream];

    /// The word in logs, policies and errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::List => "list",
            Self::Map => "map",
            Self::Stream => "stream",
        }
    }

    /// The two letters before the digits of a SID.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Document => "ET",
            Self::List => "ES",
            Self::Map => "MP",
            Self::Stream => "TO",
        }
    }

    /// The kind that the two letters say.
    pub fn from_prefix(prefix: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.prefix() == prefix)
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// An object in a service, by SID or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The service in which it stands.
    pub service: ServiceSid,
    /// The kind under which it was asked for.
    pub kind: ObjectKind,
    /// The object itself.
    pub object: ObjectRef,
}

/// How an object is named in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectRef {
    /// By SID.
    Sid(ObjectSid),
    /// By unique name.
    Name(UniqueName),
}

/// Whose business an object is (decision 14); stored with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Space {
    /// No policy governs it: Sync's own rules.
    Plain,
    /// A policy's `from` matches it: it belongs to one identity.
    Private {
        /// Whose it is.
        owner: Identity,
        /// The policy's name.
        policy: Arc<str>,
    },
    /// A policy's `to` names it: clients only read it.
    Shared {
        /// The policy's name.
        policy: Arc<str>,
    },
}

/// Counts the changes of one object or item; lower-case hexadecimal text on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision after one more change.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:x}", self.0)
    }
}

/// The place of an event in its service's order (decision 6): ascending, with gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId(pub u64);

/// What is known of an object besides its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its SID.
    pub sid: ObjectSid,
    /// Its name, if it has one.
    pub unique_name: Option<UniqueName>,
    /// Whose business it is.
    pub space: Space,
    /// The identity that made it; `None` is the system (REST, policies).
    pub created_by: Option<Identity>,
    /// When it was made.
    pub date_created: Timestamp,
    /// When it, or an item of it, last changed.
    pub date_updated: Timestamp,
    /// When it is gone; `None` never.
    pub date_expires: Option<Timestamp>,
    /// Counts its changes, those of its items included.
    pub revision: Revision,
    /// Its newest event; 0 before the first.
    pub last_event_id: EventId,
}

impl Head {
    /// Whether it is gone at `now`.
    pub fn expired(&self, now: Timestamp) -> bool {
        self.date_expires.is_some_and(|it| it <= now)
    }
}

/// One entry of a list or map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its index or key.
    pub id: ItemId,
    /// Its content.
    pub data: Data,
    /// The identity that made it; `None` is the system.
    pub created_by: Option<Identity>,
    /// When it was made.
    pub date_created: Timestamp,
    /// When it last changed.
    pub date_updated: Timestamp,
    /// When it is gone; `None` never.
    pub date_expires: Option<Timestamp>,
    /// Counts its changes.
    pub revision: Revision,
    /// The event of its making: tells "added" from "updated" in a replay.
    pub created_event_id: EventId,
    /// Its newest event.
    pub last_event_id: EventId,
}

impl Item {
    /// Whether it is gone at `now`.
    pub fn expired(&self, now: Timestamp) -> bool {
        self.date_expires.is_some_and(|it| it <= now)
    }
}
