//! The relay, its clients and what happens to them, one step after the other.

mod checks;

use std::{collections::VecDeque, net::Ipv4Addr, path::Path, sync::Arc};

use super::{
    Random,
    client::{Client, Outcome, Target, Write},
    replica::Replica,
};
use crate::{
    domain::{
        change::{Change, IdempotencyKey, Operation},
        data::Input,
        name::{Identity, UniqueName},
        object::{Address, EventId, ObjectKind, ObjectRef},
        permission::Permission,
        query::{Query, Range},
        service::SettingsChange,
        sid::{AccountSid, ObjectSid, ServiceSid, Sid},
    },
    policy::{PolicySet, folder},
    relay::{
        Answer, Caller, Credential, LogIdentities, Reading, Receipt, Relay, Settings, Watch, Watched,
        rewrite,
        settings::random,
        store::{
            Memory, Store, checkpoint_bytes, committed::Committed, queue::LaneKey, writer::by_hand::ByHand,
        },
        sweep,
        ticket::{Attempt, Ticket},
        verify,
        watcher::Watcher,
    },
};

const CLIENTS: usize = 3;
const STEPS: u64 = 80;
/// The shared objects that everybody watches.
const WATCHED: [(ObjectKind, &str); 4] = [
    (ObjectKind::Document, "polls/p0/tally"),
    (ObjectKind::Map, "rooms/r0/cursors"),
    (ObjectKind::List, "pages/all"),
    (ObjectKind::Document, "plain"),
];

