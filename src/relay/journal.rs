//! One event in the log for each decision, whatever its outcome; nothing else logs decisions.

use tracing::{Level, debug, enabled, info, warn};

use crate::{
    domain::{
        change::Operation,
        object::{Address, ObjectRef},
        query::Query,
        time::Timestamp,
    },
    relay::{
        authn::Caller,
        error::Error,
        receipt::Receipt,
        refusal::{DecisionId, Refusal, Under},
        refusals::{Refusals, Refused, Told},
    },
};

/// Records how one attempt ended. No data of the client is in it.
pub(super) fn record(
    refusals: &Refusals,
    caller: &Caller,
    operation: &Operation,
    decision: DecisionId,
    (arrived, now): (Timestamp, Timestamp),
    (code, under): (u32, Option<&Under>),
    outcome: Result<&Receipt, &Error>,
) {
    // Most changes are admitted and few listen: the words would cost more than the gate.
    if outcome.is_ok() && !enabled!(Level::DEBUG) {
        return;
    }
    // Nor is a word made of a refusal that is only counted.
    if let Err(error) = outcome {
        let (what, refusal) = match error {
            Error::Refused(refusal) => ("change refused", Some(&**refusal)),
            Error::Failed(_) => ("change failed", None),
        };
        let refused = Refused::new(what, operation.service(), caller, refusal, code);
        if refusals.count(refused) == Told::Counted {
            return;
        }
    }
    let caller_kind = if caller.identity().is_some() { "client" } else { "backend" };
    let identity = caller.logged();
    let (kind, name) = place(caller, operation);
    let service = operation.service().map(|it| it.to_string()).unwrap_or_default();
    let size_bytes = operation.data().map_or(0, |it| it.data().size_bytes());
    let duration_ms = now.as_millis().saturating_sub(arrived.as_millis());
    match outcome {
        Ok(receipt) => {
            let (sid, revision, event) = result(receipt);
            let name = match receipt {
                Receipt::Object { head, .. } => {
                    head.unique_name.as_ref().map_or(name, |it| caller.logged_name(it.as_str()))
                }
                _ => name,
            };
            let (policy, version) = under.map_or(("", ""), |it| (&*it.name, &*it.version));
            debug!(decision.id = %decision, service.sid = %service, caller.kind = caller_kind, caller.identity = %identity,
                peer.addr = %caller.peer(), object.kind = kind, object.name = %name, object.sid = %sid,
                policy.name = policy, policy.version = version, revision = %revision, event.id = event, size_bytes, duration_ms, "change admitted");
        }
        Err(Error::Refused(refusal)) => {
            let Refusal { policy, rule, retry_ms, .. } = refusal.as_ref();
            let (policy, version) = policy.as_ref().map_or(("", ""), |it| (&*it.name, &*it.version));
            info!(decision.id = %decision, service.sid = %service, caller.kind = caller_kind, caller.identity = %identity,
                peer.addr = %caller.peer(), object.kind = kind, object.name = %name, policy.name = policy,
                policy.version = version, rule.name = rule.as_deref().unwrap_or_default(), refusal.code = code,
                refusal.pointer = refusal.pointer().unwrap_or_default(),
                refusal.keyword = refusal.keyword().unwrap_or_default(), retry_ms = retry_ms.unwrap_or_default(),
                size_bytes, duration_ms, "change refused");
        }
        Err(Error::Failed(_)) => {
            warn!(decision.id = %decision, service.sid = %service, caller.kind = caller_kind, caller.identity = %identity,
                peer.addr = %caller.peer(), object.kind = kind, object.name = %name, refusal.code = code,
                size_bytes, duration_ms, "change failed");
        }
    }
}

/// Records what was admitted only because the policy's mode is `warn`.
pub(super) fn record_warning(
    refusals: &Refusals,
    caller: &Caller,
    operation: &Operation,
    decision: DecisionId,
    code: u32,
    warning: &Refusal,
) {
    let refused = Refused::new("change would be refused", operation.service(), caller, Some(warning), code);
    if refusals.count(refused) == Told::Counted {
        return;
    }
    let identity = caller.logged();
    let (kind, name) = place(caller, operation);
    let service = operation.service().map(|it| it.to_string()).unwrap_or_default();
    let (policy, version) = warning.policy.as_ref().map_or(("", ""), |it| (&*it.name, &*it.version));
    info!(decision.id = %decision, service.sid = %service, caller.identity = %identity, peer.addr = %caller.peer(),
        object.kind = kind, object.name = %name, policy.name = policy, policy.version = version,
        rule.name = warning.rule.as_deref().unwrap_or_default(), refusal.code = code,
        refusal.pointer = warning.pointer().unwrap_or_default(),
        refusal.keyword = warning.keyword().unwrap_or_default(), "change would be refused");
}

