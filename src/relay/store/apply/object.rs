//! Objects made, set and removed.

use crate::{
    domain::{
        data::Data,
        event::Happening,
        name::Identity,
        object::{ObjectKind, Revision, Space},
        permission::Permission,
        sid::ObjectSid,
        time::Timestamp,
    },
    relay::{
        receipt::Receipt,
        record::{By, Publication, Shell},
        refusal::{Missing, Reason},
        store::view::{Body, Object, Place},
    },
};

use super::{
    Rejection, may, may_make,
    place::{self, Contribution},
    publish, quota,
    scribe::{Scribe, holder},
};

/// Makes an object; one that has expired under the same name is removed first.
pub(super) fn create(
    scribe: &mut Scribe<'_>,
    by: &By,
    shell: &Shell,
    data: Option<&Data>,
    expires: Option<Timestamp>,
    publications: &[Publication],
) -> Result<Receipt, Rejection> {
    may_make(by, shell)?;
    let named = shell
        .name
        .as_ref()
        .and_then(|name| scribe.tenant.names.get(&(shell.sid.kind, name.clone())).copied());
    let standing = named.or_else(|| scribe.tenant.objects.contains_key(&shell.sid).then_some(shell.sid));
    if standing.is_some_and(|it| scribe.tenant.object(it, scribe.expiry_at).is_some()) {
        return Err(Reason::NameTaken.into());
    }
    let mut object = publish::fresh(shell, scribe.at, identity(by).cloned());
    if let By::Client { identity, .. } = by {
        object.grants.insert(identity.clone(), Permission::ALL);
    }
    if let By::Policy { claims, .. } = by {
        object.claims = Some(claims.clone());
    }
    if matches!(shell.space, Space::Shared { .. }) {
        // Somebody may watch it already, and others may show something beneath (decisions 2, 18).
        publish::stand(scribe, shell);
        if let (ObjectKind::Document, Some(data)) = (shell.sid.kind, data) {
            let shown = Contribution { source: None, data: data.clone(), expires };
            place::contribute(scribe, &(shell.sid, None), shown);
        } else {
            scribe.edit(shell.sid, |it| it.head.date_expires = expires);
        }
        return receipt(scribe, shell.sid, true);
    }
    object.head.date_expires = expires;
    match (&mut object.body, data) {
        (Body::Document { data: stored, .. }, Some(data)) => *stored = data.clone(),
        (Body::Items(items), Some(context)) => items.context = Some(context.clone()),
        _ => (),
    }
    let mut expired = room(scribe, by, &object, object.size_bytes(), 0)?;
    let fitted = publish::fit(scribe, &(shell.sid, None), publications)?;
    expired.extend(fitted.expired());
    quota::expire(scribe, expired);
    if let Some(expired) = standing {
        scribe.unattended(|it| publish::remove(it, expired));
    }
    scribe.add(object);
    publish::publish(scribe, &(shell.sid, None), fitted);
    receipt(scribe, shell.sid, true)
}

/// One update of an object.
pub(super) struct Update<'r> {
    pub(super) sid: ObjectSid,
    pub(super) shell: Option<&'r Shell>,
    pub(super) if_match: Option<Revision>,
    pub(super) data: Option<&'r Data>,
    pub(super) expires: Option<Option<Timestamp>>,
    pub(super) publications: Option<&'r [Publication]>,
}

/// Sets a document's data, or an object's expiry, or both.
pub(super) fn update(scribe: &mut Scribe<'_>, by: &By, update: Update<'_>) -> Result<Receipt, Rejection> {
    let sid = update.sid;
    let mut created = false;
    let fitted = update.publications.map(|it| publish::fit(scribe, &(sid, None), it)).transpose();
    let mut expired = Vec::new();
    let fitted = match (scribe.tenant.object(sid, scribe.expiry_at), update.shell) {
        (Some(object), _) => {
            may(scribe, by, object)?;
            if matches!(object.body, Body::Fold(_)) {
                return Err(Reason::Fold.into());
            }
            matches_revision(object, update.if_match)?;
            let size = update.data.map_or_else(|| object.size_bytes(), |it| it.size_bytes() as u64);
            expired = room(scribe, by, object, size, object.size_bytes())?;
            fitted?
        }
        (None, Some(shell)) => {
            may_make(by, shell)?;
            if update.if_match.is_some_and(|it| it != Revision(0)) {
                return Err(Reason::RevisionMismatch { of: sid.kind, current: None }.into());
            }
            let fitted = fitted?;
            if scribe.tenant.objects.contains_key(&sid) {
                scribe.unattended(|it| publish::expire(it, sid, None));
            }
            publish::stand(scribe, shell);
            created = true;
            fitted
        }
        (None, None) => return Err(Reason::NotFound(Missing::Sid(sid.kind)).into()),
    };
    expired.extend(fitted.iter().flat_map(|it| it.expired()));
    quota::expire(scribe, expired);
    let shared =
        scribe.tenant.objects.get(&sid).is_some_and(|it| matches!(it.head.space, Space::Shared { .. }));
    match update.data {
        Some(data) if shared => {
            let expires = update.expires.unwrap_or_default();
            place::contribute(
                scribe,
                &(sid, None),
                Contribution { source: None, data: data.clone(), expires },
            );
        }
        Some(data) => set(scribe, sid, data, update.expires),
        None => {
            if let Some(expires) = update.expires {
                scribe.edit(sid, |it| it.head.date_expires = expires);
            }
        }
    }
    snapshot(scribe, by, sid);
    if let Some(fitted) = fitted {
        publish::publish(scribe, &(sid, None), fitted);
    }
    receipt(scribe, sid, created)
}

