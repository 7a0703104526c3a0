//! The policy author's commands: which there are, and how they tell what they found.

mod check;
mod coverage;
mod new;
mod progress;
mod schema;
mod test;
mod types;

use std::io::{self, ErrorKind, Write as _};

use anyhow::Context as _;
use clap::Subcommand;
use serde::Serialize;

use crate::{cli::Exit, policy::Fault};

/// A command about policies, and how it tells what it found.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    command: PolicyCommand,
    /// For people, or one JSON value on standard output
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,
}

/// What can be done with policies.
#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Check the policies of a directory: all faults, each with its place and a cure
    Check(check::Options),
    /// Run the cases of the policies of a directory
    Test(test::Options),
    /// Write a new policy with a schema and cases, to be changed
    New(new::Options),
    /// Print the JSON Schema of `policy.toml`, for completion in editors
    Schema,
    /// Print TypeScript types of the data of the policies of a directory, and functions for its names
    Types(types::Options),
}

/// How a command tells what it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    #[default]
    Human,
    /// One JSON value on standard output, faults included
    Json,
}

/// Runs one of them.
///
/// # Errors
/// When the policies have faults, when a case comes out otherwise, or when we fail.
pub fn run(options: &Options) -> Result<(), Exit> {
    let format = options.format;
    match &options.command {
        PolicyCommand::Check(options) => check::run(options, format),
        PolicyCommand::Test(options) => test::run(options, format),
        PolicyCommand::New(options) => new::run(options, format),
        // It is JSON in both forms.
        PolicyCommand::Schema => schema::run(),
        PolicyCommand::Types(options) => types::run(options, format),
    }
}

/// Prints a text. Who reads only its beginning, such as `head`, has had what they wanted.
fn print(text: &str) -> Result<(), Exit> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Exit::Failed(anyhow::Error::from(error).context("standard output cannot be written")))
        }
        _ => Ok(()),
    }
}

/// Prints an answer as JSON.
fn print_json(answer: &impl Serialize) -> Result<(), Exit> {
    let text = serde_json::to_string_pretty(answer).context("the answer has no JSON form")?;
    print(&(text + "\n"))
}

/// Ends a command whose policies have faults: people read them on standard error, programs in the answer.
fn fault(format: Format, faults: &[Fault], answer: &impl Serialize) -> Result<(), Exit> {
    match format {
        Format::Human => faults.iter().for_each(|it| eprintln!("{it}")),
        Format::Json => print_json(answer)?,
    }
    Err(Exit::Fault)
}
