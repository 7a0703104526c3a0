//! How often one address may connect: judged before anything else is done for a connection.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    time::Duration,
};

use governor::Quota;
use tokio::time::Instant;

use crate::domain::{
    buckets::Buckets,
    limits::{CONNECT_KEYS_MAX, CONNECTS_BURST_SECONDS, LOGGED_ADDRESSES_MAX},
    network::network,
};

/// How long an address that was logged is only counted.
const PAUSE: Duration = Duration::from_secs(60);

/// The rates at which addresses connect to one listener.
pub struct Connects {
    quota: Option<Quota>,
    since: Instant,
    hash: RandomState,
    buckets: Buckets,
    closed: HashMap<IpAddr, Closed>,
    /// Connections of addresses for which there was no room above.
    others: u64,
}

/// What was closed of one address, and not told yet.
struct Closed {
    told: Instant,
    connections: u64,
}

/// Whether a connection may be taken in.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry {
    /// It may.
    Open,
    /// It must be closed; the notice, if one is due.
    Closed(Option<Notice>),
}

/// What is logged of connections that were closed.
#[derive(Debug, PartialEq, Eq)]
pub struct Notice {
    /// Their address (of IPv6 the /64); `None` for many others.
    pub address: Option<IpAddr>,
    /// How many they were.
    pub connections: u64,
}

impl Connects {
    /// So many per second of one address, and ten times as many at once; 0 is no limit.
    pub fn new(per_second: u32, now: Instant) -> Self {
        let burst = |it: NonZeroU32| it.saturating_mul(CONNECTS_BURST_SECONDS);
        Self {
            quota: NonZeroU32::new(per_second).map(|it| Quota::per_second(it).allow_burst(burst(it))),
            since: now,
            hash: RandomState::new(),
            buckets: Buckets::new(CONNECT_KEYS_MAX, CONNECT_KEYS_MAX),
            closed: HashMap::new(),
            others: 0,
        }
    }

    /// Judges one connection.
    pub fn enter(&mut self, peer: IpAddr, now: Instant) -> Entry {
        let Some(quota) = self.quota else { return Entry::Open };
        let address = network(peer);
        let at = u64::try_from((now - self.since).as_nanos()).unwrap_or(u64::MAX);
        if self.buckets.take(self.hash.hash_one(address), None, NonZeroU32::MIN, quota, at).is_ok() {
            return Entry::Open;
        }
        if let Some(closed) = self.closed.get_mut(&address) {
            closed.connections += 1;
            return Entry::Closed(None);
        }
        if LOGGED_ADDRESSES_MAX <= self.closed.len() {
            self.others += 1;
            return Entry::Closed(None);
        }
        self.closed.insert(address, Closed { told: now, connections: 0 });
        Entry::Closed(Some(Notice { address: Some(address), connections: 1 }))
    }

    /// What has gathered since it was last told, of each address at most once a minute; called now and then.
    pub fn notices(&mut self, now: Instant) -> Vec<Notice> {
        let mut notices = Vec::new();
        self.closed.retain(|address, closed| {
            if now < closed.told + PAUSE {
                return true;
            }
            let connections = std::mem::take(&mut closed.connections);
            closed.told = now;
            if 0 < connections {
                notices.push(Notice { address: Some(*address), connections });
            }
            0 < connections
        });
        let others = std::mem::take(&mut self.others);
        if 0 < others {
            notices.push(Notice { address: None, connections: others });
        }
        notices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(address: Option<&str>, connections: u64) -> Notice {
        Notice { address: address.map(|it| it.parse().unwrap()), connections }
    }

    #[test]
    fn each_address_has_its_burst_and_its_rate() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut connects = Connects::new(10, start);
        let mut enter = |peer: &str, now| connects.enter(peer.parse().unwrap(), now);
        for _ in 0..50 {
            assert_eq!(enter("2001:db8::1", start), Entry::Open);
            assert_eq!(enter("2001:db8::ffff:1", start), Entry::Open);
        }
        assert!(matches!(enter("2001:db8::2", start), Entry::Closed(_)));
        assert_eq!(enter("2001:db8:0:1::1", start), Entry::Open);
        assert!(matches!(enter("2001:db8::3", at(99)), Entry::Closed(_)));
        assert_eq!(enter("2001:db8::4", at(100)), Entry::Open);
        for _ in 0..100 {
            assert_eq!(enter("192.0.2.1", start), Entry::Open);
        }
        assert!(matches!(enter("::ffff:192.0.2.1", start), Entry::Closed(_)));
        assert_eq!(Connects::new(0, start).enter([192, 0, 2, 1].into(), start), Entry::Open);
    }

    #[test]
    fn an_address_is_logged_once_a_minute_with_a_count() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut connects = Connects::new(1, start);
        let peer: IpAddr = [192, 0, 2, 1].into();
        let outcomes: Vec<_> = (0..100).map(|_| connects.enter(peer, start)).collect();
        assert_eq!(outcomes.iter().filter(|it| **it == Entry::Open).count(), 10);
        assert_eq!(outcomes[10], Entry::Closed(Some(notice(Some("192.0.2.1"), 1))));
        assert!(outcomes[11..].iter().all(|it| *it == Entry::Closed(None)));
        assert_eq!(connects.notices(at(59)), []);
        assert_eq!(connects.notices(at(60)), [notice(Some("192.0.2.1"), 89)]);
        assert_eq!(connects.notices(at(61)), []);
        // Quiet for a minute, it is forgotten.
        assert_eq!(connects.notices(at(120)), []);
        assert!(connects.closed.is_empty());
    }

    #[test]
    fn what_is_remembered_of_addresses_is_bounded() {
        let start = Instant::now();
        let mut connects = Connects::new(1, start);
        for number in 0..200_000_u32 {
            for _ in 0..if number < 2_000 { 11 } else { 1 } {
                connects.enter(IpAddr::V4(number.into()), start);
            }
        }
        assert_eq!((connects.buckets.len(), connects.closed.len()), (CONNECT_KEYS_MAX, LOGGED_ADDRESSES_MAX));
        let told: u64 = connects.notices(start).iter().map(|it| it.connections).sum();
        assert_eq!(told, (200_000 - CONNECT_KEYS_MAX + 2_000 - LOGGED_ADDRESSES_MAX) as u64);
        let later = start + Duration::from_secs(1);
        assert_eq!(connects.enter([255, 0, 0, 1].into(), later), Entry::Open);
    }
}
