//! What travels with a batch to the writer and comes back with its outcome.

use crate::{
    domain::{change::Change, time::Timestamp},
    relay::{
        authn::Caller,
        error::Error,
        receipt::Receipt,
        refusal::{DecisionId, Under},
        watcher::Answer,
    },
};

/// Who waits for a batch, and what to try again when it no longer stands.
pub(super) enum Ticket {
    /// Somebody outside.
    Attempt(Box<Attempt>),
    /// The relay itself: an expiry, an activation. The outcome is logged where it was asked for.
    Own(Box<dyn FnOnce(Result<(), super::error::Error>) + Send>),
}

/// One attempt of a caller, from its arrival to its answer.
pub(super) struct Attempt {
    pub(super) caller: Caller,
    pub(super) change: Change,
    pub(super) answer: Answer,
    pub(super) decision: DecisionId,
    pub(super) arrived: Timestamp,
    /// The policy that governs its address, once the gate has found it.
    pub(super) under: Option<Under>,
    /// How often the passage has run for it (at most `PASSAGES_MAX`).
    pub(super) passages: u32,
    /// The connection or request from which it came, for the log.
    pub(super) span: tracing::Span,
}

impl Attempt {
    /// Gives the answer of a passage that led to no batch. A connection hands over by itself what its own passage
    /// answered; when the passage ran again, elsewhere and later, nobody would.
    pub(super) fn answered(self, result: Result<Receipt, Error>) {
        let again = 1 < self.passages;
        (self.answer.then)(result);
        if let Some(watcher) = self.answer.through.filter(|_| again) {
            watcher.flush();
        }
    }
}
