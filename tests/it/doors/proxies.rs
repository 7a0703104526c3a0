//! Whose address it is behind a proxy: what a trusted proxy says of the client holds for limits, caps and logs; what
//! anybody else says does not.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::raw::{HERE, Raw, request};
use crate::support::server::{House, Server, Start};

/// The proxy that is trusted.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn behind_proxies(more: &[(&'static str, &str)]) -> Start {
    let trusted = ("AIRLOCK_TRUSTED_PROXIES", "127.0.0.2/31,10.0.0.0/8");
    let env = [trusted].iter().chain(more).map(|(name, value)| (*name, (*value).to_owned())).collect();
    Start { env, ..Start::default() }
}

/// A header of the PROXY protocol, version 2, for this client.
fn proxy_header(client: Ipv4Addr) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend(client.octets());
    header.extend([127, 0, 0, 2, 0x12, 0x67, 0, 80]);
    header
}

/// The addresses of all refused connections, as they were logged.
fn refused_peers(server: &Server) -> Vec<String> {
    let peer = |line: &str| {
        let line: Value = serde_json::from_str(line).ok()?;
        (line["message"] == "connection refused").then(|| line["peer.addr"].as_str().map(str::to_owned))?
    };
    server.said().lines().filter_map(peer).collect()
}

/// Sends an `init` that is refused, and waits for the answer.
fn refused_init(mut connection: Raw, headers: &[&str]) {
    let head = connection.upgrade(headers).expect("a head");
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    connection.init("no token").expect("it is taken");
    let (_, reply) = connection.frame().expect("a reply");
    assert!(String::from_utf8_lossy(&reply).contains("UNAUTHORIZED"));
}

#[test]
fn logs_name_the_client_that_a_trusted_proxy_names() {
    let house = House::new();
    let server = house.started("data", &behind_proxies(&[]));
    let from = |address| Raw::from(address, server.port);
    let client = Ipv4Addr::new(192, 0, 2, 7);
    let with_header = |address, client| {
        let mut connection = from(address);
        connection.send(&proxy_header(client)).expect("it is taken");
        connection
    };
    let cases: [(Raw, &[&str], &str); 7] = [
        (from(PROXY), &["X-Forwarded-For: 203.0.113.1, 192.0.2.1"], "192.0.2.1"),
        (from(PROXY), &["X-Forwarded-For: 192.0.2.2, 10.1.2.3"], "192.0.2.2"),
        (from(PROXY), &[], "127.0.0.2"),
        (from(HERE), &["X-Forwarded-For: 192.0.2.3"], "127.0.0.1"),
        (with_header(PROXY, client), &[], "192.0.2.7"),
        // What the client of a load balancer writes itself counts for nothing.
        (with_header(PROXY, client), &["X-Forwarded-For: 192.0.2.4"], "192.0.2.7"),
        // Behind the load balancer is a proxy that is trusted, too.
        (with_header(PROXY, Ipv4Addr::new(10, 0, 0, 9)), &["X-Forwarded-For: 192.0.2.5"], "192.0.2.5"),
    ];
    let mut expected = Vec::new();
    for (connection, headers, peer) in cases {
        refused_init(connection, headers);
        expected.push(peer.to_owned());
    }
    // The log is written by a thread of its own: at the end it is whole.
    let end = server.terminate();
    let peer = |line: &str| {
        let line: Value = serde_json::from_str(line).ok()?;
        (line["message"] == "connection refused").then(|| line["peer.addr"].as_str().map(str::to_owned))?
    };
    assert_eq!(end.said.lines().filter_map(peer).collect::<Vec<_>>(), expected);
}

#[test]
fn the_proxy_protocol_is_for_trusted_proxies() {
    let house = House::new();
    let server = house.started("data", &behind_proxies(&[]));
    let health = request("GET", "/health", &[], "");
    let answered = |address, first: &[u8]| {
        let mut connection = Raw::from(address, server.port);
        connection.send(&[first, health.as_bytes()].concat()).expect("it is taken");
        connection.answer().map(|it| it.status).ok()
    };
    let header = proxy_header(Ipv4Addr::new(192, 0, 2, 1));
    assert_eq!(answered(PROXY, &header), Some(200));
    assert_eq!(answered(PROXY, b""), Some(200));
    assert_eq!(answered(HERE, &header), Some(400));
    // A probe of the load balancer itself; version 1; a header that is longer than any is.
    assert_eq!(answered(PROXY, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"), Some(200));
    assert_eq!(answered(PROXY, b"PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n"), Some(400));
    assert_eq!(answered(PROXY, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"), None);
    // In pieces.
    let mut connection = Raw::from(PROXY, server.port);
    for byte in header.iter().chain(health.as_bytes()) {
        connection.send(&[*byte]).expect("it is taken");
    }
    assert_eq!(connection.answer().expect("an answer").status, 200);
    assert!(refused_peers(&server).is_empty());
}

#[test]
fn caps_count_the_client_and_not_the_proxy() {
    let house = House::new();
    let server = house.started("data", &behind_proxies(&[("AIRLOCK_CONNECTIONS_PER_ADDRESS", "2")]));
    let made = server.post("/v1/Services", "");
    let service = made.body["sid"].as_str().expect("a SID").to_owned();
    server.post(&format!("/v1/Services/{service}/Documents"), "UniqueName=quiet&Data={}");
    let token = format!("Authorization: {}", house.client(&service, "ada"));
    let stream = |client: &str| {
        let mut connection = Raw::from(PROXY, server.port);
        let header = format!("X-Forwarded-For: {client}");
        connection.ask("GET", "/v3/Documents/quiet/events", &[&token, &header]).expect("it is taken");
        let status = connection.head().expect("a head")[9..12].to_owned();
        (status, connection)
    };
    let (first, second) = (stream("192.0.2.1"), stream("192.0.2.1"));
    assert_eq!((&*first.0, &*second.0), ("200", "200"));
    assert_eq!(stream("192.0.2.1").0, "503");
    let others: Vec<_> = (2..8).map(|it| stream(&format!("192.0.2.{it}"))).collect();
    assert!(others.iter().all(|it| it.0 == "200"), "other clients of the proxy have places of their own");
    // Nobody can take the places of a client by naming it.
    let mut spoofing = Raw::from(HERE, server.port);
    spoofing
        .ask("GET", "/v3/Documents/quiet/events", &[&token, "X-Forwarded-For: 192.0.2.1"])
        .expect("it is taken");
    assert!(spoofing.head().expect("a head").starts_with("HTTP/1.1 200"));
    drop((first, second));
    // The places are free once the server has seen the ends; each look waits for a whole answer.
    let free = (0..500).any(|_| stream("192.0.2.1").0 == "200");
    assert!(free, "a client that has left has its places back");
}

#[test]
fn rates_count_the_client_and_not_the_proxy() {
    let house = House::new();
    let server = house.started("data", &behind_proxies(&[("AIRLOCK_REQUESTS_PER_SECOND", "5")]));
    let mut connection = Raw::from(PROXY, server.port);
    let mut asked = |client: &str| {
        let header = format!("X-Forwarded-For: {client}");
        connection.answer_to("GET", "/health", &[&header]).expect("an answer").status
    };
    // Ten at once, and five a second: of 100 some are refused, unless they take as long as 18 seconds.
    let statuses: Vec<_> = (0..100).map(|_| asked("192.0.2.1")).collect();
    assert!(statuses[..10].iter().all(|it| *it == 200));
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(asked("192.0.2.2"), 200, "another client of the same connection");
}
