//! JSON text without white space, digits and order as they came.

use serde_json::Value;

/// Takes the white space out of well-formed JSON and writes its strings in their shortest form;
/// numbers keep their digits.
pub(super) fn compact(text: &str) -> String {
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
    out
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
