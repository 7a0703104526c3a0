//! What each feature of a policy takes of the writer's thread, at its limits: counted in steps.
//!
//! With `AIRLOCK_MEASURE` set, the least time of each is printed, too; `docs/BENCHMARKS.md` has it.

use std::time::{Duration, Instant};

use super::{
    applying::stage,
    world::{SERVICE, World, data, identity, key_of, shell, sid},
};
use crate::{
    domain::{
        limits::{
            FOLD_FIELDS_MAX, GRANTS_MAX, SOURCE_ITEMS_MAX, TARGETS_MAX, TOMBSTONE_SECONDS_MAX, TOMBSTONES_MAX,
        },
        name::ItemId,
        object::{
            ObjectKind::{Document, List, Map},
            Space,
        },
        permission::Permission,
        steps::steps_of,
        time::Timestamp,
    },
    policy::fold::{Field, Kind, Shape, Share},
    relay::{
        record::{By, Effect, Publication, Record, Spot},
        refusal::Reason,
        store::{
            apply::{Rejection, apply, enact},
            view::View,
        },
    },
};

/// Steps of one accepted write, at most: at 0.2 µs each, the millisecond that it may take.
const STEPS_MAX: usize = 5_000;
/// How many sources, items and grants there are besides: more than a write may take in steps that looks at each.
const MANY: usize = 6_000;

struct Stage {
    world: World,
    view: View,
}

impl Stage {
    fn new() -> Self {
        let world = World::default();
        let view = stage(&world);
        Self { world, view }
    }

    /// What stood before: as it is read from a log, whatever the bounds are.
    fn given(&mut self, record: &Record) {
        enact(&mut self.view, record).expect("it was done");
    }

    /// One write, measured: on a copy, as the writer does, so that what is shared must be copied.
    fn one(&mut self, what: &str, record: &Record) -> usize {
        let before = self.view.clone();
        let took = std::env::var_os("AIRLOCK_MEASURE").map(|_| self.least_time(record));
        let (applied, steps) = steps_of(|| apply(&mut self.view, record));
        applied.unwrap_or_else(|it| panic!("{what}: {it:?}"));
        if let Some(took) = took {
            println!("{what}: {steps} steps, {:.1} µs", took.as_secs_f64() * 1e6);
        }
        assert!(steps <= STEPS_MAX, "{what}: {steps} steps");
        drop(before);
        steps
    }

    /// The shortest of many times: the others were disturbed.
    fn least_time(&self, record: &Record) -> Duration {
        let times = (0..200).map(|_| {
            let mut copy = self.view.clone();
            let began = Instant::now();
            let applied = apply(&mut copy, record);
            let took = began.elapsed();
            drop(applied);
            took
        });
        times.min().unwrap_or_default()
    }

    fn made(&mut self, owner: &str) {
        let space = Space::Private { owner: identity(owner), policy: "cursors".into() };
        let shell = shell(Document, owner, space);
        let (service, data) = (SERVICE, Some(data("{\"n\":1}")));
        let effect = Effect::Create { service, shell, data, expires: None, publications: Vec::new() };
        self.given(&self.world.policy(owner, effect));
    }

    fn says(&self, owner: &str, publications: Vec<Publication>) -> Record {
        self.world.says(owner, publications)
    }

    fn wait(&self, seconds: i64) {
        self.world.now.set(self.world.now.get() + seconds);
    }
}

fn published(kind: crate::domain::object::ObjectKind, name: &str, spot: Spot) -> Publication {
    let shell = shell(kind, name, Space::Shared { policy: "cursors".into() });
    Publication { shell, spot, data: data("{\"said\":1}"), expires: None }
}

fn appended(items_max: u32, drop_oldest: bool) -> Publication {
    published(List, "board", Spot::Append { keep: false, items_max, drop_oldest })
}

#[test]
fn one_more_item_costs_the_same_however_many_a_document_has() {
    let mut stage = Stage::new();
    stage.made("alice");
    let write = stage.says("alice", vec![appended(u32::MAX, false)]);
    let few = stage.one("an item of a document that has none", &write);
    // Earlier versions had no bound but that of the list.
    (0..MANY).for_each(|_| stage.given(&write));
    let full = apply(&mut stage.view.clone(), &write).err().expect("it is refused");
    assert_eq!(full, Rejection::Refused(Reason::Quota { what: "items of one document" }));
    let before = stage.view.clone();
    let (_, steps) = steps_of(|| enact(&mut stage.view, &write).expect("it was done"));
    drop(before);
    assert!(steps <= few + 20, "{steps} steps, {few} of the first");
}

