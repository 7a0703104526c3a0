//! How far long work is, for a person at a terminal.

use std::{
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

/// How long work may take before anything is told.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tells how far it is, on a line of its own that goes when it is done.
pub(super) struct Progress {
    started: Instant,
    what: String,
    of: usize,
    done: usize,
    told: bool,
}

impl Progress {
    /// So many of these are to be done.
    pub(super) fn new(of: usize, what: impl Into<String>) -> Self {
        Self { started: Instant::now(), what: what.into(), of, done: 0, told: false }
    }

    /// One more is done.
    pub(super) fn step(&mut self) {
        self.done += 1;
        if PATIENCE < self.started.elapsed() && stderr().is_terminal() {
            self.told = true;
            eprint!("\r{} of {} {}", self.done, self.of, self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.told {
            eprint!("\r\x1b[2K");
        }
    }
}
