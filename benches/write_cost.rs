//! The worst policies that are accepted, and how long one write under each of them takes.
//!
//! `cargo bench --bench write_cost`. Each row is a family of policies that grow until the compiler refuses them: the last that
//! is accepted is measured with the dearest data that it takes, admitted or refused. CPU time of the thread, best of several
//! rounds, beside what the compiler has counted. `goal` is the bound, [`WRITE_COST_NS_MAX`].

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement may fail loudly"
)]

mod measure;

use std::{collections::BTreeMap, hint::black_box, sync::Arc};

use airlock::{
    domain::{data::Input, limits::WRITE_COST_NS_MAX, time::Timestamp},
    policy::{
        CASE_NOW, PolicySet, compile,
        files::{Content, Files},
    },
    relay::Trial,
};
use measure::{
    clock,
    figure::{setting, verdict},
};
use serde_json::{Value, json};

/// A policy of some size: its file, the private schema, the shared one, and the dearest data.
struct Sized {
    policy: String,
    private: Value,
    shared: Option<Value>,
    data: Value,
}

/// A family: its name, the largest size that is tried, and its policies.
struct Family(&'static str, usize, fn(usize) -> Sized);

const TOP: &str = "[from]\ndocument = \"d/{identity}\"\nschema = \"a.json\"\n";
const TO: &str = "[[to]]\ndocument = \"s/{identity}\"\nread = \"everyone\"\n";

fn with_rules(count: usize, that: &str) -> String {
    let rule = |it: usize| format!("[[when]]\nrule = \"r{it}\"\nthat = '''{that}'''\n");
    format!("{TOP}{}{TO}take = [\"/none\"]\n", (0..count).map(rule).collect::<String>())
}

/// Numbers in a list, at most so many.
fn numbers(count: usize) -> (Value, Value) {
    let schema = json!({"type": "object", "additionalProperties": false, "required": ["n", "m"], "properties": {
        "none": {"type": "integer"},
        "m": {"type": "array", "maxItems": count, "items": {"type": "integer"}},
        "n": {"type": "array", "maxItems": count, "items": {"type": "integer"}}}});
    (
        schema,
        json!({"n": (0..count).collect::<Vec<_>>(), "m": (0..count).map(|it| it + 10_000).collect::<Vec<_>>()}),
    )
}

fn over_numbers(size: usize, that: &str) -> Sized {
    let (private, data) = numbers(size);
    Sized { policy: with_rules(1, that), private, shared: None, data }
}

/// A text of at most so many letters.
fn text(letters: usize) -> Value {
    json!({"type": "object", "additionalProperties": false, "required": ["t"], "properties": {
        "none": {"type": "integer"},
        "t": {"type": "string", "maxLength": letters}}})
}

fn masked(mask: &str, letters: usize, unit: &str) -> Sized {
    let policy = format!("{TOP}{TO}[to.mask.\"/t\"]\n{mask}\n");
    let many: String = unit.chars().cycle().take(letters).collect();
    let bytes = 16_000;
    let many: String = many.char_indices().take_while(|it| it.0 < bytes).map(|it| it.1).collect();
    Sized { policy, private: text(letters), shared: None, data: json!({"t": many}) }
}

/// A text of two letters in no order.
fn shuffled(letters: usize) -> String {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 31 == 0 { 'a' } else { 'b' }
    };
    (0..letters).map(|_| next()).collect()
}

