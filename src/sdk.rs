//! The untrusted clients' door: the SDK's requests, whether they come over HTTP or a socket.
//!
//! A request is parsed into one query or one change, handed to the relay, and the answer rendered.
//! [`dispatch`] does not wait, so what one connection sends reaches the relay in its order.

mod body;
pub mod http;
mod items;
mod objects;

use std::sync::Arc;

use bytes::Bytes;
pub use warp::http::Method;

use crate::{
    domain::{
        change::{Change, IdempotencyKey, IfMatch, Operation},
        data::Data,
        limits::PAGE_ROWS_MAX,
        object::{Address, Head, ObjectKind},
        query::{Query, Range},
        sid::ServiceSid,
    },
    relay::{Answer, Caller, Error, Reading, Reason, Receipt, Relay, Watcher},
    wire::{
        fault::{Fault, Stop},
        problem::{Plane, Problem},
        request::{self, segments},
        resource::{self, SdkPlace, etag},
    },
};

/// A request of the clients' plane, whatever brought it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, still percent-encoded, without a query.
    pub path: String,
    /// The query's parameters, decoded; the last of two with one name counts.
    pub params: Vec<(String, String)>,
    /// The header If-Match.
    pub if_match: Option<String>,
    /// The header Twilio-Request-Id: the same for a repeated attempt.
    pub request_id: Option<String>,
    /// The body; that of a DELETE means nothing.
    pub body: Bytes,
}

impl Request {
    fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().rev().find(|it| it.0 == name).map(|it| it.1.as_str())
    }

    /// The write of this request.
    fn change(&self, operation: Operation, if_match: Option<IfMatch>) -> Call {
        let idempotency = self.request_id.as_deref().and_then(IdempotencyKey::parse);
        Call::Write(Change { operation, if_match, idempotency })
    }
}

/// An answer of the clients' plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// JSON, or nothing.
    pub body: Bytes,
    /// The value of the header ETag.
    pub etag: Option<String>,
}

impl Response {
    fn of_stop(stop: &Stop) -> Self {
        let problem = Problem::of(stop, Plane::Sdk);
        Self { status: problem.status, body: problem.to_json().into(), etag: None }
    }

    fn empty() -> Self {
        Self { status: 204, body: Bytes::new(), etag: None }
    }
}

/// What a request asks of the relay.
#[derive(Debug)]
enum Call {
    Read(Query),
    OpenWithItems(Address),
    Context(Address),
    Configuration(ServiceSid),
    Write(Change),
}

/// Answers a request: `respond` is called once, at once for reads and refusals of the gate, else
/// when the write is durable. `through` is the connection into which `respond` queues its answer.
pub fn dispatch(
    relay: &Relay,
    caller: &Caller,
    request: Request,
    base_url: &str,
    through: Option<Arc<dyn Watcher>>,
    respond: Box<dyn FnOnce(Response) + Send>,
) {
    let service = caller.service().ok_or(Reason::Forbidden);
    match service.map_err(Stop::from).and_then(|it| plan(it, &request)) {
        Ok(Call::Write(change)) => {
            let base = base_url.to_owned();
            let then = move |result: Result<Receipt, Error>| respond(written(result, &base));
            relay.submit(caller, change, Answer { then: Box::new(then), through });
        }
        Ok(Call::Read(query)) => respond(
            relay
                .read(caller, &query)
                .map_or_else(|it| Response::of_stop(&it.into()), |it| shown(&it, &query, &request, base_url)),
        ),
        Ok(Call::OpenWithItems(address)) => respond(
            opened(relay, caller, address, base_url).unwrap_or_else(|it| Response::of_stop(&it.into())),
        ),
        Ok(Call::Context(address)) => respond(
            context(relay, caller, address, base_url).unwrap_or_else(|it| Response::of_stop(&it.into())),
        ),
        Ok(Call::Configuration(service)) => {
            let body = SdkPlace { base: base_url, service }.configuration();
            respond(Response { status: 200, body: body.into(), etag: None });
        }
        Err(stop) => respond(Response::of_stop(&stop)),
    }
}

