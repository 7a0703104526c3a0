//! One accepted socket: hyper's HTTP/1 with our rules before the routes.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::FutureExt;
use hyper::{
    HeaderMap, Method, Request, StatusCode, Version,
    body::{Body, Frame, Incoming, SizeHint},
    header::{self, HeaderValue},
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpStream, sync::watch, time::Instant};
use tracing::Instrument;
use warp::{filters::BoxedFilter, reply::Response};

use crate::{
    domain::{
        limits::{HEAD_BYTES_MAX, HEADERS_MAX, KEEP_ALIVE_SECONDS, LOG_TEXT_BYTES_MAX, REQUEST_SECONDS_MAX},
        sid::looks_like_a_sid,
    },
    realtime::{
        Arrival,
        pace::{Pace, Rates},
    },
    server::{
        answer,
        caps::{Place, Proxied},
        deadline::Timed,
        entrance::{Entrance, TurnedAway},
        hosts::Hosts,
    },
    wire::connection::Connection,
};

/// The words of our own paths: they name nobody.
const PATH_WORDS: [&str; 19] = [
    "v1",
    "v3",
    "Services",
    "Documents",
    "Lists",
    "Maps",
    "Streams",
    "Items",
    "Messages",
    "Permissions",
    "Context",
    "events",
    "wsconnect",
    "default",
    "token",
    "health",
    "ready",
    "openapi.json",
    "Insights",
];

/// What the requests of all connections have in common.
pub struct Requests {
    /// An id in the log is one request.
    next: AtomicU64,
    /// Whether the log shows of a path only what names nobody.
    hide_names: bool,
    /// Requests per second of one connection; 0 is no limit.
    per_second: u32,
    /// The hosts that a request may name, if not all.
    hosts: Option<Hosts>,
}

impl Requests {
    /// Requests of which the first is number 1.
    pub fn new(hide_names: bool, per_second: u32, hosts: Option<Hosts>) -> Self {
        Self { next: AtomicU64::new(1), hide_names, per_second, hosts }
    }

    fn path(&self, path: &str) -> String {
        if !self.hide_names {
            return cut(path).to_owned();
        }
        let open = |it: &str| it.is_empty() || looks_like_a_sid(it) || PATH_WORDS.contains(&it);
        let shown = path.split('/').map(|it| if open(it) { it } else { "*" });
        cut(&shown.collect::<Vec<_>>().join("/")).to_owned()
    }
}

/// What the connections of one listener share.
pub struct Shared {
    /// The counts and rates of the listener.
    pub entrance: Arc<Entrance>,
    /// The requests of all listeners.
    pub requests: Arc<Requests>,
}

/// Who is at the other end, and its place among the counts.
pub enum Client {
    /// A client.
    Itself(Arc<Connection>, Arc<Place>),
    /// A trusted proxy, which asks for itself or says with each request for whom.
    Proxy(Arc<Connection>, Arc<Place>),
}

/// For whom one request is.
struct Asker {
    connection: Arc<Connection>,
    /// What is kept until the answer was sent, or the socket is closed.
    held: Arc<Held>,
    /// Whether the request counts for the pace of its connection.
    is_paced: bool,
}

/// The places of one request.
struct Held {
    _connection: Arc<Place>,
    _client: Option<Place>,
}

impl Client {
    fn connection(&self) -> &Arc<Connection> {
        match self {
            Self::Itself(connection, _) | Self::Proxy(connection, _) => connection,
        }
    }

    fn asker(&self, request: &Request<Incoming>, entrance: &Entrance) -> Result<Asker, TurnedAway> {
        let (Self::Itself(connection, place) | Self::Proxy(connection, place)) = self;
        let (connection, place) = (Arc::clone(connection), Arc::clone(place));
        let forwarded = match self {
            Self::Itself(..) => None,
            Self::Proxy(..) => entrance.proxies().forwarded(request.headers()),
        };
        let Some(client) = forwarded else {
            let held = Arc::new(Held { _connection: place, _client: None });
            return Ok(Asker { connection, held, is_paced: true });
        };
        let upgrades = request.headers().contains_key(header::UPGRADE);
        let what = if upgrades { Proxied::Socket } else { Proxied::Request };
        let (connection, client) = entrance.admit_proxied(client, what)?;
        let held = Arc::new(Held { _connection: place, _client: Some(client) });
        Ok(Asker { connection, held, is_paced: false })
    }
}

