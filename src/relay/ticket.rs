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

/// Which limits a decision charges: each once for an attempt, however often it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charge {
    /// All of them: the first decision.
    All,
    /// Those that only an admission spends: the caller's own were spent by a decision that refused.
    Shared,
    /// None: the attempt was admitted before.
    Nothing,
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
    /// What of the limits is still to be charged.
    pub(super) charge: Charge,
    /// How often it was decided at the head of its lane (at most `PASSAGES_MAX`). The first decision, which may be
    /// made while earlier writes of the same identity wait, does not count.
    pub(super) turns: u32,
    /// Whether the warning of a policy in `warn` was logged.
    pub(super) warned: bool,
    /// The connection or request from which it came, for the log.
    pub(super) span: tracing::Span,
}

impl Attempt {
    /// Gives the answer of a passage that led to no batch. A connection flushes its outbox after its own call;
    /// an attempt that was decided again is answered by another thread, which flushes here.
    pub(super) fn answered(self, result: Result<Receipt, Error>) {
        let again = 0 < self.turns;
        (self.answer.then)(result);
        if let Some(watcher) = self.answer.through.filter(|_| again) {
            watcher.flush();
        }
    }
}
