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
    net::{IpAddr, Ipv4Addr},
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
        service::SettingsChange,
    },
    policy::folder,
    relay::{Answer, Caller, Credential, Receipt, Relay, Settings},
};
use measure::{
    airlock::{ACCOUNT, AUTH_TOKEN, Airlock, KEY, SECRET, directory, token},
    clock,
    figure::{Figure, setting, verdict},
};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
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
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/policies");
    let relay = Relay::start(Settings {
        account: ACCOUNT.parse().unwrap(),
        auth_token: AUTH_TOKEN.to_owned(),
        keys: format!("{KEY}:{SECRET}").parse().unwrap(),
        data: Some(data.to_owned()),
        code_of: |_| 0,
        policies: folder::load(&policies).unwrap(),
        log_identities: airlock::relay::LogIdentities::Plain,
        hosted_limits: false,
        plain_objects_max: 1,
        plain_bytes_max: 1,
        memory_max_bytes: 0,
        disk_min_free_bytes: 0,
    })
    .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let backend = Credential::Basic { user: ACCOUNT, password: AUTH_TOKEN };
    let backend = relay.authenticate(backend, HERE).unwrap();
    let settings = SettingsChange { acl: Some(true), ..SettingsChange::default() };
    let operation = Operation::CreateService { default: false, settings };
    let made = Change { operation, if_match: None, idempotency: None };
    let Receipt::Service { head, .. } = runtime.block_on(relay.submitted(&backend, made)).unwrap() else {
        panic!("a service was made")
    };
    let callers: Vec<Caller> = (0..objects / OBJECTS_EACH)
        .map(|it| {
            let token = token(&head.sid.to_string(), &format!("player-{it:04}"));
            relay.authenticate(Credential::Token(&token), HERE).unwrap()
        })
        .collect();
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
        let (service, kind) = (head.sid, ObjectKind::Document);
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
