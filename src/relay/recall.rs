//! The answer to an attempt that comes again is the first one's, whatever stands by now (decision 7).
//!
//! It is made of what is remembered and of what the attempt says itself. Only whoever made the first
//! attempt is answered: who asks is part of what an attempt is known by. A client is shown no data
//! but its own, so it learns nothing that it might not read any more.

use std::sync::Arc;

use super::Relay;
use crate::{
    domain::{
        change::{Change, Operation},
        data::Data,
        name::ItemId,
        object::{EventId, Head, Item, ObjectKind, ObjectRef, Revision, Space},
        service::{ServiceHead, Settings, SettingsChange},
        sid::{ObjectSid, ServiceSid},
        time::Timestamp,
    },
    relay::{
        authn::Caller,
        receipt::{Grant, Receipt},
        store::{
            attempts::{Answered, BatchId, Known},
            view::{Tenant, View},
        },
    },
};

impl Relay {
    /// The first answer to this attempt, if it is remembered.
    pub(super) fn recall(
        &self,
        view: &View,
        caller: &Caller,
        change: &Change,
        batch: &BatchId,
        now: Timestamp,
    ) -> Option<Receipt> {
        answered(view, caller, change, batch, now).or_else(|| {
            let Operation::Publish { address, data } = &change.operation else { return None };
            let message = self.inner.writer.sent(address.service, *batch)?;
            Some(Receipt::Message { message, data: data.data().clone() })
        })
    }
}

/// The same of what is in the state.
fn answered(
    view: &View,
    caller: &Caller,
    change: &Change,
    batch: &BatchId,
    now: Timestamp,
) -> Option<Receipt> {
    let operation = &change.operation;
    match operation {
        Operation::CreateService { settings, .. } | Operation::UpdateService { settings, .. } => {
            let known = view.attempts.get(batch)?;
            let Answered::Service { service, created } = known.answer else { return None };
            let head = Box::new(service_head(view, service, settings, known.at));
            Some(Receipt::Service { head, created })
        }
        Operation::RemoveService { .. } => {
            let known = view.attempts.get(batch)?;
            (known.answer == Answered::ServiceRemoved).then_some(Receipt::ServiceRemoved)
        }
        _ => {
            let service = operation.service()?;
            let tenant = view.tenant(service)?;
            let known = tenant.attempts.get(batch)?;
            Again { tenant, caller, operation, now: view.expiry_time(now) }.answer(service, known)
        }
    }
}

fn service_head(view: &View, service: ServiceSid, change: &SettingsChange, at: Timestamp) -> ServiceHead {
    view.tenant(service).map(|it| it.head.clone()).unwrap_or_else(|| ServiceHead {
        sid: service,
        ordinal: 0,
        unique_name: None,
        settings: change.applied_to(&Settings::default()),
        date_created: at,
        date_updated: at,
    })
}

/// One attempt that comes again, and what stands in its service.
struct Again<'a> {
    tenant: &'a Tenant,
    caller: &'a Caller,
    operation: &'a Operation,
    now: Timestamp,
}

impl Again<'_> {
    fn answer(&self, service: ServiceSid, known: &Known) -> Option<Receipt> {
        let at = known.at;
        Some(match known.answer.clone() {
            Answered::Object { sid, created, revision, event_id } => {
                let mut head = self.head(sid, at);
                (head.revision, head.last_event_id, head.date_updated) = (revision, event_id, at);
                Receipt::Object { service, head: Box::new(head), data: self.content(sid), created }
            }
            Answered::Item { collection, item, created, revision, event_id } => {
                let standing = self.tenant.object(collection, self.now).and_then(|it| it.items());
                // One that was made later under the same key is another item.
                let standing = standing
                    .and_then(|it| it.item(&item, self.now))
                    .filter(|it| it.created_event_id <= event_id);
                let mut shown = standing.map_or_else(|| self.gone_item(&item, at), |it| it.as_ref().clone());
                (shown.revision, shown.last_event_id, shown.date_updated) = (revision, event_id, at);
                shown.data = self.data().or_else(|| self.backends(&shown.data)).unwrap_or_else(Data::empty);
                Receipt::Item { service, collection, item: Arc::new(shown), created }
            }
            Answered::ObjectRemoved => Receipt::ObjectRemoved,
            Answered::ItemRemoved { collection, item, revision, event_id } => {
                let item = Arc::new(Item { revision, ..self.gone_item(&item, at) });
                Receipt::ItemRemoved { service, collection, item, event_id, at }
            }
            Answered::Message(message) => Receipt::Message { message, data: self.data()? },
            Answered::Permission { object } => {
                let Operation::Permit { identity, permission, .. } = self.operation else { return None };
                let (identity, permission) = (identity.clone(), (*permission)?);
                Receipt::Permission(Grant { service, object, identity, permission })
            }
            Answered::PermissionRemoved => Receipt::PermissionRemoved,
            Answered::Service { .. } | Answered::ServiceRemoved => return None,
        })
    }

    /// The data that the attempt brings.
    fn data(&self) -> Option<Data> {
        self.operation.data().map(|it| it.data().clone())
    }

    /// What stands is for backends, which may read all.
    fn backends(&self, standing: &Data) -> Option<Data> {
        self.caller.identity().is_none().then(|| standing.clone())
    }

    /// A document's content, a list's context.
    fn content(&self, sid: ObjectSid) -> Option<Data> {
        let standing = self.tenant.object(sid, self.now).and_then(|it| it.data());
        let brought = self.data().or_else(|| self.backends(standing?));
        match sid.kind {
            ObjectKind::Document => Some(brought.unwrap_or_else(Data::empty)),
            ObjectKind::List => brought.filter(|it| !it.is_empty()),
            ObjectKind::Map | ObjectKind::Stream => None,
        }
    }

    fn head(&self, sid: ObjectSid, at: Timestamp) -> Head {
        if let Some(object) = self.tenant.object(sid, self.now) {
            return object.head.clone();
        }
        let made = self.operation.created();
        let unique_name = match made.as_ref().or(self.operation.address()).map(|it| &it.object) {
            Some(ObjectRef::Name(name)) => Some(name.clone()),
            Some(ObjectRef::Sid(_)) | None => None,
        };
        Head {
            sid,
            unique_name,
            space: Space::Plain,
            created_by: self.caller.identity().cloned(),
            date_created: at,
            date_updated: at,
            date_expires: None,
            revision: Revision(0),
            last_event_id: EventId(0),
        }
    }

    fn gone_item(&self, id: &ItemId, at: Timestamp) -> Item {
        Item {
            id: id.clone(),
            data: Data::empty(),
            created_by: self.caller.identity().cloned(),
            date_created: at,
            date_updated: at,
            date_expires: None,
            revision: Revision(0),
            created_event_id: EventId(0),
            last_event_id: EventId(0),
        }
    }
}

#[cfg(test)]
mod tests;
