//! May a caller do this to a plain object? Sync's rules; policies' objects are judged by the gate.
//!
//! With ACL off everything is allowed, and what would not be with ACL on is counted, so that the
//! switch holds no surprise.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    domain::{
        permission::{Permission, Right},
        sid::ServiceSid,
    },
    relay::refusal::Reason,
};

/// Judges a client's right on a plain object: with ACL off everything is allowed.
///
/// # Errors
/// [`Reason::Forbidden`] when ACL is on and the right was not granted.
pub(super) fn permits(acl: bool, granted: Permission, right: Right) -> Result<(), Reason> {
    if !acl || granted.has(right) { Ok(()) } else { Err(Reason::Forbidden) }
}

/// Counts the calls that ACL would deny in services where it is off, minute by minute.
#[derive(Default)]
pub(super) struct WouldDeny {
    this_minute: Mutex<HashMap<ServiceSid, u64>>,
}

impl WouldDeny {
    /// Counts one; whether it is the first of its service in this minute, to be told at once.
    pub(super) fn count(&self, service: ServiceSid) -> bool {
        let mut counts = self.this_minute.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(service).or_default();
        *count += 1;
        *count == 1
    }

    /// The counts of the minute that ends.
    pub(super) fn end_minute(&self) -> HashMap<ServiceSid, u64> {
        std::mem::take(&mut *self.this_minute.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
