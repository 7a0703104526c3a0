//! What the gate and the rewrite cost by themselves, beside the crates that do their work and beside Node.
//!
//! `cargo bench --bench admission`, and before it `npm ci --prefix benches/admission` for the peer in Node. CPU time;
//! subject and baselines in turns. An admission is what the passage does for one client's write until its batch is
//! queued: what stands is looked up, limits, size, schema, condition, rewrite, the schema of what is published, its text
//! and its SID. No store, no sockets. With `BENCH_CALLS=2000` and `BENCH_ONLY=runs` it only does so many, for callgrind:
//! `valgrind --tool=callgrind --toggle-collect='admission::ours' <the executable>`, or `crates`, or `cel`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement may fail loudly"
)]

mod measure;

use std::{hint::black_box, num::NonZero, path::PathBuf, sync::Arc};

use airlock::{
    domain::{change::Change, data::Input},
    policy::{CASE_NOW, PolicySet},
    relay::Trial,
};
use measure::{
    clock,
    figure::{Figure, setting, verdict},
    node::Node,
    relay::policies,
};
use serde_json::{Map, Value, json};

/// Different writes: one after another, again and again.
const WRITES: usize = 64;
/// Admissions in one turn.
const TURN: usize = 20_000;

/// One policy of `benches/policies` and somebody who writes under it.
struct Game {
    policy: &'static str,
    document: &'static str,
    /// What the document's name captures besides the identity.
    variable: &'static str,
    claims: Value,
    /// A write that is admitted.
    write: fn(usize) -> String,
    /// Writes that are refused, each by another rule.
    refused: &'static [&'static str],
    schemas: [&'static str; 2],
    limits: usize,
    condition: Option<&'static str>,
    take: &'static [&'static str],
    name: &'static str,
}