/// The policies of the simulation.
pub(super) fn policies() -> PolicySet {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulation/policies");
    folder::load(&path).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// One life after the other of one relay over one disk.
pub(super) struct World {
    random: Random,
    policies: Arc<PolicySet>,
    disk: Memory,
    relay: Relay,
    writer: ByHand,
    sealed: VecDeque<Committed>,
    again: VecDeque<(Box<Attempt>, LaneKey)>,
    backend: Caller,
    service: ServiceSid,
    clients: Vec<Client>,
    connections: u64,
    attempts: u64,
    /// A second service, which comes and goes.
    other: Option<ServiceSid>,
}

impl World {
    /// Runs one seed to its quiet end.
    pub(super) fn run(seed: u64, policies: &Arc<PolicySet>) {
        let mut world = Self::new(seed, policies);
        for _ in 0..STEPS {
            world.step();
        }
        world.settle();
        world.check();
        world.restart();
        world.settle();
        world.check();
    }

    fn new(seed: u64, policies: &Arc<PolicySet>) -> Self {
        let disk = Memory::default();
        let (relay, writer, backend) = start(&disk, policies);
        let mut world = Self {
            random: Random(seed),
            policies: policies.clone(),
            disk,
            relay,
            writer,
            sealed: VecDeque::new(),
            again: VecDeque::new(),
            backend,
            service: ServiceSid::new([0; 16]),
            clients: Vec::new(),
            connections: 0,
            attempts: 0,
            other: None,
        };
        let now = world.relay.now();
        let genesis = rewrite::founding(random().expect("random bytes"), world.relay.decision(), now);
        world.commit_own(genesis);
        let activation = rewrite::activation(&world.policies, world.relay.decision(), now);
        world.commit_own(activation);
        let settings = SettingsChange::default();
        match world.as_backend(Operation::CreateService { default: true, settings }) {
            Receipt::Service { head, .. } => world.service = head.sid,
            other => panic!("{other:?}"),
        }
        let plain = Operation::Create {
            service: world.service,
            kind: ObjectKind::Document,
            name: Some(name("plain")),
            data: Input::empty(),
            ttl: None,
        };
        world.as_backend(plain);
        for number in 0..CLIENTS {
            let who = format!("client-{number}");
            let identity = Identity::try_from(who.as_str()).expect("an identity");
            let caller = Caller::rehearsed(Some(identity), world.service, serde_json::Value::Null);
            world.connections += 1;
            world.clients.push(Client::new(who, caller, world.connections));
            world.connect(number);
        }
        world
    }

    fn step(&mut self) {
        let client = self.random.below(CLIENTS as u64) as usize;
        match self.random.below(20) {
            0..6 => {
                for _ in 0..=self.random.below(6) {
                    self.write(client);
                }
            }
            6..11 => self.writer_step(),
            11..14 => self.pump_step(),
            14..16 => self.decide_step(),
            16 => self.repeat(client),
            17 => self.cut(client),
            18 => self.backend_acts(client),
            _ => match self.random.below(8) {
                0 => self.restart(),
                1 => self.disk.fail_after(self.random.below(4)),
                2 => self.time_passes(),
                3 => self.other_service(),
                _ => self.read(client),
            },
        }
        self.clients[client].listen();
    }

    fn writer_step(&mut self) {
        let entries = 1 + self.random.below(8) as usize;
        self.sealed.extend(self.writer.step(entries));
    }

    fn pump_step(&mut self) {
        let count = 1 + self.random.below(3) as usize;
        let gathered: Vec<_> = self.sealed.drain(..count.min(self.sealed.len())).collect();
        self.again.extend(self.relay.deliver(gathered));
    }

    fn decide_step(&mut self) {
        if let Some((attempt, lane)) = self.again.pop_front() {
            self.relay.decide_again(attempt, lane);
        }
    }

    /// Lets everything that was sent come to its end.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            let quiet = self.writer.is_drained() && self.sealed.is_empty() && self.again.is_empty();
            if quiet {
                if self.relay.ready().is_err() {
                    self.restart();
                }
                self.clients.iter_mut().for_each(Client::listen);
                return;
            }
            self.writer_step();
            self.pump_step();
            self.decide_step();
        }
        panic!("a system that is left alone does not come to rest");
    }

    /// A write of a client, sent behind whatever it has in flight.
    fn write(&mut self, number: usize) {
        let target = match self.random.below(6) {
            0 | 1 => Target::Ladder,
            2 => Target::Ballot,
            3 => Target::Journal,
            4 => Target::Cursor,
            _ => Target::Plain,
        };
        let who = self.clients[number].name.clone();
        let before = self.clients[number].sent.get(&target).copied();
        let value = if target == Target::Ladder { before.unwrap_or(0) + 1 } else { self.attempts + 1 };
        let (kind, object) = match target {
            Target::Ladder => (ObjectKind::Document, format!("ladders/{who}")),
            Target::Ballot => (ObjectKind::Document, format!("ballots/p0/{who}")),
            Target::Journal => (ObjectKind::List, format!("journals/{who}")),
            Target::Cursor => (ObjectKind::Document, format!("cursors/r0/{who}")),
            Target::Plain => (ObjectKind::Document, "plain".to_owned()),
        };
        let data = match target {
            Target::Ladder => format!(r#"{{"n":{value}}}"#),
            Target::Ballot if self.random.once_in(4) => "{}".to_owned(),
            Target::Ballot => {
                let choice = ["red", "green", "blue"][self.random.below(3) as usize];
                format!(r#"{{"choice":"{choice}","weight":{}}}"#, value % 1_000)
            }
            _ => format!(r#"{{"at":{value}}}"#),
        };
        let data = Input::parse(&data).expect("data");
        let address = Address { service: self.service, kind, object: ObjectRef::Name(name(&object)) };
        let first = before.is_none_or(|it| it == 0) && target != Target::Plain;
        let operation = match target {
            _ if first => {
                let data = if kind == ObjectKind::List { Input::empty() } else { data };
                Operation::Create { service: self.service, kind, name: Some(name(&object)), data, ttl: None }
            }
            Target::Journal => Operation::Push { address, data, ttl: None, collection_ttl: None },
            Target::Ballot if self.random.once_in(8) => Operation::Remove { address },
            _ => Operation::Update { address, data: Some(data), ttl: None },
        };
        self.clients[number].sent.insert(target, value);
        self.send(number, target, value, operation);
    }

    fn send(&mut self, number: usize, target: Target, value: u64, operation: Operation) {
        self.attempts += 1;
        let idempotency = IdempotencyKey::parse(&format!("attempt {}", self.attempts));
        let change = Change { operation, if_match: None, idempotency };
        self.clients[number].send(&self.relay, target, value, change);
    }

    /// The same attempt once more; one that was done has its first answer again.
    fn repeat(&mut self, number: usize) {
        let client = &mut self.clients[number];
        client.listen();
        let done = |it: &&Write| matches!(it.outcome, Some(Outcome::Done(event)) if event != EventId(0));
        let all: Vec<_> =
            client.writes.iter().filter(done).map(|it| (it.target, it.value, it.change.clone())).collect();
        if !all.is_empty() {
            let (target, value, change) = all[self.random.below(all.len() as u64) as usize].clone();
            client.send(&self.relay, target, value, change);
        }
    }

    /// The socket is cut: what waited for it is lost, and the client comes back at what it knows.
    fn cut(&mut self, number: usize) {
        self.relay.unwatch_all(self.clients[number].ear.id());
        self.connections += 1;
        self.clients[number].forget_connection(self.connections);
        // It looks at what became of its writes before it writes on, and waits for that as long as it takes.
        self.settle();
        self.resume(number);
        self.connect(number);
    }

    fn backend_acts(&mut self, number: usize) {
        let who = self.clients[number].name.clone();
        let document = |name_of: &str| Address {
            service: self.service,
            kind: ObjectKind::Document,
            object: ObjectRef::Name(name(name_of)),
        };
        let operation = match self.random.below(3) {
            0 => Operation::Permit {
                address: document("polls/p0/tally"),
                identity: Identity::try_from(who.as_str()).expect("an identity"),
                permission: (!self.random.once_in(3)).then_some(Permission::ALL),
            },
            1 => Operation::Remove { address: document(&format!("ballots/p0/{who}")) },
            _ => Operation::Update {
                address: document(&format!("ballots/p0/{who}")),
                data: Some(Input::parse(r#"{"choice":"blue","weight":7}"#).expect("data")),
                ttl: None,
            },
        };
        let change = Change { operation, if_match: None, idempotency: None };
        let then = Box::new(|_| ());
        self.relay.submit(&self.backend, change, Answer { then, through: None });
    }

    /// Some seconds go by, and the sweep removes what is due.
    fn time_passes(&mut self) {
        self.relay.inner.clock.advance(1_000 * self.random.below(8) as i64);
        let (view, now) = (self.relay.inner.hub.view(), self.relay.now());
        let Some(tenant) = view.tenant(self.service) else { return };
        let due = sweep::due_slice(tenant, view.expiry_time(now));
        if !due.is_empty() {
            let batch = rewrite::expiry(self.service, due, self.relay.decision(), now);
            // A store that has failed refuses it.
            let _refused = self.relay.inner.writer.commit(batch, Ticket::Own(Box::new(|_| ())));
        }
    }

    /// A service is made, gets some objects, and is removed with them.
    fn other_service(&mut self) {
        self.settle();
        let Some(service) = self.other.take() else {
            let settings = SettingsChange::default();
            let made = self.backend_asks(Operation::CreateService { default: false, settings });
            self.other = match made {
                Some(Receipt::Service { head, .. }) => Some(head.sid),
                _ => None,
            };
            return;
        };
        for number in 0..self.random.below(6) {
            let (kind, data) = (ObjectKind::Document, Input::empty());
            let name = Some(name(&format!("object {number}")));
            self.backend_asks(Operation::Create { service, kind, name, data, ttl: None });
        }
        self.backend_asks(Operation::RemoveService { service });
    }

    /// A read sees what its client was acknowledged.
    fn read(&mut self, number: usize) {
        self.clients[number].listen();
        if self.clients[number].waits() {
            return;
        }
        let (acknowledged, possible) = self.clients[number].bounds(Target::Ladder);
        let seen = self.ladder(number);
        assert!(
            acknowledged <= seen && seen <= possible,
            "read {seen}, acknowledged {acknowledged}, sent {possible}"
        );
    }

    /// The process dies and starts again on what is durable.
    fn restart(&mut self) {
        // Whatever was answered before the end was heard.
        self.clients.iter_mut().for_each(Client::listen);
        self.disk.mend();
        self.sealed.clear();
        self.again.clear();
        (self.relay, self.writer, self.backend) = start(&self.disk, &self.policies);
        for number in 0..CLIENTS {
            self.connections += 1;
            self.clients[number].forget_connection(self.connections);
            self.resume(number);
            self.connect(number);
        }
    }

    /// A client that does not know what became of its writes looks.
    fn resume(&mut self, number: usize) {
        let (acknowledged, possible) = self.clients[number].bounds(Target::Ladder);
        let ladder = self.ladder(number);
        assert!(
            acknowledged <= ladder && ladder <= possible,
            "{}: {acknowledged} was acknowledged, {ladder} stands, {possible} was sent",
            self.clients[number].name
        );
        let pages =
            self.items(&self.clients[number].caller, &format!("journals/{}", self.clients[number].name));
        let pages: Vec<String> = pages.unwrap_or_default();
        for write in &self.clients[number].writes {
            if write.target == Target::Journal
                && matches!(write.change.operation, Operation::Push { .. })
                && matches!(write.outcome, Some(Outcome::Done(_)))
            {
                let data = format!(r#"{{"at":{}}}"#, write.value);
                assert_eq!(
                    pages.iter().filter(|it| **it == data).count(),
                    1,
                    "an acknowledged push stands once"
                );
            }
        }
        let client = &mut self.clients[number];
        client.sent.insert(Target::Ladder, ladder);
        for (target, exists) in [
            (Target::Journal, !pages.is_empty() || client.bounds(Target::Journal).0 != 0),
            (Target::Cursor, client.bounds(Target::Cursor).0 != 0),
            (Target::Ballot, client.bounds(Target::Ballot).0 != 0),
        ] {
            if !exists {
                // The first write makes the object; when it stands already the write is refused.
                client.sent.remove(&target);
            }
        }
    }

    /// Watches the shared objects from where the client stands.
    fn connect(&mut self, number: usize) {
        for (kind, object) in WATCHED {
            let sid = self.sid(&self.clients[number].caller, kind, object);
            let mut since = self.clients[number].replicas.get(&sid).map_or(EventId(0), |it| it.newest);
            let mut anew = None;
            loop {
                let watch = Watch { object: sid, since: Some(since), anew };
                let watcher: Arc<dyn Watcher> = self.clients[number].ear.clone();
                let caller = self.clients[number].caller.clone();
                let mut batch = self.relay.watch_batch(&caller);
                let outcomes = self.relay.watch(&caller, &mut batch, &[watch], &watcher, &mut |_, _| None);
                self.clients[number].listen();
                match outcomes.into_iter().next().expect("an answer") {
                    Ok(Watched::Established(_)) => break,
                    Ok(Watched::Interrupted { at, newest }) => {
                        anew = anew.or((since == EventId(0)).then_some(newest));
                        since = at;
                    }
                    Err(_) if since != EventId(0) => {
                        // Below the floor: the object is opened again.
                        self.clients[number].replicas.remove(&sid);
                        (since, anew) = (EventId(0), None);
                    }
                    Err(error) => panic!("{object} cannot be watched: {error}"),
                }
            }
        }
    }

    /// What a backend does at the start.
    fn as_backend(&mut self, operation: Operation) -> Receipt {
        self.backend_asks(operation).expect("it is done")
    }

    /// What a backend does and waits for; `None` when it is refused, or the store has failed.
    fn backend_asks(&mut self, operation: Operation) -> Option<Receipt> {
        let (tell, told) = std::sync::mpsc::channel();
        // Whoever asked may have stopped waiting.
        let then = Box::new(move |result| tell.send(result).unwrap_or_default());
        let change = Change { operation, if_match: None, idempotency: None };
        self.relay.submit(&self.backend, change, Answer { then, through: None });
        self.settle();
        // A process that died has not answered.
        told.try_recv().ok()?.ok()
    }

    fn commit_own(&mut self, batch: rewrite::Batch) {
        let ticket = Ticket::Own(Box::new(|result| result.expect("it is done")));
        assert!(self.relay.inner.writer.commit(batch, ticket).is_ok(), "there is room");
        self.settle();
    }
}

fn name(text: &str) -> UniqueName {
    UniqueName::try_from(text).expect("a name")
}

/// A relay over what is on the disk, and its backend.
fn start(disk: &Memory, policies: &Arc<PolicySet>) -> (Relay, ByHand, Caller) {
    let (writer, by_hand, view) = ByHand::start(Store::Memory(disk.clone())).expect("the store recovers");
    let (account, secret): (AccountSid, _) = (Sid::new([1; 16]), "s".repeat(32));
    let settings = Settings {
        account,
        auth_token: secret.clone(),
        keys: format!("SK{}:{secret}", "1".repeat(32)).parse().expect("a key"),
        data: None,
        code_of: |_| 0,
        log_identities: LogIdentities::Plain,
        hosted_limits: false,
        policies: policies.clone(),
        plain_objects_max: 100,
        plain_bytes_max: 1 << 30,
        memory_max_bytes: 0,
        erase_within: std::time::Duration::from_secs(24 * 3_600),
        disk_min_free_bytes: 0,
    };
    let relay = Relay::assemble(settings, writer, view).expect("a relay");
    relay.inner.clock.stop();
    let user = account.to_string();
    let credential = Credential::Basic { user: &user, password: &secret };
    let backend = relay.authenticate(credential, Ipv4Addr::LOCALHOST.into()).expect("a backend");
    (relay, by_hand, backend)
}
