//! One connection's outlet: what waits for its socket, written by whoever has something to say.
//!
//! Events come from the pump, answers from the pump or from the connection's own task. All of them are
//! queued in the order in which they were promised and written in one call. Only a socket that would
//! block is left to its task. Events are bounded, since nobody asks the peer before they come; answers
//! are paced by not reading its next request.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    mem::MaybeUninit,
    net::Shutdown,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Buf, Bytes};
use serde_json::Number;
use tokio::{io::Interest, net::TcpStream, sync::Notify, time::Instant};

use crate::{
    domain::{
        event::{Event, EventProtocol},
        limits::{
            OUTBOX_BYTES_MAX, OUTBOX_MESSAGES_MAX, OUTBOX_SECONDS_MAX, REQUESTS_IN_FLIGHT_MAX,
            WRITE_SLICES_MAX,
        },
        sid::ObjectSid,
    },
    realtime::notification,
    relay::{Error, Queued, Watcher},
    wire::{
        event::{self, SubscriptionRequest},
        problem::{Plane, Problem},
    },
};

/// One connection's outlet; its task and the relay share it.
pub struct Outbox {
    id: u64,
    base_url: Arc<str>,
    stream: TcpStream,
    waiting: Mutex<Waiting>,
    in_flight: AtomicUsize,
    /// Whether the connection's task waits for the end of a write.
    awaits_writes: AtomicBool,
    /// Whether the client last named version 3 of the event protocol.
    speaks_v3: AtomicBool,
    changed: Notify,
}

struct Waiting {
    state: State,
    entries: VecDeque<Entry>,
    bytes: usize,
    event_bytes: usize,
    events: usize,
    flush_owed: bool,
}

enum State {
    /// Whoever flushes writes.
    Open,
    /// The socket takes nothing more, since then: the connection's task waits for it.
    Blocked(Instant),
    /// Nothing is taken any more.
    Cut,
}

struct Entry {
    bytes: Bytes,
    kind: Kind,
    /// Whether the peer has seen a part of it.
    begun: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of this object.
    Event(ObjectSid),
    Answer,
}

impl Entry {
    fn is_event(&self) -> bool {
        self.kind != Kind::Answer
    }
}

/// A request that is being answered, until this is dropped.
pub struct InFlight {
    outbox: Arc<Outbox>,
    /// The count of unanswered writes to which it belongs, if it is a write.
    unanswered: Option<Arc<AtomicUsize>>,
}

impl Outbox {
    /// The outlet of this socket. The URL stands before all paths in events, the same for all connections.
    pub fn new(id: u64, stream: TcpStream, base_url: Arc<str>) -> Arc<Self> {
        Arc::new(Self {
            id,
            base_url,
            stream,
            waiting: Mutex::new(Waiting {
                state: State::Open,
                entries: VecDeque::new(),
                bytes: 0,
                event_bytes: 0,
                events: 0,
                flush_owed: false,
            }),
            in_flight: AtomicUsize::new(0),
            awaits_writes: AtomicBool::new(false),
            speaks_v3: AtomicBool::new(false),
            changed: Notify::new(),
        })
    }

