//! `/v1/Services/{sid}/Documents[/{sid or name}]`.

use warp::reply::Response;

use super::visit::Visit;
use crate::{
    domain::{
        change::{IfMatch, Operation},
        data::Input,
        object::{Address, ObjectKind},
        query::Query,
        sid::ServiceSid,
    },
    wire::{
        fault::{Fault, Stop},
        request,
    },
};

const KIND: ObjectKind = ObjectKind::Document;

/// Makes a document.
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
        ttl: form.ttl("Ttl")?,
        data: form.data(KIND)?.unwrap_or_else(Input::empty),
    })
}

/// Sets a document's data, or its time to live, or both.
pub(super) async fn update(visit: &Visit<'_>, address: Address) -> Result<Response, Stop> {
    let about = Query::Object(address.clone());
    let (operation, if_match) = visit.judged(&about, updating(visit, address))?;
    visit.write(operation, if_match).await
}

fn updating(visit: &Visit<'_>, address: Address) -> Result<(Operation, Option<IfMatch>), Stop> {
    let form = visit.form()?;
    let (ttl, data) = (form.ttl("Ttl")?, form.data(KIND)?);
    if data.is_none() && ttl.is_none() {
        return Err(Fault::NoParameter.into());
    }
    Ok((Operation::Update { address, data, ttl }, visit.condition()?))
}
