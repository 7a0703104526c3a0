//! Airlock: a self-hosted state-sync server for clients that nobody should trust.

pub mod domain;
pub mod policy;
pub mod token;
pub mod relay;
