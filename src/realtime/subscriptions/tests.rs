//! Which entries are taken, in which order they are served, and what one slice is.

use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::{
    domain::{
        change::{Change, Operation},
        name::Identity,
        service::SettingsChange,
        sid::{AccountSid, Sid},
    },
    policy::PolicySet,
    relay::{Credential, LogIdentities, Receipt, Settings},
    token::Keys,
};

fn sid(kind: ObjectKind, number: u128) -> ObjectSid {
    ObjectSid { kind, bytes: number.to_be_bytes() }
}

#[test]
fn one_connection_watches_so_many_objects_and_no_more() {
    let mut all = Subscriptions::default();
    for number in 0..SUBSCRIPTIONS_MAX as u128 {
        assert!(all.remember(sid(ObjectKind::Map, number)).is_ok());
    }
    assert!(all.remember(sid(ObjectKind::Map, 1)).is_ok());
    assert_eq!(all.remember(sid(ObjectKind::Document, 1)), Err(Reason::TooManySubscriptions));
    all.forget(sid(ObjectKind::Map, 7));
    assert!(all.remember(sid(ObjectKind::Document, 1)).is_ok());
}

#[test]
fn only_what_exists_can_be_watched() {
    let map = sid(ObjectKind::Map, 1);
    assert_eq!(watchable(&map.to_string(), "map"), Ok(map));
    assert!(matches!(watchable(&map.to_string(), "document"), Err(Reason::NotFound(_))));
    assert!(matches!(watchable("MP1", "map"), Err(Reason::NotFound(_))));
    let stream = sid(ObjectKind::Stream, 1);
    assert_eq!(watchable(&stream.to_string(), "stream"), Ok(stream));
    assert_eq!(watchable(&map.to_string(), "live_query"), Err(Reason::LiveQuery));
}

/// An outlet, the other end of its socket, and a relay with one client.
pub async fn line() -> (Arc<Outbox>, TcpStream, Relay, Caller) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (peer, accepted) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let stream = accepted.unwrap().0;
    stream.writable().await.unwrap();
    let (account, secret): (AccountSid, _) = (Sid::new([1; 16]), "s".repeat(32));
    let keys: Keys = format!("SK{}:{secret}", "1".repeat(32)).parse().unwrap();
    let key = keys.first().unwrap().clone();
    let relay = Relay::start(Settings {
        account,
        auth_token: secret.clone(),
        keys,
        data: None,
        code_of: |_| 0,
        log_identities: LogIdentities::Plain,
        hosted_limits: false,
        policies: PolicySet::empty().into(),
        plain_objects_max: 1,
        plain_bytes_max: 1,
        memory_max_bytes: 0,
        erase_within: std::time::Duration::from_secs(24 * 3_600),
        disk_min_free_bytes: 0,
    })
    .unwrap();
    let here = Ipv4Addr::LOCALHOST.into();
    let user = account.to_string();
    let backend = relay.authenticate(Credential::Basic { user: &user, password: &secret }, here).unwrap();
    let operation = Operation::CreateService { default: true, settings: SettingsChange::default() };
    let change = Change { operation, if_match: None, idempotency: None };
    let made = relay.submitted(&backend, change).await.unwrap();
    let Receipt::Service { head, .. } = made else { panic!("{made:?}") };
    let ada = Identity::try_from("ada").unwrap();
    let token = crate::token::mint(&key, account, &head.sid.to_string(), &ada, None, relay.now(), 3_600);
    let client = relay.authenticate(Credential::Token(&token), here).unwrap();
    (Outbox::new(1, stream, "http://h".into()), peer.unwrap(), relay, client)
}

fn request(action: &str, correlation: u64, objects: impl Iterator<Item = ObjectSid>) -> Vec<u8> {
    let entry =
        |it: ObjectSid| serde_json::json!({"object_sid": it.to_string(), "object_type": it.kind.as_str()});
    let requests: Vec<_> = objects.map(entry).collect();
    serde_json::json!({"action": action, "correlation_id": correlation, "requests": requests})
        .to_string()
        .into_bytes()
}

