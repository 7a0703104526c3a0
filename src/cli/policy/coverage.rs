//! What the cases of a policy notice: each rule, schema keyword, branch and rewrite is deleted, turned about or moved by
//! one, one at a time, and a case should then come out otherwise.
//!
//! A change that does not compile does not count. What cases cannot see is not changed: who reads (`read`), `until`, and
//! what people and clients are told. A weaker contract of the shared side is not counted either: the rewrite
//! assures most of it already, so no write can tell.

mod html;
mod lcov;
mod policy;
mod sample;
mod schema;
mod text;
mod written;

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

pub(super) use html::html;
pub(super) use lcov::lcov;

use crate::{
    policy::{Case, PolicySet, folder},
    relay::Disagreement,
};
use sample::Sample;

/// What became of the changes of one policy.
#[derive(Debug, Serialize)]
pub(super) struct Coverage {
    /// The policy.
    policy: String,
    /// Its cases.
    cases: usize,
    /// Changes that a case noticed.
    noticed: usize,
    /// Changes that compile and count.
    counted: usize,
    /// The same of each kind of place.
    kinds: BTreeMap<Kind, Share>,
    /// Each change, by file and place.
    changes: Vec<Tried>,
    /// The text of each file that was changed, by its path.
    #[serde(skip)]
    texts: BTreeMap<String, String>,
}

/// How many of so many were noticed.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Share {
    noticed: usize,
    counted: usize,
}

/// What a place of a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// A bound of a variable, a limit, a lookup, a condition.
    Rule,
    /// A keyword of a schema.
    Keyword,
    /// A branch of `oneOf` or `anyOf`.
    Branch,
    /// A step of a rewrite.
    Rewrite,
    /// A field of a fold.
    Fold,
    /// Another key of `[from]` or `[[to]]`.
    Setting,
}

/// A change that was tried.
#[derive(Debug, Serialize)]
struct Tried {
    /// The file, as faults name it.
    file: String,
    /// The line of the place, from 1.
    line: usize,
    kind: Kind,
    /// The pointer to the place, and what was changed.
    what: String,
    /// The first case that came out otherwise.
    noticed_by: Option<String>,
}

/// Tries the changes of each policy of a directory against its own cases. What has faults was told before.
///
/// # Errors
/// The cases that come out otherwise although nothing was changed.
pub(super) fn of(
    directory: &Path,
    set: &PolicySet,
    cases: &[Case],
) -> Result<Vec<Coverage>, Vec<Disagreement>> {
    let files = folder::files(directory);
    files.iter().filter_map(Sample::read).map(|it| it.judged(set, cases)).collect()
}

impl Coverage {
    fn new(policy: String, cases: usize, texts: BTreeMap<String, String>, mut changes: Vec<Tried>) -> Self {
        changes.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        let mut kinds = BTreeMap::<Kind, Share>::new();
        for change in &changes {
            let share = kinds.entry(change.kind).or_default();
            share.counted += 1;
            share.noticed += usize::from(change.noticed_by.is_some());
        }
        let noticed = kinds.values().map(|it| it.noticed).sum();
        Self { policy, cases, noticed, counted: changes.len(), kinds, changes, texts }
    }

    /// Whether so many of a hundred were noticed.
    pub(super) fn reaches(&self, percent: u32) -> bool {
        self.counted.saturating_mul(usize::try_from(percent).unwrap_or(usize::MAX))
            <= self.noticed.saturating_mul(100)
    }

    /// The changes at a line of a file.
    fn at<'c>(&'c self, file: &'c str, line: usize) -> impl Iterator<Item = &'c Tried> {
        self.changes.iter().filter(move |it| it.line == line && it.file == file)
    }
}

impl Share {
    fn percent(self) -> f64 {
        if self.counted == 0 { 100.0 } else { 100.0 * self.noticed as f64 / self.counted as f64 }
    }
}

impl Kind {
    /// The kind of a place of `policy.toml`, or of a schema.
    fn of(file: &str, pointer: &str) -> Self {
        let mut steps = pointer.split('/').skip(1);
        if file.ends_with(".json") {
            let index = pointer.rsplit_once('/').filter(|it| it.1.bytes().all(|it| it.is_ascii_digit()));
            let branch = index.is_some_and(|it| it.0.ends_with("/oneOf") || it.0.ends_with("/anyOf"));
            return if branch { Self::Branch } else { Self::Keyword };
        }
        match (steps.next(), steps.nth(1)) {
            (Some("vars" | "limit" | "lookup" | "when"), _) => Self::Rule,
            (Some("to"), Some("fold")) => Self::Fold,
            (Some("to"), Some("take")) => Self::Rewrite,
            (Some("to"), Some(step)) if policy::STEPS.contains(&step) => Self::Rewrite,
            _ => Self::Setting,
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Rule => "rules",
            Self::Keyword => "keywords",
            Self::Branch => "branches",
            Self::Rewrite => "rewrites",
            Self::Fold => "folds",
            Self::Setting => "settings",
        }
    }
}
