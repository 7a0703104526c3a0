//! May a caller do this to a plain object? Sync's rules; policies' objects are judged by the gate.

use crate::{
    domain::permission::{Permission, Right},
    relay::refusal::Reason,
};

/// Judges a client's right on a plain object: with ACL off everything is allowed.
///
/// # Errors
/// [`Reason::Forbidden`] when ACL is on and the right was not granted.
pub(super) fn permits(acl: bool, granted: Permission, right: Right) -> Result<(), Reason> {
    if !acl || granted.has(right) { Ok(()) } else { Err(Reason::Forbidden) }
}
