//! Identities that look like personal data: warned of once, since they end up in logs and at others.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use tracing::warn;

use crate::{
    domain::{limits::SERVICES_MAX, sid::ServiceSid},
    relay::authn::Caller,
};

/// The services in which it was seen, and as what.
#[derive(Default)]
pub(super) struct Seen {
    warned: Mutex<HashSet<(ServiceSid, &'static str)>>,
}

impl Seen {
    /// Warns once for each service if this caller's identity looks like personal data.
    pub(super) fn look(&self, caller: &Caller) {
        let Some(identity) = caller.identity() else { return };
        let (Some(service), Some(what)) = (caller.service(), looks_like(identity.as_str())) else { return };
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.len() < 2 * SERVICES_MAX && warned.insert((service, what)) {
            warn!(service.sid = %service, "an identity looks like {what}: identities stand in logs, names and what others see; use opaque ones");
        }
    }
}

/// What an identity looks like, if it is anybody's data.
fn looks_like(identity: &str) -> Option<&'static str> {
    let mail = identity.split_once('@').is_some_and(|(name, host)| {
        let (first, last) = host.rsplit_once('.').unwrap_or_default();
        !name.is_empty() && !first.is_empty() && !last.is_empty() && !host.contains('@')
    });
    if mail {
        return Some("an e-mail address");
    }
    let digits = identity.bytes().filter(u8::is_ascii_digit).count();
    let marks = identity.bytes().all(|it| it.is_ascii_digit() || b"+ -().".contains(&it));
    let begins = identity.starts_with('+') || identity.starts_with("00");
    (marks && begins && (8..=15).contains(&digits)).then_some("a phone number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_it_is_warned_of() {
        for text in ["ada@example.org", "a.b+c@x.co.uk", "é@ü.de"] {
            assert_eq!(looks_like(text), Some("an e-mail address"), "{text}");
        }
        for text in ["+49 30 1234567", "+1-202-555-0100", "0049301234567"] {
            assert_eq!(looks_like(text), Some("a phone number"), "{text}");
        }
        for text in [
            "ada",
            "ada@",
            "@example.org",
            "ada@host",
            "a@b@c.d",
            "1234567890",
            "+12",
            "user-00491",
            "2026-11-24",
        ] {
            assert_eq!(looks_like(text), None, "{text}");
        }
    }
}
