//! The command line: which commands there are, and what their exit codes mean.

mod backup;
mod clock;
mod dev;
mod health;
pub mod policy;
mod restore;
mod serve;
mod token;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    config::Options,
    policy::Fault,
    relay::StoreError,
    telemetry::{self, Log, LogFormat},
};

/// A state-sync server for clients that nobody should trust
#[derive(Debug, Parser)]
#[command(name = "airlock", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve, with the credentials of the environment
    Serve(Box<Options>),
    /// Serve for development: makes its own credentials and hands out tokens
    Dev(Box<Options>),
    /// Print an access token
    Token(token::Options),
    /// Ask a running server whether it is alive
    Health(health::Options),
    /// Accept the wall clock after a step
    Clock(clock::Options),
    /// Hold a store against itself: its log's chain, and each fold
    Verify(verify::Options),
    /// Copy the store of a server, which may be running, and verify the copy
    Backup(backup::Options),
    /// Put a backup into an empty directory: every client that comes back is answered in full
    Restore(restore::Options),
    /// Work on policies: check, test and describe them
    Policy(policy::Options),
}

/// How a command ends when it does not end well.
#[derive(Debug)]
pub enum Exit {
    /// What was looked at has faults; they were printed.
    Fault,
    /// The command was called wrongly: the text says how to mend it.
    Usage(String),
    /// We failed.
    Failed(anyhow::Error),
    /// The log has the reason already; this is the exit code.
    Logged(u8),
}

impl From<anyhow::Error> for Exit {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Runs the command that the arguments name: 0 is fine, 1 a fault in what was looked at, 2 a wrong call, 3 a
/// failure of ours.
pub fn run() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Serve(options) => logged(&options, serve::run),
        Command::Dev(options) => logged(&options, dev::run),
        Command::Token(options) => token::run(&options),
        Command::Health(options) => health::run(&options),
        Command::Clock(options) => clock::run(&options),
        Command::Verify(options) => verify::run(&options),
        Command::Backup(options) => backup::run(&options),
        Command::Restore(options) => restore::run(&options),
        Command::Policy(options) => policy::run(&options),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Exit::Fault) => ExitCode::from(1),
        Err(Exit::Logged(code)) => ExitCode::from(code),
        Err(Exit::Usage(text)) => {
            eprintln!("airlock: {text}");
            ExitCode::from(2)
        }
        Err(Exit::Failed(error)) => {
            eprintln!("airlock: {error:#}");
            if let Some(failure) = error.chain().find_map(|it| it.downcast_ref::<StoreError>()) {
                eprintln!("help: {}", failure.help());
            }
            ExitCode::from(3)
        }
    }
}

/// Runs a server with a log. As JSON, the reason of its end is an event like all others: whoever reads the lines reads no
/// others. The log ends before anything is said elsewhere: what it still holds is written first.
fn logged(options: &Options, run: impl FnOnce(&Options) -> Result<(), Exit>) -> Result<(), Exit> {
    let _log = start_log(options)?;
    run(options).map_err(|exit| if is_json(options) { log_exit(exit) } else { exit })
}

/// Whether errors are lines of JSON.
fn is_json(options: &Options) -> bool {
    options.log_format == LogFormat::Json && tracing::enabled!(tracing::Level::ERROR)
}

fn log_exit(exit: Exit) -> Exit {
    match exit {
        Exit::Usage(text) => {
            let (what, help) = text.split_once("\nhelp: ").unwrap_or((&text, ""));
            tracing::error!(error = what, help, "the server cannot start: the call is wrong");
            Exit::Logged(2)
        }
        Exit::Failed(error) => {
            let failure = error.chain().find_map(|it| it.downcast_ref::<StoreError>());
            let help = failure.map(StoreError::help).unwrap_or_default();
            tracing::error!(error = format!("{error:#}"), help, "the server failed");
            Exit::Logged(3)
        }
        logged @ (Exit::Fault | Exit::Logged(_)) => logged,
    }
}

/// Tells the faults of policies with which no server starts.
fn tell_faults(options: &Options, faults: &[Fault]) {
    for fault in faults {
        if is_json(options) {
            let Fault { file, line, column, what, help } = fault;
            let help = help.as_deref().unwrap_or_default();
            tracing::error!(policy.file = %file, line, column, error = %what, help, "a policy has a fault");
        } else {
            eprintln!("{fault}");
        }
    }
}

fn start_log(options: &Options) -> Result<Log, Exit> {
    let format: LogFormat = options.log_format;
    telemetry::start(format, &options.log, options.log_bytes_per_second)
        .map_err(|error| Exit::Usage(format!("{:#}", anyhow::Error::from(error))))
}
