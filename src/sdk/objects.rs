//! Objects as the SDK opens, makes, sets and removes them, and messages sent through streams.

use super::{Call, Request, body::Body};
use crate::{
    domain::{change::Operation, data::Input, object::ObjectKind, query::Query, sid::ServiceSid},
    wire::{
        fault::{Fault, Stop},
        request,
    },
};

/// `/v3/Documents`, `/v3/Lists`, `/v3/Maps`, `/v3/Streams`.
pub(super) fn create(service: ServiceSid, kind: ObjectKind, asked: &Request) -> Result<Call, Stop> {
    if asked.method != "POST" {
        return Err(Fault::Method.into());
    }
    let body = Body::parse(&asked.body)?;
    let data = match kind {
        ObjectKind::Document => body.data(kind)?.unwrap_or_else(Input::empty),
        ObjectKind::List => body.context()?.unwrap_or_else(Input::empty),
        ObjectKind::Map | ObjectKind::Stream => Input::empty(),
    };
    let (name, ttl) = (body.unique_name()?, body.ttl()?);
    Ok(asked.change(Operation::Create { service, kind, name, data, ttl }, None))
}

/// `/v3/Documents/<id>`, `/v3/Services/IS…/Maps/MP…`.
pub(super) fn one(service: ServiceSid, kind: ObjectKind, id: &str, asked: &Request) -> Result<Call, Stop> {
    let address = request::address(service, kind, id);
    match asked.method.as_str() {
        "GET" => {
            let include = asked.param("Include").is_some_and(|it| it.split(',').any(|it| it == "items"));
            match kind {
                ObjectKind::Map if include => Ok(Call::OpenWithItems(address?)),
                _ => Ok(Call::Read(Query::Object(address?))),
            }
        }
        "POST" => {
            let address = address?;
            let body = Body::parse(&asked.body)?;
            let ttl = body.ttl()?;
            let data = match kind {
                ObjectKind::Document => body.data(kind)?,
                ObjectKind::List | ObjectKind::Map | ObjectKind::Stream => None,
            };
            if data.is_none() && ttl.is_none() {
                return Err(Fault::NoParameter.into());
            }
            let if_match = asked.if_match.as_deref().map(request::if_match).transpose()?.flatten();
            Ok(asked.change(Operation::Update { address, data, ttl }, if_match))
        }
        "DELETE" => {
            let if_match = asked.if_match.as_deref().map(request::if_match).transpose()?.flatten();
            Ok(asked.change(Operation::Remove { address: address? }, if_match))
        }
        _ => Err(Fault::Method.into()),
    }
}

/// `…/Streams/<id>/Messages`.
pub(super) fn publish(service: ServiceSid, id: &str, asked: &Request) -> Result<Call, Stop> {
    if asked.method != "POST" {
        return Err(Fault::Method.into());
    }
    let kind = ObjectKind::Stream;
    let address = request::address(service, kind, id)?;
    let data = Body::parse(&asked.body)?.data(kind)?.ok_or_else(|| request::no_data(kind))?;
    Ok(asked.change(Operation::Publish { address, data }, None))
}
