//! One attempt to deliver one form: bounded in time, no redirect followed, the answer's body read and dropped.

use std::{error::Error, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, StatusCode, Uri,
    body::Incoming,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT},
};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::{Instant, timeout_at};

use super::{Reach, connect::Connector};
use crate::domain::limits::{
    HOOK_ANSWER_BYTES_MAX, HOOK_IDLE_SECONDS, HOOK_SECONDS_MAX, HOOKS_PER_SERVICE_MAX,
};

/// Posts forms; keeps connections for the next.
#[derive(Clone)]
pub(super) struct Poster {
    client: Client<Connector, Full<Bytes>>,
}

/// What is posted.
pub(super) struct Letter {
    /// The URL as it was configured.
    pub(super) url: std::sync::Arc<str>,
    pub(super) body: String,
    pub(super) signature: String,
    /// The same for each attempt, so that the receiver knows a repetition.
    pub(super) token: String,
}

/// Why an attempt has failed. The text names no part of the URL but, at the most, its host.
#[derive(Debug)]
pub(super) struct Failed {
    /// What the receiver answered, if it did.
    pub(super) status: Option<StatusCode>,
    pub(super) why: String,
}

impl Poster {
    pub(super) fn new(reach: Reach) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(HOOK_IDLE_SECONDS))
            .pool_max_idle_per_host(HOOKS_PER_SERVICE_MAX)
            .build(Connector::new(reach));
        Self { client }
    }

    /// Posts a letter. 2xx is delivered, and nothing else is: a redirect might lead anywhere.
    pub(super) async fn post(&self, letter: &Letter) -> Result<StatusCode, Failed> {
        let failed = |why: &str| Failed { status: None, why: why.to_owned() };
        let request = request(letter).ok_or_else(|| failed("the URL cannot be used"))?;
        let deadline = Instant::now() + Duration::from_secs(HOOK_SECONDS_MAX);
        let response = match timeout_at(deadline, self.client.request(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(failed(&chain(&error))),
            Err(_) => return Err(failed("no answer in time")),
        };
        let status = response.status();
        // Whether the rest of the answer comes is nobody's concern.
        let _late = timeout_at(deadline, drain(response.into_body())).await;
        if status.is_success() {
            return Ok(status);
        }
        let why = if status.is_redirection() { "a redirect, which is not followed" } else { "the status" };
        Err(Failed { status: Some(status), why: why.to_owned() })
    }
}

fn request(letter: &Letter) -> Option<Request<Full<Bytes>>> {
    let uri: Uri = letter.url.parse().ok()?;
    let user = uri.authority().and_then(|it| it.as_str().rsplit_once('@')).map(|it| it.0.to_owned());
    let mut request = Request::post(uri)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8")
        .header(USER_AGENT, concat!("airlock/", env!("CARGO_PKG_VERSION")))
        .header("X-Twilio-Signature", &letter.signature)
        .header("I-Twilio-Idempotency-Token", &letter.token)
        .body(Full::new(Bytes::from(letter.body.clone())))
        .ok()?;
    if let Some(user) = user {
        let plain: Vec<u8> = percent_encoding::percent_decode_str(&user).collect();
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(plain))).ok()?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    Some(request)
}

/// Reads an answer to its end, or to where it is too long.
async fn drain(mut body: Incoming) {
    let mut left = HOOK_ANSWER_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(length) else { return };
        left = rest;
    }
}

fn chain(error: &dyn Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(it) = cause {
        text = format!("{text}: {it}");
        cause = it.source();
    }
    text
}
