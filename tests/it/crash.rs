//! Rounds of death: a server is killed while clients and backends write, started again on what it
//! left, and compared with what it had acknowledged; then it is killed again on the same directory.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    os::unix::process::ExitStatusExt,
    sync::{atomic::AtomicBool, mpsc::channel},
    time::{Duration, Instant},
};

use crate::{
    crew::{Crew, Fault, Life, Settle, WRITES_MAX},
    support::{
        long,
        random::{Random, seed},
        server::{House, Server, Start, Started},
    },
};

/// Rounds of one data directory: recovery stands on recovery.
const ROUNDS: u64 = 20;
/// Longer than it takes to reach any point.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at a child.
const GLANCE: Duration = Duration::from_millis(2);
/// Writes that the server puts into one group at the most.
const GROUP_BATCHES_MAX: u64 = 1_024;
/// Groups that the sweep may write in one life: four in a second.
const SWEEPS_MAX: u64 = 240;
/// Groups before the first round: founding, activation, the service and the writers' maps.
const GROUPS_OF_A_START: u64 = 64;

/// The named points that a server is killed at while it is written to.
const POINTS: [&str; 7] = [
    "commit-before-append",
    "commit-after-sync",
    "log-after-create",
    "log-after-switch",
    "checkpoint-before-commit",
    "checkpoint-after-commit",
    "checkpoint-amid-removal",
];
/// Those that it is killed at while it starts.
const RECOVERIES: [&str; 2] = ["recovery-after-checkpoint", "recovery-after-begin"];
/// Those of the first start of a store, besides the ones of a commit.
const BIRTHS: [&str; 2] = ["anchor-created", "recovery-after-begin"];

/// How one life of a server ends.
#[derive(Clone, Debug, PartialEq)]
enum End {
    /// `SIGKILL` after so many acknowledgements.
    Killed { after: u64 },
    /// At a named point, when it is passed for so many times.
    At { point: &'static str, times: u64 },
    /// `SIGTERM` after so many acknowledgements, in the midst of writing.
    Terminated { after: u64 },
}

/// What all rounds together have seen.
#[derive(Debug, Default)]
struct Tally {
    rounds: u64,
    acknowledged: u64,
    repeated: u64,
    ends: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn ended(&mut self, how: &'static str) {
        *self.ends.entry(how).or_default() += 1;
    }
}

#[test]
fn what_was_acknowledged_survives_every_crash() {
    let seed = seed();
    let directories = if long() { 15 } else { 5 };
    let mut tally = Tally::default();
    for directory in 0..directories {
        let mut random = Random::new(seed.wrapping_add(directory));
        if let Err(fault) = Directory::new(directory).live(&mut random, &mut tally) {
            panic!("directory {directory}, after {} rounds:\n{fault}\n{tally:?}", tally.rounds);
        }
    }
    println!("{tally:?}");
    assert_eq!(tally.rounds, directories * ROUNDS);
    assert!(tally.rounds * 20 < tally.acknowledged, "hardly anything was written: {tally:?}");
    let least = directories * ROUNDS / 20;
    for how in POINTS.into_iter().chain(RECOVERIES).chain(["killed", "terminated", "birth"]) {
        let times = tally.ends.get(how).copied().unwrap_or_default();
        assert!(least <= times, "`{how}` was met {times} times only: {tally:?}");
    }
}

/// One data directory through all its lives.
struct Directory {
    house: House,
    number: u64,
    /// Where the log may end at the next start.
    seq: RangeInclusive<u64>,
}

impl Directory {
    fn new(number: u64) -> Self {
        Self { house: House::new(), number, seq: 0..=GROUPS_OF_A_START }
    }

    /// # Errors
    /// The first thing that is not as it must be.
    fn live(&mut self, random: &mut Random, tally: &mut Tally) -> Result<(), String> {
        self.birth(random, tally)?;
        let server = self.house.started("data", &Start::default());
        let mut crew = Crew::enlist(&self.house, &server, random);
        server.kill();
        for round in 0..ROUNDS {
            let end = self.end(round, random);
            self.round(&end, &mut crew, random, tally)
                .map_err(|it| format!("round {round}, to be ended by {end:?}:\n{it}"))?;
            tally.rounds += 1;
        }
        // Once more without a crash: what was compared is still there after an orderly end.
        let server = self.house.started("data", &Start::default());
        self.sane(&server)?;
        compared(&mut crew, &server)?;
        let undo = crew.plant();
        if !matches!(crew.verify(&server, Settle::Nothing), Err(Fault::Wrong(_))) {
            return Err("an acknowledgement that was never given was not missed".into());
        }
        undo(&mut crew);
        let ended = server.terminate();
        if !ended.status.success() {
            return Err(format!("SIGTERM ended it with {}:\n{}", ended.status, ended.said));
        }
        compared(&mut crew, &self.house.started("data", &Start::default()))
    }

    /// Kills the server while it makes its files, or its first two groups, the founding and the activation.
    fn birth(&self, random: &mut Random, tally: &mut Tally) -> Result<(), String> {
        let (point, times) = if random.once_in(2) {
            (*random.pick(&BIRTHS), 1)
        } else {
            (*random.pick(&POINTS[..2]), random.between(1, 2))
        };
        let env = vec![("AIRLOCK_CRASH_AT", format!("{point}:{times}"))];
        match self.house.start("data", &Start { env, ..Start::default() }) {
            Started::Ended(ended) if ended.died_at_a_point() => tally.ended("birth"),
            Started::Ended(ended) => return Err(format!("{}:\n{}", ended.status, ended.said)),
            Started::Ready(_) => return Err(format!("{point} was not met at the first start")),
        }
        Ok(())
    }

