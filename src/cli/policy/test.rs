//! `airlock policy test`: runs the cases of the policies of a directory through the real gate, in memory.

use std::{
    io::{IsTerminal as _, stderr},
    path::PathBuf,
    slice,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{Format, fault, print, print_json};
use crate::{
    cli::Exit,
    policy::{Case, Fault, PolicySet, folder},
    relay::rehearse,
};

/// How long the cases may take before a person at a terminal is told how far they are.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The directory: one policy's folder, or a folder of them
    #[arg(value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
}

/// The answer for programs.
#[derive(Serialize)]
struct Answer<'a> {
    cases: Vec<Outcome<'a>>,
    passed: usize,
    failed: usize,
    faults: &'a [Fault],
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
            let answer = Answer { cases: Vec::new(), passed: 0, failed: 0, faults: &faults };
            return fault(format, &faults, &answer);
        }
    };
    let outcomes = run_all(&set, &cases);
    let failed = outcomes.iter().filter(|it| !it.passed).count();
    let passed = outcomes.len() - failed;
    match format {
        Format::Human => {
            for Outcome { file, line, name, what, .. } in &outcomes {
                if let Some(what) = what {
                    eprintln!("error: case `{name}`: {what}\n  --> {file}:{line}");
                }
            }
            print(&format!("{passed} passed, {failed} failed\n"))?;
        }
        Format::Json => print_json(&Answer { cases: outcomes, passed, failed, faults: &[] })?,
    }
    if failed == 0 { Ok(()) } else { Err(Exit::Fault) }
}

fn run_all<'c>(set: &Arc<PolicySet>, cases: &'c [Case]) -> Vec<Outcome<'c>> {
    let started = Instant::now();
    let mut told = false;
    let outcomes = cases.iter().enumerate().map(|(done, case)| {
        if PATIENCE < started.elapsed() && stderr().is_terminal() {
            told = true;
            eprint!("\r{done} of {} cases", cases.len());
        }
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
    let outcomes = outcomes.collect();
    if told {
        // Takes the line of progress away.
        eprint!("\r\x1b[2K");
    }
    outcomes
}
