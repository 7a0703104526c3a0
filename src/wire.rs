//! Twilio Sync's words: error codes, field names, URLs. No other room knows them.

pub mod connection;
pub mod event;
pub mod event_stream;
pub mod fault;
pub mod http;
mod json;
pub mod origins;
pub mod page;
pub mod problem;
pub mod request;
pub mod resource;
