//! Airlock: a self-hosted state-sync server for clients that nobody should trust.
//!
//! The modules stand from the ground up; each names only those above it in this list. A write
//! enters through `sdk` or `rest`, passes `relay` (whose modules are its stages, in order), and is
//! told by `events` and `realtime`.

pub mod domain;
pub mod policy;
pub mod token;
pub mod relay;
pub mod wire;
pub mod rest;
pub mod sdk;
pub mod events;
pub mod webhook;
pub mod realtime;
pub mod telemetry;
pub mod server;
pub mod config;
pub mod cli;
