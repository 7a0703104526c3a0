//! Why a verb did not succeed: the caller was refused, or we failed.

use crate::relay::refusal::{DecisionId, Reason, Refusal, Under};

/// What a verb answers instead of a result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The caller's doing: a stable code, 4xx.
    #[error("refused: {}", .0.reason)]
    Refused(Box<Refusal>),
    /// Ours: 503, and the caller may come again.
    #[error(transparent)]
    Failed(Failure),
}

/// Why we could not do it. The outcome of a write is then "not done", unless the variant says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The store has failed: nothing is written until an operator restarts.
    #[error("the store has failed; writes are refused until it is mended")]
    Store,
    /// Too much is waiting for the writer.
    #[error("too many writes are waiting")]
    Busy,
    /// What the decision rested on changed again and again (decision 5).
    #[error("the write met too many concurrent changes")]
    Contended,
    /// The process is ending; a write may or may not have been done.
    #[error("the server is stopping")]
    Stopping,
}

impl Error {
    /// The same, naming the decision and the policy.
    pub(super) fn of_decision(mut self, decision: DecisionId, under: Option<&Under>) -> Self {
        if let Self::Refused(refusal) = &mut self {
            refusal.decision = Some(decision);
            if refusal.policy.is_none() {
                refusal.policy = under.cloned();
            }
        }
        self
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        Refusal::of_apply(reason).into()
    }
}
