//! `…/Lists/{sid or name}/Items[/{index}]` and `…/Maps/{sid or name}/Items[/{key}]`.

use warp::reply::Response;

use super::{form::Form, page::Asked, visit::Visit};
use crate::{
    domain::{
        change::{Expect, IfMatch, Operation},
        name::ItemId,
        object::{Address, ObjectKind},
        query::Query,
        time::Ttl,
    },
    relay::{Failure, Missing, Reading, Reason},
    wire::{
        fault::{Fault, Stop},
        http::json,
        request,
    },
};

/// A page of items.
pub(super) fn all(visit: &Visit<'_>, address: Address) -> Result<Response, Stop> {
    let kind = address.kind;
    let asked =
        visit.query().and_then(|it| Asked::parse(it, |from| request::item(kind, from))).map_err(Stop::from);
    let asked = visit.judged(&Query::Object(address.clone()), asked)?;
    let reading = visit.relay.read(visit.caller, &Query::Items(address, asked.range()))?;
    let Reading::Items { service, collection, page } = reading else {
        return Err(Failure::Contended.into());
    };
    let url = format!("{}/Items", visit.place.object_url(service, collection));
    let text = |it: &_| visit.place.item(service, collection, it);
    let body = asked.render(("items", &url), page, |it| text(it), |it| it.id.clone());
    Ok(json(200, None, body))
}

/// Makes an item: a list gives the index, in a map the key must be free.
pub(super) async fn create(visit: &Visit<'_>, address: Address) -> Result<Response, Stop> {
    let about = Query::Object(address.clone());
    let operation = visit.judged(&about, creation(visit, address))?;
    visit.write(operation, None).await
}

fn creation(visit: &Visit<'_>, address: Address) -> Result<Operation, Stop> {
    let (form, kind) = (visit.form()?, address.kind);
    let key = match kind {
        ObjectKind::Map => Some(request::key(form.text("Key").unwrap_or_default())?),
        ObjectKind::Document | ObjectKind::List | ObjectKind::Stream => None,
    };
    let (ttl, collection_ttl) = (form.ttl("ItemTtl")?, own_collection_ttl(form)?);
    let data = form.data(kind)?.ok_or_else(|| request::no_data(kind))?;
    Ok(Operation::new_item(address, key, data, ttl, collection_ttl))
}

/// Shows an item.
pub(super) fn fetch(visit: &Visit<'_>, address: Address, item: &str) -> Result<Response, Stop> {
    let (_, item) = standing(visit, &address, item)?;
    visit.read(&Query::Item(address, item))
}

/// Sets an item's data, its time to live, or both.
pub(super) async fn update(visit: &Visit<'_>, address: Address, item: &str) -> Result<Response, Stop> {
    let (about, item) = standing(visit, &address, item)?;
    let (operation, if_match) = visit.judged(&about, updating(visit, address, item))?;
    visit.write(operation, if_match).await
}

fn updating(visit: &Visit<'_>, address: Address, item: ItemId) -> Result<(Operation, Option<IfMatch>), Stop> {
    let form = visit.form()?;
    let (ttl, collection_ttl) = (form.ttl("ItemTtl")?, own_collection_ttl(form)?);
    let data = form.data(address.kind)?;
    if data.is_none() && ttl.is_none() {
        return Err(Fault::NoParameter.into());
    }
    let (expect, condition) = (Expect::Present, visit.condition_of(data.as_ref())?);
    Ok((Operation::SetItem { address, item, expect, data, ttl, collection_ttl }, condition))
}

/// Removes an item.
pub(super) async fn remove(visit: &Visit<'_>, address: Address, item: &str) -> Result<Response, Stop> {
    let (about, item) = standing(visit, &address, item)?;
    let if_match = visit.judged(&about, visit.condition().map_err(Stop::from))?;
    visit.write(Operation::RemoveItem { address, item }, if_match).await
}

/// An item that is to stand, with the question for it. Nothing stands under a text that can be no
/// key; a text that can be no index is a fault, once its list stands (sync-rest, 5.3).
fn standing(visit: &Visit<'_>, address: &Address, text: &str) -> Result<(Query, ItemId), Stop> {
    let parsed = request::item(address.kind, text).map_err(|fault| match fault {
        Fault::Index => fault.into(),
        _ => Stop::from(Reason::NotFound(Missing::Item(address.kind))),
    });
    let item = visit.judged(&Query::Object(address.clone()), parsed)?;
    Ok((Query::Item(address.clone(), item.clone()), item))
}

/// The collection's time to live, beside which `Ttl` is the item's.
fn own_collection_ttl(form: &Form) -> Result<Option<Ttl>, Fault> {
    form.text("CollectionTtl").map_or(Ok(None), request::ttl)
}
