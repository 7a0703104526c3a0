//! Airlock: a self-hosted state-sync server for clients that nobody should trust.

pub mod domain;
pub mod policy;
pub mod token;
pub mod relay;
pub mod wire;
pub mod rest;
pub mod sdk;
pub mod realtime;
pub mod telemetry;
pub mod server;
pub mod config;
pub mod cli;
