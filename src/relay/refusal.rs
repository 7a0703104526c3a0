//! Every way in which the airlock says no to a caller. Failures of ours are in `error.rs`.

use std::{fmt, sync::Arc};

use crate::{
    domain::{
        data::BadData,
        detail::{Detail, Violation},
        object::{ObjectKind, Revision},
    },
    token::TokenFault,
};

/// A refusal: why, by which rule, and what helps.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The policy under which it was decided, if one governs the address.
    pub policy: Option<Under>,
    /// The rule: the name of a condition, else of the stage (the policy language).
    pub rule: Option<Arc<str>>,
    /// How the data breaks its schema, or where the rewrite failed.
    pub violations: Vec<Violation>,
    /// After how many milliseconds the attempt would pass.
    pub retry_ms: Option<u64>,
    /// The decision, for the operator.
    pub decision: Option<DecisionId>,
    /// Whether the rules that refused had read `previous` or a lookup.
    pub in_context: bool,
}

/// The policy of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Under {
    /// Its name.
    pub name: Arc<str>,
    /// The first digits of the hash of its files.
    pub version: Arc<str>,
    /// How much the client is told.
    pub detail: Detail,
}

/// Why a caller is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The credential does not hold, or no longer.
    #[error("{0}")]
    Credential(TokenFault),
    /// Not this caller's: the one answer for what is another's, shared, or hidden (invariant 11).
    #[error("access forbidden for identity")]
    Forbidden,
    /// The policy shows what its owner writes until it disconnects, and this caller is not connected.
    #[error("this is shown while you are connected, and you have no open socket")]
    NotConnected,
    /// More bytes than allowed.
    #[error("the data is larger than {max_bytes} bytes")]
    TooLarge {
        /// The most that is allowed.
        max_bytes: usize,
    },
    /// The data is no JSON object, or is hostile.
    #[error("{0}")]
    Data(BadData),
    /// An integer that JavaScript would round, where a policy reads it; or a decimal that a double would, where one folds it.
    #[error("an integer is beyond ±(2^53 - 1), or a number has more digits than a double holds")]
    UnsafeInteger,
    /// The data breaks the schema of the private side.
    #[error("the data does not fit the schema")]
    Schema,
    /// A condition of the policy does not hold, or cannot be judged.
    #[error("a condition of the policy does not hold")]
    Condition,
    /// Something that the policy's rules must read does not stand.
    #[error("something that the policy looks up does not stand")]
    Lookup,
    /// What was published is final.
    #[error("what was published is final")]
    Final,
    /// A fold is kept by its policy alone.
    #[error("a fold is kept by its policy: write the private objects")]
    Fold,
    /// The rewrite cannot make the shared side of this data.
    #[error("the data cannot be published")]
    Rewrite,
    /// What the rewrite made breaks the schema of the shared side.
    #[error("the published data would not fit its schema")]
    SharedSchema,
    /// Too often.
    #[error("rate limit exceeded")]
    Limit,
    /// Too many objects, items or bytes.
    #[error("quota exceeded: {what}")]
    Quota {
        /// Of what: "objects", "bytes", "items", "grants", "services".
        what: &'static str,
    },
    /// The machine is short of memory or disk: nothing may grow.
    #[error("the server is short of {what}: nothing may grow at present")]
    Watermark {
        /// "memory" or "disk".
        what: &'static str,
    },
    /// There is no such thing.
    #[error("{0}")]
    NotFound(Missing),
    /// The unique name is taken.
    #[error("unique name already exists")]
    NameTaken,
    /// The key is taken.
    #[error("an item with the given key already exists in the map")]
    ItemExists,
    /// A private object is its owner's: it cannot be granted to others.
    #[error("a private object of a policy cannot be granted to others")]
    Private,
    /// The revision is another one.
    #[error("the revision does not match the expected revision")]
    RevisionMismatch {
        /// Of a document, or of an item of this kind.
        of: ObjectKind,
        /// The revision that stands; `None` when nothing does.
        current: Option<Revision>,
    },
    /// Who resumes from there would miss removals: open the object again.
    #[error("the events since then are no longer kept: open the object again")]
    BelowFloor,
    /// Too many subscriptions on one connection.
    #[error("too many subscriptions on one connection")]
    TooManySubscriptions,
    /// A query over many objects, or a subscription to its results: none are offered.
    #[error("live queries are not supported")]
    LiveQuery,
}

/// What is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The service.
    #[error("service not found")]
    Service,
    /// The object with this SID.
    #[error("{0} not found")]
    Sid(ObjectKind),
    /// The object with this name.
    #[error("unique name not found")]
    Name(ObjectKind),
    /// The item of an object of this kind.
    #[error("item not found")]
    Item(ObjectKind),
    /// The grant of an identity.
    #[error("permission not found")]
    Grant,
}

impl Refusal {
    /// A refusal that no policy is behind.
    pub fn plain(reason: Reason) -> Self {
        Self {
            reason,
            policy: None,
            rule: None,
            violations: Vec::new(),
            retry_ms: None,
            decision: None,
            in_context: false,
        }
    }

    /// A refusal of `apply`: what was judged again at the batch's place in the order.
    pub(super) fn of_apply(reason: Reason) -> Self {
        match reason {
            Reason::Quota { .. } | Reason::Watermark { .. } => Self::plain(reason).by_rule("quota"),
            Reason::Forbidden => Self::plain(reason).by_rule("address"),
            _ => Self::plain(reason),
        }
    }

    /// Whether the decision depends on what existed when it was made, and not on the request alone: earlier writes
    /// that are not applied yet could change it.
    pub(super) fn depends_on_state(&self) -> bool {
        match self.reason {
            Reason::NotFound(_) | Reason::NameTaken | Reason::Lookup | Reason::Final => true,
            Reason::Condition | Reason::Rewrite | Reason::SharedSchema => self.in_context,
            _ => false,
        }
    }

    /// The same, with the rule that refused.
    pub(super) fn by_rule(mut self, rule: &str) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// The first pointer, for the log.
    pub fn pointer(&self) -> Option<&str> {
        match &self.reason {
            Reason::Data(fault) => fault.pointer(),
            _ => self.violations.first().map(|it| it.pointer.as_str()),
        }
    }

    /// What there refused, for the log: a keyword of the schema, a limit by its number.
    pub fn keyword(&self) -> Option<&str> {
        self.violations.first().map(|it| it.keyword.as_str())
    }
}

/// Names one decision in log, journal and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct DecisionId(pub u64);

impl fmt::Display for DecisionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DE{:016x}", self.0)
    }
}
