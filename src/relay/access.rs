//! Whose business a request is, and may this caller do it: asked by the gate, before any costly work.

use std::sync::Arc;

use crate::{
    domain::{
        change::Operation,
        name::{Identity, UniqueName},
        object::{Address, Head, ObjectKind, ObjectRef, Space},
        permission::Right,
        sid::ObjectSid,
        time::Timestamp,
    },
    policy::{Captures, Expression, Mode, Names, Policy, PolicySet, Read, Reader, Route, Until},
    relay::{
        acl,
        authn::Caller,
        derived,
        examine::refused,
        refusal::{Missing, Reason, Refusal},
        standing::Standing,
    },
};

/// On what grounds a request was admitted.
#[derive(Clone)]
pub(super) enum Grounds {
    /// Sync's own rules.
    Plain,
    /// A policy: the private object of this identity.
    Private { policy: Arc<Policy>, captures: Captures, owner: Identity },
    /// A plain object that a policy's rules read: clients cannot write it (decision 17).
    Reserved { policy: Arc<Policy> },
    /// A shared object of a policy: backends, and clients that read.
    Shared { policy: Arc<Policy>, sid: ObjectSid, name: Option<UniqueName> },
    /// A service, by a backend.
    Service,
}

/// What an operation or a question is about.
pub(super) struct Place<'r> {
    pub(super) kind: ObjectKind,
    pub(super) name: Option<&'r UniqueName>,
    by_sid: bool,
    making: bool,
}

impl<'r> Place<'r> {
    pub(super) fn of(operation: &'r Operation) -> Self {
        match operation {
            Operation::Create { kind, name, .. } => {
                Self { kind: *kind, name: name.as_ref(), by_sid: false, making: true }
            }
            other => {
                let nowhere = Self { kind: ObjectKind::Document, name: None, by_sid: false, making: false };
                other.address().map_or(nowhere, Self::at)
            }
        }
    }

    pub(super) fn at(address: &'r Address) -> Self {
        match &address.object {
            ObjectRef::Name(name) => {
                Self { kind: address.kind, name: Some(name), by_sid: false, making: false }
            }
            ObjectRef::Sid(_) => Self { kind: address.kind, name: None, by_sid: true, making: false },
        }
    }

    fn missing(&self) -> Missing {
        if self.by_sid { Missing::Sid(self.kind) } else { Missing::Name(self.kind) }
    }
}

/// Whose business an address is. Another's private object is refused here, before anything
/// about it is looked at (invariant 11).
pub(super) fn grounds(
    caller: &Caller,
    place: &Place<'_>,
    standing: &Standing<'_>,
    policies: &Arc<PolicySet>,
) -> Result<Grounds, Refusal> {
    let name = standing.head.map_or(place.name, |it| it.unique_name.as_ref());
    let route = match name {
        Some(name) => policies.route(standing.service, standing.service_name, place.kind, name),
        None => Route::Plain,
    };
    let client = caller.identity();
    match route {
        Route::Private { policy, captures } => {
            let captured = captures.identity();
            let owner = match client {
                Some(client) => Some(client.clone()).filter(|it| captured == Some(it.as_str())),
                None => captured.and_then(|it| Identity::try_from(it).ok()),
            };
            let Some(owner) = owner else { return Err(closed(caller, place, &policy)) };
            if client.is_some() && !policy.bounds.iter().all(|it| it.allows(&captures, caller.claims())) {
                return Err(closed(caller, place, &policy));
            }
            Ok(Grounds::Private { policy, captures, owner })
        }
        Route::Shared { policy, .. } => {
            let sid = match (&standing.head, standing.derived, name) {
                (Some(head), _, _) => head.sid,
                (None, Some(sid), _) => sid,
                (None, None, Some(name)) => derived::sid(standing.secret, standing.service, place.kind, name),
                (None, None, None) => return Err(forbidden(Some(&policy))),
            };
            Ok(Grounds::Shared { policy, sid, name: name.cloned() })
        }
        Route::Closed { policy } => Err(closed(caller, place, &policy)),
        Route::Reserved { policy } => match standing.head.map(|it| &it.space) {
            Some(Space::Private { .. } | Space::Shared { .. }) if client.is_some() => Err(forbidden(None)),
            _ => Ok(Grounds::Reserved { policy }),
        },
        Route::Plain => match standing.head.map(|it| &it.space) {
            Some(Space::Private { .. } | Space::Shared { .. }) if client.is_some() => Err(forbidden(None)),
            _ => Ok(Grounds::Plain),
        },
    }
}

