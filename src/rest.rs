//! STUB, to be dropped on merge: the other branch has the real one.
#![allow(missing_docs)]
use crate::relay::Relay;
use std::sync::Arc;
use warp::{filters::BoxedFilter, reply::Response};
pub fn routes(relay: Relay, base: Arc<str>) -> BoxedFilter<(Response,)> {
    crate::sdk::http::routes(relay, base)
}
