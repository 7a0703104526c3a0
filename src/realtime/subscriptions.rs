//! What one connection watches: establish and cancel, served in slices while its outbox has room.

use std::{collections::VecDeque, mem, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Number;

use crate::{
    domain::{
        event::EventProtocol,
        limits::{
            OUTBOX_BYTES_PAUSE, SUBSCRIPTION_BATCH_MAX, SUBSCRIPTION_SLICE, SUBSCRIPTIONS_MAX,
            SUBSCRIPTIONS_WAITING_MAX,
        },
        object::{EventId, ObjectKind},
        sid::ObjectSid,
    },
    realtime::{
        notification,
        outbox::Outbox,
        subscriber::{RequestHead, Subscriber, Unasked},
    },
    relay::{Caller, Error, Missing, Reason, Relay, Watch, WatchBatch, Watched, Watcher},
    wire::{
        event,
        problem::{Plane, Problem},
    },
};

/// The subscriptions of one connection.
#[derive(Default)]
pub struct Subscriptions {
    /// Sorted: two of them are the usual case, and 2,000 are moved in no time.
    watched: Vec<WatchedObject>,
    requests: VecDeque<PendingRequest>,
    /// The entries of these requests.
    waiting: usize,
    /// Entries that were heard and not yet charged.
    uncharged: u32,
    entries: u64,
    notifications: u64,
}

/// An object that is subscribed to, or is to be.
#[derive(Debug)]
struct WatchedObject {
    object: ObjectSid,
    /// The newest entry that asks for it; older ones that still wait have been replaced.
    entry: u64,
    /// The object's newest event at the begin of a long replay that began with nothing and is under way.
    begun: Option<EventId>,
}

/// A request of which some entries wait.
struct PendingRequest {
    head: RequestHead,
    entries: VecDeque<PendingEntry>,
    /// Begun with the first entry that is judged.
    batch: Option<WatchBatch>,
}

/// One entry of a request, on its way.
enum PendingEntry {
    Establish {
        number: u64,
        object: ObjectSid,
        since: Option<EventId>,
    },
    Cancel {
        object: Option<ObjectSid>,
        sid: String,
        kind: String,
    },
    /// Refused by the connection itself. What names an object is a decision, and logged.
    Refuse {
        object: Option<ObjectSid>,
        sid: String,
        kind: String,
        reason: Reason,
    },
}

/// A request as the SDK writes it.
#[derive(Deserialize)]
struct Request {
    action: Action,
    correlation_id: Number,
    #[serde(default)]
    event_protocol_version: Option<Number>,
    /// The JavaScript SDK always names it, the phone SDKs never.
    #[serde(default)]
    retried_requests: Option<IgnoredAny>,
    requests: Vec<Entry>,
}

impl Request {
    /// The event protocol that it names.
    fn protocol(&self) -> Option<EventProtocol> {
        let version = self.event_protocol_version.as_ref()?.as_f64()?;
        Some(if version < 4.0 { EventProtocol::V3 } else { EventProtocol::V4 })
    }

    fn head(&self) -> RequestHead {
        RequestHead {
            correlation: self.correlation_id.clone(),
            protocol: self.protocol().unwrap_or_default(),
            unasked: if self.retried_requests.is_some() { Unasked::Null } else { Unasked::Established },
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Establish,
    Cancel,
}

#[derive(Deserialize)]
struct Entry {
    object_sid: String,
    object_type: String,
    #[serde(default)]
    last_event_id: Option<i64>,
}

/// What is answered to a request at once; the rest follows as notifications.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

// No request is read while more waits than leaves room for a whole one.
const _: () = assert!(2 * SUBSCRIPTION_BATCH_MAX <= SUBSCRIPTIONS_WAITING_MAX);

impl Subscriptions {
    /// Takes a request. Its entries wait to be served, in their order.
    pub fn take(&mut self, body: &[u8], outbox: &Outbox) -> Reply {
        let request: Request = match serde_json::from_slice(body) {
            Ok(request) => request,
            Err(_) => return bad_request("the subscription request cannot be read"),
        };
        let count = u32::try_from(request.requests.len()).unwrap_or(u32::MAX);
        self.uncharged = self.uncharged.saturating_add(count);
        if SUBSCRIPTION_BATCH_MAX < request.requests.len() {
            return bad_request(&format!(
                "a subscription request has at most {SUBSCRIPTION_BATCH_MAX} objects"
            ));
        }
        if let Some(protocol) = request.protocol() {
            outbox.set_protocol(protocol);
        }
        let head = request.head();
        let entries: VecDeque<_> =
            request.requests.into_iter().map(|it| self.pending(it, request.action)).collect();
        self.waiting += entries.len();
        self.requests.push_back(PendingRequest { head, entries, batch: None });
        let body = format!(
            r#"{{"max_batch_size":{SUBSCRIPTION_SLICE},"ttl_in_s":86400,"estimated_delivery_in_ms":10000}}"#
        );
        Reply { status: 202, body: body.into() }
    }

    /// The entries that were heard since the last call: each is a request's worth.
    pub fn take_uncharged(&mut self) -> u32 {
        mem::take(&mut self.uncharged)
    }

    /// The subscriptions that a new token is judged for.
    pub fn len(&self) -> usize {
        self.watched.len()
    }

    /// Whether no further request may be read: those that wait are served first.
    pub fn is_full(&self) -> bool {
        SUBSCRIPTION_BATCH_MAX <= self.waiting
    }

    /// Whether a slice can be served now.
    pub fn can_serve(&self, outbox: &Outbox) -> bool {
        !self.requests.is_empty() && outbox.waiting_bytes() < OUTBOX_BYTES_PAUSE
    }

    /// Serves one slice of one request, if the outbox has room for what it replays. The caller flushes the outbox, and
    /// comes again when others had their turn.
    pub fn serve(&mut self, relay: &Relay, caller: &Caller, outbox: &Arc<Outbox>) {
        if !self.can_serve(outbox) {
            return;
        }
        let Some(mut request) = self.requests.pop_front() else { return };
        let mut batch = request.batch.take().unwrap_or_else(|| relay.watch_batch(caller));
        let head = request.head.clone();
        let slice = request.entries.drain(..request.entries.len().min(SUBSCRIPTION_SLICE));
        let (mut numbers, mut watches, mut canceled) = (Vec::new(), Vec::new(), Vec::new());
        let mut notices = Vec::new();
        self.waiting -= slice.len();
        for entry in slice {
            match entry {
                PendingEntry::Establish { number, object, since } => {
                    // Another entry may have replaced or canceled it while it waited.
                    if let Some(watched) = self.find(object).filter(|it| it.entry == number) {
                        let anew = watched.begun.filter(|_| since > Some(EventId(0)));
                        numbers.push(number);
                        watches.push(Watch { object, since, anew });
                    }
                }
                PendingEntry::Cancel { object, sid, kind } => {
                    canceled.extend(object);
                    notices.push(event::canceled(head.of_notices(), &sid, &kind));
                }
                PendingEntry::Refuse { object, sid, kind, reason } => {
                    let error = match object {
                        Some(object) => batch.refuse(object, reason.into()),
                        None => reason.into(),
                    };
                    let problem = Problem::of_error(&error, Plane::Sdk);
                    notices.push(event::failed(head.of_notices(), &sid, &kind, &problem));
                }
            }
        }
        relay.unwatch(caller, outbox.id(), &canceled);
        notices.iter().for_each(|it| self.notify(outbox, it));
        let served = self.establish(&watches, relay, &mut batch, caller, outbox, &head);
        // The replay of the others did not fit: they are the first of the next slice.
        let rest = numbers.into_iter().zip(watches).skip(served).rev();
        for (number, Watch { object, since, .. }) in rest {
            request.entries.push_front(PendingEntry::Establish { number, object, since });
            self.waiting += 1;
        }
        if !request.entries.is_empty() {
            request.batch = Some(batch);
            self.requests.push_front(request);
        }
    }

    /// Subscribes to the first of these objects, and gives their number.
    fn establish(
        &mut self,
        watches: &[Watch],
        relay: &Relay,
        batch: &mut WatchBatch,
        caller: &Caller,
        outbox: &Arc<Outbox>,
        head: &RequestHead,
    ) -> usize {
        let watcher: Arc<dyn Watcher> = Subscriber::new(Arc::clone(outbox), head.clone());
        let mut notice = |watch: &Watch, watched| {
            let text = event::established(head.of_notices(), watch.object, watched);
            Some(notification::of_sync(&self.next_id(), &text))
        };
        let outcomes = relay.watch(caller, batch, watches, &watcher, &mut notice);
        let served = outcomes.len();
        for (watch, outcome) in watches.iter().zip(outcomes) {
            let begun = match outcome {
                Ok(Watched::Interrupted { newest, .. }) => {
                    watch.anew.or((watch.since == Some(EventId(0))).then_some(newest))
                }
                Ok(Watched::Established(_)) => None,
                Err(error) => {
                    self.forget(watch.object);
                    // The SDK never tries a failed subscription again, but asks again after silence.
                    if let Error::Refused(_) = error {
                        let problem = Problem::of_error(&error, Plane::Sdk);
                        let (sid, kind) = (watch.object.to_string(), watch.object.kind.as_str());
                        self.notify(outbox, &event::failed(head.of_notices(), &sid, kind, &problem));
                    }
                    continue;
                }
            };
            if let Some(watched) = self.find(watch.object) {
                watched.begun = begun;
            }
        }
        served
    }

    fn pending(&mut self, entry: Entry, action: Action) -> PendingEntry {
        let Entry { object_sid: sid, object_type: kind, last_event_id } = entry;
        if let Action::Cancel = action {
            let object = sid.parse().ok();
            if let Some(object) = object {
                self.forget(object);
            }
            return PendingEntry::Cancel { object, sid, kind };
        }
        let object = match watchable(&sid, &kind) {
            Ok(object) => object,
            Err(reason) => return PendingEntry::Refuse { object: None, sid, kind, reason },
        };
        match self.remember(object) {
            Ok(number) => {
                let since = last_event_id.map(|it| EventId(u64::try_from(it).unwrap_or(0)));
                PendingEntry::Establish { number, object, since }
            }
            Err(reason) => PendingEntry::Refuse { object: Some(object), sid, kind, reason },
        }
    }

    /// Notes that an entry asks for this object, and gives the entry's number.
    fn remember(&mut self, object: ObjectSid) -> Result<u64, Reason> {
        self.entries += 1;
        let entry = self.entries;
        match self.watched.binary_search_by_key(&object, |it| it.object) {
            Ok(place) => {
                if let Some(watched) = self.watched.get_mut(place) {
                    watched.entry = entry;
                }
            }
            Err(_) if SUBSCRIPTIONS_MAX <= self.watched.len() => return Err(Reason::TooManySubscriptions),
            Err(place) => self.watched.insert(place, WatchedObject { object, entry, begun: None }),
        }
        Ok(entry)
    }

    fn find(&mut self, object: ObjectSid) -> Option<&mut WatchedObject> {
        let place = self.watched.binary_search_by_key(&object, |it| it.object).ok()?;
        self.watched.get_mut(place)
    }

    fn forget(&mut self, object: ObjectSid) {
        if let Ok(place) = self.watched.binary_search_by_key(&object, |it| it.object) {
            self.watched.remove(place);
        }
    }

    fn notify(&mut self, outbox: &Outbox, text: &str) {
        outbox.push(notification::of_sync(&self.next_id(), text));
    }

    fn next_id(&mut self) -> String {
        self.notifications += 1;
        format!("SU{}", self.notifications)
    }
}

/// The object of an entry, or why nobody can watch it.
fn watchable(sid: &str, kind: &str) -> Result<ObjectSid, Reason> {
    if kind == "live_query" {
        return Err(Reason::LiveQuery);
    }
    let object: ObjectSid = sid.parse().map_err(|_| Reason::NotFound(Missing::Sid(ObjectKind::Document)))?;
    if object.kind.as_str() == kind { Ok(object) } else { Err(Reason::NotFound(Missing::Sid(object.kind))) }
}

fn bad_request(message: &str) -> Reply {
    let problem = Problem::of_status(400, message);
    Reply { status: problem.status, body: problem.to_json().into() }
}

#[cfg(test)]
pub mod tests;
