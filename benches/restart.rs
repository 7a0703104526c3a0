//! How soon a server is ready again after `kill -9`.
//!
//! `cargo bench --bench restart`. A child of this program writes 1,000,000 changes over 100,000 private objects through
//! the relay into a store on the disk, each with what it publishes, and is killed. Then the real binary is started
//! over that store, three times, killed each time; the time is that from its start until it listens.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement may fail loudly"
)]

mod measure;

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    time::Instant,
};

use airlock::{
    domain::{
        change::{Change, Operation},
        data::Input,
        name::UniqueName,
        object::{Address, ObjectKind, ObjectRef},
    },
    relay::{Answer, Caller},
};
use measure::{
    airlock::{Airlock, directory},
    clock,
    figure::{Figure, setting, verdict},
    relay::House,
};

const FILL: &str = "fill";
/// Objects of one identity, and writes that wait for the writer from one.
const OBJECTS_EACH: usize = 100;

fn main() {
    let changes = setting("BENCH_CHANGES", 1_000_000, 2_000_000);
    let objects = setting("BENCH_OBJECTS", 100_000, 200_000);
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|it| it == FILL) {
        return fill(Path::new(&arguments[2]), changes, objects);
    }
    let folder = directory();
    let began = Instant::now();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg(FILL)
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let read = BufReader::new(child.stdout.take().unwrap()).read_line(&mut line);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(read.is_ok() && line.trim() == "filled", "the store was not filled");
    println!("{changes} changes over {objects} objects, written in {:.1} s", began.elapsed().as_secs_f64());
    for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
        let size = entry.metadata().unwrap().len();
        println!("  {}: {} KiB", entry.file_name().to_string_lossy(), size / 1024);
    }
    let (mut seconds, mut cpu) = (Figure::default(), Figure::default());
    for _ in 0..3 {
        let mut server = Airlock::start(folder.path());
        seconds.add(server.started_in.as_secs_f64());
        cpu.add(clock::process_cpu(server.pid()).as_secs_f64());
        server.kill();
    }
    println!("ready again after {seconds:.2} s, with {cpu:.2} s of CPU");
    verdict("seconds until it is ready", seconds.median(), "at most 2", seconds.median() <= 2.0);
}

/// Writes through the passage, 10,000 in flight, and says so when the last one is durable.
fn fill(data: &Path, changes: usize, objects: usize) {
    let house = House::new(Some(data.to_owned()));
    let callers: Vec<Caller> =
        (0..objects / OBJECTS_EACH).map(|it| house.caller(&format!("player-{it:04}"))).collect();
    let House { relay, service, .. } = house;
    let (tell, told) = mpsc::channel();
    let mut waiting = 0;
    for number in 0..changes {
        let object = number % objects;
        // The identities take turns, and so do their lanes.
        let (who, room) = (object % callers.len(), object / callers.len());
        let name = UniqueName::try_from(format!("cursors/{room:03}/player-{who:04}").as_str()).unwrap();
        let text = format!(
            r##"{{"x":{},"y":{},"color":"#a0b1c2","tool":"brush"}}"##,
            number % 10_000,
            number / 10_000
        );
        let data = Input::parse(&text).unwrap();
        let kind = ObjectKind::Document;
        let operation = if number < objects {
            Operation::Create { service, kind, name: Some(name), data, ttl: None }
        } else {
            let address = Address { service, kind, object: ObjectRef::Name(name) };
            Operation::Update { address, data: Some(data), ttl: None }
        };
        let tell = tell.clone();
        let then = Box::new(move |it: Result<_, _>| tell.send(it.is_ok()).unwrap());
        let change = Change { operation, if_match: None, idempotency: None };
        relay.submit(&callers[who], change, Answer { then, through: None });
        waiting += 1;
        // All objects stand before the first of them is set again.
        let room = if number + 1 == objects { 0 } else { 10_000 };
        while room < waiting {
            assert!(told.recv().unwrap(), "a write was refused");
            waiting -= 1;
        }
    }
    while 0 < waiting {
        assert!(told.recv().unwrap(), "a write was refused");
        waiting -= 1;
    }
    println!("filled");
    // Until it is killed.
    std::thread::sleep(std::time::Duration::from_secs(60));
}
