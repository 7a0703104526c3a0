//! Airlock: a self-hosted state-sync server for clients that nobody should trust.

pub mod domain;
pub mod relay;
pub mod token;
pub mod wire;

pub mod rest;
pub mod sdk;

pub mod realtime;
pub mod telemetry;

pub mod server;

pub mod config;

pub mod cli;

pub mod stub;
