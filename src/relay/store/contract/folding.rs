//! Folds after any history: granting, writing, changing, withdrawing, removing, expiry, forgetting, repetition and a
//! crash, in any order, leave what a batch computation over the private objects that stand gives.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::json;

use super::{
    Disk, append,
    applying::{done, rejected, stage},
    checkpointed,
    world::{SERVICE, World, data, identity, named, pictured, shell, sid},
};
use crate::{
    domain::{
        limits::SHARED_EMPTY_SECONDS,
        name::{Identity, ItemId},
        object::{EventId, ObjectKind::Document, Space},
        permission::Permission,
        sid::ObjectSid,
        time::Timestamp,
    },
    policy::fold::{self, Field, Kind, Shape, Share},
    relay::{
        record::{By, Effect, Need, Publication, Record, Spot},
        refusal::{Missing, Reason},
        store::{
            Checkpointer, Memory, Store,
            apply::Rejection,
            view::{Body, Folded, Object, View},
        },
    },
};

pub(super) fn shape() -> Shape {
    let field = |name: &str, kind| Field { name: name.into(), kind };
    Shape::new(vec![
        field("votes", Kind::CountBy { top: None }),
        field("voters", Kind::Count),
        field("sum", Kind::Sum),
        field("least", Kind::Min),
        field("most", Kind::Max),
        field("best", Kind::Top { count: 2 }),
    ])
    .expect("a shape")
}

pub(super) fn share(value: u8) -> Share {
    let keep = json!({ "v": value });
    let part = |it: &Field| it.kind.part(&json!(value), Some(&keep)).ok();
    Share::new(shape().fields().iter().map(part).collect())
}

fn publication(value: u8) -> Publication {
    let shell = shell(Document, "tally", Space::Shared { policy: "cursors".into() });
    Publication {
        shell,
        spot: Spot::Fold { shape: shape(), share: share(value) },
        data: data("{}"),
        expires: None,
    }
}

