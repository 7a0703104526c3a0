//! How many connections there may be: in all, and of one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::domain::network::network;

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
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection's place among the counts; it is free again when this is dropped.
pub struct Place {
    shared: Arc<Shared>,
    address: IpAddr,
}

impl Caps {
    /// At most so many in all, and of one address.
    pub fn new(all_max: usize, per_address_max: usize) -> Self {
        Self { shared: Arc::new(Shared { all_max, per_address_max, counts: Mutex::default() }) }
    }

    /// A place for a connection from this address, if there is one.
    pub fn enter(&self, peer: IpAddr) -> Option<Place> {
        let address = network(peer);
        let mut counts = self.shared.lock();
        let here = counts.by_address.get(&address).copied().unwrap_or(0);
        if self.shared.all_max <= counts.all || self.shared.per_address_max <= here {
            return None;
        }
        counts.all += 1;
        counts.by_address.insert(address, here + 1);
        Some(Place { shared: Arc::clone(&self.shared), address })
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
        let mut counts = self.shared.lock();
        counts.all = counts.all.saturating_sub(1);
        match counts.by_address.get_mut(&self.address) {
            Some(here) if 1 < *here => *here -= 1,
            _ => {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let caps = Caps::new(3, 2);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = caps.enter(address("192.0.2.1")).unwrap();
        let _second = caps.enter(address("::ffff:192.0.2.1")).unwrap();
        assert!(caps.enter(address("192.0.2.1")).is_none());
        let third = caps.enter(address("2001:db8::1")).unwrap();
        assert!(caps.enter(address("192.0.2.2")).is_none());
        drop(first);
        let _fourth = caps.enter(address("2001:db8::ffff:2")).unwrap();
        drop(third);
        assert!(caps.enter(address("2001:db8::3")).is_some());
        assert_eq!(caps.shared.lock().by_address.len(), 2);
    }
}
