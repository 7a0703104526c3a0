//! Streams of a relay in memory: from below the floor, over several objects, and what one costs.

use std::net::Ipv4Addr;

use futures::StreamExt;

use super::*;
use crate::{
    domain::{
        change::{Change, Expect, Operation},
        data::Input,
        limits::{REPLAY_EVENTS_MAX, TOMBSTONES_MAX},
        name::{Identity, ItemKey},
        object::{Address, ObjectKind, ObjectRef},
        query::Query,
        service::SettingsChange,
        sid::{AccountSid, ServiceSid, Sid},
    },
    policy::PolicySet,
    relay::{Credential, Reading, Receipt, Relay, Settings},
    token::Keys,
};

const PEER: std::net::IpAddr = std::net::IpAddr::V4(Ipv4Addr::LOCALHOST);

struct House {
    door: Arc<Door>,
    backend: Caller,
    client: Caller,
    service: ServiceSid,
    stop: watch::Sender<bool>,
}

impl House {
    async fn new() -> Self {
        let (account, secret): (AccountSid, _) = (Sid::new([1; 16]), "s".repeat(32));
        let keys: Keys = format!("SK{}:{secret}", "1".repeat(32)).parse().unwrap();
        let key = keys.first().unwrap().clone();
        let relay = Relay::start(Settings {
            account,
            auth_token: secret.clone(),
            keys,
            data: None,
            code_of: |_| 0,
            log_identities: crate::relay::LogIdentities::Plain,
            hosted_limits: false,
            policies: PolicySet::empty().into(),
            plain_objects_max: 100,
            plain_bytes_max: 1 << 30,
            memory_max_bytes: 0,
            disk_min_free_bytes: 0,
            erase_within: std::time::Duration::from_secs(24 * 3600),
        })
        .unwrap();
        let user = account.to_string();
        let backend = relay.authenticate(Credential::Basic { user: &user, password: &secret }, PEER).unwrap();
        let operation = Operation::CreateService { default: true, settings: SettingsChange::default() };
        let made = relay.submitted(&backend, change(operation)).await.unwrap();
        let Receipt::Service { head, .. } = made else { panic!("{made:?}") };
        let (service, now) = (head.sid, relay.now());
        let ada = Identity::try_from("ada").unwrap();
        let token = crate::token::mint(&key, account, &service.to_string(), &ada, None, now, 3_600);
        let client = relay.authenticate(Credential::Token(&token), PEER).unwrap();
        let (stop, stopping) = watch::channel(false);
        Self { door: Door::new(relay, "http://h".into(), stopping), backend, client, service, stop }
    }

    async fn map(&self) -> ObjectSid {
        let operation = Operation::Create {
            service: self.service,
            kind: ObjectKind::Map,
            name: None,
            data: Input::empty(),
            ttl: None,
        };
        match self.door.relay.submitted(&self.backend, change(operation)).await.unwrap() {
            Receipt::Object { head, .. } => head.sid,
            other => panic!("{other:?}"),
        }
    }

    fn address(&self, map: ObjectSid) -> Address {
        Address { service: self.service, kind: map.kind, object: ObjectRef::Sid(map) }
    }

    async fn set(&self, map: ObjectSid, key: &str) {
        let operation = Operation::SetItem {
            address: self.address(map),
            item: ItemKey::try_from(key).unwrap().into(),
            expect: Expect::Any,
            data: Some(Input::empty()),
            ttl: None,
            collection_ttl: None,
        };
        self.door.relay.submitted(&self.backend, change(operation)).await.unwrap();
    }

    async fn remove(&self, map: ObjectSid, key: &str) {
        let (address, item) = (self.address(map), ItemKey::try_from(key).unwrap().into());
        let operation = Operation::RemoveItem { address, item };
        self.door.relay.submitted(&self.backend, change(operation)).await.unwrap();
    }

    fn subscriber(&self, maps: &[ObjectSid], since: u64) -> Subscriber {
        let subject = |map: &ObjectSid| {
            let reading = self.door.relay.read(&self.client, &Query::Object(self.address(*map))).unwrap();
            let Reading::Object { head, .. } = reading else { panic!("{reading:?}") };
            Subject::new(String::new(), *head)
        };
        let subjects = maps.iter().map(subject).collect();
        let outbox = Outbox::new(1, "http://h".into(), Vec::new());
        Subscriber::new(Arc::clone(&self.door), self.client.clone(), outbox, subjects, EventId(since))
    }
}

fn change(operation: Operation) -> Change {
    Change { operation, if_match: None, idempotency: None }
}

