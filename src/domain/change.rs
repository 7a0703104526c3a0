//! What a caller asks to be changed: an address and one operation of Sync's.

use std::fmt;

use crate::domain::{
    data::Input,
    limits::IDEMPOTENCY_KEY_BYTES_MAX,
    name::{Identity, ItemId, ItemKey, UniqueName},
    object::{Address, ObjectKind, ObjectRef, Revision},
    permission::Permission,
    service::SettingsChange,
    sid::ServiceSid,
    time::Ttl,
};

/// One change of one object, or of one service.
#[derive(Clone, Debug)]
pub struct Change {
    /// What it changes, and how.
    pub operation: Operation,
    /// Only if the revision still is this one.
    pub if_match: Option<IfMatch>,
    /// Makes a repeated attempt the same attempt (decision 7).
    pub idempotency: Option<IdempotencyKey>,
}

/// The operations: Sync's set, create, remove, publish and permit.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Makes an object; its name must be free.
    Create {
        /// In which service.
        service: ServiceSid,
        /// Of which kind.
        kind: ObjectKind,
        /// Under which name, if any.
        name: Option<UniqueName>,
        /// The content of a document, the context of a list; empty for the others.
        data: Input,
        /// When it is gone.
        ttl: Option<Ttl>,
    },
    /// Sets a document's data, or an object's time to live, or both.
    Update {
        /// The object.
        address: Address,
        /// The new content; `None` leaves it (only the time to live changes).
        data: Option<Input>,
        /// The new time to live; `None` leaves it.
        ttl: Option<Ttl>,
    },
    /// Removes an object with all that is in it.
    Remove {
        /// The object.
        address: Address,
    },
    /// Appends an item to a list; the server gives the index.
    Push {
        /// The list.
        address: Address,
        /// The content.
        data: Input,
        /// The item's time to live.
        ttl: Option<Ttl>,
        /// The list's time to live.
        collection_ttl: Option<Ttl>,
    },
    /// Sets an item of a list or map.
    SetItem {
        /// The list or map.
        address: Address,
        /// The item.
        item: ItemId,
        /// What must be true of the item before.
        expect: Expect,
        /// The new content; `None` leaves it (only times to live change).
        data: Option<Input>,
        /// The item's time to live.
        ttl: Option<Ttl>,
        /// The list's or map's time to live.
        collection_ttl: Option<Ttl>,
    },
    /// Removes an item of a list or map.
    RemoveItem {
        /// The list or map.
        address: Address,
        /// The item.
        item: ItemId,
    },
    /// Sends a message through a stream.
    Publish {
        /// The stream.
        address: Address,
        /// The message.
        data: Input,
    },
    /// Sets what an identity may do with an object (backends only).
    Permit {
        /// The object.
        address: Address,
        /// The identity.
        identity: Identity,
        /// What it may do; `None` takes the grant away.
        permission: Option<Permission>,
    },
    /// Makes a service (backends only).
    CreateService {
        /// `default` when it is made through the alias.
        default: bool,
        /// Its settings.
        settings: SettingsChange,
    },
    /// Changes a service's settings (backends only).
    UpdateService {
        /// The service.
        service: ServiceSid,
        /// The settings that change.
        settings: SettingsChange,
    },
    /// Removes a service with all that is in it (backends only).
    RemoveService {
        /// The service.
        service: ServiceSid,
    },
}

/// What a write of an item asks of the item that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Expect {
    /// Nothing: it is made or replaced.
    Any,
    /// It must not stand: else 409.
    Absent,
    /// It must stand: else 404.
    Present,
}

/// A condition on the revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum IfMatch {
    /// It must be this one.
    Revision(Revision),
    /// The item must not stand (`-1`, the SDK's mutate of an unknown key).
    Absent,
}

/// What a client calls its attempt, so that a repetition is recognised.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key, unless it is empty or longer than [`IDEMPOTENCY_KEY_BYTES_MAX`]: then there is none.
    pub fn parse(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= IDEMPOTENCY_KEY_BYTES_MAX).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("IdempotencyKey")
    }
}

impl Operation {
    /// Makes an item: a list gives the index, in a map the key must be free.
    pub fn new_item(
        address: Address,
        key: Option<ItemKey>,
        data: Input,
        ttl: Option<Ttl>,
        collection_ttl: Option<Ttl>,
    ) -> Self {
        match key {
            None => Self::Push { address, data, ttl, collection_ttl },
            Some(key) => {
                let (item, expect, data) = (key.into(), Expect::Absent, Some(data));
                Self::SetItem { address, item, expect, data, ttl, collection_ttl }
            }
        }
    }

    /// The object that it is about, unless it makes one or is about a service.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Update { address, .. }
            | Self::Remove { address }
            | Self::Push { address, .. }
            | Self::SetItem { address, .. }
            | Self::RemoveItem { address, .. }
            | Self::Publish { address, .. }
            | Self::Permit { address, .. } => Some(address),
            Self::Create { .. }
            | Self::CreateService { .. }
            | Self::UpdateService { .. }
            | Self::RemoveService { .. } => None,
        }
    }

    /// The service that it is about, unless it makes one.
    pub fn service(&self) -> Option<ServiceSid> {
        match self {
            Self::Create { service, .. }
            | Self::UpdateService { service, .. }
            | Self::RemoveService { service } => Some(*service),
            Self::CreateService { .. } => None,
            _ => self.address().map(|it| it.service),
        }
    }

    /// The address of what it makes, if that has a name.
    pub fn created(&self) -> Option<Address> {
        let Self::Create { service, kind, name: Some(name), .. } = self else {
            return None;
        };
        Some(Address { service: *service, kind: *kind, object: ObjectRef::Name(name.clone()) })
    }

    /// The service whose settings it changes.
    pub fn reforms(&self) -> Option<ServiceSid> {
        match self {
            Self::UpdateService { service, .. } => Some(*service),
            _ => None,
        }
    }

    /// Whether it can make the state larger.
    pub fn grows(&self) -> bool {
        match self {
            Self::Create { .. } | Self::CreateService { .. } | Self::SetItem { .. } | Self::Push { .. } => {
                true
            }
            Self::Update { data, .. } => data.is_some(),
            Self::Permit { permission, .. } => permission.is_some(),
            _ => false,
        }
    }

    /// Whether it gives something a time to live.
    pub fn expires(&self) -> bool {
        let lasts = |ttl: &Option<Ttl>| ttl.is_some_and(|it| it.seconds() != 0);
        match self {
            Self::Create { ttl, .. } | Self::Update { ttl, .. } => lasts(ttl),
            Self::Push { ttl, collection_ttl, .. } | Self::SetItem { ttl, collection_ttl, .. } => {
                lasts(ttl) || lasts(collection_ttl)
            }
            _ => false,
        }
    }

    /// The data that it brings, if any.
    pub fn data(&self) -> Option<&Input> {
        match self {
            Self::Create { data, .. } | Self::Push { data, .. } | Self::Publish { data, .. } => Some(data),
            Self::Update { data, .. } | Self::SetItem { data, .. } => data.as_ref(),
            _ => None,
        }
    }
}
