//! The state of one client's connection that the server and the fronts share.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// One client's connection. Behind a trusted proxy each request over HTTP, and each socket, has one of its own.
#[derive(Debug)]
pub struct Connection {
    peer: IpAddr,
    opened: Instant,
    /// Milliseconds after `opened` at which its last request began or ended.
    active_ms: AtomicU64,
    authenticated: AtomicBool,
    dismissal: Notify,
}

impl Connection {
    /// A connection of this client, opened now; nobody has authenticated on it.
    pub fn new(peer: IpAddr) -> Arc<Self> {
        Arc::new(Self {
            peer: peer.to_canonical(),
            opened: Instant::now(),
            active_ms: AtomicU64::new(0),
            authenticated: AtomicBool::new(false),
            dismissal: Notify::new(),
        })
    }

    /// A connection of which the address is not known.
    pub fn unknown() -> Arc<Self> {
        Self::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    /// The client's address.
    pub fn peer(&self) -> IpAddr {
        self.peer
    }

    /// Notes that a credential was accepted on it. Called by the fronts.
    pub fn set_authenticated(&self) {
        self.authenticated.store(true, Ordering::Release);
    }

    /// Whether a credential was accepted on it.
    pub fn is_authenticated(&self) -> bool {
        self.authenticated.load(Ordering::Acquire)
    }

    /// Notes that a request begins or ends.
    pub fn touch(&self) {
        let millis = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.active_ms.store(millis, Ordering::Relaxed);
    }

    /// Whether nothing has happened on it for so long.
    pub fn is_idle_for(&self, idle: Duration, now: Instant) -> bool {
        let active = Duration::from_millis(self.active_ms.load(Ordering::Relaxed));
        self.opened + active + idle <= now
    }

    /// Asks its task to close it.
    pub fn dismiss(&self) {
        self.dismissal.notify_one();
    }

    /// Returns when it must close. One task waits at a time.
    pub async fn dismissed(&self) {
        self.dismissal.notified().await;
    }
}
