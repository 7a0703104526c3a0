//! The passage, and the four verbs through which everything outside enters it:
//! authenticate, submit, read, watch.
//!
//! One function sequences the stages (`Relay::pass`): standing → gate → rewrite → commit. The
//! pump takes what the writer has sealed, in log order, gives each answer and then its events. An attempt that
//! must be decided again holds its lane of the writer's queue; a thread of its own decides it, so that neither
//! the pump nor the writer ever evaluates a policy (docs/adr/0012-lanes-and-reads.md).

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
mod shares;
mod recall;
mod fanout;
mod refusals;
mod journal;
mod look;
mod presence;
mod endpoint;
mod sweep;
mod clock;
mod hooks;
mod rehearsal;
mod verify;
mod repair;
mod backup;
#[cfg(test)]
mod simulation;
#[cfg(fuzzing)]
mod fuzzing;

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use tracing::{error, info};

pub use activation::Conflict;
pub use authn::{Caller, Credential};
pub use backup::{Progress, back_up, export, is_store, mark_restored, restore};
pub use clock::ACCEPT_CLOCK_FILE;
pub use error::{Error, Failure};
#[cfg(fuzzing)]
pub use fuzzing::recover_group;
pub use hooks::{Hooks, News, Passing, Waiting};
pub use look::WatchBatch;
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
        limits::{GROUPS_AHEAD_MAX, PASSAGES_MAX, WRITES_WAITING_MAX},
        name::Identity,
        sid::{AccountSid, ServiceSid},
    },
    policy::PolicySet,
};
use authn::Authn;
use fanout::Hub;
use gate::Gate;
use rewrite::{Batch, Given};
use settings::random;
use standing::Standing;
use store::{Embedded, Memory, Store, committed::Committed, queue::LaneKey, view::View, writer::Writer};
use ticket::{Attempt, Charge, Ticket};

