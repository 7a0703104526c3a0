//! How a front hears: what it asks to watch, and the outlet into which events are put.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    domain::{event::Event, object::EventId, sid::ObjectSid},
    relay::{error::Error, receipt::Receipt},
};

/// One connection's outlet. `queue`, `queue_notice` and `revoke` are called while the order of events is held: none may
/// block.
pub trait Watcher: Send + Sync {
    /// Names the connection; unique in this process.
    fn id(&self) -> u64;
    /// Encodes an event that is queued later, so that nothing is encoded while the order of events is held.
    fn encode(&self, _event: &Event) {}
    /// Queues one event.
    fn queue(&self, event: &Arc<Event>) -> Queued;
    /// Queues one event that a subscription has missed; it was made for this watcher alone.
    fn queue_replayed(&self, event: &Arc<Event>) -> Queued {
        self.queue(event)
    }
    /// Queues the front's notice of a subscription: behind its replay, before what is live.
    fn queue_notice(&self, _notice: Bytes) {}
    /// Tells that the subscription to an object has ended, and why; of what waits for the socket
    /// nothing more about this object is handed over (decision 4).
    fn revoke(&self, object: ObjectSid, error: &Error) -> Queued;
    /// Hands what has gathered to the socket, in one write as far as it takes it.
    fn flush(&self);
    /// Whether more than one request of this connection is being answered at present.
    fn is_pipelining(&self) -> bool {
        false
    }
}

/// What became of a queued event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// The first since the last flush: a flush is owed.
    First,
    /// A flush is owed already.
    Again,
    /// The connection is gone or was cut: it hears nothing more.
    Gone,
}

/// A wish to hear of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The object.
    pub object: ObjectSid,
    /// The newest event that the subscriber knows; `None`: from now on, without replay.
    pub since: Option<EventId>,
    /// Who began with nothing and asks for the next piece: the object's newest event when it began.
    /// Nothing that it was told was removed before, so it may come from below the floor until then.
    pub anew: Option<EventId>,
}

/// What came of a wish; the events of the replay were queued before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Everything up to this event was told; what follows is live.
    Established(EventId),
    /// A long replay comes in pieces: ask again.
    Interrupted {
        /// Everything up to this event was told.
        at: EventId,
        /// The object's newest event.
        newest: EventId,
    },
}

/// Where the answer to a change goes.
pub struct Answer {
    /// Called once, in the order of commitment, before the change's events are queued anywhere.
    pub then: Box<dyn FnOnce(Result<Receipt, Error>) + Send>,
    /// The connection that is flushed with the events, when the answer was queued there.
    pub through: Option<Arc<dyn Watcher>>,
}
