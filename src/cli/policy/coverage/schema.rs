//! Each keyword of a JSON Schema deleted, turned about, and moved by one.

use serde_json::{Value, json};

use super::written::{below, with, without};

/// A schema that was changed in one place.
pub(super) struct Change {
    pub(super) what: String,
    pub(super) schema: Value,
    /// Whether it allows more than before, and nothing less.
    pub(super) weaker: bool,
}

/// Keywords that say something to people only.
const ANNOTATIONS: &[&str] = &["$schema", "$id", "$comment", "title", "description", "default", "examples"];
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
            ("properties", Value::Object(properties)) => {
                for name in properties.keys() {
                    let inner = below(&place, name);
                    add(changes, format!("{inner} deleted"), without(whole, &inner), false);
                    walk(whole, &inner, changes);
                }
                continue;
            }
            ("required" | "enum", Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let schema = without(whole, &below(&place, index));
                    add(changes, format!("{item} taken out of {place}"), schema, keyword == "required");
                }
            }
            ("items", _) => walk(whole, &place, changes),
            _ => (),
        }
        // Data is an object before any schema looks at it.
        if place != "/type" {
            add(changes, format!("{place} deleted"), without(whole, &place), true);
        }
        if !keywords.contains_key("not") {
            let opposite = opposite(whole, at, keyword);
            changes.extend(opposite.map(|schema| Change {
                what: format!("{place} turned about"),
                schema,
                weaker: false,
            }));
        }
        let bound = BOUNDS.iter().find(|it| it.0 == keyword);
        if let (Some((_, wider)), Some(number)) = (bound, value.as_i64()) {
            for by in [1, -1] {
                add(changes, format!("{place} {:+}", by), with(whole, &place, number + by), by == *wider);
            }
        }
    }
}

fn add(changes: &mut Vec<Change>, what: String, schema: Value, weaker: bool) {
    changes.push(Change { what, schema, weaker });
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
