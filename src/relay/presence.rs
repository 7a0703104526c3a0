//! Whose sockets are open, and what is withdrawn when the last of an identity's has been gone for
//! a while (decision 27).
//!
//! Only a hint of the network: nothing that is written depends on it but the withdrawal itself,
//! which is an ordinary batch. After a start all count as gone, and have longer to come back.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tracing::{debug, warn};

use super::{Relay, rewrite};
use crate::{
    domain::{
        limits::{PRESENCE_GRACE_SECONDS, PRESENCE_SECONDS, SWEEP_MAX},
        name::Identity,
        object::Space,
        service::Settings,
        sid::ServiceSid,
        time::Timestamp,
    },
    policy::{PolicySet, Until},
    relay::{
        authn::Caller,
        error::{Error, Failure},
        store::view::{Object, Tenant, View},
    },
};

/// One identity in one service.
type Who = (ServiceSid, Identity);

/// Who is here, and who has left.
#[derive(Default)]
pub(super) struct Presence {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Each connection's identity.
    connections: HashMap<u64, Who>,
    /// How many connections an identity has.
    here: HashMap<Who, usize>,
    /// Who has left, by when it counts.
    gone: BTreeSet<(Timestamp, Who)>,
    /// The same by who it is.
    gone_at: HashMap<Who, Timestamp>,
}

impl Inner {
    /// Nobody waits any more for this one to be gone.
    fn forget(&mut self, who: &Who) {
        if let Some(at) = self.gone_at.remove(who) {
            self.gone.remove(&(at, who.clone()));
        }
    }
}

impl Presence {
    /// A connection is somebody's now.
    fn arrived(&self, connection: u64, who: Who) {
        let mut inner = self.lock();
        if inner.connections.insert(connection, who.clone()).is_none() {
            *inner.here.entry(who.clone()).or_default() += 1;
        }
        inner.forget(&who);
    }

    /// A connection has ended; gives its identity, and whether it was the last.
    fn left(&self, connection: u64) -> Option<(Who, bool)> {
        let mut inner = self.lock();
        let who = inner.connections.remove(&connection)?;
        let count = inner.here.get_mut(&who)?;
        *count -= 1;
        let last = *count == 0;
        if last {
            inner.here.remove(&who);
        }
        Some((who, last))
    }

    /// Somebody who has left counts as gone from this time on, unless it comes back before.
    fn expect(&self, who: Who, at: Timestamp) {
        let mut inner = self.lock();
        if !inner.here.contains_key(&who) {
            inner.forget(&who);
            inner.gone_at.insert(who.clone(), at);
            inner.gone.insert((at, who));
        }
    }

    /// Whether an identity has a connection.
    pub(super) fn is_here(&self, service: ServiceSid, identity: &Identity) -> bool {
        self.lock().here.contains_key(&(service, identity.clone()))
    }