#[test]
fn what_a_document_has_appended_is_taken_back_by_one_write() {
    let mut stage = Stage::new();
    stage.made("alice");
    let write = stage.says("alice", vec![appended(u32::MAX, false)]);
    for at in 0..SOURCE_ITEMS_MAX {
        let before = apply(&mut stage.view, &write);
        assert!(before.is_ok(), "item {at}");
    }
    assert!(apply(&mut stage.view.clone(), &write).is_err(), "one more than may be taken back");
    stage.one("all items of a document taken back", &stage.says("alice", Vec::new()));
    stage.one("an item after that", &write);
}

#[test]
fn a_full_list_drops_some_at_a_time() {
    let mut stage = Stage::new();
    stage.made("alice");
    let write = stage.says("alice", vec![appended(u32::MAX, false)]);
    (0..MANY).for_each(|_| stage.given(&write));
    stage.made("bob");
    let lowered = stage.says("bob", vec![appended(10, true)]);
    stage.one("an item of a list whose bound was lowered", &lowered);
    let left = |stage: &Stage| {
        let object = &stage.view.tenant(SERVICE).expect("the service").objects[&sid(List, "board")];
        object.items().expect("items").standing.len()
    };
    let before = left(&stage);
    stage.one("an item after that", &lowered);
    assert!(left(&stage) < before, "it comes nearer");
}

#[test]
fn a_contended_place_costs_the_same_however_many_contend() {
    let mut stage = Stage::new();
    let cell = |stage: &Stage, ttl: Option<i64>| {
        let expires = ttl.map(|it| Timestamp::from_seconds(stage.world.now.get() + it));
        Publication { expires, ..stage.world.shown("place", "{\"n\":1}", None) }
    };
    for (at, ttl) in (0..MANY).map(|at| (at, (at % 2 == 0).then_some(60))) {
        let owner = format!("many-{at}");
        stage.made(&owner);
        let write = stage.says(&owner, vec![cell(&stage, ttl)]);
        stage.given(&write);
    }
    stage.made("alice");
    let write = stage.says("alice", vec![cell(&stage, Some(60))]);
    stage.one("a contended place", &write);
    stage.one("the same again", &write);
    stage.one("it taken back", &stage.says("alice", Vec::new()));
    stage.one("it shown again", &write);
    stage.wait(60);
    let due = vec![(sid(Map, "room"), Some(key_of("place")))];
    let expire = stage.world.record(By::System, Effect::Expire { service: SERVICE, due });
    stage.one("half of all expired at once", &expire);
    stage.one("a backend's removal of it", &stage.world.backend(stage.world.unset("room", "place")));
    stage.one("it shown anew", &write);
}

#[test]
fn a_fold_costs_the_same_however_many_feed_it() {
    let field = |(at, kind): (usize, &Kind)| Field { name: format!("f{at}").into(), kind: *kind };
    let kinds = [
        Kind::Count,
        Kind::CountBy { top: None },
        Kind::CountBy { top: Some(100) },
        Kind::Sum,
        Kind::Mean,
        Kind::Min,
        Kind::Max,
        Kind::Distinct,
        Kind::Top { count: 100 },
    ];
    let kinds: Vec<Kind> = kinds.into_iter().cycle().take(FOLD_FIELDS_MAX).collect();
    let shape = Shape::new(kinds.iter().enumerate().map(field).collect()).expect("a shape");
    let share = |value: usize| {
        let keep = serde_json::json!({ "v": value });
        let part = |it: &Field| {
            let few = matches!(it.kind, Kind::CountBy { top: None });
            it.kind.part(&(if few { value % 40 } else { value }).into(), Some(&keep)).ok()
        };
        Share::new(shape.fields().iter().map(part).collect())
    };
    let fold = |value| published(Document, "tally", Spot::Fold { shape: shape.clone(), share: share(value) });
    let mut stage = Stage::new();
    // Each is rendered: fewer will do where fewer steps are allowed.
    let few = MANY / 6;
    for at in 0..few {
        let owner = format!("many-{at}");
        stage.made(&owner);
        let write = stage.says(&owner, vec![fold(at)]);
        stage.given(&write);
    }
    stage.made("alice");
    let steps = stage.one("a share of a fold", &stage.says("alice", vec![fold(7)]));
    assert!(steps < few, "{steps} steps");
    stage.one("it changed", &stage.says("alice", vec![fold(9_999)]));
    stage.one("it taken back", &stage.says("alice", Vec::new()));
    let all: Vec<_> = (0..TARGETS_MAX)
        .map(|at| {
            let spot = Spot::Fold { shape: shape.clone(), share: share(at) };
            published(Document, &format!("tally-{at}"), spot)
        })
        .collect();
    stage.one("as many folds as a policy has targets", &stage.says("alice", all));
}