fn families() -> Vec<Family> {
    vec![
        Family("a comprehension", 2_000, |size| over_numbers(size, "data.n.all(i, i >= 0)")),
        Family("two in one another", 500, |size| over_numbers(size, "data.n.all(i, data.m.all(j, j != i))")),
        Family("an object of each item", 2_000, |size| {
            over_numbers(size, "size(data.n.map(i, {'a': i, 'b': [i, i]})) >= 0")
        }),
        Family("items that are filtered", 2_000, |size| {
            over_numbers(size, "size(data.n.filter(i, i % 2 == 0 && i * 3 > 1)) >= 0")
        }),
        Family("items among others", 2_000, |size| over_numbers(size, "data.n.all(i, !(i in data.m))")),
        Family("32 conditions", 1_000, |size| {
            let (private, data) = numbers(size);
            Sized { policy: with_rules(32, "data.n.all(i, i >= 0)"), private, shared: None, data }
        }),
        Family("texts that are joined", 16_000, |size| {
            let that =
                "(data.t + data.t + string(size(data.t))).contains('c') == false && !data.t.endsWith('c')";
            let data = json!({"t": "a".repeat(size.min(16_000))});
            Sized { policy: with_rules(8, that), private: text(size), shared: None, data }
        }),
        Family("a pattern in conditions", 16_000, |size| {
            let data = json!({"t": shuffled(size.min(16_000))});
            let policy = with_rules(4, r"!data.t.matches('[ab]*a[ab]{60}c')");
            Sized { policy, private: text(size), shared: None, data }
        }),
        Family("objects that are compared", 500, |size| {
            let one = json!({"type": "object", "additionalProperties": false, "required": ["a", "b"], "properties": {
                "a": {"type": "string", "maxLength": 4}, "b": {"type": "string", "maxLength": 4}}});
            let private = json!({"type": "object", "additionalProperties": false, "required": ["l"], "properties": {
                "none": {"type": "integer"},
                "l": {"type": "array", "maxItems": size, "items": one}}});
            let data = json!({"l": vec![json!({"a": "abcd", "b": "abcd"}); size]});
            Sized {
                policy: with_rules(1, "data.l.all(o, o.a == o.b && size(o) == 2)"),
                private,
                shared: None,
                data,
            }
        }),
        Family("a mask of 500 words", 16_000, |size| {
            let words: Vec<String> = (1..=500)
                .map(|it| format!("\"{}\"", "a".repeat(it % 60 + 1).clone() + if it < 60 { "" } else { "b" }))
                .collect();
            masked(&format!("words = [{}]", words.join(", ")), size, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab ")
        }),
        Family("a mask of 500 words, é", 16_000, |size| {
            let words: Vec<String> = (0..500).map(|it| format!("\"w{it:04}é\"")).collect();
            masked(&format!("words = [{}]", words.join(", ")), size, "w0001é w0002e\u{301} ")
        }),
        Family("a mask of mail and telephone", 16_000, |size| {
            let mask = r"patterns = ['[\w.+-]+@[\w-]+(\.[\w-]+)+', '\d([ -]?\d){8,}']";
            masked(mask, size, "a@b.ü 030-123456 a.b@é.x ")
        }),
        Family("a mask that searches on", 4_000, |size| masked("patterns = ['.*x|a']", size, "a")),
        Family("a mask with many states", 16_000, |size| {
            let mut made = masked("patterns = ['[ab]*a[ab]{40}c']", size, "a");
            made.data = json!({"t": shuffled(size.min(16_000))});
            made
        }),
        Family("a mask of Unicode words", 4_000, |size| {
            masked(r"patterns = ['\b\d{4}\b', '\b[a-zé]{3}\b']", size, "é1234 abé 12345 ")
        }),
        Family("a mask of digits", 16_000, |size| masked("digits = true", size, "1é2")),
        Family("targets that copy", 16_384, |size| {
            let policy = format!(
                "[from]\ndocument = \"d/{{identity}}\"\nmax_bytes = {}\n{}",
                size.max(2),
                (0..4)
                    .map(|it| { format!("[[to]]\ndocument = \"s{it}/{{identity}}\"\nread = \"everyone\"\n") })
                    .collect::<String>()
            );
            let items = (size.saturating_sub(8) / 2).min(1_990);
            Sized { policy, private: json!({}), shared: None, data: json!({"n": vec![1; items]}) }
        }),
        Family("a schema of alternatives", 60, |size| {
            let branch = |it: usize| json!({"type": "object", "required": [format!("k{it}")], "properties": {"v": {"const": it}}});
            let private = json!({"type": "object", "properties": {"none": {}, "l": {"type": "array", "items": {"not": {"anyOf": (0..size).map(branch).collect::<Vec<_>>()}}}}});
            let data = json!({"l": vec![json!({"a": 1}); 900]});
            Sized { policy: format!("{TOP}{TO}take = [\"/none\"]\n"), private, shared: None, data }
        }),
        Family("a schema of choices", 1_000, |size| {
            let choices: Vec<String> = (0..size).map(|it| format!("c{it:05}")).collect();
            let last = choices.last().cloned().unwrap_or_default();
            let private = json!({"type": "object", "properties": {"none": {}, "l": {"type": "array", "items": {"enum": choices}}}});
            Sized {
                policy: format!("{TOP}{TO}take = [\"/none\"]\n"),
                private,
                shared: None,
                data: json!({"l": vec![last; 1_700]}),
            }
        }),
        Family("a schema of different items", 16_384, |size| {
            let private = json!({"type": "object", "properties": {"none": {}, "l": {"type": "array", "uniqueItems": true}}});
            let items: Vec<Value> = (0..(size / 9).min(650)).map(|it| json!([it, 1])).collect();
            Sized {
                policy: format!("{}max_bytes = {}\n{TO}take = [\"/none\"]\n", TOP, size.max(2)),
                private,
                shared: None,
                data: json!({"l": items}),
            }
        }),
        Family("a schema of formats", 16_384, |size| {
            let private = json!({"type": "object", "properties": {"none": {}, "l": {"type": "array", "items": {"format": "idn-hostname"}}, "m": {"type": "array", "items": {"format": "uri"}}}});
            let data = json!({"l": vec!["bücher.straße.example"; (size / 60).min(900)], "m": vec!["https://example.org/a/b?c=d#e"; (size / 80).min(900)]});
            Sized {
                policy: format!("{}max_bytes = {}\n{TO}take = [\"/none\"]\n", TOP, size.max(2)),
                private,
                shared: None,
                data,
            }
        }),
        Family("a schema that nothing fits", 16_384, |size| {
            let one = |it: usize| json!({"type": "object", "properties": {"a": {"type": "string", "maxLength": it}, "b": {"type": "boolean"}}, "required": ["c"]});
            let private = json!({"type": "object", "properties": {"none": {}, "l": {"type": "array", "items": {"anyOf": [one(1), one(2), one(3)]}}}});
            let data = json!({"l": vec![json!({"a": 1, "b": 1}); (size / 15).min(650)]});
            Sized {
                policy: format!("{}max_bytes = {}\n{TO}take = [\"/none\"]\n", TOP, size.max(2)),
                private,
                shared: None,
                data,
            }
        }),
    ]
}

fn load(sized: &Sized) -> Result<PolicySet, String> {
    let bytes = |text: &str| Content::Bytes(text.as_bytes().to_vec());
    let mut schemas = BTreeMap::from([("a.json".to_owned(), bytes(&sized.private.to_string()))]);
    if let Some(shared) = &sized.shared {
        schemas.insert("b.json".to_owned(), bytes(&shared.to_string()));
    }
    let files = Files { name: "p".into(), path: "p".into(), policy: bytes(&sized.policy), schemas };
    compile(&[files]).map_err(|it| it[0].what.clone())
}

/// The largest size that is accepted, and why the next one is not.
fn largest(family: &Family) -> (usize, String) {
    let Family(name, most, make) = family;
    let (mut least, mut beyond, mut why) = (0, *most + 1, "as large as it may be".to_owned());
    while 1 < beyond - least {
        let middle = least + (beyond - least) / 2;
        match load(&make(middle)) {
            Ok(_) => least = middle,
            Err(fault) => {
                assert!(fault.contains("may take"), "{name} at {middle}: {fault}");
                (beyond, why) = (middle, fault);
            }
        }
    }
    (least, why)
}

fn main() {
    let rounds = setting("BENCH_ROUNDS", 25, 1_001);
    let mut worst: f64 = 0.0;
    for family in families() {
        let (size, why) = largest(&family);
        if size == 0 {
            println!("{}: none is accepted: {why}", family.0);
            continue;
        }
        let sized = (family.2)(size);
        let set = Arc::new(load(&sized).unwrap());
        let counted = set.policies()[0].cost.total_ns();
        let owner = ("ada".try_into().unwrap(), json!({}));
        let empty = || Input::parse("{}").unwrap();
        let mut trial = Trial::new(&set, owner, "d/ada".try_into().unwrap(), empty()).unwrap();
        let change = trial.update(Input::parse(&sized.data.to_string()).unwrap());
        let mut least = f64::INFINITY;
        let mut outcome = String::new();
        for round in 0..rounds {
            let now = Timestamp::from_millis(CASE_NOW.as_millis() + i64::try_from(round).unwrap());
            let before = clock::thread_cpu();
            let admitted = black_box(trial.admit(black_box(&change), now));
            let taken = clock::thread_cpu().saturating_sub(before);
            least = least.min(taken.as_secs_f64() * 1e6);
            outcome = match admitted {
                Ok(_) => "admitted".to_owned(),
                Err(refusal) => format!("refused by `{}`", refusal.rule.as_deref().unwrap_or("none")),
            };
        }
        let ratio = 100.0 * least * 1e3 / counted as f64;
        println!(
            "{} of {size}: {least:.0} µs, {:.0} counted ({ratio:.0} %), {outcome}\n    {why}",
            family.0,
            counted as f64 / 1e3
        );
        worst = worst.max(least);
    }
    let goal = WRITE_COST_NS_MAX as f64 / 1e3;
    verdict("the dearest write of an accepted policy, in µs", worst, "1000", worst <= goal);
}