/// What was asked without changing anything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Read,
    Watch,
}

impl Look {
    fn refused(self) -> &'static str {
        match self {
            Self::Read => "read refused",
            Self::Watch => "watch refused",
        }
    }
}

/// A read that was refused, or the subscriptions of one batch that were: the first of so many.
pub(super) struct RefusedLook<'a> {
    pub(super) look: Look,
    pub(super) query: &'a Query,
    pub(super) decision: DecisionId,
    pub(super) code: u32,
    pub(super) refusal: &'a Refusal,
    pub(super) count: u64,
}

/// Records it.
pub(super) fn record_look(refusals: &Refusals, caller: &Caller, refused: &RefusedLook<'_>) {
    let RefusedLook { look, query, decision, code, refusal, count } = *refused;
    let refused = Refused::new(look.refused(), query.service(), caller, Some(refusal), code);
    if refusals.count(refused) == Told::Counted {
        return;
    }
    let caller_kind = if caller.identity().is_some() { "client" } else { "backend" };
    let identity = caller.logged();
    let (kind, name) = query.address().map_or(("service", String::new()), |it| named(caller, it));
    let (policy, version) = refusal.policy.as_ref().map_or(("", ""), |it| (&*it.name, &*it.version));
    let service = service_of(query);
    info!(decision.id = %decision, service.sid = %service, caller.kind = caller_kind, caller.identity = %identity,
        peer.addr = %caller.peer(), object.kind = kind, object.name = %name, policy.name = policy,
        policy.version = version, rule.name = refusal.rule.as_deref().unwrap_or_default(), refusal.code = code,
        refusal.count = count, "{}", look.refused());
}

/// Records a name or a key that does not stand: as a rule its object is made next.
pub(super) fn record_miss(caller: &Caller, look: Look, query: &Query, decision: DecisionId, code: u32) {
    let identity = caller.logged();
    let (kind, name) = query.address().map_or(("service", String::new()), |it| named(caller, it));
    let service = service_of(query);
    debug!(decision.id = %decision, service.sid = %service, caller.identity = %identity,
        peer.addr = %caller.peer(), object.kind = kind, object.name = %name, refusal.code = code,
        "{}", look.refused());
}

/// Records a call that is allowed only because ACL is off.
pub(super) fn record_lack(
    caller: &Caller,
    what: &'static str,
    address: &Address,
    decision: DecisionId,
    first: bool,
) {
    let (kind, name) = named(caller, address);
    let identity = caller.logged();
    if first {
        info!(decision.id = %decision, service.sid = %address.service, caller.identity = %identity, call.kind = what,
            object.kind = kind, object.name = %name, acl.would_deny = 1_u64, "ACL would deny this");
    } else {
        debug!(decision.id = %decision, service.sid = %address.service, caller.identity = %identity, call.kind = what,
            object.kind = kind, object.name = %name, acl.would_deny = 1_u64, "ACL would deny this");
    }
}

fn place(caller: &Caller, operation: &Operation) -> (&'static str, String) {
    match operation {
        Operation::Create { kind, name, .. } => {
            (kind.as_str(), name.as_ref().map(|it| caller.logged_name(it.as_str())).unwrap_or_default())
        }
        other => match other.address() {
            Some(address) => named(caller, address),
            None => ("service", String::new()),
        },
    }
}

fn named(caller: &Caller, address: &Address) -> (&'static str, String) {
    match &address.object {
        ObjectRef::Sid(sid) => (address.kind.as_str(), sid.to_string()),
        ObjectRef::Name(name) => (address.kind.as_str(), caller.logged_name(name.as_str())),
    }
}

fn result(receipt: &Receipt) -> (String, String, u64) {
    match receipt {
        Receipt::Object { head, .. } => {
            (head.sid.to_string(), head.revision.to_string(), head.last_event_id.0)
        }
        Receipt::Item { collection, item, .. } => {
            (collection.to_string(), item.revision.to_string(), item.last_event_id.0)
        }
        Receipt::ItemRemoved { collection, item, event_id, .. } => {
            (collection.to_string(), item.revision.to_string(), event_id.0)
        }
        Receipt::Message { message, .. } => (message.to_string(), String::new(), 0),
        Receipt::Permission(grant) => (grant.object.to_string(), String::new(), 0),
        Receipt::ObjectRemoved
        | Receipt::PermissionRemoved
        | Receipt::Service { .. }
        | Receipt::ServiceRemoved => (String::new(), String::new(), 0),
    }
}

fn service_of(query: &Query) -> String {
    query.service().map(|it| it.to_string()).unwrap_or_default()
}
