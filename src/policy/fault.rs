//! What is wrong with a policy: said to its author, with the place and a cure.

use std::{fmt, ops::Range, sync::Arc};

use serde::Serialize;

use crate::domain::limits::{FAULT_BYTES_MAX, FAULTS_MAX, MEANT_BYTES_MAX};

/// One thing that is wrong in a policy folder. Its JSON has these fields under these names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// The file, as the operator named its folder.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// How to mend it, where there is a way to say so.
    pub help: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = plain(&self.file);
        write!(out, "error: {}\n  --> {file}:{}:{}", self.what, self.line, self.column)?;
        match &self.help {
            Some(help) => write!(out, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

/// A place in a file, for faults that are found after its text is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    /// The start of a file.
    pub(super) fn start(file: &str) -> Self {
        Self { file: file.into(), line: 1, column: 1 }
    }

    /// `file:line:column`.
    pub(super) fn text(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }

    /// A fault at this place.
    #[cfg_attr(test, track_caller)]
    pub(super) fn fault(&self, what: impl Into<String>, help: Option<String>) -> Fault {
        let (what, help) = (told(&what.into()), help.as_deref().map(told));
        #[cfg(test)]
        sites::hit(&what);
        Fault { file: self.file.clone(), line: self.line, column: self.column, what, help }
    }
}

/// A text for a fault: plain, and no longer than [`FAULT_BYTES_MAX`] and `…`.
fn told(text: &str) -> String {
    let plain = plain(text);
    match plain.char_indices().find(|(at, it)| FAULT_BYTES_MAX < at + it.len_utf8()) {
        Some((at, _)) => format!("{}…", plain.get(..at).unwrap_or_default()),
        None => plain,
    }
}

/// The text without what steers a terminal, hides, or turns the reading about: that is written as an escape.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for it in text.chars() {
        match hides(it) {
            true => out.extend(it.escape_unicode()),
            false => out.push(it),
        }
    }
    out
}

/// Whether a character steers a terminal, is not seen, or turns the reading about.
pub(super) fn hides(it: char) -> bool {
    it.is_control()
        || matches!(it, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Collects the faults of one file.
pub(super) struct Faults<'t> {
    file: Arc<str>,
    text: &'t str,
    /// By byte offset; only those that are shown get a place, since each is a walk through the text.
    list: Vec<(usize, String, Option<String>)>,
}

impl<'t> Faults<'t> {
    pub(super) fn new(file: &str, text: &'t str) -> Self {
        Self { file: file.into(), text, list: Vec::new() }
    }

    /// The place of a byte offset.
    pub(super) fn place(&self, offset: usize) -> Place {
        let (line, column) = line_and_column(self.text, offset);
        Place { file: self.file.clone(), line, column }
    }

    /// The offset in the file of a place within a quoted text, as far as the text stands there as it is
    /// meant: with escapes before it, the start of the text.
    pub(super) fn within(&self, span: &Range<usize>, offset: usize) -> usize {
        let written = self.text.get(span.clone()).unwrap_or_default();
        let quotes = if written.starts_with("\"\"\"") || written.starts_with("'''") { 3 } else { 1 };
        let skipped = usize::from(quotes == 3 && written.get(3..).is_some_and(|it| it.starts_with('\n')));
        let start = quotes + skipped;
        let before = written.get(start..start + offset);
        let plain = before.is_some_and(|it| written.starts_with('\'') || !it.contains('\\'));
        if plain { span.start + start + offset } else { span.start }
    }

    /// Notes a fault without a cure.
    #[cfg_attr(test, track_caller)]
    pub(super) fn add(&mut self, span: &Range<usize>, what: impl Into<String>) {
        self.note(span, what, None);
    }

    /// Notes a fault with its cure.
    #[cfg_attr(test, track_caller)]
    pub(super) fn add_with_help(
        &mut self,
        span: &Range<usize>,
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.note(span, what, Some(help.into()));
    }

    /// Notes a fault with its cure, where there is one.
    #[cfg_attr(test, track_caller)]
    pub(super) fn note(&mut self, span: &Range<usize>, what: impl Into<String>, help: Option<String>) {
        let what = told(&what.into());
        #[cfg(test)]
        sites::hit(&what);
        self.list.push((span.start, what, help.as_deref().map(told)));
    }

    /// Whether nothing was noted.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The first [`FAULTS_MAX`] of the file.
    pub(super) fn into_list(mut self) -> Vec<Fault> {
        let mut list = std::mem::take(&mut self.list);
        list.sort();
        list.dedup();
        list.truncate(FAULTS_MAX);
        list.into_iter().map(|(at, what, help)| self.place(at).fault(what, help)).collect()
    }
}

/// Sorts faults by place and keeps the first [`FAULTS_MAX`].
pub(super) fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort();
    faults.dedup();
    faults.truncate(FAULTS_MAX);
    faults
}

