//! Policies: rules from text to proof. Pure (one file reads the folder); knows no caller, no store, no clock.

pub mod cases;
pub mod compile;
mod compiled;
pub mod fault;
pub mod files;
pub mod folder;
mod form;
mod pattern;
mod pointer;
mod prove;
pub mod rate;
mod reserved;
mod route;
pub mod schema;
mod setting;
mod source;
mod template;
mod typescript;
mod written;

pub use cases::{CASE_NOW, Case, Expected, Publication, Write};
pub use compile::{PolicySet, compile};
pub use compiled::{Detail, Mode, OnWithdraw, Policy, Read, Source, Target, Until, WhenFull};
pub use fault::Fault;
pub use form::{form, form_text};
pub use pattern::{Captures, Pattern};
pub use rate::{Limit, Per};
pub use reserved::Reserved;
pub use route::Route;
pub use schema::{Schema, Violation};
pub use source::is_policy_name;
pub use template::{Bindings, RenderFault, Rendered};
pub use typescript::typescript;

#[cfg(test)]
mod tests;