/// How fast one connection may ask: before somebody has authenticated on it, and after.
struct Paces {
    anonymous: Pace,
    known: Pace,
}

impl Paces {
    fn new(per_second: u32) -> Mutex<Self> {
        let now = Instant::now();
        Mutex::new(Self {
            anonymous: Pace::new(Rates::anonymous(per_second), now),
            known: Pace::new(Rates::new(per_second), now),
        })
    }
}

/// Returns when the next request of this connection may be answered, and counts it.
async fn keep_pace(paces: &Mutex<Paces>, connection: &Connection) {
    loop {
        let until = {
            let now = Instant::now();
            let mut paces = paces.lock().unwrap_or_else(PoisonError::into_inner);
            let known = connection.is_authenticated();
            let pace = if known { &mut paces.known } else { &mut paces.anonymous };
            pace.resume(now);
            match pace.until() {
                None => return pace.requests(1, now),
                Some(until) => until,
            }
        };
        tokio::time::sleep_until(until).await;
    }
}

/// Serves one connection; an upgraded one is handed on and leaves this task. `ahead` was read of it already.
pub async fn serve(
    stream: TcpStream,
    ahead: Bytes,
    client: Client,
    shared: Arc<Shared>,
    routes: BoxedFilter<(Response,)>,
    mut stopping: watch::Receiver<bool>,
) {
    let connection = Arc::clone(client.connection());
    let timed = Timed::new(stream, ahead);
    let (phase, paces) = (timed.phase(), Arc::new(Paces::new(shared.requests.per_second)));
    let routes = TowerToHyperService::new(warp::service(routes));
    let service = service_fn(move |request: Request<Incoming>| {
        phase.begin();
        let asker = client.asker(&request, &shared.entrance);
        let (connection, held) = match &asker {
            Ok(asker) => (Arc::clone(&asker.connection), Some(Arc::clone(&asker.held))),
            Err(_) => (Arc::clone(client.connection()), None),
        };
        connection.touch();
        let span = tracing::info_span!(
            "request",
            request.id = shared.requests.next.fetch_add(1, Ordering::Relaxed),
            peer.addr = %connection.peer(),
            request.method = cut(request.method().as_str()),
            request.path = shared.requests.path(request.uri().path()),
        );
        let (phase, paces, routes, shared) =
            (phase.clone(), Arc::clone(&paces), routes.clone(), Arc::clone(&shared));
        let answer = async move {
            if asker.as_ref().is_ok_and(|it| it.is_paced) {
                keep_pace(&paces, &connection).await;
            }
            let answer = answer(request, asker, &shared.requests, &routes).await;
            connection.touch();
            phase.end();
            Ok::<_, Infallible>(answer.map(|body| HeldBody { body, _held: held }))
        };
        answer.instrument(span)
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(KEEP_ALIVE_SECONDS))
        .max_header_size(HEAD_BYTES_MAX)
        // Of what is read ahead, and of answers that wait.
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        // Python's library hands out headers by exact name.
        .title_case_headers(true)
        .serve_connection(TokioIo::new(timed), service)
        .with_upgrades();
    // On the heap, so that it is gone as soon as the socket is upgraded.
    let mut http = Box::pin(http);
    let ended = tokio::select! {
        ended = http.as_mut() => ended,
        () = connection.dismissed() => {
            return tracing::debug!(peer.addr = %connection.peer(), "connection closed: it did not authenticate");
        }
        () = stopped(&mut stopping) => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer.addr = %connection.peer(), %error, "connection failed");
    }
}

