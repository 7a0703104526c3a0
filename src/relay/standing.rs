//! What already stands at an address, as far as admission cares; borrowed from the view of one passage.

use serde_json::Value;

use crate::{
    domain::{
        object::Head,
        permission::Permission,
        sid::{ObjectSid, ServiceSid},
        time::Timestamp,
    },
    relay::derived::Secret,
};

/// What the gate knows of a service and of the object that a request names.
#[derive(Clone, Copy)]
pub(super) struct Standing<'v> {
    pub(super) service: ServiceSid,
    /// When it was looked at.
    pub(super) at: Timestamp,
    /// `default` for the default service.
    pub(super) service_name: Option<&'v str>,
    pub(super) service_made: Timestamp,
    /// Whether clients need permissions on plain objects.
    pub(super) acl: bool,
    /// The object, unless it does not stand or has expired.
    pub(super) head: Option<&'v Head>,
    /// What the caller's identity holds on it.
    pub(super) permission: Permission,
    /// The request's SID is that of a shared object, standing or not.
    pub(super) derived: Option<ObjectSid>,
    /// The caller's identity has an open socket; only a change asks.
    pub(super) present: bool,
    /// The claims under which the private object was last written by its owner, as JSON.
    pub(super) claims: Option<&'v str>,
    /// The key of derived SIDs.
    pub(super) secret: &'v Secret,
}

impl Standing<'_> {
    /// The claims of the owner. Only what a backend writes asks for them.
    pub(super) fn claims(&self) -> Value {
        let claims = self.claims.and_then(|it| serde_json::from_str(it).ok());
        claims.unwrap_or_else(|| Value::Object(Default::default()))
    }
}