    /// Some of those who are gone for good; whoever cannot be dealt with is to be put back.
    fn due(&self, now: Timestamp) -> Vec<Who> {
        let mut inner = self.lock();
        let due = inner.gone.iter().take_while(|it| it.0 <= now).take(SWEEP_MAX);
        let due: Vec<Who> = due.map(|it| it.1.clone()).collect();
        due.iter().for_each(|it| inner.forget(it));
        due
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each change is whole before the next line can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Relay {
    /// A connection has said who it is.
    pub fn arrived(&self, connection: u64, caller: &Caller) {
        if let (Some(service), Some(identity)) = (caller.service(), caller.identity()) {
            self.inner.presence.arrived(connection, (service, identity.clone()));
            self.endpoint_arrived(connection, caller);
        }
    }

    /// A connection has ended.
    pub fn left(&self, connection: u64) {
        let Some(((service, identity), last)) = self.inner.presence.left(connection) else { return };
        self.endpoint_left(connection, service, &identity, last);
        if !last {
            return;
        }
        let view = self.inner.hub.view();
        let Some(tenant) = view.tenant(service) else { return };
        let at = later(self.now(), patience(&tenant.head.settings));
        self.inner.presence.expect((service, identity), at);
    }

    /// After a start nobody is here: whoever shows something until it disconnects has a while to come back.
    pub(super) fn expect_all(&self, view: &View) {
        let grace = shortened().unwrap_or(Duration::from_secs(PRESENCE_GRACE_SECONDS));
        let at = later(self.now(), grace);
        for (service, tenant) in &view.services {
            for object in tenant.objects.values().filter(|it| self.leaves(it)) {
                if let Space::Private { owner, .. } = &object.head.space {
                    self.inner.presence.expect((*service, owner.clone()), at);
                }
            }
        }
    }

    /// Withdraws what those who are gone have shown.
    pub(super) fn withdraw_the_gone(&self) {
        let now = self.now();
        for who in self.inner.presence.due(now) {
            let view = self.inner.hub.view();
            let Some(tenant) = view.tenant(who.0) else { continue };
            if let Err(error) = self.withdraw(who.0, tenant, &who.1, now) {
                warn!(service.sid = %who.0, error = %error, "what a disconnected identity shows could not be withdrawn; it is tried again");
                self.inner.presence.expect(who, later(now, Duration::from_secs(1)));
            }
        }
    }

    fn withdraw(
        &self,
        service: ServiceSid,
        tenant: &Tenant,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let mut withdrawn = 0;
        for object in tenant.private_of(identity).filter(|it| self.leaves(it)) {
            // Whoever has come back and written meanwhile is not overwritten.
            let revision = object.head.revision;
            let batch = rewrite::disconnect(service, object.head.sid, revision, self.decision(), now);
            match self.own(batch) {
                Ok(()) => withdrawn += 1,
                Err(Error::Refused(_)) => (),
                Err(Error::Failed(failure)) => return Err(failure),
            }
        }
        debug!(service.sid = %service, withdrawn, "an identity is gone, what it showed is withdrawn");
        Ok(())
    }

    /// Whether this object says something, and only until its owner disconnects.
    fn leaves(&self, object: &Object) -> bool {
        let Space::Private { policy, .. } = &object.head.space else { return false };
        until_disconnect(&self.inner.policies, policy) && object.data().is_some_and(|it| !it.is_empty())
    }
}

fn until_disconnect(policies: &PolicySet, name: &str) -> bool {
    policies.by_name(name).is_some_and(|it| it.from.until == Until::Disconnect)
}

/// How long an identity may be away before it counts as gone: not shorter than the service's own
/// debouncing.
fn patience(settings: &Settings) -> Duration {
    let debounce = if settings.debouncing { settings.debouncing_window_ms.into() } else { 0 };
    shortened().unwrap_or(Duration::from_secs(PRESENCE_SECONDS)).max(Duration::from_millis(debounce))
}

/// Lets tests wait less than people are given.
fn shortened() -> Option<Duration> {
    if !cfg!(debug_assertions) {
        return None;
    }
    let text = std::env::var("AIRLOCK_PRESENCE_MS").ok()?;
    text.parse().ok().map(Duration::from_millis)
}

pub(super) fn later(now: Timestamp, wait: Duration) -> Timestamp {
    let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_add(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_connection_counts() {
        let presence = Presence::default();
        let service = ServiceSid::new([1; 16]);
        let ada = || (service, Identity::try_from("ada").expect("an identity"));
        presence.arrived(1, ada());
        presence.arrived(1, ada());
        presence.arrived(2, ada());
        assert_eq!(presence.left(1), Some((ada(), false)), "another is open");
        assert_eq!(presence.left(1), None, "it was counted once");
        assert_eq!(presence.left(2), Some((ada(), true)));
        assert!(!presence.is_here(service, &ada().1));

        let at = Timestamp::from_seconds(10);
        presence.expect(ada(), at);
        assert!(presence.due(Timestamp::from_seconds(9)).is_empty(), "there is time to come back");
        presence.arrived(3, ada());
        assert!(presence.due(at).is_empty(), "it came back");
        presence.expect(ada(), at);
        assert!(presence.due(at).is_empty(), "nobody who is here is expected to leave");
        assert_eq!(presence.left(3), Some((ada(), true)));
        presence.expect(ada(), at);
        assert_eq!(presence.due(at), [ada()]);
        assert!(presence.due(at).is_empty(), "once");
    }
}