/// A ballot: made if it does not stand; `None` withdraws it.
pub(super) fn ballot(world: &World, view: &View, owner: &str, value: Option<u8>, ttl: Option<i64>) -> Record {
    let stands =
        view.tenant(SERVICE).expect("the service").object(sid(Document, owner), world.at()).is_some();
    let publications: Vec<Publication> = value.iter().map(|it| publication(*it)).collect();
    let text = value.map_or_else(|| "{}".to_owned(), |it| format!(r#"{{"choice":{it}}}"#));
    let expires = ttl.map(|it| Timestamp::from_seconds(world.now.get() + it));
    if stands {
        let mut effect = world.update(owner, &text);
        if let Effect::Update { publications: all, expires: when, .. } = &mut effect {
            (*all, *when) = (Some(publications), Some(expires));
        }
        return world.policy(owner, effect);
    }
    let shell = shell(Document, owner, Space::Private { owner: identity(owner), policy: "cursors".into() });
    let data = Some(data(&text));
    world.policy(owner, Effect::Create { service: SERVICE, shell, data, expires, publications })
}

pub(super) fn folded(view: &View) -> Option<&Folded> {
    match &view.tenant(SERVICE)?.objects.get(&sid(Document, "tally"))?.body {
        Body::Fold(fold) => Some(fold),
        _ => None,
    }
}

/// One step of a history; a number names whose ballot it is.
#[derive(Clone, Debug)]
enum Move {
    Vote(u8, u8),
    VoteForAWhile(u8, u8, i64),
    Withdraw(u8),
    Remove(u8),
    /// Somebody may read the fold, whether it stands or not.
    Grant(u8),
    Revoke(u8),
    /// A day goes by, and what is empty is forgotten.
    Forget,
    /// The last attempt again, under the same key.
    Repeat,
    /// Time goes by, and what is due expires.
    Wait(i64),
    /// Time goes by, and nothing is swept yet.
    Lag(i64),
    Checkpoint,
    /// Up to the checkpoint the log is cut.
    Trim,
    /// The store is opened again from what is at rest.
    Crash,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let step = prop_oneof![
        12 => (0..5_u8, 0..4_u8).prop_map(|(who, what)| Move::Vote(who, what)),
        4 => (0..5_u8, 0..4_u8, 1..9_i64).prop_map(|(who, what, ttl)| Move::VoteForAWhile(who, what, ttl)),
        4 => (0..5_u8).prop_map(Move::Withdraw),
        5 => (0..5_u8).prop_map(Move::Remove),
        3 => (0..2_u8).prop_map(Move::Grant),
        4 => (0..2_u8).prop_map(Move::Revoke),
        4 => Just(Move::Forget),
        2 => Just(Move::Repeat),
        5 => (1..6_i64).prop_map(Move::Wait),
        1 => (1..6_i64).prop_map(Move::Lag),
        1 => Just(Move::Checkpoint),
        1 => Just(Move::Trim),
        2 => Just(Move::Crash),
    ];
    prop::collection::vec(step, 0..20)
}

/// A store through its crashes, and beside it a model: who stands, with what, until when.
struct Life<'a> {
    world: World,
    disk: &'a Disk,
    store: Option<Store>,
    view: View,
    model: BTreeMap<String, (u8, Option<i64>)>,
    readers: BTreeSet<Identity>,
    last: Option<Record>,
    checkpoint: Option<Checkpointer>,
    /// How often each kind of step has changed, or met, something.
    met: BTreeMap<&'static str, u32>,
}

impl<'a> Life<'a> {
    fn on(disk: &'a Disk) -> Self {
        let mut life = Self {
            world: World::default(),
            disk,
            store: Some(disk.open()),
            view: View::default(),
            model: BTreeMap::new(),
            readers: BTreeSet::new(),
            last: None,
            checkpoint: None,
            met: BTreeMap::new(),
        };
        let founding = vec![life.world.founding(), life.world.service()];
        life.log(founding);
        life
    }

    fn log(&mut self, group: Vec<Record>) {
        append(self.store.as_mut().expect("it is open"), &mut self.view, &[group]);
    }

    fn meet(&mut self, kind: &'static str) {
        *self.met.entry(kind).or_default() += 1;
    }

    fn vote(&mut self, at: usize, who: u8, value: Option<u8>, ttl: Option<i64>) {
        let owner = format!("voter-{who}");
        let mut batch = [0; 16];
        batch[..8].copy_from_slice(&(at as u64 + 1).to_be_bytes());
        let ballot = ballot(&self.world, &self.view, &owner, value, ttl);
        let record = Record { batch: Some(batch), ..ballot };
        self.log(vec![record.clone()]);
        self.last = Some(record);
        let until = ttl.map(|it| self.world.now.get() + it);
        let stood = match value {
            Some(value) => self.model.insert(owner, (value, until)),
            None => self.model.remove(&owner),
        };
        match (value, stood) {
            (Some(_), None) => self.meet("write"),
            (Some(_), Some(_)) => self.meet("change"),
            (None, Some(_)) => self.meet("withdraw"),
            (None, None) => {}
        }
    }

    fn remove(&mut self, who: u8) {
        let owner = format!("voter-{who}");
        let object = sid(Document, &owner);
        let record = self.world.policy(&owner, Effect::Remove { service: SERVICE, object });
        let tenant = self.view.tenant(SERVICE).expect("the service");
        if tenant.object(object, self.world.at()).is_some() {
            self.log(vec![record]);
        } else {
            rejected(&mut self.view, &record);
        }
        if self.model.remove(&owner).is_some() {
            self.meet("remove");
        }
    }

    fn permit(&mut self, who: u8, permission: Option<Permission>) {
        let identity = identity(&format!("reader-{who}"));
        let shell = shell(Document, "tally", Space::Shared { policy: "cursors".into() });
        let (service, shape) = (SERVICE, shape());
        let effect = Effect::PermitFold { service, shell, shape, identity: identity.clone(), permission };
        let record = self.world.backend(effect);
        if permission.is_none() && !self.readers.contains(&identity) {
            let missing = Rejection::Refused(Reason::NotFound(Missing::Grant));
            assert_eq!(rejected(&mut self.view, &record), missing);
            return;
        }
        self.log(vec![record]);
        if permission.is_some() {
            self.meet("grant");
            self.readers.insert(identity);
        } else {
            self.readers.remove(&identity);
        }
    }

    fn forget(&mut self) {
        self.wait(SHARED_EMPTY_SECONDS);
        self.sweep();
        self.wait(SHARED_EMPTY_SECONDS);
        let before = Timestamp::from_seconds(self.world.now.get() - SHARED_EMPTY_SECONDS);
        let stood = self.tally().is_some();
        let forget = Effect::Forget { service: SERVICE, objects: vec![sid(Document, "tally")], before };
        let record = self.world.record(By::System, forget);
        self.log(vec![record]);
        let stands = stood && !(self.model.is_empty() && self.readers.is_empty());
        assert_eq!(self.tally().is_some(), stands, "what is empty is forgotten, and nothing else");
        if stood && !stands {
            self.meet("forget");
        }
    }

    fn tally(&self) -> Option<&Arc<Object>> {
        self.view.tenant(SERVICE)?.objects.get(&sid(Document, "tally"))
    }

    /// The same attempt again is known, whatever has become of it, and changes nothing.
    fn repeat(&mut self) {
        let Some(record) = &self.last else { return };
        assert_eq!(rejected(&mut self.view, record), Rejection::Known);
        self.meet("duplicate");
    }

    fn wait(&mut self, seconds: i64) {
        let now = self.world.now.get() + seconds;
        self.world.now.set(now);
        self.model.retain(|_, it| it.1.is_none_or(|until| now < until));
    }

    fn due(&self) -> Vec<(ObjectSid, Option<ItemId>)> {
        let due = self.view.tenant(SERVICE).expect("the service").due.iter();
        due.take_while(|it| it.0 <= self.world.at()).map(|it| (it.1, it.2.clone())).collect()
    }

    fn sweep(&mut self) {
        let due = self.due();
        if !due.is_empty() {
            self.meet("expire");
        }
        let record = self.world.record(By::System, Effect::Expire { service: SERVICE, due });
        self.log(vec![record]);
    }

    fn crash(&mut self) {
        let before = pictured(&self.view);
        self.store = None;
        let mut store = self.disk.open();
        self.view = store.recover().expect("the store recovers");
        self.store = Some(store);
        assert_eq!(pictured(&self.view), before);
        self.meet("crash");
    }

    fn checkpoint(&mut self) {
        self.checkpoint = Some(checkpointed(self.store.as_mut().expect("it is open"), &self.view));
    }

    fn step(&mut self, at: usize, step: &Move) {
        match *step {
            Move::Vote(who, value) => self.vote(at, who, Some(value), None),
            Move::VoteForAWhile(who, value, ttl) => self.vote(at, who, Some(value), Some(ttl)),
            Move::Withdraw(who) => self.vote(at, who, None, None),
            Move::Remove(who) => self.remove(who),
            Move::Grant(who) => self.permit(who, Some(Permission { read: true, ..Permission::default() })),
            Move::Revoke(who) => self.permit(who, None),
            Move::Forget => self.forget(),
            Move::Repeat => self.repeat(),
            Move::Wait(seconds) => {
                self.wait(seconds);
                self.sweep();
            }
            Move::Lag(seconds) => self.wait(seconds),
            Move::Checkpoint => self.checkpoint(),
            Move::Trim => {
                let covered = self.checkpoint.as_ref().map_or(Ok(()), |it| it.remove_covered());
                covered.expect("the log is cut");
            }
            Move::Crash => self.crash(),
        }
    }

    /// The live fold is what the present objects give, in its shares and in its document.
    fn judge(&self) {
        // What is due stays in the fold until it is swept, or written again.
        if !self.due().is_empty() {
            return;
        }
        let Some(object) = self.tally() else {
            assert!(self.model.is_empty() && self.readers.is_empty(), "what stands is somebody's");
            return;
        };
        assert_eq!(object.grants.keys().cloned().collect::<BTreeSet<_>>(), self.readers);
        let fold = folded(&self.view).expect("whatever came first, it is a fold");
        let shares: BTreeMap<_, _> = fold.tally.shares().map(|it| (it.0.clone(), it.1.clone())).collect();
        let stand = self.model.iter().map(|(name, it)| ((sid(Document, name), None), share(it.0)));
        assert_eq!(shares, stand.collect::<BTreeMap<_, _>>());
        assert_eq!(fold.data.as_str(), fold::batch(&shape(), fold.tally.shares()));
    }
}

/// A history in which each kind of step is met: few random ones may miss one.
const ALL: [Move; 18] = [
    Move::Grant(0),
    Move::Crash,
    Move::Vote(0, 1),
    Move::Vote(0, 2),
    Move::Repeat,
    Move::VoteForAWhile(1, 3, 2),
    Move::Checkpoint,
    Move::Wait(5),
    Move::Vote(2, 0),
    Move::Crash,
    Move::Withdraw(0),
    Move::Remove(2),
    Move::Crash,
    Move::Revoke(0),
    Move::Forget,
    Move::Grant(1),
    Move::Vote(3, 1),
    Move::Crash,
];

/// Lives that history and so many random ones, each on a place of its own. Each kind of step is met; where the random
/// ones are many, by one in ten at the least (forgetting by one in a hundred).
fn live(histories: u32, place: impl Fn() -> Disk) {
    let config = ProptestConfig { cases: histories, failure_persistence: None, ..ProptestConfig::default() };
    let met = RefCell::new(BTreeMap::new());
    let one = |moves: &[Move]| {
        let disk = place();
        let mut life = Life::on(&disk);
        for (at, step) in moves.iter().enumerate() {
            life.step(at, step);
            life.judge();
        }
        for (kind, count) in life.met {
            *met.borrow_mut().entry(kind).or_insert(0) += count;
        }
    };
    one(&ALL);
    let lived = TestRunner::new(config).run(&moves(), |moves| {
        one(&moves);
        Ok(())
    });
    lived.unwrap_or_else(|fault| panic!("{fault}"));
    let met = met.into_inner();
    let least = if histories < 1_000 { 1 } else { histories / 10 };
    for kind in ["grant", "write", "change", "withdraw", "remove", "expire", "forget", "crash", "duplicate"] {
        // Nobody may stand, and nobody read, for a day.
        let least = if kind == "forget" { least.div_ceil(10) } else { least };
        assert!(least <= met.get(kind).copied().unwrap_or_default(), "{kind} in {met:?}");
    }
}

fn long() -> bool {
    std::env::var_os("AIRLOCK_LONG").is_some()
}

/// 10^5 histories with `tests/run --long`: these, and those on a disk.
#[test]
fn a_fold_is_what_the_present_objects_give() {
    live(if long() { 98_000 } else { 1_000 }, || Disk::Memory(Memory::default()));
}

#[test]
fn a_fold_is_what_the_present_objects_give_when_each_crash_is_read_from_a_disk() {
    live(if long() { 2_000 } else { 50 }, || Disk::Embedded(tempfile::tempdir().expect("a directory")));
}

#[test]
fn a_fold_is_written_by_nobody() {
    let world = World::default();
    let mut view = stage(&world);
    let record = ballot(&world, &view, "alice", Some(1), None);
    done(&mut view, &record);
    let forged = rejected(&mut view, &world.backend(world.update("tally", "{}")));
    assert_eq!(forged, Rejection::Refused(Reason::Fold));
}

#[test]
fn what_was_read_must_still_stand() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.backend(world.create(Document, "board", "{}")));
    let event =
        view.tenant(SERVICE).expect("the service").objects[&sid(Document, "board")].head.last_event_id;
    let need = |name: &str, event: Option<EventId>| {
        vec![Need { kind: Document, name: named(name), item: None, event }]
    };
    let write = |view: &View, needs| Record { needs, ..ballot(&world, view, "alice", Some(1), None) };
    for stale in [need("board", None), need("board", Some(EventId(event.0 + 1))), need("other", Some(event))]
    {
        let record = write(&view, stale);
        assert_eq!(rejected(&mut view, &record), Rejection::Stale);
    }
    let record = write(&view, [need("board", Some(event)), need("other", None)].concat());
    done(&mut view, &record);
    // Another event of what was read, and the same attempt is out of date.
    done(&mut view, &world.backend(world.update("board", r#"{"x":1}"#)));
    let record = write(&view, need("board", Some(event)));
    assert_eq!(rejected(&mut view, &record), Rejection::Stale);
}