/// A block, taken apart.
struct Block {
    id: Option<u64>,
    event: String,
    data: serde_json::Value,
}

async fn next(blocks: &mut (impl Stream<Item = Result<Bytes, Infallible>> + Unpin)) -> Option<Block> {
    let block = blocks.next().await?.unwrap();
    let text = std::str::from_utf8(&block).unwrap();
    let line = |name: &str| text.lines().find_map(|it| it.strip_prefix(name));
    Some(Block {
        id: line("id: ").map(|it| it.parse().unwrap()),
        event: line("event: ").unwrap().to_owned(),
        data: serde_json::from_str(line("data: ").unwrap()).unwrap(),
    })
}

/// More removals than are remembered, while the first piece of the replay ends below them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_present_state_comes_whole_from_below_the_floor() {
    let house = House::new().await;
    let map = house.map().await;
    let items = 2 * REPLAY_EVENTS_MAX + 50;
    for item in 0..items {
        house.set(map, &format!("k{item}")).await;
    }
    for _ in 0..=TOMBSTONES_MAX {
        house.set(map, "brief").await;
        house.remove(map, "brief").await;
    }
    let mut blocks = Box::pin(house.subscriber(&[map], 0).into_blocks());
    for item in 0..items {
        let block = next(&mut blocks).await.unwrap();
        assert_eq!(
            (block.event.as_str(), &block.data["item_key"]),
            ("map_item_added", &format!("k{item}").into())
        );
    }
    let established = next(&mut blocks).await.unwrap();
    assert_eq!(established.event, "established");
    house.set(map, "live").await;
    assert_eq!(next(&mut blocks).await.unwrap().data["item_key"], "live");
    // Who has part of it and comes back is told that it has missed removals.
    let mut late = Box::pin(house.subscriber(&[map], 100).into_blocks());
    let failed = next(&mut late).await.unwrap();
    assert_eq!((failed.id, failed.event.as_str(), &failed.data["status"]), (None, "failed", &410.into()));
    assert!(next(&mut late).await.is_none());
    // From another history: everything again, by ids of this one.
    let mut stranger = Box::pin(house.subscriber(&[map], u64::MAX).into_blocks());
    let mut last = 0;
    for _ in 0..=items {
        let block = next(&mut stranger).await.unwrap();
        assert!(last < block.id.unwrap());
        last = block.id.unwrap();
    }
    let established = next(&mut stranger).await.unwrap();
    assert_eq!((established.event.as_str(), established.id), ("established", Some(last)));
    house.door.relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_objects_come_in_one_order_and_can_be_resumed_anywhere() {
    let house = House::new().await;
    let maps = [house.map().await, house.map().await, house.map().await];
    for item in 0..REPLAY_EVENTS_MAX + 30 {
        for map in maps.iter().take(2) {
            house.set(*map, &format!("k{item}")).await;
        }
    }
    let (mut last, mut seen, mut connections) = (0, std::collections::BTreeSet::new(), 0);
    let established = loop {
        connections += 1;
        let mut blocks = Box::pin(house.subscriber(&maps, last).into_blocks());
        let mut end = None;
        for patience in 0..90 * connections {
            let block = next(&mut blocks).await.unwrap();
            if block.event == "established" {
                end = Some(block);
                break;
            }
            assert!(last < block.id.unwrap());
            last = block.id.unwrap();
            seen.insert((block.data["map_sid"].to_string(), block.data["item_key"].to_string()));
            if patience % 10 == 0 && connections < 4 {
                house.set(maps[2], "busy").await;
            }
        }
        if let Some(end) = end {
            break end;
        }
    };
    assert!(2 < connections, "{connections}");
    assert_eq!(seen.len(), 2 * (REPLAY_EVENTS_MAX + 30) + 1);
    assert_eq!(established.id, Some(last));
    assert_eq!(established.data["objects"].as_array().unwrap().len(), 3);
    house.door.relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_at_shutdown_and_is_small() {
    let house = House::new().await;
    let map = house.map().await;
    let blocks = house.subscriber(&[map], 0).into_blocks();
    assert!(size_of_val(&blocks) <= 1024, "{}", size_of_val(&blocks));
    let mut blocks = Box::pin(blocks);
    assert_eq!(next(&mut blocks).await.unwrap().event, "established");
    let ended = tokio::spawn(async move { next(&mut blocks).await.is_none() });
    house.stop.send_replace(true);
    assert!(ended.await.unwrap());
    house.door.relay.stop().await;
}
