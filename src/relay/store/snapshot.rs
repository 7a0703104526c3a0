//! A checkpoint's rows: the view at one sequence number, as bytes, with a hash over all of them.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{hook::Hook, object::EventId, service::ServiceHead, sid::ServiceSid, time::Timestamp},
    policy::Reserved,
    relay::{
        seal::Chain,
        store::{
            pending::Pending,
            view::{Body, Gone, Object, Remembered, Tenant, View},
        },
    },
};

/// The version of the rows; another one does not fit its hash.
const VERSION: u8 = 2;

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
        remembered: Vec<([u8; 16], Remembered)>,
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
}

/// The checkpoint is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint was changed after it was written, or is of another version")]
pub(in crate::relay) struct BrokenCheckpoint;

impl Checkpoint {
    /// Writes a view down.
    pub(super) fn of(view: &View) -> Result<Self, BrokenCheckpoint> {
        let mut rows = Vec::new();
        let mut put = |row: &Row| {
            rows.push(postcard::to_allocvec(row).map_err(|_| BrokenCheckpoint)?);
            Ok::<(), BrokenCheckpoint>(())
        };
        put(&Row::View {
            seq: view.seq,
            chain: view.chain,
            at: view.at,
            secret: view.secret,
            policies: view.policies.clone(),
            reserved: view.reserved.as_ref().clone(),
            default_service: view.default_service,
            made: view.made,
        })?;
        for (service, tenant) in &view.services {
            let order = tenant.remembered_order.iter();
            let remembered = order.filter_map(|it| Some((*it, tenant.remembered.get(it)?.clone()))).collect();
            put(&Row::Service {
                head: tenant.head.clone(),
                newest: tenant.newest,
                made: tenant.made,
                remembered,
            })?;
            for object in tenant.objects.values() {
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
        }
        Ok(Self { seq: view.seq, hash: hash(view.seq, &rows), rows })
    }

    /// Reads it back.
    pub(super) fn into_view(self) -> Result<View, BrokenCheckpoint> {
        if hash(self.seq, &self.rows) != self.hash {
            return Err(BrokenCheckpoint);
        }
        let mut view = View::default();
        for row in &self.rows {
            match postcard::from_bytes(row).map_err(|_| BrokenCheckpoint)? {
                Row::View { seq, chain, at, secret, policies, reserved, default_service, made } => {
                    let reserved = Arc::new(reserved);
                    view = View { seq, chain, at, secret, policies, reserved, default_service, made, ..view };
                }
                Row::Service { head, newest, made, remembered } => {
                    let mut tenant = Tenant::new(head);
                    (tenant.newest, tenant.made) = (newest, made);
                    tenant.remembered_order = remembered.iter().map(|it| it.0).collect();
                    tenant.remembered = remembered.into_iter().collect();
                    view.services.insert(tenant.head.sid, Arc::new(tenant));
                }
                Row::Object { service, mut object } => {
                    if let Body::Items(items) = &mut object.body {
                        items.index();
                    }
                    let tenant = view.services.get_mut(&service).ok_or(BrokenCheckpoint)?;
                    Arc::make_mut(tenant).insert(*object);
                }
                Row::Hooks { service, next, overflowed } => {
                    let tenant = view.services.get_mut(&service).ok_or(BrokenCheckpoint)?;
                    Arc::make_mut(tenant).pending = Pending::resumed(next, overflowed);
                }
                Row::Hook { service, number, hook } => {
                    let tenant = view.services.get_mut(&service).ok_or(BrokenCheckpoint)?;
                    Arc::make_mut(tenant).pending.restore(number, *hook);
                }
                Row::Gone { service, gone } => {
                    let tenant = view.services.get_mut(&service).ok_or(BrokenCheckpoint)?;
                    Arc::make_mut(tenant).gone = gone;
                }
            }
        }
        if view.seq == self.seq { Ok(view) } else { Err(BrokenCheckpoint) }
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
