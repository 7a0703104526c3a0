//! What the cases of a policy notice: each rule, schema keyword and rewrite is deleted, turned about or moved by one, one
//! at a time, and a case should then come out otherwise.
//!
//! A change that does not compile does not count. What cases cannot see is not changed: who reads (`read`), `until`, and
//! what people and clients are told. A weaker contract of the shared side is not counted either: the rewrite
//! assures most of it already, so no write can tell.

mod policy;
mod schema;
mod written;

use std::{collections::BTreeMap, path::Path, slice, sync::Arc};

use serde::Serialize;
use serde_json::Value;

use crate::{
    policy::{
        Case, PolicySet, compile,
        files::{Content, Files},
        folder,
    },
    relay::rehearse,
};

/// What became of the changes of one policy.
#[derive(Debug, Serialize)]
pub(super) struct Coverage {
    /// The policy.
    pub(super) policy: String,
    /// Its cases.
    pub(super) cases: usize,
    /// Changes that a case noticed.
    pub(super) noticed: usize,
    /// Changes that compile and count.
    pub(super) counted: usize,
    /// Those that no case noticed, by file and place.
    pub(super) unnoticed: Vec<String>,
}

/// Tries the changes of each policy of a directory against its own cases. What has faults was told before.
pub(super) fn of(directory: &Path, cases: &[Case]) -> Vec<Coverage> {
    let files = folder::files(directory);
    files.iter().filter_map(|it| Sample::read(it).map(|sample| sample.judged(cases))).collect()
}

impl Coverage {
    /// Whether so many of a hundred were noticed.
    pub(super) fn reaches(&self, percent: u32) -> bool {
        self.counted.saturating_mul(usize::try_from(percent).unwrap_or(usize::MAX))
            <= self.noticed.saturating_mul(100)
    }

    /// For people: one line, and one for each change that no case noticed.
    pub(super) fn text(&self) -> String {
        let Self { policy, cases, noticed, counted, unnoticed } = self;
        let percent = if *counted == 0 { 100.0 } else { 100.0 * *noticed as f64 / *counted as f64 };
        let unnoticed: String = unnoticed.iter().map(|it| format!("  unnoticed: {it}\n")).collect();
        format!(
            "{policy}: {noticed} of {counted} changes noticed by {cases} cases ({percent:.1} %)\n{unnoticed}"
        )
    }
}

/// A policy as it stands in its folder, or changed in one place.
#[derive(Clone)]
struct Sample {
    name: String,
    policy: Value,
    schemas: BTreeMap<String, Value>,
}

/// One change of a policy.
struct Change {
    what: String,
    sample: Sample,
}

impl Sample {
    fn read(files: &Files) -> Option<Self> {
        let text = |it: &Content| match it {
            Content::Bytes(bytes) => String::from_utf8(bytes.clone()).ok(),
            _ => None,
        };
        let schema =
            |(name, it): (&String, &Content)| Some((name.clone(), serde_json::from_str(&text(it)?).ok()?));
        let policy = toml::from_str(&text(&files.policy)?).ok()?;
        Some(Self {
            name: files.name.clone(),
            policy,
            schemas: files.schemas.iter().filter_map(schema).collect(),
        })
    }

    /// The set with this policy alone, if it compiles.
    fn compiled(&self) -> Option<Arc<PolicySet>> {
        let json = |value: &Value| Content::Bytes(value.to_string().into_bytes());
        let files = Files {
            name: self.name.clone(),
            path: self.name.clone(),
            policy: Content::Bytes(written::document(&self.policy).into_bytes()),
            schemas: self.schemas.iter().map(|(name, schema)| (name.clone(), json(schema))).collect(),
        };
        compile(&[files]).ok().map(Arc::new)
    }

    fn changes(&self) -> Vec<Change> {
        let private = self.policy.pointer("/from/schema").and_then(Value::as_str);
        let of_policy = policy::mutants(&self.policy).into_iter().map(|(what, policy)| Change {
            what: format!("policy.toml: {what}"),
            sample: Self { policy, ..self.clone() },
        });
        let of_schemas = self.schemas.iter().flat_map(|(file, schema)| {
            let counts = move |it: &schema::Change| !it.weaker || private == Some(file);
            schema::mutants(schema).into_iter().filter(counts).map(move |change| {
                let mut sample = self.clone();
                sample.schemas.insert(file.clone(), change.schema);
                Change { what: format!("{file}: {}", change.what), sample }
            })
        });
        of_policy.chain(of_schemas).collect()
    }

    fn judged(&self, cases: &[Case]) -> Coverage {
        let own: Vec<&Case> = cases.iter().filter(|it| *it.policy == *self.name).collect();
        let (mut noticed, mut unnoticed) = (0, Vec::new());
        for change in self.changes() {
            let Some(set) = change.sample.compiled() else { continue };
            if own.iter().any(|it| !rehearse(&set, slice::from_ref(*it)).is_empty()) {
                noticed += 1;
            } else {
                unnoticed.push(change.what);
            }
        }
        let counted = noticed + unnoticed.len();
        Coverage { policy: self.name.clone(), cases: own.len(), noticed, counted, unnoticed }
    }
}
