//! How large a fold's document can become, by what the schema says of its inputs.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, Shape};
use crate::domain::limits::{DATA_BYTES_MAX, DATA_DEPTH_MAX, FOLD_BYTES_MAX, FOLD_DIGITS_MAX};

/// What a schema says of one field's input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// The texts of all values that a `count_by` can meet, as JSON; `None` when they are not listed.
    pub values: Option<Vec<String>>,
    /// Bytes of the JSON of one value, at most.
    pub value_bytes: Option<usize>,
    /// Bytes of the JSON of what a `top` keeps, at most.
    pub keep_bytes: Option<usize>,
}

/// Bytes of a count: 20 digits.
const COUNT: usize = 20;

impl Shape {
    /// Bytes that the largest document may have. A write that changes a count or a sum sends the whole document to all
    /// who listen, so one with such fields is small; the best, the least and the greatest seldom change.
    pub fn bytes_max(&self) -> usize {
        let steady = |it: &Kind| matches!(it, Kind::Top { .. } | Kind::Min | Kind::Max);
        if self.fields().iter().all(|it| steady(&it.kind)) { DATA_BYTES_MAX } else { FOLD_BYTES_MAX }
    }

    /// Bytes of the largest document; an error is the place of a field without a bound.
    ///
    /// # Errors
    /// The number of the field that could grow for ever.
    pub fn worst_bytes(&self, bounds: &[Bounds]) -> Result<usize, usize> {
        let nothing = Bounds::default();
        let mut bytes: usize = 2;
        for (at, field) in self.fields().iter().enumerate() {
            let bounds = bounds.get(at).unwrap_or(&nothing);
            let value = match field.kind {
                Kind::Count | Kind::Distinct => COUNT,
                Kind::Sum | Kind::Mean | Kind::Min | Kind::Max => FOLD_DIGITS_MAX,
                Kind::CountBy { top: None } => {
                    // A number is a key in quotes.
                    let keys =
                        bounds.values.as_ref().ok_or(at)?.iter().map(|it| it.len() + 2 + 1 + COUNT + 1);
                    2 + keys.sum::<usize>()
                }
                Kind::CountBy { top: Some(top) } => {
                    let one = bounds.value_bytes.ok_or(at)? + r#"{"value":,"count":},"#.len() + COUNT;
                    r#"{"top":[],"other":}"#.len()
                        + COUNT
                        + usize::try_from(top).unwrap_or(usize::MAX).saturating_mul(one)
                }
                Kind::Top { count } => {
                    let one = bounds.keep_bytes.ok_or(at)? + 1;
                    2 + usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(one)
                }
            };
            let name = Value::String(field.name.to_string()).to_string().len() + 2;
            bytes = bytes.saturating_add(name).saturating_add(value);
        }
        Ok(bytes)
    }
}

/// Bytes of the JSON of the largest value that fits a schema; `None` when nothing bounds it. What is not understood
/// bounds nothing.
pub fn value_bytes(schema: &Value, root: &Value) -> Option<usize> {
    bytes_of(schema, root, DATA_DEPTH_MAX)
}

fn bytes_of(schema: &Value, root: &Value, depth: usize) -> Option<usize> {
    let depth = depth.checked_sub(1)?;
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let pointer = target.strip_prefix('#')?;
        return bytes_of(root.pointer(pointer)?, root, depth);
    }
    if let Some(value) = schema.get("const") {
        return Some(value.to_string().len());
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(|it| it.to_string().len()).max();
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(branches) = schema.get(key).and_then(Value::as_array) {
            let sizes: Option<Vec<usize>> = branches.iter().map(|it| bytes_of(it, root, depth)).collect();
            return sizes?.into_iter().max();
        }
    }
    let number = |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|it| usize::try_from(it).ok());
    let kinds: Vec<&str> = match schema.get("type")? {
        Value::String(it) => vec![it.as_str()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let mut largest = 0;
    for kind in kinds {
        largest = largest.max(match kind {
            "null" | "boolean" => 5,
            // The longest number that serde_json writes: a double with its sign and exponent.
            "integer" | "number" => 25,
            // A control character is written as six bytes; a letter has at most four.
            "string" => number("maxLength")?.checked_mul(6)?.checked_add(2)?,
            "array" => {
                let item = bytes_of(schema.get("items")?, root, depth)?;
                number("maxItems")?.checked_mul(item + 1)?.checked_add(2)?
            }
            "object" => object_bytes(schema, root, depth)?,
            _ => return None,
        });
    }
    Some(largest)
}

fn object_bytes(schema: &Value, root: &Value, depth: usize) -> Option<usize> {
    if schema.get("additionalProperties") != Some(&Value::Bool(false))
        || schema.get("patternProperties").is_some()
    {
        return None;
    }
    let mut bytes: usize = 2;
    for (name, value) in schema.get("properties")?.as_object()? {
        let name = Value::String(name.clone()).to_string().len() + 2;
        bytes = bytes.checked_add(name)?.checked_add(bytes_of(value, root, depth)?)?;
    }
    Some(bytes)
}
