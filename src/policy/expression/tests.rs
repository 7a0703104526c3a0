//! What expressions give, what they refuse, and what they cost.

mod bounds;
mod direct;
mod faults;
mod good;
pub(crate) mod problems;

use std::sync::{Arc, atomic::AtomicUsize};

use serde_json::{Value, json};

use crate::{
    domain::{name::UniqueName, time::Timestamp},
    policy::{
        expression::{EvalFault, Expression, LookupName, Names, Problem, Reader, Scope, Typed, Wanted},
        pattern::{Captures, Pattern},
    },
};

/// A schema with a bit of everything.
fn schema() -> Value {
    json!({
        "$defs": {
            "point": {
                "type": "object",
                "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
                "required": ["x", "y"],
                "additionalProperties": false,
            },
            "node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "n": {"type": "integer"}}},
        },
        "type": "object",
        "properties": {
            "n": {"type": "integer"},
            "x": {"type": "number"},
            "name": {"type": "string", "maxLength": 50},
            "choice": {"enum": ["red", "green"]},
            "open": {"type": "boolean"},
            "note": {"type": "string", "maxLength": 100},
            "count": {"type": "integer"},
            "maybe": {"type": ["integer", "null"]},
            "at": {"type": "string", "maxLength": 40},
            "point": {"$ref": "#/$defs/point"},
            "spot": {"allOf": [{"$ref": "#/$defs/point"}, {"type": ["object", "null"]}]},
            "tree": {"$ref": "#/$defs/node"},
            "tags": {"type": "array", "maxItems": 10, "items": {"type": "string", "maxLength": 20}},
            "points": {"type": "array", "maxItems": 20, "items": {"$ref": "#/$defs/point"}},
            "items": {
                "type": "array",
                "maxItems": 50,
                "items": {
                    "type": "object",
                    "properties": {"id": {"type": "integer"}, "label": {"type": "string", "maxLength": 20}},
                    "required": ["id"],
                },
            },
            "grades": {"type": "object", "maxProperties": 10, "additionalProperties": {"type": "integer"}},
            "meta": {"type": "object"},
            "free": {},
            "any": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        },
        "required": ["n", "x", "name", "choice", "open", "point", "tags", "points", "items", "grades", "meta",
            "maybe", "at"],
        "additionalProperties": false,
    })
}

fn data() -> Value {
    json!({
        "n": 7, "x": 2.5, "name": "Ada", "choice": "red", "open": true, "maybe": null,
        "at": "2026-01-01T00:00:10Z",
        "point": {"x": 3, "y": 4.5},
        "tags": ["a", "b"],
        "points": [{"x": 1, "y": 2}, {"x": 3, "y": 4}],
        "items": [{"id": 1, "label": "one"}, {"id": 2}],
        "grades": {"maths": 1, "art": 2},
        "meta": {"k": [1, 2.5]},
        "free": {"deep": {"er": 1}},
    })
}

/// A world to evaluate in.
struct World {
    data: Value,
    previous: Option<Value>,
    claims: Value,
    board: Option<Value>,
    reader: bool,
}

impl World {
    fn new() -> Self {
        Self {
            data: data(),
            previous: None,
            claims: json!({
                "name": "Ada", "age": 36, "team": {"id": 3}, "roles": ["mod", "dev"], "big": 9_007_199_254_740_993_i64,
            }),
            board: Some(json!({"width": 100, "height": 50})),
            reader: false,
        }
    }
}

const LOOKUPS: [LookupName<'_>; 2] = [
    LookupName { name: "board", required: true, schema: None },
    LookupName { name: "room", required: false, schema: None },
];

fn variables() -> Vec<Arc<str>> {
    vec!["room_id".into(), "identity".into()]
}

fn captures() -> Captures {
    let name = UniqueName::try_from("cursors/r7/ada").expect("a name");
    Pattern::parse("cursors/{room_id}/{identity}").expect("a pattern").captures(&name).expect("it matches")
}

fn compile_with(
    text: &str,
    schema: Option<&Value>,
    wanted: Wanted,
    reader: bool,
) -> Result<Expression, Vec<Problem>> {
    let scope = Scope {
        variables: &variables(),
        key: true,
        lookups: &LOOKUPS,
        data: schema.map_or(Typed::Unknown, Typed::Schema),
        previous: true,
        reader,
        patterns: &AtomicUsize::new(0),
    };
    Expression::compile(text, &scope, wanted)
}

fn compile(text: &str) -> Expression {
    compile_with(text, Some(&schema()), Wanted::Value, false).unwrap_or_else(|it| panic!("{text}: {it:#?}"))
}

fn names<'w>(world: &'w World, captures: &'w Captures, lookups: &'w [Option<&'w Value>]) -> Names<'w> {
    Names {
        data: &world.data,
        previous: world.previous.as_ref(),
        identity: "ada",
        claims: &world.claims,
        captures,
        key: Some("k1"),
        now: Timestamp::from_millis(1_767_225_600_000),
        lookups,
        reader: world.reader.then_some(Reader { identity: "bob", claims: &world.claims }),
    }
}

fn evaluate(expression: &Expression, world: &World) -> Result<Value, EvalFault> {
    let captures = captures();
    expression.value(&names(world, &captures, &[world.board.as_ref(), None]))
}
