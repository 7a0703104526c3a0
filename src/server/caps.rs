//! How many connections there may be: in all, and of one address.
//!
//! Connections on which nobody has authenticated do not keep others out: the oldest of them makes room when all
//! places are taken, and while half of them are, none of them may be idle for long.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    domain::{
        limits::{ANONYMOUS_IDLE_SECONDS, CONNECTIONS_FEW, CONNECTIONS_RESERVED_SHARE},
        network::network,
    },
    wire::connection::Connection,
};

/// The counts; cheap to clone.
#[derive(Clone)]
pub struct Caps {
    shared: Arc<Shared>,
}

struct Shared {
    all_max: usize,
    per_address_max: usize,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    next: u64,
    all: usize,
    by_address: HashMap<IpAddr, Here>,
    held: HashMap<u64, Held>,
    /// The oldest first; those that have authenticated since are dropped when they are met.
    anonymous: BTreeMap<u64, Arc<Connection>>,
}

/// The places of one address.
#[derive(Default)]
struct Here {
    count: usize,
    /// Those among `Counts::anonymous`.
    anonymous: BTreeSet<u64>,
}

/// What one place counts for.
struct Held {
    address: Option<IpAddr>,
    in_all: bool,
}

/// A connection's place among the counts; it is free again when this is dropped.
pub struct Place {
    shared: Arc<Shared>,
    number: u64,
}

impl Caps {
    /// At most so many in all, and of one address.
    pub fn new(all_max: usize, per_address_max: usize) -> Self {
        Self { shared: Arc::new(Shared { all_max, per_address_max, counts: Mutex::default() }) }
    }

    /// A place for a client's own connection, if there is one or can be made.
    pub fn enter(&self, connection: &Arc<Connection>) -> Option<Place> {
        let address = network(connection.peer());
        let Shared { all_max, per_address_max, .. } = *self.shared;
        let reserved = all_max / CONNECTIONS_RESERVED_SHARE;
        let mut counts = self.shared.lock();
        let here = counts.of(address);
        let many = CONNECTIONS_FEW <= here && all_max - reserved <= counts.all;
        if (many || per_address_max <= here) && !counts.dismiss_oldest(Some(address)) {
            return None;
        }
        if all_max <= counts.all && !counts.dismiss_oldest(None) {
            return None;
        }
        let number = counts.hold(Held { address: Some(address), in_all: true });
        counts.list_anonymous(number, address, connection);
        Some(Place { shared: Arc::clone(&self.shared), number })
    }

    /// A place for the connection of a trusted proxy, which counts for no address.
    pub fn enter_proxy(&self) -> Option<Place> {
        let mut counts = self.shared.lock();
        if self.shared.all_max <= counts.all && !counts.dismiss_oldest(None) {
            return None;
        }
        let number = counts.hold(Held { address: None, in_all: true });
        Some(Place { shared: Arc::clone(&self.shared), number })
    }

    /// A place for what a client does on the connection of a proxy: a request, or a socket, which ends when it is
    /// dismissed.
    pub fn enter_proxied(&self, connection: &Arc<Connection>, what: Proxied) -> Option<Place> {
        let address = network(connection.peer());
        let mut counts = self.shared.lock();
        if self.shared.per_address_max <= counts.of(address) && !counts.dismiss_oldest(Some(address)) {
            return None;
        }
        let number = counts.hold(Held { address: Some(address), in_all: false });
        if what == Proxied::Socket {
            counts.list_anonymous(number, address, connection);
        }
        Some(Place { shared: Arc::clone(&self.shared), number })
    }

    /// Dismisses connections that are idle and on which nobody has authenticated, if half of the places are taken.
    /// Called once a second.
    pub fn dismiss_idle(&self, now: Instant) {
        let counts = self.shared.lock();
        if counts.all < self.shared.all_max.div_ceil(2) {
            return;
        }
        let patience = Duration::from_secs(ANONYMOUS_IDLE_SECONDS);
        let idle = |it: &&Arc<Connection>| !it.is_authenticated() && it.is_idle_for(patience, now);
        counts.anonymous.values().filter(idle).for_each(|it| it.dismiss());
    }
}

/// What a client does on the connection of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxied {
    /// One request and its answer.
    Request,
    /// A WebSocket.
    Socket,
}

impl Counts {
    fn of(&self, address: IpAddr) -> usize {
        self.by_address.get(&address).map_or(0, |it| it.count)
    }

    fn list_anonymous(&mut self, number: u64, address: IpAddr, connection: &Arc<Connection>) {
        self.anonymous.insert(number, Arc::clone(connection));
        self.by_address.entry(address).or_default().anonymous.insert(number);
    }

    fn hold(&mut self, held: Held) -> u64 {
        self.all += usize::from(held.in_all);
        if let Some(address) = held.address {
            self.by_address.entry(address).or_default().count += 1;
        }
        let number = self.next;
        self.next += 1;
        self.held.insert(number, held);
        number
    }

    fn release(&mut self, number: u64) {
        self.anonymous.remove(&number);
        // Nothing is left of a place whose connection was dismissed.
        let Some(Held { address, in_all }) = self.held.remove(&number) else { return };
        self.all -= usize::from(in_all);
        let Some(address) = address else { return };
        match self.by_address.get_mut(&address) {
            Some(here) if 1 < here.count => {
                here.count -= 1;
                here.anonymous.remove(&number);
            }
            _ => {
                self.by_address.remove(&address);
            }
        }
    }

