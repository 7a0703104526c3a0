//! The one writer: a synchronous core that turns batches into groups, and the thread that drives it.
//!
//! Batches wait in a fair queue. The thread takes what has gathered, applies it to a view of its
//! own, appends one blob, waits for the sync, and only then hands the sealed group on. At the
//! first failure of the store it stops for good: nothing is acknowledged any more (decision 10).
//!
//! An attempt that must be decided again holds its lane: the batches behind it are put back, and none of them is
//! applied before it has come back ([`Turn`]) or was answered.

#[cfg(test)]
pub(in crate::relay) mod by_hand;

mod checkpoints;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use checkpoints::{Age, Running, Tended, take_group};
use tracing::{error, warn};

use super::{
    Recovered, Store, StoreError,
    apply::{Rejection, apply},
    attempts::BatchId,
    committed::{Committed, Outcome, Verdict},
    point,
    queue::{Lane, LaneKey, Queue},
    sent::Sent,
    view::View,
};
use crate::{
    domain::{
        limits::GROUPS_AHEAD_MAX,
        name::Identity,
        sid::{MessageSid, ServiceSid},
    },
    relay::{
        error::{Error, Failure},
        record::Record,
        rewrite::Batch,
        seal,
        ticket::{Attempt, Ticket},
    },
};

/// The door to the writer.
pub(in crate::relay) struct Writer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    queue: Mutex<Inbox>,
    wake: Condvar,
    failed: AtomicBool,
    sent: Mutex<Sent>,
}

struct Inbox {
    waiting: Queue<Entry>,
    stopping: bool,
    /// How far a checkpoint is, or why it failed.
    checkpointed: Option<Result<Tended, StoreError>>,
}

/// What waits in a lane.
enum Entry {
    /// A batch, to be applied.
    Batch(Box<Record>, Ticket),
    /// An attempt whose answer may depend on what waits before it: it is decided when it is at the head.
    Undecided(Box<Attempt>),
}

impl Entry {
    /// Bytes of its record.
    fn size_bytes(&self) -> usize {
        match self {
            Self::Batch(record, _) => record.size_bytes(),
            Self::Undecided(_) => 0,
        }
    }

    fn into_ticket(self) -> Ticket {
        match self {
            Self::Batch(_, ticket) => ticket,
            Self::Undecided(attempt) => Ticket::Attempt(attempt),
        }
    }
}

impl Writer {
    /// Recovers the store and starts the thread. Gives the recovered view and the sealed groups. What is removed from
    /// the state is in no file any more after `erase_within`.
    pub(in crate::relay) fn start(
        store: Store,
        erase_within: Duration,
    ) -> Result<(Self, View, Receiver<Committed>), StoreError> {
        let (core, shared) = recover(store, erase_within)?;
        let view = core.view.clone();
        let (sealed, groups) = sync_channel(GROUPS_AHEAD_MAX);
        let thread = std::thread::Builder::new().name("writer".into()).spawn({
            let shared = shared.clone();
            move || drive(core, &shared, &sealed)
        })?;
        Ok((Self { shared, thread: Mutex::new(Some(thread)) }, view, groups))
    }

    /// Puts a batch into the queue.
    ///
    /// # Errors
    /// The ticket comes back with the reason when there is no room, or no store.
    pub(in crate::relay) fn commit(&self, batch: Batch, ticket: Ticket) -> Result<(), (Ticket, Failure)> {
        let record = batch.into_record();
        let key = (record.effect.service(), Lane::of(&record.by));
        self.enter(key, Entry::Batch(Box::new(record), ticket))
            .map_err(|(entry, failure)| (entry.into_ticket(), failure))
    }

    /// Has a client's attempt decided when everything that its identity sent before was applied and published.
    ///
    /// # Errors
    /// As for `commit`.
    pub(in crate::relay) fn decide_in_turn(
        &self,
        service: ServiceSid,
        identity: Identity,
        attempt: Box<Attempt>,
    ) -> Result<(), (Ticket, Failure)> {
        self.enter((Some(service), Lane::Identity(identity)), Entry::Undecided(attempt))
            .map_err(|(entry, failure)| (entry.into_ticket(), failure))
    }

    fn enter(&self, key: LaneKey, entry: Entry) -> Result<(), (Entry, Failure)> {
        let mut inbox = self.shared.lock();
        // Judged under the lock: the writer marks its failure before it empties the queue for the last time.
        if self.shared.failed.load(Ordering::Acquire) {
            return Err((entry, Failure::Store));
        }
        if inbox.stopping {
            return Err((entry, Failure::Stopping));
        }
        let full = inbox.waiting.push(key, entry);
        drop(inbox);
        self.shared.wake.notify_one();
        full.map_err(|entry| (entry, Failure::Busy))
    }

