//! `airlock policy check`: compiles and proves the policies of a directory, and says what they are.

mod matrix;

use std::{path::PathBuf, sync::Arc};

use serde::Serialize;

use super::{Format, fault, print, print_json};
use crate::{
    cli::Exit,
    policy::{Fault, Mode, Policy, folder},
    relay,
};

/// What is checked.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The directory: one policy's folder, or a folder of them
    #[arg(value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
    /// Also print who may do what: callers by verbs, for each place that a policy knows and for plain objects.
    ///
    /// Made-up callers ask the real gate. The owner is connected, `granted` has all rights that a backend can give,
    /// and the service has ACL on. A number is the status of the refusal.
    #[arg(long)]
    matrix: bool,
}

/// The answer for programs.
#[derive(Serialize)]
struct Answer<'a> {
    policies: Vec<Described<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matrix: Option<Vec<matrix::Row<'a>>>,
    faults: &'a [Fault],
}

#[derive(Serialize)]
struct Described<'a> {
    name: &'a str,
    version: &'a str,
    description: Option<&'a str>,
    mode: &'static str,
    from: Named,
    to: Vec<Named>,
}

/// A kind of object and the pattern of its names.
#[derive(Serialize)]
struct Named {
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// Checks.
///
/// # Errors
/// When the policies have faults.
pub fn run(options: &Options, format: Format) -> Result<(), Exit> {
    let set = match folder::load(&options.policies) {
        Ok(set) => Arc::new(set),
        Err(faults) => {
            let answer = Answer { policies: Vec::new(), matrix: None, faults: &faults };
            return fault(format, &faults, &answer);
        }
    };
    let policies = set.policies();
    let spaces = options.matrix.then(|| relay::matrix(&set));
    match format {
        Format::Human => {
            let word = if policies.len() == 1 { "policy" } else { "policies" };
            let tables = spaces.map(|it| matrix::text(&it)).unwrap_or_default();
            print(&format!("{} {word}, no faults\n{tables}", policies.len()))
        }
        Format::Json => {
            let matrix = spaces.as_deref().map(matrix::rows);
            let policies = policies.iter().map(|it| described(it)).collect();
            print_json(&Answer { policies, matrix, faults: &[] })
        }
    }
}

fn described(policy: &Policy) -> Described<'_> {
    let from = Named { kind: policy.from.kind.as_str(), name: policy.from.pattern.to_string(), key: None };
    let to = policy.targets.iter().map(|it| Named {
        kind: it.kind.as_str(),
        name: it.name.to_string(),
        key: it.key.as_ref().map(ToString::to_string),
    });
    Described {
        name: &policy.name,
        version: &policy.version,
        description: policy.description.as_deref(),
        mode: match policy.mode {
            Mode::Enforce => "enforce",
            Mode::Warn => "warn",
            Mode::Off => "off",
        },
        from,
        to: to.collect(),
    }
}