    /// Dismisses the oldest connection, of this address or of any, on which nobody has authenticated, and frees its
    /// place. Whether there was one.
    fn dismiss_oldest(&mut self, address: Option<IpAddr>) -> bool {
        loop {
            let oldest = match address {
                Some(address) => self.by_address.get(&address).and_then(|it| it.anonymous.first()),
                None => self.anonymous.keys().next(),
            };
            let Some(number) = oldest.copied() else { return false };
            let connection = self.anonymous.remove(&number);
            let held = self.held.get(&number).and_then(|it| it.address);
            if let Some(here) = held.and_then(|it| self.by_address.get_mut(&it)) {
                here.anonymous.remove(&number);
            }
            if let Some(connection) = connection.filter(|it| !it.is_authenticated()) {
                connection.dismiss();
                self.release(number);
                return true;
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Nothing between lock and unlock can panic half-way.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.lock().release(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(text: &str) -> Arc<Connection> {
        Connection::new(text.parse().unwrap())
    }

    fn known(text: &str) -> Arc<Connection> {
        let connection = connection(text);
        connection.set_authenticated();
        connection
    }

    fn is_dismissed(connection: &Connection) -> bool {
        use futures::FutureExt;
        connection.dismissed().now_or_never().is_some()
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let caps = Caps::new(3, 2);
        let first = caps.enter(&known("192.0.2.1")).unwrap();
        let _second = caps.enter(&known("::ffff:192.0.2.1")).unwrap();
        assert!(caps.enter(&known("192.0.2.1")).is_none());
        let third = caps.enter(&known("2001:db8::1")).unwrap();
        assert!(caps.enter(&known("192.0.2.2")).is_none());
        drop(first);
        let _fourth = caps.enter(&known("2001:db8::ffff:2")).unwrap();
        drop(third);
        assert!(caps.enter(&known("2001:db8::3")).is_some());
        let counts = caps.shared.lock();
        assert_eq!((counts.by_address.len(), counts.held.len(), counts.all), (2, 2, 2));
    }

    #[test]
    fn the_oldest_that_never_authenticated_makes_room() {
        let caps = Caps::new(3, 3);
        let (known, oldest, newer) = (known("192.0.2.1"), connection("192.0.2.2"), connection("192.0.2.3"));
        let places: Vec<_> = [&known, &oldest, &newer].map(|it| caps.enter(it).unwrap()).into();
        let fourth = connection("192.0.2.4");
        let _fourth = caps.enter(&fourth).unwrap();
        assert_eq!([&known, &oldest, &newer].map(|it| is_dismissed(it)), [false, true, false]);
        // The dismissed one's place is counted off once.
        drop(places);
        assert_eq!(caps.shared.lock().all, 1);
        assert_eq!(caps.shared.lock().anonymous.len(), 1);
    }

    #[test]
    fn an_address_makes_room_for_itself_and_not_for_others() {
        let caps = Caps::new(100, 2);
        let (other, first) = (connection("192.0.2.1"), connection("192.0.2.2"));
        let _places: Vec<_> = [&other, &first, &known("192.0.2.2")].map(|it| caps.enter(it).unwrap()).into();
        let _third = caps.enter(&connection("192.0.2.2")).unwrap();
        assert_eq!((is_dismissed(&other), is_dismissed(&first)), (false, true));
    }

    #[test]
    fn the_last_places_are_for_addresses_with_few() {
        let caps = Caps::new(64, 64);
        let mut places = Vec::new();
        let mut enter = |address: &str| caps.enter(&known(address)).map(|it| places.push(it)).is_some();
        let heavy = (0..64).filter(|_| enter("192.0.2.1")).count();
        assert_eq!(heavy, 56);
        assert!((0..8).all(|_| enter("192.0.2.2")));
        assert!(!enter("192.0.2.3"));
    }

    #[test]
    fn idle_ones_go_while_half_of_the_places_are_taken() {
        let caps = Caps::new(4, 4);
        let (idle, known) = (connection("192.0.2.1"), known("192.0.2.1"));
        let _first = caps.enter(&idle).unwrap();
        let later = Instant::now() + Duration::from_secs(ANONYMOUS_IDLE_SECONDS);
        caps.dismiss_idle(later);
        assert!(!is_dismissed(&idle));
        let _second = caps.enter(&known).unwrap();
        caps.dismiss_idle(later - Duration::from_secs(1));
        assert!(!is_dismissed(&idle));
        caps.dismiss_idle(later);
        assert_eq!((is_dismissed(&idle), is_dismissed(&known)), (true, false));
    }

    #[test]
    fn behind_a_proxy_the_client_is_counted() {
        let caps = Caps::new(2, 1);
        let _proxy = caps.enter_proxy().unwrap();
        let client = known("192.0.2.1");
        let request = caps.enter_proxied(&client, Proxied::Request).unwrap();
        assert!(caps.enter_proxied(&client, Proxied::Socket).is_none());
        assert!(caps.enter_proxied(&known("192.0.2.2"), Proxied::Socket).is_some());
        drop(request);
        assert!(caps.enter_proxied(&client, Proxied::Socket).is_some());
        assert!(caps.enter_proxy().is_some());
    }
}
