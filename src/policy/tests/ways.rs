//! Fields that lead nowhere: each fault by its text, and what is no fault.

use super::{
    files,
    golden::{FROM, Row, TO, check},
};
use crate::policy::{Fault, compile};

const PRIVATE: &str = r#"{
    "properties": {
        "x": {"type": "number"}, "color": {"type": "string"}, "any": {},
        "at": {"type": "object", "properties": {"room": {"type": "string"}}, "additionalProperties": false}
    },
    "required": ["x"], "additionalProperties": false
}"#;

/// The faults of a target with these lines, between a private schema and one of what is published.
fn told(lines: &str, private: &str, shared: Option<&str>) -> Vec<Fault> {
    let named = if shared.is_some() { "schema = \"shared.json\"\n" } else { "" };
    let policy = format!("{FROM}schema = \"private.json\"\n{TO}{lines}\n{named}");
    let schemas = [("private.json", private), ("shared.json", shared.unwrap_or("{}"))];
    compile(&[files("chat", &policy, &schemas)]).err().unwrap_or_default()
}

#[test]
fn fields_that_lead_nowhere_are_told() {
    check(&all());
}

pub(super) fn all() -> Vec<Row> {
    let own = |lines: &str| told(lines, PRIVATE, None);
    let both = |lines: &str, shared: &str| told(lines, PRIVATE, Some(shared));
    let closed = |fields: &str| format!("{{\"properties\": {{{fields}}}, \"additionalProperties\": false}}");
    vec![
        (
            own("take = [\"/x\", \"/colour\"]"),
            "6:15 nothing ever stands at `/colour`: the schema of `[from]` has no such field [did you mean `color`?]",
        ),
        (
            own("take = [\"/at/place\"]"),
            "6:9 nothing ever stands at `/at/place`: the schema of `[from]` has no such field [it has `room`]",
        ),
        (
            own("rename = { \"/xx\" = \"/left\" }"),
            "6:12 nothing ever stands at `/xx`: the schema of `[from]` has no such field [did you mean `x`?]",
        ),
        (
            own("clamp = { y = [0, 1] }"),
            "6:11 nothing ever stands at `/y`: the schema of `[from]` has no such field [did you mean `x`?]",
        ),
        (
            own("mask = { name = { digits = true } }"),
            "6:10 nothing ever stands at `/name`: the schema of `[from]` has no such field [it has `x`, `color`, `any`, `at`]",
        ),
        (
            own("take = [\"/x\"]\nmask = { color = { digits = true } }"),
            "7:10 nothing stands at `/color`: it is not taken [add it to `take`]",
        ),
        (
            own("take = [\"/x\"]\nrename = { \"/color\" = \"/paint\" }"),
            "7:12 nothing stands at `/color`: it is not taken [add it to `take`]",
        ),
        (
            told("fold = { most = { max = \"data.xs\" } }", PRIVATE, None),
            "6:1 nothing ever stands at `/xs`: the schema of `[from]` has no such field [did you mean `x`?]",
        ),
        (
            own("take = [\"/x\"]\nfold = { best = { top = 3, by = \"data.x\", keep = [\"nam\"] } }"),
            concat!(
                "7:1 nothing stands at `/nam`: it is not taken [add it to `take`]\n",
                "7:1 the fold's `best` could grow without end [bound it in the schema of the published data: `enum` for `count_by`; `maxLength` and types for `top` and what it keeps]"
            ),
        ),
        (
            both("take = [\"/x\", \"/color\"]", &closed(r#""x": {}"#)),
            "6:15 the target's schema has no place for `/color`: what has it is refused [it has `x`]",
        ),
        (
            both("take = [\"/x\"]\nset = { nam = \"identity\" }", &closed(r#""x": {}, "name": {}"#)),
            "7:9 the target's schema has no place for `/nam`: what has it is refused [did you mean `name`?]",
        ),
        (
            both("take = [\"/x\"]\ntemplate = { nam = \"{room}\" }", &closed(r#""x": {}, "names": {}"#)),
            "7:14 the target's schema has no place for `/nam`: what has it is refused [it has `x`, `names`]",
        ),
        (
            both("take = [\"/x\"]\ndefault = { y = 0 }", &closed(r#""x": {}, "z": {}"#)),
            "7:13 the target's schema has no place for `/y`: what has it is refused [did you mean `x`?]",
        ),
        (
            both("take = [\"/x\"]\nrename = { \"/x\" = \"/left\" }", &closed(r#""x": {}"#)),
            "7:19 the target's schema has no place for `/left`: what has it is refused [it has `x`]",
        ),
        (
            both("take = [\"/x\"]", r#"{"required": ["x", "name"]}"#),
            "7:1 the target's schema requires `name`, and nothing puts it there: each write is refused [take it, or put it there by `set` or `default`]",
        ),
        (
            both("rename = { \"/x\" = \"/left\" }", r#"{"required": ["x"]}"#),
            "7:1 the target's schema requires `x`, and nothing puts it there: each write is refused [take it, or put it there by `set` or `default`]",
        ),
        (
            own("rename = { \"/x\" = \"/left\" }\nclamp = { x = [0, 1] }"),
            "7:11 nothing stands at `/x`: `rename` has moved it [name the place to which it was moved: `/left`]",
        ),
        (
            own("take = [\"/color/red\"]"),
            "6:9 nothing ever stands at `/color/red`: the schema of `[from]` has no such field",
        ),
        (
            told("clamp = { \"/l/0\" = [0, 1] }", r#"{"properties": {"l": {"type": "array"}}}"#, None),
            "6:11 nothing ever stands at `/l/0`: the schema of `[from]` has no such field",
        ),
        (
            both("", &closed(r#""color": {}, "any": {}, "at": {}"#)),
            "7:1 the target's schema has no place for `x`, which each write has: all are refused [name in `take` what is published, or add it to the target's schema]",
        ),
        (
            both("take = [\"/x\"]\nset = { \"/x/y\" = \"1\" }", &closed(r#""x": {"type": "number"}"#)),
            "7:9 the target's schema has no place for `/x/y`: what has it is refused",
        ),
        (
            both("take = [\"/x\"]\nset = { \"/name\" = \"dat.x\" }", r#"{"required": ["x", "name"]}"#),
            "7:19 `dat.x` names nothing here [for the text itself write \"'dat.x'\"; known are `identity`, `now`, `room` and `claims.…`]",
        ),
    ]
}

/// What only looks like it: something may stand there, or come from elsewhere.
#[test]
fn fields_that_may_stand_are_none() {
    let open = r#"{"properties": {"x": {"type": "number"}}}"#;
    for (lines, private, shared) in [
        ("take = [\"/y\"]", open, None),
        ("take = [\"/any/thing\", \"/x\"]", PRIVATE, None),
        ("default = { y = 0 }\nclamp = { y = [0, 1] }", PRIVATE, None),
        ("rename = { \"/x\" = \"/left\" }\nclamp = { left = [0, 1] }", PRIVATE, None),
        ("take = [\"/x\"]\nset = { n = \"1\" }\nfold = { most = { max = \"data.n\" } }", PRIVATE, None),
        ("take = [\"/at\"]\nmask = { \"/at/room\" = { digits = true } }", PRIVATE, None),
        ("take = [\"/x\"]\nset = { name = \"identity\" }", PRIVATE, Some(r#"{"required": ["x", "name"]}"#)),
        ("take = [\"/x\"]\ndefault = { y = 0 }", PRIVATE, Some(r#"{"required": ["x", "y"]}"#)),
        ("rename = { \"/color\" = \"/y\" }", PRIVATE, Some(r#"{"required": ["y"]}"#)),
        ("rename = { \"/x\" = \"/y\", \"/any\" = \"/x\" }\nclamp = { x = [0, 1] }", PRIVATE, None),
        ("set = { x = \"1\" }", PRIVATE, Some(r#"{"required": ["x"]}"#)),
        ("take = [\"/at/room\"]", PRIVATE, Some(r#"{"required": ["at"]}"#)),
        ("", PRIVATE, Some(r#"{"required": ["x"]}"#)),
        ("", open, Some(r#"{"required": ["z"]}"#)),
        (
            "rename = { \"/x\" = \"/y\" }",
            PRIVATE,
            Some(r#"{"properties": {"y": {}}, "additionalProperties": false}"#),
        ),
    ] {
        assert_eq!(told(lines, private, shared), [], "{lines} {shared:?}");
    }
}
