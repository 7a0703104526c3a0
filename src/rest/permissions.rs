//! `…/{Documents|Lists|Maps}/{sid or name}/Permissions[/{identity}]`.

use warp::reply::Response;

use super::{page::Asked, visit::Visit};
use crate::{
    domain::{change::Operation, name::Identity, object::Address, permission::Permission, query::Query},
    relay::{Failure, Missing, Reading, Reason},
    wire::{
        fault::{Fault, Stop},
        http::json,
        request,
    },
};

/// A page of grants.
pub(super) fn all(visit: &Visit<'_>, address: Address) -> Result<Response, Stop> {
    let asked = visit.query().and_then(Asked::listing).map_err(Stop::from);
    let asked = visit.judged(&Query::Object(address.clone()), asked)?;
    let service = address.service;
    let reading = visit.relay.read(visit.caller, &Query::Permissions(address, asked.range()))?;
    let Reading::Permissions { object, page } = reading else {
        return Err(Failure::Contended.into());
    };
    let url = format!("{}/Permissions", visit.place.object_url(service, object));
    let body =
        asked.render(("permissions", &url), page, |it| visit.place.grant(it), |it| it.identity.clone());
    Ok(json(200, None, body))
}

/// Shows what an identity may do.
pub(super) fn fetch(visit: &Visit<'_>, address: Address, identity: &str) -> Result<Response, Stop> {
    let identity = standing(visit, &address, identity)?;
    visit.read(&Query::Permission(address, identity))
}

/// Sets what an identity may do: all three rights are said.
pub(super) async fn set(visit: &Visit<'_>, address: Address, identity: &str) -> Result<Response, Stop> {
    let about = Query::Object(address.clone());
    let operation = visit.judged(&about, setting(visit, address, identity).map_err(Stop::from))?;
    visit.write(operation, None).await
}

fn setting(visit: &Visit<'_>, address: Address, identity: &str) -> Result<Operation, Fault> {
    let (form, identity) = (visit.form()?, request::identity(identity)?);
    let right = |name| form.flag(name)?.ok_or(Fault::Missing { name });
    let permission = Permission { read: right("Read")?, write: right("Write")?, manage: right("Manage")? };
    Ok(Operation::Permit { address, identity, permission: Some(permission) })
}

/// Takes a grant away.
pub(super) async fn remove(visit: &Visit<'_>, address: Address, identity: &str) -> Result<Response, Stop> {
    let identity = standing(visit, &address, identity)?;
    visit.write(Operation::Permit { address, identity, permission: None }, None).await
}

/// An identity that may have a grant: none stands under a text that can be no identity.
fn standing(visit: &Visit<'_>, address: &Address, text: &str) -> Result<Identity, Stop> {
    let parsed = request::identity(text).map_err(|_| Stop::from(Reason::NotFound(Missing::Grant)));
    visit.judged(&Query::Object(address.clone()), parsed)
}
