//! The outer door: token, address, limits, size, schema, in this order. Mints [`Admitted`].
//!
//! Pure but for the limiter: what stands, the policies and the time are arguments.

use std::sync::Arc;

use crate::{
    domain::{
        change::{Change, Operation},
        limits::{DATA_BYTES_MAX, MESSAGE_DATA_BYTES_MAX},
        name::{Identity, UniqueName},
        object::{Address, Head, ObjectKind, ObjectRef, Space},
        permission::Right,
        query::Query,
        sid::{ObjectSid, ServiceSid},
        time::Timestamp,
    },
    policy::{Captures, Mode, Policy, PolicySet, Read, Route, Until},
    relay::{
        acl,
        authn::Caller,
        examine::{examine, refused, under},
        hosted::Hosted,
        refusal::{Missing, Reason, Refusal, Under},
        standing::Standing,
        throttle::{Throttle, TooFast, Which},
    },
    token::TokenFault,
};

/// A request that has passed the gate. It is used once.
#[must_use]
pub(super) struct Admitted<T> {
    request: T,
    caller: Caller,
    at: Timestamp,
    under: Grounds,
    standing: Option<Standing>,
    policies: Arc<PolicySet>,
    would_deny: bool,
}

/// On what grounds a request was admitted.
#[derive(Clone)]
pub(super) enum Grounds {
    /// Sync's own rules.
    Plain,
    /// A policy: the private object of this identity.
    Private { policy: Arc<Policy>, captures: Captures, owner: Identity },
    /// A shared object of a policy: backends, and clients that read.
    Shared { policy: Arc<Policy>, sid: ObjectSid, name: Option<UniqueName> },
    /// A service, by a backend.
    Service,
}

impl<T> Admitted<T> {
    /// Takes the admission apart: whoever does has used it.
    pub(super) fn open(self) -> (T, Caller, Timestamp, Grounds, Option<Standing>, Arc<PolicySet>) {
        (self.request, self.caller, self.at, self.under, self.standing, self.policies)
    }

    /// What was asked.
    pub(super) fn request(&self) -> &T {
        &self.request
    }

    /// On what grounds it was admitted.
    pub(super) fn grounds(&self) -> &Grounds {
        &self.under
    }

    /// What stood when it was admitted.
    pub(super) fn standing(&self) -> Option<&Standing> {
        self.standing.as_ref()
    }

    /// The policy behind the admission, as answers name it.
    pub(super) fn under(&self) -> Option<Under> {
        match &self.under {
            Grounds::Private { policy, .. } | Grounds::Shared { policy, .. } => Some(under(policy)),
            Grounds::Plain | Grounds::Service => None,
        }
    }

    /// Whether it was admitted only because ACL is off.
    pub(super) fn would_deny(&self) -> bool {
        self.would_deny
    }

    /// When it was admitted.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }
}

/// Whether the caller's own limits are charged: once for each attempt, not for each passage.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Charge {
    Take,
    Taken,
}

/// The gate.
pub(super) struct Gate {
    throttle: Throttle,
    hosted: Hosted,
}

impl Gate {
    /// A gate; `hosted` is whether Sync's own hosted rates hold besides the policies' limits.
    pub(super) fn new(hosted: bool) -> Self {
        Self { throttle: Throttle::new(), hosted: Hosted::new(hosted) }
    }

    /// Forgets limiters that are full again.
    pub(super) fn sweep(&self, now: Timestamp) {
        self.throttle.sweep(now);
        self.hosted.sweep(now);
    }

    /// Admits a change or refuses it; `standing` is `None` when the service does not stand.
    pub(super) fn admit_change(
        &self,
        caller: &Caller,
        change: Change,
        standing: Option<Standing>,
        policies: &Arc<PolicySet>,
        now: Timestamp,
        charge: Charge,
    ) -> Result<Admitted<Change>, Refusal> {
        valid(caller, change.operation.service(), now)?;
        let admitted = |request: Change, under, standing| Admitted {
            would_deny: lacks(caller, &standing, &under, right(&request.operation)),
            request,
            caller: caller.clone(),
            at: now,
            under,
            standing,
            policies: policies.clone(),
        };
        let about_service = matches!(
            change.operation,
            Operation::CreateService { .. }
                | Operation::UpdateService { .. }
                | Operation::RemoveService { .. }
        );
        if about_service {
            if caller.identity().is_some() {
                return Err(forbidden(None));
            }
            return Ok(admitted(change, Grounds::Service, standing));
        }
        let Some(standing) = standing else {
            return Err(Refusal::plain(Reason::NotFound(Missing::Service)));
        };
        if matches!(change.operation, Operation::Permit { .. }) && caller.identity().is_some() {
            return Err(forbidden(None));
        }
        let target = Place::of(&change.operation);
        let under = self.address(caller, &target, &standing, policies)?;
        if let (Grounds::Private { policy, captures, .. }, Charge::Take, Some(_)) =
            (&under, charge, caller.identity())
        {
            self.throttle
                .take(caller, policy, captures, now, Which::Own)
                .map_err(|it| too_fast(it, policy))?;
        }
        writable(caller, &change.operation, &target, &standing, &under)?;
        if let Some(data) = change.operation.data() {
            let policy = match &under {
                Grounds::Private { policy, .. } => Some(policy),
                _ => None,
            };
            examine(data, cap_bytes(&change.operation), policy)?;
        }
        if charge == Charge::Take {
            self.hosted.change(&change.operation, now).map_err(hosted_too_fast)?;
        }
        if let (Grounds::Private { policy, captures, .. }, Charge::Take, Some(_)) =
            (&under, charge, caller.identity())
        {
            self.throttle
                .take(caller, policy, captures, now, Which::Shared)
                .map_err(|it| too_fast(it, policy))?;
        }
        Ok(admitted(change, under, Some(standing)))
    }

