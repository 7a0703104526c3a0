//! Who may do what: made-up callers ask the real gate, rewrite and `apply`, in memory, for each kind of place that a
//! set of policies knows, and for the plain objects beside them.
//!
//! Every question is asked of the same state, with the data `{}`, which fits each schema; limits are not charged.

mod world;

use std::sync::Arc;

use crate::{
    domain::{name::UniqueName, object::ObjectKind},
    policy::{Pattern, PolicySet},
    relay::refusal::Refusal,
};
use world::World;

/// The identity that owns what is asked about.
const OWNER: &str = "ada";
/// An identity that has nothing to do with it.
const OTHER: &str = "bob";
/// An identity that a backend has granted everything that it can grant.
const GRANTED: &str = "carol";

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Nobody: there is no credential.
    Anonymous,
    /// The identity in the name of the private object, or that made the plain one; it is connected.
    Owner,
    /// Another identity.
    Other,
    /// Another identity, whose token has no claims: it fails each condition of `read` and bound of a variable that asks for one.
    Unclaimed,
    /// Another identity, to which a backend has granted all rights.
    Granted,
    /// A backend.
    Backend,
}

impl Asker {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Anonymous, Self::Owner, Self::Other, Self::Unclaimed, Self::Granted, Self::Backend];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Owner => "owner",
            Self::Other => "other",
            Self::Unclaimed => "no-claims",
            Self::Granted => "granted",
            Self::Backend => "backend",
        }
    }

    const fn identity(self) -> Option<&'static str> {
        match self {
            Self::Owner => Some(OWNER),
            Self::Other | Self::Unclaimed => Some(OTHER),
            Self::Granted => Some(GRANTED),
            Self::Anonymous | Self::Backend => None,
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads the object, or its items.
    Read,
    /// Subscribes.
    Watch,
    /// Makes the object, where it does not stand.
    Create,
    /// Sets a document.
    Write,
    /// Appends an item to a list.
    Push,
    /// Sets an item.
    Set,
    /// Sends a message.
    Publish,
    /// Removes an item.
    RemoveItem,
    /// Removes the object.
    Remove,
    /// Grants a right to somebody.
    Permit,
}

impl Verb {
    /// The verbs of a kind of object.
    pub const fn of(kind: ObjectKind) -> &'static [Self] {
        match kind {
            ObjectKind::Document => {
                &[Self::Read, Self::Watch, Self::Create, Self::Write, Self::Remove, Self::Permit]
            }
            ObjectKind::List => &[
                Self::Read,
                Self::Watch,
                Self::Create,
                Self::Push,
                Self::Set,
                Self::RemoveItem,
                Self::Remove,
                Self::Permit,
            ],
            ObjectKind::Map => &[
                Self::Read,
                Self::Watch,
                Self::Create,
                Self::Set,
                Self::RemoveItem,
                Self::Remove,
                Self::Permit,
            ],
            ObjectKind::Stream => {
                &[Self::Read, Self::Watch, Self::Create, Self::Publish, Self::Remove, Self::Permit]
            }
        }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Write => "write",
            Self::Push => "push",
            Self::Set => "set",
            Self::Publish => "publish",
            Self::RemoveItem => "remove-item",
            Self::Remove => "remove",
            Self::Permit => "permit",
        }
    }
}

/// Whose business an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// A client's own, under this policy.
    Private(Arc<str>),
    /// Published by this policy.
    Shared(Arc<str>),
    /// No policy's.
    Plain,
}

/// The answers about one kind of place.
#[derive(Clone, Debug)]
pub struct Space {
    /// Whose it is.
    pub side: Side,
    /// The kind of object.
    pub kind: ObjectKind,
    /// The pattern of its names; of plain objects there is none.
    pub names: Option<String>,
    /// One row for each of [`Asker::ALL`], one answer for each of the kind's verbs.
    pub answers: Vec<(Asker, Vec<Result<(), Refusal>>)>,
}

/// Asks everything about a set of policies.
pub fn matrix(policies: &Arc<PolicySet>) -> Vec<Space> {
    let mut spaces = Vec::new();
    for policy in policies.policies() {
        let world = World::new(policies, policy.elsewhere());
        let (kind, names) = (policy.from.kind, &policy.from.pattern);
        spaces.extend(space(&world, Side::Private(policy.name.clone()), kind, names));
        for (at, target) in policy.targets.iter().enumerate() {
            // Two targets may publish to one object, under different keys.
            if policy.targets.iter().take(at).any(|it| it.name == target.name) {
                continue;
            }
            spaces.extend(space(&world, Side::Shared(policy.name.clone()), target.kind, &target.name));
        }
    }
    let world = World::new(policies, None);
    for kind in ObjectKind::ALL {
        let name = UniqueName::try_from(format!("a plain {kind}")).ok();
        spaces.extend(name.map(|it| ask_all(&world, Side::Plain, kind, None, &it)));
    }
    spaces
}

/// The answers about the names of a pattern, by an example; none when the pattern has no name that fits.
fn space(world: &World<'_>, side: Side, kind: ObjectKind, names: &Pattern) -> Option<Space> {
    let mut text = names.to_string();
    for variable in names.variables() {
        let value = if &**variable == "identity" { OWNER } else { variable };
        text = text.replace(&format!("{{{variable}}}"), value);
    }
    let name = UniqueName::try_from(text).ok()?;
    Some(ask_all(world, side, kind, Some(names.to_string()), &name))
}

fn ask_all(
    world: &World<'_>,
    side: Side,
    kind: ObjectKind,
    names: Option<String>,
    name: &UniqueName,
) -> Space {
    let standing = world.with(&side, kind, name);
    let row = |asker| {
        let one = |verb: &Verb| match verb {
            Verb::Create => world.ask(asker, *verb, kind, name),
            _ => standing.ask(asker, *verb, kind, name),
        };
        (asker, Verb::of(kind).iter().map(one).collect())
    };
    Space { answers: Asker::ALL.into_iter().map(row).collect(), side, kind, names }
}

#[cfg(test)]
mod tests;
