//! Server-sent events: shared objects live, for clients without the SDK.
//!
//! `GET …/events` of one object or of several. The answer never ends by itself: first what the client
//! has not seen, in ascending order of event ids over all its objects, then what is live.

mod ask;
mod merge;
mod outbox;
mod stream;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{Buf, Bytes};
use futures::Stream;
use tokio::sync::watch;
use warp::{
    Filter, Reply,
    filters::BoxedFilter,
    http::{HeaderValue, header},
    path::FullPath,
    reply::Response,
};

use crate::{
    domain::{object::EventId, query::Query, sid::ServiceSid},
    events::{
        ask::{Ask, Wish},
        outbox::Outbox,
        stream::{Subject, Subscriber},
    },
    relay::{Caller, Error, Failure, Reading, Reason, Relay},
    sdk,
    wire::{
        event_stream::{self, MEDIA_TYPE, Remember},
        fault::{Fault, Stop},
        http::{self, Incoming},
        problem::{Plane, Problem},
        request,
    },
};

/// Streams count from here; connections of the socket count from below, and the relay knows both by number.
const FIRST_ID: u64 = 1 << 63;

/// What all streams share.
pub struct Door {
    relay: Relay,
    base_url: Arc<str>,
    stopping: watch::Receiver<bool>,
    next_id: AtomicU64,
}

impl Door {
    /// A door to this relay. The URL stands before all paths in events, the same for all streams;
    /// all of them end when `stopping` says so.
    pub fn new(relay: Relay, base_url: Arc<str>, stopping: watch::Receiver<bool>) -> Arc<Self> {
        Arc::new(Self { relay, base_url, stopping, next_id: AtomicU64::new(FIRST_ID) })
    }
}

/// The route of everything that ends in `/events`, and names objects or none.
pub fn routes(door: Arc<Door>) -> BoxedFilter<(Response,)> {
    let ours = warp::path::full().and_then(|path: FullPath| {
        let ours = ask::is_ours(path.as_str());
        std::future::ready(if ours { Ok(()) } else { Err(warp::reject::not_found()) })
    });
    let answers = http::door("v3", move |incoming| {
        let answer = answer(&door, &incoming);
        let answer = answer.unwrap_or_else(|it| http::problem(&Problem::of(&it, Plane::Sdk), "Bearer"));
        std::future::ready(answer)
    });
    ours.untuple_one().and(answers).boxed()
}

fn answer<S, B>(door: &Arc<Door>, incoming: &Incoming<S>) -> Result<Response, Stop>
where
    S: Stream<Item = Result<B, warp::Error>> + Send,
    B: Buf,
{
    let caller = sdk::http::authenticate(&door.relay, incoming)?;
    let service = caller.service().ok_or(Reason::Forbidden)?;
    if incoming.method != warp::http::Method::GET {
        return Err(Fault::Method.into());
    }
    let ask =
        Ask::parse(service, &incoming.path, &incoming.query, incoming.header("last-event-id").as_deref())?;
    if *door.stopping.borrow() {
        return Err(Failure::Stopping.into());
    }
    Ok(begin(door, &caller, service, ask, incoming.connection.peer())?)
}

/// Judges each wish. If no object is left, the answer is the first refusal; else it is a stream.
fn begin(
    door: &Arc<Door>,
    caller: &Caller,
    service: ServiceSid,
    ask: Ask,
    peer: IpAddr,
) -> Result<Response, Error> {
    let (mut subjects, mut refused): (Vec<Subject>, Option<Error>) = (Vec::new(), None);
    let id = door.next_id.fetch_add(1, Ordering::Relaxed);
    let mut first = vec![event_stream::opening(id)];
    for Wish { kind, text } in ask.wishes {
        let address = request::address(service, kind, &text);
        let reading = address.map_err(Error::from).and_then(|it| door.relay.read(caller, &Query::Object(it)));
        match reading {
            Ok(Reading::Object { head, .. }) => {
                if !subjects.iter().any(|it| it.object == head.sid) {
                    subjects.push(Subject::new(text, *head));
                }
            }
            // No other answer comes to a question after an object.
            Ok(_) => {}
            Err(error) => {
                let problem = Problem::of_error(&error, Plane::Sdk);
                first.push(event_stream::failed(kind, &text, &problem, Remember::AsBefore));
                refused.get_or_insert(error);
            }
        }
    }
    if subjects.is_empty() {
        return Err(refused.unwrap_or_else(|| Failure::Stopping.into()));
    }
    tracing::debug!(conn.id = id, peer.addr = %peer, objects = subjects.len(), "event stream opened");
    let outbox = Outbox::new(id, Arc::clone(&door.base_url), first);
    let subscriber = Subscriber::new(Arc::clone(door), caller.clone(), outbox, subjects, ask.since);
    Ok(response(subscriber.into_blocks()))
}

fn response(
    blocks: impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + Sync + 'static,
) -> Response {
    let mut response = warp::reply::stream(blocks).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would gather events until a buffer is full.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Where a client begins that says nothing of what it knows.
const BEGINNING: EventId = EventId(0);
