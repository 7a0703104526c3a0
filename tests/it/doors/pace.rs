//! How fast one connection over HTTP may ask: counted per request and per byte, whoever asks.

use std::time::Instant;

use super::raw::{HERE, Raw, request};
use crate::support::server::{House, Start};

/// Of a connection on which nobody has authenticated (docs/OPERATING.md).
const ANONYMOUS: (f64, f64) = (100.0, 20.0);

/// Sends all of it at once on one connection, and returns the statuses and the seconds until the last answer.
fn pipelined(port: u16, requests: &str, count: usize) -> (Vec<u16>, f64) {
    let mut connection = Raw::from(HERE, port);
    let began = Instant::now();
    connection.send(requests.as_bytes()).expect("all is taken");
    let statuses = (0..count).map(|_| connection.answer().expect("an answer").status).collect();
    (statuses, began.elapsed().as_secs_f64())
}

#[test]
fn pipelined_requests_keep_a_pace_and_all_are_answered() {
    let house = House::new();
    let start = Start { env: vec![("AIRLOCK_REQUESTS_PER_SECOND", "200".to_owned())], ..Start::default() };
    let server = house.started("data", &start);
    let count = 150;
    let health = request("GET", "/health", &[], "").repeat(count);
    let (statuses, seconds) = pipelined(server.port, &health, count);
    assert_eq!(statuses, vec![200; count]);
    // One is on credit, and the first burst has no wait.
    let least = (count as f64 - ANONYMOUS.1 - 2.0) / ANONYMOUS.0;
    assert!(least <= seconds, "{count} anonymous requests in {seconds} s, at least {least}");

    // Whoever has authenticated has the pace of a socket. The first request is anonymous still.
    let count = 800;
    let backend = format!("Authorization: {}", House::backend());
    let services = request("GET", "/v1/Services", &[&backend], "").repeat(count);
    let (statuses, seconds) = pipelined(server.port, &services, count);
    assert_eq!(statuses, vec![200; count]);
    let least = (count as f64 - 400.0 - 3.0) / 200.0;
    assert!(least <= seconds, "{count} requests in {seconds} s, at least {least}");
}

#[test]
fn the_bytes_of_a_connection_keep_a_pace() {
    let house = House::new();
    let server = house.started("data", &Start::default());
    let backend = format!("Authorization: {}", House::backend());
    let body = "x".repeat(1024 * 1024);
    let mut connection = Raw::from(HERE, server.port);
    let began = Instant::now();
    for _ in 0..28 {
        connection.send(request("POST", "/v1/Services", &[&backend], &body).as_bytes()).expect("it is read");
        assert_eq!(connection.answer().expect("an answer").status, 413);
    }
    // 16 MiB at once, then 8 MiB a second; the last MiB may still be on credit.
    let seconds = began.elapsed().as_secs_f64();
    assert!(11.0 / 8.0 <= seconds, "28 MiB in {seconds} s");
}
