//! `docs/FAULTS.md` and the golden texts say the same, and no place in the source tells a fault without one.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{between, cost, faults, folds, golden::Row, rewrites, rules, schemas, targets, ways};
use crate::policy::{cases, expression, fault::sites, folder};

/// The section of the page for what is told when a set takes force: those texts are the relay's.
pub(crate) const AT_START: &str = "At start";

/// What all golden rows tell, of this wing.
fn told() -> BTreeSet<String> {
    let themes: [fn() -> Vec<Row>; 16] = [
        faults::top,
        faults::private,
        faults::limits,
        faults::at_once,
        rules::all,
        rules::too_many,
        targets::all,
        rewrites::all,
        ways::all,
        cost::all,
        folds::all,
        schemas::all,
        between::between,
        between::of_files,
        folder::tests::faults,
        cases::tests::faults,
    ];
    let faults = themes.iter().flat_map(|it| it()).flat_map(|it| it.0).map(|it| it.what);
    faults.chain(expression::tests::problems::told()).collect()
}

/// One row of the page.
struct Entry {
    section: String,
    /// What is told; `…` stands for any text.
    what: String,
}

impl Entry {
    /// Whether it is about this text.
    fn fits(&self, text: &str) -> bool {
        fits(&self.what, text)
    }

    /// How much of a text it names: the row that names most of it is its row.
    fn named(&self) -> usize {
        self.what.chars().filter(|it| *it != '…').count()
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('…') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('…').unwrap_or(("", rest));
    for part in middle.split('…') {
        match text.split_once(part) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    text.ends_with(end)
}

fn page() -> Vec<Entry> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/FAULTS.md");
    let text = fs::read_to_string(path).expect("the page of faults");
    let (mut entries, mut section) = (Vec::new(), String::new());
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut section);
        }
        let Some(row) = line.strip_prefix("| ").and_then(|it| it.strip_suffix(" |")) else { continue };
        let cells: Vec<&str> = row.split(" | ").collect();
        let [what, why, cure] = *cells.as_slice() else { panic!("three columns: {line}") };
        if what == "what is told" {
            continue;
        }
        assert!(!why.trim().is_empty() && !cure.trim().is_empty(), "why, and a cure: {line}");
        entries.push(Entry { section: section.clone(), what: what.to_owned() });
    }
    entries
}

/// Where the page and these texts differ: each text has a row, and each row of these sections a text.
pub(crate) fn differences(told: &BTreeSet<String>, sections: impl Fn(&str) -> bool) -> Vec<String> {
    let entries: Vec<Entry> = page().into_iter().filter(|it| sections(&it.section)).collect();
    let mut used = BTreeSet::new();
    let mut differ = Vec::new();
    for text in told {
        let row = entries.iter().enumerate().filter(|it| it.1.fits(text)).max_by_key(|it| it.1.named());
        match row {
            Some((at, _)) => drop(used.insert(at)),
            None => differ.push(format!("no row tells of: {text}")),
        }
    }
    let unused = entries.iter().enumerate().filter(|it| !used.contains(&it.0));
    differ.extend(unused.map(|it| format!("no test tells what the row says: {}", it.1.what)));
    differ
}

#[test]
fn the_page_tells_all_faults_and_no_others() {
    let differ = differences(&told(), |it| it != AT_START);
    assert!(differ.is_empty(), "docs/FAULTS.md\n{}", differ.join("\n"));
}

#[test]
fn a_row_fits_what_it_leaves_open() {
    assert!(fits("a `…` and … b", "a `x` and y b"));
    assert!(fits("…", "") && fits("`…`", "``") && fits("a", "a"));
    assert!(!fits("a `…` b", "a `x` c") && !fits("a", "ab") && !fits("…b…", "a") && !fits("ab…ba", "aba"));
}

/// Places that no input reaches, each with why.
const UNREACHED: &[(&str, &str)] = &[
    // Only where the system gives no thread.
    ("expression.rs", "Problem::new(0..text.len(), what, None)"),
    // The parser is asked for no macros, and gives an error whenever it gives no tree.
    ("check.rs", "Expr::Comprehension(_) | Expr::Unspecified"),
    ("text.rs", "Problem::new(0..0, \"not an expression\", None)"),
    // Only if the folder goes, or its disk fails, between two looks.
    ("folder.rs", "faults.push(place.fault(format!(\"the folder cannot be read: {error}\"), None));"),
    ("folder.rs", "Err(error) => faults.push(place.fault(format!(\"the folder cannot be read"),
];

