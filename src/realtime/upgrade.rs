//! The handshake of RFC 6455: whom we answer 101, and what becomes of the socket.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{self, HeaderName, HeaderValue},
    upgrade::OnUpgrade,
};
use warp::{Filter, Rejection, filters::BoxedFilter, reply::Response};

use crate::{
    domain::limits::INIT_FRAME_BYTES_MAX,
    realtime::{Arrival, Door},
    wire::{origins::Origins, problem::Problem},
};

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The route that the SDK dials.
pub fn routes(door: Arc<Door>) -> BoxedFilter<(Response,)> {
    warp::path!("v3" / "wsconnect")
        .and(warp::method())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Arrival>())
        .and(warp::ext::optional::<OnUpgrade>())
        .and_then(move |method: Method, headers: HeaderMap, arrival, upgrade| {
            let answer = answer(&door, &method, &headers, arrival, upgrade);
            std::future::ready(Ok::<_, Rejection>(answer))
        })
        .boxed()
}

fn answer(
    door: &Arc<Door>,
    method: &Method,
    headers: &HeaderMap,
    arrival: Arrival,
    upgrade: Option<OnUpgrade>,
) -> Response {
    if method != Method::GET {
        return refusal(StatusCode::METHOD_NOT_ALLOWED, "a websocket is opened with GET");
    }
    if door.is_closing() {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping");
    }
    if !may_enter(headers, &door.origins) {
        return refusal(StatusCode::FORBIDDEN, "pages of this origin are not admitted");
    }
    let (Some(accept), Some(upgrade)) = (accept_key(headers), upgrade) else {
        let mut answer =
            refusal(StatusCode::UPGRADE_REQUIRED, "a websocket handshake of version 13 is expected");
        let headers = answer.headers_mut();
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        return answer;
    };
    // Owned by the door: it lists each connection and waits for all of them when it closes.
    tokio::spawn(enter(Arc::clone(door), arrival, upgrade));
    let mut answer = Response::default();
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    answer
}

async fn enter(door: Arc<Door>, arrival: Arrival, upgrade: OnUpgrade) {
    let reclaimed = match upgrade.await {
        Ok(upgraded) => (arrival.reclaim)(upgraded),
        Err(error) => {
            return tracing::debug!(peer.addr = %arrival.connection.peer(), %error, "upgrade failed");
        }
    };
    // Copied, so that the buffer of the HTTP connection is not kept for the life of this one.
    let Some((stream, read_ahead)) = reclaimed.map(|(stream, bytes)| (stream, bytes.to_vec())) else {
        return tracing::error!("the upgraded socket is of an unknown type");
    };
    let connection = arrival.connection;
    if INIT_FRAME_BYTES_MAX < read_ahead.len() {
        // A client waits for the answer to its handshake before it sends (RFC 6455, section 4.1).
        return tracing::debug!(peer.addr = %connection.peer(), "connection closed: too much was sent ahead");
    }
    tokio::select! {
        () = door.serve(stream, Arc::clone(&connection), read_ahead) => {}
        () = connection.dismissed() => {
            tracing::debug!(peer.addr = %connection.peer(), "connection closed: it did not authenticate");
        }
    }
    drop(arrival.held);
}

fn refusal(status: StatusCode, message: &str) -> Response {
    let problem = Problem::of_status(status.as_u16(), message);
    let mut answer = Response::new(problem.to_json().into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// The value of `Sec-WebSocket-Accept`, if the request is a handshake that we know.
fn accept_key(headers: &HeaderMap) -> Option<HeaderValue> {
    let asks = has_token(headers, &header::UPGRADE, "websocket")
        && has_token(headers, &header::CONNECTION, "upgrade")
        && only(headers, &header::SEC_WEBSOCKET_VERSION)? == "13";
    let key = only(headers, &header::SEC_WEBSOCKET_KEY)?;
    if !asks || STANDARD.decode(key).ok()?.len() != 16 {
        return None;
    }
    // SHA-1 proves nothing here; the RFC only wants to see that we know it.
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key.as_bytes());
    hash.update(GUID);
    HeaderValue::try_from(STANDARD.encode(hash.finish())).ok()
}

/// Browsers name the page's origin: it must be our own host, or a listed one. Others name none.
fn may_enter(headers: &HeaderMap, listed: &Origins) -> bool {
    if !headers.contains_key(header::ORIGIN) {
        return true;
    }
    let Some(origin) = only(headers, &header::ORIGIN) else { return false };
    let host = origin.split_once("://").map(|(_, host)| host);
    let same =
        host.is_some_and(|it| only(headers, &header::HOST).is_some_and(|own| own.eq_ignore_ascii_case(it)));
    same || listed.admit(origin)
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|it| it.to_str().ok());
    values.flat_map(|it| it.split(',')).any(|it| it.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair =
            |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn the_handshake_of_the_rfc_is_answered() {
        let ours = [
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        assert_eq!(accept_key(&headers(&ours)).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for missing in 0..ours.len() {
            let mut some = ours.to_vec();
            some.remove(missing);
            assert_eq!(accept_key(&headers(&some)), None);
        }
        let mut short = ours;
        short[3].1 = "dGhl";
        assert_eq!(accept_key(&headers(&short)), None);
    }

    #[test]
    fn pages_of_other_origins_stay_outside() {
        let listed = Origins::new(&["https://app.example".parse().unwrap()]);
        let cases = [
            (&[("host", "a:8080")][..], true),
            (&[("host", "a:8080"), ("origin", "http://a:8080")], true),
            (&[("host", "a:8080"), ("origin", "https://app.example")], true),
            (&[("host", "a:8080"), ("origin", "http://evil.example")], false),
            (&[("host", "a:8080"), ("origin", "null")], false),
            (&[("host", "a:8080"), ("origin", "http://a:8080"), ("origin", "http://evil")], false),
        ];
        for (pairs, expected) in cases {
            let mut map = HeaderMap::new();
            for (name, value) in pairs {
                map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            }
            assert_eq!(may_enter(&map, &listed), expected, "{pairs:?}");
        }
    }
}
