//! The clients' plane over plain HTTP: `/v3/…` with `Authorization: Bearer <access token>`.

use bytes::{Buf, Bytes};
use futures::Stream;
use tokio::sync::oneshot;
use warp::{filters::BoxedFilter, reply};

use super::{Request, Response, dispatch};
use crate::{
    relay::{Caller, Credential, Failure, Reason, Relay},
    token::TokenFault,
    wire::{
        fault::Stop,
        http::{self, BaseUrl, Incoming},
        problem::{Plane, Problem},
    },
};

/// The route of everything under `/v3`, but for what is routed before it.
pub fn routes(relay: Relay, base: BaseUrl) -> BoxedFilter<(reply::Response,)> {
    http::door("v3", move |incoming| {
        let (relay, base) = (relay.clone(), base.clone());
        async move {
            match answer(&relay, &base, incoming).await {
                Ok(response) => http::json(response.status, response.etag.as_deref(), response.body),
                Err(stop) => http::problem(&Problem::of(&stop, Plane::Sdk), "Bearer"),
            }
        }
    })
}

async fn answer<S, B>(relay: &Relay, base: &BaseUrl, incoming: Incoming<S>) -> Result<Response, Stop>
where
    S: Stream<Item = Result<B, warp::Error>> + Send,
    B: Buf,
{
    let caller = authenticate(relay, &incoming)?;
    let base = base.of(&incoming.headers);
    let request = Request {
        method: incoming.method.clone(),
        path: incoming.path.clone(),
        params: form_urlencoded::parse(incoming.query.as_bytes()).into_owned().collect(),
        if_match: incoming.header("if-match"),
        request_id: incoming.header("twilio-request-id").or_else(|| incoming.header("idempotency-key")),
        body: Bytes::new(),
    };
    let request = Request { body: incoming.into_body().await?, ..request };
    let (sender, receiver) = oneshot::channel();
    let respond = move |response| {
        // Nobody waits any more when the client has gone.
        let _gone = sender.send(response);
    };
    dispatch(relay, &caller, request, &base, None, Box::new(respond));
    receiver.await.map_err(|_| Failure::Stopping.into())
}

/// The client behind a request, by its header `Authorization: Bearer <access token>`.
///
/// # Errors
/// 401 when there is no such header, or the token does not hold.
pub fn authenticate<S, B>(relay: &Relay, incoming: &Incoming<S>) -> Result<Caller, Stop>
where
    S: Stream<Item = Result<B, warp::Error>> + Send,
    B: Buf,
{
    let header = incoming.header("authorization").unwrap_or_default();
    let token = match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return Err(Reason::Credential(TokenFault::Invalid).into()),
    };
    let caller = relay.authenticate(Credential::Token(token), incoming.connection.peer())?;
    incoming.connection.set_authenticated();
    Ok(caller)
}