fn maps(count: usize) -> impl Iterator<Item = ObjectSid> {
    (0..count as u128).map(|it| sid(ObjectKind::Map, it))
}

/// What has come, as the types of the notifications with their correlations.
fn told(peer: &TcpStream) -> Vec<(String, u64)> {
    let (mut bytes, mut part) = (Vec::new(), vec![0; 1 << 20]);
    while let Ok(read) = peer.try_read(&mut part)
        && read != 0
    {
        bytes.extend_from_slice(&part[..read]);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let notices = text.split("{\"event_type\":\"").skip(1);
    let one = |it: &str| {
        let correlation = it.split("\"correlation_id\":").nth(1).unwrap();
        let correlation = correlation.split(|it: char| !it.is_ascii_digit()).next().unwrap();
        (it.split('"').next().unwrap().to_owned(), correlation.parse().unwrap())
    };
    notices.map(one).collect()
}

#[tokio::test]
async fn a_request_is_served_in_slices_of_one_flush_each() {
    let (outbox, peer, relay, caller) = line().await;
    let mut all = Subscriptions::default();
    assert_eq!(all.take(&request("establish", 7, maps(SUBSCRIPTION_BATCH_MAX)), &outbox).status, 202);
    assert_eq!(all.take_uncharged() as usize, SUBSCRIPTION_BATCH_MAX);
    assert!(all.is_full() && all.can_serve(&outbox));
    let (mut slices, mut notices) = (0, 0);
    while all.can_serve(&outbox) {
        all.serve(&relay, &caller, &outbox);
        assert_ne!(outbox.waiting_bytes(), 0, "nothing leaves before the caller flushes");
        outbox.flush();
        peer.readable().await.unwrap();
        // What one writev took not.
        while outbox.waiting_bytes() != 0 {
            outbox.stream().writable().await.unwrap();
            outbox.resume();
        }
        notices += told(&peer).len();
        slices += 1;
    }
    assert_eq!(slices, SUBSCRIPTION_BATCH_MAX / SUBSCRIPTION_SLICE);
    assert!(notices <= SUBSCRIPTION_BATCH_MAX && 0 < notices, "{notices}");
    assert!(!all.is_full() && all.len() == 0, "all of them were refused");
    relay.stop().await;
}

#[tokio::test]
async fn one_more_than_a_request_may_have_refuses_it_whole() {
    let (outbox, _peer, relay, _) = line().await;
    let mut all = Subscriptions::default();
    let reply = all.take(&request("establish", 7, maps(SUBSCRIPTION_BATCH_MAX + 1)), &outbox);
    assert_eq!((reply.status, all.len(), all.is_full()), (400, 0, false));
    assert_eq!(all.take_uncharged() as usize, SUBSCRIPTION_BATCH_MAX + 1, "it was read all the same");
    relay.stop().await;
}

#[tokio::test]
async fn what_was_replaced_or_canceled_while_it_waited_is_not_served() {
    let (outbox, peer, relay, caller) = line().await;
    let mut all = Subscriptions::default();
    let one = || std::iter::once(sid(ObjectKind::Map, 1));
    for (action, correlation) in [("establish", 1), ("establish", 2), ("cancel", 3), ("establish", 4)] {
        assert_eq!(all.take(&request(action, correlation, one()), &outbox).status, 202);
    }
    while all.can_serve(&outbox) {
        all.serve(&relay, &caller, &outbox);
    }
    outbox.flush();
    peer.readable().await.unwrap();
    let expected = [("subscription_canceled", 3), ("subscription_failed", 4)];
    assert_eq!(told(&peer), expected.map(|(what, correlation)| (what.to_owned(), correlation)));
    relay.stop().await;
}
