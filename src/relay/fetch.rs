//! Answers admitted questions from a view; `{}` and no items for shared objects that do not stand.

mod page;

use std::sync::Arc;

use crate::{
    domain::{
        data::Data,
        name::{Identity, ItemId, UniqueName},
        object::{Address, Head, ObjectKind, ObjectRef, Space},
        query::{Query, Range},
        sid::{ObjectSid, ServiceSid},
        time::Timestamp,
    },
    relay::{
        authn::Caller,
        derived,
        gate::{Admitted, Grounds},
        receipt::{Grant, Listed, Page, Reading},
        record::Shell,
        refusal::{Missing, Reason},
        seen::Found,
        standing::Standing,
        store::{
            apply::fresh,
            view::{Body, Entry, Folded, Object, Tenant, View},
        },
    },
};

/// What stands at an address, for the gate; `None` when the service does not stand.
pub(super) fn standing<'v>(
    view: &'v View,
    service: ServiceSid,
    address: Option<&Address>,
    caller: &Caller,
    now: Timestamp,
) -> Option<Standing<'v>> {
    let tenant = view.tenant(service)?;
    let object = address.and_then(|it| tenant.find(it, view.expiry_time(now)));
    let sid = match address.map(|it| (&it.object, it.kind)) {
        Some((ObjectRef::Sid(sid), kind)) if sid.kind == kind => Some(*sid),
        _ => None,
    };
    let shared = sid.filter(|it| object.is_none() && derived::fits(&view.secret, service, *it));
    let identity = caller.identity();
    Some(Standing {
        service,
        at: now,
        service_name: tenant.head.unique_name.as_deref(),
        service_made: tenant.head.date_created,
        acl: tenant.head.settings.acl,
        head: object.map(|it| &it.head),
        permission: object.zip(identity).map(|(object, it)| object.permission(it)).unwrap_or_default(),
        derived: shared,
        present: false,
        claims: object.and_then(|it| it.claims.as_deref()),
        secret: &view.secret,
    })
}

/// What stands at a name, for the rules that read it.
pub(super) fn sought(
    view: &View,
    service: ServiceSid,
    now: Timestamp,
    (kind, name, item): (ObjectKind, &UniqueName, Option<&ItemId>),
) -> Option<Found> {
    let (tenant, now) = (view.tenant(service)?, view.expiry_time(now));
    let sid = *tenant.names.get(&(kind, name.clone()))?;
    let object = tenant.object(sid, now)?;
    let by_client = object.head.created_by.is_some() && object.head.space == Space::Plain;
    let (data, event) = match item {
        None => (object.data().cloned().unwrap_or_else(Data::empty), object.head.last_event_id),
        Some(id) => {
            let item = object.items()?.item(id, now)?;
            (item.data.clone(), item.last_event_id)
        }
    };
    let items = object.items().filter(|_| item.is_none());
    let speaks = match items {
        Some(items) => items.standing.values().any(|it| !it.item.data.is_empty()),
        None => !data.is_empty(),
    };
    Some(Found { data, event, speaks, by_client })
}

