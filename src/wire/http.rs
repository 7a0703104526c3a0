//! What both HTTP doors share: base URLs, bounded bodies, and answers as responses.
//!
//! A filter routes and never checks, so each door is one route: it hands the request as it came
//! to a plain function.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use futures::{Stream, StreamExt};
use warp::{
    Filter,
    filters::BoxedFilter,
    http::{HeaderMap, HeaderValue, Method, header, uri::Authority},
    reply::{Reply, Response},
};

use crate::{
    domain::limits::{BODY_BYTES_MAX, BODY_DRAIN_BYTES_MAX, BODY_SECONDS_MAX},
    wire::{
        connection::Connection,
        fault::Fault,
        problem::{Plane, Problem},
    },
};

/// The beginning of every URL that is given out.
#[derive(Clone, Debug)]
pub enum BaseUrl {
    /// As configured (`--public-url`), without a slash at the end.
    Public(Arc<str>),
    /// Scheme and host of each request.
    OfRequest,
}

impl BaseUrl {
    /// A configured URL.
    ///
    /// # Errors
    /// When it is no absolute `http(s)` URL without query.
    pub fn parse(text: &str) -> Result<Self, NotABaseUrl> {
        let text = text.trim_end_matches('/');
        let rest =
            text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).ok_or(NotABaseUrl)?;
        let host = rest.split('/').next().unwrap_or_default();
        let plain = !rest.contains(['?', '#', ' ', '@']);
        if host.parse::<Authority>().is_err() || !plain {
            return Err(NotABaseUrl);
        }
        Ok(Self::Public(text.into()))
    }

    /// The base for a request with these headers.
    pub fn of(&self, headers: &HeaderMap) -> String {
        match self {
            Self::Public(text) => text.to_string(),
            Self::OfRequest => {
                let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
                let host = host.and_then(|it| it.parse::<Authority>().ok());
                format!("http://{}", host.as_ref().map_or("localhost", Authority::as_str))
            }
        }
    }
}

/// The text is no URL to build others on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a base URL; expected `http://host[:port][/path]` or `https://…`, without query")]
pub struct NotABaseUrl;

/// A request as it came; its body is not read yet.
pub struct Incoming<S> {
    /// The method.
    pub method: Method,
    /// The path, still encoded.
    pub path: String,
    /// The query string, still encoded; empty when there is none.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The connection on which it came; the server puts it into the request's extensions.
    pub connection: Arc<Connection>,
    body: S,
}

impl<S, B> Incoming<S>
where
    S: Stream<Item = Result<B, warp::Error>> + Send,
    B: Buf,
{
    /// One header as text.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).and_then(|it| it.to_str().ok()).map(str::to_owned)
    }

    /// Reads the body within its bounds; what is too large is still read for a while and dropped,
    /// so that the client sees the answer and not a broken connection.
    ///
    /// # Errors
    /// [`Fault::BodyTooLarge`], or [`Fault::BodyMissing`] when it does not come.
    pub async fn into_body(self) -> Result<Bytes, Fault> {
        let deadline = Duration::from_secs(BODY_SECONDS_MAX);
        let reading = tokio::time::timeout(deadline, read(self.body));
        reading.await.unwrap_or(Err(Fault::BodyMissing))
    }
}

async fn read<B: Buf>(body: impl Stream<Item = Result<B, warp::Error>>) -> Result<Bytes, Fault> {
    let mut body = std::pin::pin!(body);
    let (mut kept, mut seen) = (BytesMut::new(), 0_usize);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| Fault::BodyMissing)?;
        seen = seen.saturating_add(chunk.remaining());
        if BODY_DRAIN_BYTES_MAX < seen {
            break;
        }
        if seen <= BODY_BYTES_MAX {
            bytes::BufMut::put(&mut kept, chunk);
        }
    }
    if BODY_BYTES_MAX < seen { Err(Fault::BodyTooLarge) } else { Ok(kept.freeze()) }
}

/// One door: everything whose path begins with `first` goes to `answer`.
pub fn door<F, A>(first: &'static str, answer: F) -> BoxedFilter<(Response,)>
where
    F: Fn(Incoming<futures::stream::BoxStream<'static, Result<Bytes, warp::Error>>>) -> A
        + Clone
        + Send
        + Sync
        + 'static,
    A: Future<Output = Response> + Send + 'static,
{
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::path(first)
        .and(warp::method())
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Arc<Connection>>())
        .and(warp::body::stream())
        .then(move |method, path: warp::path::FullPath, query, headers, connection: Option<_>, body| {
            answer(Incoming {
                method,
                path: path.as_str().to_owned(),
                query,
                headers,
                connection: connection.unwrap_or_else(Connection::unknown),
                body: whole_chunks(body),
            })
        })
        .boxed()
}

fn whole_chunks<B: Buf>(
    body: impl Stream<Item = Result<B, warp::Error>> + Send + 'static,
) -> futures::stream::BoxStream<'static, Result<Bytes, warp::Error>> {
    body.map(|chunk| chunk.map(|mut it| it.copy_to_bytes(it.remaining()))).boxed()
}

