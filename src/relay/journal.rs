//! One event in the log for each decision, whatever its outcome; nothing else logs decisions.

use tracing::{Level, debug, enabled, info, warn};

use crate::{
    domain::{change::Operation, object::ObjectRef, time::Timestamp},
    relay::{
        authn::Caller,
        error::Error,
        receipt::Receipt,
        refusal::{DecisionId, Refusal, Under},
    },
};

/// Records how one attempt ended. No data of the client is in it.
pub(super) fn record(
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
    let caller_kind = if caller.identity().is_some() { "client" } else { "backend" };
    let identity = caller.identity().map(ToString::to_string).unwrap_or_default();
    let (kind, name) = place(operation);
    let service = operation.service().map(|it| it.to_string()).unwrap_or_default();
    let size_bytes = operation.data().map_or(0, |it| it.data().size_bytes());
    let duration_ms = now.as_millis().saturating_sub(arrived.as_millis());
    match outcome {
        Ok(receipt) => {
            let (sid, revision, event) = result(receipt);
            let name = match receipt {
                Receipt::Object { head, .. } => head.unique_name.as_ref().map_or(name, ToString::to_string),
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
                refusal.pointer = refusal.pointer().unwrap_or_default(), retry_ms = retry_ms.unwrap_or_default(),
                size_bytes, duration_ms, "change refused");
        }
        Err(Error::Failed(_)) => {
            warn!(decision.id = %decision, service.sid = %service, caller.kind = caller_kind, caller.identity = %identity,
                peer.addr = %caller.peer(), object.kind = kind, object.name = %name, refusal.code = code,
                size_bytes, duration_ms, "change failed");
        }
    }
}

fn place(operation: &Operation) -> (&'static str, String) {
    match operation {
        Operation::Create { kind, name, .. } => {
            (kind.as_str(), name.as_ref().map(ToString::to_string).unwrap_or_default())
        }
        other => match other.address() {
            Some(address) => match &address.object {
                ObjectRef::Sid(sid) => (address.kind.as_str(), sid.to_string()),
                ObjectRef::Name(name) => (address.kind.as_str(), name.to_string()),
            },
            None => ("service", String::new()),
        },
    }
}

fn result(receipt: &Receipt) -> (String, String, u64) {
    match receipt {
        Receipt::Object { head, .. } => {
            (head.sid.to_string(), head.revision.to_string(), head.last_event_id.0)
        }
        Receipt::Item { map, item, .. } => (map.to_string(), item.revision.to_string(), item.last_event_id.0),
        Receipt::ItemRemoved { map, item, event_id, .. } => {
            (map.to_string(), item.revision.to_string(), event_id.0)
        }
        Receipt::ObjectRemoved | Receipt::Service { .. } | Receipt::ServiceRemoved => {
            (String::new(), String::new(), 0)
        }
    }
}
