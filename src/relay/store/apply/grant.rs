//! What an identity may do with an object: granted and taken away by backends.

use crate::{
    domain::{limits::GRANTS_MAX, name::Identity, object::Space, permission::Permission, sid::ObjectSid},
    policy::fold::Shape,
    relay::{
        receipt::{Grant, Receipt},
        record::Shell,
        refusal::{Missing, Reason},
    },
};

use super::{Rejection, fold, publish, scribe::Scribe};

/// What an object that does not stand is made with.
#[derive(Clone, Copy)]
pub(super) enum Making<'m> {
    /// It cannot be made.
    Nothing,
    /// Something that holds what it is given.
    Plain(&'m Shell),
    /// A fold, in its zero state.
    Fold(&'m Shell, &'m Shape),
}

/// Sets or takes away what an identity may do with an object.
pub(super) fn permit(
    scribe: &mut Scribe<'_>,
    (object, making): (ObjectSid, Making<'_>),
    identity: &Identity,
    permission: Option<Permission>,
) -> Result<Receipt, Rejection> {
    let missing = || Reason::NotFound(Missing::Sid(object.kind));
    match (scribe.tenant.object(object, scribe.expiry_at), making) {
        (Some(standing), _) => {
            match &standing.head.space {
                // What is private is its owner's for good (decision 20).
                Space::Private { owner, .. } if owner != identity => return Err(Reason::Private.into()),
                _ => (),
            }
            if permission.is_none() && !standing.grants.contains_key(identity) {
                return Err(Reason::NotFound(Missing::Grant).into());
            }
            let full = GRANTS_MAX <= standing.grants.len() && scribe.judges();
            if full && !standing.grants.contains_key(identity) {
                return Err(Reason::Quota { what: "grants" }.into());
            }
        }
        (None, Making::Nothing) => return Err(missing().into()),
        (None, _) if permission.is_none() => return Err(Reason::NotFound(Missing::Grant).into()),
        (None, Making::Plain(shell)) => publish::stand(scribe, shell),
        (None, Making::Fold(..)) => (),
    }
    if let (Making::Fold(shell, shape), Some(_)) = (making, permission) {
        fold::stand(scribe, shell, shape);
    }
    scribe.edit(object, |it| match permission {
        Some(permission) => it.grants.insert(identity.clone(), permission),
        None => it.grants.remove(identity),
    });
    let Some(permission) = permission else {
        return Ok(Receipt::PermissionRemoved);
    };
    let (service, identity) = (scribe.service, identity.clone());
    Ok(Receipt::Permission(Grant { service, object, identity, permission }))
}
