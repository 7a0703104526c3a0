//! What a connect with one subscription, a token update and a disconnect cost beside few and beside many listeners of the
//! same object.
//!
//! `cargo bench --bench subscriptions`. The server is the real binary; CPU time of its process by operation, less what it
//! spends on the idle connections in the same time. `BENCH_SERVER` names another binary, `BENCH_LISTENERS` and
//! `BENCH_ROUNDS` another size.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement may fail loudly"
)]

mod measure;

use std::{
    net::{IpAddr, Ipv4Addr},
    ops::Range,
    time::{Duration, Instant},
};

use measure::{
    airlock::{Airlock, directory, token},
    clock,
    crowd::{Acknowledge, Crowd},
    figure::{Figure, setting, verdict},
    frame,
    publisher::Publisher,
    socket::Socket,
};
use serde_json::Value;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Connections from one address: below what the server allows at once.
const PER_ADDRESS: usize = 1_000;
/// Operations of one round.
const OPERATIONS: usize = 100;
const WORDS: [&str; 3] = ["connect", "token update", "disconnect"];

struct Site {
    server: Airlock,
    service: String,
    map: String,
}

fn main() {
    let (few, many) = (10, setting("BENCH_LISTENERS", 10_000, 12_000));
    let rounds = setting("BENCH_ROUNDS", 7, 101);
    let folder = directory();
    let server = Airlock::start(folder.path());
    let service = server.make_service();
    let mut publisher =
        Publisher::new(Socket::open(server.address, HERE, &token(&service, "ada")), "cursors/7/ada");
    // It exists: what does not is judged when it is born.
    let map = publisher.socket().call("GET", "/v3/Maps/rooms%2F7%2Fcursors", &Value::Null);
    let site = Site { map: map["sid"].as_str().unwrap().to_owned(), server, service };
    let mut crowds = vec![site.listeners(0..few)];
    let beside_few = site.measure(few, rounds);
    crowds.push(site.listeners(few..many));
    let beside_many = site.measure(many, rounds);
    assert_eq!(crowds.iter().map(Crowd::gone).sum::<usize>(), 0, "all listeners stand");
    for ((few, many), word) in beside_few.iter().zip(&beside_many).zip(WORDS) {
        let ratio = many.median() / few.median();
        verdict(&format!("{word}, of that beside few"), ratio, "at most 1.1", ratio <= 1.1);
    }
}

impl Site {
    fn listeners(&self, numbers: Range<usize>) -> Crowd {
        let one = |number: usize| {
            let from = IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1 + (number / PER_ADDRESS) as u8));
            self.listener(from, &token(&self.service, &format!("client-{number:05}"))).into_stream()
        };
        Crowd::new(numbers.map(one).collect(), Acknowledge::Together)
    }

    fn listener(&self, from: IpAddr, token: &str) -> Socket {
        let mut socket = Socket::open(self.server.address, from, token);
        socket.watch(&self.map);
        socket
    }

    /// Microseconds of the server's CPU: a connect, a token update, a disconnect.
    fn measure(&self, listeners: usize, rounds: usize) -> [Figure; 3] {
        let tokens: Vec<_> =
            (0..OPERATIONS).map(|it| token(&self.service, &format!("guest-{it:03}"))).collect();
        let idle = self.spent(|| std::thread::sleep(Duration::from_secs(2)), 0.0);
        let mut figures = [Figure::default(), Figure::default(), Figure::default()];
        // The first round warms up.
        for round in 0..=rounds {
            let mut guests = Vec::new();
            let connect = self.spent(|| guests.extend(tokens.iter().map(|it| self.listener(HERE, it))), idle);
            let update = self.spent(|| guests.iter_mut().zip(&tokens).for_each(renew), idle);
            let leave = || {
                guests.clear();
                std::thread::sleep(Duration::from_millis(200));
            };
            let disconnect = self.spent(leave, idle);
            for (figure, spent) in figures.iter_mut().zip([connect, update, disconnect]) {
                if round != 0 {
                    figure.add(spent * 1e6 / OPERATIONS as f64);
                }
            }
        }
        for (figure, word) in figures.iter().zip(WORDS) {
            println!("{listeners} listeners: microseconds of CPU by {word}: {figure:.1}");
        }
        figures
    }

    /// Seconds of the server's CPU, less so many in each second.
    fn spent(&self, act: impl FnOnce(), idle: f64) -> f64 {
        let (before, began) = (clock::process_cpu(self.server.pid()), Instant::now());
        act();
        let spent = (clock::process_cpu(self.server.pid()) - before).as_secs_f64();
        let elapsed = began.elapsed().as_secs_f64();
        if idle == 0.0 { spent / elapsed } else { spent - idle * elapsed }
    }
}

fn renew((socket, token): (&mut Socket, &String)) {
    socket.send(&frame::masked(&format!(r#"{{"id":"TMupdate","method":"update","token":"{token}""#), ""));
    while socket.receive().header["method"] != "reply" {}
}
