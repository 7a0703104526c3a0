//! The answers of the server itself: its health, and what nobody else answers.

use std::convert::Infallible;

use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use warp::{Filter, Rejection, filters::BoxedFilter, reject, reply::Response};

use crate::{relay::Relay, wire::problem::Problem};

/// A problem in JSON, with the words of the wire.
pub fn problem(status: StatusCode, message: &str) -> Response {
    let mut answer = Response::new(Problem::of_status(status.as_u16(), message).to_json().into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// Any JSON text.
pub fn json(status: StatusCode, text: String) -> Response {
    let mut answer = Response::new(text.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// `/health`: the process lives. `/ready`: it can write.
pub fn probes(relay: Relay) -> BoxedFilter<(Response,)> {
    let health =
        warp::path!("health").and(warp::get()).map(|| json(StatusCode::OK, r#"{"status":"ok"}"#.to_owned()));
    let ready = warp::path!("ready").and(warp::get()).map(move || match relay.ready() {
        Ok(()) => json(StatusCode::OK, r#"{"status":"ready"}"#.to_owned()),
        Err(failure) => {
            let text = serde_json::json!({ "status": "not ready", "reason": failure.to_string() });
            json(StatusCode::SERVICE_UNAVAILABLE, text.to_string())
        }
    });
    health.or(ready).unify().boxed()
}

/// Answers what no route took.
pub async fn recover(rejection: Rejection) -> Result<Response, Infallible> {
    let is = |found: bool, status, message| found.then_some((status, message));
    let known = is(rejection.is_not_found(), StatusCode::NOT_FOUND, "the requested resource was not found")
        .or_else(|| {
            let found = rejection.find::<reject::MethodNotAllowed>().is_some();
            is(found, StatusCode::METHOD_NOT_ALLOWED, "the method is not allowed here")
        })
        .or_else(|| {
            let found = rejection.find::<reject::PayloadTooLarge>().is_some();
            is(found, StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")
        })
        .or_else(|| {
            let found = rejection.find::<reject::UnsupportedMediaType>().is_some();
            is(found, StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content type is not supported")
        })
        .or_else(|| {
            let found = rejection.find::<reject::InvalidHeader>().is_some()
                || rejection.find::<reject::MissingHeader>().is_some()
                || rejection.find::<reject::InvalidQuery>().is_some()
                || rejection.find::<reject::LengthRequired>().is_some();
            is(found, StatusCode::BAD_REQUEST, "the request is not understood")
        });
    let (status, message) = known.unwrap_or_else(|| {
        tracing::error!(?rejection, "a request was rejected for a reason that nobody knows");
        (StatusCode::INTERNAL_SERVER_ERROR, "internal server error")
    });
    Ok(problem(status, message))
}
