//! Policies: rules from text to proof. Pure (one file reads the folder); knows no caller, no store, no clock.

pub mod cases;
pub mod compile;
mod compiled;
#[cfg_attr(not(test), expect(dead_code, reason = "the rules that hold expressions are wired in next"))]
mod expression;
pub mod fault;
pub mod files;
pub mod folder;
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
mod written;

pub use cases::{CASE_NOW, Case, Expected, Publication, Write};
pub use compile::{PolicySet, compile};
pub use compiled::{Detail, Mode, OnWithdraw, Policy, Read, Source, Target, Until, WhenFull};
pub use fault::Fault;
pub use pattern::{Captures, Pattern};
pub use rate::{Limit, Per};
pub use reserved::Reserved;
pub use route::Route;
pub use schema::{Schema, Violation};
pub use template::{Bindings, RenderFault, Rendered};

#[cfg(test)]
mod tests;
