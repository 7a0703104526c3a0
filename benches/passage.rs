//! What one gated write costs in the process, part by part, beside the crates that do its work.
//!
//! `cargo bench --bench passage`. CPU time; subject and baseline in turns. With `BENCH_CALLS=2000` it only makes so
//! many writes, for callgrind:
//! `BENCH_CALLS=2000 valgrind --tool=callgrind --toggle-collect='airlock::sdk::dispatch' <the executable>`.
//! What is measured is what fronts call; the gate and the rewrite by themselves are in `admission`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement may fail loudly"
)]

mod measure;

use std::{
    hint::black_box,
    num::NonZero,
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};

use airlock::{
    domain::data::Input,
    realtime::websocket::{Reader, Received},
    relay::{Caller, Relay},
    sdk,
};
use bytes::Bytes;
use measure::{
    airlock::directory,
    clock,
    figure::{Figure, setting, verdict},
    frame,
    relay::{House, policies},
};
use serde_json::Value;

/// Writes in flight: below what one identity may have waiting.
const BURST: usize = 200;

fn main() {
    let rounds = setting("BENCH_ROUNDS", 15, 101);
    let mut memory = Writer::new(None);
    let calls = setting("BENCH_CALLS", 0, 100_000);
    if calls != 0 {
        for _ in 0..calls.div_ceil(BURST) {
            memory.burst();
        }
        return;
    }
    schema(rounds);
    admission(rounds, &mut memory);
    let folder = directory();
    submit(rounds, &mut memory, &mut Writer::new(Some(folder.path().to_owned())), folder.path());
    codec(rounds);
}