/// The last route: whatever no door has taken is told so in JSON.
pub fn nowhere() -> BoxedFilter<(Response,)> {
    warp::path::full()
        .map(|path: warp::path::FullPath| {
            problem(&Problem::of_fault(&Fault::UnknownPath, Plane::Rest).at_path(path.as_str()), "Basic")
        })
        .boxed()
}

/// An answer with a body of JSON, or without one.
pub fn json(status: u16, etag: Option<&str>, body: impl Into<Bytes>) -> Response {
    let body: Bytes = body.into();
    let typed = !body.is_empty();
    let mut response = warp::http::Response::new(body).into_response();
    *response.status_mut() = warp::http::StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    if typed {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(etag) = etag.and_then(|it| HeaderValue::from_str(it).ok()) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// An answer that is not a resource. `scheme` is how a caller may prove who it is.
pub fn problem(problem: &Problem, scheme: &'static str) -> Response {
    let mut response = json(problem.status, None, problem.to_json());
    let headers = response.headers_mut();
    if problem.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    }
    if let Some(retry_ms) = problem.retry_ms {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_ms.div_ceil(1000)));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_absolute() {
        for (text, expected) in [
            ("https://x.example/", Some("https://x.example")),
            ("http://[::1]:8080/a/b//", Some("http://[::1]:8080/a/b")),
            ("x.example", None),
            ("ftp://x", None),
            ("http://", None),
            ("http://x/?a", None),
            ("http://u:p@x", None),
        ] {
            let base = BaseUrl::parse(text).map(|it| it.of(&HeaderMap::new()));
            assert_eq!(base.as_deref().ok(), expected, "{text}");
        }
        let mut headers = HeaderMap::new();
        assert_eq!(BaseUrl::OfRequest.of(&headers), "http://localhost");
        headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:8080"));
        assert_eq!(BaseUrl::OfRequest.of(&headers), "http://127.0.0.1:8080");
    }

    #[tokio::test]
    async fn a_door_hands_on_what_came() {
        use http_body_util::{BodyExt, Full};
        use hyper::service::Service;

        let door = door("v1", |incoming| async move {
            let head = format!("{} {} {}", incoming.method, incoming.path, incoming.query);
            let (status, peer) =
                (if incoming.header("x").is_some() { 201 } else { 200 }, incoming.connection.peer());
            match incoming.into_body().await {
                Ok(body) => json(status, Some("\"1\""), format!("{head} {peer} {}", body.len())),
                Err(fault) => problem(&Problem::of_fault(&fault, Plane::Rest), "Basic"),
            }
        });
        let service =
            hyper_util::service::TowerToHyperService::new(warp::service(door.or(nowhere()).unify()));
        let ask = async |method: &str, uri: &str, size: usize| {
            let request = warp::http::Request::builder()
                .method(method)
                .uri(uri)
                .header("x", "y")
                .extension(Connection::new([10, 0, 0, 1].into()))
                .body(Full::new(Bytes::from(vec![b'a'; size])))
                .expect("a request");
            let response = service.call(request).await.expect("a response");
            let (status, etag) = (response.status().as_u16(), response.headers().contains_key("etag"));
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            (status, etag, String::from_utf8(body.to_vec()).expect("text"))
        };
        let (status, etag, body) = ask("DELETE", "/v1/a%2Fb/?c=%20", 3).await;
        assert_eq!((status, etag, body.as_str()), (201, true, "DELETE /v1/a%2Fb/ c=%20 10.0.0.1 3"));
        let (_, _, body) = ask("BREW", "/v1", 0).await;
        assert_eq!(body, "BREW /v1  10.0.0.1 0");
        let (status, etag, body) = ask("POST", "/v1/x", BODY_BYTES_MAX + 1).await;
        assert_eq!((status, etag), (413, false));
        assert!(body.starts_with(r#"{"code":54006,"message":"Request entity too large""#), "{body}");
        let (status, _, body) = ask("GET", "/v11", 0).await;
        assert_eq!(status, 404);
        assert!(body.contains("The requested resource /v11 was not found"), "{body}");
    }

    #[tokio::test]
    async fn bodies_are_bounded() {
        let body = |sizes: &[usize]| {
            let chunks: Vec<_> = sizes.iter().map(|it| Ok(Bytes::from(vec![b'a'; *it]))).collect();
            futures::stream::iter(chunks)
        };
        assert_eq!(read(body(&[])).await.map(|it| it.len()), Ok(0));
        assert_eq!(read(body(&[BODY_BYTES_MAX, 0])).await.map(|it| it.len()), Ok(BODY_BYTES_MAX));
        assert_eq!(read(body(&[BODY_BYTES_MAX, 1])).await, Err(Fault::BodyTooLarge));
        assert_eq!(read(body(&[BODY_DRAIN_BYTES_MAX, 1, 1])).await, Err(Fault::BodyTooLarge));
    }
}
