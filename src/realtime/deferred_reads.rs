//! Reads that wait until the writes sent before them on the same connection are answered.
//!
//! A read is rendered by the connection's own task, one at a time and only while its outbox has room: what it
//! costs is paid by whoever asked. Nothing is rendered before its turn, and the requests that wait count among the
//! bytes for which the connection is not read further (docs/adr/0012-lanes-and-reads.md).

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    domain::limits::OUTBOX_BYTES_PAUSE,
    realtime::outbox::{InFlight, Outbox},
    sdk,
};

/// Bytes that a waiting read costs beside its texts.
const READ_BYTES_EACH: usize = 256;

/// The reads of one connection that wait, in the order in which they were sent.
#[derive(Default)]
pub struct DeferredReads {
    waiting: VecDeque<DeferredRead>,
    bytes: usize,
    /// Counts the unanswered writes since the last read that had to wait.
    unanswered: Arc<AtomicUsize>,
}

/// A read that waits for its turn.
pub struct DeferredRead {
    /// The message that asked.
    pub id: String,
    /// The request.
    pub request: sdk::Request,
    /// Its place among the requests in flight.
    pub in_flight: InFlight,
    /// Counts the unanswered writes between the read before it and this one.
    after: Arc<AtomicUsize>,
}

impl DeferredReads {
    /// Counts a write that is begun; the guard ends when it is answered.
    pub fn begin_write(&self, outbox: &Arc<Outbox>) -> InFlight {
        outbox.begin_write(&self.unanswered)
    }

    /// Whether a read that arrives now has to wait.
    pub fn must_wait(&self) -> bool {
        !self.waiting.is_empty() || self.unanswered.load(Ordering::SeqCst) != 0
    }

    /// Has a read wait for the writes begun so far.
    pub fn push(&mut self, id: String, request: sdk::Request, in_flight: InFlight, outbox: &Outbox) {
        let after = std::mem::take(&mut self.unanswered);
        let read = DeferredRead { id, request, in_flight, after };
        self.bytes += read.size_bytes();
        self.waiting.push_back(read);
        // Set before a count is looked at: whoever ends a write afterwards sees it and wakes the task.
        outbox.awaits_writes(true);
    }

    /// The next read whose writes are all answered, while the outbox has room for what it shows.
    pub fn next(&mut self, outbox: &Outbox) -> Option<DeferredRead> {
        let first = self.waiting.front()?;
        if first.after.load(Ordering::SeqCst) != 0 || OUTBOX_BYTES_PAUSE <= outbox.waiting_bytes() {
            return None;
        }
        let read = self.waiting.pop_front()?;
        self.bytes -= read.size_bytes();
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
            outbox.awaits_writes(false);
        }
        Some(read)
    }

    /// Bytes that the waiting requests hold.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl DeferredRead {
    fn size_bytes(&self) -> usize {
        let params = self.request.params.iter().map(|(key, value)| key.len() + value.len());
        READ_BYTES_EACH + self.id.len() + self.request.path.len() + params.sum::<usize>()
    }
}
