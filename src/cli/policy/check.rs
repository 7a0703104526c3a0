//! `airlock policy check`: compiles and proves the policies of a directory, and says what they are.

use std::path::PathBuf;

use serde::Serialize;

use super::{Format, fault, print, print_json};
use crate::{
    cli::Exit,
    policy::{Fault, Mode, Policy, folder},
};

/// What is checked.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The directory: one policy's folder, or a folder of them
    #[arg(value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
}

/// The answer for programs.
#[derive(Serialize)]
struct Answer<'a> {
    policies: Vec<Described<'a>>,
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
        Ok(set) => set,
        Err(faults) => {
            let answer = Answer { policies: Vec::new(), faults: &faults };
            return fault(format, &faults, &answer);
        }
    };
    let policies = set.policies();
    match format {
        Format::Human => {
            let word = if policies.len() == 1 { "policy" } else { "policies" };
            print(&format!("{} {word}, no faults\n", policies.len()))
        }
        Format::Json => {
            let policies = policies.iter().map(|it| described(it)).collect();
            print_json(&Answer { policies, faults: &[] })
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
            Mode::Off => "off",
        },
        from,
        to: to.collect(),
    }
}
