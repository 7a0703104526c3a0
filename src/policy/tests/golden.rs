//! Golden rows: what is told of one input, beside the whole text that is expected. The rows of a theme are a function, so
//! that its own test and that of the page of faults see the same.

use super::set;
use crate::policy::Fault;

/// All faults of one input, and their text.
pub(crate) type Row = (Vec<Fault>, &'static str);

pub(super) const FROM: &str = "[from]\ndocument = \"a/{room}/{identity}\"\n";
pub(super) const TO: &str = "[[to]]\ndocument = \"b/{room}/{identity}\"\n";
pub(super) const ITEMS: &str = "[from]\nmap = \"a/{room}/{identity}\"\n";

/// Rows of a policy without schemas, from its text.
pub(super) fn rows(rows: &[(String, &'static str)]) -> Vec<Row> {
    rows.iter().map(|it| (set(&[("chat", &it.0)]).expect_err(&it.0), it.1)).collect()
}

/// Each text is as expected, `line:column what [help]`, and no two rows expect the same.
pub(crate) fn check(rows: &[Row]) {
    same(rows, |it| match &it.help {
        Some(help) => format!("{}:{} {} [{help}]", it.line, it.column, it.what),
        None => format!("{}:{} {}", it.line, it.column, it.what),
    });
}

/// The same for rows that name the files, as the command line prints them.
pub(crate) fn check_printed(rows: &[Row]) {
    same(rows, ToString::to_string);
}

fn same(rows: &[Row], text: impl Fn(&Fault) -> String) {
    let told = |it: &Row| it.0.iter().map(&text).collect::<Vec<_>>().join("\n");
    let differ: Vec<String> = rows
        .iter()
        .map(|it| (told(it), it.1))
        .filter(|(told, expected)| told != expected)
        .map(|(told, expected)| format!("told:     {told}\nexpected: {expected}"))
        .collect();
    assert!(differ.is_empty(), "\n{}", differ.join("\n\n"));
    let mut all: Vec<_> = rows.iter().map(|it| it.1).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), rows.len(), "each row is a fault of its own");
}
