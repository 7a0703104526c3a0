//! `airlock policy types`: prints TypeScript types of what the policies of a directory say of data.

use std::path::PathBuf;

use serde::Serialize;

use super::{Format, fault, print, print_json};
use crate::{
    cli::Exit,
    policy::{Fault, folder, typescript},
};

/// Of what.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The directory: one policy's folder, or a folder of them
    #[arg(value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
}

/// The answer for programs.
#[derive(Serialize)]
struct Answer<'a> {
    typescript: Option<String>,
    faults: &'a [Fault],
}

/// Prints the types.
///
/// # Errors
/// When the policies have faults.
pub fn run(options: &Options, format: Format) -> Result<(), Exit> {
    let set = match folder::load(&options.policies) {
        Ok(set) => set,
        Err(faults) => return fault(format, &faults, &Answer { typescript: None, faults: &faults }),
    };
    let text = typescript(&set);
    match format {
        Format::Human => print(&text),
        Format::Json => print_json(&Answer { typescript: Some(text), faults: &[] }),
    }
}