    /// Admits a question or refuses it.
    pub(super) fn admit_query(
        &self,
        caller: &Caller,
        query: Query,
        standing: Option<Standing>,
        policies: &Arc<PolicySet>,
        now: Timestamp,
        charge: Charge,
    ) -> Result<Admitted<Query>, Refusal> {
        valid(caller, query.service(), now)?;
        if query.is_for_backends() && caller.identity().is_some() {
            return Err(forbidden(None));
        }
        let missing = || Refusal::plain(Reason::NotFound(Missing::Service));
        let under = match (query.address(), &standing) {
            (None, None) if query.service().is_some() => return Err(missing()),
            (None, _) => Grounds::Service,
            (Some(address), standing) => {
                let place = Place::at(address);
                let standing = standing.as_ref().ok_or_else(missing)?;
                let under = self.address(caller, &place, standing, policies)?;
                readable(caller, &place, standing, &under)?;
                under
            }
        };
        if charge == Charge::Take {
            self.hosted.query(&query, now).map_err(hosted_too_fast)?;
        }
        let would_deny = lacks(caller, &standing, &under, Right::Read);
        let (request, caller, policies) = (query, caller.clone(), policies.clone());
        Ok(Admitted { request, caller, at: now, under, standing, policies, would_deny })
    }

    /// Whose business an address is. Another's private object is refused here, before anything
    /// about it is looked at (invariant 11).
    fn address(
        &self,
        caller: &Caller,
        place: &Place<'_>,
        standing: &Standing,
        policies: &Arc<PolicySet>,
    ) -> Result<Grounds, Refusal> {
        let name = standing.head.as_ref().map_or(place.name, |it| it.unique_name.as_ref());
        let route = match name {
            Some(name) => {
                policies.route(standing.service, standing.service_name.as_deref(), place.kind, name)
            }
            None => Route::Plain,
        };
        let client = caller.identity();
        match route {
            Route::Private { policy, captures } => {
                let owner = captures.identity().and_then(|it| Identity::try_from(it).ok());
                let Some(owner) = owner.filter(|owner| client.is_none_or(|it| it == owner)) else {
                    return Err(forbidden(Some(&policy)));
                };
                Ok(Grounds::Private { policy, captures, owner })
            }
            Route::Shared { policy, .. } => {
                let sid = match (&standing.head, standing.derived, name) {
                    (Some(head), _, _) => head.sid,
                    (None, Some(sid), _) => sid,
                    (None, None, Some(name)) => {
                        super::derived::sid(&standing.secret, standing.service, place.kind, name)
                    }
                    (None, None, None) => return Err(forbidden(Some(&policy))),
                };
                Ok(Grounds::Shared { policy, sid, name: name.cloned() })
            }
            Route::Closed { policy } => Err(forbidden(Some(&policy))),
            Route::Plain => match standing.head.as_ref().map(|it| &it.space) {
                Some(Space::Private { .. } | Space::Shared { .. }) if client.is_some() => {
                    Err(forbidden(None))
                }
                _ => Ok(Grounds::Plain),
            },
        }
    }
}

/// What an operation or a question is about.
struct Place<'r> {
    kind: ObjectKind,
    name: Option<&'r UniqueName>,
    by_sid: bool,
}

impl<'r> Place<'r> {
    fn of(operation: &'r Operation) -> Self {
        match operation {
            Operation::Create { kind, name, .. } => Self { kind: *kind, name: name.as_ref(), by_sid: false },
            other => other
                .address()
                .map_or(Self { kind: ObjectKind::Document, name: None, by_sid: false }, Self::at),
        }
    }

