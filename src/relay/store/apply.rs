//! View + record → events, or a rejection: pure, total, and the only place where state changes.
//!
//! Everything was computed before; `apply` swaps values (decision 1). What may have changed since
//! the admission is judged again here, at the batch's place in the order (decisions 3 to 5). A
//! rejection leaves the view as it was: each effect is judged whole before anything is set.

mod expiry;
mod fold;
mod grant;
mod item;
mod message;
mod note;
mod object;
mod place;
mod publish;
mod quota;
mod restore;
mod scribe;

use std::sync::Arc;

use crate::{
    domain::{
        event::Event,
        limits::SERVICES_MAX,
        object::Space,
        service::{ServiceHead, Settings},
        sid::ServiceSid,
        time::Timestamp,
    },
    relay::{
        acl,
        derived::{Pseudonyms, Secret},
        receipt::Receipt,
        record::{By, Effect, Need, Record, Shell},
        refusal::{Missing, Reason},
        store::{
            attempts::{Attempts, BatchId, Known},
            committed::{Noted, Rejudge},
            view::{Object, Tenant, View},
        },
    },
};
use grant::Making;
use note::Notes;
pub(in crate::relay) use publish::fresh;
use scribe::Scribe;

/// What a record did.
pub(in crate::relay) struct Applied {
    /// The answer to whoever asked; `None` for the relay's own records.
    pub(in crate::relay) receipt: Option<Receipt>,
    /// What is told, in order.
    pub(in crate::relay) events: Vec<Event>,
    /// Whose subscriptions must be judged again (decision 20).
    pub(in crate::relay) rejudge: Option<Rejudge>,
    /// What it left for the service's webhook.
    pub(in crate::relay) noted: Option<Noted>,
    /// What was asked for stood already: nothing changed, nothing is logged.
    pub(in crate::relay) repeated: bool,
}

impl Applied {
    fn quiet(receipt: Option<Receipt>) -> Self {
        Self { receipt, events: Vec::new(), rejudge: None, noted: None, repeated: false }
    }
}

/// Why a record was not applied.
#[derive(Debug, PartialEq)]
pub(in crate::relay) enum Rejection {
    /// The caller's doing.
    Refused(Reason),
    /// What the decision rested on has changed: the passage runs again (decision 5).
    Stale,
    /// The same attempt was done before: the passage runs again and finds its answer (decision 7).
    Known,
}

impl From<Reason> for Rejection {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

/// Applies one record, unless its attempt is remembered.
///
/// # Errors
/// A [`Rejection`]; the view is then unchanged.
pub(in crate::relay) fn apply(view: &mut View, record: &Record) -> Result<Applied, Rejection> {
    let known = record
        .batch
        .is_some_and(|it| attempts(view, &record.effect).is_some_and(|all| all.get(&it).is_some()));
    if known { Err(Rejection::Known) } else { apply_record(view, record, Judging::New) }
}

/// Whether what a record rests on, and whether there is room for it, is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judging {
    /// It is new.
    New,
    /// It stands in the log: it was judged under the bounds of its time. Bounds, and the number of events that a
    /// batch tells, may be others in a later version, which must read the log all the same.
    Done,
}

/// Where an attempt of this effect is remembered: with the service in which it happens, or beside all of them.
fn attempts<'v>(view: &'v View, effect: &Effect) -> Option<&'v Attempts> {
    match effect {
        Effect::CreateService { .. } | Effect::UpdateService { .. } | Effect::RemoveService { .. } => {
            Some(&view.attempts)
        }
        other => view.tenant(other.service()?).map(|it| &it.attempts),
    }
}

/// Applies one record of the log: what stands there was done, once or twice.
///
/// # Errors
/// A [`Rejection`]; the view is then unchanged.
pub(in crate::relay) fn enact(view: &mut View, record: &Record) -> Result<Applied, Rejection> {
    apply_record(view, record, Judging::Done)
}