/// Keeps the claims of a private object's owner.
pub(super) fn snapshot(scribe: &mut Scribe<'_>, by: &By, sid: ObjectSid) {
    if let By::Policy { claims, .. } = by {
        scribe.edit(sid, |it| it.claims = Some(claims.clone()));
    }
}

fn set(scribe: &mut Scribe<'_>, sid: ObjectSid, new: &Data, expires: Option<Option<Timestamp>>) {
    let id = scribe.stamp(sid);
    let told = scribe.edit(sid, |object| {
        if let Some(expires) = expires {
            object.head.date_expires = expires;
        }
        if let Body::Document { data, .. } = &mut object.body {
            *data = new.clone();
        }
        (object.head.revision, object.head.date_expires)
    });
    if let Some((revision, date_expires)) = told {
        scribe.tell(sid, id, Happening::DocumentSet { revision, data: new.clone(), date_expires });
    }
}

/// Removes an object, if it stands at the revision that is asked for.
pub(super) fn remove(
    scribe: &mut Scribe<'_>,
    by: &By,
    sid: ObjectSid,
    if_match: Option<Revision>,
) -> Result<Receipt, Rejection> {
    let object =
        scribe.tenant.object(sid, scribe.expiry_at).ok_or(Reason::NotFound(Missing::Sid(sid.kind)))?;
    may(scribe, by, object)?;
    matches_revision(object, if_match)?;
    publish::remove(scribe, sid);
    Ok(Receipt::ObjectRemoved)
}

/// The answer that shows an object.
pub(super) fn receipt(scribe: &Scribe<'_>, sid: ObjectSid, created: bool) -> Result<Receipt, Rejection> {
    let object = scribe.tenant.objects.get(&sid).ok_or(Reason::NotFound(Missing::Sid(sid.kind)))?;
    let head = Box::new(object.head.clone());
    Ok(Receipt::Object { service: scribe.service, head, data: object.data().cloned(), created })
}

fn matches_revision(object: &Object, expected: Option<Revision>) -> Result<(), Reason> {
    let current = object.head.revision;
    if expected.is_none_or(|it| it == current) {
        return Ok(());
    }
    Err(Reason::RevisionMismatch { of: object.head.sid.kind, current: Some(current) })
}

/// The identity behind a record; `None` is the system.
pub(super) fn identity(by: &By) -> Option<&Identity> {
    match by {
        By::Client { identity, .. } | By::Policy { identity, .. } => Some(identity),
        By::Backend | By::System => None,
    }
}

/// Whether the quota of the object's holder has room (decision 12); `old` is 0 for a new object. Returns what has
/// expired and must be removed for it.
pub(super) fn room(
    scribe: &Scribe<'_>,
    by: &By,
    object: &Object,
    new: u64,
    old: u64,
) -> Result<Vec<Place>, Reason> {
    let making = !scribe.tenant.objects.contains_key(&object.head.sid);
    let (objects_max, bytes_max) = match by {
        By::Client { objects_max, bytes_max, .. } => (*objects_max, *bytes_max),
        By::Policy { objects_max, bytes_max, .. } => (*objects_max, *bytes_max),
        By::Backend | By::System => return Ok(Vec::new()),
    };
    let Some(holder) = holder(&object.head) else {
        return Ok(Vec::new());
    };
    let held = scribe.tenant.held(&holder);
    let objects = u32::from(making) * held.objects.saturating_add(1).saturating_sub(objects_max);
    let grown = held.bytes.saturating_sub(old).saturating_add(new);
    let bytes = u64::from(old < new) * grown.saturating_sub(bytes_max);
    let what = if objects == 0 { "bytes" } else { "objects" };
    match quota::expired_of_holder(scribe, &holder, quota::Excess { objects, bytes }) {
        Some(expired) => Ok(expired),
        None if scribe.judges() => Err(Reason::Quota { what }),
        // What stands in the log was judged in its time.
        None => Ok(Vec::new()),
    }
}