    /// The turn of an attempt that is decided again, with the lane that it holds.
    pub(in crate::relay) fn turn(&self, key: LaneKey) -> Turn<'_> {
        Turn { shared: &self.shared, key: Some(key) }
    }

    /// The message that this attempt has sent before, if nothing of it stands and it is remembered.
    pub(in crate::relay) fn sent(&self, service: ServiceSid, batch: BatchId) -> Option<MessageSid> {
        self.shared.sent().get(&(service, batch))
    }

    /// Has the writer look whether a checkpoint is due: time passes without batches, too.
    pub(in crate::relay) fn wake(&self) {
        self.shared.lock().checkpointed.get_or_insert(Ok(Tended::Woken));
        self.shared.wake.notify_one();
    }

    /// Whether the store has failed.
    pub(in crate::relay) fn failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    /// Lets what waits be written, then ends the thread.
    pub(in crate::relay) fn stop(&self) {
        self.shared.lock().stopping = true;
        self.shared.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            error!("the writer ended in a panic");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks the end of writing. From here on nobody knows what the disk holds of the log.
    fn fail(&self, failure: &StoreError) {
        self.failed.store(true, Ordering::Release);
        error!(
            error = %with_causes(failure),
            "the store has failed: no write is acknowledged until the disk is mended and the process restarted"
        );
    }

    /// Waits for entries, or for the end of a checkpoint; `None` when it is time to end.
    fn next(&self) -> Option<Vec<(LaneKey, Entry)>> {
        let mut inbox = self.lock();
        while inbox.waiting.is_idle() && inbox.checkpointed.is_none() {
            // A held lane may still get an entry.
            if inbox.stopping && inbox.waiting.is_drained() {
                return None;
            }
            inbox = self.wake.wait(inbox).unwrap_or_else(PoisonError::into_inner);
        }
        Some(take_group(&mut inbox.waiting))
    }

    /// Holds the lanes of those who are decided again, and puts what was behind them back in its order.
    fn hold(&self, held: &HashSet<LaneKey>, behind: Vec<(LaneKey, Entry)>) {
        if held.is_empty() {
            return;
        }
        let mut inbox = self.lock();
        held.iter().for_each(|it| inbox.waiting.hold(it));
        for (key, entry) in behind.into_iter().rev() {
            inbox.waiting.put_back(key, entry);
        }
    }
}

/// The right of one attempt to the place at the head of its lane, which is held as long as this exists.
#[must_use]
pub(in crate::relay) struct Turn<'w> {
    shared: &'w Shared,
    key: Option<LaneKey>,
}

impl Turn<'_> {
    /// Puts the batch of the attempt in its place. The lane goes on, also while the relay stops.
    ///
    /// # Errors
    /// The ticket comes back when the store has failed.
    pub(in crate::relay) fn commit(mut self, batch: Batch, ticket: Ticket) -> Result<(), (Ticket, Failure)> {
        let Some(key) = self.key.take() else { return Err((ticket, Failure::Stopping)) };
        let mut inbox = self.shared.lock();
        if self.shared.failed.load(Ordering::Acquire) {
            return Err((ticket, Failure::Store));
        }
        inbox.waiting.release(key, Some(Entry::Batch(Box::new(batch.into_record()), ticket)));
        drop(inbox);
        self.shared.wake.notify_one();
        Ok(())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.shared.lock().waiting.release(key, None);
            self.shared.wake.notify_one();
        }
    }
}

/// Recovers a store, for a writer that has not begun.
fn recover(mut store: Store, erase_within: Duration) -> Result<(Core, Arc<Shared>), StoreError> {
    let mut recovered = store.replay(&mut |_| ())?;
    if store.begin(&mut recovered)? {
        warn!(
            log.seq = recovered.view.seq,
            "the data directory is a copy: event ids are skipped, and every client is answered in full"
        );
    }
    let age = Age::recovered(erase_within, recovered.since, store.wants_checkpoint()?);
    let Recovered { view, batches, bytes, .. } = recovered;
    let shared = Arc::new(Shared {
        queue: Mutex::new(Inbox { waiting: Queue::new(), stopping: false, checkpointed: None }),
        wake: Condvar::new(),
        failed: AtomicBool::new(false),
        sent: Mutex::default(),
    });
    // A process may live for a short time only: what it has found counts towards the next checkpoint.
    Ok((Core { store, view, batches, bytes, age, checkpoint: None }, shared))
}

fn drive(mut core: Core, shared: &Arc<Shared>, sealed: &SyncSender<Committed>) {
    while let Some(group) = shared.next() {
        if !group.is_empty() {
            let committed = commit_group(&mut core, shared, group);
            if sealed.send(committed).is_err() {
                return;
            }
        }
        if !shared.failed.load(Ordering::Acquire)
            && let Err(failure) = core.tend(shared)
        {
            shared.fail(&failure);
        }
        if shared.failed.load(Ordering::Acquire) {
            refuse_the_rest(&core, shared, sealed);
            return;
        }
    }
    if let Some(thread) = core.checkpoint.take()
        && thread.join().is_err()
    {
        error!("the checkpoint ended in a panic");
    }
    if let Some(Err(failure)) = shared.lock().checkpointed.take() {
        shared.fail(&failure);
    }
}

