//! Each fault of `[to.fold]`, by its text.

use super::{
    files,
    golden::{FROM, Row, check, rows},
};
use crate::policy::compile;

#[test]
fn faults_of_folds_say_what_where_and_how() {
    check(&all());
}

pub(super) fn all() -> Vec<Row> {
    let to = |lines: &str| format!("{FROM}[[to]]\n{lines}");
    let fold = |it: &str| to(&format!("document = \"c/{{room}}\"\nfold = {it}"));
    let mut rows = rows(&[
        (
            to("document = \"c/{room}\"\nfold = 1"),
            "5:8 `fold` must be a table, not a number [write `fold = { … }`]",
        ),
        (
            fold("{}"),
            "5:1 the fold has no field [write for example `votes = { count_by = \"data.choice\" }`]",
        ),
        (fold("{ a = 1 }"), "5:14 a field of a fold is a table [write for example `{ count = true }`]"),
        (
            fold("{ a = {} }"),
            "5:14 the field `a` counts nothing [write one of `count`, `count_by`, `sum`, `mean`, `min`, `max`, `distinct`, `top`]",
        ),
        (
            fold("{ a = { sum = \"data.x\", max = \"data.x\" } }"),
            "5:32 `max` cannot stand beside `sum` [write two fields]",
        ),
        (
            fold("{ a = { sum = \"data.x\", by = \"data.x\" } }"),
            "5:32 `by` has no meaning here [it stands beside `top`]",
        ),
        (
            fold("{ a = { count = false } }"),
            "5:16 `count` cannot be `false` [write `true`, or take the field out]",
        ),
        (
            fold("{ a = { top = 3 } }"),
            "5:14 the field `a` has no `by` [write for example `by = \"data.score\"`]",
        ),
        (
            fold("{ a = { top = 3, by = \"data.x\" } }"),
            "5:14 the field `a` has no `keep` [write for example `keep = [\"name\", \"score\"]`: fields of the published data]",
        ),
        (
            fold("{ a = { count_by = \"data.x\" } }"),
            "5:1 the fold's `a` could grow without end [bound it in the schema of the published data: `enum` for `count_by`; `maxLength` and types for `top` and what it keeps]",
        ),
        (
            to("map = \"c/{room}\"\nkey = \"{identity}\"\nfold = { a = { count = true } }"),
            "4:7 a fold is a document, not a map [write `document` for it]",
        ),
        (
            to("document = \"c/{room}\"\nttl = \"1m\"\nfold = { a = { count = true } }"),
            "5:1 `ttl` has no meaning here [a fold shows what all sources bring while they stand]",
        ),
        (
            "[from]\nlist = \"a/{identity}\"\n[[to]]\ndocument = \"b\"\nfold = { a = { count = true } }"
                .into(),
            "4:12 a fold counts documents, and `[from]` names a list [write `document` in `[from]`: each contributes once]",
        ),
        (
            fold("{ __proto__ = { count = true } }"),
            "5:10 the key `__proto__` is not allowed [choose another key]",
        ),
        (
            fold("{ a = { top = 3, by = \"data.x\", keep = [] } }"),
            "5:47 `keep` names no field [write for example `keep = [\"name\", \"score\"]`: fields of the published data]",
        ),
    ]);
    let schema = r#"{"properties": {"name": {"type": "string", "maxLength": 100}}}"#;
    let kept = fold("{ a = { top = 100, by = \"data.x\", keep = [\"name\"] } }\nschema = \"s.json\"");
    rows.push((
        compile(&[files("chat", &kept, &[("s.json", schema)])]).expect_err("a fault"),
        "5:1 the fold could have 61309 bytes, more than 16384 [lower `top`, or shorten what it keeps]",
    ));
    let counted = kept.replace("top = 100", "top = 10").replace("] } }", "] }, n = { count = true } }");
    rows.push((
        compile(&[files("chat", &counted, &[("s.json", schema)])]).expect_err("a fault"),
        "5:1 the fold could have 6164 bytes, more than 4096 [each write sends all of it: lower `top`, shorten what is counted or kept, or write a second `[[to]]`]",
    ));
    let typed = |lines: &str, schema: &str| {
        let policy = format!("{FROM}schema = \"s.json\"\n[[to]]\ndocument = \"c/{{room}}\"\n{lines}");
        compile(&[files("chat", &policy, &[("s.json", schema)])]).expect_err("a fault")
    };
    rows.push((
        typed("fold = { a = { sum = \"data.name\" } }", schema),
        "6:1 the fold's `a` wants a number, and `/name` is a string [name another field, or compute it: an expression stands here as well]",
    ));
    rows.push((
        typed(
            "rename = { \"/name\" = \"/who\" }\nfold = { a = { max = \"data.who\" } }",
            schema,
        ),
        "7:1 the fold's `a` wants a number, and `/who` is a string [name another field, or compute it: an expression stands here as well]",
    ));
    rows.push((
        typed("fold = { a = { distinct = \"data.list\" } }", r#"{"properties": {"list": {"type": "array"}}}"#),
        "6:1 the fold's `a` wants a text, a number or a boolean, and `/list` is a list [name another field, or compute it: an expression stands here as well]",
    ));
    rows
}

/// What the schema leaves open, and what `set` computes, is judged when it is written.
#[test]
fn what_may_be_a_number_is_no_fault() {
    let schema = r#"{"properties": {"n": {"type": ["number", "null"]}, "s": {"type": "string"}, "list": {"type": "array", "maxItems": 9}}, "required": ["list"]}"#;
    for lines in [
        "fold = { a = { sum = \"data.n\" } }",
        "fold = { a = { sum = \"data.none\" } }",
        "fold = { a = { sum = \"size(data.list)\" } }",
        "set = { s = \"size(data.list)\" }\nfold = { a = { sum = \"data.s\" } }",
        "rename = { \"/n\" = \"/s\" }\ntake = [\"/n\"]\nfold = { a = { sum = \"data.s\" } }",
        "default = { s = 1 }\nfold = { a = { sum = \"data.s\" } }",
        "clamp = { n = [0, 9] }\nmask = { s = { digits = true } }\nfold = { a = { count = true } }",
        "clamp = { n = [0, 9] }\nmask = { list = { digits = true } }\nfold = { a = { count = true } }",
    ] {
        let policy = format!("{FROM}schema = \"s.json\"\n[[to]]\ndocument = \"c/{{room}}\"\n{lines}");
        let compiled = compile(&[files("chat", &policy, &[("s.json", schema)])]);
        assert!(compiled.is_ok(), "{lines}: {compiled:?}");
    }
}