fn apply_record(view: &mut View, record: &Record, judging: Judging) -> Result<Applied, Rejection> {
    let judged = matches!(record.by, By::Client { .. } | By::Policy { .. } | By::Backend);
    if judged && record.policies != view.policies {
        return Err(Rejection::Stale);
    }
    let at = view.at.max(record.at);
    let applied = match &record.effect {
        Effect::Found { secret } => {
            view.secret = Secret::new(*secret, Pseudonyms::OfAccount);
            Applied::quiet(None)
        }
        Effect::Begin { secret } => {
            view.secret = Secret::new(*secret, Pseudonyms::OfService);
            Applied::quiet(None)
        }
        Effect::Activate { reserved } => {
            view.policies = record.policies.clone();
            view.reserved = Arc::new(reserved.clone());
            Applied::quiet(None)
        }
        Effect::LimitExpiry { until } => {
            view.expiry_limit = *until;
            Applied::quiet(None)
        }
        Effect::CreateService { service, default, settings } => {
            create_service(view, *service, *default, settings, at)?
        }
        Effect::UpdateService { service, settings } => update_service(view, *service, settings, at)?,
        Effect::RemoveService { service } => remove_service(view, *service, at)?,
        Effect::Restore { gap, floor } => {
            restore::skip_events(view, *gap, *floor);
            Applied::quiet(None)
        }
        Effect::Create { service, .. }
        | Effect::Update { service, .. }
        | Effect::Remove { service, .. }
        | Effect::Push { service, .. }
        | Effect::SetItem { service, .. }
        | Effect::RemoveItem { service, .. }
        | Effect::Message { service, .. }
        | Effect::Permit { service, .. }
        | Effect::Expire { service, .. }
        | Effect::Settle { service, .. }
        | Effect::RemoveAt { service, .. }
        | Effect::Forget { service, .. }
        | Effect::SetExpiry { service, .. }
        | Effect::PermitFold { service, .. }
        | Effect::RestoreFold { service, .. } => within(view, *service, (record, judging), at)?,
    };
    // What is not logged leaves no trace, not even of its time.
    if !applied.repeated && record.is_kept() {
        view.at = at;
        if let (Some(batch), Some(receipt)) = (record.batch, &applied.receipt) {
            remember(view, &record.effect, batch, Known::of(receipt, at));
        }
    }
    Ok(applied)
}

fn remember(view: &mut View, effect: &Effect, batch: BatchId, known: Known) {
    match effect {
        Effect::CreateService { .. } | Effect::UpdateService { .. } | Effect::RemoveService { .. } => {
            view.attempts.note(batch, known);
        }
        other => {
            if let Some(tenant) = other.service().and_then(|it| view.services.get_mut(&it)) {
                Arc::make_mut(tenant).attempts.note(batch, known);
            }
        }
    }
}

