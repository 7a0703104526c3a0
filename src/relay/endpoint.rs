//! Endpoints that connect and disconnect, told to webhooks (sync-rest, 12). Best effort: nothing of it is kept.
//!
//! With debouncing, only an identity whose last endpoint stays away for the whole window has
//! disconnected; without it, each endpoint has.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};

use super::Relay;
use crate::{
    domain::{
        hook::{Hook, Note},
        name::Identity,
        object::ObjectKind,
        sid::{ObjectSid, ServiceSid},
        time::Timestamp,
    },
    relay::{authn::Caller, presence::later, store::committed::Noted},
};

type Who = (ServiceSid, Identity);

/// The endpoints of the connections, and the disconnections that wait for their window to end.
#[derive(Default)]
pub(super) struct Endpoints {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    connected: HashMap<u64, Arc<str>>,
    waiting: BTreeMap<(Timestamp, Who), Arc<str>>,
    waiting_at: HashMap<Who, Timestamp>,
}

impl Endpoints {
    /// Notes a connection's endpoint; `None` when it is known already.
    fn connect(&self, connection: u64, who: &Who, endpoint: Arc<str>) -> Option<Arc<str>> {
        let mut inner = self.lock();
        if let Some(at) = inner.waiting_at.remove(who) {
            inner.waiting.remove(&(at, who.clone()));
        }
        inner.connected.insert(connection, endpoint.clone()).is_none().then_some(endpoint)
    }

    fn disconnect(&self, connection: u64) -> Option<Arc<str>> {
        self.lock().connected.remove(&connection)
    }

    fn wait(&self, who: Who, endpoint: Arc<str>, at: Timestamp) {
        let mut inner = self.lock();
        inner.waiting_at.insert(who.clone(), at);
        inner.waiting.insert((at, who), endpoint);
    }

    /// Passes on the disconnections whose window has ended, in the order in which connections are noted: whoever
    /// comes back later is told about later.
    fn flush(&self, now: Timestamp, mut tell: impl FnMut(Who, Arc<str>)) {
        let mut inner = self.lock();
        while let Some(first) = inner.waiting.first_entry().filter(|it| it.key().0 <= now) {
            let ((_, who), endpoint) = first.remove_entry();
            inner.waiting_at.remove(&who);
            tell(who, endpoint);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each change is whole before the next line can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Relay {
    /// A connection is somebody's now.
    pub(super) fn endpoint_arrived(&self, connection: u64, caller: &Caller) {
        let (Some(service), Some(identity)) = (caller.service(), caller.identity()) else { return };
        let endpoint = caller.endpoint().cloned().unwrap_or_else(|| format!("CN{connection:032x}").into());
        let who = (service, identity.clone());
        if let Some(endpoint) = self.inner.endpoints.connect(connection, &who, endpoint) {
            self.tell_endpoint(who, endpoint, Note::Connected);
        }
    }

    /// A connection of an identity has ended; `last` is whether it was the last of it.
    pub(super) fn endpoint_left(
        &self,
        connection: u64,
        service: ServiceSid,
        identity: &Identity,
        last: bool,
    ) {
        let Some(endpoint) = self.inner.endpoints.disconnect(connection) else { return };
        let view = self.inner.hub.view();
        let Some(tenant) = view.tenant(service) else { return };
        let settings = &tenant.head.settings;
        let who = (service, identity.clone());
        if !settings.debouncing {
            self.tell_endpoint(who, endpoint, Note::Disconnected);
        } else if last {
            let window = Duration::from_millis(settings.debouncing_window_ms.into());
            self.inner.endpoints.wait(who, endpoint, later(self.now(), window));
        }
    }

    /// Tells the disconnections whose window has ended. Called by the sweep.
    pub(super) fn flush_debounced(&self) {
        self.inner.endpoints.flush(self.now(), |who, endpoint| {
            self.tell_endpoint(who, endpoint, Note::Disconnected);
        });
    }

    fn tell_endpoint(&self, (service, identity): Who, endpoint: Arc<str>, note: Note) {
        let view = self.inner.hub.view();
        let Some(tenant) = view.tenant(service) else { return };
        let settings = &tenant.head.settings;
        if settings.webhook_url.is_none() || !settings.reachability_webhooks {
            return;
        }
        let hook = Hook {
            at: self.now(),
            object: lane(&identity),
            unique_name: None,
            identity: Some(identity),
            endpoint: Some(endpoint),
            note,
        };
        let passing = vec![(tenant.pending.next(), Arc::new(hook))];
        self.inner.desk.put(vec![Noted { service, passing }]);
    }
}

/// What keeps the order among the hooks of one identity.
fn lane(identity: &Identity) -> ObjectSid {
    let mut bytes = [0; 16];
    let hash = digest(&SHA256, identity.as_str().as_bytes());
    bytes.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    ObjectSid { kind: ObjectKind::Document, bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_within_the_window_was_never_away() {
        let endpoints = Endpoints::default();
        let due = |now| {
            let mut due = Vec::new();
            endpoints.flush(now, |who, endpoint| due.push((who, endpoint)));
            due
        };
        let who = || (ServiceSid::new([1; 16]), Identity::try_from("ada").expect("an identity"));
        let at = Timestamp::from_seconds(5);
        assert!(endpoints.connect(1, &who(), "e".into()).is_some());
        assert_eq!(endpoints.connect(1, &who(), "e".into()), None, "a renewed token is no connection");
        let endpoint = endpoints.disconnect(1).expect("it was connected");
        assert_eq!(endpoints.disconnect(1), None);
        endpoints.wait(who(), endpoint.clone(), at);
        assert!(due(Timestamp::from_seconds(4)).is_empty());
        endpoints.connect(2, &who(), "e".into());
        assert!(due(at).is_empty());
        endpoints.wait(who(), endpoint.clone(), at);
        assert_eq!(due(at), [(who(), endpoint)]);
        assert!(due(at).is_empty());
    }
}
