//! What of a batch is for the service's webhook: noted beside its events, queued when the batch is through.

use std::sync::Arc;

use crate::{
    domain::{
        event::Happening,
        hook::{Hook, Note},
        name::{Identity, UniqueName},
        object::{EventId, Head, ObjectKind, Space},
        service::Settings,
        sid::{ObjectSid, ServiceSid},
        time::Timestamp,
    },
    relay::{
        record::{By, Record},
        store::{committed::Noted, pending::Pending, view::Object},
    },
};

use super::object::identity;

/// Notes what one batch does, for a service that has a webhook.
pub(super) struct Notes {
    identity: Option<Identity>,
    endpoint: Option<Arc<str>>,
    at: Timestamp,
    /// What happens now is nobody's doing: something has expired.
    pub(super) unattended: bool,
    /// Nobody wants to hear of a backend's changes; what expires on their way is told all the same.
    muted: bool,
    lasting: Vec<Hook>,
    passing: Vec<Hook>,
}

impl Notes {
    /// A pen for this record, if the service has a webhook.
    pub(super) fn of(settings: &Settings, record: &Record, at: Timestamp) -> Option<Self> {
        settings.webhook_url.as_ref()?;
        let muted = matches!(record.by, By::Backend) && !settings.webhooks_from_rest;
        let (identity, endpoint) = (identity(&record.by).cloned(), record.endpoint.clone());
        let (lasting, passing) = (Vec::new(), Vec::new());
        Some(Self { identity, endpoint, at, unattended: false, muted, lasting, passing })
    }

    /// An object was made.
    pub(super) fn made(&mut self, object: &Object) {
        let head = &object.head;
        let data = (head.sid.kind == ObjectKind::Document).then(|| object.data().cloned()).flatten();
        self.lasting(head, Note::Created { revision: head.revision, data });
    }

    /// Something happened to an object that stands.
    pub(super) fn happened(&mut self, head: &Head, event: EventId, what: &Happening) {
        let note = match what {
            Happening::DocumentSet { revision, data, .. } => {
                Note::Updated { revision: *revision, data: data.clone() }
            }
            Happening::ObjectRemoved => Note::Removed { revision: head.revision },
            Happening::ItemSet { revision, added, item } => Note::ItemSet {
                revision: *revision,
                added: *added,
                item: item.id.clone(),
                item_revision: item.revision,
                event,
                data: item.data.clone(),
            },
            Happening::ItemRemoved { revision, item } => Note::ItemRemoved {
                revision: *revision,
                item: item.id.clone(),
                item_revision: item.revision,
                event,
            },
            Happening::MessagePublished { .. } => return,
        };
        self.lasting(head, note);
    }

    /// A message went through a stream, which need not stand.
    pub(super) fn passed(&mut self, stream: ObjectSid, name: Option<&UniqueName>, what: &Happening) {
        if self.muted {
            return;
        }
        if let Happening::MessagePublished { message, data, direct } = what {
            let note = Note::Message { message: *message, data: data.clone() };
            let hook = self.hook(stream, name, !direct, note);
            self.passing.push(hook);
        }
    }

    fn lasting(&mut self, head: &Head, note: Note) {
        if self.muted && !self.unattended {
            return;
        }
        let shared = matches!(head.space, Space::Shared { .. });
        let hook = self.hook(head.sid, head.unique_name.as_ref(), shared, note);
        self.lasting.push(hook);
    }

    fn hook(&self, object: ObjectSid, name: Option<&UniqueName>, system: bool, note: Note) -> Hook {
        let own = !system && !self.unattended;
        Hook {
            at: self.at,
            object,
            unique_name: name.cloned(),
            identity: self.identity.clone().filter(|_| own),
            endpoint: self.endpoint.clone().filter(|_| own),
            note,
        }
    }

    /// Queues what lasts, and gives word of it with what does not; `None` when there is neither.
    pub(super) fn finish(self, service: ServiceSid, pending: &mut Pending) -> Option<Noted> {
        if self.lasting.is_empty() && self.passing.is_empty() {
            return None;
        }
        self.lasting.into_iter().for_each(|it| pending.push(it));
        let next = pending.next();
        Some(Noted { service, passing: self.passing.into_iter().map(|it| (next, Arc::new(it))).collect() })
    }
}
