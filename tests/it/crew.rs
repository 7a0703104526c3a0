//! The writers of one data directory: they write at once, each to its own objects, and look at all
//! of them after the server has come back.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::Sender,
    },
};

use serde_json::json;

use crate::{
    ledger::{Ledger, Pending, Span},
    sight::Sight,
    support::{
        http::{Answer, Http, Request},
        now_ms,
        random::Random,
        server::{House, Server},
    },
    thing::{Attempt, Door, Op, Thing},
};

/// Writers of one crew; each is a thread with a connection of its own.
const WRITERS: u64 = 6;
/// Writes of one writer in one life of the server: a bound, reached by none that is killed.
pub const WRITES_MAX: u64 = 5_000;

/// Failures of the store after which a writer stops: fewer than a third of its objects.
const FAILURES_MAX: u64 = 6;

/// All who write to one data directory.
#[derive(Clone)]
pub struct Crew {
    pub service: String,
    writers: Vec<Writer>,
    /// The newest event id that was ever told.
    newest_event: u64,
}

/// One who writes.
#[derive(Clone)]
struct Writer {
    ledger: Ledger,
    /// The headers of its identities.
    clients: BTreeMap<String, String>,
    random: Random,
    number: u64,
}

/// What happened in one life of the server.
#[derive(Default)]
pub struct Life {
    /// Writes that were sent.
    pub sent: u64,
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// When the first answer came that the store has failed.
    pub failed_ms: Option<i64>,
    /// When the newest write was sent that was acknowledged.
    pub newest_sent_ms: i64,
    events: Vec<u64>,
}

impl Life {
    fn join(&mut self, other: Self) {
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.failed_ms = [self.failed_ms, other.failed_ms].into_iter().flatten().min();
        self.newest_sent_ms = self.newest_sent_ms.max(other.newest_sent_ms);
        self.events.extend(other.events);
    }
}

impl Crew {
    /// Makes a service with permissions on, and the maps in which the writers will write.
    pub fn enlist(house: &House, server: &Server, random: &mut Random) -> Self {
        let made = server.post("/v1/Services", "FriendlyName=crash&AclEnabled=true");
        let service = made.body["sid"].as_str().expect("a service").to_owned();
        let mut http = server.http();
        let writers = (0..WRITERS).map(|index| {
            let mut ledger = Ledger::default();
            let mut clients = BTreeMap::new();
            for owner in ["ada", "bob"].map(|it| format!("{it}{index}")) {
                let authorization = house.client(&service, &owner);
                for name in [format!("bag {owner}"), format!("pins/{owner}")] {
                    let request = Request {
                        method: "POST",
                        path: "/v3/Maps".into(),
                        authorization: authorization.clone(),
                        attempt: None,
                        content_type: "application/json",
                        body: json!({ "unique_name": name }).to_string(),
                    };
                    let made = http.send(&request).expect("an answer");
                    assert_eq!(made.status, 201, "{}", made.body);
                }
                things(&owner).into_iter().for_each(|it| ledger.admit(it));
                clients.insert(owner, authorization);
            }
            ledger.admit(Thing::Posted { room: "r1".into(), key: format!("the backend {index}") });
            Writer { ledger, clients, random: random.fork(), number: index * 1_000_000 }
        });
        Self { writers: writers.collect(), service, newest_event: 0 }
    }

