//! A disk that fails: one sync or one write comes back with an error, injected by `strace` into the
//! binary as it is. From then on nothing is acknowledged, and what was is there after a restart.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::channel,
    },
    time::{Duration, Instant},
};

use super::Base;
use crate::{
    crew::{Crew, Fault, Settle},
    support::{
        long,
        random::{Random, seed},
        server::{House, Server, Start, Started},
    },
};

/// How `strace` marks the calls that it has let fail.
const INJECTED: &str = "(INJECTED)";
/// Within that time readiness follows the failure of the log.
const NOTICE: Duration = Duration::from_secs(2);
/// Between two looks at a file.
const GLANCE: Duration = Duration::from_millis(2);

/// One failure: the k-th of these calls of each thread.
#[derive(Clone, Copy, Debug)]
struct Failure {
    calls: &'static str,
    error: &'static str,
    count: u64,
    /// Of calls on this file of the store only.
    file: Option<&'static str>,
}

impl Failure {
    /// A start with this failure, and with a checkpoint, and a cut of the log, every other write.
    fn injected_into(self, house: &House) -> Start {
        let Self { calls, error, count, file: only } = self;
        let file = house.path("trace");
        let under = [
            "strace",
            "-D", // the server stays our child
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-y",
            "-s0",
            "-o",
            &file.to_string_lossy(),
            "-e",
            &format!("trace={calls}"),
            "-e",
            &format!("inject={calls}:error={error}:when={count}"),
        ];
        let mut under = under.map(str::to_owned).to_vec();
        if let Some(only) = only {
            under.extend(["-P".to_owned(), house.path("disk").join(only).to_string_lossy().into_owned()]);
        }
        let env = vec![("AIRLOCK_CHECKPOINT_BATCHES", "2".to_owned())];
        Start { env, under }
    }
}

/// Whether failures can be injected here. In CI they must.
fn can_inject() -> bool {
    let found = Command::new("strace").arg("--version").output().is_ok_and(|it| it.status.success());
    if !found {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "strace is missing");
        println!("skipped: strace is missing");
    }
    found
}

#[test]
fn a_store_is_born_with_its_promises_or_not_at_all() {
    if !can_inject() {
        return;
    }
    let (house, mut opening) = (House::new(), 0);
    for count in 1..=20 {
        let failure = Failure { calls: "fsync,fdatasync", error: "EIO", count, file: None };
        let data = format!("born {count}");
        match house.start(&data, &failure.injected_into(&house)) {
            Started::Ended(ended) => {
                assert_eq!(ended.status.code(), Some(3), "{failure:?}: {}", ended.said);
                // SQLite keeps quiet when it cannot have its log, and goes on without one: whoever
                // opens the store must hear of it, not the first who writes.
                if met_the_opening(&trace(&house)) {
                    assert!(ended.said.contains("the store cannot be opened"), "{failure:?}: {}", ended.said);
                    opening += 1;
                }
            }
            Started::Ready(server) => {
                assert!(!met_the_opening(&trace(&house)), "{failure:?}: it started\n{}", trace(&house));
                server.kill();
            }
        }
        let server = house.started(&data, &Start::default());
        assert_eq!(server.post("/v1/Services", "FriendlyName=mended").status, 201, "{failure:?}");
    }
    assert!(4 < opening, "only {opening} failures met the opening of the store");
}

/// Whether a sync on which the store rests failed in the thread that opened it, the first that
/// synced. The checkpoint is closed again, and what SQLite tidies then was synced before.
fn met_the_opening(trace: &str) -> bool {
    let opener = trace.split(' ').next().unwrap_or_default();
    let rests = |line: &str| ["/log-", "/anchor", "-journal"].iter().any(|it| line.contains(it));
    trace.lines().any(|it| it.starts_with(opener) && it.contains(INJECTED) && rests(it))
}

#[test]
fn a_failing_disk_ends_acknowledgements_and_loses_none() {
    if !can_inject() {
        return;
    }
    let seed = seed();
    let base = Base::make(&mut Random::new(seed));
    // A start makes a log file, with some dozens of calls, so that only later ones meet a running server.
    let (syncs, writes): (Vec<u64>, Vec<u64>) = if long() {
        ((1..=200).collect(), (1..=200).step_by(3).collect())
    } else {
        let syncs = [1, 4, 8, 12].into_iter().chain(24..=40);
        (syncs.collect(), [1, 8, 16, 24].into_iter().chain(60..=70).collect())
    };
    let failure = |calls, error, file| move |count| Failure { calls, error, count, file };
    let failures = syncs.into_iter().map(failure("fsync,fdatasync", "EIO", None));
    let failures = failures.chain(writes.into_iter().map(failure("pwrite64", "ENOSPC", None)));
    // Each checkpoint is written by a thread of its own, which counts from one, with one write and one sync.
    let failures = failures.chain([1].map(failure("fsync,fdatasync", "EIO", Some("state.tmp"))));
    let failures = failures.chain([1].map(failure("write", "ENOSPC", Some("state.tmp"))));
    let mut tally: BTreeMap<Met, u64> = BTreeMap::new();
    for failure in failures {
        match met_by(failure, &base) {
            Ok(met) => *tally.entry(met).or_default() += 1,
            Err(fault) => panic!("{failure:?}:\n{fault}"),
        }
    }
    println!("{tally:?}");
    let running = tally.get(&Met::Running).copied().unwrap_or_default();
    assert!(tally.contains_key(&Met::Checkpoint), "no checkpoint that failed ended a server: {tally:?}");
    assert!(tally.values().sum::<u64>() < 2 * running, "hardly any failure met a running server: {tally:?}");
}

