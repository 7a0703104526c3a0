//! STUB, to be dropped on merge: the other branch has the real one.
#![allow(missing_docs)]
use crate::relay::{Caller, Failure, Relay, Watcher};
use crate::wire::problem::{self, Plane};
use bytes::Bytes;
use std::sync::Arc;
pub struct Request {
    pub method: String,
    pub path: String,
    pub params: Vec<(String, String)>,
    pub if_match: Option<String>,
    pub request_id: Option<String>,
    pub body: Bytes,
}
pub struct Response {
    pub status: u16,
    pub body: Bytes,
    pub etag: Option<String>,
}
pub fn dispatch(
    _: &Relay,
    _: &Caller,
    _: Request,
    _: &str,
    _: Option<Arc<dyn Watcher>>,
    respond: Box<dyn FnOnce(Response) + Send>,
) {
    let problem = problem::of(&Failure::Stopping.into(), Plane::Sdk);
    respond(Response { status: problem.status, body: problem.body, etag: None });
}
pub mod http {
    use crate::relay::Relay;
    use std::sync::Arc;
    use warp::{Filter, filters::BoxedFilter, reply::Response};
    pub fn routes(_: Relay, _: Arc<str>) -> BoxedFilter<(Response,)> {
        warp::any().and_then(|| std::future::ready(Err::<Response, _>(warp::reject::not_found()))).boxed()
    }
}
