//! A policy as TOML again, from the value that was read; and changes of one place in a value.

use serde_json::Value;

/// The whole file: each key of the top with its value on one line.
pub(super) fn document(policy: &Value) -> String {
    let entries = policy.as_object().into_iter().flatten();
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
        // TOML has none, and this was TOML.
        Value::Null => "\"\"".to_owned(),
    }
}

/// The escapes of JSON are escapes of TOML, too.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A pointer with one more step.
pub(super) fn below(pointer: &str, step: impl ToString) -> String {
    format!("{pointer}/{}", step.to_string().replace('~', "~0").replace('/', "~1"))
}

/// The value without what stands at a pointer.
pub(super) fn without(value: &Value, pointer: &str) -> Value {
    let mut value = value.clone();
    let Some((parent, last)) = pointer.rsplit_once('/') else { return value };
    let last = last.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(parent) {
        Some(Value::Object(entries)) => drop(entries.shift_remove(&last)),
        Some(Value::Array(items)) => {
            if let Some(index) = last.parse::<usize>().ok().filter(|it| *it < items.len()) {
                items.remove(index);
            }
        }
        _ => (),
    }
    value
}

/// The value with something else at a pointer.
pub(super) fn with(value: &Value, pointer: &str, other: impl Into<Value>) -> Value {
    let mut value = value.clone();
    if let Some(place) = value.pointer_mut(pointer) {
        *place = other.into();
    }
    value
}
