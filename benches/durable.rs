//! Durable gated writes in a second over one socket, beside SQLite that is given the same groups.
//!
//! `cargo bench --bench durable`. The server is the real binary; one client keeps 64 writes in flight. What the
//! server has put into its log is then written again by SQLite alone (WAL, `synchronous=FULL`), in fresh bytes of the
//! same lengths: each group as one row; and each write as a row of its own, as many to a transaction as the
//! group held. Time on the wall, in turns, since a sync is mostly waiting; and CPU time beside it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement may fail loudly"
)]

mod measure;

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    time::{Duration, Instant},
};

use measure::{
    airlock::{Airlock, directory, token},
    clock,
    figure::{Figure, setting, verdict},
    publisher::Publisher,
    socket::Socket,
};
use rusqlite::Connection;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn main() {
    let in_flight = setting("BENCH_IN_FLIGHT", 64, 64);
    let rounds = setting("BENCH_ROUNDS", 7, 15);
    // In all fewer than the server writes between two checkpoints: it cuts its log behind one.
    let writes = setting("BENCH_WRITES", 10_000, 90_000 / rounds);
    let folder = directory();
    let server = Airlock::start(folder.path());
    let service = server.make_service();
    let socket = Socket::open(server.address, HERE, &token(&service, "ada"));
    let mut publisher = Publisher::new(socket, "cursors/7/ada");
    publisher.stream(5_000, in_flight, |_| ());
    let mut baseline = Baseline::open(&folder.path().join("baseline.db"));
    let (mut own, mut grouped, mut rows) = (Figure::default(), Figure::default(), Figure::default());
    let (mut own_cpu, mut grouped_cpu) = (Figure::default(), Figure::default());
    let (mut of_grouped, mut of_rows, mut size) = (Figure::default(), Figure::default(), Figure::default());
    for _ in 0..rounds {
        let newest = newest(folder.path());
        let (began, cpu) = (Instant::now(), clock::process_cpu(server.pid()));
        publisher.stream(writes, in_flight, |_| ());
        let (wall, cpu) = (began.elapsed(), clock::process_cpu(server.pid()) - cpu);
        let groups = groups(folder.path(), newest);
        let (alone, alone_cpu) = timed(|| baseline.grouped(&groups));
        let (single, _) = timed(|| baseline.rows(&groups, writes));
        let rate = |it: Duration| writes as f64 / it.as_secs_f64();
        let micros = |it: Duration| it.as_secs_f64() * 1e6 / writes as f64;
        own.add(rate(wall));
        grouped.add(rate(alone));
        rows.add(rate(single));
        own_cpu.add(micros(cpu));
        grouped_cpu.add(micros(alone_cpu));
        of_grouped.add(rate(wall) / rate(alone));
        of_rows.add(rate(wall) / rate(single));
        size.add(writes as f64 / groups.len() as f64);
    }
    println!("{writes} writes, {in_flight} in flight, {rounds} rounds, {size:.1} writes in a group");
    println!("airlock: {own:.0} durable gated writes in a second, {own_cpu:.2} microseconds of CPU each");
    println!(
        "SQLite, a group as one row: {grouped:.0} in a second, {grouped_cpu:.2} microseconds of CPU each"
    );
    println!("SQLite, a write as one row, the same groups: {rows:.0} in a second");
    println!("ratios: {of_grouped:.2} of a row by group, {of_rows:.2} of a row by write");
    verdict("of SQLite, a row by group", of_grouped.median(), "at least 0.70", 0.7 <= of_grouped.median());
    verdict("of SQLite, a row by write", of_rows.median(), "at least 0.70", 0.7 <= of_rows.median());
}

/// SQLite with the settings of the store.
struct Baseline {
    database: Connection,
    seq: i64,
}

impl Baseline {
    fn open(path: &Path) -> Self {
        let database = Connection::open(path).unwrap();
        database.pragma_update(None, "journal_mode", "WAL").unwrap();
        database.pragma_update(None, "synchronous", "FULL").unwrap();
        database.execute_batch("CREATE TABLE log (seq INTEGER PRIMARY KEY, record BLOB NOT NULL)").unwrap();
        Self { database, seq: 0 }
    }

    fn grouped(&mut self, groups: &[usize]) {
        let mut insert = self.database.prepare_cached("INSERT INTO log VALUES (?1, ?2)").unwrap();
        for length in groups {
            self.seq += 1;
            insert.execute((self.seq, fresh(self.seq, *length))).unwrap();
        }
    }

    /// The same bytes in as many transactions, with a row for each write.
    fn rows(&mut self, groups: &[usize], writes: usize) {
        let (mut written, bytes) = (0, groups.iter().sum::<usize>());
        for at in 0..groups.len() {
            let until = writes * (at + 1) / groups.len();
            let transaction = self.database.transaction().unwrap();
            {
                let mut insert = transaction.prepare_cached("INSERT INTO log VALUES (?1, ?2)").unwrap();
                for _ in written..until {
                    self.seq += 1;
                    insert.execute((self.seq, fresh(self.seq, bytes / writes))).unwrap();
                }
            }
            transaction.commit().unwrap();
            written = until;
        }
    }
}

/// Bytes that were never written before.
fn fresh(seed: i64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut state = seed.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for chunk in bytes.chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
    }
    bytes
}

fn timed(run: impl FnOnce()) -> (Duration, Duration) {
    let (began, cpu) = (Instant::now(), clock::thread_cpu());
    run();
    (began.elapsed(), clock::thread_cpu() - cpu)
}

/// The newest group in the server's log.
fn newest(folder: &Path) -> i64 {
    let newest = |log: Connection| {
        log.query_row("SELECT coalesce(max(seq), 0) FROM log", (), |row| row.get(0)).unwrap()
    };
    logs(folder).map(newest).max().unwrap_or_default()
}

/// The lengths of the groups behind this one; none may have been cut off by a checkpoint.
fn groups(folder: &Path, behind: i64) -> Vec<usize> {
    let mut rows: Vec<(i64, i64)> = Vec::new();
    for log in logs(folder) {
        let mut select = log.prepare("SELECT seq, length(record) FROM log WHERE seq > ?1").unwrap();
        let found = select.query_map((behind,), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.extend(found.map(Result::unwrap));
    }
    rows.sort_unstable();
    assert_eq!(rows.first().map(|it| it.0), Some(behind + 1), "the log is whole");
    rows.into_iter().map(|it| usize::try_from(it.1).unwrap()).collect()
}

/// The log files.
fn logs(folder: &Path) -> impl Iterator<Item = Connection> {
    let paths = std::fs::read_dir(folder).unwrap().flatten().map(|it| it.path());
    let logs = paths.filter(|it| it.extension().is_some_and(|it| it == "db"));
    logs.map(|it| Connection::open_with_flags(it, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap())
}
