//! A tunnelled HTTP request goes to the same door as any other; its answer becomes a reply frame.

use std::sync::Arc;

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use crate::{
    realtime::{
        deferred_reads::{DeferredRead, DeferredReads},
        frame::HttpRequest,
        notification,
        outbox::{InFlight, Outbox},
        subscriptions::Subscriptions,
    },
    relay::{Caller, Relay, Watcher},
    sdk,
};

/// The one path that belongs to the connection itself.
const SUBSCRIPTIONS: &str = "/v4/Subscriptions";

/// What a connection keeps of the requests that it has begun.
#[derive(Default)]
pub struct Tunnel {
    /// What it watches.
    pub subscriptions: Subscriptions,
    reads: DeferredReads,
}

/// On whose behalf requests are answered, and where.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// Answers them.
    pub relay: &'a Relay,
    /// Asks.
    pub caller: &'a Caller,
    /// Takes the replies.
    pub outbox: &'a Arc<Outbox>,
}

impl Tunnel {
    /// Answers one request: at once, when it is durable, or when the writes before it are answered. Requests are
    /// begun in the order of their calls.
    pub fn forward(&mut self, exchange: Exchange<'_>, id: &str, request: HttpRequest<'_>, payload: &[u8]) {
        let outbox = exchange.outbox;
        if request.path == SUBSCRIPTIONS && request.method.eq_ignore_ascii_case("POST") {
            let reply = self.subscriptions.take(payload, outbox);
            outbox.push(notification::answered(id, reply.status, &reply.body));
            return;
        }
        let request = into_request(request, payload);
        if request.method != hyper::Method::GET {
            let in_flight = self.reads.begin_write(outbox);
            exchange.dispatch(id.to_owned(), request, in_flight);
        } else if self.reads.must_wait() {
            let request = sdk::Request { body: Bytes::new(), ..request };
            self.reads.push(id.to_owned(), request, outbox.begin(), outbox);
        } else {
            exchange.dispatch(id.to_owned(), request, outbox.begin());
        }
    }

    /// Answers the reads whose turn has come.
    pub fn answer_reads(&mut self, exchange: Exchange<'_>) {
        while let Some(DeferredRead { id, request, in_flight, .. }) = self.reads.next(exchange.outbox) {
            exchange.dispatch(id, request, in_flight);
            exchange.outbox.flush();
        }
    }

    /// Bytes of the requests that wait.
    pub fn waiting_bytes(&self) -> usize {
        self.reads.bytes()
    }
}

impl Exchange<'_> {
    fn dispatch(&self, id: String, request: sdk::Request, in_flight: InFlight) {
        let answers = Arc::clone(self.outbox);
        let respond = Box::new(move |response: sdk::Response| {
            answers.push(notification::answered(&id, response.status, &response.body));
            drop(in_flight);
        });
        let through: Arc<dyn Watcher> = Arc::clone(self.outbox) as _;
        sdk::dispatch(self.relay, self.caller, request, self.outbox.base_url(), Some(through), respond);
    }
}

fn into_request(request: HttpRequest<'_>, payload: &[u8]) -> sdk::Request {
    sdk::Request {
        method: request.method.parse().unwrap_or_default(),
        path: request.path.into_owned(),
        params: request.params.0.iter().map(|(key, value)| (decoded(key), decoded(value))).collect(),
        if_match: request.headers.if_match,
        request_id: request.headers.request_id,
        body: Bytes::copy_from_slice(payload),
    }
}

/// Made by JavaScript's `encodeURIComponent`: a plus sign is a plus sign.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use crate::realtime::frame::{Headers, Params};

    use super::*;

    #[test]
    fn parameters_are_decoded_and_paths_are_not() {
        let request = into_request(
            HttpRequest {
                path: "/v3/Maps/m/Items/a%2Fb".into(),
                method: "GET".into(),
                params: Params(vec![("K%65y".into(), "a+b%20%C3%A9".into())]),
                headers: Headers::default(),
            },
            b"",
        );
        assert_eq!(request.path, "/v3/Maps/m/Items/a%2Fb");
        assert_eq!(request.params, [("Key".to_owned(), "a+b é".to_owned())]);
    }
}