/// The log is in SQLite's side file first. That its pages cannot be written where they belong is told, too.
#[test]
fn a_log_whose_pages_cannot_be_written_ends_acknowledgements() {
    if !can_inject() {
        return;
    }
    let (base, mut running) = (Base::make(&mut Random::new(seed())), 0);
    // A start writes two pages of its log file; the writer's thread writes more of them when it moves the side file.
    for count in 3..=6 {
        let (house, mut crew) = (&base.house, base.crew.clone());
        house.copy("closed", "disk");
        let newest = super::files(&house.path("disk"), ".db").iter().filter_map(|it| number(it)).max();
        let file: &'static str = format!("log-{}.db", newest.expect("a log file") + 1).leak();
        let failure = Failure { calls: "pwrite64", error: "EIO", count, file: Some(file) };
        let mut start = failure.injected_into(house);
        start.env = vec![("AIRLOCK_LOG_SIDE_FILE_BYTES", "60000".to_owned())];
        match house.start("disk", &start) {
            Started::Ended(ended) => assert_eq!(ended.status.code(), Some(3), "{failure:?}: {}", ended.said),
            Started::Ready(server) => {
                let met =
                    failed(server, house, &mut crew, 200).unwrap_or_else(|it| panic!("{failure:?}:\n{it}"));
                running += u64::from(met == Met::Running);
            }
        }
        let server = house.started("disk", &Start::default());
        compared(&mut crew, &server, Settle::All).expect("what was acknowledged stands");
        server.kill();
    }
    assert!(0 < running, "no failure met a running server");
}

/// The thread that acknowledges writes neither writes a checkpoint nor removes a file, however long either takes.
#[test]
fn the_writer_waits_for_no_checkpoint() {
    if !can_inject() {
        return;
    }
    let house = House::new();
    let file = house.path("trace").to_string_lossy().into_owned();
    let calls = "trace=unlink,unlinkat,fsync,fdatasync,rename";
    let under = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-y", "-s200", "-o", &file, "-e", calls];
    let env = vec![("AIRLOCK_CHECKPOINT_BATCHES", "20".to_owned())];
    let start = Start { env, under: under.map(str::to_owned).to_vec() };
    let server = house.started("beside", &start);
    let mut crew = Crew::enlist(&house, &server, &mut Random::new(seed()));
    let (tell, _) = channel();
    crew.write(server.port, &tell, &AtomicBool::new(false), 40).expect("only good answers");
    assert!(server.terminate().status.success());
    let mut threads: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    let text = trace(&house);
    for line in text.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        let [groups, checkpoints] = threads.entry(thread).or_default();
        *groups += u64::from(call.contains("sync(") && call.contains("-wal>"));
        let removes = call.contains("unlink") && ["log-", "state-"].iter().any(|it| call.contains(it));
        *checkpoints += u64::from(call.contains("state.tmp") || removes);
    }
    let writer = threads.iter().max_by_key(|it| it.1[0]).map(|it| *it.0).expect("a thread that syncs");
    let [groups, checkpoints] = threads[writer];
    assert!(50 < groups, "{threads:?}");
    assert_eq!(checkpoints, 0, "the writer's thread does work of a checkpoint: {threads:?}");
    assert!(10 < threads.values().map(|it| it[1]).sum::<u64>(), "hardly any checkpoint: {threads:?}");
}

/// The number of a log file.
fn number(name: &str) -> Option<u64> {
    name.strip_prefix("log-")?.strip_suffix(".db")?.parse().ok()
}

/// What the failure met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Met {
    /// The log of a running server.
    Running,
    /// A checkpoint of a running server.
    Checkpoint,
    /// A server that was starting.
    Starting,
    /// What SQLite makes good, or tidies: nothing rests on it.
    Elsewhere,
}

