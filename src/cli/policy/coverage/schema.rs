//! Each keyword of a JSON Schema deleted, turned about, and moved by one.

use serde_json::{Value, json};

use super::written::{below, with, without};

/// A schema that was changed in one place.
pub(super) struct Change {
    /// The pointer to the place.
    pub(super) at: String,
    pub(super) what: String,
    pub(super) schema: Value,
    /// Whether it allows more than before, and nothing less.
    pub(super) weaker: bool,
}

/// Keywords that say something to people only.
const ANNOTATIONS: &[&str] = &["$schema", "$id", "$comment", "title", "description", "default", "examples"];
/// Keywords whose value is a schema that says something of its own.
const APPLIED: &[&str] = &[
    "items",
    "additionalItems",
    "unevaluatedItems",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
];
/// Keywords with a number: the direction in which each allows more.
const BOUNDS: &[(&str, i64)] = &[
    ("minimum", -1),
    ("maximum", 1),
    ("exclusiveMinimum", -1),
    ("exclusiveMaximum", 1),
    ("minLength", -1),
    ("maxLength", 1),
    ("minItems", -1),
    ("maxItems", 1),
    ("minProperties", -1),
    ("maxProperties", 1),
];

/// All changes of a schema.
pub(super) fn mutants(schema: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    walk(schema, "", &mut changes);
    changes
}

fn walk(whole: &Value, at: &str, changes: &mut Vec<Change>) {
    let Some(keywords) = whole.pointer(at).and_then(Value::as_object) else { return };
    for (keyword, value) in keywords.iter().filter(|it| !ANNOTATIONS.contains(&it.0.as_str())) {
        let place = below(at, keyword);
        match (keyword.as_str(), value) {
            ("properties" | "patternProperties", Value::Object(named)) => {
                for name in named.keys() {
                    let inner = below(&place, name);
                    deleted(whole, &inner, false, changes);
                    walk(whole, &inner, changes);
                }
                continue;
            }
            // What nothing refers to any more decides nothing: the references are changed instead.
            ("$defs" | "definitions", Value::Object(named)) => {
                named.keys().for_each(|name| walk(whole, &below(&place, name), changes));
                continue;
            }
            ("dependentSchemas" | "dependencies", Value::Object(named)) => {
                named.keys().for_each(|name| walk(whole, &below(&place, name), changes));
            }
            ("required" | "enum", Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let schema = without(whole, &below(&place, index));
                    add(changes, &place, format!("without {item}"), schema, keyword == "required");
                }
            }
            ("oneOf" | "anyOf" | "allOf" | "prefixItems" | "items", Value::Array(branches)) => {
                for index in 0..branches.len() {
                    let branch = below(&place, index);
                    deleted(whole, &branch, keyword == "allOf", changes);
                    walk(whole, &branch, changes);
                }
            }
            (_, Value::Object(_)) if APPLIED.contains(&keyword.as_str()) => walk(whole, &place, changes),
            _ => (),
        }
        // Data is an object before any schema looks at it.
        if place != "/type" {
            deleted(whole, &place, true, changes);
        }
        if !keywords.contains_key("not") {
            let opposite = opposite(whole, at, keyword);
            let what = "turned about".to_owned();
            changes.extend(opposite.map(|schema| Change { at: place.clone(), what, schema, weaker: false }));
        }
        let bound = BOUNDS.iter().find(|it| it.0 == keyword);
        if let (Some((_, wider)), Some(number)) = (bound, value.as_i64()) {
            for by in [1, -1] {
                add(changes, &place, format!("{by:+}"), with(whole, &place, number + by), by == *wider);
            }
        }
    }
}

fn deleted(whole: &Value, at: &str, weaker: bool, changes: &mut Vec<Change>) {
    add(changes, at, "deleted".to_owned(), without(whole, at), weaker);
}

fn add(changes: &mut Vec<Change>, at: &str, what: String, schema: Value, weaker: bool) {
    changes.push(Change { at: at.to_owned(), what, schema, weaker });
}

/// The schema that asks for what this keyword forbids.
fn opposite(whole: &Value, at: &str, keyword: &str) -> Option<Value> {
    let mut schema = whole.clone();
    let node = schema.pointer_mut(at)?.as_object_mut()?;
    let value = node.shift_remove(keyword)?;
    let denied = match (node.get("properties"), keyword) {
        (Some(properties), "additionalProperties") => json!({ keyword: value, "properties": properties }),
        _ => json!({ keyword: value }),
    };
    node.insert("not".to_owned(), denied);
    Some(schema)
}
