//! JSON text without white space, digits and order as they came.

use std::sync::Arc;

use serde_json::Value;

/// Takes the white space out of well-formed JSON and writes its strings in their shortest form;
/// numbers keep their digits.
pub(super) fn compact(text: &str) -> Arc<str> {
    if is_compact(text) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(['"', ' ', '\n', '\r', '\t']) {
        let (before, after) = rest.split_at(start);
        out.push_str(before);
        let length = if after.starts_with('"') { string_length(after) } else { 1 };
        let (token, tail) = after.split_at(length.min(after.len()));
        if token.contains('\\') {
            match serde_json::from_str::<String>(token) {
                Ok(string) => out.push_str(&Value::String(string).to_string()),
                Err(_) => out.push_str(token),
            }
        } else if token.starts_with('"') {
            out.push_str(token);
        }
        rest = tail;
    }
    out.push_str(rest);
    out.into()
}

/// Whether there is nothing to take out: clients print their JSON so.
fn is_compact(text: &str) -> bool {
    let mut quoted = false;
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            // An escape may be longer than it must be.
            b'\\' => return false,
            b' ' | b'\n' | b'\r' | b'\t' if !quoted => return false,
            _ => (),
        }
    }
    true
}

/// Bytes of the string token at the start of `text`, both quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => (),
        }
    }
    text.len()
}
