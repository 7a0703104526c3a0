//! The subscriptions of one request as the relay notifies them: events that they have missed name the request, live
//! ones do not.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Number;

use crate::{
    domain::{
        event::{Event, EventProtocol},
        sid::ObjectSid,
    },
    realtime::outbox::Outbox,
    relay::{Error, Queued, Watcher},
    wire::event::SubscriptionRequest,
};

/// What a request for subscriptions says of itself.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The number by which the client knows it.
    pub correlation: Number,
    /// How its notices are written.
    pub protocol: EventProtocol,
    /// By which number the client recognises a notice that it did not ask for.
    pub unasked: Unasked,
}

/// The correlation id of a notice that ends an established subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// Null: the JavaScript SDK compares it with the request that it waits for, and it waits for none.
    Null,
    /// That of the request which established the subscription: the phone SDKs drop a number that they do not know.
    Established,
}

impl RequestHead {
    /// The request, as its notifications name it.
    pub fn of_notices(&self) -> SubscriptionRequest<'_> {
        SubscriptionRequest { correlation: Some(&self.correlation), protocol: self.protocol }
    }
}

/// What one request of one connection subscribes to.
pub struct Subscriber {
    outbox: Arc<Outbox>,
    request: RequestHead,
}

impl Subscriber {
    /// The subscriber of this request.
    pub fn new(outbox: Arc<Outbox>, request: RequestHead) -> Arc<Self> {
        Arc::new(Self { outbox, request })
    }
}

impl Watcher for Subscriber {
    fn id(&self) -> u64 {
        self.outbox.id()
    }

    fn encode(&self, event: &Event) {
        self.outbox.encode_missed(event, self.request.of_notices());
    }

    fn queue_notice(&self, notice: Bytes) {
        self.outbox.queue_notice(notice);
    }

    fn queue(&self, event: &Arc<Event>) -> Queued {
        self.outbox.queue(event)
    }

    fn queue_replayed(&self, event: &Arc<Event>) -> Queued {
        self.outbox.queue_missed(event, self.request.of_notices())
    }

    fn revoke(&self, object: ObjectSid, error: &Error) -> Queued {
        let correlation = match self.request.unasked {
            Unasked::Null => None,
            Unasked::Established => Some(&self.request.correlation),
        };
        self.outbox.end_subscription(object, correlation, error)
    }

    fn flush(&self) {
        self.outbox.flush();
    }
}
