//! A checkpoint's rows: the view at one sequence number, as bytes, with a hash over all of them.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        hook::Hook,
        object::{EventId, Revision},
        service::ServiceHead,
        sid::{MessageSid, ServiceSid},
        time::Timestamp,
    },
    policy::Reserved,
    relay::{
        derived::{Pseudonyms, Secret},
        seal::Chain,
        store::{
            StoreError,
            attempts::{Answered, Attempts, BatchId, Known},
            pending::Pending,
            view::{Body, Gone, Object, Place, Tenant, View},
        },
    },
};

/// The version of the rows.
pub(super) const VERSION: u8 = 2;

/// A view at rest.
#[derive(Clone)]
pub(in crate::relay) struct Checkpoint {
    /// The newest group in it.
    pub(super) seq: u64,
    /// Its rows, in order.
    pub(super) rows: Vec<Vec<u8>>,
    /// The hash over `seq` and the rows.
    pub(super) hash: Chain,
}

#[derive(Serialize, Deserialize)]
enum Row {
    View {
        seq: u64,
        chain: Chain,
        at: Timestamp,
        secret: [u8; 32],
        policies: Arc<str>,
        reserved: Vec<Reserved>,
        default_service: Option<ServiceSid>,
        made: u64,
    },
    Service {
        head: ServiceHead,
        newest: EventId,
        made: u64,
        /// Attempts as they were kept before they had rows of their own; none are written.
        remembered: Vec<(BatchId, Remembered)>,
    },
    Object {
        service: ServiceSid,
        object: Box<Object>,
    },
    /// What a service's webhook is told next; its hooks follow.
    Hooks {
        service: ServiceSid,
        next: u64,
        overflowed: u64,
    },
    Hook {
        service: ServiceSid,
        number: u64,
        hook: Box<Hook>,
    },
    /// The shared objects that were removed, and the event from which on that is known.
    Gone {
        service: ServiceSid,
        gone: Gone,
    },
    /// The last attempts in a service; of the services themselves when none is named.
    Attempts {
        service: Option<ServiceSid>,
        known: Vec<(BatchId, Known)>,
    },
    /// Nothing expires that was not due at this time.
    ExpiryLimit(Timestamp),
    /// Pseudonyms are of their service; without this row they are of the account.
    PseudonymsOfService,
}

/// What earlier versions kept of an attempt.
#[derive(Serialize, Deserialize)]
struct Remembered {
    place: Option<Place>,
    created: bool,
    removed: bool,
    revision: Revision,
    event_id: EventId,
}

impl Remembered {
    fn into_known(self, at: Timestamp) -> Known {
        let Self { place, created, removed, revision, event_id } = self;
        let answer = match place {
            None => Answered::ObjectRemoved,
            Some((sid, None)) if removed => Answered::Message(MessageSid::new(sid.bytes)),
            Some((sid, None)) => Answered::Object { sid, created, revision, event_id },
            Some((collection, Some(item))) => {
                Answered::Item { collection, item, created, revision, event_id }
            }
        };
        Known { at, answer }
    }
}

impl Row {
    fn attempts(service: Option<ServiceSid>, all: &Attempts) -> Self {
        Self::Attempts { service, known: all.iter().map(|(batch, it)| (batch, it.clone())).collect() }
    }
}

/// The checkpoint is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint was changed after it was written, or is of another version")]
pub(in crate::relay) struct BrokenCheckpoint;

impl Checkpoint {
    /// Writes a view down.
    pub(super) fn of(view: &View) -> Result<Self, StoreError> {
        let mut rows = Vec::new();
        write_rows(view, &mut |row| {
            rows.push(row.to_vec());
            Ok(())
        })?;
        Ok(Self { seq: view.seq, hash: hash(view.seq, &rows), rows })
    }

    /// Reads it back.
    pub(super) fn into_view(self) -> Result<View, StoreError> {
        if hash(self.seq, &self.rows) != self.hash {
            return Err(BrokenCheckpoint.into());
        }
        let mut view = Restoring::default();
        self.rows.iter().try_for_each(|it| view.take(it))?;
        Ok(view.finish(self.seq)?)
    }
}

/// Gives the rows of a view, one after the other, in an order that the view alone decides: two processes with the
/// same state write the same bytes.
pub(super) fn write_rows(
    view: &View,
    put: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut put = |row: &Row| put(&postcard::to_allocvec(row).map_err(|_| BrokenCheckpoint)?);
    put(&Row::View {
        seq: view.seq,
        chain: view.chain,
        at: view.at,
        secret: *view.secret.bytes(),
        policies: view.policies.clone(),
        reserved: view.reserved.as_ref().clone(),
        default_service: view.default_service,
        made: view.made,
    })?;
    if view.secret.pseudonyms() == Pseudonyms::OfService {
        put(&Row::PseudonymsOfService)?;
    }
    if let Some(limit) = view.expiry_limit {
        put(&Row::ExpiryLimit(limit))?;
    }
    for (service, tenant) in &view.services {
        let remembered = Vec::new();
        put(&Row::Service {
            head: tenant.head.clone(),
            newest: tenant.newest,
            made: tenant.made,
            remembered,
        })?;
        for object in tenant.in_order.values().filter_map(|it| tenant.objects.get(it)) {
            put(&Row::Object { service: *service, object: Box::new(object.as_ref().clone()) })?;
        }
        let (next, overflowed) = (tenant.pending.next(), tenant.pending.overflowed());
        if next != 0 {
            put(&Row::Hooks { service: *service, next, overflowed })?;
        }
        for (number, hook) in tenant.pending.from(0) {
            put(&Row::Hook { service: *service, number, hook: Box::new(hook.as_ref().clone()) })?;
        }
        if tenant.gone != Gone::default() {
            put(&Row::Gone { service: *service, gone: tenant.gone.clone() })?;
        }
        put(&Row::attempts(Some(*service), &tenant.attempts))?;
    }
    put(&Row::attempts(None, &view.attempts))
}