/// Line and column (in characters), both from 1, of a byte offset.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before: String = text.char_indices().take_while(|(at, _)| *at < offset).map(|it| it.1).collect();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|it| *it != '\n').count() + 1;
    (line, column)
}

/// The word of `known` that was probably meant by `word`: letters that changed places are one slip. What is longer than
/// any of ours is nothing that was meant, and is not compared.
pub(super) fn meant<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let known = known.into_iter().filter(|it| word.len().max(it.len()) <= MEANT_BYTES_MAX);
    known
        .map(|it| (strsim::osa_distance(word, it), it))
        .filter(|(steps, it)| *steps <= (it.chars().count().max(3) / 3))
        .min()
        .map(|it| it.1)
}

/// Where in the source faults were made in this run of the tests, and what they said: what a test has told must
/// cover each place that can tell.
#[cfg(test)]
pub(super) mod sites {
    use std::{collections::BTreeSet, panic::Location, sync::Mutex};

    /// File, line, and what was said.
    type Site = (&'static str, u32, String);

    static HIT: Mutex<BTreeSet<Site>> = Mutex::new(BTreeSet::new());

    /// Notes the place that called.
    #[track_caller]
    pub fn hit(what: &str) {
        let site = Location::caller();
        HIT.lock().expect("nobody panics here").insert((site.file(), site.line(), what.to_owned()));
    }

    /// What was noted so far.
    pub fn all() -> BTreeSet<Site> {
        HIT.lock().expect("nobody panics here").clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters() {
        assert_eq!(line_and_column("é\nüx", 6), (2, 3));
        assert_eq!(line_and_column("", 9), (1, 1));
        assert_eq!(line_and_column("a\n", 2), (2, 1));
    }

    #[test]
    fn slips_of_the_pen_are_understood() {
        let known = ["limit", "from", "to", "mode", "services"];
        assert_eq!(meant("limits", known), Some("limit"));
        assert_eq!(meant("service", known), Some("services"));
        assert_eq!(meant("form", known), Some("from"));
        assert_eq!(meant("colour", known), None);
        assert_eq!(meant(&"limit".repeat(100), known), None);
    }

    #[test]
    fn what_was_written_steers_no_terminal_and_is_told_in_short() {
        let place = Place { file: "a\nb/policy.toml".into(), line: 1, column: 1 };
        let fault = place.fault("unknown key `\u{1b}[2Ja\u{202e}b`", None);
        let text = "error: unknown key `\\u{1b}[2Ja\\u{202e}b`\n  --> a\\u{a}b/policy.toml:1:1";
        assert_eq!(fault.to_string(), text);
        let long = place.fault("é".repeat(FAULT_BYTES_MAX), Some("x".repeat(FAULT_BYTES_MAX)));
        assert!(long.what.len() == FAULT_BYTES_MAX + 3 && long.what.ends_with("é…"), "{}", long.what);
        assert_eq!(long.help, Some("x".repeat(FAULT_BYTES_MAX)));
    }

    #[test]
    fn of_very_many_faults_the_first_are_told() {
        let text = "\n".repeat(2 * FAULTS_MAX);
        let mut faults = Faults::new("x", &text);
        (0..text.len()).rev().for_each(|it| faults.add(&(it..it), "bad"));
        let lines: Vec<_> = faults.into_list().iter().map(|it| it.line).collect();
        assert_eq!(lines, (1..=FAULTS_MAX).collect::<Vec<_>>());
    }

    #[test]
    fn a_fault_reads_as_compilers_write_it() {
        let place = Place { file: "policies/chat/policy.toml".into(), line: 14, column: 3 };
        let fault = place.fault("unknown key `limits`", Some("did you mean `limit`?".into()));
        assert_eq!(
            fault.to_string(),
            "error: unknown key `limits`\n  --> policies/chat/policy.toml:14:3\n  help: did you mean `limit`?"
        );
        assert_eq!(
            serde_json::to_value(&fault).expect("JSON"),
            serde_json::json!({
                "file": "policies/chat/policy.toml",
                "line": 14,
                "column": 3,
                "what": "unknown key `limits`",
                "help": "did you mean `limit`?",
            })
        );
    }
}
