//! When the log is cut: a checkpoint on a thread of its own, the writer going on in a new log file meanwhile.
//!
//! The thread makes the next log file. The writer switches to it between two groups and hands the thread its view and
//! the file before. The thread writes the view, and removes what it covers. So the writer waits for none of it.

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tracing::{info, warn};

use super::{Core, Entry, Shared};
use crate::{
    domain::{
        limits::{CHECKPOINT_BATCHES, CHECKPOINT_BYTES, GROUP_BATCHES_MAX, GROUP_BYTES_MAX},
        time::Timestamp,
    },
    relay::store::{
        Checkpointer, StoreError,
        embedded::LogFile,
        queue::{LaneKey, Queue},
        view::View,
    },
};

/// What the writer is woken for, besides batches.
pub(super) enum Tended {
    /// The next log file is there; a store in memory has none.
    LogMade(Option<LogFile>),
    /// A checkpoint up to this group is durable, and what it covers is removed.
    Written(u64),
    /// Time has passed.
    Woken,
}

/// Where the log is cut: the view that the checkpoint has, and the log file that ends with it.
struct Cut {
    view: View,
    ended: Option<LogFile>,
}

/// A checkpoint that is being written.
pub(super) struct Running {
    thread: JoinHandle<()>,
    cut: SyncSender<Cut>,
}

impl Running {
    /// Waits for its end. One that was not given its view ends without it.
    pub(super) fn join(self) -> std::thread::Result<()> {
        drop(self.cut);
        self.thread.join()
    }
}

/// Since when there is what a checkpoint would remove.
pub(super) struct Age {
    /// When the first batch behind the newest checkpoint was written.
    since: Option<Instant>,
    /// How old that may become: half of the time within which removed data must be gone, the rest is for writing.
    longest: Duration,
    /// Whether the files themselves want a checkpoint.
    wanted: bool,
}

impl Age {
    /// `first` is the time of the first batch behind the checkpoint that was recovered.
    pub(super) fn recovered(erase_within: Duration, first: Option<Timestamp>, wanted: bool) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let longest = erase_within / 2;
        let since = first.and_then(|first| {
            let written = Duration::from_millis(u64::try_from(first.as_millis()).unwrap_or_default());
            let age = now.saturating_sub(written).min(longest);
            // A machine that has not run for so long knows no such instant: then the checkpoint is written early.
            Instant::now().checked_sub(age)
        });
        Self { since, longest, wanted: wanted || (since.is_none() && first.is_some()) }
    }

    fn is_due(&self) -> bool {
        self.wanted || self.since.is_some_and(|it| self.longest <= it.elapsed())
    }
}

impl Core {
    /// Cuts the log when it is time, and does what is due for the log file.
    ///
    /// # Errors
    /// When a checkpoint could not be written, or what it covers not be removed, or a page of the log not be written:
    /// that is a failure of the store as any other. After a failed sync nobody knows what the file holds, and a later
    /// one would not tell.
    pub(super) fn tend(&mut self, shared: &Arc<Shared>) -> Result<(), StoreError> {
        let tended = shared.lock().checkpointed.take();
        match tended.transpose()? {
            Some(Tended::LogMade(log)) => self.switch(log),
            Some(Tended::Written(through)) => info!(log.seq = through, "checkpoint written, log cut"),
            Some(Tended::Woken) | None => (),
        }
        self.store.tend()?;
        if self.batches != 0 {
            self.age.since.get_or_insert_with(Instant::now);
        }
        let due = CHECKPOINT_BATCHES <= self.batches
            || CHECKPOINT_BYTES <= self.bytes
            || self.age.is_due()
            || checkpoint_forced(self.batches);
        if due && self.checkpoint.as_ref().is_none_or(|it| it.thread.is_finished()) {
            self.start_checkpoint(shared);
        }
        Ok(())
    }

    fn start_checkpoint(&mut self, shared: &Arc<Shared>) {
        let (checkpointer, shared) = (self.store.checkpointer(), shared.clone());
        let (cut, cuts) = sync_channel(1);
        let spawned = std::thread::Builder::new().name("checkpoint".into()).spawn(move || {
            let post = |tended| {
                shared.lock().checkpointed = Some(tended);
                shared.wake.notify_one();
            };
            let mut checkpointer = checkpointer;
            match checkpointer.make_log() {
                Ok(log) => post(Ok(Tended::LogMade(log))),
                Err(failure) => return post(Err(failure)),
            }
            // Without a cut the writer has ended: the file is empty, and the next start removes it.
            if let Ok(cut) = cuts.recv() {
                post(write(&checkpointer, cut).map(Tended::Written));
            }
        });
        match spawned {
            Ok(thread) => self.checkpoint = Some(Running { thread, cut }),
            Err(failure) => {
                warn!(error = &failure as &dyn std::error::Error, "the checkpoint could not start");
            }
        }
    }

