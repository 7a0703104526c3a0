//! The policy author's commands.

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::Exit;

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
/// When the policies have faults, or cannot be read.
pub fn run(command: &PolicyCommand) -> Result<(), Exit> {
    match command {
        PolicyCommand::Check { policies } | PolicyCommand::Test { policies } => {
            Err(Exit::Usage(format!("`{}` cannot be checked by this build", policies.display())))
        }
    }
}