/// Whether the object may be written by this caller; for what does not stand, whether it may be made.
pub(super) fn writable(
    caller: &Caller,
    operation: &Operation,
    place: &Place<'_>,
    standing: &Standing<'_>,
    under: &Grounds,
) -> Result<(), Refusal> {
    let making = matches!(operation, Operation::Create { .. });
    match under {
        Grounds::Shared { policy, .. } if caller.identity().is_some() => Err(forbidden(Some(policy))),
        Grounds::Shared { policy, name: Some(name), .. }
            if policy.fold_at(name).is_some() && !matches!(operation, Operation::Permit { .. }) =>
        {
            let reason = if making { Reason::NameTaken } else { Reason::Fold };
            Err(Refusal::plain(reason))
        }
        Grounds::Shared { .. } => match operation {
            Operation::Remove { .. } | Operation::RemoveItem { .. } if standing.head.is_none() => {
                Err(Refusal::plain(Reason::NotFound(place.missing())))
            }
            Operation::Permit { permission: None, .. } if standing.head.is_none() => {
                Err(Refusal::plain(Reason::NotFound(Missing::Grant)))
            }
            _ if standing.head.is_none() && standing.derived.is_none() && place.name.is_none() => {
                Err(Refusal::plain(Reason::NotFound(place.missing())))
            }
            _ => Ok(()),
        },
        Grounds::Private { policy, .. } if policy.mode == Mode::Off && caller.identity().is_some() => {
            Err(forbidden(Some(policy)))
        }
        Grounds::Private { policy, .. }
            if policy.from.until == Until::Disconnect && caller.identity().is_some() && !standing.present =>
        {
            Err(refused(Reason::NotConnected, Some(policy), "standing", Vec::new()))
        }
        Grounds::Private { .. } if making || standing.head.is_some() => Ok(()),
        Grounds::Reserved { policy } if caller.identity().is_some() => Err(forbidden(Some(policy))),
        Grounds::Plain | Grounds::Reserved { .. } if making => Ok(()),
        Grounds::Plain | Grounds::Reserved { .. } => {
            let head = found(caller, place, standing)?;
            debug_assert_eq!(head.space, Space::Plain);
            match caller.identity() {
                None => Ok(()),
                Some(_) => acl::permits(standing.acl, standing.permission, right(operation))
                    .map_err(|_| forbidden(None)),
            }
        }
        Grounds::Private { .. } | Grounds::Service => found(caller, place, standing).map(|_| ()),
    }
}

pub(super) fn readable(
    caller: &Caller,
    place: &Place<'_>,
    standing: &Standing<'_>,
    under: &Grounds,
) -> Result<(), Refusal> {
    match under {
        Grounds::Shared { policy, name, .. } if caller.identity().is_some() => {
            let Some((target, captures)) = name.as_ref().and_then(|it| policy.shared_at(it)) else {
                return Err(forbidden(Some(policy)));
            };
            let open = match &target.read {
                Read::Everyone => true,
                Read::Permission => false,
                Read::Condition(condition) => holds_for(caller, condition, &captures, standing.at),
            };
            let within = policy.bounds.iter().all(|it| it.allows(&captures, caller.claims()));
            if within && (open || standing.permission.read) { Ok(()) } else { Err(forbidden(Some(policy))) }
        }
        Grounds::Shared { .. } | Grounds::Service => Ok(()),
        Grounds::Private { .. } => found(caller, place, standing).map(|_| ()),
        // A SID that fits, of an object that does not stand: it reads as empty (decision 18).
        Grounds::Plain if standing.head.is_none() && standing.derived.is_some() => Ok(()),
        Grounds::Plain | Grounds::Reserved { .. } => {
            found(caller, place, standing)?;
            match caller.identity() {
                None => Ok(()),
                Some(_) => {
                    acl::permits(standing.acl, standing.permission, Right::Read).map_err(|_| forbidden(None))
                }
            }
        }
    }
}

/// Whether a condition in `read` holds for a caller; one that cannot be judged does not.
fn holds_for(caller: &Caller, condition: &Expression, captures: &Captures, now: Timestamp) -> bool {
    let identity = caller.identity().map(Identity::as_str).unwrap_or_default();
    let (claims, nothing) = (caller.claims(), serde_json::Value::Null);
    let names = Names {
        data: &nothing,
        previous: None,
        identity,
        claims,
        captures,
        key: None,
        now,
        lookups: &[],
        reader: Some(Reader { identity, claims }),
    };
    condition.holds(&names).unwrap_or(false)
}

fn found<'s>(caller: &Caller, place: &Place<'_>, standing: &Standing<'s>) -> Result<&'s Head, Refusal> {
    match (&standing.head, standing.derived) {
        (Some(head), _) => Ok(head),
        // A name that was never told belongs to this SID: a client learns nothing of it.
        (None, Some(_)) if caller.identity().is_some() => Err(forbidden(None)),
        (None, _) => Err(Refusal::plain(Reason::NotFound(place.missing()))),
    }
}

/// Whether a client would be refused this, were ACL on.
pub(super) fn lacks(caller: &Caller, standing: &Option<Standing<'_>>, under: &Grounds, right: Right) -> bool {
    let Some(standing) = standing.as_ref().filter(|it| !it.acl && it.head.is_some()) else { return false };
    let plain = matches!(under, Grounds::Plain | Grounds::Reserved { .. });
    caller.identity().is_some() && plain && !standing.permission.has(right)
}

/// The right that a client needs on a plain object (Sync).
pub(super) fn right(operation: &Operation) -> Right {
    match operation {
        Operation::Remove { .. } => Right::Manage,
        _ => Right::Write,
    }
}

pub(super) fn forbidden(policy: Option<&Arc<Policy>>) -> Refusal {
    refused(Reason::Forbidden, policy, "address", Vec::new())
}

/// A governed name in another kind, or of an identity that cannot be one: closed to clients, and
/// there is nothing there for backends (decision 16).
fn closed(caller: &Caller, place: &Place<'_>, policy: &Arc<Policy>) -> Refusal {
    match caller.identity() {
        Some(_) => forbidden(Some(policy)),
        None if place.making => Refusal::plain(Reason::NameTaken),
        None => Refusal::plain(Reason::NotFound(place.missing())),
    }
}
