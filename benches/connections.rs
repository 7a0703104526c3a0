//! What an idle connection with two subscriptions holds in the server's memory.
//!
//! `cargo bench --bench connections`. The server is the real binary; each client opens a socket, finds the map of
//! the lobby and the map of its own room, and watches both. `RssAnon` of the server's process, as a difference.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement may fail loudly"
)]

mod measure;

use std::net::{IpAddr, Ipv4Addr};

use measure::{
    airlock::{Airlock, directory, token},
    clock,
    crowd::{Acknowledge, Crowd},
    figure::{setting, verdict},
    socket::Socket,
};
use serde_json::Value;

/// Connections from one address: below what the server allows at once.
const PER_ADDRESS: usize = 1_000;
/// Connections that are there before the measurement: the runtime has its buffers then.
const WARM: usize = 200;

fn main() {
    let connections = setting("BENCH_CONNECTIONS", 10_000, 12_000);
    let folder = directory();
    let server = Airlock::start(folder.path());
    let service = server.make_service();
    let mut crowds = vec![open(&server, &service, 0..WARM)];
    let before = clock::resident_anon(server.pid());
    println!("{WARM} connections: {} KiB in all", before / 1024);
    let mut last = 0.0;
    for quarter in 0..4 {
        let (from, to) = (connections * quarter / 4, connections * (quarter + 1) / 4);
        crowds.push(open(&server, &service, WARM + from..WARM + to));
        let held = clock::resident_anon(server.pid()) - before;
        last = held as f64 / 1024.0 / to as f64;
        println!("{to} more connections: {last:.2} KiB each");
    }
    let gone: usize = crowds.iter().map(Crowd::gone).sum();
    assert_eq!(gone, 0, "all connections stand");
    verdict("KiB by idle connection", last, "at most 8", last <= 8.0);
}

fn open(server: &Airlock, service: &str, numbers: std::ops::Range<usize>) -> Crowd {
    let one = |number: usize| {
        let from = IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1 + (number / PER_ADDRESS) as u8));
        let token = token(service, &format!("client-{number:05}"));
        let mut socket = Socket::open(server.address, from, &token);
        for room in ["lobby".to_owned(), format!("{number:05}")] {
            let map = socket.call("GET", &format!("/v3/Maps/rooms%2F{room}%2Fcursors"), &Value::Null);
            socket.watch(map["sid"].as_str().unwrap());
        }
        socket.into_stream()
    };
    // The crowd answers the server's pings.
    Crowd::new(numbers.map(one).collect(), Acknowledge::Together)
}
