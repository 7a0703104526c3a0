//! One accepted socket: hyper's HTTP/1 with our rules before the routes.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use hyper::{
    HeaderMap, Method, Request, StatusCode, Version,
    body::Incoming,
    header::{self, HeaderValue},
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpStream, sync::watch};
use tracing::Instrument;
use warp::{filters::BoxedFilter, reply::Response};

use crate::{
    domain::{
        limits::{HEAD_BYTES_MAX, HEADERS_MAX, KEEP_ALIVE_SECONDS, LOG_TEXT_BYTES_MAX, REQUEST_SECONDS_MAX},
        sid::looks_like_a_sid,
    },
    realtime::Arrival,
    server::{answer, caps::Place, deadline::Timed},
    wire::http::Peer,
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
}

impl Requests {
    pub fn new(hide_names: bool) -> Self {
        Self { next: AtomicU64::new(1), hide_names }
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

/// Serves one connection; an upgraded one is handed on and leaves this task.
pub async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    requests: Arc<Requests>,
    routes: BoxedFilter<(Response,)>,
    mut stopping: watch::Receiver<bool>,
) {
    let timed = Timed::new(stream);
    let phase = timed.phase();
    let arrival = Arrival { peer: peer.ip().to_canonical(), held: Arc::new(place), reclaim: Timed::reclaim };
    let routes = TowerToHyperService::new(warp::service(routes));
    let service = service_fn(move |mut request: Request<Incoming>| {
        phase.begin();
        let span = tracing::info_span!(
            "request",
            request.id = requests.next.fetch_add(1, Ordering::Relaxed),
            peer.addr = %arrival.peer,
            request.method = cut(request.method().as_str()),
            request.path = requests.path(request.uri().path()),
        );
        let refused = refuse(&request);
        // Who sends both lengths means to smuggle; hyper has dropped one of them, so nothing follows either.
        let last = refused.is_some() || request.headers().contains_key(header::TRANSFER_ENCODING);
        let routed = refused.is_none().then(|| {
            let extensions = request.extensions_mut();
            extensions.insert::<SocketAddr>(peer);
            extensions.insert::<IpAddr>(arrival.peer);
            extensions.insert(Peer(arrival.peer));
            extensions.insert(arrival.clone());
            // hyper reads a body only when it is asked for, so this bounds the body too.
            let answer = AssertUnwindSafe(span.in_scope(|| routes.call(request))).catch_unwind();
            tokio::time::timeout(Duration::from_secs(REQUEST_SECONDS_MAX), answer)
        });
        let phase = phase.clone();
        let answer = async move {
            let mut answer = match (refused, routed) {
                (Some(answer), _) => answer,
                (None, Some(routed)) => match routed.await {
                    Ok(Ok(Ok(answer))) => answer,
                    Ok(Err(_panic)) => {
                        tracing::error!("a request made a front panic");
                        answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "internal server error")
                    }
                    Err(_elapsed) => {
                        close(answer::problem(StatusCode::REQUEST_TIMEOUT, "the request took too long"))
                    }
                    Ok(Ok(Err(never))) => match never {},
                },
                (None, None) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "internal server error"),
            };
            if last && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                answer = close(answer);
            }
            phase.end();
            Ok::<_, Infallible>(answer)
        };
        answer.instrument(span)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(KEEP_ALIVE_SECONDS))
        .max_header_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        // Python's library hands out headers by exact name.
        .title_case_headers(true)
        .serve_connection(TokioIo::new(timed), service)
        .with_upgrades();
    // On the heap, so that it is gone as soon as the socket is upgraded.
    let mut connection = Box::pin(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer.addr = %peer, %error, "connection failed");
    }
}

/// Returns when the server stops, or nobody is left who could say so.
pub async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _stopped_or_alone = stopping.wait_for(|it| *it).await;
}

/// What no route may see.
fn refuse(request: &Request<Incoming>) -> Option<Response> {
    if request.method() == Method::CONNECT {
        return Some(answer::problem(StatusCode::METHOD_NOT_ALLOWED, "the method is not allowed here"));
    }
    bad_host(request.version(), request.headers())
        .then(|| answer::problem(StatusCode::BAD_REQUEST, "exactly one host header is expected"))
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
