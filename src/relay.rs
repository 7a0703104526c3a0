//! The passage, and the four verbs through which everything outside enters it:
//! authenticate, submit, read, watch.
//!
//! One function sequences the stages (`Relay::pass`): standing → gate → rewrite → commit. The
//! pump takes what the writer has sealed, in log order, gives each answer and then its events.

mod refusal;
mod veil;
mod authn;
mod personal;
mod error;
mod receipt;
mod watcher;
mod ticket;
mod derived;
mod standing;
mod acl;
mod throttle;
mod hosted;
mod repetition;
mod record;
mod seal;
mod examine;
mod access;
mod seen;
mod gate;
mod render;
mod rewrite;
mod store;
mod activation;
mod settings;
mod fetch;
mod recall;
mod fanout;
mod refusals;
mod journal;
mod look;
mod presence;
mod endpoint;
mod sweep;
mod hooks;
mod rehearsal;
mod verify;

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::Receiver,
    },
    thread::JoinHandle,
    time::{SystemTime, UNIX_EPOCH},
};

use tracing::{error, info};

pub use activation::Conflict;
pub use authn::{Caller, Credential};
pub use error::{Error, Failure};
pub use hooks::{Hooks, News, Passing, Waiting};
pub use receipt::{Grant, Listed, Page, Reading, Receipt};
pub use refusal::{DecisionId, Missing, Reason, Refusal, Under};
pub use rehearsal::{Asker, Disagreement, Draft, Side, Space, Trial, Verb, matrix, rehearse};
pub use settings::{Settings, StartError};
pub use store::StoreError;
pub use veil::LogIdentities;
pub use verify::{Verified, verify};
pub use watcher::{Answer, Queued, Watch, Watched, Watcher};

use crate::{
    domain::{
        change::Change,
        limits::{GROUPS_AHEAD_MAX, PASSAGES_MAX},
        sid::{AccountSid, ServiceSid},
        time::Timestamp,
    },
    policy::PolicySet,
};
use authn::Authn;
use fanout::Hub;
use gate::{Charge, Gate};
use rewrite::{Batch, Given};
use settings::random;
use standing::Standing;
use store::{Embedded, Memory, Store, committed::Committed, writer::Writer};
use ticket::{Attempt, Ticket};

/// What came out of the passage.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and most are batches")]
enum Passed {
    /// For the writer, with the policy behind the admission.
    Batch(Batch, Option<Under>),
    /// The attempt was done before: this is its answer.
    Answered(Receipt),
}

/// The relay: cheap to clone, shared by all fronts.
#[derive(Clone)]
pub struct Relay {
    inner: Arc<Inner>,
}

struct Inner {
    authn: Authn,
    personal: personal::Seen,
    gate: Gate,
    policies: Arc<PolicySet>,
    writer: Writer,
    hub: Hub,
    presence: presence::Presence,
    endpoints: endpoint::Endpoints,
    would_deny: acl::WouldDeny,
    refusals: refusals::Refusals,
    desk: hooks::Desk,
    decisions: AtomicU64,
    code_of: fn(&Error) -> u32,
    plain_objects_max: u32,
    plain_bytes_max: u64,
    watermark: sweep::Watermark,
    threads: Mutex<Vec<JoinHandle<()>>>,
    stopping: sweep::Stopping,
}