fn met_by(failure: Failure, base: &Base) -> Result<Met, String> {
    let (house, mut crew) = (&base.house, base.crew.clone());
    house.copy("closed", "disk");
    let start = failure.injected_into(house);
    let met = match house.start("disk", &start) {
        Started::Ended(ended) if ended.status.code() == Some(3) && trace(house).contains(INJECTED) => {
            Met::Starting
        }
        Started::Ended(ended) => return Err(format!("{}:\n{}", ended.status, ended.said)),
        Started::Ready(server) => {
            // Each writer waits for each of its writes: there are at least as many groups as it sends.
            failed(server, house, &mut crew, 40 + 2 * failure.count)?
        }
    };
    // The disk is mended: all that was acknowledged is there, and it is written to as ever.
    let server = house.started("disk", &Start::default());
    compared(&mut crew, &server, Settle::All)?;
    let (tell, _) = channel();
    let life = crew.write(server.port, &tell, &AtomicBool::new(false), 10)?;
    if life.acknowledged == 0 {
        return Err("nothing is acknowledged after the disk was mended".into());
    }
    server.kill();
    compared(&mut crew, &house.started("disk", &Start::default()), Settle::All)?;
    Ok(met)
}

/// Writes until the store fails, and looks at the server that is left, and at what has failed. A log
/// that failed must be noticed; of the checkpoint's file SQLite makes some good.
fn failed(server: Server, house: &House, crew: &mut Crew, most: u64) -> Result<Met, String> {
    let (tell, _) = channel();
    let (stop, port) = (AtomicBool::new(false), server.port);
    let life = std::thread::scope(|scope| {
        let writing = scope.spawn(|| crew.write(port, &tell, &stop, most));
        while !of(house, &LOG) && !writing.is_finished() {
            std::thread::sleep(GLANCE);
        }
        let noticed = Instant::now();
        while of(house, &LOG) && ready(&server) && noticed.elapsed() < NOTICE {
            std::thread::sleep(GLANCE);
        }
        // Each writer ends by itself when it was told of the failure for some times.
        stop.store(ready(&server), Ordering::Relaxed);
        writing.join().expect("the writers")
    })?;
    if !of(house, &LOG) && ready(&server) {
        compared(crew, &server, Settle::All)?;
        let ended = server.terminate();
        // The last checkpoint may have failed when nobody wrote any more.
        let late = of(house, &CHECKPOINT) && ended.status.code() == Some(3);
        return if (ended.status.success() || late) && trace(house).contains(INJECTED) {
            Ok(Met::Elsewhere)
        } else {
            Err(format!("the log did not fail, yet: {}:\n{}\n{}", ended.status, ended.said, trace(house)))
        };
    }
    if ready(&server) {
        return Err(format!("the log has failed, and /ready is still 200:\n{}", trace(house)));
    }
    if !of(house, &LOG) && !of(house, &CHECKPOINT) {
        return Err(format!("/ready is 503, and nothing of the store has failed:\n{}", trace(house)));
    }
    // Nobody is told when the failure came behind the last of the writes.
    if life.failed_ms.is_some_and(|it| it < life.newest_sent_ms) {
        let (sent, failed) = (life.newest_sent_ms, life.failed_ms);
        return Err(format!("a write of {sent} was acknowledged, the failure was told at {failed:?}"));
    }
    let after = crew.write(port, &tell, &AtomicBool::new(false), 20)?;
    if after.acknowledged != 0 || after.sent == 0 {
        return Err(format!("{} of {} were acknowledged after the failure", after.acknowledged, after.sent));
    }
    // Reading goes on, and shows nothing of the group that failed.
    compared(&mut crew.sure(), &server, Settle::Nothing)?;
    let ended = server.terminate();
    if ended.status.code() != Some(3) {
        return Err(format!("SIGTERM should end it with 3, not {}:\n{}", ended.status, ended.said));
    }
    let causes = ["disk I/O error", "database or disk is full", "os error"];
    if !ended.said.contains("the store has failed") || !causes.iter().any(|it| ended.said.contains(it)) {
        return Err(format!("the log does not say what failed, and why:\n{}", ended.said));
    }
    Ok(if of(house, &LOG) { Met::Running } else { Met::Checkpoint })
}

/// The files of the log.
const LOG: [&str; 2] = ["/log-", "/anchor"];
/// Those of the checkpoint, and the directory in which it has its name.
const CHECKPOINT: [&str; 2] = ["/state", "/disk>"];

/// Whether a call on one of these files has failed.
fn of(house: &House, files: &[&str]) -> bool {
    // A call may be told in two lines, and only the first of them names the file.
    let (text, mut begun) = (trace(house), BTreeMap::new());
    text.lines().any(|line| {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        let named = if call.contains("resumed>") { begun.remove(thread).unwrap_or_default() } else { call };
        if call.ends_with("<unfinished ...>") {
            begun.insert(thread, call);
        }
        call.contains(INJECTED) && files.iter().any(|it| named.contains(it))
    })
}

fn trace(house: &House) -> String {
    fs::read_to_string(house.path("trace")).unwrap_or_default()
}

fn ready(server: &Server) -> bool {
    server.http().get("/ready", "").is_ok_and(|it| it.status == 200)
}

fn compared(crew: &mut Crew, server: &Server, settle: Settle) -> Result<(), String> {
    crew.verify(server, settle).map_err(Fault::into_text)
}
