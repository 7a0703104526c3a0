//! The outer door: token, address, limits, size, schema, conditions, in this order. Mints [`Admitted`].
//!
//! Pure but for the limiter: what stands, the policies and the time are arguments.

use std::sync::Arc;

use crate::{
    domain::{
        change::{Change, Operation},
        detail::Violation,
        limits::{DATA_BYTES_MAX, MESSAGE_DATA_BYTES_MAX},
        name::ItemId,
        permission::Right,
        query::Query,
        sid::ServiceSid,
        time::Timestamp,
    },
    policy::{Cost, Mode, Policy, PolicySet},
    relay::{
        access::{self, Place, forbidden, lacks, readable, writable},
        authn::Caller,
        examine::{examine, fits, holds, refused, under},
        hosted::Hosted,
        refusal::{Missing, Reason, Refusal, Under},
        seen::{Eye, Scene, Seen, written_item},
        standing::Standing,
        throttle::{Throttle, TooFast, Which},
        ticket::Charge,
    },
    token::TokenFault,
};

pub(super) use access::{Grounds, right};

/// A request that has passed the gate. It is used once, and cannot outlive the view on which it was judged.
#[must_use]
pub(super) struct Admitted<'p, T> {
    request: T,
    caller: &'p Caller,
    at: Timestamp,
    under: Grounds,
    standing: Option<Standing<'p>>,
    policies: &'p Arc<PolicySet>,
    seen: Seen,
    warned: Option<Box<Refusal>>,
    would_deny: bool,
}

impl<'p, T> Admitted<'p, T> {
    /// Takes the admission apart: whoever does has used it.
    pub(super) fn open(self) -> Opened<'p, T> {
        let Self { request, caller, at, under, standing, policies, seen, .. } = self;
        Opened { request, caller, at, under, standing, policies, seen }
    }

    /// What would have been refused, were the policy's mode `enforce`.
    pub(super) fn warned(&mut self) -> Option<Box<Refusal>> {
        self.warned.take()
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
    pub(super) fn standing(&self) -> Option<&Standing<'p>> {
        self.standing.as_ref()
    }

    /// The policy behind the admission, as answers name it.
    pub(super) fn under(&self) -> Option<Under> {
        match &self.under {
            Grounds::Private { policy, .. } | Grounds::Shared { policy, .. } => Some(under(policy)),
            Grounds::Plain | Grounds::Reserved { .. } | Grounds::Service => None,
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

/// An admission taken apart.
pub(super) struct Opened<'p, T> {
    pub(super) request: T,
    pub(super) caller: &'p Caller,
    pub(super) at: Timestamp,
    pub(super) under: Grounds,
    pub(super) standing: Option<Standing<'p>>,
    pub(super) policies: &'p Arc<PolicySet>,
    pub(super) seen: Seen,
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

    /// Admits a change or refuses it; `standing` is `None` when the service does not stand. `eye` looks up what
    /// else the rules read.
    pub(super) fn admit_change<'p>(
        &self,
        caller: &'p Caller,
        change: Change,
        (standing, eye): (Option<Standing<'p>>, Eye<'_>),
        policies: &'p Arc<PolicySet>,
        now: Timestamp,
        charge: Charge,
    ) -> Result<Admitted<'p, Change>, Refusal> {
        check_service(caller, change.operation.service())?;
        let admitted = |request: Change, under, standing, judged: Judged| Admitted {
            seen: judged.seen,
            warned: judged.warned,
            would_deny: lacks(caller, &standing, &under, right(&request.operation)),
            request,
            caller,
            at: now,
            under,
            standing,
            policies,
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
            return Ok(admitted(change, Grounds::Service, standing, Judged::default()));
        }
        let Some(standing) = standing else {
            return Err(Refusal::plain(Reason::NotFound(Missing::Service)));
        };
        if matches!(change.operation, Operation::Permit { .. }) && caller.identity().is_some() {
            return Err(forbidden(None));
        }
        let size_bytes = change.operation.data().map_or(0, |it| it.data().size_bytes());
        let target = Place::of(&change.operation);
        let under = access::grounds(caller, &target, &standing, policies)?;
        if let (Grounds::Private { policy, captures, .. }, Charge::All, Some(_)) =
            (&under, charge, caller.identity())
        {
            self.throttle
                .take(caller, policy, captures, (now, size_bytes), Which::Own)
                .map_err(|it| too_fast(it, policy))?;
        }
        writable(caller, &change.operation, &target, &standing, &under)?;
        let judged = judge(caller, &change.operation, &target, &standing, &under, (now, eye))?;
        if charge != Charge::Nothing {
            self.hosted
                .change(&change.operation, standing.head.map(|it| it.sid), now)
                .map_err(hosted_too_fast)?;
        }
        if let (Grounds::Private { policy, captures, .. }, Charge::All | Charge::Shared, Some(_)) =
            (&under, charge, caller.identity())
        {
            self.throttle
                .take(caller, policy, captures, (now, size_bytes), Which::Shared)
                .map_err(|it| too_fast(it, policy))?;
        }
        Ok(admitted(change, under, Some(standing), judged))
    }

    /// Admits a question or refuses it.
    pub(super) fn admit_query<'p>(
        &self,
        caller: &'p Caller,
        query: Query,
        standing: Option<Standing<'p>>,
        policies: &'p Arc<PolicySet>,
        now: Timestamp,
        charge: Charge,
    ) -> Result<Admitted<'p, Query>, Refusal> {
        check_service(caller, query.service())?;
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
        if charge != Charge::Nothing {
            self.hosted
                .query(&query, standing.and_then(|it| it.head).map(|it| it.sid), now)
                .map_err(hosted_too_fast)?;
        }
        let would_deny = lacks(caller, &standing, &under, Right::Read);
        let (seen, warned) = (Seen::default(), None);
        Ok(Admitted { request: query, caller, at: now, under, standing, policies, seen, warned, would_deny })
    }
}

