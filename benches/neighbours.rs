//! What one hostile neighbour costs the others: the p50 of an honest client's gated writes, alone and beside each attack.
//!
//! `cargo bench --bench neighbours`. The server is the real binary with its default limits; attackers are threads of
//! the bench that send as fast as the server lets them and read every answer. So they use the same two cores, and the
//! ratio is an upper bound of what the server itself lets through. `BENCH_ONLY=reads` takes one attack.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement may fail loudly"
)]

mod measure;

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use measure::{
    airlock::{Airlock, directory, token},
    figure::{Figure, setting, verdict},
    frame,
    socket::Socket,
};
use serde_json::{Value, json};

const HONEST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const HOSTILE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 66));
/// Times the p50 of an undisturbed client: what the issue of order and reads asks for.
const RATIO_MAX: f64 = 3.0;

/// An attack: its name, and what each of its threads does until it is told to stop.
type Attack = (&'static str, usize, fn(&World, &AtomicBool));

struct World {
    address: SocketAddr,
    service: String,
    /// A map with a hundred items of 15 KB, of the attacker.
    map: String,
    document: String,
}

fn main() {
    let (rounds, writes) = (setting("BENCH_ROUNDS", 5, 50), setting("BENCH_WRITES", 400, 10_000));
    let only = std::env::var("BENCH_ONLY").ok();
    let folder = directory();
    let server = Airlock::start_with(folder.path(), &["--log", "info"]);
    let world = Arc::new(World::new(&server));
    let mut honest = Socket::open(server.address, HONEST, &token(&world.service, "ada"));
    let own = json!({ "unique_name": "cursors/7/ada", "data": { "x": 1, "y": 1 } });
    let path = honest.call("POST", "/v3/Documents", &own)["sid"].as_str().unwrap().to_owned();
    let path = format!("/v3/Documents/{path}");
    let attacks: [Attack; 3] =
        [("reads", 2, reads_behind_writes), ("batches", 2, batches), ("anonymous", 8, pipelined_requests)];
    for (name, threads, attack) in
        attacks.into_iter().filter(|it| only.as_deref().is_none_or(|only| only == it.0))
    {
        let (mut quiet, mut busy, mut ratio) = (Figure::default(), Figure::default(), Figure::default());
        let before = resident_kib(server.pid());
        let mut peak = before;
        for _ in 0..rounds {
            let alone = p50(&mut honest, &path, writes);
            let stop = Arc::new(AtomicBool::new(false));
            let attackers: Vec<_> = (0..threads)
                .map(|_| {
                    let (world, stop) = (world.clone(), stop.clone());
                    std::thread::spawn(move || attack(&world, &stop))
                })
                .collect();
            let beside = p50(&mut honest, &path, writes);
            peak = peak.max(resident_kib(server.pid()));
            stop.store(true, Ordering::Relaxed);
            attackers.into_iter().for_each(|it| it.join().unwrap());
            quiet.add(alone);
            busy.add(beside);
            ratio.add(beside / alone);
        }
        println!(
            "{name}, {threads} connections: p50 {busy:.0} microseconds beside it, {quiet:.0} alone; ratio {ratio:.2}"
        );
        println!("  resident memory: {before} KiB before, {peak} KiB at the most");
        verdict("p50 of the others", ratio.median(), "at most 3", ratio.median() <= RATIO_MAX);
    }
}

impl World {
    fn new(server: &Airlock) -> Self {
        let service = server.make_service();
        let mut socket = Socket::open(server.address, HOSTILE, &token(&service, "eve"));
        let map = socket.call("POST", "/v3/Maps", &json!({ "unique_name": "eve" }));
        let map = map["sid"].as_str().unwrap().to_owned();
        for number in 0..100 {
            let item = json!({ "key": format!("k{number}"), "data": { "text": "x".repeat(15_000) } });
            socket.call("POST", &format!("/v3/Maps/{map}/Items"), &item);
        }
        let document = socket.call("POST", "/v3/Documents", &json!({ "data": {} }));
        let document = document["sid"].as_str().unwrap().to_owned();
        Self { address: server.address, service, map, document }
    }

    fn socket(&self) -> Socket {
        Socket::open(self.address, HOSTILE, &token(&self.service, "eve"))
    }
}

/// The p50 of so many writes, one at a time, in microseconds.
fn p50(socket: &mut Socket, path: &str, writes: usize) -> f64 {
    let mut times = Figure::default();
    for number in 0..writes {
        let began = Instant::now();
        socket.call("POST", path, &json!({ "data": { "x": number % 1_000, "y": 7 } }));
        times.add(began.elapsed().as_secs_f64() * 1e6);
    }
    times.median()
}

/// A page of 128 KiB behind each write of a few bytes.
fn reads_behind_writes(world: &World, stop: &AtomicBool) {
    let mut socket = world.socket();
    let items = format!("/v3/Maps/{}/Items", world.map);
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut bytes = Vec::new();
        for _ in 0..16 {
            number += 2;
            let body = format!(r#"{{"data":{{"n":{number}}}}}"#);
            bytes.extend(frame::request(number, "POST", &format!("/v3/Documents/{}", world.document), &body));
            bytes.extend(frame::request(number + 1, "GET", &items, ""));
        }
        socket.send(&bytes);
        let mut answers = 0;
        while answers < 32 {
            answers += socket.count();
        }
    }
}

/// A hundred subscriptions in each request.
fn batches(world: &World, stop: &AtomicBool) {
    let mut socket = world.socket();
    let entries: Vec<Value> = (0..100_u64)
        .map(|it| json!({ "object_sid": format!("MP{it:032x}"), "object_type": "map", "last_event_id": 0 }))
        .collect();
    let mut number = 1_000_000;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let body = json!({
            "event_protocol_version": 4, "action": "establish", "correlation_id": number,
            "retried_requests": 0, "ttl_in_s": -1, "requests": entries,
        });
        socket.send(&frame::request(number, "POST", "/v4/Subscriptions", &body.to_string()));
        socket.count();
    }
}

/// Requests without a token, one behind the other on each connection.
fn pipelined_requests(world: &World, stop: &AtomicBool) {
    let request = format!("GET /v3/Maps/eve HTTP/1.1\r\nHost: {}\r\n\r\n", world.address);
    let burst = request.repeat(64);
    let mut stream = TcpStream::connect(world.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut buffer = [0; 64 * 1024];
    while !stop.load(Ordering::Relaxed) {
        // A server may close whoever asks too much: the attacker comes again.
        let sent = stream.write_all(burst.as_bytes()).is_ok();
        if !sent || matches!(stream.read(&mut buffer), Ok(0)) {
            stream = TcpStream::connect(world.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        }
    }
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
