//! The description of this plane for tools (OpenAPI), handed to whoever asks.
//!
//! It is written by hand; the tests hold it against the routes, the resources and the codes.

use warp::{
    Filter,
    filters::BoxedFilter,
    http::{HeaderValue, header},
    reply::Response,
};

use crate::wire::http::json;

/// The description.
const TEXT: &str = include_str!("../../docs/openapi.json");

/// `GET /openapi.json`. It is the same for everybody, and changes with the release only.
pub(super) fn route() -> BoxedFilter<(Response,)> {
    warp::path!("openapi.json")
        .and(warp::get())
        .map(|| {
            let mut response = json(200, None, TEXT);
            let kept = HeaderValue::from_static("public, max-age=3600");
            response.headers_mut().insert(header::CACHE_CONTROL, kept);
            response
        })
        .boxed()
}

#[cfg(test)]
mod tests;
