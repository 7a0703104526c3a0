//! The outer door: token, address, limits, size, schema, in this order. Mints [`Admitted`].
//!
//! Pure but for the limiter: what stands, the policies and the time are arguments.

use std::sync::Arc;

use crate::{
    domain::{
        change::{Change, Operation},
        limits::{DATA_BYTES_MAX, MESSAGE_DATA_BYTES_MAX},
        permission::Right,
        query::Query,
        sid::ServiceSid,
        time::Timestamp,
    },
    policy::{Policy, PolicySet},
    relay::{
        access::{self, Place, forbidden, lacks, readable, writable},
        authn::Caller,
        examine::{examine, refused, under},
        hosted::Hosted,
        refusal::{Missing, Reason, Refusal, Under},
        standing::Standing,
        throttle::{Throttle, TooFast, Which},
    },
    token::TokenFault,
};

pub(super) use access::{Grounds, right};

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
        let under = access::grounds(caller, &target, &standing, policies)?;
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
            self.hosted
                .change(&change.operation, standing.head.as_ref().map(|it| it.sid), now)
                .map_err(hosted_too_fast)?;
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
                let under = access::grounds(caller, &place, standing, policies)?;
                readable(caller, &place, standing, &under)?;
                under
            }
        };
        if charge == Charge::Take {
            self.hosted
                .query(&query, standing.as_ref().and_then(|it| it.head.as_ref()).map(|it| it.sid), now)
                .map_err(hosted_too_fast)?;
        }
        let would_deny = lacks(caller, &standing, &under, Right::Read);
        let (request, caller, policies) = (query, caller.clone(), policies.clone());
        Ok(Admitted { request, caller, at: now, under, standing, policies, would_deny })
    }
}

/// Whether an attempt that was done before may have its answer again: the credential still holds, for this
/// service and this address. What else the gate asks was asked the first time, of what stood then.
pub(super) fn recognise(
    caller: &Caller,
    operation: &Operation,
    standing: Option<&Standing>,
    policies: &Arc<PolicySet>,
    now: Timestamp,
) -> Result<(), Refusal> {
    valid(caller, operation.service(), now)?;
    match standing {
        Some(standing) if operation.address().is_some() || operation.created().is_some() => {
            access::grounds(caller, &Place::of(operation), standing, policies).map(|_| ())
        }
        _ => Ok(()),
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