/// Applies an effect that stays inside one service.
fn within(
    view: &mut View,
    service: ServiceSid,
    (record, judging): (&Record, Judging),
    at: Timestamp,
) -> Result<Applied, Rejection> {
    let expiry_at = view.expiry_time(at);
    let tenant = view.services.get_mut(&service).ok_or(Reason::NotFound(Missing::Service))?;
    if judging == Judging::New && record.needs.iter().any(|it| !stands(tenant, it, expiry_at)) {
        return Err(Rejection::Stale);
    }
    let notes = Notes::of(&tenant.head.settings, record, at);
    let mut scribe = Scribe::new(service, Arc::make_mut(tenant), (at, expiry_at, judging), notes);
    let mut rejudge = None;
    let receipt = match &record.effect {
        Effect::Create { shell, data, expires, publications, .. } => {
            Some(object::create(&mut scribe, &record.by, shell, data.as_ref(), *expires, publications)?)
        }
        Effect::Update { object, shell, if_match, data, expires, publications, .. } => Some(object::update(
            &mut scribe,
            &record.by,
            object::Update {
                sid: *object,
                shell: shell.as_ref(),
                if_match: *if_match,
                data: data.as_ref(),
                expires: *expires,
                publications: publications.as_deref(),
            },
        )?),
        Effect::Remove { object, .. } => Some(object::remove(&mut scribe, &record.by, *object, None)?),
        Effect::RemoveAt { object, revision, .. } => {
            Some(object::remove(&mut scribe, &record.by, *object, Some(*revision))?)
        }
        Effect::Push { list, shell, data, expires, collection_expires, publications, .. } => {
            Some(item::push(
                &mut scribe,
                &record.by,
                item::Push {
                    list: *list,
                    shell: shell.as_ref(),
                    data,
                    expires: *expires,
                    collection_expires: *collection_expires,
                    publications,
                },
            )?)
        }
        Effect::SetItem {
            collection,
            shell,
            item,
            expect,
            if_match,
            data,
            expires,
            collection_expires,
            publications,
            ..
        } => Some(item::set(
            &mut scribe,
            &record.by,
            item::Set {
                collection: *collection,
                shell: shell.as_ref(),
                item,
                expect: *expect,
                if_match: *if_match,
                data: data.as_ref(),
                expires: *expires,
                collection_expires: *collection_expires,
                publications: publications.as_deref(),
            },
        )?),
        Effect::SetExpiry { object, shell, item, if_match, expires, collection_expires, .. } => {
            let to = expiry::Expiry {
                object: *object,
                shell: shell.as_ref(),
                if_match: *if_match,
                expires: *expires,
                collection_expires: *collection_expires,
            };
            Some(expiry::set(&mut scribe, &record.by, item.as_ref(), to)?)
        }
        Effect::RemoveItem { collection, item, if_match, .. } => {
            Some(item::remove(&mut scribe, &record.by, *collection, item, *if_match)?)
        }
        Effect::Message { stream, shell, message, data, publications, .. } => Some(message::publish(
            &mut scribe,
            &record.by,
            (*stream, shell.as_ref()),
            (*message, data),
            publications,
        )?),
        Effect::Permit { object, shell, identity, permission, .. } => {
            rejudge = Some(Rejudge { service, object: Some(*object) });
            let making = shell.as_ref().map_or(Making::Nothing, Making::Plain);
            Some(grant::permit(&mut scribe, (*object, making), identity, *permission)?)
        }
        Effect::PermitFold { shell, shape, identity, permission, .. } => {
            rejudge = Some(Rejudge { service, object: Some(shell.sid) });
            let making = Making::Fold(shell, shape);
            Some(grant::permit(&mut scribe, (shell.sid, making), identity, *permission)?)
        }
        Effect::RestoreFold { shell, shape, shares, .. } => {
            fold::restore(&mut scribe, shell, shape, shares);
            None
        }
        Effect::Expire { due, .. } => {
            for (object, item) in due {
                publish::expire(&mut scribe, *object, item.as_ref());
            }
            None
        }
        Effect::Forget { objects, before, .. } => {
            objects.iter().for_each(|it| scribe.forget_object(*it, *before));
            None
        }
        Effect::Settle { hooks, .. } => {
            scribe.tenant.pending.settle(hooks);
            None
        }
        _ => None,
    };
    let (events, noted) = scribe.finish();
    Ok(Applied { events, rejudge, noted, ..Applied::quiet(receipt) })
}

/// Whether what was read is still what it was (decision 5).
fn stands(tenant: &Tenant, need: &Need, expiry_at: Timestamp) -> bool {
    let object =
        tenant.names.get(&(need.kind, need.name.clone())).and_then(|it| tenant.object(*it, expiry_at));
    let event = match &need.item {
        None => object.map(|it| it.head.last_event_id),
        Some(id) => object.and_then(|it| it.items()?.item(id, expiry_at)).map(|it| it.last_event_id),
    };
    event == need.event
}

