//! The passage, and the four verbs through which everything outside enters it:
//! authenticate, submit, read, watch.

mod authn;
mod error;
mod receipt;
mod refusal;
mod watcher;

use std::{net::IpAddr, sync::Arc};

pub use authn::{Caller, Credential};
pub use error::{Error, Failure};
pub use receipt::{Reading, Receipt};
pub use refusal::{DecisionId, Missing, Reason, Refusal, Under};
pub use watcher::{Answer, Queued, Watch, Watched, Watcher};

use crate::domain::{
    change::Change,
    query::Query,
    sid::{AccountSid, ObjectSid, ServiceSid},
    time::Timestamp,
};

/// The relay: cheap to clone, shared by all fronts.
#[derive(Clone)]
pub struct Relay {}

impl Relay {
    /// Verifies a credential.
    pub fn authenticate(&self, _credential: Credential<'_>, _peer: IpAddr) -> Result<Caller, Error> {
        Err(Failure::Stopping.into())
    }

    /// Lets a change through the passage, or refuses it. The answer is given exactly once: at once
    /// for a refusal of the gate, else by the pump, in the order of commitment.
    pub fn submit(&self, _caller: &Caller, _change: Change, answer: Answer) {
        (answer.then)(Err(Failure::Stopping.into()));
    }

    /// The same for callers that can wait.
    pub async fn submitted(&self, _caller: &Caller, _change: Change) -> Result<Receipt, Error> {
        Err(Failure::Stopping.into())
    }

    /// Answers a question from the state that is durable and told to all.
    pub fn read(&self, _caller: &Caller, _query: &Query) -> Result<Reading, Error> {
        Err(Failure::Stopping.into())
    }

    /// Subscribes: queues the replay into the watcher, calls `then`, and from there on queues what
    /// is live, with no gap and no double between them. A second watch of the same object by the
    /// same watcher replaces the first. The caller flushes the watcher afterwards.
    pub fn watch(
        &self,
        _caller: &Caller,
        _watch: Watch,
        _watcher: &Arc<dyn Watcher>,
        then: &mut dyn FnMut(Result<Watched, Error>),
    ) {
        then(Err(Failure::Stopping.into()));
    }

    /// Ends one subscription; nothing happens when there is none.
    pub fn unwatch(&self, _watcher_id: u64, _object: ObjectSid) {}

    /// Ends all subscriptions of a connection.
    pub fn unwatch_all(&self, _watcher_id: u64) {}

    /// The service behind the alias `default`, if it was made.
    pub fn default_service(&self) -> Option<ServiceSid> {
        None
    }

    /// The account that this server serves.
    pub fn account(&self) -> AccountSid {
        AccountSid::new([0; 16])
    }

    /// The clock of this server.
    pub fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    /// `Err` once the store has failed: `/ready` is then 503.
    pub fn ready(&self) -> Result<(), Failure> {
        Ok(())
    }
}
