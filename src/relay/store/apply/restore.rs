//! A store continues from a copy: what was written after the copy was made is gone, and clients have seen it.
//!
//! Each service skips event ids, so that no id of the lost history is given again. A lost history may itself have begun
//! with such a skip, when one backup is restored twice: so the ids go on above a floor that grows with time. Each object gets a new id beyond the
//! gap: the SDK passes over an event whose id it has seen. Items and removed objects of the lost history are unknown
//! here, so whoever knows a list or map from before must open it again (410), which tells everything.

use std::sync::Arc;

use crate::{
    domain::object::EventId,
    relay::store::view::{Body, Gone, Tenant, View},
};

/// Has each service go on above `floor`; one that is beyond it skips `gap` ids.
pub(super) fn skip_events(view: &mut View, gap: u64, floor: EventId) {
    let services: Vec<_> = view.services.keys().copied().collect();
    for service in services {
        if let Some(tenant) = view.services.get_mut(&service) {
            skip(Arc::make_mut(tenant), gap, floor);
        }
    }
}

fn skip(tenant: &mut Tenant, gap: u64, floor: EventId) {
    // The floor alone orders two restores, whatever each began with; the gap is for a clock that is behind.
    let floor = if tenant.newest < floor { floor } else { EventId(tenant.newest.0.saturating_add(gap)) };
    tenant.newest = floor;
    tenant.gone = Gone::below(floor);
    let objects: Vec<_> = tenant.in_order.values().copied().collect();
    for sid in objects {
        let Some(object) = tenant.objects.get_mut(&sid) else { continue };
        let object = Arc::make_mut(object);
        tenant.newest = EventId(tenant.newest.0.saturating_add(1));
        object.head.last_event_id = tenant.newest;
        if let Body::Items(items) = &mut object.body {
            items.floor = floor;
            items.tombstones = Default::default();
        }
    }
}