    /// The socket, for the task that reads it.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Reads once. A buffer that was not filled has drained the socket, and the runtime is told so: else it
    /// would have us read again, only to hear that there is nothing more.
    ///
    /// # Errors
    /// Those of the socket; `WouldBlock` when there was nothing.
    pub fn read<'b>(&self, buffer: &'b mut [MaybeUninit<u8>]) -> io::Result<&'b mut [u8]> {
        let mut taken = None;
        let read = self.stream.try_io(Interest::READABLE, || {
            let (bytes, rest) = rustix::io::read(&self.stream, buffer)?;
            let drained = !bytes.is_empty() && !rest.is_empty();
            taken = Some(bytes);
            if drained { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match (taken, read) {
            (Some(bytes), _) => Ok(bytes),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// The start of all URLs.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The event protocol of live events and of notices that no request asked for: the one named last.
    pub fn protocol(&self) -> EventProtocol {
        if self.speaks_v3.load(Ordering::Relaxed) { EventProtocol::V3 } else { EventProtocol::V4 }
    }

    /// The client has named an event protocol.
    pub fn set_protocol(&self, protocol: EventProtocol) {
        self.speaks_v3.store(protocol == EventProtocol::V3, Ordering::Relaxed);
    }

    /// Queues an event that a subscription has missed.
    pub fn queue_missed(&self, event: &Event, request: SubscriptionRequest<'_>) -> Queued {
        let bytes = self.encode_missed(event, request);
        self.enter(Entry { bytes, kind: Kind::Event(event.object), begun: false })
    }

    /// The frame of an event that a subscription has missed; it is encoded once.
    pub fn encode_missed(&self, event: &Event, request: SubscriptionRequest<'_>) -> Bytes {
        event.frame(request.protocol, |it| notification::of_replayed(it, &self.base_url, request))
    }

    /// Tells that a subscription has ended unasked; of what waits for the socket nothing more about its object
    /// is handed over.
    pub fn end_subscription(&self, object: ObjectSid, correlation: Option<&Number>, error: &Error) -> Queued {
        self.lock().forget(object);
        let problem = Problem::of_error(error, Plane::Sdk);
        let (sid, kind) = (object.to_string(), object.kind.as_str());
        let request = SubscriptionRequest { correlation, protocol: self.protocol() };
        let text = event::failed(request, &sid, kind, &problem);
        self.push(notification::of_sync(&format!("RV{sid}"), &text))
    }

    /// Queues an answer, or whatever else the connection's own task has to say.
    pub fn push(&self, bytes: Bytes) -> Queued {
        self.enter(Entry { bytes, kind: Kind::Answer, begun: false })
    }

    /// Counts one more request that is being answered.
    pub fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        InFlight { outbox: Arc::clone(self), unanswered: None }
    }

    /// The same for a write, which also belongs to a count of unanswered ones.
    pub fn begin_write(self: &Arc<Self>, unanswered: &Arc<AtomicUsize>) -> InFlight {
        unanswered.fetch_add(1, Ordering::SeqCst);
        let mut in_flight = self.begin();
        in_flight.unanswered = Some(Arc::clone(unanswered));
        in_flight
    }

    /// Sets whether the end of a write wakes the connection's task.
    pub fn awaits_writes(&self, awaits: bool) {
        self.awaits_writes.store(awaits, Ordering::SeqCst);
    }

    /// Requests that are being answered.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Bytes that wait for the socket.
    pub fn waiting_bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Since when the socket takes nothing, if so.
    pub fn blocked_since(&self) -> Option<Instant> {
        match self.lock().state {
            State::Blocked(since) => Some(since),
            State::Open | State::Cut => None,
        }
    }

    /// Whether nothing is taken any more.
    pub fn is_cut(&self) -> bool {
        matches!(self.lock().state, State::Cut)
    }

    /// The time at which a socket that has been blocked since then is cut.
    pub fn patience(since: Instant) -> Instant {
        since + Duration::from_secs(OUTBOX_SECONDS_MAX)
    }

    /// Returns when the socket blocks, is cut, or an answer was given, since the last call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Writes on, once the socket takes something again. Only the connection's task calls this.
    pub fn resume(&self) {
        let mut waiting = self.lock();
        if let State::Blocked(since) = waiting.state {
            waiting.state = State::Open;
            self.write(&mut waiting, Some(since));
        }
    }

    /// Writes what waits and this last frame, as far as the socket takes them, and nothing ever after. Answers
    /// whether the last frame is on its way.
    pub fn finish(&self, last: Bytes) -> bool {
        self.push(last);
        self.flush();
        let mut waiting = self.lock();
        if !matches!(waiting.state, State::Open) {
            return false;
        }
        waiting.state = State::Cut;
        socket2::SockRef::from(&self.stream).shutdown(Shutdown::Write).is_ok()
    }

    /// Wakes the connection's task.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    /// Closes the socket: the peer is gone, too slow, or was dismissed.
    pub fn cut(&self) {
        self.cut_locked(&mut self.lock());
    }

    fn frame(&self, event: &Event) -> Bytes {
        let protocol = self.protocol();
        event.frame(protocol, |event| notification::of_event(event, &self.base_url, protocol))
    }

    fn enter(&self, entry: Entry) -> Queued {
        let mut waiting = self.lock();
        if matches!(waiting.state, State::Cut) {
            return Queued::Gone;
        }
        waiting.bytes += entry.bytes.len();
        if entry.is_event() {
            waiting.events += 1;
            waiting.event_bytes += entry.bytes.len();
        }
        waiting.entries.push_back(entry);
        if OUTBOX_MESSAGES_MAX < waiting.events || OUTBOX_BYTES_MAX < waiting.event_bytes {
            // What gathered within one batch may be much, and the socket may still take it.
            if matches!(waiting.state, State::Open) {
                self.write(&mut waiting, None);
            }
            if OUTBOX_MESSAGES_MAX < waiting.events || OUTBOX_BYTES_MAX < waiting.event_bytes {
                self.cut_locked(&mut waiting);
                return Queued::Gone;
            }
        }
        if std::mem::replace(&mut waiting.flush_owed, true) { Queued::Again } else { Queued::First }
    }

    /// Writes as much as the socket takes. `since` is the time at which it began to take nothing, so that a
    /// wake-up without progress does not buy more time.
    fn write(&self, waiting: &mut Waiting, since: Option<Instant>) {
        let mut since = since;
        while !waiting.entries.is_empty() {
            match self.write_once(&waiting.entries) {
                Ok(0) => return self.cut_locked(waiting),
                Ok(written) => {
                    waiting.advance(written);
                    since = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    waiting.state = State::Blocked(since.unwrap_or_else(Instant::now));
                    self.changed.notify_one();
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.cut_locked(waiting),
            }
        }
        if WRITE_SLICES_MAX < waiting.entries.capacity() {
            waiting.entries = VecDeque::new();
        }
    }

    fn write_once(&self, entries: &VecDeque<Entry>) -> io::Result<usize> {
        if let (Some(only), 1) = (entries.front(), entries.len()) {
            return self.stream.try_write(&only.bytes);
        }
        let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
        let mut count = 0;
        for (slice, entry) in slices.iter_mut().zip(entries) {
            *slice = IoSlice::new(&entry.bytes);
            count += 1;
        }
        self.stream.try_write_vectored(slices.get(..count).unwrap_or_default())
    }

    fn cut_locked(&self, waiting: &mut Waiting) {
        waiting.state = State::Cut;
        waiting.entries = VecDeque::new();
        (waiting.bytes, waiting.event_bytes, waiting.events) = (0, 0, 0);
        // A peer that is gone already leaves nothing to shut down.
        if let Err(error) = socket2::SockRef::from(&self.stream).shutdown(Shutdown::Both) {
            tracing::trace!(conn.id = self.id, %error, "socket was gone");
        }
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // The counts hold whatever a panicking thread did between two of these lines.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Drops what waits of an object, but for a frame of which the peer has seen a part.
    fn forget(&mut self, object: ObjectSid) {
        let Self { entries, bytes, event_bytes, events, .. } = self;
        entries.retain(|it| {
            let stays = it.begun || it.kind != Kind::Event(object);
            if !stays {
                *bytes = bytes.saturating_sub(it.bytes.len());
                *event_bytes = event_bytes.saturating_sub(it.bytes.len());
                *events = events.saturating_sub(1);
            }
            stays
        });
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes = self.bytes.saturating_sub(written);
        while let Some(first) = self.entries.front_mut() {
            let part = written.min(first.bytes.len());
            first.bytes.advance(part);
            written -= part;
            if first.is_event() {
                self.event_bytes = self.event_bytes.saturating_sub(part);
            }
            if !first.bytes.is_empty() {
                first.begun |= part != 0;
                return;
            }
            if first.is_event() {
                self.events = self.events.saturating_sub(1);
            }
            self.entries.pop_front();
        }
    }
}

impl Watcher for Outbox {
    fn revoke(&self, object: ObjectSid, error: &Error) -> Queued {
        self.end_subscription(object, None, error)
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn encode(&self, event: &Event) {
        self.frame(event);
    }

    fn queue(&self, event: &Arc<Event>) -> Queued {
        self.enter(Entry { bytes: self.frame(event), kind: Kind::Event(event.object), begun: false })
    }

    fn queue_notice(&self, notice: Bytes) {
        self.push(notice);
    }

    fn is_pipelining(&self) -> bool {
        1 < self.in_flight()
    }

    fn flush(&self) {
        let mut waiting = self.lock();
        waiting.flush_owed = false;
        if matches!(waiting.state, State::Open) {
            self.write(&mut waiting, None);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut wakes = false;
        if let Some(unanswered) = &self.unanswered {
            let last = unanswered.fetch_sub(1, Ordering::SeqCst) == 1;
            wakes = last && self.outbox.awaits_writes.load(Ordering::SeqCst);
        }
        // A task that stopped reading waits for the first of these.
        if self.outbox.in_flight.fetch_sub(1, Ordering::AcqRel) == REQUESTS_IN_FLIGHT_MAX || wakes {
            self.outbox.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