    /// Has all write until the server is gone, `stop` is set, or each has sent as many as `most`;
    /// `told` hears of each acknowledgement.
    ///
    /// # Errors
    /// The first answer that no faultless server gives.
    pub fn write(
        &mut self,
        port: u16,
        told: &Sender<()>,
        stop: &AtomicBool,
        most: u64,
    ) -> Result<Life, String> {
        let service = &self.service;
        let lives: Vec<Result<Life, String>> = std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .writers
                .iter_mut()
                .map(|writer| {
                    let told = told.clone();
                    scope.spawn(move || writer.write(port, service, &told, stop, most))
                })
                .collect();
            threads.into_iter().map(|it| it.join().expect("a writer")).collect()
        });
        let mut all = Life::default();
        for life in lives {
            all.join(life?);
        }
        let (floor, mut seen) = (self.newest_event, BTreeSet::new());
        for event in &all.events {
            if *event <= floor || !seen.insert(*event) {
                return Err(format!("event {event} was told twice; {floor} was known before this life"));
            }
            self.newest_event = self.newest_event.max(*event);
        }
        Ok(all)
    }

    /// Reads everything as a backend and compares it with the ledgers. What was in flight is then
    /// known, unless `settle` says to leave it.
    ///
    /// # Errors
    /// Each object that is not as it must be, or that the server is gone.
    pub fn verify(&mut self, server: &Server, settle: Settle) -> Result<(), Fault> {
        let things = self.writers.iter().flat_map(|it| it.ledger.things());
        let sight = Sight::take(&mut server.http(), &self.service, things.cloned()).map_err(Fault::Gone)?;
        let mut faults = Vec::new();
        for writer in &mut self.writers {
            let things: Vec<Thing> = writer.ledger.things().cloned().collect();
            for thing in things {
                let found = sight.found(&thing);
                match writer.ledger.judge(&thing, &found, sight.read) {
                    Ok(_) if settle == Settle::Nothing => (),
                    Ok(mut state) => {
                        // What an expiry has made uncertain is known again.
                        if let (Some(side), Some((_, revision))) = (&mut state.shared, &found.shared) {
                            side.revision = Some(*revision);
                        }
                        writer.ledger.acknowledged(&thing, state);
                    }
                    Err(fault) => faults.push(fault),
                }
            }
        }
        faults.extend(sight.strangers());
        if faults.is_empty() { Ok(()) } else { Err(Fault::Wrong(faults.join("\n"))) }
    }

    /// Sends again, each under its own name, writes that got no answer before the crash: whether
    /// they had been done or not, they stand once after it (decision 7).
    ///
    /// # Errors
    /// The first answer that no faultless server gives.
    pub fn repeat(&mut self, server: &Server) -> Result<u64, String> {
        let (mut http, mut repeated) = (server.http(), 0);
        for writer in &mut self.writers {
            let things: Vec<Thing> = writer.ledger.things().cloned().collect();
            for thing in things {
                let Some(pending) = writer.ledger.pending(&thing).cloned() else { continue };
                // What expires may be gone before; and some are left for the comparison alone.
                if matches!(thing, Thing::Fleeting { .. }) || writer.random.once_in(2) {
                    continue;
                }
                let sure = writer.ledger.sure(&thing).clone();
                let from = pending.state.own.as_ref().map_or_else(now_ms, |it| it.wrote.from);
                let request = writer.request(&thing, pending.attempt, &self.service);
                let answer = http.send(&request);
                let state = thing.after(&sure, pending.attempt.op, Span::of_server(from, now_ms()));
                // It dies while this is repeated: this is still in flight, and may be done now, too.
                let Ok(answer) = answer else {
                    writer.ledger.unknown(&thing, Pending { state, ..pending });
                    return Ok(repeated);
                };
                // What was removed already is not found again.
                if (pending.attempt.op, answer.status) != (Op::Remove, 404) {
                    agrees(&thing, pending.attempt, &answer, state.own.as_ref().and_then(|it| it.revision))?;
                }
                writer.ledger.acknowledged(&thing, state);
                repeated += 1;
            }
        }
        Ok(repeated)
    }

    /// The same crew, sure that nothing of what is in flight was done.
    pub fn sure(&self) -> Self {
        let mut crew = self.clone();
        crew.writers.iter_mut().for_each(|it| it.ledger.forget_pending());
        crew
    }

    /// Plants an acknowledgement that no server has given: the next `verify` must complain.
    pub fn plant(&mut self) -> impl FnOnce(&mut Self) + use<> {
        let writer = self.writers.first_mut().expect("a writer");
        let thing = writer.ledger.things().next().expect("an object").clone();
        let sure = writer.ledger.sure(&thing).clone();
        let now = now_ms();
        let forged = thing.after(&sure, Op::Set(999_999), Span::of_server(now, now));
        writer.ledger.acknowledged(&thing, forged);
        move |crew| crew.writers[0].ledger.acknowledged(&thing, sure)
    }
}

/// Why a comparison did not come out well.
#[derive(Debug)]
pub enum Fault {
    /// The server did not answer: nothing was compared.
    Gone(String),
    /// Something is not as it must be.
    Wrong(String),
}

impl Fault {
    /// What there is to say about it.
    pub fn into_text(self) -> String {
        let (Self::Gone(text) | Self::Wrong(text)) = self;
        text
    }
}

/// What becomes of writes in flight when everything was looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Settle {
    /// They stand or they do not, from here on.
    All,
    /// They stay open.
    Nothing,
}