fn games() -> [Game; 2] {
    let cursors = Game {
        policy: "cursors",
        document: "cursors/7/ada",
        variable: "7",
        claims: json!({}),
        write: |number| {
            let (x, y) = (1_000 + number, 9_000 - number);
            format!(r##"{{"x":{x},"y":{y},"color":"#a0b1c2","tool":"brush"}}"##)
        },
        refused: &[r#"{"x":1}"#, r##"{"x":1,"y":2,"color":"red"}"##],
        schemas: ["cursor.schema.json", "public-cursor.schema.json"],
        limits: 1,
        condition: None,
        take: &["x", "y", "color"],
        name: "ada",
    };
    let runs = Game {
        policy: "runs",
        document: "runs/7/ada",
        variable: "7",
        claims: json!({"level": 30, "name": "Ada"}),
        write: |number| {
            let score = 9_000 + number;
            format!(r#"{{"level":12,"score":{score},"seconds":300,"note":"all of it without a fall"}}"#)
        },
        refused: &[
            r#"{"level":12,"score":9000,"seconds":0}"#,
            r#"{"level":31,"score":9000,"seconds":300}"#,
            r#"{"level":12,"score":12001,"seconds":300}"#,
            r#"{"level":12,"score":9000,"seconds":179}"#,
        ],
        schemas: ["run.schema.json", "public-run.schema.json"],
        limits: 2,
        condition: Some(
            "data.level <= claims.level && data.score <= data.level * 1000 && data.score <= data.seconds * 50",
        ),
        take: &["score", "level"],
        name: "Ada",
    };
    [cursors, runs]
}

fn main() {
    let rounds = setting("BENCH_ROUNDS", 15, 101);
    let calls = setting("BENCH_CALLS", 0, 100_000);
    let only = std::env::var("BENCH_ONLY").ok();
    let set = Arc::new(policies());
    let mut node = if calls == 0 { Node::start("admission", &folder()) } else { None };
    for game in games().into_iter().filter(|it| only.as_ref().is_none_or(|only| only == it.policy)) {
        let (mut airlock, mut bare) = (Airlock::new(&set, &game), Bare::new(&game));
        if calls != 0 {
            (0..calls).for_each(|at| ours(&mut airlock, at));
            (0..calls).for_each(|at| crates(&bare, at));
            if let Some(judge) = &mut bare.judge {
                (0..calls).for_each(|at| cel(judge, at));
            }
            continue;
        }
        if let Some(node) = &mut node {
            agree(&mut airlock, &game, node);
        }
        measure(rounds, &game, &mut airlock, &mut bare, &mut node);
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/policies")
}

fn texts(game: &Game) -> Vec<String> {
    (0..WRITES).map(game.write).collect()
}

/// The subject.
struct Airlock<'p> {
    trial: Trial<'p>,
    changes: Vec<Change>,
    texts: Vec<String>,
    now: i64,
}

impl<'p> Airlock<'p> {
    fn new(set: &'p Arc<PolicySet>, game: &Game) -> Self {
        let texts = texts(game);
        let owner = ("ada".try_into().unwrap(), game.claims.clone());
        let first = Input::parse(&texts[0]).unwrap();
        let trial = Trial::new(set, owner, game.document.try_into().unwrap(), first).unwrap();
        let changes = texts.iter().map(|it| trial.update(Input::parse(it).unwrap())).collect();
        Self { trial, changes, texts, now: CASE_NOW.as_millis() }
    }

    /// A millisecond goes by with each write, so that no limit is met.
    fn later(&mut self) -> airlock::domain::time::Timestamp {
        self.now += 1;
        airlock::domain::time::Timestamp::from_millis(self.now)
    }
}

/// One admission of data that was parsed.
#[inline(never)]
fn ours(airlock: &mut Airlock<'_>, at: usize) {
    let now = airlock.later();
    let admitted = airlock.trial.admit(black_box(&airlock.changes[at % WRITES]), now);
    assert!(black_box(admitted).is_ok());
}

/// One admission from the text on.
fn ours_of_text(airlock: &mut Airlock<'_>, at: usize) {
    let now = airlock.later();
    let input = Input::parse(black_box(&airlock.texts[at % WRITES])).unwrap();
    let change = airlock.trial.update(input);
    let admitted = airlock.trial.admit(&change, now);
    assert!(black_box(admitted).is_ok());
}

type Limiter = governor::RateLimiter<
    String,
    governor::state::keyed::DefaultKeyedStateStore<String>,
    governor::clock::DefaultClock,
>;

/// The crates, each with nothing to do but its own work.
struct Bare {
    schemas: [jsonschema::Validator; 2],
    limiters: Vec<Limiter>,
    texts: Vec<String>,
    parsed: Vec<Value>,
    take: &'static [&'static str],
    name: &'static str,
    judge: Option<Judge>,
}

/// A condition, and for each write a context in which its names stand.
struct Judge {
    program: cel::Program,
    contexts: Vec<cel::Context<'static, 'static>>,
}

impl Bare {
    fn new(game: &Game) -> Self {
        let many = NonZero::new(1_000_000).unwrap();
        let quota = governor::Quota::per_second(many).allow_burst(many);
        let texts = texts(game);
        let parsed: Vec<Value> = texts.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
        let context = |data: &Value| {
            let mut context = cel::Context::default();
            context.add_variable_from_value("data", expressible(data));
            context.add_variable_from_value("claims", expressible(&game.claims));
            context
        };
        let judge = game.condition.map(|condition| Judge {
            program: cel::Program::compile(condition).unwrap(),
            contexts: parsed.iter().map(context).collect(),
        });
        Self {
            schemas: game.schemas.map(|it| validator(game.policy, it)),
            limiters: (0..game.limits).map(|_| governor::RateLimiter::keyed(quota)).collect(),
            texts,
            parsed,
            take: game.take,
            name: game.name,
            judge,
        }
    }

    fn admit(&self, data: &Value) {
        assert!(self.schemas[0].is_valid(data));
        for limiter in &self.limiters {
            assert!(limiter.check_key(&black_box("ada").to_owned()).is_ok());
        }
        let mut shown = Map::new();
        for field in self.take {
            shown.insert((*field).to_owned(), data[*field].clone());
        }
        shown.insert("name".to_owned(), self.name.into());
        shown.insert("at".to_owned(), black_box("2026-01-01T00:00:00.000Z").into());
        let shown = Value::Object(shown);
        assert!(self.schemas[1].is_valid(&shown));
        black_box(shown.to_string());
    }
}

/// The crates' part of one admission, but for the condition.
#[inline(never)]
fn crates(bare: &Bare, at: usize) {
    bare.admit(black_box(&bare.parsed[at % WRITES]));
}

/// The same from the text on.
fn crates_of_text(bare: &Bare, at: usize) {
    bare.admit(&serde_json::from_str(black_box(&bare.texts[at % WRITES])).unwrap());
}

/// The condition alone.
#[inline(never)]
fn cel(judge: &Judge, at: usize) {
    let holds = judge.program.execute(black_box(&judge.contexts[at % WRITES]));
    assert_eq!(holds, Ok(cel::Value::Bool(true)));
}

fn validator(policy: &str, file: &str) -> jsonschema::Validator {
    let text = std::fs::read(folder().join(policy).join(file)).unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .build(&serde_json::from_slice(&text).unwrap())
        .unwrap()
}

/// JSON as the crate takes it, each whole number an integer.
fn expressible(value: &Value) -> cel::Value {
    match value {
        Value::Object(entries) => {
            let entries = entries.iter().map(|(name, it)| (name.clone(), expressible(it)));
            entries.collect::<std::collections::HashMap<_, _>>().into()
        }
        Value::Number(number) => number.as_i64().unwrap().into(),
        Value::String(text) => text.as_str().into(),
        other => panic!("{other}: not in these games"),
    }
}

/// A question for the peer in Node.
fn question(game: &Game, now: i64, texts: &[String]) -> Value {
    let who = json!({"identity": "ada", "claims": game.claims, "variable": game.variable});
    json!({"policy": game.policy, "who": who, "now": now, "texts": texts})
}

/// Both come to the same result, for what is admitted and for what is refused.
fn agree(airlock: &mut Airlock<'_>, game: &Game, node: &mut Node) {
    let mut texts = texts(game);
    texts.extend(game.refused.iter().map(|it| (*it).to_owned()));
    texts.push(format!(r#"{{"note":"{}"}}"#, "x".repeat(600)));
    let now = airlock.later();
    let theirs = node.ask(&question(game, now.as_millis(), &texts));
    for (text, theirs) in texts.iter().zip(theirs.as_array().unwrap()) {
        let change = airlock.trial.update(Input::parse(text).unwrap());
        let own = match airlock.trial.admit(&change, now) {
            Ok(draft) => draft.published().iter().map(|it| it.as_str().to_owned()).collect::<Vec<_>>(),
            Err(refusal) => vec![json!({"rule": &*refusal.rule.unwrap()}).to_string()],
        };
        let own: Vec<Value> = own.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
        let theirs = theirs.as_str().map_or(theirs.clone(), |it| serde_json::from_str(it).unwrap());
        assert_eq!(own, [theirs], "{text}");
    }
}

/// Nanoseconds of CPU by call.
fn each(mut call: impl FnMut(usize)) -> f64 {
    let began = clock::thread_cpu();
    (0..TURN).for_each(&mut call);
    (clock::thread_cpu() - began).as_nanos() as f64 / TURN as f64
}

/// The same of the peer, all its threads.
fn theirs(node: &mut Node, game: &Game, texts: &[String], from: &str) -> f64 {
    let mut question = question(game, CASE_NOW.as_millis(), texts);
    question["calls"] = TURN.into();
    question["from"] = from.into();
    node.ask(&question).as_f64().unwrap() * 1e3 / TURN as f64
}

/// Figures of one kind, and their ratio to ours in the same round.
#[derive(Default)]
struct Beside {
    spent: Figure,
    ratio: Figure,
}

impl Beside {
    fn add(&mut self, own: f64, other: f64) {
        self.spent.add(other);
        self.ratio.add(own / other);
    }
}

fn measure(rounds: usize, game: &Game, airlock: &mut Airlock<'_>, bare: &mut Bare, node: &mut Option<Node>) {
    let texts = texts(game);
    for from in ["data", "text"] {
        let (mut own, mut sum, mut judged) = (Figure::default(), Beside::default(), Beside::default());
        let (mut with, mut peer) = (Beside::default(), Beside::default());
        // The first two rounds warm up, and compile, whatever has to be.
        for round in 0..rounds + 2 {
            let (a, b) = match from {
                "data" => (each(|at| ours(airlock, at)), each(|at| crates(bare, at))),
                _ => (each(|at| ours_of_text(airlock, at)), each(|at| crates_of_text(bare, at))),
            };
            let c = bare.judge.as_ref().map_or(0.0, |judge| each(|at| cel(judge, at)));
            let d = node.as_mut().map(|it| theirs(it, game, &texts, from));
            if round < 2 {
                continue;
            }
            own.add(a);
            sum.add(a, b);
            judged.add(a, c);
            with.add(a, b + c);
            if let Some(d) = d {
                peer.add(a, d);
            }
        }
        println!("{} from its {from}: airlock {own:.0} ns", game.policy);
        println!("  the crates but for the condition {:.0} ns, ratio {:.2}", sum.spent, sum.ratio);
        if bare.judge.is_some() {
            println!("  cel alone, its context ready {:.0} ns, ratio {:.2}", judged.spent, judged.ratio);
            println!("  both {:.0} ns, ratio {:.2}", with.spent, with.ratio);
        }
        if node.is_some() {
            println!("  Node {:.0} ns, ratio {:.2}", peer.spent, peer.ratio);
        }
        match (from, bare.judge.is_some()) {
            ("data", true) => {
                let ratio = judged.ratio.median();
                verdict("with a condition, of cel alone", ratio, "1.5", ratio <= 1.5);
            }
            ("data", false) => {
                let ratio = sum.ratio.median();
                verdict("without a condition, of the crates", ratio, "1.3", ratio <= 1.3);
            }
            _ => {}
        }
    }
}
