//! What the benches share: clocks, a real server as a child, the SDK's side of a socket, and the bare
//! programs beside which it is measured.
//!
//! CPU time, never the clock on the wall where it can be helped; subject and baseline take turns in one run.

#![allow(dead_code, reason = "each bench takes its part")]

pub mod airlock;
pub mod bare;
pub mod clock;
pub mod crowd;
pub mod figure;
pub mod frame;
pub mod node;
pub mod publisher;
pub mod relay;
pub mod socket;