fn things(owner: &str) -> Vec<Thing> {
    let owner = || owner.to_owned();
    let mut things = vec![Thing::Status { owner: owner() }];
    for number in 0..2 {
        things.push(Thing::Plain { owner: owner(), number });
        things.push(Thing::Item { owner: owner(), key: format!("key/{number}") });
        things.push(Thing::Cursor { room: format!("r{number}"), owner: owner() });
        things.push(Thing::Pin { owner: owner(), key: format!("pin {number}") });
    }
    things.push(Thing::Fleeting { owner: owner(), key: "fleeting".into() });
    things
}

impl Writer {
    fn write(
        &mut self,
        port: u16,
        service: &str,
        told: &Sender<()>,
        stop: &AtomicBool,
        most: u64,
    ) -> Result<Life, String> {
        let (mut http, mut life, mut failures) = (Http::to(port), Life::default(), 0);
        let things: Vec<Thing> = self.ledger.things().cloned().collect();
        while life.sent < most && !stop.load(Ordering::Relaxed) {
            let thing = self.random.pick(&things).clone();
            // In doubt since the store has failed: left as it is.
            if self.ledger.pending(&thing).is_some() {
                continue;
            }
            let Some(attempt) = self.choose(&thing) else { continue };
            let request = self.request(&thing, attempt, service);
            let from = now_ms();
            let answer = http.send(&request);
            let state = thing.after(self.ledger.sure(&thing), attempt.op, Span::of_server(from, now_ms()));
            life.sent += 1;
            match answer {
                Ok(answer) if answer.status == 429 => (),
                Ok(answer) if answer.says_store_failed() => {
                    life.failed_ms.get_or_insert_with(now_ms);
                    self.ledger.unknown(&thing, Pending { attempt, state });
                    failures += 1;
                    if failures == FAILURES_MAX {
                        break;
                    }
                }
                Ok(answer) => {
                    agrees(&thing, attempt, &answer, state.own.as_ref().and_then(|it| it.revision))?;
                    self.ledger.acknowledged(&thing, state);
                    life.acknowledged += 1;
                    life.newest_sent_ms = from;
                    // A new object has had no event yet.
                    life.events.extend(answer.body["last_event_id"].as_u64().filter(|it| *it != 0));
                    // Nobody listens once enough was heard.
                    let _heard = told.send(());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(format!("{thing:?}: no answer to {attempt:?}, and no end: {error}"));
                }
                Err(_) => {
                    self.ledger.unknown(&thing, Pending { attempt, state });
                    break;
                }
            }
        }
        Ok(life)
    }

    fn choose(&mut self, thing: &Thing) -> Option<Attempt> {
        let stands = self.ledger.sure(thing).own.is_some();
        self.number += 1;
        let op = match (thing, self.random.between(0, 9)) {
            (Thing::Fleeting { .. }, _) => Op::Set(self.number),
            (_, 0) if stands => Op::Remove,
            (Thing::Posted { .. }, _) => Op::Set(self.number),
            (_, 1) => Op::Empty,
            _ => Op::Set(self.number),
        };
        let door = match (thing, self.random.once_in(4)) {
            (Thing::Posted { .. }, _) => Door::Backend,
            // Whoever makes a plain document has the right to write it.
            (Thing::Plain { .. }, true) if stands => Door::Backend,
            (Thing::Plain { .. } | Thing::Fleeting { .. }, _) | (_, false) => Door::Client,
            (_, true) => Door::Backend,
        };
        // A status may be written five times a minute: that one is refused is told soon enough.
        let spared = matches!(thing, Thing::Status { .. }) && !self.random.once_in(4);
        (!spared).then_some(Attempt { op, door, number: self.number })
    }

    fn request(&self, thing: &Thing, attempt: Attempt, service: &str) -> Request {
        let authorization = thing.owner().map(|it| self.clients[it].as_str()).unwrap_or_default();
        thing.request(attempt, self.ledger.sure(thing).own.is_some(), service, authorization)
    }
}

/// An answer must be an acknowledgement with the revision that follows.
fn agrees(thing: &Thing, attempt: Attempt, answer: &Answer, expected: Option<u64>) -> Result<(), String> {
    let found = answer.revision();
    // The answer to the removal of an item shows its last revision.
    let right = attempt.op == Op::Remove || expected.is_none() || expected == found;
    if answer.acknowledges() && right {
        return Ok(());
    }
    Err(format!("{thing:?}: {attempt:?} should give revision {expected:?}, the answer is {answer:?}"))
}