    fn at(address: &'r Address) -> Self {
        match &address.object {
            ObjectRef::Name(name) => Self { kind: address.kind, name: Some(name), by_sid: false },
            ObjectRef::Sid(_) => Self { kind: address.kind, name: None, by_sid: true },
        }
    }

    fn missing(&self) -> Missing {
        if self.by_sid { Missing::Sid(self.kind) } else { Missing::Name(self.kind) }
    }
}

/// The caller's credential still holds, and for this service.
fn valid(caller: &Caller, service: Option<ServiceSid>, now: Timestamp) -> Result<(), Refusal> {
    if caller.until().is_some_and(|it| it <= now) {
        return Err(Refusal::plain(Reason::Credential(TokenFault::Expired)).by_rule("token"));
    }
    match (caller.service(), service) {
        (Some(own), Some(other)) if own != other => Err(forbidden(None)),
        _ => Ok(()),
    }
}

/// Whether the object may be written by this caller; for what does not stand, whether it may be made.
fn writable(
    caller: &Caller,
    operation: &Operation,
    place: &Place<'_>,
    standing: &Standing,
    under: &Grounds,
) -> Result<(), Refusal> {
    let making = matches!(operation, Operation::Create { .. });
    match under {
        Grounds::Shared { policy, .. } if caller.identity().is_some() => Err(forbidden(Some(policy))),
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
        Grounds::Plain if making => Ok(()),
        Grounds::Plain => {
            let head = found(place, standing)?;
            debug_assert_eq!(head.space, Space::Plain);
            match caller.identity() {
                None => Ok(()),
                Some(_) => acl::permits(standing.acl, standing.permission, right(operation))
                    .map_err(|_| forbidden(None)),
            }
        }
        Grounds::Private { .. } | Grounds::Service => found(place, standing).map(|_| ()),
    }
}

fn readable(caller: &Caller, place: &Place<'_>, standing: &Standing, under: &Grounds) -> Result<(), Refusal> {
    match under {
        Grounds::Shared { policy, name, .. } if caller.identity().is_some() => {
            let matches =
                |it: &&crate::policy::Target| name.as_ref().is_some_and(|name| it.name.matches(name));
            let everyone = policy.targets.iter().filter(matches).all(|it| it.read == Read::Everyone);
            if everyone || standing.permission.read { Ok(()) } else { Err(forbidden(Some(policy))) }
        }
        Grounds::Shared { .. } | Grounds::Service => Ok(()),
        Grounds::Private { .. } => found(place, standing).map(|_| ()),
        // A SID that fits, of an object that does not stand: it reads as empty (decision 18).
        Grounds::Plain if standing.head.is_none() && standing.derived.is_some() => Ok(()),
        Grounds::Plain => {
            found(place, standing)?;
            match caller.identity() {
                None => Ok(()),
                Some(_) => {
                    acl::permits(standing.acl, standing.permission, Right::Read).map_err(|_| forbidden(None))
                }
            }
        }
    }
}

fn found<'s>(place: &Place<'_>, standing: &'s Standing) -> Result<&'s Head, Refusal> {
    match (&standing.head, standing.derived) {
        (Some(head), _) => Ok(head),
        (None, Some(_)) => Err(forbidden(None)),
        (None, None) => Err(Refusal::plain(Reason::NotFound(place.missing()))),
    }
}

/// Whether a client would be refused this, were ACL on.
fn lacks(caller: &Caller, standing: &Option<Standing>, under: &Grounds, right: Right) -> bool {
    let Some(standing) = standing.as_ref().filter(|it| !it.acl && it.head.is_some()) else { return false };
    caller.identity().is_some() && matches!(under, Grounds::Plain) && !standing.permission.has(right)
}

/// The right that a client needs on a plain object (Sync).
pub(super) fn right(operation: &Operation) -> Right {
    match operation {
        Operation::Remove { .. } => Right::Manage,
        _ => Right::Write,
    }
}

fn forbidden(policy: Option<&Arc<Policy>>) -> Refusal {
    refused(Reason::Forbidden, policy, "address", Vec::new())
}

fn too_fast(fault: TooFast, policy: &Arc<Policy>) -> Refusal {
    Refusal { retry_ms: Some(fault.retry_ms), ..refused(Reason::Limit, Some(policy), "limit", Vec::new()) }
}

fn hosted_too_fast(fault: TooFast) -> Refusal {
    Refusal { retry_ms: Some(fault.retry_ms), ..Refusal::plain(Reason::Limit).by_rule("limit") }
}

/// Bytes that Sync allows for the data of this operation.
fn cap_bytes(operation: &Operation) -> usize {
    match operation {
        Operation::Publish { .. } => MESSAGE_DATA_BYTES_MAX,
        _ => DATA_BYTES_MAX,
    }
}
