//! Airlock: a self-hosted state-sync server for clients that nobody should trust.

pub mod domain;
pub mod relay;
pub mod rest;
pub mod sdk;
pub mod token;
pub mod wire;
