//! `airlock policy test`: runs the cases of the policies of a directory through the real gate, in memory.

use std::{
    fs,
    path::{Path, PathBuf},
    slice,
    sync::Arc,
};

use anyhow::Context as _;
use serde::Serialize;

use super::{
    Format,
    coverage::{self, Coverage},
    fault, print, print_json,
    progress::Progress,
};
use crate::{
    cli::Exit,
    policy::{Case, Fault, PolicySet, folder},
    relay::{Disagreement, rehearse},
};

/// What is run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The directory: one policy's folder, or a folder of them
    #[arg(value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
    /// Also delete, turn about and move each rule, one at a time, and tell which the cases do not notice
    #[arg(long)]
    coverage: bool,
    /// Of a hundred such changes, how many the cases of each policy must notice
    #[arg(long, requires = "coverage", value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
    threshold: Option<u32>,
    /// Also write the coverage as one page, with the lines of each file
    #[arg(long, requires = "coverage", value_name = "FILE")]
    html: Option<PathBuf>,
    /// Also write the coverage as LCOV: a line's hits are its changes that were noticed, each change a branch
    #[arg(long, requires = "coverage", value_name = "FILE")]
    lcov: Option<PathBuf>,
}

/// The answer for programs.
#[derive(Serialize)]
struct Answer<'a> {
    cases: Vec<Outcome<'a>>,
    passed: usize,
    failed: usize,
    faults: &'a [Fault],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    coverage: Vec<Coverage>,
}

/// What came of one case.
#[derive(Serialize)]
struct Outcome<'a> {
    policy: &'a str,
    file: &'a str,
    line: usize,
    name: &'a str,
    passed: bool,
    /// What came instead.
    what: Option<String>,
}

/// Runs the cases.
///
/// # Errors
/// When the policies or their cases have faults, or a case comes out otherwise.
pub fn run(options: &Options, format: Format) -> Result<(), Exit> {
    let loaded = folder::load(&options.policies)
        .and_then(|set| folder::load_cases(&options.policies).map(|cases| (Arc::new(set), cases)));
    let (set, cases) = match loaded {
        Ok(it) => it,
        Err(faults) => {
            let answer =
                Answer { cases: Vec::new(), passed: 0, failed: 0, faults: &faults, coverage: Vec::new() };
            return fault(format, &faults, &answer);
        }
    };
    let outcomes = run_all(&set, &cases);
    let failed = outcomes.iter().filter(|it| !it.passed).count();
    let passed = outcomes.len() - failed;
    // Cases that come out otherwise notice everything.
    let coverage = match options.coverage && failed == 0 {
        true => coverage::of(&options.policies, &set, &cases),
        false => Ok(Vec::new()),
    };
    let coverage = coverage.map_err(|wrong| {
        let shown = |it: &Disagreement| {
            let Disagreement { file, line, case, what } = it;
            format!("case `{case}`: {what}\n  --> {file}:{line}")
        };
        let shown: Vec<String> = wrong.iter().map(shown).collect();
        let what = "cases come out otherwise although nothing was changed, so that no change can be judged";
        Exit::Failed(anyhow::anyhow!("{what}:\n{}", shown.join("\n")))
    })?;
    if failed == 0 {
        options.html.as_deref().map_or(Ok(()), |it| write(it, &coverage::html(&coverage)))?;
        options.lcov.as_deref().map_or(Ok(()), |it| write(it, &coverage::lcov(&coverage)))?;
    }
    let short = coverage.iter().any(|it| options.threshold.is_some_and(|percent| !it.reaches(percent)));
    match format {
        Format::Human => {
            for Outcome { file, line, name, what, .. } in &outcomes {
                if let Some(what) = what {
                    eprintln!("error: case `{name}`: {what}\n  --> {file}:{line}");
                }
            }
            let coverage: String = coverage.iter().map(Coverage::text).collect();
            print(&format!("{coverage}{passed} passed, {failed} failed\n"))?;
        }
        Format::Json => print_json(&Answer { cases: outcomes, passed, failed, faults: &[], coverage })?,
    }
    if failed == 0 && !short { Ok(()) } else { Err(Exit::Fault) }
}

fn write(file: &Path, text: &str) -> Result<(), Exit> {
    fs::write(file, text)
        .with_context(|| format!("{} cannot be written", file.display()))
        .map_err(Exit::Failed)
}

fn run_all<'c>(set: &Arc<PolicySet>, cases: &'c [Case]) -> Vec<Outcome<'c>> {
    let mut progress = Progress::new(cases.len(), "cases");
    let outcomes = cases.iter().map(|case| {
        progress.step();
        let what = rehearse(set, slice::from_ref(case)).into_iter().next().map(|it| it.what);
        Outcome {
            policy: &case.policy,
            file: &case.file,
            line: case.line,
            name: &case.name,
            passed: what.is_none(),
            what,
        }
    });
    outcomes.collect()
}