#[test]
fn each_place_that_tells_a_fault_has_a_golden_text() {
    let told = told();
    let hit: BTreeSet<(String, u32)> = sites::all()
        .into_iter()
        .filter(|it| told.contains(&it.2))
        .map(|it| (it.0.replace('\\', "/"), it.1))
        .collect();
    let mut unreached: BTreeSet<_> = UNREACHED.iter().collect();
    let mut silent = Vec::new();
    let mut places = 0;
    for (file, line, text) in places_that_tell() {
        places += 1;
        let known = UNREACHED.iter().find(|it| file.ends_with(it.0) && text.contains(it.1));
        match known {
            Some(known) => drop(unreached.remove(known)),
            None if hit.contains(&(file.clone(), line)) => (),
            None => silent.push(format!("{file}:{line} {text}")),
        }
    }
    assert!(silent.is_empty(), "no golden text comes from\n{}", silent.join("\n"));
    assert!(unreached.is_empty(), "these are gone: {unreached:?}");
    assert!(100 < places, "only {places} places were found");
}

/// Each line of this wing that tells a fault, with its file and number. A function with `track_caller` passes on what
/// its callers tell.
fn places_that_tell() -> Vec<(String, u32, String)> {
    let calls = [
        "place.fault(",
        ").fault(",
        "faults.add(",
        "faults.add_with_help(",
        "faults.note(",
        ".problem(",
        ".whole_problem(",
        "Problem::new(",
        "too_deep(",
    ];
    let mut places = Vec::new();
    for (file, text) in sources() {
        let mut passing = None;
        for (number, line) in (1_u32..).zip(text.lines()) {
            let indent = line.len() - line.trim_start().len();
            match passing {
                None if line.contains("track_caller") => passing = Some(indent),
                Some(depth) if indent == depth && line.trim() == "}" => passing = None,
                None if calls.iter().any(|it| line.contains(it)) => {
                    places.push((file.clone(), number, line.trim().to_owned()));
                }
                _ => (),
            }
        }
    }
    places
}

/// The files of this wing without their tests.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = vec![root.join("src/policy")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.file_stem().is_some_and(|it| it == "tests") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("a file of source");
            let program = text.split("mod tests {").next().unwrap_or_default().to_owned();
            let file =
                path.strip_prefix(root).expect("of this repository").to_string_lossy().replace('\\', "/");
            files.push((file, program));
        }
    }
    files
}

/// Reasons that are told in other words: the expression itself is then checked.
const RETOLD: &[&str] = &["`…` is an expression", "`…` is a path into the data"];

/// A place may tell many reasons: each has a golden text of its own.
#[test]
fn each_reason_has_a_golden_text() {
    let told = told();
    let mut reasons = 0;
    for (file, text) in sources() {
        let reads = ["pattern.rs", "pointer.rs", "setting.rs", "text.rs", "mask.rs", "rate.rs"];
        if !reads.iter().any(|it| file == format!("src/policy/{it}")) {
            continue;
        }
        for line in text.lines() {
            let Some(reason) = line.trim().strip_prefix("#[error(\"").and_then(|it| it.strip_suffix("\")]"))
            else {
                continue;
            };
            let reason = open(reason);
            reasons += 1;
            // More may follow: `, not …`.
            let known = told.iter().any(|it| fits(&reason, it) || fits(&format!("{reason}, not `…`"), it));
            assert!(known || RETOLD.contains(&reason.as_str()), "{file}: no golden text of `{reason}`");
        }
    }
    assert!(20 < reasons, "only {reasons} reasons were found");
}

/// A format string as a row has it: `…` for what is filled in.
fn open(format: &str) -> String {
    let format = format.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut parts = format.split('{');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push('…');
        out.push_str(part.split_once('}').map_or("", |it| it.1));
    }
    out.replace('\u{1}', "{").replace('\u{2}', "}")
}
