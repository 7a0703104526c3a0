//! Bits that flip in the files of a store: its start is refused aloud, or everything that was
//! acknowledged reads as before. Never is a part of it missing in silence.

mod disk;

use std::{collections::BTreeMap, fs, path::Path, sync::atomic::AtomicBool, sync::mpsc::channel};

use crate::{
    crew::{Crew, Fault, Settle},
    support::{
        long,
        random::{Random, seed},
        server::{Ended, House, Server, Start, Started},
    },
};

/// Writes of each writer before the damage.
const WRITES: u64 = 150;
/// The files that are damaged: what is beside them holds nothing.
const DAMAGED: [&str; 4] = [".db", ".db-wal", "state", "anchor"];

/// The files of a store that hold something, by the kind that is asked for.
fn files(directory: &Path, kind: &str) -> Vec<String> {
    let names = fs::read_dir(directory).expect("a directory").flatten();
    let names = names.map(|it| it.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|it| it.ends_with(kind) || it.starts_with(kind)).collect();
    names.sort();
    names
}

/// A store with something in it, that nobody writes to any more.
struct Base {
    house: House,
    crew: Crew,
}

impl Base {
    /// Leaves two directories: `killed`, with the newest groups in the WAL, and `closed`, without one.
    fn make(random: &mut Random) -> Self {
        let house = House::new();
        // Some of the log is in its pages, some in the side file.
        let env = vec![
            ("AIRLOCK_CHECKPOINT_BATCHES", "200".to_owned()),
            ("AIRLOCK_LOG_SIDE_FILE_BYTES", "400000".to_owned()),
        ];
        let server = house.started("killed", &Start { env, ..Start::default() });
        let mut crew = Crew::enlist(&house, &server, random);
        let (tell, _) = channel();
        let life =
            crew.write(server.port, &tell, &AtomicBool::new(false), WRITES).expect("only good answers");
        assert!(WRITES < life.acknowledged, "only {} writes were acknowledged", life.acknowledged);
        server.kill();
        house.copy("killed", "closed");
        let server = house.started("closed", &Start::default());
        crew.verify(&server, Settle::All).expect("what was acknowledged");
        let ended = server.terminate();
        assert!(ended.status.success(), "{}", ended.said);
        Self { house, crew }
    }
}

/// What is done to a file.
#[derive(Clone, Copy, Debug)]
enum Wound {
    /// One bit is the other one.
    Flipped { at: u64, bit: u8 },
    /// A sector is full of zeros.
    Zeroed { sector: u64 },
    /// The rest is gone.
    Cut { at: u64 },
}

impl Wound {
    fn inflict(self, content: &mut Vec<u8>) {
        match self {
            Self::Flipped { at, bit } => content[at as usize] ^= 1 << bit,
            Self::Zeroed { sector } => {
                content
                    .iter_mut()
                    .skip(sector as usize * SECTOR_BYTES)
                    .take(SECTOR_BYTES)
                    .for_each(|it| *it = 0);
            }
            Self::Cut { at } => content.truncate(at as usize),
        }
    }
}

/// What a disk writes at once.
const SECTOR_BYTES: usize = 512;

/// Bits of what no read of the groups meets: the list of free pages, and the header of a log file. A start that takes
/// them must write as ever.
#[test]
fn what_a_start_takes_can_be_written_to() {
    let mut random = Random::new(seed());
    let base = Base::make(&mut random);
    let mut started = 0;
    for at in (24..100).step_by(if long() { 1 } else { 3 }) {
        base.house.copy("killed", "header");
        let directory = base.house.path("header");
        let file = files(&directory, ".db").pop().expect("a log file");
        let path = directory.join(&file);
        let mut content = fs::read(&path).expect("a log file");
        content[at] ^= 1 << random.between(0, 7);
        fs::write(&path, content).expect("the damage is done");
        match base.house.start("header", &Start::default()) {
            Started::Ended(ended) => refused_aloud(&ended).expect("it is refused aloud"),
            Started::Ready(server) => {
                let mut crew = base.crew.clone();
                reads_as_before(&server, &mut crew).expect("it reads as before");
                let (tell, _) = channel();
                let life = crew.write(server.port, &tell, &AtomicBool::new(false), 5).expect("good answers");
                assert!(life.failed_ms.is_none() && 0 < life.acknowledged, "byte {at}: {}", server.said());
                started += 1;
            }
        }
    }
    println!("{started} starts took what was damaged");
}

#[test]
fn damage_is_refused_aloud_or_changes_nothing() {
    let (seed, trials) = (seed(), if long() { 1_000 } else { 70 });
    let mut random = Random::new(seed);
    let mut base = Base::make(&mut random);
    let mut tally: BTreeMap<String, u64> = BTreeMap::new();
    for trial in 0..trials {
        let from = if trial % 2 == 0 { "killed" } else { "closed" };
        base.house.copy(from, "trial");
        let kind = *random.pick(&DAMAGED);
        let file = random.pick(&files(&base.house.path("trial"), kind)).clone();
        let path = base.house.path("trial").join(&file);
        let mut content = fs::read(&path).expect("a file of the store");
        let end = content.len().max(1) as u64 - 1;
        let at = random.between(0, end);
        let wound = match trial % 7 {
            5 if trial % 3 == 0 => Wound::Cut { at },
            5 => Wound::Zeroed { sector: at / SECTOR_BYTES as u64 },
            _ => Wound::Flipped { at, bit: random.between(0, 7) as u8 },
        };
        if content.is_empty() {
            continue;
        }
        wound.inflict(&mut content);
        fs::write(&path, content).expect("the damage is done");
        let outcome = match base.house.start("trial", &Start::default()) {
            Started::Ready(server) => reads_as_before(&server, &mut base.crew).map(|()| "as before"),
            Started::Ended(ended) => refused_aloud(&ended).map(|()| "refused"),
        };
        match outcome {
            Ok(how) => *tally.entry(format!("{kind} {how}")).or_default() += 1,
            Err(fault) => panic!("trial {trial}, {from}/{file}, {wound:?}:\n{fault}"),
        }
    }
    println!("{tally:?}");
    let refused: u64 = tally.iter().filter(|it| it.0.ends_with("refused")).map(|it| it.1).sum();
    assert!(trials / 10 < refused, "hardly anything was noticed: {tally:?}");
}

fn reads_as_before(server: &Server, crew: &mut Crew) -> Result<(), String> {
    crew.verify(server, Settle::Nothing).map_err(|fault| match fault {
        Fault::Gone(it) | Fault::Wrong(it) => format!("it started, and\n{it}\n{}", server.said()),
    })
}

/// A refusal has an exit code of its own, and says what is damaged and how it is mended.
fn refused_aloud(ended: &Ended) -> Result<(), String> {
    let says = |words: &[&str]| words.iter().any(|it| ended.said.contains(it));
    let wrong = [
        (ended.status.code() != Some(3), "it should end with exit code 3"),
        (says(&["panicked"]), "it should not panic"),
        (!says(&["log-", "checkpoint", "anchor", "the log"]), "it should say what is damaged"),
        (!says(&["\"help\":\""]), "it should say how to mend it"),
    ];
    match wrong.iter().find(|it| it.0) {
        Some((_, what)) => Err(format!("{what}: {}\n{}", ended.status, ended.said)),
        None => Ok(()),
    }
}
