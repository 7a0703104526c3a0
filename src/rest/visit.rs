//! One authenticated request of a backend, and what its resources have in common.

use warp::reply::Response;

use super::form::Form;
use crate::{
    domain::{
        change::{Change, IdempotencyKey, IfMatch, Operation},
        data::Input,
        limits::DATA_BYTES_MAX,
        object::{Address, Head, ObjectKind},
        query::Query,
        sid::ServiceSid,
    },
    relay::{Caller, Failure, Reading, Reason, Receipt, Relay},
    wire::{
        fault::{Fault, Stop},
        http::json,
        request,
        resource::{self, RestPlace, etag},
    },
};

/// A request of a backend, parsed as far as all resources agree.
pub(super) struct Visit<'a> {
    pub(super) relay: &'a Relay,
    pub(super) caller: &'a Caller,
    pub(super) place: RestPlace<'a>,
    /// The query's parameters; a fault in them counts once they are needed.
    pub(super) query: Result<Form, Fault>,
    /// The body's parameters, likewise.
    pub(super) form: Result<Form, Fault>,
    /// The header If-Match.
    pub(super) if_match: Option<String>,
    /// The header Idempotency-Key.
    pub(super) attempt: Option<String>,
}

impl Visit<'_> {
    /// The body's parameters.
    pub(super) fn form(&self) -> Result<&Form, Fault> {
        self.form.as_ref().map_err(Clone::clone)
    }

    /// The query's parameters.
    pub(super) fn query(&self) -> Result<&Form, Fault> {
        self.query.as_ref().map_err(Clone::clone)
    }

    /// The object that a segment names.
    pub(super) fn address(&self, service: ServiceSid, kind: ObjectKind, id: &str) -> Result<Address, Stop> {
        Ok(request::address(service, kind, id)?)
    }

    /// The condition of an update or removal.
    pub(super) fn condition(&self) -> Result<Option<IfMatch>, Fault> {
        self.if_match.as_deref().map_or(Ok(None), request::if_match)
    }

    /// The condition of an update with this data. Data that is too large is told before a condition
    /// that is none (sync-rest, 5.3); else the gate weighs it.
    pub(super) fn condition_of(&self, data: Option<&Input>) -> Result<Option<IfMatch>, Stop> {
        let max_bytes = DATA_BYTES_MAX;
        self.condition().map_err(|fault| match data {
            Some(data) if max_bytes < data.data().size_bytes() => Reason::TooLarge { max_bytes }.into(),
            Some(_) | None => fault.into(),
        })
    }

    /// What was parsed; but when it is at fault and what it is about does not stand, that is told
    /// first (sync-rest, 5.3).
    pub(super) fn judged<T>(&self, about: &Query, parsed: Result<T, Stop>) -> Result<T, Stop> {
        if parsed.is_err() {
            self.relay.read(self.caller, about)?;
        }
        parsed
    }

    /// Writes, and shows what stands then.
    pub(super) async fn write(
        &self,
        operation: Operation,
        if_match: Option<IfMatch>,
    ) -> Result<Response, Stop> {
        let idempotency = self.attempt.as_deref().and_then(IdempotencyKey::parse);
        // Whoever updates what a policy shares never makes it: absent, it was empty (decision 18).
        let updates = matches!(operation, Operation::Update { .. });
        let change = Change { operation, if_match, idempotency };
        let receipt = self.relay.submitted(self.caller, change).await?;
        let status = |created: bool| if created && !updates { 201 } else { 200 };
        Ok(match receipt {
            Receipt::Object { service, head, data, created } => {
                let body = self.place.object(service, &head, data.as_ref());
                json(status(created), etag_of(&head).as_deref(), body)
            }
            Receipt::Item { service, collection, item, created } => {
                let body = self.place.item(service, collection, &item);
                json(status(created), Some(&etag(item.revision)), body)
            }
            Receipt::Service { head, created } => json(status(created), None, self.place.service(&head)),
            Receipt::Message { message, data } => json(201, None, resource::message(message, &data)),
            // An upsert: 200 whether or not there was a grant before (sync-rest, 1).
            Receipt::Permission(grant) => json(200, None, self.place.grant(&grant)),
            Receipt::ObjectRemoved
            | Receipt::ItemRemoved { .. }
            | Receipt::PermissionRemoved
            | Receipt::ServiceRemoved => json(204, None, ""),
        })
    }

    /// Reads one resource.
    pub(super) fn read(&self, query: &Query) -> Result<Response, Stop> {
        Ok(match self.relay.read(self.caller, query)? {
            Reading::Service(head) => json(200, None, self.place.service(&head)),
            Reading::Object { service, head, data } => {
                json(200, etag_of(&head).as_deref(), self.place.object(service, &head, data.as_ref()))
            }
            Reading::Item { service, collection, item } => {
                json(200, Some(&etag(item.revision)), self.place.item(service, collection, &item))
            }
            Reading::Permission(grant) => json(200, None, self.place.grant(&grant)),
            // Pages are rendered where they are asked for; nothing else asks for them.
            Reading::Services(_)
            | Reading::Objects { .. }
            | Reading::Items { .. }
            | Reading::Permissions { .. } => return Err(Failure::Contended.into()),
        })
    }

    /// Shows an object.
    pub(super) fn fetch(&self, address: Address) -> Result<Response, Stop> {
        self.read(&Query::Object(address))
    }

    /// Removes an object.
    pub(super) async fn remove(&self, address: Address) -> Result<Response, Stop> {
        let if_match = self.judged(&Query::Object(address.clone()), self.condition().map_err(Stop::from))?;
        self.write(Operation::Remove { address }, if_match).await
    }
}

/// The ETag of an object: a stream has no revision, and so no ETag.
fn etag_of(head: &Head) -> Option<String> {
    (head.sid.kind != ObjectKind::Stream).then(|| etag(head.revision))
}
