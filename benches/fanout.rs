//! What telling one event to many subscribers costs the server, beside a bare TCP program that moves the same bytes.
//!
//! `cargo bench --bench fanout`. The server is the real binary with its store on the disk; a client sets its
//! private object, 1,000 sockets watch the shared map and acknowledge. CPU time of the server's process by delivery,
//! one write at a time and 32 in flight, in turns with the bare program. `BENCH_ONLY=Together/32` takes
//! one way of acknowledging (`Together`, `Apart`, `Never`) and one window; `BENCH_ROUNDS` and `BENCH_SUBSCRIBERS`
//! another size.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement may fail loudly"
)]

mod measure;

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use measure::{
    airlock::{Airlock, directory, token},
    bare::{self, Bare, Driver, Lengths},
    clock,
    crowd::{Acknowledge, Crowd},
    figure::{Figure, setting, verdict},
    frame,
    publisher::Publisher,
    socket::Socket,
};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// One of the two that are compared: who publishes, who hears, whose CPU is counted.
struct Side {
    pid: u32,
    publisher: Publisher,
    crowd: Crowd,
    subscribers: usize,
}

impl Side {
    /// Microseconds of the server's CPU by delivery.
    fn round(&mut self, writes: usize, window: usize) -> f64 {
        let (told, subscribers) = (self.crowd.delivered(), self.subscribers as u64);
        let before = clock::process_cpu(self.pid);
        let crowd = &self.crowd;
        self.publisher.stream(writes, window, |answered| {
            // So that no subscriber falls behind and what waits is what was asked for.
            let behind = if window == 1 { 0 } else { window };
            crowd.wait(told + answered.saturating_sub(behind) as u64 * subscribers);
        });
        crowd.wait(told + writes as u64 * subscribers);
        // The last acknowledgements are read, too.
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(crowd.gone(), 0, "no subscriber was cut");
        let spent = clock::process_cpu(self.pid) - before;
        spent.as_secs_f64() * 1e6 / (writes * self.subscribers) as f64
    }
}

fn main() {
    if bare::run_if_asked() {
        return;
    }
    let subscribers = setting("BENCH_SUBSCRIBERS", 1_000, 4_000);
    let rounds = setting("BENCH_ROUNDS", 7, 101);
    let only = std::env::var("BENCH_ONLY").unwrap_or_default();
    let folder = directory();
    let server = Airlock::start(folder.path());
    for how in [Acknowledge::Together, Acknowledge::Apart, Acknowledge::Never] {
        let wanted: Vec<_> = [(100, 1), (960, 32)]
            .into_iter()
            .filter(|it| format!("{how:?}/{}", it.1).contains(&only))
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let (ours, lengths) = ours(&server, subscribers, how);
        println!("{subscribers} subscribers, {rounds} rounds, {lengths:?}, acknowledgements: {how:?}");
        let (epoll, epoll_side) = theirs(Driver::Epoll, &ours, lengths, how);
        let (tokio, tokio_side) = theirs(Driver::Tokio, &ours, lengths, how);
        let mut sides = [ours, epoll_side, tokio_side];
        for (writes, window) in wanted {
            compare(&mut sides, rounds, writes, window);
        }
        drop((sides, epoll, tokio));
    }
}

/// Lets the three take turns.
fn compare(sides: &mut [Side; 3], rounds: usize, writes: usize, window: usize) {
    let mut spent = [Figure::default(), Figure::default(), Figure::default()];
    let mut of = [Figure::default(), Figure::default(), Figure::default()];
    // The first round warms up.
    for round in 0..=rounds {
        let mut now = [0.0; 3];
        for turn in 0..3 {
            let at = (turn + round) % 3;
            now[at] = sides[at].round(writes, window);
        }
        for at in (0..3).filter(|_| round != 0) {
            spent[at].add(now[at]);
            of[at].add(now[0] / now[at]);
        }
    }
    let [own, epoll, tokio] = spent;
    println!(
        "{window} in flight: microseconds of CPU by delivery: airlock {own:.3}, bare {epoll:.3}, bare on tokio {tokio:.3}"
    );
    println!("  ratios: {:.3} of bare, {:.3} of bare on tokio", of[1], of[2]);
    verdict("of bare TCP", of[1].median(), "at most 1.15", of[1].median() <= 1.15);
}

/// The same bytes through a program that does nothing else.
fn theirs(driver: Driver, ours: &Side, lengths: Lengths, how: Acknowledge) -> (Bare, Side) {
    let bare = Bare::start(driver, ours.subscribers, lengths);
    let publisher = ours.publisher.like(Socket::bare(bare.address, HERE));
    let streams = (0..ours.subscribers).map(|_| Socket::bare(bare.address, HERE).into_stream()).collect();
    let side =
        Side { pid: bare.pid(), publisher, crowd: Crowd::new(streams, how), subscribers: ours.subscribers };
    (bare, side)
}

/// A service with one writer and its subscribers, and the lengths of what is sent.
fn ours(server: &Airlock, subscribers: usize, how: Acknowledge) -> (Side, Lengths) {
    let service = server.make_service();
    let socket = Socket::open(server.address, HERE, &token(&service, "ada"));
    let mut publisher = Publisher::new(socket, "cursors/7/ada");
    let map = publisher.socket().call("GET", "/v3/Maps/rooms%2F7%2Fcursors", &serde_json::Value::Null);
    let map = map["sid"].as_str().unwrap().to_owned();
    let mut sockets = Vec::new();
    for number in 0..subscribers {
        let mut socket =
            Socket::open(server.address, HERE, &token(&service, &format!("subscriber-{number}")));
        socket.watch(&map);
        sockets.push(socket);
    }
    // What is sent, so that the other side sends as much; a sign of life from each, since this may have taken long.
    let (request, answer) = (publisher.send(1), publisher.socket().receive().bytes);
    let mut event = 0;
    for socket in &mut sockets {
        event = socket.event();
        socket.send(&frame::acknowledgement("EV1"));
    }
    let crowd = Crowd::new(sockets.into_iter().map(Socket::into_stream).collect(), how);
    (Side { pid: server.pid(), publisher, crowd, subscribers }, Lengths { request, answer, event })
}