/// A view that is put together from rows.
#[derive(Default)]
pub(super) struct Restoring {
    view: View,
}

impl Restoring {
    /// Takes the next row.
    pub(super) fn take(&mut self, row: &[u8]) -> Result<(), BrokenCheckpoint> {
        let view = &mut self.view;
        match postcard::from_bytes(row).map_err(|_| BrokenCheckpoint)? {
            Row::View { seq, chain, at, secret, policies, reserved, default_service, made } => {
                (view.seq, view.chain, view.at, view.secret) =
                    (seq, chain, at, Secret::new(secret, Pseudonyms::OfAccount));
                (view.policies, view.reserved) = (policies, Arc::new(reserved));
                (view.default_service, view.made) = (default_service, made);
            }
            Row::Service { head, newest, made, remembered } => {
                let mut tenant = Tenant::new(head);
                (tenant.newest, tenant.made) = (newest, made);
                for (batch, it) in remembered {
                    tenant.attempts.note(batch, it.into_known(view.at));
                }
                view.services.insert(tenant.head.sid, Arc::new(tenant));
            }
            Row::Object { service, mut object } => {
                if let Body::Items(items) = &mut object.body {
                    items.index();
                }
                self.tenant(service)?.insert(*object);
            }
            Row::Hooks { service, next, overflowed } => {
                self.tenant(service)?.pending = Pending::resumed(next, overflowed);
            }
            Row::Hook { service, number, hook } => self.tenant(service)?.pending.restore(number, *hook),
            Row::Gone { service, gone } => self.tenant(service)?.gone = gone,
            Row::ExpiryLimit(limit) => view.expiry_limit = Some(limit),
            Row::PseudonymsOfService => {
                view.secret = Secret::new(*view.secret.bytes(), Pseudonyms::OfService);
            }
            Row::Attempts { service, known } => {
                let attempts = match service {
                    None => &mut view.attempts,
                    Some(service) => &mut self.tenant(service)?.attempts,
                };
                known.into_iter().for_each(|(batch, it)| attempts.note(batch, it));
            }
        }
        Ok(())
    }

    fn tenant(&mut self, service: ServiceSid) -> Result<&mut Tenant, BrokenCheckpoint> {
        self.view.services.get_mut(&service).map(Arc::make_mut).ok_or(BrokenCheckpoint)
    }

    /// The view, which must end at this group.
    pub(super) fn finish(self, seq: u64) -> Result<View, BrokenCheckpoint> {
        if self.view.seq == seq { Ok(self.view) } else { Err(BrokenCheckpoint) }
    }
}

fn hash(seq: u64, rows: &[Vec<u8>]) -> Chain {
    let mut context = Context::new(&SHA256);
    context.update(&[VERSION]);
    context.update(&seq.to_be_bytes());
    for row in rows {
        context.update(&(row.len() as u64).to_be_bytes());
        context.update(row);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{name::ItemId, object::ObjectKind, service::Settings, sid::ObjectSid};

    #[test]
    fn attempts_of_earlier_checkpoints_are_read() {
        let (service, at) = (ServiceSid::new([1; 16]), Timestamp::from_seconds(7));
        let head = ServiceHead {
            sid: service,
            ordinal: 0,
            unique_name: None,
            settings: Settings::default(),
            date_created: at,
            date_updated: at,
        };
        let (sid, revision, event_id) =
            (ObjectSid { kind: ObjectKind::Stream, bytes: [2; 16] }, Revision(3), EventId(4));
        let kept = |place, removed| Remembered { place, created: true, removed, revision, event_id };
        let item = ItemId::Index(5);
        let remembered = vec![
            ([1; 16], kept(None, true)),
            ([2; 16], kept(Some((sid, None)), true)),
            ([3; 16], kept(Some((sid, None)), false)),
            ([4; 16], kept(Some((sid, Some(item.clone()))), false)),
        ];
        let view = Row::View {
            seq: 9,
            chain: [0; 32],
            at,
            secret: [0; 32],
            policies: "".into(),
            reserved: Vec::new(),
            default_service: None,
            made: 1,
        };
        let row = Row::Service { head, newest: EventId(4), made: 1, remembered };
        let rows: Vec<_> = [view, row].iter().map(|it| postcard::to_allocvec(it).expect("written")).collect();
        let view = Checkpoint { seq: 9, hash: hash(9, &rows), rows }.into_view().expect("read");
        let attempts = &view.tenant(service).expect("the service").attempts;
        let created = true;
        let expected = [
            Answered::ObjectRemoved,
            Answered::Message(MessageSid::new([2; 16])),
            Answered::Object { sid, created, revision, event_id },
            Answered::Item { collection: sid, item, created, revision, event_id },
        ];
        let read: Vec<_> = attempts.iter().map(|it| it.1.clone()).collect();
        assert_eq!(read, expected.map(|answer| Known { at, answer }));
    }
}
