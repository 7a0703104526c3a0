//! Which web pages may use the clients' plane: CORS of the Fetch standard, and the origin of a socket.
//!
//! It is no defence of ours: whoever is no browser sends what it likes. It keeps a page of somebody
//! else from using what its visitor can reach.

use std::{str::FromStr, sync::Arc};

use warp::{
    Filter,
    filters::BoxedFilter,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    reply::Response,
};

use crate::{domain::limits::PREFLIGHT_SECONDS, wire::http::BaseUrl};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, if-match, last-event-id, twilio-request-id, idempotency-key",
);
const EXPOSED: HeaderValue = HeaderValue::from_static("ETag, Retry-After, Twilio-Request-Id");
const EVERY: HeaderValue = HeaderValue::from_static("*");
const VARY: HeaderValue = HeaderValue::from_static("Origin");

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `*`: all pages.
    Every,
    /// The pages of one origin, as browsers write it: in small letters, without the port that its scheme implies.
    One(Box<str>),
}

/// The text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an origin; expected `https://host[:port]` without a path, or `*` for all")]
pub struct NotAnOrigin;

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        if text == "*" {
            return Ok(Self::Every);
        }
        let text = text.to_ascii_lowercase();
        let (scheme, host) = text.split_once("://").ok_or(NotAnOrigin)?;
        let letters = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'+' | b'-' | b'.');
        let host = match scheme {
            "http" => host.strip_suffix(":80").unwrap_or(host),
            "https" => host.strip_suffix(":443").unwrap_or(host),
            _ => host,
        };
        let plain = host.bytes().all(|it| it.is_ascii_graphic() && !b"/?#@\\*,".contains(&it));
        if scheme.is_empty() || !scheme.bytes().all(letters) || host.is_empty() || !plain {
            return Err(NotAnOrigin);
        }
        Ok(Self::One(format!("{scheme}://{host}").into()))
    }
}

/// The origins whose pages are admitted; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    listed: Arc<[Origin]>,
    local: bool,
}

impl Origins {
    /// The listed origins and no others.
    pub fn new(listed: &[Origin]) -> Self {
        Self { listed: listed.into(), local: false }
    }

    /// The same, and all pages that this machine serves itself (`dev`).
    pub fn with_local(self) -> Self {
        Self { local: true, ..self }
    }

    /// Whether pages of this origin are admitted.
    pub fn admit(&self, origin: &str) -> bool {
        let listed = |it: &Origin| match it {
            Origin::Every => true,
            Origin::One(one) => one.eq_ignore_ascii_case(origin),
        };
        self.listed.iter().any(listed) || (self.local && is_local(origin))
    }

    /// The value of `Access-Control-Allow-Origin` for a page of this origin, if it is admitted.
    fn allowed(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        if self.listed.contains(&Origin::Every) {
            return Some(EVERY);
        }
        origin.filter(|it| it.to_str().is_ok_and(|it| self.admit(it))).cloned()
    }

    /// Says in an answer which pages may read it.
    fn tell(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        headers.append(header::VARY, VARY);
        if let Some(allowed) = self.allowed(origin) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }

    /// The answer to the question that a browser asks before the request proper.
    fn preflight(&self, origin: Option<&HeaderValue>) -> Response {
        let mut answer = Response::default();
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let headers = answer.headers_mut();
        headers.append(header::VARY, VARY);
        if let Some(allowed) = self.allowed(origin) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(PREFLIGHT_SECONDS));
        }
        answer
    }
}

/// Routes, all of them under `first`, for the pages of these origins too.
pub fn for_pages(
    first: &'static str,
    origins: Origins,
    routes: BoxedFilter<(Response,)>,
) -> BoxedFilter<(Response,)> {
    let origin =
        || warp::header::value("origin").map(Some).or(warp::any().map(|| None)).unify::<(Option<_>,)>();
    let asked = origins.clone();
    let preflight = warp::path(first)
        .and(warp::options())
        .and(warp::header::value("access-control-request-method"))
        .and(origin())
        .map(move |_method: HeaderValue, origin: Option<HeaderValue>| asked.preflight(origin.as_ref()));
    let answered = origin().and(routes).map(move |origin: Option<HeaderValue>, mut answer: Response| {
        origins.tell(origin.as_ref(), answer.headers_mut());
        answer
    });
    preflight.or(answered).unify().boxed()
}

