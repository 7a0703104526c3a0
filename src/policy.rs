//! Policies: rules from text to proof. Pure; knows no caller, no store, no clock.

pub mod fault;
mod pointer;
mod pattern;
pub mod rate;
pub mod schema;
mod written;
