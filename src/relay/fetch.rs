//! Answers admitted questions from a view; `{}` and no items for shared objects that do not stand.

use std::ops::Bound;

use serde_json::Value;

use crate::{
    domain::{
        data::Data,
        limits::PAGE_ROWS_MAX,
        object::{Address, EventId, Head, ObjectKind, ObjectRef, Revision, Space},
        query::{Bounds, Order, Query, Range},
        sid::ServiceSid,
        time::Timestamp,
    },
    relay::{
        authn::Caller,
        derived,
        gate::{Admitted, Grounds},
        receipt::Reading,
        refusal::{Missing, Reason},
        standing::Standing,
        store::view::{Items, Object, View},
    },
};

/// What stands at an address, for the gate; `None` when the service does not stand.
pub(super) fn standing(
    view: &View,
    service: ServiceSid,
    address: Option<&Address>,
    caller: &Caller,
    now: Timestamp,
) -> Option<Standing> {
    let tenant = view.tenant(service)?;
    let object = address.and_then(|it| tenant.find(it, now));
    let sid = match address.map(|it| (&it.object, it.kind)) {
        Some((ObjectRef::Sid(sid), kind)) if sid.kind == kind => Some(*sid),
        _ => None,
    };
    let shared = sid.filter(|it| object.is_none() && derived::fits(&view.secret, service, *it));
    let identity = caller.identity();
    Some(Standing {
        service,
        service_name: tenant.head.unique_name.clone(),
        service_made: tenant.head.date_created,
        acl: tenant.head.settings.acl,
        head: object.map(|it| it.head.clone()),
        permission: object.zip(identity).map(|(object, it)| object.permission(it)).unwrap_or_default(),
        derived: shared,
        claims: object
            .and_then(|it| serde_json::from_str(it.claims.as_deref()?).ok())
            .unwrap_or_else(|| Value::Object(Default::default())),
        secret: view.secret,
    })
}

/// Answers a question.
pub(super) fn fetch(view: &View, admitted: &Admitted<Query>) -> Result<Reading, Reason> {
    let now = admitted.at();
    let query = admitted.request();
    let service = query.service();
    let tenant = view.tenant(service).ok_or(Reason::NotFound(Missing::Service))?;
    let Some(address) = query.address() else {
        return Ok(Reading::Service(Box::new(tenant.head.clone())));
    };
    let found = tenant.find(address, now);
    let zero;
    let object: &Object = match (found, admitted.grounds(), admitted.standing()) {
        (Some(object), _, _) => object,
        (None, Grounds::Shared { policy, sid, name }, Some(standing)) => {
            let space = Space::Shared { policy: policy.name.clone() };
            zero = match tenant.objects.get(sid) {
                // Expired and not yet swept: its counters go on from where they are.
                Some(old) => empty(Head { date_expires: None, ..old.head.clone() }),
                None => empty(nothing(*sid, name.clone(), space, standing.service_made)),
            };
            &zero
        }
        (None, Grounds::Plain, Some(Standing { derived: Some(sid), service_made, .. })) => {
            zero = empty(nothing(*sid, None, Space::Plain, *service_made));
            &zero
        }
        _ => return Err(Reason::NotFound(Missing::Name(address.kind))),
    };
    let map = object.head.sid;
    match query {
        Query::Object(_) | Query::Service(_) => {
            Ok(Reading::Object { service, head: Box::new(object.head.clone()), data: object.data().cloned() })
        }
        Query::Item(_, key) => {
            let item = object.items().and_then(|it| it.item(key, now));
            let item = item.cloned().ok_or(Reason::NotFound(Missing::Item(address.kind)))?;
            Ok(Reading::Item { service, map, item })
        }
        Query::Items(_, range) => {
            let items = object.items().ok_or(Reason::NotFound(Missing::Sid(address.kind)))?;
            let (items, before, more) = page(items, range, now);
            Ok(Reading::Items { service, map, items, before, more })
        }
    }
}

fn nothing(
    sid: crate::domain::sid::ObjectSid,
    unique_name: Option<crate::domain::name::UniqueName>,
    space: Space,
    at: Timestamp,
) -> Head {
    Head {
        sid,
        unique_name,
        space,
        created_by: None,
        date_created: at,
        date_updated: at,
        date_expires: None,
        revision: Revision(0),
        last_event_id: EventId(0),
    }
}

fn empty(head: Head) -> Object {
    let body = match head.sid.kind {
        ObjectKind::Document => {
            crate::relay::store::view::Body::Document { data: Data::empty(), contributions: Vec::new() }
        }
        _ => crate::relay::store::view::Body::Map(Box::default()),
    };
    Object { head, body, grants: Vec::new(), claims: None }
}

type Page = (Vec<std::sync::Arc<crate::domain::object::Item>>, bool, bool);

/// One page of items, and whether there are others on either side of it.
fn page(items: &Items, range: &Range, now: Timestamp) -> Page {
    if let Some(key) = &range.only {
        return (items.item(key, now).cloned().into_iter().collect(), false, false);
    }
    let rows = range.rows.clamp(1, PAGE_ROWS_MAX);
    let edge = |bounds| match (&range.from, bounds) {
        (None, _) => Bound::Unbounded,
        (Some(key), Bounds::Inclusive) => Bound::Included(key.clone()),
        (Some(key), Bounds::Exclusive) => Bound::Excluded(key.clone()),
    };
    let opposite = match range.bounds {
        Bounds::Inclusive => Bounds::Exclusive,
        Bounds::Exclusive => Bounds::Inclusive,
    };
    let live =
        |it: &(&crate::domain::name::ItemKey, &crate::relay::store::view::Entry)| !it.1.item.expired(now);
    let standing = &items.standing;
    let (mut found, before): (Vec<_>, bool) = match range.order {
        Order::Ascending => {
            let ahead = standing.range((edge(range.bounds), Bound::Unbounded)).filter(live).take(rows + 1);
            let behind = range.from.is_some()
                && standing.range((Bound::Unbounded, edge(opposite))).any(|it| live(&it));
            (ahead.map(|it| it.1.item.clone()).collect(), behind)
        }
        Order::Descending => {
            let ahead =
                standing.range((Bound::Unbounded, edge(range.bounds))).rev().filter(live).take(rows + 1);
            let behind = range.from.is_some()
                && standing.range((edge(opposite), Bound::Unbounded)).any(|it| live(&it));
            (ahead.map(|it| it.1.item.clone()).collect(), behind)
        }
    };
    let more = rows < found.len();
    found.truncate(rows);
    (found, before, more)
}