/// Whether a browser sends this request for a page of another origin. Browsers add the credentials that they know to
/// whatever a page asks for, and say in `Origin` (Fetch standard) and `Sec-Fetch-Site` (Fetch Metadata) who asked.
pub fn is_foreign(headers: &HeaderMap, base: &BaseUrl) -> bool {
    let near = |it: &HeaderValue| it == "none" || it == "same-origin";
    if !headers.get_all("sec-fetch-site").iter().all(near) {
        return true;
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => false,
        (Some(origin), None) => !origin.to_str().is_ok_and(|it| is_own(it, headers, base)),
        (Some(_), Some(_)) => true,
    }
}

/// Whether pages of this origin are served under the host that the request names, or under the public URL.
fn is_own(origin: &str, headers: &HeaderMap, base: &BaseUrl) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none()).and_then(|it| it.to_str().ok());
    let named = origin.split_once("://").map(|(_, host)| host);
    let public = match base {
        BaseUrl::Public(url) => {
            url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/").parse::<Origin>().ok()
        }
        BaseUrl::OfRequest => None,
    };
    named.zip(host).is_some_and(|(named, host)| named.eq_ignore_ascii_case(host))
        || public.is_some_and(|it| origin.parse() == Ok(it))
}

fn is_local(origin: &str) -> bool {
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let Some(host) = host else { return false };
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
        _ => host,
    };
    matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_schemes_and_hosts() {
        for (text, expected) in [
            ("https://App.Example", Some("https://app.example")),
            ("https://app.example:443", Some("https://app.example")),
            ("http://app.example:443", Some("http://app.example:443")),
            ("http://[::1]:5173", Some("http://[::1]:5173")),
            ("capacitor://localhost", Some("capacitor://localhost")),
            ("https://app.example/", None),
            ("https://u@app.example", None),
            ("https://*.app.example", None),
            ("https://", None),
            ("://x", None),
            ("app.example", None),
            ("null", None),
            ("", None),
        ] {
            let expected = expected.map(|it| Origin::One(it.into())).ok_or(NotAnOrigin);
            assert_eq!(text.parse::<Origin>(), expected, "{text}");
        }
        assert_eq!("*".parse(), Ok(Origin::Every));
    }

    #[test]
    fn requests_of_other_pages_are_foreign() {
        let public = BaseUrl::parse("https://Sync.example:443/base").expect("a URL");
        for (pairs, foreign) in [
            (&[][..], false),
            (&[("origin", "http://a:8080")], false),
            (&[("origin", "HTTP://A:8080")], false),
            (&[("origin", "https://sync.example")], false),
            (&[("origin", "http://sync.example")], true),
            (&[("origin", "https://app.example")], true),
            (&[("origin", "null")], true),
            (&[("origin", "")], true),
            (&[("origin", "http://a:8080"), ("origin", "http://a:8080")], true),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "http://a:8080")], false),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "")], true),
            (&[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", "http://b")], true),
            (&[("host", "b"), ("origin", "http://a:8080")], true),
        ] {
            let mut headers = HeaderMap::new();
            headers.append("host", HeaderValue::from_static("a:8080"));
            for (name, value) in pairs {
                headers.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(is_foreign(&headers, &public), foreign, "{pairs:?}");
            let of_request = foreign || pairs.contains(&("origin", "https://sync.example"));
            assert_eq!(is_foreign(&headers, &BaseUrl::OfRequest), of_request, "{pairs:?}");
        }
    }

    #[test]
    fn only_listed_pages_are_admitted() {
        let one = Origins::new(&["https://app.example".parse().expect("an origin")]);
        assert!(one.admit("https://app.example") && one.admit("HTTPS://app.example"));
        for foreign in ["https://app.example.evil", "http://app.example", "null", "", "*"] {
            assert!(!one.admit(foreign), "{foreign}");
        }
        let local = one.with_local();
        for own in [
            "http://localhost",
            "https://localhost:5173",
            "http://127.0.0.1:1",
            "http://[::1]:3000",
            "http://a.localhost:1",
        ] {
            assert!(local.admit(own), "{own}");
        }
        for foreign in [
            "http://localhost.evil",
            "http://evil/localhost",
            "http://notlocalhost",
            "http://127.0.0.1.evil:1",
            "ftp://localhost",
        ] {
            assert!(!local.admit(foreign), "{foreign}");
        }
        assert!(Origins::new(&[Origin::Every]).admit("null"));
        assert!(!Origins::default().admit("http://localhost"));
    }
}