/// Commits one group, and holds the lanes of those who are decided again before anybody can hear of it.
fn commit_group(core: &mut Core, shared: &Shared, group: Vec<(LaneKey, Entry)>) -> Committed {
    match core.commit(group, &shared.sent) {
        Ok(Group { committed, held, behind }) => {
            shared.hold(&held, behind);
            committed
        }
        Err((tickets, failure)) => {
            shared.fail(&failure);
            let outcome = |ticket| Outcome { ticket, verdict: Verdict::Not(Failure::Store.into()) };
            core.seal_unchanged(tickets.into_iter().map(outcome).collect())
        }
    }
}

/// Answers those who were waiting when the store failed.
fn refuse_the_rest(core: &Core, shared: &Shared, sealed: &SyncSender<Committed>) {
    let waiting = shared.lock().waiting.drain();
    let outcome =
        |entry: Entry| Outcome { ticket: entry.into_ticket(), verdict: Verdict::Not(Failure::Store.into()) };
    // An error means that the pump is gone, and with it all who would hear of this.
    let _gone = sealed.send(core.seal_unchanged(waiting.into_iter().map(outcome).collect()));
}

/// The writer without its thread: (state, batches) → (state, sealed group).
pub(super) struct Core {
    store: Store,
    view: View,
    batches: u64,
    bytes: u64,
    age: Age,
    checkpoint: Option<Running>,
}

/// What became of the entries of one group.
struct Group {
    committed: Committed,
    /// The lanes of those who are decided again.
    held: HashSet<LaneKey>,
    /// What was behind them, in its order.
    behind: Vec<(LaneKey, Entry)>,
}

impl Core {
    /// Applies a group to an overlay and makes it durable; at a failure the overlay is dropped.
    fn commit(
        &mut self,
        group: Vec<(LaneKey, Entry)>,
        sent: &Mutex<Sent>,
    ) -> Result<Group, (Vec<Ticket>, StoreError)> {
        let mut overlay = self.view.clone();
        let mut messages = HashMap::new();
        let sent = || sent.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut records, mut outcomes, mut noted) = (Vec::new(), Vec::new(), Vec::new());
        let (mut held, mut behind) = (HashSet::new(), Vec::new());
        for (key, entry) in group {
            if !held.is_empty() && held.contains(&key) {
                behind.push((key, entry));
                continue;
            }
            let (record, ticket) = match entry {
                Entry::Batch(record, ticket) => (record, ticket),
                Entry::Undecided(attempt) => {
                    let verdict = Verdict::DecideAgain(key.clone());
                    held.insert(key);
                    outcomes.push(Outcome { ticket: Ticket::Attempt(attempt), verdict });
                    continue;
                }
            };
            let message = Sent::of(&record);
            let repeated =
                message.is_some_and(|(it, _)| messages.contains_key(&it) || sent().get(&it).is_some());
            // A repeated attempt finds its answer when it is decided again.
            let applied = if repeated { Err(Rejection::Known) } else { apply(&mut overlay, &record) };
            let verdict = match applied {
                Ok(applied) => {
                    messages.extend(message);
                    if !applied.repeated {
                        records.extend(record.durable());
                    }
                    noted.extend(applied.noted);
                    Verdict::Done {
                        receipt: applied.receipt,
                        events: applied.events,
                        rejudge: applied.rejudge,
                    }
                }
                Err(Rejection::Stale | Rejection::Known) if matches!(ticket, Ticket::Attempt(_)) => {
                    held.insert(key.clone());
                    Verdict::DecideAgain(key)
                }
                Err(Rejection::Stale | Rejection::Known) => Verdict::Not(Failure::Contended.into()),
                Err(Rejection::Refused(reason)) => Verdict::Not(Error::from(reason)),
            };
            outcomes.push(Outcome { ticket, verdict });
        }
        if !records.is_empty() {
            match self.append(&overlay, &records) {
                Ok(chain) => (overlay.seq, overlay.chain) = (overlay.seq + 1, chain),
                Err(failure) => {
                    let behind = behind.into_iter().map(|it| it.1.into_ticket());
                    return Err((outcomes.into_iter().map(|it| it.ticket).chain(behind).collect(), failure));
                }
            }
            self.batches += records.len() as u64;
        }
        if !messages.is_empty() {
            let mut sent = sent();
            messages.into_iter().for_each(|(attempt, message)| sent.note(attempt, message));
        }
        self.view = overlay.clone();
        Ok(Group { committed: Committed::seal(overlay, outcomes).noting(noted), held, behind })
    }

    fn append(&mut self, overlay: &View, records: &[Record]) -> Result<seal::Chain, StoreError> {
        let seq = overlay.seq + 1;
        let unwritable = |_| StoreError::Group { seq, why: "it cannot be encoded" };
        let (blob, chain) = seal::seal(&overlay.chain, seq, records).map_err(unwritable)?;
        point::reached("commit-before-append");
        self.store.append(seq, &blob, &chain)?;
        point::reached("commit-after-sync");
        self.bytes += blob.len() as u64;
        Ok(chain)
    }

    fn seal_unchanged(&self, outcomes: Vec<Outcome>) -> Committed {
        Committed::seal(self.view.clone(), outcomes)
    }
}

/// An error with what is beneath it: the words of SQLite and of the system are the ones that help.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |it| it.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