    fn end(&self, round: u64, random: &mut Random) -> End {
        match (round + self.number) % 12 {
            kind @ (0 | 1) => End::At { point: POINTS[kind as usize], times: random.between(1, 120) },
            kind @ 2..=6 => End::At { point: POINTS[kind as usize], times: random.between(1, 4) },
            kind @ (7 | 8) => End::At { point: RECOVERIES[kind as usize - 7], times: 1 },
            11 => End::Terminated { after: random.between(1, 400) },
            _ => End::Killed { after: random.between(1, 400) },
        }
    }

    fn round(
        &mut self,
        end: &End,
        crew: &mut Crew,
        random: &mut Random,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let mut env = Vec::new();
        // Checkpoints come now and then anyway, so that every kind of end may meet one.
        let of_checkpoint = |point: &str| point.starts_with("checkpoint") || point.starts_with("log");
        let wants_checkpoint = matches!(end, End::At { point, .. } if of_checkpoint(point));
        if wants_checkpoint || !random.once_in(3) {
            env.push(("AIRLOCK_CHECKPOINT_BATCHES", random.between(2, 30).to_string()));
        }
        let mut end = end.clone();
        if let End::At { point, .. } = end
            && RECOVERIES.contains(&point)
        {
            let env = vec![("AIRLOCK_CRASH_AT", format!("{point}:1"))];
            match self.house.start("data", &Start { env, ..Start::default() }) {
                Started::Ended(ended) if ended.died_at_a_point() => tally.ended(point),
                Started::Ended(ended) => return Err(format!("{}:\n{}", ended.status, ended.said)),
                Started::Ready(_) => return Err(format!("{point} was not met")),
            }
            end = End::Killed { after: random.between(1, 100) };
        }
        if let End::At { point, times } = &end {
            env.push(("AIRLOCK_CRASH_AT", format!("{point}:{times}")));
        }
        let server = self.house.started("data", &Start { env, ..Start::default() });
        self.sane(&server)?;
        // Before anything else is written: what stands is compared with all lives before. The point
        // may be met already here; then the next life compares.
        let repeated = crew.repeat(&server)?;
        tally.repeated += repeated;
        match crew.verify(&server, Settle::All) {
            Err(Fault::Gone(_)) if matches!(end, End::At { .. }) => (),
            Err(Fault::Gone(fault) | Fault::Wrong(fault)) => return Err(fault),
            Ok(()) => (),
        }
        let life = written(server, &end, crew, tally)?;
        tally.acknowledged += life.acknowledged;
        self.sent(&life, repeated);
        Ok(())
    }

    /// The log goes on where it was: each acknowledgement is in it, and nothing that nobody sent.
    fn sane(&mut self, server: &Server) -> Result<(), String> {
        let seq = server.recovered_seq();
        if !self.seq.contains(&seq) {
            return Err(format!("the log ends at group {seq}, it should end in {:?}", self.seq));
        }
        self.seq = seq..=seq;
        Ok(())
    }

    /// At most one group for each write, and for each second of the sweep.
    fn sent(&mut self, life: &Life, repeated: u64) {
        let least = self.seq.start() + life.acknowledged.div_ceil(GROUP_BATCHES_MAX);
        self.seq = least..=self.seq.end() + life.sent + repeated + SWEEPS_MAX;
    }
}

fn compared(crew: &mut Crew, server: &Server) -> Result<(), String> {
    crew.verify(server, Settle::All).map_err(Fault::into_text)
}

/// Has the crew write until the server has come to its end.
fn written(mut server: Server, end: &End, crew: &mut Crew, tally: &mut Tally) -> Result<Life, String> {
    let (tell, heard) = channel();
    let (stop, port) = (AtomicBool::new(false), server.port);
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || crew.write(port, &tell, &stop, WRITES_MAX));
        let mut met = true;
        let ended = match end {
            End::Killed { after } | End::Terminated { after } => {
                // An error means that all have stopped writing; why, they say themselves.
                let _enough = (0..*after).try_for_each(|_| heard.recv_timeout(PATIENCE));
                if matches!(end, End::Killed { .. }) { server.kill() } else { server.terminate() }
            }
            End::At { .. } => {
                // Who writes sees its death a little before we do.
                let began = Instant::now();
                while !server.has_ended() && began.elapsed() < PATIENCE {
                    std::thread::sleep(GLANCE);
                }
                met = server.has_ended();
                server.kill()
            }
        };
        let life = writing.join().expect("the writers")?;
        let (how, right) = match end {
            End::Killed { .. } => ("killed", ended.status.signal() == Some(9)),
            End::Terminated { .. } => ("terminated", ended.status.success()),
            End::At { point, .. } => (*point, met && ended.died_at_a_point()),
        };
        if !right || ended.said.contains("panicked") {
            return Err(format!("it ended with {}:\n{}", ended.status, ended.said));
        }
        tally.ended(how);
        Ok(life)
    })
}
