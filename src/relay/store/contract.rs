//! What every store promises: one suite, run for the log in memory and the log on disk.

mod applying;
mod collecting;
mod copying;
mod damage;
mod ending;
mod expiring;
mod expiry_events;
mod folding;
mod forgetting;
mod hooking;
mod restoring;
mod steps;
mod world;

use std::{
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use super::{
    apply::apply,
    committed::{Committed, Verdict},
    *,
};
use crate::{
    domain::object::ObjectKind::{Document, Map},
    relay::{
        error::{Error, Failure},
        record::Record,
        rewrite::Batch,
        seal,
        store::writer::Writer,
        ticket::Ticket,
    },
};
use world::{World, pictured};

/// A place that outlives the store on it.
enum Disk {
    Memory(Memory),
    Embedded(tempfile::TempDir),
}

impl Disk {
    fn each(test: impl Fn(&Self)) {
        test(&Self::Memory(Memory::default()));
        test(&Self::Embedded(tempfile::tempdir().expect("a directory")));
    }

    fn open(&self) -> Store {
        match self {
            Self::Memory(it) => Store::Memory(it.clone()),
            Self::Embedded(it) => Store::Embedded(Embedded::open(it.path()).expect("the store opens")),
        }
    }

    fn recovered(&self) -> View {
        self.open().recover().expect("the store recovers")
    }
}

/// The writer with somebody at the other end of it.
struct Running {
    writer: Writer,
    groups: Receiver<Committed>,
    answers: (std::sync::mpsc::Sender<Said>, Receiver<Said>),
    view: View,
    said: Vec<u64>,
}

type Said = (u64, Result<(), Error>);

impl Running {
    fn on(store: Store) -> Self {
        let (writer, view, groups) =
            Writer::start(store, Duration::from_secs(3_600)).expect("the writer starts");
        Self { writer, groups, answers: channel(), view, said: Vec::new() }
    }

    /// Puts a batch into the queue; `name` is what its answer is known by.
    fn send(&self, name: u64, batch: Batch) -> Result<(), Failure> {
        let tell = self.answers.0.clone();
        let ticket =
            Ticket::Own(Box::new(move |result| tell.send((name, result)).expect("somebody listens")));
        self.writer.commit(batch, ticket).map_err(|(_, failure)| failure)
    }

    /// Takes groups until `count` batches were answered; gives the answers in their order.
    fn hear(&mut self, count: usize) -> Vec<Said> {
        let mut heard = Vec::new();
        while heard.len() < count {
            let (view, outcomes) = self.groups.recv().expect("a sealed group").open();
            self.view = view;
            for outcome in outcomes {
                let Ticket::Own(then) = outcome.ticket else { panic!("no attempt was sent") };
                then(match outcome.verdict {
                    Verdict::Done { .. } => Ok(()),
                    Verdict::Not(error) => Err(error),
                    Verdict::DecideAgain(_) => Err(Failure::Contended.into()),
                });
                heard.push(self.answers.1.recv().expect("an answer"));
            }
        }
        heard
    }

    /// The first batches of a store, one after the other.
    fn found(&mut self, world: &World) {
        for batch in world.founded() {
            self.commit(vec![batch]);
        }
        self.said.clear();
    }

    /// Sends the batches and hears that each stands.
    fn commit(&mut self, batches: Vec<Batch>) {
        let count = batches.len();
        for (name, batch) in (0..).zip(batches) {
            self.send(name, batch).expect("there is room");
        }
        for (name, result) in self.hear(count) {
            result.expect("it stands");
            self.said.push(name);
        }
    }
}

/// A log of some groups, of which each does something else.
fn history(world: &World) -> Vec<Vec<Record>> {
    let create = |kind, name: &str, text| world.backend(world.create(kind, name, text));
    vec![
        vec![world.founding(), world.service()],
        vec![create(Document, "one", r#"{"n":1}"#), create(Map, "many", "{}")],
        vec![
            world.backend(world.set("many", "a", r#"{"n":2}"#)),
            world.backend(world.set("many", "b", "{}")),
        ],
        vec![world.backend(world.unset("many", "a"))],
        vec![world.private("alice", "alice", r#"{"n":3}"#, Some(60))],
    ]
}

/// Writes groups as the writer does: applied to an overlay, sealed, appended.
fn append(store: &mut Store, view: &mut View, groups: &[Vec<Record>]) {
    for records in groups {
        for record in records {
            let applied = apply(view, record).expect("it applies");
            assert!(!applied.repeated, "a history repeats nothing");
        }
        let (blob, chain) = seal::seal(&view.chain, view.seq + 1, records).expect("it is sealed");
        store.append(view.seq + 1, &blob, &chain).expect("it is durable");
        (view.seq, view.chain) = (view.seq + 1, chain);
    }
}

/// Goes on in a new log file and writes a checkpoint of what was before, as the writer and its thread do. What it covers
/// is still there.
fn checkpointed(store: &mut Store, view: &View) -> Checkpointer {
    let mut checkpointer = store.checkpointer();
    let log = checkpointer.make_log().expect("a log file");
    drop(store.switch(log));
    checkpointer.write(view).expect("the checkpoint is written");
    checkpointer
}

#[test]
fn an_empty_store_recovers_to_nothing() {
    Disk::each(|disk| {
        let view = disk.recovered();
        assert_eq!((view.seq, view.services.len()), (0, 0));
    });
}

#[test]
fn what_was_committed_is_recovered() {
    Disk::each(|disk| {
        let world = World::default();
        let (mut store, mut view) = (disk.open(), View::default());
        append(&mut store, &mut view, &history(&world));
        drop(store);
        let recovered = disk.recovered();
        assert_eq!(pictured(&recovered), pictured(&view));
        assert_eq!((recovered.seq, recovered.chain), (view.seq, view.chain));
    });
}

#[test]
fn the_writer_acknowledges_what_is_recovered_afterwards() {
    Disk::each(|disk| {
        let mut running = Running::on(disk.open());
        let world = World::default();
        running.found(&world);
        running.commit((0..20).map(|at| world.made(&running.view, &format!("made/{at}"))).collect());
        running.writer.stop();
        let recovered = disk.recovered();
        assert_eq!(pictured(&recovered), pictured(&running.view));
        assert_eq!(recovered.services.values().map(|it| it.objects.len()).sum::<usize>(), 20);
        assert!(matches!(running.send(99, world.made(&running.view, "late")), Err(Failure::Stopping)));
    });
}

#[test]
fn one_lane_keeps_its_order() {
    Disk::each(|disk| {
        let mut running = Running::on(disk.open());
        let world = World::default();
        running.found(&world);
        running.commit((0..200).map(|at| world.made(&running.view, &format!("made/{at}"))).collect());
        assert_eq!(running.said, (0..200).collect::<Vec<_>>());
        running.writer.stop();
        assert_eq!(pictured(&disk.recovered()), pictured(&running.view));
    });
}

#[test]
fn a_failed_sync_acknowledges_nothing_and_ends_writing() {
    let memory = Memory::default();
    let mut running = Running::on(Store::Memory(memory.clone()));
    let world = World::default();
    running.found(&world);
    let before = pictured(&running.view);
    memory.fail_after(0);
    let waiting: Vec<_> = (0..50).map(|at| world.made(&running.view, &format!("lost/{at}"))).collect();
    let mut taken = 0;
    for (name, batch) in (0..).zip(waiting) {
        match running.send(name, batch) {
            Ok(()) => taken += 1,
            // The writer was quicker: then it says so at once.
            Err(failure) => assert_eq!(failure, Failure::Store),
        }
    }
    for (_, result) in running.hear(taken) {
        assert!(matches!(result, Err(Error::Failed(Failure::Store))), "{result:?}");
    }
    assert_eq!(pictured(&running.view), before, "the group that was not durable is not shown");
    assert!(running.writer.failed());
    memory.mend();
    let refused = running.send(99, world.made(&running.view, "lost/late"));
    assert_eq!(refused, Err(Failure::Store), "a mended disk is believed only after a restart");
    running.writer.stop();
    assert_eq!(pictured(&Store::Memory(memory).recover().expect("recovered")), before);
}

#[test]
fn a_sync_that_fails_later_keeps_what_was_acknowledged() {
    let memory = Memory::default();
    let mut running = Running::on(Store::Memory(memory.clone()));
    let world = World::default();
    running.found(&world);
    memory.fail_after(3);
    let mut stood = Vec::new();
    for at in 0..6 {
        let name = format!("made/{at}");
        let batch = world.made(&running.view, &name);
        if running.send(at, batch).is_ok() && running.hear(1).iter().all(|it| it.1.is_ok()) {
            stood.push(name);
        }
    }
    assert_eq!(stood, ["made/0", "made/1", "made/2"]);
    running.writer.stop();
    let recovered = pictured(&Disk::Memory(memory).recovered());
    assert_eq!(recovered, pictured(&running.view));
}

#[test]
fn a_checkpoint_and_the_log_behind_it_give_the_same_view() {
    let world = World::default();
    let groups = history(&world);
    for cut in 0..=groups.len() {
        Disk::each(|disk| {
            let (mut store, mut view) = (disk.open(), View::default());
            append(&mut store, &mut view, &groups[..cut]);
            let checkpointer = checkpointed(&mut store, &view);
            append(&mut store, &mut view, &groups[cut..]);
            drop(store);
            assert_eq!(pictured(&disk.recovered()), pictured(&view), "untrimmed, cut at {cut}");
            checkpointer.remove_covered().expect("the log is cut");
            let recovered = disk.recovered();
            assert_eq!(pictured(&recovered), pictured(&view), "trimmed, cut at {cut}");
            assert_eq!((recovered.seq, recovered.chain), (view.seq, view.chain));
        });
    }
}
