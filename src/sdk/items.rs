//! The items of lists and maps as the SDK lists, appends, sets and removes them.

use std::sync::Arc;

use super::{Call, Request, body::Body};
use crate::{
    domain::{
        change::{Expect, IfMatch, Operation},
        name::ItemId,
        object::{Item, ObjectKind},
        query::{Order, Query, Range},
        sid::{ObjectSid, ServiceSid},
    },
    relay::Page,
    wire::{
        fault::{Fault, Stop},
        page::{PageToken, Turn},
        request,
        resource::{SdkPlace, sdk_items},
    },
};

/// `…/Lists/<id>/Items`, `…/Maps/<id>/Items`: a page of items, one item by name, or a new item.
pub(super) fn all(service: ServiceSid, kind: ObjectKind, id: &str, asked: &Request) -> Result<Call, Stop> {
    let address = request::address(service, kind, id);
    match asked.method.as_str() {
        "GET" => Ok(Call::Read(Query::Items(address?, range(kind, asked)?))),
        "POST" => {
            let body = Body::parse(&asked.body)?;
            let key = if kind == ObjectKind::Map { Some(body.key()?) } else { None };
            let data = body.data(kind)?.ok_or_else(|| request::no_data(kind))?;
            Ok(asked.change(Operation::new_item(address?, key, data, body.ttl()?, None), None))
        }
        _ => Err(Fault::Method.into()),
    }
}

/// Which items are asked for: a token decides where, else `From`.
fn range(kind: ObjectKind, asked: &Request) -> Result<Range<ItemId>, Fault> {
    let filled = |name: &str| asked.param(name).filter(|it| !it.is_empty());
    let rows = request::sdk_page_size(filled("PageSize"))?;
    let named = if kind == ObjectKind::List { "Index" } else { "Key" };
    let range = Range {
        only: asked.param(named).map(|it| request::item(kind, it)).transpose()?,
        from: filled("From").map(|it| request::item(kind, it)).transpose()?,
        bounds: request::bounds(filled("Bounds"))?,
        order: request::order(filled("Order"))?,
        rows,
    };
    match filled("PageToken").map(PageToken::parse).transpose()? {
        Some(token) => Ok(token.range(rows)),
        None => Ok(range),
    }
}

/// `…/Items/<index or key>`: PUT makes or replaces (maps), POST changes, DELETE removes.
pub(super) fn one(
    service: ServiceSid,
    kind: ObjectKind,
    (id, item): (&str, &str),
    asked: &Request,
) -> Result<Call, Stop> {
    let address = request::address(service, kind, id)?;
    let item = request::item(kind, item)?;
    let if_match = match asked.if_match.as_deref() {
        // The SDK's mutate of a key that it does not know.
        Some("-1") if asked.method == "PUT" => Some(IfMatch::Absent),
        Some(text) => request::if_match(text)?,
        None => None,
    };
    let expect = match asked.method.as_str() {
        "GET" => return Ok(Call::Read(Query::Item(address, item))),
        "DELETE" => return Ok(asked.change(Operation::RemoveItem { address, item }, if_match)),
        "PUT" if kind == ObjectKind::Map => Expect::Any,
        "POST" => Expect::Present,
        _ => return Err(Fault::Method.into()),
    };
    let body = Body::parse(&asked.body)?;
    let (data, ttl) = (body.data(kind)?, body.ttl()?);
    match (expect, data.is_some(), ttl.is_some()) {
        (Expect::Any, false, _) => return Err(request::no_data(kind)),
        (_, false, false) => return Err(Fault::NoParameter.into()),
        _ => (),
    }
    let operation = Operation::SetItem { address, item, expect, data, ttl, collection_ttl: None };
    Ok(asked.change(operation, if_match))
}

/// Items as JSON.
pub(super) fn texts(place: &SdkPlace<'_>, collection: ObjectSid, items: &[Arc<Item>]) -> Vec<String> {
    items.iter().map(|it| place.item(collection, it)).collect()
}

/// A page with its `meta`, of which the SDK only asks what is null: something lies before or after.
pub(super) fn page(texts: &[String], page: &Page<Arc<Item>>, query: &Query, asked: &Request) -> String {
    let (from, order) = match query {
        Query::Items(_, range) => (range.from.as_ref(), range.order),
        _ => (None, Order::Ascending),
    };
    let back = asked
        .param("PageToken")
        .and_then(|it| PageToken::<ItemId>::parse(it).ok())
        .is_some_and(|it| it.turn == Turn::Previous);
    let (first, last) = (page.rows.first(), page.rows.last());
    // A page that lies back was read against the order: its rows are turned round, and its sides with them.
    let ((first, last), (before, more), order) = match (back, order) {
        (false, order) => ((first, last), (page.before, page.more), order),
        (true, Order::Ascending) => ((last, first), (page.more, page.before), Order::Descending),
        (true, Order::Descending) => ((last, first), (page.more, page.before), Order::Ascending),
    };
    let token = |turn: Turn, item: Option<&Arc<Item>>| {
        let at = item.map(|it| &it.id).or(from).cloned()?;
        Some(PageToken { turn, order, at }.to_text())
    };
    let previous = before.then(|| token(Turn::Previous, first)).flatten();
    let next = more.then(|| token(Turn::Next, last)).flatten();
    let turned: Vec<String>;
    let texts = if back {
        turned = texts.iter().rev().cloned().collect();
        &turned
    } else {
        texts
    };
    sdk_items(texts, previous.as_deref(), next.as_deref())
}
