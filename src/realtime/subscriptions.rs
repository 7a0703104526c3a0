//! What one connection watches: establish and cancel, and the wishes that wait for room in its outbox.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Number;

use crate::{
    domain::{
        event::EventProtocol,
        limits::{OUTBOX_BYTES_PAUSE, SUBSCRIPTION_BATCH_MAX, SUBSCRIPTIONS_MAX, WISHES_MAX},
        object::{EventId, ObjectKind},
        sid::ObjectSid,
    },
    realtime::{
        notification,
        outbox::Outbox,
        subscriber::{RequestHead, Subscriber, Unasked},
    },
    relay::{Caller, Error, Missing, Reason, Relay, Watch, Watched, Watcher},
    wire::{
        event,
        problem::{Plane, Problem},
    },
};

/// The subscriptions of one connection.
#[derive(Debug, Default)]
pub struct Subscriptions {
    /// Sorted: two of them are the usual case, and 2,000 are moved in no time.
    watched: Vec<ObjectSid>,
    wishes: VecDeque<Wish>,
    /// Those of which a long replay is under way that began with nothing, with their newest event then.
    begun: Vec<(ObjectSid, EventId)>,
    notifications: u64,
}

#[derive(Debug)]
struct Wish {
    watch: Watch,
    request: RequestHead,
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

#[derive(Deserialize)]
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

const ACCEPTED: &[u8] = br#"{"max_batch_size":100,"ttl_in_s":86400,"estimated_delivery_in_ms":10000}"#;

impl Subscriptions {
    /// Takes a request: cancels at once, queues wishes, and notifies of what cannot be watched.
    pub fn take(&mut self, body: &[u8], relay: &Relay, caller: &Caller, outbox: &Outbox) -> Reply {
        let request: Request = match serde_json::from_slice(body) {
            Ok(request) => request,
            Err(_) => return bad_request("the subscription request cannot be read"),
        };
        if SUBSCRIPTION_BATCH_MAX < request.requests.len() {
            return bad_request("a subscription request has at most 100 objects");
        }
        if let Some(protocol) = request.protocol() {
            outbox.set_protocol(protocol);
        }
        let head = request.head();
        for entry in request.requests {
            match request.action {
                Action::Establish => self.wish(&entry, &head, relay, caller, outbox),
                Action::Cancel => self.cancel(&entry, &head, relay, outbox),
            }
        }
        Reply { status: 202, body: Bytes::from_static(ACCEPTED) }
    }

    /// Fulfils wishes while the outbox has room for what they replay.
    pub fn fulfil(&mut self, relay: &Relay, caller: &Caller, outbox: &Arc<Outbox>) {
        while outbox.waiting_bytes() < OUTBOX_BYTES_PAUSE {
            let Some(Wish { watch, request }) = self.wishes.pop_front() else { break };
            let subscriber = Subscriber::new(Arc::clone(outbox), request);
            let watcher: Arc<dyn Watcher> = Arc::clone(&subscriber) as _;
            let notices = subscriber.request().of_notices();
            let id = self.next_id();
            let (mut lost, mut begun) = (false, None);
            // Called between replay and live events: what is queued here stands between them.
            relay.watch(caller, watch, &watcher, &mut |outcome| {
                let text = match outcome {
                    Ok(watched) => {
                        if let Watched::Interrupted { newest, .. } = watched {
                            let first = watch.since == Some(EventId(0));
                            begun = watch.anew.or(first.then_some(newest));
                        }
                        event::established(notices, watch.object, watched)
                    }
                    Err(Error::Refused(refusal)) => {
                        lost = true;
                        let problem = Problem::of_error(&Error::Refused(refusal), Plane::Sdk);
                        let kind = watch.object.kind.as_str();
                        event::failed(notices, &watch.object.to_string(), kind, &problem)
                    }
                    Err(Error::Failed(_)) => {
                        // The SDK never tries a failed subscription again, but asks again after silence.
                        lost = true;
                        return;
                    }
                };
                outbox.push(notification::of_sync(&id, &text));
            });
            self.begun.retain(|it| it.0 != watch.object);
            self.begun.extend(begun.map(|it| (watch.object, it)));
            if lost {
                self.forget(watch.object);
            }
            outbox.flush();
        }
    }

    /// Whether wishes wait.
    pub fn waits(&self) -> bool {
        !self.wishes.is_empty()
    }

    fn wish(&mut self, entry: &Entry, head: &RequestHead, relay: &Relay, caller: &Caller, outbox: &Outbox) {
        let error = match watchable(entry) {
            Ok(object) => match self.remember(object) {
                Ok(()) => {
                    let since = entry.last_event_id.map(|it| EventId(u64::try_from(it).unwrap_or(0)));
                    let anew = self.begun.iter().find(|it| it.0 == object && since > Some(EventId(0)));
                    let watch = Watch { object, since, anew: anew.map(|it| it.1) };
                    self.wishes.retain(|it| it.watch.object != object);
                    return self.wishes.push_back(Wish { watch, request: head.clone() });
                }
                Err(reason) => relay.refuse_watch(caller, object, reason),
            },
            Err(reason) => reason.into(),
        };
        let problem = Problem::of_error(&error, Plane::Sdk);
        let text = event::failed(head.of_notices(), &entry.object_sid, &entry.object_type, &problem);
        self.notify(outbox, &text);
    }