/// Finds what the path names, in the caller's own service only.
fn plan(service: ServiceSid, request: &Request) -> Result<Call, Stop> {
    let path = segments(&request.path).ok_or(Fault::UnknownPath)?;
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match request::own_path(service, &path)? {
        ["Lists", id, "Context"] if request.method == "GET" => {
            Ok(Call::Context(request::address(service, ObjectKind::List, id)?))
        }
        ["Streams", id, "Messages"] => objects::publish(service, id, request),
        [kind @ ("Documents" | "Lists" | "Maps" | "Streams")] => {
            objects::create(service, kind_of(kind)?, request)
        }
        [kind @ ("Documents" | "Lists" | "Maps" | "Streams"), id] => {
            objects::one(service, kind_of(kind)?, id, request)
        }
        [kind @ ("Lists" | "Maps"), id, "Items"] => items::all(service, kind_of(kind)?, id, request),
        [kind @ ("Lists" | "Maps"), id, "Items", item] => {
            items::one(service, kind_of(kind)?, (*id, *item), request)
        }
        ["Configuration"] if request.method == "GET" => Ok(Call::Configuration(service)),
        ["Configuration"] => Err(Fault::Method.into()),
        ["Insights", ..] => Err(Reason::LiveQuery.into()),
        _ => Err(Fault::UnknownPath.into()),
    }
}

fn kind_of(collection: &str) -> Result<ObjectKind, Fault> {
    resource::kind_of(collection).ok_or(Fault::UnknownPath)
}

/// The answer to a write. Data is left out: the SDK has it.
fn written(result: Result<Receipt, Error>, base: &str) -> Response {
    let status = |created: bool| if created { 201 } else { 200 };
    match result {
        Ok(Receipt::Object { service, head, created, .. }) => Response {
            status: status(created),
            body: SdkPlace { base, service }.object(&head, None, None).into(),
            etag: Some(etag(head.revision)),
        },
        Ok(Receipt::Item { service, collection, item, created }) => Response {
            status: status(created),
            body: SdkPlace { base, service }.written_item(collection, &item).into(),
            etag: Some(etag(item.revision)),
        },
        Ok(Receipt::ItemRemoved { service, collection, item, event_id, at }) => Response {
            status: 200,
            body: SdkPlace { base, service }.removed_item(collection, &item, event_id, at).into(),
            etag: None,
        },
        Ok(Receipt::Message { message, data }) => {
            Response { status: 201, body: resource::message(message, &data).into(), etag: None }
        }
        // Services and grants are never written through this door.
        Ok(
            Receipt::ObjectRemoved
            | Receipt::Permission(_)
            | Receipt::PermissionRemoved
            | Receipt::Service { .. }
            | Receipt::ServiceRemoved,
        ) => Response::empty(),
        Err(error) => Response::of_stop(&error.into()),
    }
}

/// The answer to a read.
fn shown(reading: &Reading, query: &Query, asked: &Request, base: &str) -> Response {
    let (body, revision) = match reading {
        Reading::Object { service, head, data } => {
            let place = SdkPlace { base, service: *service };
            (place.object(head, content(head, data.as_ref()), None), Some(head.revision))
        }
        Reading::Item { service, collection, item } => {
            (SdkPlace { base, service: *service }.item(*collection, item), Some(item.revision))
        }
        Reading::Items { service, collection, page } => {
            let texts = items::texts(&SdkPlace { base, service: *service }, *collection, &page.rows);
            (items::page(&texts, page, query, asked), None)
        }
        // Nothing else is asked through this door.
        Reading::Services(_)
        | Reading::Service(_)
        | Reading::Objects { .. }
        | Reading::Permissions { .. }
        | Reading::Permission(_) => return Response::empty(),
    };
    Response { status: 200, body: body.into(), etag: revision.map(etag) }
}

/// A document's data: a list's context is asked for by itself.
fn content<'d>(head: &Head, data: Option<&'d Data>) -> Option<&'d Data> {
    data.filter(|_| head.sid.kind == ObjectKind::Document)
}

/// The context of a list.
fn context(relay: &Relay, caller: &Caller, address: Address, base: &str) -> Result<Response, Error> {
    match relay.read(caller, &Query::Object(address))? {
        Reading::Object { service, head, data } => {
            let body = SdkPlace { base, service }.context(&head, data.as_ref());
            Ok(Response { status: 200, body: body.into(), etag: None })
        }
        _ => Ok(Response::empty()),
    }
}

/// A map with the items of its first page. The map is read first: an item that is newer than its
/// root is recognised by the SDK, an older one would be lost.
fn opened(relay: &Relay, caller: &Caller, address: Address, base: &str) -> Result<Response, Error> {
    let root = Query::Object(address.clone());
    let Reading::Object { service, head, .. } = relay.read(caller, &root)? else {
        return Ok(Response::empty());
    };
    let range = Range { rows: PAGE_ROWS_MAX, ..Range::default() };
    let place = SdkPlace { base, service };
    let texts = match relay.read(caller, &Query::Items(address, range))? {
        Reading::Items { collection, page, .. } => items::texts(&place, collection, &page.rows),
        _ => Vec::new(),
    };
    let body = place.object(&head, None, Some(&texts));
    Ok(Response { status: 200, body: body.into(), etag: Some(etag(head.revision)) })
}

#[cfg(test)]
mod tests;