impl Relay {
    /// Recovers the store, checks the policies against what stands, and starts the passage.
    ///
    /// # Errors
    /// [`StartError`]; nothing was changed then.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        let store = match &settings.data {
            Some(directory) => Store::Embedded(Embedded::open(directory)?),
            None => Store::Memory(Memory::default()),
        };
        let (writer, view, groups) = Writer::start(store)?;
        if let Err(conflicts) = activation::check(&view, &settings.policies) {
            writer.stop();
            return Err(StartError::Policies(conflicts));
        }
        info!(log.seq = view.seq, services = view.services.len(), "store recovered");
        let (new, active) = (*view.secret.bytes() == [0; 32], view.policies.clone());
        let watermark = sweep::Watermark::new(
            settings.data.clone(),
            settings.memory_max_bytes,
            settings.disk_min_free_bytes,
        );
        let relay = Self {
            inner: Arc::new(Inner {
                authn: Authn {
                    account: settings.account,
                    auth_token: settings.auth_token,
                    keys: settings.keys,
                    log_identities: settings.log_identities,
                },
                personal: personal::Seen::default(),
                gate: Gate::new(settings.hosted_limits),
                policies: Arc::new(settings.policies),
                writer,
                desk: hooks::Desk::new(&view),
                hub: Hub::new(view),
                presence: presence::Presence::default(),
                endpoints: endpoint::Endpoints::default(),
                would_deny: acl::WouldDeny::default(),
                refusals: refusals::Refusals::default(),
                decisions: AtomicU64::new(u64::from_be_bytes(random()?)),
                code_of: settings.code_of,
                plain_objects_max: settings.plain_objects_max,
                plain_bytes_max: settings.plain_bytes_max,
                watermark,
                threads: Mutex::new(Vec::new()),
                stopping: sweep::Stopping::default(),
            }),
        };
        relay.spawn("pump", {
            let relay = relay.clone();
            move || relay.pump(&groups)
        })?;
        let now = relay.now();
        if new {
            relay.own(rewrite::founding(random()?, relay.decision(), now)).map_err(StartError::Write)?;
        }
        if active != *relay.inner.policies.hash() {
            let batch = rewrite::activation(&relay.inner.policies, relay.decision(), now);
            relay.own(batch).map_err(StartError::Write)?;
            info!(policy.set = &**relay.inner.policies.hash(), "policies activated");
        }
        relay.expect_all(&relay.inner.hub.view());
        relay.spawn("sweep", {
            let relay = relay.clone();
            move || relay.sweep()
        })?;
        Ok(relay)
    }

    /// Verifies a credential.
    ///
    /// # Errors
    /// A refusal with [`Reason::Credential`].
    pub fn authenticate(&self, credential: Credential<'_>, peer: IpAddr) -> Result<Caller, Error> {
        let default = self.default_service();
        let caller = self
            .inner
            .authn
            .authenticate(&credential, peer, default, self.inner.hub.view().secret.bytes(), self.now())
            .map_err(Reason::Credential)?;
        self.inner.personal.look(&caller);
        match caller.service() {
            Some(service) if self.inner.hub.view().tenant(service).is_none() => {
                Err(Reason::Credential(crate::token::TokenFault::Grants).into())
            }
            _ => Ok(caller),
        }
    }

    /// Lets a change through the passage, or refuses it. The answer is given exactly once: at once
    /// for a refusal of the gate, else by the pump, in the order of commitment.
    pub fn submit(&self, caller: &Caller, change: Change, answer: Answer) {
        let (caller, decision, arrived) = (caller.clone(), self.decision(), self.now());
        self.attempt(Box::new(Attempt {
            caller,
            change,
            answer,
            decision,
            arrived,
            under: None,
            passages: 0,
            span: tracing::Span::current(),
        }));
    }

    /// The same for callers that can wait.
    ///
    /// # Errors
    /// The refusal, or a failure of ours.
    pub async fn submitted(&self, caller: &Caller, change: Change) -> Result<Receipt, Error> {
        let (tell, told) = tokio::sync::oneshot::channel();
        let then = Box::new(move |result| {
            // The caller may have gone: the change stands all the same.
            let _gone = tell.send(result);
        });
        self.submit(caller, change, Answer { then, through: None });
        told.await.unwrap_or_else(|_| Err(Failure::Stopping.into()))
    }

    /// Runs the passage for an attempt, or answers it.
    fn attempt(&self, mut attempt: Box<Attempt>) {
        let charge = if attempt.passages == 0 { Charge::Take } else { Charge::Taken };
        attempt.passages += 1;
        let decided = if PASSAGES_MAX < attempt.passages {
            Err(Failure::Contended.into())
        } else {
            self.pass(&attempt, charge)
        };
        let failed = match decided {
            Ok(Passed::Batch(batch, under)) => {
                attempt.under = under;
                match self.inner.writer.commit(batch, Ticket::Attempt(attempt)) {
                    Err((Ticket::Attempt(attempt), failure)) => (attempt, failure.into()),
                    Ok(()) | Err((Ticket::Own(_), _)) => return,
                }
            }
            Ok(Passed::Answered(receipt)) => {
                self.decided(&attempt, Ok(&receipt));
                return attempt.answered(Ok(receipt));
            }
            Err(error) => (attempt, error),
        };
        let (attempt, error) = failed;
        let error = error.of_decision(attempt.decision, attempt.under.as_ref());
        self.decided(&attempt, Err(&error));
        attempt.answered(Err(error));
    }

    /// The passage: standing → gate → rewrite. An attempt that comes again has its answer before any of them.
    fn pass(&self, attempt: &Attempt, charge: Charge) -> Result<Passed, Error> {
        let (caller, now) = (&attempt.caller, self.now());
        let operation = &attempt.change.operation;
        let view = self.inner.hub.view();
        let named = operation.created();
        let address = operation.address().or(named.as_ref());
        let standing = operation.service().and_then(|it| {
            let present = caller.identity().is_some_and(|who| self.inner.presence.is_here(it, who));
            fetch::standing(&view, it, address, caller, now).map(|standing| Standing { present, ..standing })
        });
        let batch = repetition::batch_id(caller, &attempt.change);
        if let Some(receipt) = batch.and_then(|it| self.recall(&view, caller, &attempt.change, &it, now)) {
            gate::recognise(caller, operation, standing.as_ref(), &self.inner.policies, now)?;
            return Ok(Passed::Answered(receipt));
        }
        let settings = operation.reforms().and_then(|it| view.tenant(it)).map(|it| it.head.settings.clone());
        if operation.grows()
            && let Some(what) = self.inner.watermark.short_of()
        {
            return Err(Reason::Watermark { what }.into());
        }
        let eye: seen::Eye<'_> = &|it| fetch::sought(&view, operation.service()?, now, it);
        let (change, policies) = (attempt.change.clone(), &self.inner.policies);
        let gate = &self.inner.gate;
        let mut admitted = gate.admit_change(caller, change, (standing, eye), policies, now, charge)?;
        let under = admitted.under();
        self.warn(attempt, admitted.warned());
        if admitted.would_deny() {
            self.lacks(caller, "change", address, attempt.decision);
        }
        let given = Given {
            decision: attempt.decision,
            sid: random().map_err(|_| Failure::Store)?,
            plain_objects_max: self.inner.plain_objects_max,
            plain_bytes_max: self.inner.plain_bytes_max,
            settings,
            batch,
        };
        Ok(Passed::Batch(rewrite::rewrite(admitted, &given)?, under))
    }

    /// The service behind the alias `default`, if it was made.
    pub fn default_service(&self) -> Option<ServiceSid> {
        self.inner.hub.view().default_service
    }

    /// The account that this server serves.
    pub fn account(&self) -> AccountSid {
        self.inner.authn.account
    }

    /// The clock of this server.
    pub fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Whether writes are taken.
    ///
    /// # Errors
    /// [`Failure::Store`] once the store has failed: `/ready` is then 503.
    pub fn ready(&self) -> Result<(), Failure> {
        if self.inner.writer.failed() { Err(Failure::Store) } else { Ok(()) }
    }

    /// Lets what waits be written, then ends the threads.
    pub async fn stop(&self) {
        let relay = self.clone();
        let ended = tokio::task::spawn_blocking(move || {
            relay.inner.stopping.stop();
            relay.inner.writer.stop();
            let threads =
                std::mem::take(&mut *relay.inner.threads.lock().unwrap_or_else(PoisonError::into_inner));
            threads.into_iter().filter_map(|it| it.join().err()).count()
        });
        if !matches!(ended.await, Ok(0)) {
            error!("a thread ended in a panic");
        }
    }

    /// Takes sealed groups, in log order, until the writer is gone; those that have gathered are told together.
    fn pump(&self, groups: &Receiver<Committed>) {
        while let Ok(first) = groups.recv() {
            let more = groups.try_iter().take(GROUPS_AHEAD_MAX);
            let mut gathered: Vec<_> = std::iter::once(first).chain(more).collect();
            let noted = gathered.iter_mut().flat_map(Committed::noted).collect();
            let mut decided = |attempt: &_, outcome: Result<&_, &_>| self.decided(attempt, outcome);
            let again = self.inner.hub.deliver(gathered, &mut decided, &self.judge());
            self.inner.desk.put(noted);
            again.into_iter().for_each(|it| self.attempt(Box::new(it)));
        }
    }

    fn decided(&self, attempt: &Attempt, outcome: Result<&Receipt, &Error>) {
        let Attempt { caller, change, decision, arrived, under, span, .. } = attempt;
        let code = outcome.err().map_or(0, self.inner.code_of);
        let _within = span.enter();
        journal::record(
            &self.inner.refusals,
            caller,
            &change.operation,
            *decision,
            (*arrived, self.now()),
            (code, under.as_ref()),
            outcome,
        );
    }

    /// Commits a batch of the relay's own and waits for it.
    fn own(&self, batch: Batch) -> Result<(), Error> {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let ticket = Ticket::Own(Box::new(move |result| {
            // Whoever asked may have stopped waiting.
            let _gone = tell.send(result);
        }));
        self.inner.writer.commit(batch, ticket).map_err(|(_, failure)| Error::from(failure))?;
        told.recv().unwrap_or_else(|_| Err(Failure::Stopping.into()))
    }

    fn decision(&self) -> DecisionId {
        DecisionId(self.inner.decisions.fetch_add(1, Ordering::Relaxed))
    }

    fn spawn(&self, name: &'static str, run: impl FnOnce() + Send + 'static) -> Result<(), StartError> {
        let thread = std::thread::Builder::new().name(name.into()).spawn(run);
        let thread = thread.map_err(|_| StartError::System("a thread"))?;
        self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }
}
