//! What the server says without being asked, and the replies: headers of TWILSOCK frames.

use std::sync::LazyLock;

use bytes::Bytes;

use crate::{
    domain::{
        event::{Event, EventProtocol, Happening},
        name::Identity,
        sid::{AccountSid, ServiceSid},
    },
    realtime::frame,
    wire::event::{self, SubscriptionRequest},
};

/// The frame of an event: the same bytes for every connection that speaks this protocol, so its id is
/// made of the event's.
pub fn of_event(event: &Event, base_url: &str, protocol: EventProtocol) -> Bytes {
    of_sync(&id_of(event), &event::payload(event, base_url, protocol))
}

/// The frame of an event that one subscription has missed.
pub fn of_replayed(event: &Event, base_url: &str, request: SubscriptionRequest<'_>) -> Bytes {
    of_sync(&id_of(event), &event::replayed(event, base_url, request))
}

fn id_of(event: &Event) -> String {
    match &event.what {
        // A message has no event id of its own.
        Happening::MessagePublished { message, .. } => message.to_string(),
        _ => format!("EV{}", event.id.0),
    }
}

/// The frame of any text of Sync's: of a subscription, or of an event.
pub fn of_sync(id: &str, payload: &str) -> Bytes {
    let head = format!(
        r#"{{"method":"notification","id":"{id}","message_type":"twilio.sync.event","notification_ctx_id":"","payload_type":"application/json""#
    );
    frame::encode(&head, payload.as_bytes())
}

/// A sign of life; the client answers it.
pub fn ping() -> Bytes {
    static PING: LazyLock<Bytes> = LazyLock::new(|| frame::encode(r#"{"method":"ping","id":"PI""#, b""));
    PING.clone()
}

/// The token ends soon.
pub fn token_about_to_expire() -> Bytes {
    static NOTICE: LazyLock<Bytes> = LazyLock::new(|| {
        let head = r#"{"method":"client_update","id":"CU","client_update_type":"token_about_to_expire","client_update_message":"token about to expire""#;
        frame::encode(head, b"")
    });
    NOTICE.clone()
}

/// A reply that all is well.
pub fn done(id: &str) -> Bytes {
    frame::encode(&reply_head(id, r#"{"code":200,"status":"OK"}"#), b"")
}

/// The account, service and identity of a connection: the phone SDKs do not start without them.
pub struct AccountDescriptor<'a> {
    /// The account.
    pub account: AccountSid,
    /// The service of the token.
    pub service: ServiceSid,
    /// The identity of the token.
    pub identity: &'a Identity,
}

/// The reply that opens a connection. The continuation token is a hint for logs, never a proof.
pub fn opened(id: &str, connection: u64, descriptor: Option<AccountDescriptor<'_>>) -> Bytes {
    let head = reply_head(id, r#"{"code":200,"status":"OK"}"#);
    let descriptor = descriptor.map(|it| {
        serde_json::json!({
            "account_sid": it.account.to_string(),
            "instance_sids": { "data_sync": it.service.to_string() },
            "identity": it.identity.as_str(),
        })
    });
    let descriptor = descriptor.map(|it| format!(r#","account_descriptor":{it}"#)).unwrap_or_default();
    frame::encode(
        &format!(
            r#"{head},"capabilities":["client_update","account_descriptor"],"continuation_token":"{connection:x}"{descriptor}"#
        ),
        b"",
    )
}

/// A reply that says no, about the connection itself.
pub fn refused(id: &str, refusal: &Refused<'_>) -> Bytes {
    let status = serde_json::json!({
        "code": refusal.status,
        "status": refusal.word,
        "description": refusal.description,
        "errorCode": refusal.code,
    });
    frame::encode(&reply_head(id, &status.to_string()), b"")
}

/// Why a connection is refused, in the words of the protocol.
pub struct Refused<'a> {
    /// 401, 403, 400.
    pub status: u16,
    /// The word that belongs to the status.
    pub word: &'static str,
    /// Why, for people.
    pub description: &'a str,
    /// Why, as a number.
    pub code: u32,
}

/// The reply to a tunnelled request.
pub fn answered(id: &str, status: u16, body: &[u8]) -> Bytes {
    let reason = hyper::StatusCode::from_u16(status).ok().and_then(|it| it.canonical_reason()).unwrap_or("");
    let head = reply_head(id, r#"{"code":200,"status":"OK"}"#);
    let kind = if body.is_empty() { "" } else { r#","payload_type":"application/json""# };
    let headers = if body.is_empty() { "{}" } else { r#"{"content-type":"application/json"}"# };
    frame::encode(
        &format!(
            r#"{head},"http_status":{{"code":{status},"status":"{reason}"}},"http_headers":{headers}{kind}"#
        ),
        body,
    )
}

fn reply_head(id: &str, status: &str) -> String {
    // A string is always JSON.
    let id = serde_json::Value::from(id);
    format!(r#"{{"method":"reply","id":{id},"status":{status}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(bytes: &Bytes) -> serde_json::Value {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let json = text.split("\r\n").nth(1).unwrap();
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_reply_has_a_status() {
        let hostile = "a\"\r\n\\";
        let refusal = Refused { status: 401, word: "UNAUTHORIZED", description: hostile, code: 20104 };
        for bytes in [
            done(hostile),
            opened(hostile, 7, None),
            refused(hostile, &refusal),
            answered(hostile, 404, b"{}"),
        ] {
            let header = header(&bytes);
            assert_eq!((&header["id"], &header["method"]), (&hostile.into(), &"reply".into()));
            assert!(header["status"]["code"].is_u64(), "{header}");
        }
        assert_eq!(header(&refused("1", &refusal))["status"]["errorCode"], 20104);
    }

    #[test]
    fn the_opening_describes_the_account() {
        let identity = Identity::try_from("a\"b").unwrap();
        let (account, service) = (AccountSid::new([0xac; 16]), ServiceSid::new([0x15; 16]));
        let descriptor = AccountDescriptor { account, service, identity: &identity };
        let header = header(&opened("1", 7, Some(descriptor)));
        assert_eq!(
            header["account_descriptor"],
            serde_json::json!({
                "account_sid": account.to_string(),
                "instance_sids": { "data_sync": service.to_string() },
                "identity": "a\"b",
            })
        );
        assert_eq!(header["capabilities"], serde_json::json!(["client_update", "account_descriptor"]));
    }

    #[test]
    fn a_tunnelled_answer_keeps_transport_and_http_apart() {
        let header = header(&answered("TM1", 404, b"{\"code\":54100}"));
        assert_eq!(header["status"]["code"], 200);
        assert_eq!(header["http_status"]["code"], 404);
        assert_eq!(header["payload_size"], 14);
        assert_eq!(header["payload_type"], "application/json");
    }
}
