//! Mutants of the sample policies: a sample with one rule less, or one turned about, must not pass its own cases.
//!
//! A mutant that does not compile does not count. What cases cannot see is not changed: who reads (`read`), `until`, and what
//! people and clients are told (`description`, `message`, `detail`). A weaker contract of the shared side is listed apart: the
//! rewrite assures most of it already, so no write can tell.

mod policy;
mod schema;
mod written;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    slice,
    sync::Arc,
};

use airlock::{
    policy::{
        Case, PolicySet, compile,
        files::{Content, Files},
        folder,
    },
    relay::rehearse,
};
use serde_json::Value;

/// Mutants that the cases must notice, in percent of those that compile.
const NOTICED_PERCENT_MIN: usize = 95;

/// A sample as it stands in its folder, or changed in one place.
#[derive(Clone)]
struct Sample {
    name: String,
    policy: Value,
    schemas: BTreeMap<String, Value>,
}

/// One change of a sample.
struct Mutant {
    what: String,
    sample: Sample,
    /// Whether it only weakens what the shared side promises.
    weaker: bool,
}

impl Sample {
    fn read(folder: &Path) -> Self {
        let read = |path: &Path| std::fs::read_to_string(path).expect("a file of the sample");
        let mut schemas = BTreeMap::new();
        for entry in folder.read_dir().expect("the folder of a sample") {
            let path = entry.expect("a file of the sample").path();
            if path.extension().is_some_and(|it| it == "json") {
                let schema = serde_json::from_str(&read(&path)).expect("a schema");
                schemas.insert(path.file_name().expect("a name").to_string_lossy().into_owned(), schema);
            }
        }
        let policy = toml::from_str(&read(&folder.join("policy.toml"))).expect("a policy");
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        Self { name, policy, schemas }
    }

    /// The set with this policy alone, if it compiles.
    fn compiled(&self) -> Result<Arc<PolicySet>, String> {
        let json = |value: &Value| Content::Bytes(value.to_string().into_bytes());
        let files = Files {
            name: self.name.clone(),
            path: self.name.clone(),
            policy: Content::Bytes(written::document(&self.policy).into_bytes()),
            schemas: self.schemas.iter().map(|(name, schema)| (name.clone(), json(schema))).collect(),
        };
        compile(&[files]).map(Arc::new).map_err(|faults| format!("{faults:?}"))
    }

    fn mutants(&self) -> Vec<Mutant> {
        let private = self.policy["from"]["schema"].as_str();
        let of_policy = policy::mutants(&self.policy).into_iter().map(|(what, policy)| Mutant {
            what: format!("policy.toml: {what}"),
            sample: Self { policy, ..self.clone() },
            weaker: false,
        });
        let of_schemas = self.schemas.iter().flat_map(|(file, schema)| {
            schema::mutants(schema).into_iter().map(move |change| {
                let mut sample = self.clone();
                sample.schemas.insert(file.clone(), change.schema);
                let weaker = change.weaker && private != Some(file);
                Mutant { what: format!("{file}: {}", change.what), sample, weaker }
            })
        });
        of_policy.chain(of_schemas).collect()
    }
}

/// What became of the mutants of one sample.
#[derive(Default)]
struct Score {
    noticed: usize,
    survivors: Vec<String>,
    weaker_noticed: usize,
    weaker: Vec<String>,
    broken: usize,
}

/// The first case that comes out otherwise than it says.
fn noticed(set: &Arc<PolicySet>, cases: &[Case]) -> Option<String> {
    let disagrees = |case: &Case| rehearse(set, slice::from_ref(case)).into_iter().next();
    cases.iter().find_map(disagrees).map(|it| format!("{}: {}", it.case, it.what))
}

fn judged(sample: &Sample, cases: &[Case]) -> Score {
    let whole = sample.compiled().expect("the sample compiles when it is written anew");
    assert_eq!(noticed(&whole, cases), None, "`{}` passes its cases when it is written anew", sample.name);
    let mut score = Score::default();
    for mutant in sample.mutants() {
        let Ok(set) = mutant.sample.compiled() else {
            score.broken += 1;
            continue;
        };
        match (noticed(&set, cases).is_some(), mutant.weaker) {
            (true, false) => score.noticed += 1,
            (false, false) => score.survivors.push(mutant.what),
            (true, true) => score.weaker_noticed += 1,
            (false, true) => score.weaker.push(mutant.what),
        }
    }
    score
}

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let entries = folder.read_dir().expect("the samples").map(|it| it.expect("a sample").path());
    let mut folders: Vec<_> = entries.filter(|it| it.join("policy.toml").is_file()).collect();
    folders.sort();
    folders
}

#[test]
fn the_cases_of_the_samples_notice_their_mutants() {
    let (mut noticed, mut counted, mut short) = (0, 0, Vec::new());
    for folder in samples() {
        let sample = Sample::read(&folder);
        let cases = folder::load_cases(&folder).unwrap_or_else(|faults| panic!("{faults:?}"));
        let score = judged(&sample, &cases);
        let all = score.noticed + score.survivors.len();
        println!(
            "{}: {} of {all} mutants noticed by {} cases ({} did not compile)",
            sample.name,
            score.noticed,
            cases.len(),
            score.broken
        );
        score.survivors.iter().for_each(|it| println!("  survived: {it}"));
        let weaker = score.weaker_noticed + score.weaker.len();
        println!(
            "  weaker contracts of the shared side, not counted: {} of {weaker} noticed",
            score.weaker_noticed
        );
        score.weaker.iter().for_each(|it| println!("  assured otherwise: {it}"));
        if score.noticed * 100 < all * NOTICED_PERCENT_MIN {
            short.push(sample.name);
        }
        noticed += score.noticed;
        counted += all;
    }
    println!("in all: {noticed} of {counted} ({:.1} %)", 100.0 * noticed as f64 / counted as f64);
    assert!(short.is_empty(), "below {NOTICED_PERCENT_MIN} %: {}", short.join(", "));
}
