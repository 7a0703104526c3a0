//! `airlock restore`: puts a backup into a data directory, so that clients are told what has changed for them.

use std::path::PathBuf;

use anyhow::Context;

use crate::{
    cli::{Exit, backup::reporter},
    relay,
};

/// Which backup, and where to.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Directory of the backup
    #[arg(long, value_name = "DIR", required_unless_present = "in_place", conflicts_with = "in_place")]
    from: Option<PathBuf>,
    /// Directory of the store: empty, or missing
    #[arg(long, env = "AIRLOCK_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// The directory was put back already, by a snapshot or a copy: only have clients be told
    #[arg(long)]
    in_place: bool,
}

/// Restores.
///
/// # Errors
/// When the backup is damaged, or the store is in use or cannot be written.
pub fn run(options: &Options) -> Result<(), Exit> {
    let data = options.data.display();
    let seq = match &options.from {
        Some(from) => relay::restore(from, &options.data, &mut reporter()),
        None => relay::mark_restored(&options.data),
    };
    let seq = seq.context("the store could not be restored")?;
    println!("restored up to group {seq} in `{data}`; clients that come back are answered in full");
    Ok(())
}
