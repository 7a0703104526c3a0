//! `/v1/Services/{sid}/Maps[/{sid or name}[/Items[/{key}]]]`.

use warp::reply::Response;

use super::{page::Asked, visit::Visit};
use crate::{
    domain::{
        change::{Expect, IfMatch, Operation},
        data::Input,
        name::ItemKey,
        object::{Address, ObjectKind},
        query::Query,
        sid::ServiceSid,
    },
    relay::{Failure, Missing, Reading, Reason},
    wire::{
        fault::{Fault, Stop},
        http::json,
        request,
    },
};

const KIND: ObjectKind = ObjectKind::Map;

/// Makes a map.
pub(super) async fn create(visit: &Visit<'_>, service: ServiceSid) -> Result<Response, Stop> {
    let operation = visit.judged(&Query::Service(service), creation(visit, service))?;
    visit.write(operation, None).await
}

fn creation(visit: &Visit<'_>, service: ServiceSid) -> Result<Operation, Stop> {
    let form = visit.form()?;
    Ok(Operation::Create {
        service,
        kind: KIND,
        name: form.text("UniqueName").map(request::unique_name).transpose()?,
        data: Input::empty(),
        ttl: form.ttl("CollectionTtl")?,
    })
}

/// Sets a map's time to live.
pub(super) async fn update(visit: &Visit<'_>, address: Address) -> Result<Response, Stop> {
    let about = Query::Object(address.clone());
    let (operation, if_match) = visit.judged(&about, updating(visit, address))?;
    visit.write(operation, if_match).await
}

fn updating(visit: &Visit<'_>, address: Address) -> Result<(Operation, Option<IfMatch>), Stop> {
    let ttl = visit.form()?.ttl("CollectionTtl")?.ok_or(Fault::NoParameter)?;
    Ok((Operation::Update { address, data: None, ttl: Some(ttl) }, visit.condition()?))
}

/// A page of items.
pub(super) fn items(visit: &Visit<'_>, address: Address) -> Result<Response, Stop> {
    let asked = visit.query().and_then(Asked::parse).map_err(Stop::from);
    let asked = visit.judged(&Query::Object(address.clone()), asked)?;
    let reading = visit.relay.read(visit.caller, &Query::Items(address, asked.range()))?;
    let Reading::Items { service, map, items, more, .. } = reading else {
        return Err(Failure::Contended.into());
    };
    let url = format!("{}/Items", visit.place.object_url(service, map));
    let body = asked.render(&url, items, more, |it| visit.place.item(service, map, it));
    Ok(json(200, None, body))
}

/// Makes an item; its key must be free.
pub(super) async fn create_item(visit: &Visit<'_>, address: Address) -> Result<Response, Stop> {
    let about = Query::Object(address.clone());
    let operation = visit.judged(&about, item_creation(visit, address))?;
    visit.write(operation, None).await
}

fn item_creation(visit: &Visit<'_>, address: Address) -> Result<Operation, Stop> {
    let form = visit.form()?;
    let key = request::key(form.text("Key").unwrap_or_default())?;
    let (ttl, collection_ttl) = (form.ttl("ItemTtl")?, own_collection_ttl(visit)?);
    let data = Some(form.data(KIND)?.ok_or_else(|| request::no_data(KIND))?);
    Ok(Operation::SetItem { address, key, expect: Expect::Absent, data, ttl, collection_ttl })
}

/// Shows an item.
pub(super) fn fetch_item(visit: &Visit<'_>, address: Address, key: &str) -> Result<Response, Stop> {
    visit.read(&Query::Item(address, standing(key)?))
}

/// Sets an item's data, its time to live, or both.
pub(super) async fn update_item(visit: &Visit<'_>, address: Address, key: &str) -> Result<Response, Stop> {
    let key = standing(key)?;
    let about = Query::Item(address.clone(), key.clone());
    let (operation, if_match) = visit.judged(&about, item_updating(visit, address, key))?;
    visit.write(operation, if_match).await
}

fn item_updating(
    visit: &Visit<'_>,
    address: Address,
    key: ItemKey,
) -> Result<(Operation, Option<IfMatch>), Stop> {
    let form = visit.form()?;
    let (ttl, collection_ttl) = (form.ttl("ItemTtl")?, own_collection_ttl(visit)?);
    let data = form.data(KIND)?;
    if data.is_none() && ttl.is_none() {
        return Err(Fault::NoParameter.into());
    }
    let expect = Expect::Present;
    Ok((Operation::SetItem { address, key, expect, data, ttl, collection_ttl }, visit.condition()?))
}

/// Removes an item.
pub(super) async fn remove_item(visit: &Visit<'_>, address: Address, key: &str) -> Result<Response, Stop> {
    let key = standing(key)?;
    let about = Query::Item(address.clone(), key.clone());
    let if_match = visit.judged(&about, visit.condition().map_err(Stop::from))?;
    visit.write(Operation::RemoveItem { address, key }, if_match).await
}

/// The key of an item that is to stand: nothing stands under a text that cannot be a key.
fn standing(key: &str) -> Result<ItemKey, Reason> {
    request::key(key).map_err(|_| Reason::NotFound(Missing::Item(KIND)))
}

/// The map's time to live, beside which `Ttl` is the item's.
fn own_collection_ttl(visit: &Visit<'_>) -> Result<Option<crate::domain::time::Ttl>, Fault> {
    visit.form()?.text("CollectionTtl").map_or(Ok(None), request::ttl)
}
