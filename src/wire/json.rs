//! Writes JSON objects field by field, so that client data is spliced in as the text it is.

use std::fmt::Write;

use serde_json::Value;

/// One JSON object in the making; its fields stand in the order of the calls.
pub(super) struct Object {
    text: String,
}

impl Object {
    /// An object without fields.
    pub(super) fn new() -> Self {
        Self { text: String::from("{") }
    }

    /// A field whose value is JSON already.
    pub(super) fn raw(mut self, name: &'static str, json: &str) -> Self {
        if self.text.len() != 1 {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
        self.text.push_str(json);
        self
    }

    /// A string.
    pub(super) fn text(self, name: &'static str, value: &str) -> Self {
        self.raw(name, &quoted(value))
    }

    /// A string, or null.
    pub(super) fn optional(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self.raw(name, "null"),
        }
    }

    /// A string, or no field at all.
    pub(super) fn present(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// A number.
    pub(super) fn number(self, name: &'static str, value: u64) -> Self {
        self.raw(name, &value.to_string())
    }

    /// A boolean.
    pub(super) fn flag(self, name: &'static str, value: bool) -> Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    /// The finished text.
    pub(super) fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// An array of values that are JSON already.
pub(super) fn array<'t>(values: impl Iterator<Item = &'t str>) -> String {
    let mut text = String::from("[");
    for (at, value) in values.enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _infallible = write!(text, "{comma}{value}");
    }
    text.push(']');
    text
}

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    // Nearly all texts are SIDs, names and times, in which nothing needs an escape.
    if text.bytes().any(|it| it < b' ' || matches!(it, b'"' | b'\\')) {
        return Value::from(text).to_string();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    quoted.push_str(text);
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_serde_does() {
        for text in ["", "a", "é\u{7f}\u{2028}", "a\"b", "\\", "\n", "\0", "\u{1f}x", " /"] {
            assert_eq!(quoted(text), Value::from(text).to_string());
        }
    }
}
