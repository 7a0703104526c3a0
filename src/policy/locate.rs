//! Finds the place of a JSON pointer in the text of a policy's file: for faults in schemas, and for what no case notices.

use serde::de::IgnoredAny;
use toml::de::{DeTable, DeValue};

use crate::policy::fault::line_and_column;

/// The line, from 1, of what a pointer names in a file of a policy: TOML if its name says so, else JSON.
pub fn line(file: &str, text: &str, pointer: &str) -> usize {
    let offset = if file.ends_with(".toml") { toml_offset(text, pointer) } else { offset(text, pointer) };
    line_and_column(text, offset).0
}

/// The byte offset of the key, or of the array's element, that the pointer names in TOML.
fn toml_offset(text: &str, pointer: &str) -> usize {
    let (table, _) = DeTable::parse_recoverable(text);
    let mut at = 0;
    let mut inner: Option<&DeValue<'_>> = None;
    for step in steps(pointer) {
        let value = match inner {
            None => toml_entry(table.get_ref(), &step),
            Some(DeValue::Table(entries)) => toml_entry(entries, &step),
            Some(DeValue::Array(items)) => {
                let item = step.parse().ok().and_then(|it: usize| items.get(it));
                item.map(|it| (it.span().start, it.get_ref()))
            }
            Some(_) => None,
        };
        let Some((start, value)) = value else { break };
        (at, inner) = (start, Some(value));
    }
    at
}

fn toml_entry<'v, 't>(table: &'v DeTable<'t>, key: &str) -> Option<(usize, &'v DeValue<'t>)> {
    table.get_key_value(key).map(|(key, value)| (key.span().start, value.get_ref()))
}

fn steps(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(unescaped)
}

/// The byte offset of the key, or of the array's element, that the pointer names.
pub(super) fn offset(text: &str, pointer: &str) -> usize {
    let mut here = skip(text, 0);
    for step in steps(pointer) {
        // The key was found: its value is where the next step begins.
        let value = value_of(text, here);
        match child(text, value, &step) {
            Some(at) => here = at,
            None => break,
        }
    }
    here
}

/// The byte offset of the second of two equal keys that the pointer names.
pub(super) fn doubled(text: &str, pointer: &str) -> usize {
    let first = offset(text, pointer);
    let step = pointer.rsplit('/').next().unwrap_or_default();
    entry(text, after(text, value_of(text, first)), &unescaped(step), Keys::Written).unwrap_or(first)
}

/// The byte offset of a line and column (both from 1), as parsers report them.
pub(super) fn line_offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}

/// From a key to its value; a value that is no key stays.
fn value_of(text: &str, at: usize) -> usize {
    let after = skip(text, length(text, at) + at);
    if byte(text, at) == Some(b'"') && byte(text, after) == Some(b':') { skip(text, after + 1) } else { at }
}

/// What names the entries of a value: their keys, or their places.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Written,
    Counted,
}

fn child(text: &str, value: usize, step: &str) -> Option<usize> {
    let keys = match byte(text, value)? {
        b'{' => Keys::Written,
        b'[' => Keys::Counted,
        _ => return None,
    };
    entry(text, skip(text, value + 1), step, keys)
}

/// The entry that the step names, from the entry at `at` on.
fn entry(text: &str, mut at: usize, step: &str, keys: Keys) -> Option<usize> {
    let mut index = 0_usize;
    while !matches!(byte(text, at)?, b'}' | b']') {
        let key = match keys {
            Keys::Written => serde_json::from_str(text.get(at..at + length(text, at))?).ok()?,
            Keys::Counted => index.to_string(),
        };
        if key == step {
            return Some(at);
        }
        at = after(text, if keys == Keys::Written { value_of(text, at) } else { at });
        index += 1;
    }
    None
}

/// From a value to the next entry, or to the end of what holds it.
fn after(text: &str, value: usize) -> usize {
    let at = skip(text, value + length(text, value));
    if byte(text, at) == Some(b',') { skip(text, at + 1) } else { at }
}

/// The key that a step of a pointer stands for.
fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// Bytes of the value that begins at `at`.
fn length(text: &str, at: usize) -> usize {
    let Some(rest) = text.get(at..) else { return 0 };
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => values.byte_offset(),
        // A string before `:` and the like end where the string ends.
        _ => rest.len(),
    }
}

fn skip(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + (rest.len() - rest.trim_start().len())
}

fn byte(text: &str, at: usize) -> Option<u8> {
    text.as_bytes().get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_lead_to_lines_of_both_forms() {
        let policy = "[from]\ndocument = \"a\"\n\n[[to]]\nset = { x = 1 }\n[to.fold]\nbest = { top = 3,\n by = \"data.x\" }\n[[to]]\n";
        let at = |pointer: &str| line("a/policy.toml", policy, pointer);
        assert_eq!((at("/from/document"), at("/to/0"), at("/to/0/set/x")), (2, 4, 5));
        assert_eq!((at("/to/0/fold/best/by"), at("/to/1"), at("/none")), (8, 9, 1));
        assert_eq!(line("s.json", "{\n\"a\":\n{\"b\": 1}}", "/a/b"), 3);
    }

    #[test]
    fn pointers_lead_to_keys_and_elements() {
        let text = r#" {"a": {"x": 1}, "b/c" : [ 10, {"d\n":true} ], "e": "f"}"#;
        let at = |pointer: &str| text.get(offset(text, pointer)..).expect("in the text");
        assert!(at("").starts_with("{\"a\""));
        assert!(at("/a").starts_with("\"a\""));
        assert!(at("/a/x").starts_with("\"x\""));
        assert!(at("/b~1c/0").starts_with("10"));
        assert!(at("/b~1c/1/d\n").starts_with("\"d\\n\""));
        assert!(at("/e").starts_with("\"e\""));
        assert!(at("/e/none").starts_with("\"e\""));
        let twice = r#"{"a": 1, "b": {"c": 1, "d": [], "c": 2}}"#;
        assert!(twice.get(doubled(twice, "/b/c")..).expect("in the text").starts_with("\"c\": 2"));
        assert_eq!(line_offset("ab\ncd", 2, 2), 4);
    }
}
