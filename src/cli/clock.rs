//! `airlock clock accept`: tells a running server that the wall clock is right after a step.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Subcommand;

use crate::{
    cli::Exit,
    relay::{ACCEPT_CLOCK_FILE, is_store},
};

/// How long a running server may take to see the request: it looks once a second.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks whether it was taken.
const LOOK: Duration = Duration::from_millis(50);

/// What to do about the clock.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Accept the wall clock: what is due by it expires
    Accept(Accept),
}

/// Of which server.
#[derive(Debug, clap::Args)]
struct Accept {
    /// The directory of the store on which the server runs
    #[arg(long, env = "AIRLOCK_DATA", value_name = "DIRECTORY", default_value = "data")]
    data: PathBuf,
}

/// Asks the server, through a file in its data directory.
///
/// # Errors
/// When there is no store, or no server takes the request.
pub fn run(options: &Options) -> Result<(), Exit> {
    let Command::Accept(Accept { data }) = &options.command;
    if !is_store(data) {
        return Err(Exit::Usage(format!("there is no store in `{}`", data.display())));
    }
    let request = data.join(ACCEPT_CLOCK_FILE);
    fs::File::create(&request).context("the request cannot be written to the data directory")?;
    if is_taken(&request) {
        println!("the server has taken the request; its log says what it has accepted");
        return Ok(());
    }
    // Nobody may find it later: it is meant for the clock as it is now.
    match fs::remove_file(&request) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(anyhow::Error::from(error).context("the request cannot be taken back").into());
        }
        _ => (),
    }
    Err(Exit::Usage(format!(
        "no server on `{}` took the request\nhelp: start the server with `--accept-clock`",
        data.display()
    )))
}

/// Waits until the server has removed the file.
fn is_taken(request: &Path) -> bool {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if !request.exists() {
            return true;
        }
        std::thread::sleep(LOOK);
    }
    false
}