/// What came out of the passage.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and most are batches")]
enum Passed {
    /// For the writer.
    Batch(Batch),
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
    clock: clock::Clock,
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
        let (writer, view, groups) = Writer::start(store, settings.erase_within)?;
        if let Err(conflicts) = activation::check(&view, &settings.policies) {
            writer.stop();
            return Err(StartError::Policies(conflicts));
        }
        info!(log.seq = view.seq, services = view.services.len(), "store recovered");
        let (new, active) = (*view.secret.bytes() == [0; 32], view.policies.clone());
        let relay = Self::assemble(settings, writer, view)?;
        // Each attempt in it holds a lane, and so many lanes can be held.
        let (again, attempts) = sync_channel(WRITES_WAITING_MAX);
        relay.spawn("pump", {
            let relay = relay.clone();
            move || relay.pump(&groups, &again)
        })?;
        relay.spawn("decide again", {
            let relay = relay.clone();
            move || attempts.iter().for_each(|(attempt, lane)| relay.decide_again(attempt, lane))
        })?;
        let now = relay.now();
        if new {
            relay.own(rewrite::founding(random()?, relay.decision(), now)).map_err(StartError::Write)?;
        }
        // A store of an earlier version knows less of its folds: the same set is activated again.
        let known = *relay.inner.hub.view().reserved == relay.inner.policies.reserved();
        if active != *relay.inner.policies.hash() || !known {
            let batch = rewrite::activation(&relay.inner.policies, relay.decision(), now);
            relay.own(batch).map_err(StartError::Write)?;
            info!(policy.set = &**relay.inner.policies.hash(), "policies activated");
        }
        // Before anything can expire.
        relay.start_clock();
        relay.spawn("clock", {
            let relay = relay.clone();
            move || relay.watch_clock()
        })?;
        relay.restore_folds().map_err(StartError::Write)?;
        relay.expect_all(&relay.inner.hub.view());
        relay.spawn("sweep", {
            let relay = relay.clone();
            move || relay.sweep()
        })?;
        Ok(relay)
    }

    /// A relay over a recovered state; its threads do not run yet.
    fn assemble(settings: Settings, writer: Writer, view: View) -> Result<Self, StartError> {
        let watermark = sweep::Watermark::new(
            settings.data.clone(),
            settings.memory_max_bytes,
            settings.disk_min_free_bytes,
        );
        Ok(Self {
            inner: Arc::new(Inner {
                authn: Authn {
                    account: settings.account,
                    auth_token: settings.auth_token,
                    keys: settings.keys,
                    log_identities: settings.log_identities,
                },
                personal: personal::Seen::default(),
                gate: Gate::new(settings.hosted_limits),
                policies: settings.policies,
                writer,
                clock: clock::Clock::start(&view, settings.data.as_deref()),
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
        })
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
            .authenticate(&credential, peer, default, self.inner.hub.view().secret.bytes(), self.wall_clock())
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
        let mut attempt = Box::new(Attempt {
            caller: caller.clone(),
            change,
            answer,
            decision: self.decision(),
            arrived: self.now(),
            under: None,
            charge: Charge::All,
            turns: 0,
            warned: false,
            span: tracing::Span::current(),
        });
        let undone = match self.pass(&mut attempt) {
            Ok(Passed::Batch(batch)) => self.inner.writer.commit(batch, Ticket::Attempt(attempt)),
            Ok(Passed::Answered(receipt)) => return self.finish(attempt, Ok(receipt)),
            Err(error) => match self.behind_earlier_writes(&attempt, &error) {
                Some((service, identity)) => self.inner.writer.decide_in_turn(service, identity, attempt),
                None => return self.finish(attempt, Err(error)),
            },
        };
        if let Err((Ticket::Attempt(attempt), failure)) = undone {
            self.finish(attempt, Err(failure.into()));
        }
    }

    /// The lane in which a refused attempt waits, when an earlier write of its connection could change the refusal.
    fn behind_earlier_writes(&self, attempt: &Attempt, error: &Error) -> Option<(ServiceSid, Identity)> {
        let Error::Refused(refusal) = error else { return None };
        let pipelined = attempt.answer.through.as_ref().is_some_and(|it| it.is_pipelining());
        let waits = pipelined && refusal.depends_on_state();
        waits.then(|| attempt.caller.service().zip(attempt.caller.identity().cloned())).flatten()
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

    /// Decides an attempt at the head of its lane, which is held: every earlier write of its identity was applied
    /// and published. What the identity itself has changed can therefore not make it stale again.
    fn decide_again(&self, mut attempt: Box<Attempt>, lane: LaneKey) {
        let turn = self.inner.writer.turn(lane);
        attempt.turns += 1;
        let passed = match attempt.turns <= PASSAGES_MAX {
            true => self.pass(&mut attempt),
            false => Err(Failure::Contended.into()),
        };
        let undone = match passed {
            Ok(Passed::Batch(batch)) => turn.commit(batch, Ticket::Attempt(attempt)),
            // Answered before the lane goes on.
            Ok(Passed::Answered(receipt)) => return self.finish(attempt, Ok(receipt)),
            Err(error) => return self.finish(attempt, Err(error)),
        };
        if let Err((Ticket::Attempt(attempt), failure)) = undone {
            self.finish(attempt, Err(failure.into()));
        }
    }

    /// Logs and answers an attempt that led to no batch.
    fn finish(&self, attempt: Box<Attempt>, result: Result<Receipt, Error>) {
        let result = result.map_err(|it| it.of_decision(attempt.decision, attempt.under.as_ref()));
        self.decided(&attempt, result.as_ref());
        attempt.answered(result);
    }

    /// The passage: standing → gate → rewrite. An attempt that comes again has its answer before any of them.
    fn pass(&self, attempt: &mut Attempt) -> Result<Passed, Error> {
        let Attempt { caller, change, decision, under, charge, warned, .. } = attempt;
        let (caller, change, now) = (&*caller, &*change, self.now());
        gate::check_credential(caller, self.wall_clock())?;
        let operation = &change.operation;
        let view = self.inner.hub.view();
        let named = operation.created();
        let address = operation.address().or(named.as_ref());
        let standing = operation.service().and_then(|it| {
            let present = caller.identity().is_some_and(|who| self.inner.presence.is_here(it, who));
            fetch::standing(&view, it, address, caller, now).map(|standing| Standing { present, ..standing })
        });
        let batch = repetition::batch_id(caller, change);
        if let Some(receipt) = batch.and_then(|it| self.recall(&view, caller, change, &it, now)) {
            gate::recognise(caller, operation, standing.as_ref(), &self.inner.policies)?;
            return Ok(Passed::Answered(receipt));
        }
        let settings = operation.reforms().and_then(|it| view.tenant(it)).map(|it| it.head.settings.clone());
        if operation.grows()
            && let Some(what) = self.inner.watermark.short_of()
        {
            return Err(Reason::Watermark { what }.into());
        }
        let eye: seen::Eye<'_> = &|it| fetch::sought(&view, operation.service()?, now, it);
        let (policies, gate) = (&self.inner.policies, &self.inner.gate);
        let admitted = gate.admit_change(caller, change.clone(), (standing, eye), policies, now, *charge);
        // The caller's own limits are charged before anything that can refuse in context.
        let charged = if admitted.is_ok() { Charge::Nothing } else { Charge::Shared };
        if *charge == Charge::All || charged == Charge::Nothing {
            *charge = charged;
        }
        let mut admitted = admitted?;
        *under = admitted.under();
        if let Some(warning) = admitted.warned().filter(|_| !*warned) {
            *warned = true;
            self.warn(caller, operation, *decision, &warning);
        }
        if admitted.would_deny() {
            self.lacks(caller, "change", address, *decision);
        }
        let given = Given {
            decision: *decision,
            sid: random().map_err(|_| Failure::Store)?,
            plain_objects_max: self.inner.plain_objects_max,
            plain_bytes_max: self.inner.plain_bytes_max,
            settings,
            batch,
        };
        Ok(Passed::Batch(rewrite::rewrite(admitted, &given)?))
    }

    /// The service behind the alias `default`, if it was made.
    pub fn default_service(&self) -> Option<ServiceSid> {
        self.inner.hub.view().default_service
    }

    /// The account that this server serves.
    pub fn account(&self) -> AccountSid {
        self.inner.authn.account
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
    fn pump(&self, groups: &Receiver<Committed>, decide_again: &SyncSender<(Box<Attempt>, LaneKey)>) {
        while let Ok(first) = groups.recv() {
            let more = groups.try_iter().take(GROUPS_AHEAD_MAX);
            for attempt in self.deliver(std::iter::once(first).chain(more).collect()) {
                if let Err(refused) = decide_again.send(attempt) {
                    let (attempt, lane) = refused.0;
                    drop(self.inner.writer.turn(lane));
                    self.finish(attempt, Err(Failure::Stopping.into()));
                }
            }
        }
    }

    /// Publishes sealed groups; returns who must be decided again.
    fn deliver(&self, mut gathered: Vec<Committed>) -> Vec<(Box<Attempt>, LaneKey)> {
        let noted = gathered.iter_mut().flat_map(Committed::noted).collect();
        let mut decided = |attempt: &_, outcome: Result<&_, &_>| self.decided(attempt, outcome);
        let again = self.inner.hub.deliver(gathered, &mut decided, &self.judge());
        self.inner.desk.put(noted);
        again
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
        self.own_later(batch)?.recv().unwrap_or_else(|_| Err(Failure::Stopping.into()))
    }

    /// Hands a batch of the relay's own to the writer; the receiver gets its outcome.
    fn own_later(&self, batch: Batch) -> Result<Receiver<Result<(), Error>>, Failure> {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let ticket = Ticket::Own(Box::new(move |result| {
            // Whoever asked may have stopped waiting.
            let _gone = tell.send(result);
        }));
        self.inner.writer.commit(batch, ticket).map_err(|(_, failure)| failure)?;
        Ok(told)
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
