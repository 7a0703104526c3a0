//! The items of maps as the SDK lists, sets and removes them.

use std::sync::Arc;

use super::{Call, Request, body::Body};
use crate::{
    domain::{
        change::{Expect, IfMatch, Operation},
        object::{Item, ObjectKind},
        query::{Order, Query, Range},
        sid::{ObjectSid, ServiceSid},
    },
    wire::{
        fault::{Fault, Stop},
        page::{PageToken, Turn},
        request,
        resource::{SdkPlace, sdk_items},
    },
};

const KIND: ObjectKind = ObjectKind::Map;

/// `…/Maps/<id>/Items`: a page of items, one item by key, or a new item.
pub(super) fn all(service: ServiceSid, map: &str, asked: &Request) -> Result<Call, Stop> {
    let address = request::address(service, KIND, map);
    match asked.method.as_str() {
        "GET" => {
            let filled = |name: &str| asked.param(name).filter(|it| !it.is_empty());
            let range = Range {
                only: asked.param("Key").map(request::key).transpose()?,
                from: filled("From").map(request::key).transpose()?,
                bounds: request::bounds(filled("Bounds"))?,
                order: request::order(filled("Order"))?,
                rows: request::sdk_page_size(filled("PageSize"))?,
            };
            Ok(Call::Read(Query::Items(address?, range)))
        }
        "POST" => {
            let body = Body::parse(&asked.body)?;
            let key = body.key()?;
            let (data, ttl) = (body.data(KIND)?.ok_or_else(|| request::no_data(KIND))?, body.ttl()?);
            let operation = Operation::SetItem {
                address: address?,
                key,
                expect: Expect::Absent,
                data: Some(data),
                ttl,
                collection_ttl: None,
            };
            Ok(asked.change(operation, None))
        }
        _ => Err(Fault::Method.into()),
    }
}

/// `…/Maps/<id>/Items/<key>`: PUT makes or replaces, POST changes, DELETE removes.
pub(super) fn one(service: ServiceSid, map: &str, key: &str, asked: &Request) -> Result<Call, Stop> {
    let address = request::address(service, KIND, map)?;
    let key = request::key(key)?;
    let if_match = match asked.if_match.as_deref() {
        // The SDK's mutate of a key that it does not know.
        Some("-1") if asked.method == "PUT" => Some(IfMatch::Absent),
        Some(text) => request::if_match(text)?,
        None => None,
    };
    let expect = match asked.method.as_str() {
        "GET" => return Ok(Call::Read(Query::Item(address, key))),
        "DELETE" => return Ok(asked.change(Operation::RemoveItem { address, key }, if_match)),
        "PUT" => Expect::Any,
        "POST" => Expect::Present,
        _ => return Err(Fault::Method.into()),
    };
    let body = Body::parse(&asked.body)?;
    let (data, ttl) = (body.data(KIND)?, body.ttl()?);
    match (expect, data.is_some(), ttl.is_some()) {
        (Expect::Any, false, _) => return Err(request::no_data(KIND)),
        (_, false, false) => return Err(Fault::NoParameter.into()),
        _ => (),
    }
    let operation = Operation::SetItem { address, key, expect, data, ttl, collection_ttl: None };
    Ok(asked.change(operation, if_match))
}

/// Items as JSON.
pub(super) fn texts(place: &SdkPlace<'_>, map: ObjectSid, items: &[Arc<Item>]) -> Vec<String> {
    items.iter().map(|it| place.item(map, it)).collect()
}

/// A page with its `meta`, of which the SDK only asks what is null: something lies before or after.
pub(super) fn page(texts: &[String], items: &[Arc<Item>], query: &Query, before: bool, more: bool) -> String {
    let (from, order) = match query {
        Query::Items(_, range) => (range.from.as_ref(), range.order),
        _ => (None, Order::Ascending),
    };
    let token = |turn: Turn, item: Option<&Arc<Item>>| {
        let key = item.map(|it| &it.key).or(from).cloned()?;
        Some(PageToken { turn, order, key }.to_text())
    };
    let previous = before.then(|| token(Turn::Previous, items.first())).flatten();
    let next = more.then(|| token(Turn::Next, items.last())).flatten();
    sdk_items(texts, previous.as_deref(), next.as_deref())
}
