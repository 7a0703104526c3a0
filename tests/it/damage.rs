//! Bits that flip in the files of a store: its start is refused aloud, or everything that was
//! acknowledged reads as before. Never is a part of it missing in silence.

mod disk;

use std::{collections::BTreeMap, fs, sync::atomic::AtomicBool, sync::mpsc::channel};

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
/// The files that are damaged, where they stand; the others hold nothing. Large ones come twice.
const FILES: [&str; 7] =
    ["log.db", "log.db", "log.db-wal", "log.db-wal", "state.db", "state.db-wal", "anchor"];

/// A store with something in it, that nobody writes to any more.
struct Base {
    house: House,
    crew: Crew,
}

impl Base {
    /// Leaves two directories: `killed`, with the newest groups in the WAL, and `closed`, without one.
    fn make(random: &mut Random) -> Self {
        let house = House::new();
        let env = vec![("AIRLOCK_CHECKPOINT_BATCHES", "200".to_owned())];
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

#[test]
fn damage_is_refused_aloud_or_changes_nothing() {
    let (seed, trials) = (seed(), if long() { 1_000 } else { 70 });
    let mut random = Random::new(seed);
    let mut base = Base::make(&mut random);
    let mut tally: BTreeMap<String, u64> = BTreeMap::new();
    for trial in 0..trials {
        let from = if trial % 2 == 0 { "killed" } else { "closed" };
        base.house.copy(from, "trial");
        let files: Vec<_> =
            FILES.iter().copied().filter(|it| base.house.path("trial").join(it).exists()).collect();
        let file = *random.pick(&files);
        let path = base.house.path("trial").join(file);
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
            Ok(how) => *tally.entry(format!("{file} {how}")).or_default() += 1,
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
        (!says(&["log.db", "state.db", "anchor", "the log"]), "it should say what is damaged"),
        (!says(&["help: "]), "it should say how to mend it"),
    ];
    match wrong.iter().find(|it| it.0) {
        Some((_, what)) => Err(format!("{what}: {}\n{}", ended.status, ended.said)),
        None => Ok(()),
    }
}
