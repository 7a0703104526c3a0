//! One policy, compiled: what the gate asks and the rewrite renders.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    domain::{object::ObjectKind, sid::ServiceSid, time::Ttl},
    policy::{
        pattern::Pattern,
        rate::Limit,
        schema::Schema,
        template::{self, Bindings, RenderFault, Rendered, Rewrite},
    },
};

/// One policy. Its name patterns were proven disjoint from those of its set.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The name of its folder.
    pub name: Arc<str>,
    /// The first 12 hexadecimal digits of the hash of its own files.
    pub version: Arc<str>,
    /// What it is for, in its author's words.
    pub description: Option<Arc<str>>,
    /// Whether clients may write at all.
    pub mode: Mode,
    /// The private object.
    pub from: Source,
    /// The limits, in the order of the file.
    pub limits: Vec<Limit>,
    /// What it publishes.
    pub targets: Vec<Target>,
    /// How much a refused client is told.
    pub detail: Detail,
    /// The services that it governs; `None` is each.
    pub(super) services: Option<Vec<ServiceName>>,
}

impl Policy {
    /// Whether it governs a service.
    pub fn governs(&self, service: ServiceSid, unique_name: Option<&str>) -> bool {
        self.services.as_ref().is_none_or(|list| {
            list.iter().any(|it| match it {
                ServiceName::Sid(sid) => *sid == service,
                ServiceName::Unique(name) => unique_name == Some(&**name),
            })
        })
    }

    /// A service that it governs when it does not govern the default one; `None` when it does, or names none by SID.
    pub fn elsewhere(&self) -> Option<ServiceSid> {
        let list = self.services.as_ref()?;
        let default = list.iter().any(|it| matches!(it, ServiceName::Unique(name) if &**name == "default"));
        let sid = list.iter().find_map(|it| match it {
            ServiceName::Sid(sid) => Some(*sid),
            ServiceName::Unique(_) => None,
        });
        sid.filter(|_| !default)
    }

    /// Whether one service could be governed by both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let (Some(own), Some(others)) = (&self.services, &other.services) else { return true };
        own.iter().any(|one| {
            others.iter().any(|two| match (one, two) {
                (ServiceName::Sid(one), ServiceName::Sid(two)) => one == two,
                (ServiceName::Unique(one), ServiceName::Unique(two)) => one == two,
                // A SID and a unique name may be one service: that is known at run time only.
                _ => true,
            })
        })
    }
}

/// Whether a policy admits writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Writes are judged.
    Enforce,
    /// Clients cannot write; the names stay closed (decision 14).
    Off,
}

pub use crate::domain::detail::Detail;

/// Who may read a shared object (decision 20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Each identity of the service.
    Everyone,
    /// Identities with a permission.
    Permission,
}

/// What becomes of what a document has appended to a list when it is withdrawn (decision 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnWithdraw {
    /// All of it is removed.
    All,
    /// It stays.
    Keep,
}

/// What happens when a shared list is full (decision 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The write is refused.
    Refuse,
    /// The oldest items make room.
    DropOldest,
}

/// A service, as `services` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ServiceName {
    Sid(ServiceSid),
    Unique(Arc<str>),
}

/// The private object that clients write.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its names; `{identity}` is among the variables.
    pub pattern: Pattern,
    /// The schema of the document, of each item, or of each message.
    pub schema: Option<Schema>,
    /// Bytes of the data, at most.
    pub max_bytes: usize,
    /// Objects of one identity, at most.
    pub objects_max: u32,
    /// How long what is written stands.
    pub until: Until,
}

/// How long a private object stands (decision 27).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until it is changed, withdrawn or removed.
    Changed,
    /// It is withdrawn when the last socket of its identity is gone.
    Disconnect,
}

/// One thing that is published.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its kind.
    pub kind: ObjectKind,
    /// The names of the shared object.
    pub name: Pattern,
    /// The key of the item in it, when it is a map.
    pub key: Option<Pattern>,
    /// Whether several private objects may publish to one place (decision 2).
    pub contended: bool,
    /// Who may read it.
    pub read: Read,
    /// What becomes of the items of a list when their source is withdrawn.
    pub on_withdraw: OnWithdraw,
    /// Items of the shared list or map, at most.
    pub items_max: u32,
    /// What happens when it is full.
    pub when_full: WhenFull,
    /// When what was published is gone unless it is published again.
    pub ttl: Option<Ttl>,
    /// The schema of the result.
    pub schema: Option<Schema>,
    pub(super) rewrite: Rewrite,
}

impl Target {
    /// What this target publishes for a private object's data; its `schema` is the caller's to check.
    ///
    /// # Errors
    /// When the name, the key or the data cannot be made, for example because a claim is missing.
    pub fn render(&self, data: &Value, bindings: &Bindings<'_>) -> Result<Rendered, RenderFault> {
        Ok(Rendered {
            name: template::name(&self.name, bindings)?,
            key: self.key.as_ref().map(|it| template::key(it, bindings)).transpose()?,
            data: self.rewrite.apply(data, bindings)?,
        })
    }
}
