//! A policy as TOML again, from the value that was read; and changes of one place in a value.

use serde_json::Value;

/// The whole file: each key of the top with its value on one line.
pub fn document(policy: &Value) -> String {
    let entries = policy.as_object().expect("a table").iter();
    entries.map(|(key, value)| format!("{} = {}\n", quoted(key), inline(value))).collect()
}

fn inline(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{} = {}", quoted(key), inline(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::String(text) => quoted(text),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null => panic!("TOML has no null"),
    }
}

/// The escapes of JSON are escapes of TOML, too.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A pointer with one more step.
pub fn below(pointer: &str, step: impl ToString) -> String {
    format!("{pointer}/{}", step.to_string().replace('~', "~0").replace('/', "~1"))
}

/// The value without what stands at a pointer.
pub fn without(value: &Value, pointer: &str) -> Value {
    let mut value = value.clone();
    let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
    let last = last.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(parent).expect("a place") {
        Value::Object(entries) => drop(entries.shift_remove(&last)),
        Value::Array(items) => drop(items.remove(last.parse().expect("an index"))),
        _ => panic!("nothing stands below `{parent}`"),
    }
    value
}

/// The value with something else at a pointer.
pub fn with(value: &Value, pointer: &str, other: impl Into<Value>) -> Value {
    let mut value = value.clone();
    *value.pointer_mut(pointer).expect("a place") = other.into();
    value
}
