//! One policy, compiled: what the gate asks and the rewrite renders.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    domain::{name::UniqueName, object::ObjectKind, sid::ServiceSid, time::Ttl},
    policy::{
        expression::{Expression, LookupName},
        folding::Folding,
        pattern::{Captures, Pattern},
        rate::Limit,
        rewrite::Rewrite,
        schema::Schema,
        template::{self, Bindings, RenderFault, Rendered},
        write_cost::WriteCost,
    },
};

/// One policy. Its name patterns were proven disjoint from those of its set.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The name of its folder.
    pub name: Arc<str>,
    /// The first 12 hexadecimal digits of the hash of its own files.
    pub version: Arc<str>,
    /// What no other policy, and no other version of this one, has: the limits are kept under it.
    pub number: u64,
    /// What it is for, in its author's words.
    pub description: Option<Arc<str>>,
    /// Whether clients may write at all.
    pub mode: Mode,
    /// The private object.
    pub from: Source,
    /// What bounds the captured variables.
    pub bounds: Vec<Bound>,
    /// The limits, in the order of the file.
    pub limits: Vec<Limit>,
    /// Other objects that the rules read.
    pub lookups: Vec<Lookup>,
    /// The conditions, in the order of the file.
    pub rules: Vec<Rule>,
    /// What it publishes.
    pub targets: Vec<Target>,
    /// Whether a rule or a rewrite reads what was admitted before.
    pub reads_previous: bool,
    /// What it may cost to judge and to rewrite one write.
    pub cost: WriteCost,
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

    /// What the document of this name folds, if it is one that this policy publishes as a fold.
    pub fn fold_at(&self, name: &UniqueName) -> Option<&Folding> {
        self.shared_at(name).and_then(|it| it.0.fold.as_ref())
    }

    /// The target whose shared object has this name, and what the name captures. All targets of one name have
    /// one `read`: the compiler has seen to it.
    pub fn shared_at(&self, name: &UniqueName) -> Option<(&Target, Captures)> {
        self.targets.iter().find_map(|it| Some((it, it.name.captures(name)?)))
    }

    /// What its rules read besides the private object: kinds and names.
    pub(super) fn looked_up(&self) -> impl Iterator<Item = (ObjectKind, &Pattern)> {
        let lookups = self.lookups.iter().map(|it| (it.kind, &it.pattern));
        lookups.chain(self.bounds.iter().filter_map(|it| it.exists.as_ref().map(|it| (it.0, &it.1))))
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
    /// Writes are judged, and what schema or conditions refuse is admitted with a warning (decision 31).
    Warn,
    /// Clients cannot write; the names stay closed (decision 14).
    Off,
}

pub use crate::domain::detail::Detail;

/// Who may read a shared object (decision 20).
#[derive(Clone, Debug, PartialEq)]
pub enum Read {
    /// Each identity of the service.
    Everyone,
    /// Identities with a permission.
    Permission,
    /// Those for whom this holds, and identities with a permission.
    Condition(Expression),
}

/// A condition that an admitted write fulfils.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name, unique in the policy: refusals, logs and coverage use it.
    pub name: Arc<str>,
    /// What must hold.
    pub that: Expression,
    /// What a refused client is told, as far as `detail` allows.
    pub message: Option<Arc<str>>,
}

/// The stages, as refusals name them: a condition cannot take one of these names.
pub(super) const STAGES: [&str; 11] = [
    "token",
    "standing",
    "address",
    "limit",
    "quota",
    "size",
    "schema",
    "lookup",
    "hook",
    "rewrite",
    "shared-schema",
];

/// Another object that the rules of a policy read; clients cannot write it (decision 17).
#[derive(Clone, Debug)]
pub struct Lookup {
    /// What expressions call it.
    pub name: Arc<str>,
    /// A document, or a map.
    pub kind: ObjectKind,
    /// Its names.
    pub pattern: Pattern,
    /// The item of a map.
    pub key: Option<Pattern>,
    /// Whether a write is refused when it does not stand.
    pub required: bool,
    /// What its author says of it: it bounds what expressions read of it. Nobody checks the object itself.
    pub schema: Option<Schema>,
}

impl Lookup {
    /// What expressions know of it.
    pub(super) fn name_in_scope(&self) -> LookupName<'_> {
        let schema = self.schema.as_ref().map(Schema::document);
        LookupName { name: &self.name, required: self.required, schema }
    }
}

/// What a captured variable may be (decision 19).
#[derive(Clone, Debug)]
pub struct Bound {
    /// The variable.
    pub variable: Arc<str>,
    /// The whole text matches this.
    pub pattern: Option<regex::Regex>,
    /// It stands in this list of the claims, by the path below `claims`.
    pub one_of: Option<Vec<String>>,
    /// This object stands.
    pub exists: Option<(ObjectKind, Pattern)>,
}

impl Bound {
    /// Whether text and claims allow what was captured; `exists` is asked apart.
    pub fn allows(&self, captures: &Captures, claims: &Value) -> bool {
        // A shared name need not have each variable of `from`.
        let Some(text) = captures.get(&self.variable) else { return true };
        let listed = |path: &Vec<String>| {
            let list = path.iter().try_fold(claims, |it, step| it.get(step)).and_then(Value::as_array);
            list.is_some_and(|it| it.iter().any(|it| it.as_str() == Some(text)))
        };
        self.pattern.as_ref().is_none_or(|it| it.is_match(text)) && self.one_of.as_ref().is_none_or(listed)
    }
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
    /// Whether what was published can be taken back.
    pub withdraw: Withdraw,
}

/// Whether a client can take back what it has published (decision 22).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdraw {
    /// By `{}`, removal and a time to live.
    Free,
    /// It is final.
    Never,
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
    /// What it folds; `None` shows each source by itself.
    pub fold: Option<Folding>,
    /// Whether it can be made of the private object alone, at any time: nothing in it reads what was before, or a lookup.
    pub alone: bool,
    /// Whether `{pseudonym}` stands in it.
    pub veiled: bool,
    pub(super) rewrite: Rewrite,
}

impl Target {
    /// The name of the shared object.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn name_of(&self, bindings: &Bindings<'_>) -> Result<UniqueName, RenderFault> {
        template::name(&self.name, bindings)
    }

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
