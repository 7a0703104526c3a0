//! Events as blocks of `text/event-stream` (WHATWG HTML, server-sent events).
//!
//! A block is some lines and an empty one. Data is one line of JSON: what clients wrote was compacted
//! when it was parsed, and JSON escapes every line break within a string.

use bytes::Bytes;

use crate::{
    domain::{
        event::Event,
        limits::{STREAM_RETRY_MS, STREAM_RETRY_SPREAD_MS},
        name::UniqueName,
        object::{EventId, ObjectKind},
        sid::ObjectSid,
    },
    wire::{
        event,
        json::{Object, array},
        problem::Problem,
    },
};

/// The media type; its text is always UTF-8.
pub const MEDIA_TYPE: &str = "text/event-stream";
/// A comment: clients drop it, proxies see a sign of life.
pub const HEARTBEAT: &[u8] = b":\n\n";

/// An object of a stream that is live from here on.
#[derive(Debug)]
pub struct Established<'a> {
    /// The object.
    pub object: ObjectSid,
    /// Its name.
    pub unique_name: Option<&'a UniqueName>,
    /// Its newest event.
    pub last_event_id: EventId,
}

/// The block of an event, the same for every subscriber.
pub fn of_event(event: &Event, base: &str) -> Bytes {
    let (event_type, fields) = event::fields(event, base);
    // What is not in the order of events is no place to resume from.
    let id = if event.id == EventId(0) { String::new() } else { format!("id: {}\n", event.id.0) };
    block(&id, event_type, &fields)
}

/// How every stream begins: when to come back after its end. `number` spreads those who were sent
/// away together.
pub fn opening(number: u64) -> Bytes {
    format!("retry: {}\n\n", STREAM_RETRY_MS + number.wrapping_mul(797) % STREAM_RETRY_SPREAD_MS).into()
}

/// The present state, or all that was missed, stands before this block; what follows is live.
pub fn established(objects: &[Established<'_>], at: EventId) -> Bytes {
    let entry = |it: &Established<'_>| {
        Object::new()
            .text("object_sid", &it.object.to_string())
            .text("object_type", it.object.kind.as_str())
            .optional("unique_name", it.unique_name.map(UniqueName::as_str))
            .number("last_event_id", it.last_event_id.0)
            .finish()
    };
    let entries: Vec<String> = objects.iter().map(entry).collect();
    let data = Object::new().raw("objects", &array(entries.iter().map(String::as_str))).finish();
    block(&format!("id: {}\n", at.0), "established", &data)
}

/// What a client that resumes is to remember after an object has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remember {
    /// What it remembers already.
    AsBefore,
    /// Nothing: it begins anew, with the present state.
    Nothing,
}

/// An object of a stream of which nothing is heard, or no more.
pub fn failed(kind: ObjectKind, asked: &str, problem: &Problem, remember: Remember) -> Bytes {
    let data = Object::new()
        .text("object_type", kind.as_str())
        .text("object", asked)
        .number("status", problem.status.into())
        .number("code", problem.code.into())
        .text("message", &problem.message)
        .finish();
    let id = match remember {
        Remember::AsBefore => "",
        Remember::Nothing => "id:\n",
    };
    block(id, "failed", &data)
}

/// The last word: the token has ended.
pub fn expired(problem: &Problem) -> Bytes {
    block("", "expired", &problem.to_event_json())
}

fn block(id: &str, event_type: &str, data: &str) -> Bytes {
    debug_assert!(!data.contains(['\n', '\r']), "a line break within data would end it");
    format!("{id}event: {event_type}\ndata: {data}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{data::Input, event::Happening, object::Revision, sid::ServiceSid, time::Timestamp},
        relay::Reason,
        wire::problem::Plane,
    };

    const OBJECT: ObjectSid = ObjectSid { kind: ObjectKind::Document, bytes: [0xe7; 16] };

    #[test]
    fn an_event_is_one_block_whatever_its_data() {
        let hostile = "{ \"a\\nid: 9\" :\r\n \"\\r\\n\\ndata: x\u{2028}\u{85}\" }";
        let data = Input::parse(hostile).expect("data").data().clone();
        let name = UniqueName::try_from("a\nid: 1\r\n\n").ok();
        let what = Happening::DocumentSet { revision: Revision(1), data, date_expires: None };
        let event =
            Event::new(ServiceSid::new([1; 16]), OBJECT, name, EventId(4), Timestamp::from_millis(0), what);
        let text = String::from_utf8(of_event(&event, "http://h").to_vec()).expect("text");
        let lines: Vec<&str> = text.split(['\n', '\r']).collect();
        let [id, kind, data, "", ""] = lines.as_slice() else { panic!("{text}") };
        assert_eq!((*id, *kind), ("id: 4", "event: document_updated"));
        let json: serde_json::Value =
            serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("JSON");
        assert_eq!(json["document_data"]["a\nid: 9"], "\r\n\ndata: x\u{2028}\u{85}");
    }

    #[test]
    fn notices_are_blocks() {
        let problem = Problem::of_error(&Reason::Forbidden.into(), Plane::Sdk);
        assert_eq!(
            failed(ObjectKind::Map, "rooms/7", &problem, Remember::AsBefore),
            "event: failed\ndata: {\"object_type\":\"map\",\"object\":\"rooms/7\",\"status\":403,\"code\":54007,\
             \"message\":\"Access forbidden for identity\"}\n\n"
        );
        assert!(
            failed(ObjectKind::Map, "m", &problem, Remember::Nothing).starts_with(b"id:\nevent: failed\n")
        );
        let objects = [Established { object: OBJECT, unique_name: None, last_event_id: EventId(3) }];
        assert_eq!(
            established(&objects, EventId(7)),
            format!(
                "id: 7\nevent: established\ndata: {{\"objects\":[{{\"object_sid\":\"ET{}\",\"object_type\":\
                 \"document\",\"unique_name\":null,\"last_event_id\":3}}]}}\n\n",
                "e7".repeat(16)
            )
        );
        assert!(opening(1 << 63).starts_with(b"retry: "));
    }
}
