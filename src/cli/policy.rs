//! The policy author's commands.

use std::{path::PathBuf, sync::Arc};

use clap::Subcommand;

use crate::{
    cli::Exit,
    policy::{Fault, folder},
    relay::rehearse,
};

/// What can be done with policies.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check the policies of a directory
    Check {
        /// The directory
        #[arg(default_value = "policies")]
        policies: PathBuf,
    },
    /// Run the cases of the policies of a directory
    Test {
        /// The directory
        #[arg(default_value = "policies")]
        policies: PathBuf,
    },
}

/// Runs one of them.
///
/// # Errors
/// When the policies have faults, or a case comes out otherwise.
pub fn run(command: &PolicyCommand) -> Result<(), Exit> {
    match command {
        PolicyCommand::Check { policies } => {
            let set = loaded(folder::load(policies))?;
            println!("{} policies, no faults", set.policies().len());
            Ok(())
        }
        PolicyCommand::Test { policies } => {
            let set = Arc::new(loaded(folder::load(policies))?);
            let cases = loaded(folder::load_cases(policies))?;
            let disagreements = rehearse(&set, &cases);
            for it in &disagreements {
                eprintln!("error: case `{}`: {}\n  --> {}:{}", it.case, it.what, it.file, it.line);
            }
            let failed = disagreements.len();
            println!("{} passed, {failed} failed", cases.len().saturating_sub(failed));
            if failed == 0 { Ok(()) } else { Err(Exit::Fault) }
        }
    }
}

pub(super) fn loaded<T>(result: Result<T, Vec<Fault>>) -> Result<T, Exit> {
    result.map_err(|faults| {
        for fault in faults {
            eprintln!("{fault}");
        }
        Exit::Fault
    })
}
