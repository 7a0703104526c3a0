//! The SIDs of shared objects: 64 bits of a keyed PRF of (service, kind, name) and 64 of a MAC.
//!
//! So an object that does not stand yet can be read and watched without storing anything, and
//! nobody can make up a SID that fits (decision 18).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::hmac;

use crate::domain::{
    limits::DERIVED_SIDS_MAX,
    name::{Identity, UniqueName},
    object::ObjectKind,
    sid::{ObjectSid, ServiceSid},
};

/// The store's secret, and what was made of it: the key, and the SIDs that were asked for lately. Making either costs
/// as much as the rest of a rewrite.
#[derive(Clone)]
pub(super) struct Secret(Arc<Inner>);

struct Inner {
    bytes: [u8; 32],
    pseudonyms: Pseudonyms,
    key: hmac::Key,
    known: Mutex<Known>,
}

/// The SIDs of names, in each service and of each kind in which they were asked for: few, and looked through.
#[derive(Default)]
struct Known {
    count: usize,
    names: HashMap<UniqueName, Vec<(ServiceSid, ObjectSid)>>,
}

impl Known {
    fn find(&self, service: ServiceSid, kind: ObjectKind, name: &UniqueName) -> Option<ObjectSid> {
        let sids = self.names.get(name)?;
        sids.iter().find(|it| it.0 == service && it.1.kind == kind).map(|it| it.1)
    }

    fn keep(&mut self, service: ServiceSid, name: &UniqueName, sid: ObjectSid) {
        if DERIVED_SIDS_MAX <= self.count {
            *self = Self::default();
        }
        self.count += 1;
        self.names.entry(name.clone()).or_default().push((service, sid));
    }
}

/// Within what an identity has the same pseudonym under one policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pseudonyms {
    /// In all services: stores that were made so keep theirs, since shared names and keys are made of them.
    OfAccount,
    /// In one service.
    OfService,
}

impl Secret {
    /// The secret of a store.
    pub(super) fn new(bytes: [u8; 32], pseudonyms: Pseudonyms) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        Self(Arc::new(Inner { bytes, pseudonyms, key, known: Mutex::default() }))
    }

    /// Within what pseudonyms are the same.
    pub(super) fn pseudonyms(&self) -> Pseudonyms {
        self.0.pseudonyms
    }

    /// As it stands in the log.
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0.bytes
    }
}

impl Default for Secret {
    /// That of a view to which nothing was applied.
    fn default() -> Self {
        Self::new([0; 32], Pseudonyms::OfAccount)
    }
}

/// The SID of the shared object of this name.
pub(super) fn sid(secret: &Secret, service: ServiceSid, kind: ObjectKind, name: &UniqueName) -> ObjectSid {
    let mut known = secret.0.known.lock().unwrap_or_else(PoisonError::into_inner);
    known.find(service, kind, name).unwrap_or_else(|| {
        let sid = derive(secret, service, kind, name);
        known.keep(service, name, sid);
        sid
    })
}

fn derive(secret: &Secret, service: ServiceSid, kind: ObjectKind, name: &UniqueName) -> ObjectSid {
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
pub(super) fn pseudonym(secret: &Secret, service: ServiceSid, policy: &str, identity: &Identity) -> String {
    let mut context = hmac::Context::with_key(&secret.0.key);
    if secret.pseudonyms() == Pseudonyms::OfService {
        context.update(b"service\0");
        context.update(service.as_bytes());
    }
    // Neither holds a control character, so no two pairs make one text.
    for part in ["pseudonym\0", policy, "\0", identity.as_str()] {
        context.update(part.as_bytes());
    }
    context.sign().as_ref().iter().take(16).map(|it| format!("{it:02x}")).collect()
}

fn tag(secret: &Secret, purpose: &[u8], service: ServiceSid, kind: ObjectKind, text: &[u8]) -> [u8; 8] {
    let mut context = hmac::Context::with_key(&secret.0.key);
    for part in [purpose, b"\0", service.as_bytes(), kind.prefix().as_bytes(), text] {
        context.update(part);
    }
    let mut tag = [0; 8];
    for (to, from) in tag.iter_mut().zip(context.sign().as_ref()) {
        *to = *from;
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_what_would_be_made() {
        let secret = Secret::new([7; 32], Pseudonyms::OfService);
        let (service, other) = (ServiceSid::new([1; 16]), ServiceSid::new([2; 16]));
        let name = |number: usize| UniqueName::try_from(format!("rooms/{number}")).expect("a name");
        for number in (0..=DERIVED_SIDS_MAX).chain([0, 1]) {
            for (service, kind) in
                [(service, ObjectKind::Map), (service, ObjectKind::List), (other, ObjectKind::Map)]
            {
                let fresh = sid(&Secret::new([7; 32], Pseudonyms::OfService), service, kind, &name(number));
                assert_eq!(sid(&secret, service, kind, &name(number)), fresh);
                assert!(fits(&secret, service, fresh));
            }
            let known = secret.0.known.lock().unwrap();
            assert!(known.count <= DERIVED_SIDS_MAX);
            assert_eq!(known.count, known.names.values().map(Vec::len).sum::<usize>());
        }
    }

    #[test]
    fn a_pseudonym_is_of_its_service_but_in_stores_of_before() {
        let (one, two) = (ServiceSid::new([1; 16]), ServiceSid::new([2; 16]));
        let ada = Identity::try_from("ada").expect("an identity");
        let of = |pseudonyms, service| pseudonym(&Secret::new([7; 32], pseudonyms), service, "poll", &ada);
        assert_ne!(of(Pseudonyms::OfService, one), of(Pseudonyms::OfService, two));
        assert_eq!(of(Pseudonyms::OfAccount, one), of(Pseudonyms::OfAccount, two));
    }
}
