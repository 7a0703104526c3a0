//! `airlock backup`: copies the store of a server, which may be running, and verifies the copy.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::{
    cli::Exit,
    relay::{self, Progress},
};

/// Between two lines about the progress.
const PERIOD: Duration = Duration::from_secs(1);

/// Which store, and where to.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Directory of the store
    #[arg(long, env = "AIRLOCK_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Directory of the backup: empty, or missing
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// Makes a backup.
///
/// # Errors
/// When the store cannot be read, is damaged, or the backup cannot be written.
pub fn run(options: &Options) -> Result<(), Exit> {
    let seq = relay::back_up(&options.data, &options.to, &mut reporter())
        .context("the backup could not be made")?;
    println!("backup up to group {seq} in `{}`, verified", options.to.display());
    Ok(())
}

/// Prints how far a copy is: the first and the last of each kind, and one each second.
pub fn reporter() -> impl FnMut(Progress) {
    let mut printed: Option<Instant> = None;
    move |progress| {
        let last = match progress {
            Progress::Checkpoint { bytes, of } => bytes == of,
            Progress::Log { .. } | Progress::Verifying => true,
        };
        if !last && printed.is_some_and(|it| it.elapsed() < PERIOD) {
            return;
        }
        printed = Some(Instant::now());
        match progress {
            Progress::Checkpoint { bytes, of } => {
                eprintln!("checkpoint: {} of {} KiB", bytes.div_ceil(1024), of.div_ceil(1024));
            }
            Progress::Log { groups } => eprintln!("log: {groups} groups"),
            Progress::Verifying => eprintln!("verifying the copy"),
        }
    }
}
