//! What one listener asks of a connection, and of each request behind a proxy, before it does anything for it.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use governor::Quota;
use tokio::time::Instant;

use crate::{
    domain::{buckets::Buckets, limits::CONNECT_KEYS_MAX, network::network},
    server::{
        caps::{Caps, Place, Proxied},
        connects::{Connects, Entry, Notice},
        proxies::TrustedProxies,
    },
    wire::connection::Connection,
};

/// The counts and rates of one listener.
pub struct Entrance {
    caps: Caps,
    connects: Mutex<Connects>,
    proxies: TrustedProxies,
    requests: Mutex<ClientRequests>,
}

/// The requests of clients behind proxies, by address: a proxy mixes many clients on one connection.
struct ClientRequests {
    quota: Option<Quota>,
    since: Instant,
    hash: RandomState,
    buckets: Buckets,
}

/// Why a connection or request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// Its address connects or asks too fast.
    TooFast,
    /// There is no place.
    Full,
}

impl Entrance {
    /// The entrance of a listener. `requests` is how fast one client behind a proxy may ask.
    pub fn new(
        caps: Caps,
        connects_per_second: u32,
        proxies: TrustedProxies,
        requests: Option<Quota>,
    ) -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self {
            caps,
            connects: Mutex::new(Connects::new(connects_per_second, now)),
            proxies,
            requests: Mutex::new(ClientRequests {
                quota: requests,
                since: now,
                hash: RandomState::new(),
                buckets: Buckets::new(CONNECT_KEYS_MAX, CONNECT_KEYS_MAX),
            }),
        })
    }

    /// The proxies that may say for whom they speak.
    pub fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    /// Judges a client's own connection.
    ///
    /// # Errors
    /// Why it must be closed.
    pub fn admit(&self, client: IpAddr) -> Result<(Arc<Connection>, Place), TurnedAway> {
        self.connect(client)?;
        let connection = Connection::new(client);
        let place = self.caps.enter(&connection).ok_or(TurnedAway::Full)?;
        Ok((connection, place))
    }

    /// Judges the connection of a trusted proxy.
    ///
    /// # Errors
    /// Why it must be closed.
    pub fn admit_proxy(&self) -> Result<Place, TurnedAway> {
        self.caps.enter_proxy().ok_or(TurnedAway::Full)
    }

    /// Judges what a client does on the connection of a proxy.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn admit_proxied(
        &self,
        client: IpAddr,
        what: Proxied,
    ) -> Result<(Arc<Connection>, Place), TurnedAway> {
        if what == Proxied::Socket {
            self.connect(client)?;
        }
        if !self.client_requests().take(client, Instant::now()) {
            return Err(TurnedAway::TooFast);
        }
        let connection = Connection::new(client);
        let place = self.caps.enter_proxied(&connection, what).ok_or(TurnedAway::Full)?;
        Ok((connection, place))
    }

    /// Does what is due once a second.
    pub fn tick(&self, now: Instant) {
        self.caps.dismiss_idle(now);
    }

    /// Logs what has gathered of connections that were closed.
    pub fn tell_notices(&self, now: Instant) {
        let notices = self.lock_connects().notices(now);
        notices.iter().for_each(tell);
    }

    fn connect(&self, client: IpAddr) -> Result<(), TurnedAway> {
        let entry = self.lock_connects().enter(client, Instant::now());
        match entry {
            Entry::Open => Ok(()),
            Entry::Closed(notice) => {
                notice.iter().for_each(tell);
                Err(TurnedAway::TooFast)
            }
        }
    }

    fn lock_connects(&self) -> MutexGuard<'_, Connects> {
        // The counts hold whatever a panicking thread did between two of their lines.
        self.connects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn client_requests(&self) -> MutexGuard<'_, ClientRequests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientRequests {
    fn take(&mut self, client: IpAddr, now: Instant) -> bool {
        let Some(quota) = self.quota else { return true };
        let at = u64::try_from((now - self.since).as_nanos()).unwrap_or(u64::MAX);
        let key = self.hash.hash_one(network(client));
        self.buckets.take(key, None, NonZeroU32::MIN, quota, at).is_ok()
    }
}

/// Logs connections that were closed because they came too fast.
fn tell(notice: &Notice) {
    let address = notice.address.map_or_else(|| "others".to_owned(), |it| it.to_string());
    tracing::info!(peer.addr = %address, connections = notice.connections, "connections closed: they come too fast");
}