/// Answers a question.
pub(super) fn fetch(view: &View, admitted: &Admitted<'_, Query>) -> Result<Reading, Reason> {
    let now = view.expiry_time(admitted.at());
    let query = admitted.request();
    let missing = || Reason::NotFound(Missing::Service);
    if let Query::Services(range) = query {
        return Ok(Reading::Services(services(view, range)));
    }
    let service = query.service().ok_or_else(missing)?;
    let tenant = view.tenant(service).ok_or_else(missing)?;
    if let Query::Objects(_, kind, range) = query {
        return Ok(Reading::Objects { service, page: objects(tenant, *kind, range, now) });
    }
    let Some(address) = query.address() else {
        return Ok(Reading::Service(Box::new(tenant.head.clone())));
    };
    let zero;
    let object: &Object = match tenant.find(address, now) {
        Some(object) => object,
        None => {
            zero = nothing(tenant, admitted).ok_or(Reason::NotFound(Missing::Name(address.kind)))?;
            &zero
        }
    };
    let collection = object.head.sid;
    let items = || object.items().ok_or(Reason::NotFound(Missing::Sid(address.kind)));
    match query {
        Query::Item(_, id) => {
            let item = items()?.item(id, now);
            let item = item.cloned().ok_or(Reason::NotFound(Missing::Item(address.kind)))?;
            Ok(Reading::Item { service, collection, item })
        }
        Query::Items(_, range) => {
            let stands = |_: &ItemId, it: &Entry| !it.item.expired(now);
            let row = |_: &ItemId, it: &Entry| it.item.clone();
            let page = page::page(&items()?.standing, range, stands, row, |it| it.data.size_bytes());
            Ok(Reading::Items { service, collection, page })
        }
        Query::Permissions(_, range) => {
            Ok(Reading::Permissions { object: collection, page: grants(service, object, range) })
        }
        Query::Permission(_, identity) => {
            let permission = *object.grants.get(identity).ok_or(Reason::NotFound(Missing::Grant))?;
            let (object, identity) = (collection, identity.clone());
            Ok(Reading::Permission(Grant { service, object, identity, permission }))
        }
        _ => {
            Ok(Reading::Object { service, head: Box::new(object.head.clone()), data: object.data().cloned() })
        }
    }
}

fn services(view: &View, range: &Range<u64>) -> Page<crate::domain::service::ServiceHead> {
    let made = view.services.values().map(|it| (it.head.ordinal, it.clone())).collect();
    page::page(&made, range, |_, _| true, |_, tenant: &Arc<Tenant>| tenant.head.clone(), |_| 0)
}

fn objects(tenant: &Tenant, kind: ObjectKind, range: &Range<u64>, now: Timestamp) -> Page<Listed> {
    let mut asked = page::over(range, |ordinal| (kind, ordinal));
    // Without a start the listing begins where the kind does, and not where the map does.
    let open = asked.from.is_none();
    if open {
        asked.from =
            Some((kind, if range.order == crate::domain::query::Order::Ascending { 0 } else { u64::MAX }));
    }
    let object = |sid: &ObjectSid| tenant.object(*sid, now);
    let stands = |key: &(ObjectKind, u64), sid: &ObjectSid| key.0 == kind && object(sid).is_some();
    let row = |key: &(ObjectKind, u64), sid: &ObjectSid| {
        object(sid).map(|it| Listed { ordinal: key.1, head: it.head.clone(), data: it.data().cloned() })
    };
    let size_bytes =
        |it: &Option<Listed>| it.as_ref().and_then(|it| it.data.as_ref()).map_or(0, Data::size_bytes);
    let page = page::page(&tenant.in_order, &asked, stands, row, size_bytes);
    let rows = page.rows.into_iter().flatten().collect();
    Page { rows, before: page.before && !open, more: page.more }
}

fn grants(service: ServiceSid, object: &Object, range: &Range<Identity>) -> Page<Grant> {
    let row = |identity: &Identity, permission: &crate::domain::permission::Permission| Grant {
        service,
        object: object.head.sid,
        identity: identity.clone(),
        permission: *permission,
    };
    page::page(&object.grants, range, |_, _| true, row, |_| 0)
}

/// The zero state of a shared object that does not stand (decision 18).
fn nothing(tenant: &Tenant, admitted: &Admitted<'_, Query>) -> Option<Object> {
    let made = admitted.standing()?.service_made;
    let shell = |sid, name: Option<UniqueName>, space| fresh(&Shell { sid, name, space }, made, None);
    match admitted.grounds() {
        Grounds::Shared { policy, sid, name } => {
            let space = Space::Shared { policy: policy.name.clone() };
            let mut object = shell(*sid, name.clone(), space);
            if let Some(fold) = name.as_ref().and_then(|it| policy.fold_at(it)) {
                object.body = Body::Fold(Box::new(Folded::zero(&fold.shape)));
            }
            if let Some(old) = tenant.objects.get(sid) {
                // Expired and not yet swept: its counters go on from where they are.
                object.head = Head { date_expires: None, ..old.head.clone() };
            }
            Some(object)
        }
        Grounds::Plain => Some(shell(admitted.standing()?.derived?, None, Space::Plain)),
        Grounds::Private { .. } | Grounds::Reserved { .. } | Grounds::Service => None,
    }
}
