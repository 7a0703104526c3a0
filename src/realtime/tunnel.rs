//! A tunnelled HTTP request goes to the same door as any other; its answer becomes a reply frame.

use std::sync::Arc;

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use crate::{
    realtime::{frame::HttpRequest, notification, outbox::Outbox, subscriptions::Subscriptions},
    relay::{Caller, Relay, Watcher},
    sdk,
};

/// The one path that belongs to the connection itself.
const SUBSCRIPTIONS: &str = "/v4/Subscriptions";

/// Answers one request, at once or when it is durable; requests are begun in the order of their calls.
pub fn forward(
    relay: &Relay,
    caller: &Caller,
    outbox: &Arc<Outbox>,
    subscriptions: &mut Subscriptions,
    id: &str,
    request: HttpRequest<'_>,
    payload: &[u8],
) {
    if request.path == SUBSCRIPTIONS && request.method.eq_ignore_ascii_case("POST") {
        let reply = subscriptions.take(payload);
        outbox.push(notification::answered(id, reply.status, &reply.body));
        return;
    }
    let in_flight = outbox.begin();
    let through: Arc<dyn Watcher> = Arc::clone(outbox) as _;
    let (id, answers) = (id.to_owned(), Arc::clone(outbox));
    let respond = Box::new(move |response: sdk::Response| {
        answers.push(notification::answered(&id, response.status, &response.body));
        drop(in_flight);
    });
    let request = into_request(request, payload);
    if request.method == hyper::Method::GET && 1 < outbox.in_flight() {
        // A read sees the writes that were sent before it on this connection.
        let (reads, reader, outlet) = (relay.clone(), caller.clone(), Arc::clone(outbox));
        // It may be read on the thread that gives the answers; the log knows whose it is all the same.
        let span = tracing::Span::current();
        let read = move || {
            let _within = span.enter();
            sdk::dispatch(&reads, &reader, request, outlet.base_url(), Some(through), respond);
            outlet.flush();
        };
        relay.behind(caller, Box::new(read));
        return;
    }
    sdk::dispatch(relay, caller, request, outbox.base_url(), Some(through), respond);
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