    /// Goes on in the next log file; what was written so far is for the checkpoint.
    fn switch(&mut self, log: Option<LogFile>) {
        let Some(running) = &self.checkpoint else { return };
        let ended = self.store.switch(log);
        (self.batches, self.bytes) = (0, 0);
        (self.age.since, self.age.wanted) = (None, false);
        // The thread waits for it.
        let _gone = running.cut.try_send(Cut { view: self.view.clone(), ended });
    }
}

fn write(checkpointer: &Checkpointer, cut: Cut) -> Result<u64, StoreError> {
    checkpointer.write(&cut.view)?;
    drop(cut.ended);
    checkpointer.remove_covered()?;
    Ok(cut.view.seq)
}

/// Takes what one group holds: a bounded number of batches, and of bytes, which the last batch may exceed.
pub(super) fn take_group(waiting: &mut Queue<Entry>) -> Vec<(LaneKey, Entry)> {
    let (mut group, mut size_bytes) = (Vec::new(), 0);
    while group.len() < GROUP_BATCHES_MAX && size_bytes < GROUP_BYTES_MAX {
        let Some(next) = waiting.pop() else { break };
        size_bytes += next.1.size_bytes();
        group.push(next);
    }
    group
}

/// Lets the crash tests have checkpoints every few batches.
fn checkpoint_forced(batches: u64) -> bool {
    cfg!(debug_assertions)
        && std::env::var("AIRLOCK_CHECKPOINT_BATCHES")
            .ok()
            .and_then(|it| it.parse().ok())
            .is_some_and(|it: u64| it <= batches)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            data::Input,
            limits::DATA_BYTES_MAX,
            object::{ObjectKind, Space},
            sid::{ObjectSid, ServiceSid},
        },
        relay::{
            record::{By, Effect, Record, Shell},
            refusal::DecisionId,
            store::queue::Lane,
            ticket::Ticket,
        },
    };

    #[test]
    fn a_group_is_bounded_in_bytes() {
        let text = format!(r#"{{"t":"{}"}}"#, "x".repeat(DATA_BYTES_MAX - 8));
        let data = Input::parse(&text).expect("data").data().clone();
        let sid = ObjectSid { kind: ObjectKind::Document, bytes: [1; 16] };
        let record = Record {
            at: Timestamp::from_seconds(1),
            decision: DecisionId(0),
            by: By::Backend,
            endpoint: None,
            policies: "".into(),
            batch: None,
            needs: Vec::new(),
            effect: Effect::Create {
                service: ServiceSid::new([1; 16]),
                shell: Shell { sid, name: None, space: Space::Plain },
                data: Some(data),
                expires: None,
                publications: Vec::new(),
            },
        };
        let size_bytes = |group: &[(LaneKey, Entry)]| group.iter().map(|it| it.1.size_bytes()).sum::<usize>();
        let mut queue = Queue::new();
        for _ in 0..50 {
            let ticket = Ticket::Own(Box::new(|_| ()));
            let entry = Entry::Batch(Box::new(record.clone()), ticket);
            assert!(queue.push((None, Lane::Backend), entry).is_ok());
        }
        let mut taken = 0;
        while !queue.is_drained() {
            let group = take_group(&mut queue);
            taken += group.len();
            assert!(size_bytes(&group) < GROUP_BYTES_MAX + record.size_bytes(), "{} batches", group.len());
            assert!(queue.is_drained() || GROUP_BYTES_MAX <= size_bytes(&group), "it is filled");
            let encoded = postcard::to_allocvec(&record).expect("encoded").len();
            assert!(encoded <= record.size_bytes(), "{encoded} bytes are stored");
        }
        assert_eq!(taken, 50);
    }

    #[test]
    fn the_age_of_what_was_recovered_counts() {
        let hour = Duration::from_secs(3_600);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
        let written = |before: u64| {
            let first = Timestamp::from_seconds(i64::try_from(now - before).expect("a time"));
            Age::recovered(hour, Some(first), false).is_due()
        };
        assert!(!written(0) && !written(1_700), "younger than half of the time");
        assert!(written(1_801) && written(1_000_000));
        assert!(!Age::recovered(hour, None, false).is_due() && Age::recovered(hour, None, true).is_due());
    }
}