/// What may be written, by whom: the last wall (decisions H, 4).
///
/// A client's plain write reaches plain objects only, and a policy's write only the private
/// objects of its own identity, whatever was decided before.
fn may(scribe: &Scribe<'_>, by: &By, object: &Object) -> Result<(), Reason> {
    match (by, &object.head.space) {
        (By::Backend | By::System, _) => Ok(()),
        (By::Client { identity, right, .. }, Space::Plain) => {
            acl::permits(scribe.tenant.head.settings.acl, object.permission(identity), *right)
        }
        (By::Policy { identity, policy, .. }, Space::Private { owner, policy: governing })
            if owner == identity && policy == governing =>
        {
            Ok(())
        }
        (By::Client { .. } | By::Policy { .. }, _) => Err(Reason::Forbidden),
    }
}

/// The same for an object that is being made.
fn may_make(by: &By, shell: &Shell) -> Result<(), Reason> {
    match (by, &shell.space) {
        (By::Backend | By::System, _) | (By::Client { .. }, Space::Plain) => Ok(()),
        (By::Policy { identity, policy, .. }, Space::Private { owner, policy: governing })
            if owner == identity && policy == governing =>
        {
            Ok(())
        }
        (By::Client { .. } | By::Policy { .. }, _) => Err(Reason::Forbidden),
    }
}

fn create_service(
    view: &mut View,
    service: ServiceSid,
    default: bool,
    settings: &Settings,
    at: Timestamp,
) -> Result<Applied, Rejection> {
    if default && let Some(tenant) = view.default_service.and_then(|it| view.tenant(it)) {
        let head = Box::new(tenant.head.clone());
        return Ok(Applied {
            repeated: true,
            ..Applied::quiet(Some(Receipt::Service { head, created: false }))
        });
    }
    if SERVICES_MAX <= view.services.len() || view.services.contains_key(&service) {
        return Err(Reason::Quota { what: "services" }.into());
    }
    let head = ServiceHead {
        sid: service,
        ordinal: view.made,
        unique_name: default.then(|| "default".into()),
        settings: settings.clone(),
        date_created: at,
        date_updated: at,
    };
    view.made = view.made.saturating_add(1);
    view.services.insert(service, Arc::new(Tenant::new(head.clone())));
    if default {
        view.default_service = Some(service);
    }
    Ok(Applied::quiet(Some(Receipt::Service { head: Box::new(head), created: true })))
}

fn update_service(
    view: &mut View,
    service: ServiceSid,
    settings: &Settings,
    at: Timestamp,
) -> Result<Applied, Rejection> {
    let tenant = view.services.get_mut(&service).ok_or(Reason::NotFound(Missing::Service))?;
    let tenant = Arc::make_mut(tenant);
    let acl_changed = tenant.head.settings.acl != settings.acl;
    tenant.head.settings = settings.clone();
    tenant.head.date_updated = at;
    if settings.webhook_url.is_none() {
        tenant.pending.clear();
    }
    let receipt = Receipt::Service { head: Box::new(tenant.head.clone()), created: false };
    Ok(Applied {
        rejudge: acl_changed.then_some(Rejudge { service, object: None }),
        ..Applied::quiet(Some(receipt))
    })
}

fn remove_service(view: &mut View, service: ServiceSid, at: Timestamp) -> Result<Applied, Rejection> {
    let tenant = view.services.get_mut(&service).ok_or(Reason::NotFound(Missing::Service))?;
    // In an order that every process has: each removal gets an event id.
    let objects: Vec<_> = tenant.in_order.values().copied().collect();
    let mut scribe = Scribe::new(service, Arc::make_mut(tenant), (at, at, Judging::New), None);
    for object in objects {
        scribe.drop_object(object);
    }
    let (events, _) = scribe.finish();
    view.services.remove(&service);
    if view.default_service == Some(service) {
        view.default_service = None;
    }
    Ok(Applied { events, ..Applied::quiet(Some(Receipt::ServiceRemoved)) })
}