/// Answers one request, within its time.
async fn answer<S>(
    mut request: Request<Incoming>,
    asker: Result<Asker, TurnedAway>,
    requests: &Requests,
    routes: &S,
) -> Response
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
{
    let Asker { connection, held, .. } = match asker {
        Ok(asker) => asker,
        Err(why) => return turned_away(why),
    };
    if let Some(refusal) = refuse(&request, requests.hosts.as_ref()) {
        return close(refusal);
    }
    // Who sends both lengths means to smuggle; hyper has dropped one of them, so nothing follows either.
    let last = request.headers().contains_key(header::TRANSFER_ENCODING);
    let extensions = request.extensions_mut();
    extensions.insert(Arc::clone(&connection));
    extensions.insert(Arrival { connection, held, reclaim: Timed::reclaim });
    // hyper reads a body only when it is asked for, so this bounds the body too.
    let routed = AssertUnwindSafe(routes.call(request)).catch_unwind();
    let answer = match tokio::time::timeout(Duration::from_secs(REQUEST_SECONDS_MAX), routed).await {
        Ok(Ok(Ok(answer))) => answer,
        Ok(Err(_panic)) => {
            tracing::error!("a request made a front panic");
            answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "internal server error")
        }
        Err(_elapsed) => close(answer::problem(StatusCode::REQUEST_TIMEOUT, "the request took too long")),
        Ok(Ok(Err(never))) => match never {},
    };
    if last && answer.status() != StatusCode::SWITCHING_PROTOCOLS { close(answer) } else { answer }
}

/// The answer to a client behind a proxy that is turned away.
fn turned_away(why: TurnedAway) -> Response {
    let (status, message) = match why {
        TurnedAway::TooFast => (StatusCode::TOO_MANY_REQUESTS, "too many requests"),
        TurnedAway::Full => (StatusCode::SERVICE_UNAVAILABLE, "too many connections"),
    };
    let mut answer = answer::problem(status, message);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}

/// A body that keeps the places of its request until it was sent.
struct HeldBody<B> {
    body: B,
    _held: Option<Arc<Held>>,
}

impl<B: Body + Unpin> Body for HeldBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Returns when the server stops, or nobody is left who could say so.
pub async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _stopped_or_alone = stopping.wait_for(|it| *it).await;
}

/// What no route may see.
fn refuse(request: &Request<Incoming>, hosts: Option<&Hosts>) -> Option<Response> {
    if request.method() == Method::CONNECT {
        return Some(answer::problem(StatusCode::METHOD_NOT_ALLOWED, "the method is not allowed here"));
    }
    if bad_host(request.version(), request.headers()) {
        return Some(answer::problem(StatusCode::BAD_REQUEST, "exactly one host header is expected"));
    }
    let foreign = hosts.is_some_and(|it| !it.admit(request));
    foreign.then(|| answer::problem(StatusCode::FORBIDDEN, "this host is not served in development"))
}

/// RFC 9112, section 3.2: exactly one in HTTP/1.1; two would let a proxy and us disagree.
fn bad_host(version: Version, headers: &HeaderMap) -> bool {
    let hosts = headers.get_all(header::HOST).iter().count();
    1 < hosts || (hosts == 0 && version != Version::HTTP_10)
}

/// As much of a method or path as the log shows: both are the peer's, and may be long.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LOG_TEXT_BYTES_MAX)).unwrap_or(text)
}

fn close(mut answer: Response) -> Response {
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_and_no_more() {
        let hosts = |count: usize| {
            let mut headers = HeaderMap::new();
            for _ in 0..count {
                headers.append(header::HOST, HeaderValue::from_static("h"));
            }
            headers
        };
        let cases = [
            (Version::HTTP_11, 0, true),
            (Version::HTTP_11, 1, false),
            (Version::HTTP_11, 2, true),
            (Version::HTTP_10, 0, false),
            (Version::HTTP_10, 2, true),
        ];
        for (version, count, bad) in cases {
            assert_eq!(bad_host(version, &hosts(count)), bad, "{version:?} {count}");
        }
    }
}
