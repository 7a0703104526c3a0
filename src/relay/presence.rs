//! Whose sockets are open, and what is withdrawn when the last of an identity's has been gone for
//! a while (decision 27).
//!
//! Only a hint of the network: nothing that is written depends on it but the withdrawal itself,
//! which is an ordinary batch. After a start all count as gone, and have longer to come back.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError, mpsc::Receiver},
    time::Duration,
};

use tracing::{debug, warn};

use super::{Relay, rewrite};
use crate::{
    domain::{
        limits::{PRESENCE_GRACE_SECONDS, PRESENCE_PAUSE_SECONDS, PRESENCE_SECONDS, WITHDRAWALS_MAX},
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
        store::view::{Object, View},
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
    /// The last look for who is to be withdrawn.
    looked: Option<Timestamp>,
    /// Nobody is withdrawn before.
    held_until: Timestamp,
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

    /// The first of those who are gone for good; each stays until it is settled. Nobody after a pause in which the
    /// process was stopped: whoever wanted to come back could not.
    fn due(&self, now: Timestamp, grace: Duration) -> Vec<(Timestamp, Who)> {
        let mut inner = self.lock();
        let pause = Duration::from_secs(PRESENCE_PAUSE_SECONDS);
        if inner.looked.replace(now).is_some_and(|it| later(it, pause) < now) {
            inner.held_until = later(now, grace);
        }
        if now < inner.held_until {
            return Vec::new();
        }
        inner.gone.iter().take_while(|it| it.0 <= now).take(WITHDRAWALS_MAX).cloned().collect()
    }

    /// Hands a withdrawal over, unless its owner has been back since it was due: both are noted in one order. `None` when
    /// it has been.
    fn unless_back<R>(&self, at: Timestamp, who: &Who, hand_over: impl FnOnce() -> R) -> Option<R> {
        let inner = self.lock();
        (inner.gone_at.get(who) == Some(&at)).then(hand_over)
    }

    /// What somebody has shown is withdrawn; who has left again since then is still expected.
    fn settle(&self, at: Timestamp, who: &Who) {
        let mut inner = self.lock();
        if inner.gone_at.get(who) == Some(&at) {
            inner.forget(who);
        }
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

    /// Withdraws what some of those who are gone have shown. Returns whether there may be more of them.
    pub(super) fn withdraw_disconnected(&self) -> bool {
        if self.inner.writer.failed() {
            return false;
        }
        let now = self.now();
        let grace = shortened().unwrap_or(Duration::from_secs(PRESENCE_SECONDS));
        let due = self.inner.presence.due(now, grace);
        let view = self.inner.hub.view();
        let handed: Vec<_> = due.iter().map(|it| self.hand_over_withdrawals(&view, it, now)).collect();
        for ((at, who), answers) in due.iter().zip(handed) {
            match withdrawn(answers) {
                Ok(Withdrawn::All(count)) => {
                    self.inner.presence.settle(*at, who);
                    debug!(service.sid = %who.0, withdrawn = count, "an identity is gone, what it showed is withdrawn");
                }
                // Written meanwhile: looked at again, if its owner is still away.
                Ok(Withdrawn::Changed) => self.expect_again(who, now),
                Err(failure) => {
                    warn!(service.sid = %who.0, error = %failure, "what a disconnected identity shows could not be withdrawn; it is tried again");
                    self.expect_again(who, now);
                }
            }
        }
        !due.is_empty()
    }

    fn expect_again(&self, who: &Who, now: Timestamp) {
        self.inner.presence.expect(who.clone(), later(now, Duration::from_secs(1)));
    }

    /// Hands over a withdrawal of each object that an identity shows, while it is away.
    fn hand_over_withdrawals(
        &self,
        view: &View,
        (at, who): &(Timestamp, Who),
        now: Timestamp,
    ) -> Vec<Result<Receiver<Result<(), Error>>, Failure>> {
        let (service, identity) = who;
        let objects = view.tenant(*service).into_iter().flat_map(|it| it.private_of(identity));
        let shown = objects.filter(|it| self.leaves(it)).map(|it| (it.head.sid, it.head.revision));
        let hand_over = |(sid, revision)| {
            // The revision is a condition: whoever has come back and written meanwhile is not overwritten.
            let batch = rewrite::disconnect(*service, sid, revision, self.decision(), now);
            self.inner.presence.unless_back(*at, who, || self.own_later(batch))
        };
        shown.map_while(hand_over).collect()
    }

    /// Whether this object says something, and only until its owner disconnects.
    fn leaves(&self, object: &Object) -> bool {
        let Space::Private { policy, .. } = &object.head.space else { return false };
        until_disconnect(&self.inner.policies, policy) && object.data().is_some_and(|it| !it.is_empty())
    }
}

/// What became of the withdrawals of one identity.
enum Withdrawn {
    /// So many objects say nothing any more.
    All(usize),
    /// At least one was written after it was looked at.
    Changed,
}

/// Waits for the outcomes.
fn withdrawn(answers: Vec<Result<Receiver<Result<(), Error>>, Failure>>) -> Result<Withdrawn, Failure> {
    let (mut count, mut changed) = (0, false);
    for answer in answers {
        match answer?.recv().unwrap_or(Err(Failure::Stopping.into())) {
            Ok(()) => count += 1,
            Err(Error::Refused(_)) => changed = true,
            Err(Error::Failed(failure)) => return Err(failure),
        }
    }
    Ok(if changed { Withdrawn::Changed } else { Withdrawn::All(count) })
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
pub(in crate::relay) mod reconnects;
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
        let due = |now| presence.due(now, Duration::from_secs(30));
        presence.expect(ada(), at);
        assert!(due(Timestamp::from_seconds(9)).is_empty(), "there is time to come back");
        presence.arrived(3, ada());
        assert!(due(at).is_empty(), "it came back");
        presence.expect(ada(), at);
        assert!(due(at).is_empty(), "nobody who is here is expected to leave");
        assert_eq!(presence.left(3), Some((ada(), true)));
        presence.expect(ada(), at);
        assert_eq!(due(at), [(at, ada())]);
        assert_eq!(presence.unless_back(at, &ada(), || ()), Some(()));
        presence.arrived(4, ada());
        assert_eq!(presence.unless_back(at, &ada(), || ()), None, "it came back after the look");
        assert_eq!(presence.left(4), Some((ada(), true)));
        let again = Timestamp::from_seconds(12);
        presence.expect(ada(), again);
        assert_eq!(presence.unless_back(at, &ada(), || ()), None, "it has all its time again");
        presence.settle(at, &ada());
        assert_eq!(due(again), [(again, ada())], "it has left once more");
        presence.settle(again, &ada());
        assert!(due(again).is_empty(), "once");
    }

    #[test]
    fn whoever_left_before_the_process_was_stopped_may_come_back() {
        let presence = Presence::default();
        let ada = (ServiceSid::new([1; 16]), Identity::try_from("ada").expect("an identity"));
        let due = |seconds| presence.due(Timestamp::from_seconds(seconds), Duration::from_secs(30));
        presence.expect(ada.clone(), Timestamp::from_seconds(40));
        assert!((10..15).all(|it| due(it).is_empty()));
        assert!(due(74).is_empty(), "nothing was heard for a minute");
        assert!((75..104).all(|it| due(it).is_empty()));
        assert_eq!(due(104).len(), 1);
    }
}