    fn cancel(&mut self, entry: &Entry, head: &RequestHead, relay: &Relay, outbox: &Outbox) {
        if let Ok(object) = entry.object_sid.parse() {
            self.forget(object);
            self.wishes.retain(|it| it.watch.object != object);
            relay.unwatch(outbox.id(), object);
        }
        let text = event::canceled(head.of_notices(), &entry.object_sid, &entry.object_type);
        self.notify(outbox, &text);
    }

    fn remember(&mut self, object: ObjectSid) -> Result<(), Reason> {
        match self.watched.binary_search(&object) {
            Ok(_) => Ok(()),
            Err(_) if SUBSCRIPTIONS_MAX <= self.watched.len() || WISHES_MAX <= self.wishes.len() => {
                Err(Reason::TooManySubscriptions)
            }
            Err(place) => {
                self.watched.insert(place, object);
                Ok(())
            }
        }
    }

    fn forget(&mut self, object: ObjectSid) {
        self.begun.retain(|it| it.0 != object);
        if let Ok(place) = self.watched.binary_search(&object) {
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
fn watchable(entry: &Entry) -> Result<ObjectSid, Reason> {
    if entry.object_type == "live_query" {
        return Err(Reason::LiveQuery);
    }
    let object: ObjectSid =
        entry.object_sid.parse().map_err(|_| Reason::NotFound(Missing::Sid(ObjectKind::Document)))?;
    if object.kind.as_str() == entry.object_type {
        Ok(object)
    } else {
        Err(Reason::NotFound(Missing::Sid(object.kind)))
    }
}

fn bad_request(message: &str) -> Reply {
    let problem = Problem::of_status(400, message);
    Reply { status: problem.status, body: problem.to_json().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid(kind: ObjectKind, number: u128) -> ObjectSid {
        ObjectSid { kind, bytes: number.to_be_bytes() }
    }

    #[test]
    fn one_connection_watches_so_many_objects_and_no_more() {
        let mut all = Subscriptions::default();
        for number in 0..SUBSCRIPTIONS_MAX as u128 {
            assert_eq!(all.remember(sid(ObjectKind::Map, number)), Ok(()));
        }
        assert_eq!(all.remember(sid(ObjectKind::Map, 1)), Ok(()));
        assert_eq!(all.remember(sid(ObjectKind::Document, 1)), Err(Reason::TooManySubscriptions));
        all.forget(sid(ObjectKind::Map, 7));
        assert_eq!(all.remember(sid(ObjectKind::Document, 1)), Ok(()));
    }

    #[test]
    fn a_request_is_answered_in_the_version_that_it_names() {
        let head = |version: &str| {
            let rest = r#""action":"establish","correlation_id":1,"requests":[]}"#;
            let request: Request = serde_json::from_str(&format!("{{{version}{rest}")).unwrap();
            let RequestHead { protocol, unasked, .. } = request.head();
            (request.protocol(), protocol, unasked)
        };
        let (v3, v4) = (EventProtocol::V3, EventProtocol::V4);
        for (version, named, protocol) in [
            ("", None, v4),
            (r#""event_protocol_version":null,"#, None, v4),
            (r#""event_protocol_version":0,"#, Some(v3), v3),
            (r#""event_protocol_version":3,"#, Some(v3), v3),
            (r#""event_protocol_version":4,"#, Some(v4), v4),
            (r#""event_protocol_version":5,"#, Some(v4), v4),
        ] {
            assert_eq!(head(version), (named, protocol, Unasked::Established), "{version}");
        }
        assert_eq!(head(r#""retried_requests":0,"#).2, Unasked::Null);
    }

    #[test]
    fn only_what_exists_can_be_watched() {
        let entry = |object_sid: String, object_type: &str| Entry {
            object_sid,
            object_type: object_type.to_owned(),
            last_event_id: None,
        };
        let map = sid(ObjectKind::Map, 1);
        assert_eq!(watchable(&entry(map.to_string(), "map")), Ok(map));
        assert!(matches!(watchable(&entry(map.to_string(), "document")), Err(Reason::NotFound(_))));
        assert!(matches!(watchable(&entry("MP1".to_owned(), "map")), Err(Reason::NotFound(_))));
        let stream = sid(ObjectKind::Stream, 1);
        assert_eq!(watchable(&entry(stream.to_string(), "stream")), Ok(stream));
        assert_eq!(watchable(&entry(map.to_string(), "live_query")), Err(Reason::LiveQuery));
    }
}
