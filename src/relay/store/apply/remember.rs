//! Attempts that come again: the answers to the last ones of each service (decision 7).

use std::sync::Arc;

use crate::{
    domain::{
        limits::REMEMBERED_MAX,
        object::{EventId, ObjectKind},
        sid::{MessageSid, ObjectSid, ServiceSid},
        time::Timestamp,
    },
    relay::{
        receipt::Receipt,
        record::{Effect, Record},
        refusal::{Missing, Reason},
        store::view::{Remembered, Tenant},
    },
};

/// Remembers the answer to an attempt.
pub(super) fn remember(tenant: &mut Tenant, batch: [u8; 16], record: &Record, receipt: &Receipt) {
    let nothing = Remembered {
        place: None,
        created: false,
        removed: true,
        revision: Default::default(),
        event_id: EventId(0),
    };
    let known = match receipt {
        Receipt::Object { head, created, .. } => Remembered {
            place: Some((head.sid, None)),
            created: *created,
            removed: false,
            revision: head.revision,
            event_id: head.last_event_id,
        },
        Receipt::Item { collection, item, created, .. } => Remembered {
            place: Some((*collection, Some(item.id.clone()))),
            created: *created,
            removed: false,
            revision: item.revision,
            event_id: item.last_event_id,
        },
        Receipt::ObjectRemoved => nothing,
        // What it appended stays, so it must not be appended again; a message alone leaves nothing.
        Receipt::Message { message, .. } if record.is_kept() => {
            let bytes = *message.as_bytes();
            Remembered { place: Some((ObjectSid { kind: ObjectKind::Stream, bytes }, None)), ..nothing }
        }
        // The removed item is not kept: a repeated removal finds none (404), as in Sync.
        Receipt::ItemRemoved { .. }
        // A grant that is set again is the same grant.
        | Receipt::Message { .. }
        | Receipt::Permission(_)
        | Receipt::PermissionRemoved
        | Receipt::Service { .. }
        | Receipt::ServiceRemoved => return,
    };
    if REMEMBERED_MAX <= tenant.remembered_order.len()
        && let Some(oldest) = tenant.remembered_order.pop_front()
    {
        tenant.remembered.remove(&oldest);
    }
    tenant.remembered.insert(batch, known);
    tenant.remembered_order.push_back(batch);
}

/// The answer that was given before, as far as what it spoke of still stands.
pub(super) fn recall(
    service: ServiceSid,
    tenant: &Tenant,
    known: &Remembered,
    again: &Record,
    at: Timestamp,
) -> Result<Receipt, Reason> {
    let Some((sid, item)) = &known.place else {
        return Ok(Receipt::ObjectRemoved);
    };
    if let (true, Effect::Message { data, .. }) = (known.removed, &again.effect) {
        return Ok(Receipt::Message { message: MessageSid::new(sid.bytes), data: data.clone() });
    }
    let object = tenant.object(*sid, at).ok_or(Reason::NotFound(Missing::Sid(sid.kind)))?;
    let Some(id) = item else {
        let mut head = Box::new(object.head.clone());
        (head.revision, head.last_event_id) = (known.revision, known.event_id);
        return Ok(Receipt::Object { service, head, data: object.data().cloned(), created: known.created });
    };
    let missing = Reason::NotFound(Missing::Item(sid.kind));
    let mut item = object.items().and_then(|it| it.item(id, at)).ok_or(missing)?.as_ref().clone();
    (item.revision, item.last_event_id) = (known.revision, known.event_id);
    Ok(Receipt::Item { service, collection: *sid, item: Arc::new(item), created: known.created })
}
