//! [`Committed`]: the proof that a group is durable. Only `store/` seals one.

use std::sync::Arc;

use crate::{
    domain::{
        event::Event,
        hook::Hook,
        sid::{ObjectSid, ServiceSid},
    },
    relay::{
        error::Error,
        receipt::Receipt,
        store::{queue::LaneKey, view::View},
        ticket::Ticket,
    },
};

/// A group of batches after its sync, in log order, with the state that follows from it.
#[must_use]
pub(in crate::relay) struct Committed {
    view: View,
    outcomes: Vec<Outcome>,
    noted: Vec<Noted>,
}

/// What became of one batch.
pub(in crate::relay) struct Outcome {
    pub(in crate::relay) ticket: Ticket,
    pub(in crate::relay) verdict: Verdict,
}

/// Applied, refused, or to be decided again.
pub(in crate::relay) enum Verdict {
    /// It stands.
    Done { receipt: Option<Receipt>, events: Vec<Event>, rejudge: Option<Rejudge> },
    /// It does not, and nothing has changed.
    Not(Error),
    /// The attempt must be decided again, on the state after this group; until then its lane is held.
    DecideAgain(LaneKey),
}

/// Whose subscriptions must be judged again, before anything more is told to them (decision 20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::relay) struct Rejudge {
    pub(in crate::relay) service: ServiceSid,
    /// Those of this object only.
    pub(in crate::relay) object: Option<ObjectSid>,
}

/// What one batch left for its service's webhook.
pub(in crate::relay) struct Noted {
    pub(in crate::relay) service: ServiceSid,
    /// What is not in the state, each behind the hooks that have smaller numbers.
    pub(in crate::relay) passing: Vec<(u64, Arc<Hook>)>,
}

impl Committed {
    /// Seals a group whose sync has returned.
    pub(super) fn seal(view: View, outcomes: Vec<Outcome>) -> Self {
        Self { view, outcomes, noted: Vec::new() }
    }

    /// The same group, with what it has for webhooks.
    pub(super) fn noting(self, noted: Vec<Noted>) -> Self {
        Self { noted, ..self }
    }

    /// Takes out what the group has for webhooks.
    pub(in crate::relay) fn noted(&mut self) -> Vec<Noted> {
        std::mem::take(&mut self.noted)
    }

    /// The state after the group, and what became of each batch.
    pub(in crate::relay) fn open(self) -> (View, Vec<Outcome>) {
        (self.view, self.outcomes)
    }
}
