//! The SIDs of shared objects: 64 bits of a keyed PRF of (service, kind, name) and 64 of a MAC.
//!
//! So an object that does not stand yet can be read and watched without storing anything, and
//! nobody can make up a SID that fits (decision 18).

use std::sync::Arc;

use aws_lc_rs::hmac;

use crate::domain::{
    name::{Identity, UniqueName},
    object::ObjectKind,
    sid::{ObjectSid, ServiceSid},
};

/// The store's secret, and the key made of it once: making one costs as much as using it.
#[derive(Clone)]
pub(super) struct Secret {
    bytes: [u8; 32],
    key: Arc<hmac::Key>,
}

impl Secret {
    /// As it stands in the log.
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl From<[u8; 32]> for Secret {
    fn from(bytes: [u8; 32]) -> Self {
        Self { key: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &bytes)), bytes }
    }
}

impl Default for Secret {
    /// That of a view to which nothing was applied.
    fn default() -> Self {
        [0; 32].into()
    }
}

/// The SID of the shared object of this name.
pub(super) fn sid(secret: &Secret, service: ServiceSid, kind: ObjectKind, name: &UniqueName) -> ObjectSid {
    let half = tag(secret, b"name", service, kind, name.as_str().as_bytes());
    let mac = tag(secret, b"mac", service, kind, &half);
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(half.iter().chain(&mac)) {
        *to = *from;
    }
    ObjectSid { kind, bytes }
}

/// Whether a SID is that of a shared object, standing or not.
pub(super) fn fits(secret: &Secret, service: ServiceSid, sid: ObjectSid) -> bool {
    let (half, mac) = sid.bytes.split_at(8);
    tag(secret, b"mac", service, sid.kind, half) == mac
}

/// What stands for an identity under a policy, and says nothing of it elsewhere (decision 35): 32 hexadecimal digits.
pub(super) fn pseudonym(secret: &Secret, policy: &str, identity: &Identity) -> String {
    let mut context = hmac::Context::with_key(&secret.key);
    // Neither holds a control character, so no two pairs make one text.
    for part in ["pseudonym\0", policy, "\0", identity.as_str()] {
        context.update(part.as_bytes());
    }
    context.sign().as_ref().iter().take(16).map(|it| format!("{it:02x}")).collect()
}

fn tag(secret: &Secret, purpose: &[u8], service: ServiceSid, kind: ObjectKind, text: &[u8]) -> [u8; 8] {
    let mut context = hmac::Context::with_key(&secret.key);
    for part in [purpose, b"\0", service.as_bytes(), kind.prefix().as_bytes(), text] {
        context.update(part);
    }
    let mut tag = [0; 8];
    for (to, from) in tag.iter_mut().zip(context.sign().as_ref()) {
        *to = *from;
    }
    tag
}
