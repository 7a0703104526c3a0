//! Names in TypeScript: of types, of functions, of their parameters; no two alike.

use std::collections::BTreeSet;

/// Words that cannot be the name of a parameter.
const RESERVED: &[&str] = &[
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "segment",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// The names that are given away.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// This name, or the first of `name2`, `name3`, … that nobody has.
    pub(super) fn take(&mut self, wanted: &str) -> String {
        let numbered = (2..).map(|it: u32| format!("{wanted}{it}"));
        let free = std::iter::once(wanted.to_owned()).chain(numbered).find(|it| !self.taken.contains(it));
        let free = free.unwrap_or_else(|| wanted.to_owned());
        self.taken.insert(free.clone());
        free
    }
}

/// `two-words` as `TwoWords`.
pub(super) fn pascal(text: &str) -> String {
    let words = text.split(|it: char| !it.is_ascii_alphanumeric()).filter(|it| !it.is_empty());
    let name: String = words.map(|it| first(it, |letter| letter.to_ascii_uppercase())).collect();
    if name.starts_with(|it: char| it.is_ascii_alphabetic()) { name } else { format!("_{name}") }
}

/// `two-words` as `twoWords`.
pub(super) fn camel(text: &str) -> String {
    first(&pascal(text), |letter| letter.to_ascii_lowercase())
}

fn first(word: &str, change: fn(char) -> char) -> String {
    let mut letters = word.chars();
    letters.next().map(change).into_iter().chain(letters).collect()
}

/// A variable of a pattern as a parameter.
pub(super) fn parameter(variable: &str) -> String {
    if RESERVED.contains(&variable) { format!("{variable}_") } else { variable.to_owned() }
}
