//! `airlock policy schema`: prints the form of `policy.toml` as a JSON Schema, for editors.

use super::print;
use crate::{cli::Exit, policy::form_text};

/// Prints it.
///
/// # Errors
/// When standard output cannot be written.
pub fn run() -> Result<(), Exit> {
    print(&form_text())
}
