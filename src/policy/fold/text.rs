//! The text of a fold's document, built by hand: `serde_json` would round what is exact here.

use std::sync::Arc;

use super::{decimal::Decimal, scalar::Scalar};

/// A JSON object of names and the texts of their values.
pub(super) fn object<'f>(fields: impl Iterator<Item = (&'f str, String)>) -> String {
    let fields: Vec<String> = fields.map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
    format!("{{{}}}", fields.join(","))
}

/// A JSON array of texts that are JSON.
pub(super) fn list<'f>(items: impl Iterator<Item = &'f Arc<str>>) -> String {
    format!("[{}]", items.map(|it| &**it).collect::<Vec<_>>().join(","))
}

/// A value, or `null`.
pub(super) fn scalar(value: Option<&Scalar>) -> String {
    match value {
        None => "null".to_owned(),
        Some(Scalar::Bool(it)) => it.to_string(),
        Some(Scalar::Number(it)) => it.to_string(),
        Some(Scalar::Text(it)) => quoted(it),
    }
}

/// The mean of a sum, or `null` of nothing.
pub(super) fn mean(sum: i128, count: u64) -> String {
    if count == 0 { "null".to_owned() } else { Decimal::mean(sum, count).to_string() }
}

/// How often each value is there: an object by value.
pub(super) fn counts<'f>(values: impl Iterator<Item = (&'f Scalar, u64)>) -> String {
    let key = |it: &Scalar| match it {
        Scalar::Text(text) => quoted(text),
        other => quoted(&scalar(Some(other))),
    };
    let fields: Vec<String> = values.map(|(value, count)| format!("{}:{count}", key(value))).collect();
    format!("{{{}}}", fields.join(","))
}

/// The most frequent values as a list, and all others of the total together: a key `other` could be a value's.
pub(super) fn frequent<'f>(best: impl Iterator<Item = (&'f Scalar, u64)>, total: u64) -> String {
    let (mut entries, mut other) = (Vec::new(), total);
    for (value, count) in best {
        entries.push(format!("{{\"value\":{},\"count\":{count}}}", scalar(Some(value))));
        other = other.saturating_sub(count);
    }
    format!("{{\"top\":[{}],\"other\":{other}}}", entries.join(","))
}

/// A JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
