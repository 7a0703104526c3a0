//! What an identity may do with an object: granted and taken away by backends.

use crate::{
    domain::{limits::GRANTS_MAX, name::Identity, object::Space, permission::Permission, sid::ObjectSid},
    relay::{
        receipt::{Grant, Receipt},
        record::Shell,
        refusal::{Missing, Reason},
    },
};

use super::{Rejection, publish, scribe::Scribe};

/// Sets or takes away what an identity may do with an object.
pub(super) fn permit(
    scribe: &mut Scribe<'_>,
    (object, shell): (ObjectSid, Option<&Shell>),
    identity: &Identity,
    permission: Option<Permission>,
) -> Result<Receipt, Rejection> {
    let missing = || Reason::NotFound(Missing::Sid(object.kind));
    match (scribe.tenant.object(object, scribe.expiry_at), shell) {
        (Some(standing), _) => {
            match &standing.head.space {
                // What is private is its owner's for good (decision 20).
                Space::Private { owner, .. } if owner != identity => return Err(Reason::Private.into()),
                _ => (),
            }
            if permission.is_none() && !standing.grants.contains_key(identity) {
                return Err(Reason::NotFound(Missing::Grant).into());
            }
            if GRANTS_MAX <= standing.grants.len() && !standing.grants.contains_key(identity) {
                return Err(Reason::Quota { what: "grants" }.into());
            }
        }
        (None, Some(shell)) if permission.is_some() => publish::stand(scribe, shell),
        (None, Some(_)) => return Err(Reason::NotFound(Missing::Grant).into()),
        (None, None) => return Err(missing().into()),
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