/// What was found while the data was judged.
#[derive(Default)]
struct Judged {
    seen: Seen,
    warned: Option<Box<Refusal>>,
}

/// Size, numbers, what the rules read, schema, conditions. A backend writes in the owner's name, without
/// conditions (decision 21).
fn judge(
    caller: &Caller,
    operation: &Operation,
    place: &Place<'_>,
    standing: &Standing<'_>,
    under: &Grounds,
    (at, eye): (Timestamp, Eye<'_>),
) -> Result<Judged, Refusal> {
    let (policy, captures, owner) = match under {
        Grounds::Private { policy, captures, owner } => (policy, captures, owner),
        _ => {
            if let Some(data) = operation.data() {
                examine(data, cap_bytes(operation), None)?;
            }
            return Ok(Judged::default());
        }
    };
    if let Some(data) = operation.data() {
        examine(data, cap_bytes(operation), Some(policy).filter(|_| !data.data().is_empty()))?;
    }
    let client = caller.identity().is_some();
    let owners = (!client).then(|| standing.claims());
    let claims = owners.as_ref().unwrap_or_else(|| caller.claims());
    let name = standing.head.and_then(|it| it.unique_name.as_ref()).or(place.name);
    let scene = Scene { caller, policy, captures, owner, claims, name, at };
    let seen = scene.see(operation, eye)?;
    let in_context = |it: Refusal| Refusal { in_context: !seen.needs().is_empty(), ..it };
    let Some(data) = operation.data().filter(|it| !it.data().is_empty()) else {
        return Ok(Judged { seen, warned: None });
    };
    let verdict = fits(data, policy).and_then(|()| match client {
        true => {
            let (key, lookups) = (written_item(operation).and_then(ItemId::key), seen.lookups());
            holds(policy, &scene.names(data.value(), key, &seen, &lookups))
        }
        false => Ok(()),
    });
    match verdict {
        Err(refusal) if policy.mode != Mode::Warn => Err(in_context(refusal)),
        verdict => Ok(Judged { seen, warned: verdict.err().map(Box::new) }),
    }
}

/// Whether an attempt that was done before may have its answer again: the credential still holds, for this
/// service and this address. What else the gate asks was asked the first time, of what stood then.
pub(super) fn recognise(
    caller: &Caller,
    operation: &Operation,
    standing: Option<&Standing<'_>>,
    policies: &Arc<PolicySet>,
) -> Result<(), Refusal> {
    check_service(caller, operation.service())?;
    match standing {
        Some(standing) if operation.address().is_some() || operation.created().is_some() => {
            access::grounds(caller, &Place::of(operation), standing, policies).map(|_| ())
        }
        _ => Ok(()),
    }
}

/// Refuses a caller whose token has ended. Asked before the gate, since tokens are judged by the wall clock (RFC
/// 7519, section 4.1.4) and everything else by the relay's.
pub(super) fn check_credential(caller: &Caller, wall: Timestamp) -> Result<(), Refusal> {
    if caller.until().is_some_and(|it| it <= wall) {
        return Err(Refusal::plain(Reason::Credential(TokenFault::Expired)).by_rule("token"));
    }
    Ok(())
}

/// Refuses a caller whose token is for another service.
fn check_service(caller: &Caller, service: Option<ServiceSid>) -> Result<(), Refusal> {
    match (caller.service(), service) {
        (Some(own), Some(other)) if own != other => Err(forbidden(None)),
        _ => Ok(()),
    }
}

fn too_fast(fault: TooFast, policy: &Arc<Policy>) -> Refusal {
    let spent = fault.limit.and_then(|it| policy.limits.get(it)).map(|it| {
        let what = if it.cost == Cost::Bytes { "more bytes than" } else { "more often than" };
        let message = format!("{what} `{}` allows {}", it.name, it.per);
        Violation { pointer: String::new(), keyword: it.name.clone(), message }
    });
    let spent = spent.into_iter().collect();
    let Some(retry_ms) = fault.retry_ms else {
        let bursts = policy.limits.iter().filter(|it| it.cost == Cost::Bytes);
        let bursts = bursts.filter_map(|it| usize::try_from(it.burst.get()).ok());
        let max_bytes = bursts.min().map_or(policy.from.max_bytes, |it| it.min(policy.from.max_bytes));
        return refused(Reason::TooLarge { max_bytes }, Some(policy), "limit", spent);
    };
    Refusal { retry_ms: Some(retry_ms), ..refused(Reason::Limit, Some(policy), "limit", spent) }
}

fn hosted_too_fast(fault: TooFast) -> Refusal {
    Refusal { retry_ms: fault.retry_ms, ..Refusal::plain(Reason::Limit).by_rule("limit") }
}

/// Bytes that Sync allows for the data of this operation.
fn cap_bytes(operation: &Operation) -> usize {
    match operation {
        Operation::Publish { .. } => MESSAGE_DATA_BYTES_MAX,
        _ => DATA_BYTES_MAX,
    }
}
