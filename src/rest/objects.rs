//! `/v1/Services/{sid}/{Documents|Lists|Maps|Streams}[/{sid or name}]`.

use warp::reply::Response;

use super::{form::Form, page::Asked, visit::Visit};
use crate::{
    domain::{
        change::{IfMatch, Operation},
        data::Input,
        object::{Address, ObjectKind},
        query::Query,
        sid::ServiceSid,
        time::Ttl,
    },
    relay::{Failure, Reading},
    wire::{
        fault::{Fault, Stop},
        http::json,
        request, resource,
    },
};

/// A page of the objects of one kind.
pub(super) fn all(visit: &Visit<'_>, service: ServiceSid, kind: ObjectKind) -> Result<Response, Stop> {
    let asked = visit.query().and_then(Asked::listing).map_err(Stop::from);
    let asked = visit.judged(&Query::Service(service), asked)?;
    let reading = visit.relay.read(visit.caller, &Query::Objects(service, kind, asked.range()))?;
    let Reading::Objects { page, .. } = reading else {
        return Err(Failure::Contended.into());
    };
    let url = format!("{}/{}", visit.place.service_url(service), resource::collection(kind));
    let key = match kind {
        ObjectKind::Document => "documents",
        ObjectKind::List => "lists",
        ObjectKind::Map => "maps",
        ObjectKind::Stream => "streams",
    };
    let body = asked.render(
        (key, &url),
        page,
        |it| visit.place.object(service, &it.head, it.data.as_ref()),
        |it| it.ordinal,
    );
    Ok(json(200, None, body))
}

/// Makes an object.
pub(super) async fn create(
    visit: &Visit<'_>,
    service: ServiceSid,
    kind: ObjectKind,
) -> Result<Response, Stop> {
    let operation = visit.judged(&Query::Service(service), creation(visit, service, kind))?;
    visit.write(operation, None).await
}

fn creation(visit: &Visit<'_>, service: ServiceSid, kind: ObjectKind) -> Result<Operation, Stop> {
    let form = visit.form()?;
    let name = form.text("UniqueName").map(request::unique_name).transpose()?;
    let ttl = own_ttl(form, kind)?;
    let data = if kind == ObjectKind::Document { form.data(kind)? } else { None };
    Ok(Operation::Create { service, kind, name, data: data.unwrap_or_else(Input::empty), ttl })
}

/// Sets a document's data, or an object's time to live, or both.
pub(super) async fn update(visit: &Visit<'_>, address: Address) -> Result<Response, Stop> {
    let about = Query::Object(address.clone());
    let (operation, if_match) = visit.judged(&about, updating(visit, address))?;
    visit.write(operation, if_match).await
}

fn updating(visit: &Visit<'_>, address: Address) -> Result<(Operation, Option<IfMatch>), Stop> {
    let (form, kind) = (visit.form()?, address.kind);
    let ttl = own_ttl(form, kind)?;
    let data = if kind == ObjectKind::Document { form.data(kind)? } else { None };
    if data.is_none() && ttl.is_none() {
        return Err(Fault::NoParameter.into());
    }
    let condition = visit.condition_of(data.as_ref())?;
    Ok((Operation::Update { address, data, ttl }, condition))
}

/// Sends a message through a stream.
pub(super) async fn publish(visit: &Visit<'_>, address: Address) -> Result<Response, Stop> {
    let (about, kind) = (Query::Object(address.clone()), address.kind);
    let data = visit.form().map_err(Stop::from).and_then(|form| {
        let data = form.data(kind)?;
        data.ok_or_else(|| request::no_data(kind))
    });
    let data = visit.judged(&about, data)?;
    visit.write(Operation::Publish { address, data }, None).await
}

/// The object's time to live, under the name that its kind has for it.
fn own_ttl(form: &Form, kind: ObjectKind) -> Result<Option<Ttl>, Fault> {
    form.ttl(match kind {
        ObjectKind::Document | ObjectKind::Stream => "Ttl",
        ObjectKind::List | ObjectKind::Map => "CollectionTtl",
    })
}
