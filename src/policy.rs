//! Policies: rules from text to proof. Pure (one file reads the folder); knows no caller, no store, no clock.

pub mod fault;
mod written;
mod pattern;
mod pointer;
pub mod schema;
pub mod rate;
mod setting;
mod template;
mod compiled;
pub mod files;
mod source;
mod prove;
mod reserved;
mod route;
pub mod compile;
pub mod cases;
pub mod folder;

pub use cases::{CASE_NOW, Case, Expected, Publication, Write};
pub use compile::{PolicySet, compile};
pub use compiled::{Detail, Mode, Policy, Read, Source, Target};
pub use fault::Fault;
pub use pattern::{Captures, Pattern};
pub use rate::{Limit, Per};
pub use reserved::Reserved;
pub use route::Route;
pub use schema::{Schema, Violation};
pub use template::{Bindings, RenderFault, Rendered};

#[cfg(test)]
mod tests;
