//! `airlock verify`: holds a store against itself, while no server runs on it.

use std::path::PathBuf;

use anyhow::Context;

use crate::{cli::Exit, policy::folder, relay};

/// Which store, under which policies.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The directory of the store
    #[arg(long, env = "AIRLOCK_DATA", value_name = "DIRECTORY", default_value = "data")]
    data: PathBuf,
    /// The policies under which it was written
    #[arg(long, env = "AIRLOCK_POLICIES", value_name = "DIRECTORY", default_value = "policies")]
    policies: PathBuf,
    /// Writes the state and the events of the log into this directory, to be compared with those of another store
    #[arg(long, value_name = "DIRECTORY")]
    export: Option<PathBuf>,
}

/// Verifies.
///
/// # Errors
/// When something differs, or the store cannot be read.
pub fn run(options: &Options) -> Result<(), Exit> {
    let policies = folder::load(&options.policies).map_err(|faults| {
        faults.iter().for_each(|it| eprintln!("{it}"));
        Exit::Fault
    })?;
    if !relay::is_store(&options.data) {
        return Err(Exit::Usage(format!("there is no store in `{}`", options.data.display())));
    }
    let verified = relay::verify(&options.data, &policies).context("the store cannot be read")?;
    if let Some(to) = &options.export {
        relay::export(&options.data, to).context("the store cannot be exported")?;
    }
    for difference in &verified.differences {
        eprintln!("differs: {difference}");
    }
    println!(
        "log up to group {}: the chain holds; {} folds over {} private objects: {} differences",
        verified.groups,
        verified.folds,
        verified.sources,
        verified.differences.len()
    );
    if verified.folds_by_shares != 0 {
        println!(
            "{} of the folds rest on what was before, or on a lookup: only their sums were checked",
            verified.folds_by_shares
        );
    }
    if verified.differences.is_empty() { Ok(()) } else { Err(Exit::Fault) }
}