#[test]
fn all_targets_at_once() {
    let mut stage = Stage::new();
    stage.made("alice");
    let key = |at: usize| {
        let key = crate::domain::name::ItemKey::try_from(format!("key-{at}")).expect("a key");
        published(Map, &format!("map-{at}"), Spot::Key { key, items_max: 10 })
    };
    let all: Vec<_> = (0..TARGETS_MAX).map(key).collect();
    stage.one("as many maps as a policy has targets", &stage.says("alice", all.clone()));
    stage.one("the same again", &stage.says("alice", all));
    stage.one("all taken back", &stage.says("alice", Vec::new()));
}

#[test]
fn old_tombstones_go_some_at_a_time() {
    let mut stage = Stage::new();
    stage.given(&stage.world.backend(stage.world.create(Map, "plain", "{}")));
    for at in 0..TOMBSTONES_MAX {
        let key = format!("k{at}");
        stage.given(&stage.world.backend(stage.world.set("plain", &key, "{}")));
        stage.given(&stage.world.backend(stage.world.unset("plain", &key)));
    }
    stage.given(&stage.world.backend(stage.world.set("plain", "last", "{}")));
    stage.wait(TOMBSTONE_SECONDS_MAX + 60);
    stage.one("a removal after a quiet day", &stage.world.backend(stage.world.unset("plain", "last")));
}

#[test]
fn grants_cost_the_same_however_many_there_are() {
    let mut stage = Stage::new();
    stage.given(&stage.world.backend(stage.world.create(Document, "doc", "{}")));
    let permit = |stage: &Stage, who: &str, permission| {
        let (service, object, shell) = (SERVICE, sid(Document, "doc"), None);
        stage.world.backend(Effect::Permit { service, object, shell, identity: identity(who), permission })
    };
    for at in 0..GRANTS_MAX - 1 {
        stage.given(&permit(&stage, &format!("many-{at}"), Some(Permission::ALL)));
    }
    stage.one("a grant beside many", &permit(&stage, "alice", Some(Permission::ALL)));
    stage.one("a write beside many grants", &stage.world.backend(stage.world.update("doc", "{\"n\":2}")));
    stage.one("one taken away", &permit(&stage, "alice", None));
}

#[test]
fn times_to_live_cost_the_same_however_many_there_are() {
    let mut stage = Stage::new();
    stage.given(&stage.world.backend(stage.world.create(Map, "plain", "{}")));
    let brief = |stage: &Stage, key: &str| {
        let mut effect = stage.world.set("plain", key, "{}");
        if let Effect::SetItem { expires, .. } = &mut effect {
            *expires = Some(Some(Timestamp::from_seconds(stage.world.now.get() + 60)));
        }
        stage.world.backend(effect)
    };
    for at in 0..MANY {
        stage.given(&brief(&stage, &format!("k{at}")));
    }
    stage.one("an item that expires, beside many", &brief(&stage, "last"));
    stage.wait(60);
    let due: Vec<(_, Option<ItemId>)> = vec![(sid(Map, "plain"), Some(key_of("last")))];
    stage.one("it expired", &stage.world.record(By::System, Effect::Expire { service: SERVICE, due }));
}

/// Bounds hold over all that one batch adds to one object.
#[test]
fn items_max_holds_over_all_targets_into_one_object() {
    let mut stage = Stage::new();
    stage.made("alice");
    stage.made("bob");
    let key = |owner: &str, at: usize| {
        let key = crate::domain::name::ItemKey::try_from(format!("{owner}-{at}")).expect("a key");
        published(Map, "room", Spot::Key { key, items_max: 3 })
    };
    let two = |owner: &str| vec![key(owner, 0), key(owner, 1)];
    stage.one("two items", &stage.says("alice", two("alice")));
    stage.one("the same two again", &stage.says("alice", two("alice")));
    let over = stage.says("bob", two("bob"));
    let refused = apply(&mut stage.view, &over).err().expect("it is refused");
    assert_eq!(refused, Rejection::Refused(Reason::Quota { what: "items" }));
    stage.one("one more", &stage.says("bob", vec![key("bob", 0)]));
}
