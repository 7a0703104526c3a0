//! Policies: rules from text to proof. Pure (one file reads the folder); knows no caller, no store, no clock.

pub mod cases;
pub mod compile;
mod compiled;
mod expression;
pub mod fault;
pub mod files;
pub mod fold;
pub mod folder;
mod folding;
mod footprint;
mod locate;
mod mask;
mod form;
mod pattern;
mod pointer;
mod prove;
pub mod rate;
mod reserved;
mod rewrite;
mod route;
pub mod schema;
mod search_cost;
mod setting;
mod source;
mod template;
mod text;
mod typescript;
mod write_cost;
mod written;

pub use cases::{CASE_NOW, Case, Expected, Holds, Publication, Shown, Step, Write, unheard};
pub use compile::{PolicySet, compile};
pub use compiled::{
    Bound, Detail, Lookup, Mode, OnWithdraw, Policy, Read, Rule, Source, Target, Until, WhenFull, Withdraw,
};
pub use expression::{EvalFault, Expression, Names, Reader};
pub use fault::Fault;
pub use folding::Folding;
pub use form::{form, form_text};
pub use locate::line;
pub use pattern::{Captures, Pattern};
pub use rate::{Cost, Limit, Per};
pub use reserved::Reserved;
pub use route::Route;
pub use schema::{Schema, Violation};
pub use source::is_policy_name;
pub use template::{Bindings, RenderFault, Rendered};
pub use typescript::typescript;
pub use write_cost::{CostPart, WriteCost};

#[cfg(test)]
pub(crate) mod tests;