/// Data as a player writes it; no two are the same.
fn data(number: u64) -> String {
    let (x, y) = (1_000 + number % 9_000, 1_000 + number / 9_000 % 9_000);
    format!(r##"{{"x":{x},"y":{y},"color":"#a0b1c2","tool":"brush"}}"##)
}

/// A relay in this process, and somebody who writes to it.
struct Writer {
    relay: Relay,
    caller: Caller,
    path: String,
    number: u64,
    answers: (mpsc::Sender<u16>, mpsc::Receiver<u16>),
    runtime: tokio::runtime::Runtime,
}

impl Writer {
    fn new(data_folder: Option<PathBuf>) -> Self {
        let house = House::new(data_folder);
        let caller = house.caller("ada");
        let House { relay, runtime, .. } = house;
        let answers = mpsc::channel();
        let mut writer = Self { relay, caller, path: String::new(), number: 0, answers, runtime };
        let body = format!(r#"{{"unique_name":"cursors/7/ada","data":{}}}"#, data(0));
        let (tell, told) = mpsc::channel();
        let request = writer.request("/v3/Documents".to_owned(), body);
        sdk::dispatch(
            &writer.relay,
            &writer.caller,
            request,
            "http://h",
            None,
            Box::new(move |it| tell.send(it.body).unwrap()),
        );
        let made: Value = serde_json::from_slice(&told.recv().unwrap()).unwrap();
        writer.path = format!("/v3/Documents/{}", made["sid"].as_str().unwrap());
        writer
    }

    fn request(&self, path: String, body: String) -> sdk::Request {
        sdk::Request {
            method: sdk::Method::POST,
            path,
            params: Vec::new(),
            if_match: None,
            request_id: Some(format!("RQ{:032}", self.number)),
            body: Bytes::from(body),
        }
    }

    /// A burst of writes: CPU time of this thread until all are queued. Their answers are waited for.
    fn burst(&mut self) -> Duration {
        let requests: Vec<_> = (0..BURST)
            .map(|_| {
                self.number += 1;
                self.request(self.path.clone(), format!(r#"{{"data":{}}}"#, data(self.number)))
            })
            .collect();
        let began = clock::thread_cpu();
        for request in requests {
            let tell = self.answers.0.clone();
            let respond = Box::new(move |it: sdk::Response| tell.send(it.status).unwrap());
            sdk::dispatch(&self.relay, &self.caller, request, "http://h", None, respond);
        }
        let spent = clock::thread_cpu() - began;
        for _ in 0..BURST {
            assert_eq!(self.answers.1.recv().unwrap(), 200);
        }
        spent
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.runtime.block_on(self.relay.stop());
    }
}

/// Nanoseconds of CPU by call.
fn each(calls: u32, mut call: impl FnMut(u32)) -> f64 {
    let began = clock::thread_cpu();
    (0..calls).for_each(&mut call);
    (clock::thread_cpu() - began).as_nanos() as f64 / f64::from(calls)
}

fn validator(file: &str) -> jsonschema::Validator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/policies/cursors");
    let schema: Value = serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .build(&schema)
        .unwrap()
}

fn schema(rounds: usize) {
    let set = policies();
    let policy = set.by_name("cursors").unwrap().clone();
    let (ours, bare) = (policy.from.schema.as_ref().unwrap(), validator("cursor.schema.json"));
    let input = Input::parse(&data(1)).unwrap();
    let (mut own, mut other, mut ratio) = (Figure::default(), Figure::default(), Figure::default());
    for _ in 0..rounds {
        let a = each(50_000, |_| assert!(ours.check(black_box(input.value())).is_ok()));
        let b = each(50_000, |_| assert!(bare.is_valid(black_box(input.value()))));
        own.add(a);
        other.add(b);
        ratio.add(a / b);
    }
    println!("schema check: airlock {own:.0} ns, jsonschema {other:.0} ns, ratio {ratio:.2}");
}

/// The thread that brings a write, from the request to the writer's queue, beside the crates that it needs.
fn admission(rounds: usize, writer: &mut Writer) {
    let (private, public) = (validator("cursor.schema.json"), validator("public-cursor.schema.json"));
    let many = NonZero::new(1_000_000).unwrap();
    let limiter = governor::RateLimiter::keyed(governor::Quota::per_second(many).allow_burst(many));
    let shown: Value = serde_json::from_str(
        r##"{"x":1001,"y":1002,"color":"#a0b1c2","name":"ada","at":"2026-01-01T00:00:00.000Z"}"##,
    )
    .unwrap();
    let (mut own, mut other, mut ratio) = (Figure::default(), Figure::default(), Figure::default());
    for _ in 0..rounds {
        let bodies: Vec<_> = (0..1_000).map(|it| format!(r#"{{"data":{}}}"#, data(it))).collect();
        let b = each(10_000, |at| {
            let body: Value = serde_json::from_str(&bodies[at as usize % 1_000]).unwrap();
            assert!(private.is_valid(&body["data"]));
            assert!(limiter.check_key(&black_box("ada").to_owned()).is_ok());
            assert!(public.is_valid(black_box(&shown)));
            black_box(shown.to_string());
        });
        let bursts = 50;
        let spent: Duration = (0..bursts).map(|_| writer.burst()).sum();
        let a = spent.as_nanos() as f64 / (bursts * BURST) as f64;
        own.add(a);
        other.add(b);
        ratio.add(a / b);
    }
    println!(
        "from the request to the queue: airlock {own:.0} ns, its crates {other:.0} ns, ratio {ratio:.2}"
    );
    verdict("of the crates (the goal is for admission alone)", ratio.median(), "1.3", ratio.median() <= 1.3);
}

/// A whole write, with the writer's and the pump's threads.
fn submit(rounds: usize, memory: &mut Writer, disk: &mut Writer, folder: &Path) {
    let pid = std::process::id();
    let (mut in_memory, mut durable, mut sqlite) = (Figure::default(), Figure::default(), Figure::default());
    let database = rusqlite::Connection::open(folder.join("baseline.db")).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    database.pragma_update(None, "synchronous", "FULL").unwrap();
    database.execute_batch("CREATE TABLE log (seq INTEGER PRIMARY KEY, record BLOB NOT NULL)").unwrap();
    let (mut seq, bursts) = (0_i64, 10);
    let by_write = |spent: Duration| spent.as_secs_f64() * 1e6 / (bursts * BURST) as f64;
    for _ in 0..rounds {
        for (writer, figure) in [(&mut *memory, &mut in_memory), (&mut *disk, &mut durable)] {
            let before = clock::process_cpu(pid);
            for _ in 0..bursts {
                writer.burst();
            }
            figure.add(by_write(clock::process_cpu(pid) - before));
        }
        let began = clock::thread_cpu();
        for _ in 0..bursts {
            seq += 1;
            let row = vec![u8::try_from(seq % 251).unwrap(); 470 * BURST];
            database.prepare_cached("INSERT INTO log VALUES (?1, ?2)").unwrap().execute((seq, row)).unwrap();
        }
        sqlite.add(by_write(clock::thread_cpu() - began));
    }
    println!(
        "a whole write, {BURST} in flight, all threads: {in_memory:.2} us in memory, {durable:.2} us durable"
    );
    println!("  SQLite alone, {BURST} records in a row: {sqlite:.2} us by record");
}

/// Frames as they come from the SDK: unmasked where they lie.
fn codec(rounds: usize) {
    let request = frame::request(1, "POST", "/v3/Documents/ET00000000000000000000000000000000", &data(1));
    for (what, message) in
        [("a request", request), ("an acknowledgement", frame::acknowledgement("EV1234567"))]
    {
        let (mut own, mut copy) = (Figure::default(), Figure::default());
        for _ in 0..rounds {
            let mut reader = Reader::new(1 << 20);
            let mut buffer = message.clone();
            own.add(each(100_000, |_| {
                buffer.copy_from_slice(black_box(&message));
                let taken = reader.take(&mut buffer, |it| matches!(it, Received::Binary(_)));
                assert_eq!(taken.unwrap(), Some((message.len(), true)));
            }));
            copy.add(each(100_000, |_| {
                buffer.copy_from_slice(black_box(&message));
                black_box(&mut buffer);
            }));
        }
        println!("{what} of {} bytes: {own:.0} ns, its copy alone {copy:.0} ns", message.len());
    }
}
