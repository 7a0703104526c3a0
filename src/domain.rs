//! The nouns: names, objects, changes, events and their limits. No IO, no clock, no async.

pub mod buckets;
pub mod change;
pub mod data;
pub mod detail;
pub mod event;
pub mod hook;
pub mod limits;
pub mod name;
pub mod network;
pub mod object;
pub mod permission;
pub mod query;
pub mod service;
pub mod sid;
pub mod steps;
pub mod time;
