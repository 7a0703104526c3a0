//! Airlock: a self-hosted state-sync server for clients that nobody should trust.

pub mod cli;
pub mod config;
pub mod domain;
pub mod policy;
pub mod realtime;
pub mod relay;
pub mod rest;
pub mod sdk;
pub mod server;
pub mod telemetry;
pub mod token;
pub mod wire;
