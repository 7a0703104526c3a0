//! What a request for events asks: which objects, and from where on.

use crate::{
    domain::{
        limits::STREAM_OBJECTS_MAX,
        object::{EventId, ObjectKind},
        sid::ServiceSid,
    },
    events::BEGINNING,
    relay::Reason,
    wire::{
        fault::{Fault, Stop},
        request::{self, segments},
    },
};

/// A request for events.
#[derive(Debug, PartialEq, Eq)]
pub struct Ask {
    /// The objects, in the order in which they were named; at least one.
    pub wishes: Vec<Wish>,
    /// The newest event that the client knows; 0 when it knows none.
    pub since: EventId,
}

/// An object as the client names it.
#[derive(Debug, PartialEq, Eq)]
pub struct Wish {
    /// Its kind.
    pub kind: ObjectKind,
    /// SID or unique name.
    pub text: String,
}

/// Whether this path, still encoded, asks for events: `/v3[/Services/<sid>][/<Kind>s/<id>]/events`.
pub fn is_ours(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let path: Vec<&str> = path.split('/').skip(1).collect();
    match path.as_slice() {
        ["v3", "events"] | ["v3", "Services", _, "events"] => true,
        ["v3", kind, _, "events"] | ["v3", "Services", _, kind, _, "events"] => collected(kind).is_some(),
        _ => false,
    }
}

impl Ask {
    /// Reads a request; `header` is Last-Event-ID. A client that comes back by itself repeats the query
    /// of its first request, so the header counts before the parameter.
    pub fn parse(service: ServiceSid, path: &str, query: &str, header: Option<&str>) -> Result<Self, Stop> {
        let path = segments(path).ok_or(Fault::UnknownPath)?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let rest = request::own_path(service, &path)?;
        let params: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let given = params.iter().rev().find(|it| it.0 == "last_event_id").map(|it| it.1.as_str());
        let given = header.filter(|it| !it.is_empty()).or(given).unwrap_or_default();
        let since = event_id(given)?;
        let wishes = match rest {
            ["events"] => params.into_iter().filter_map(wished).collect(),
            [kind, id, "events"] => {
                let kind = collected(kind).ok_or(Fault::UnknownPath)?;
                vec![Wish { kind, text: (*id).to_owned() }]
            }
            _ => return Err(Fault::UnknownPath.into()),
        };
        match wishes.len() {
            0 => Err(Fault::Parameter { name: "document|map|list|stream" }.into()),
            1..=STREAM_OBJECTS_MAX => Ok(Self { wishes, since }),
            _ => Err(Reason::TooManySubscriptions.into()),
        }
    }
}

fn event_id(text: &str) -> Result<EventId, Fault> {
    if text.is_empty() {
        return Ok(BEGINNING);
    }
    let fault = Fault::Parameter { name: "Last-Event-ID" };
    if !text.bytes().all(|it| it.is_ascii_digit()) {
        return Err(fault);
    }
    text.parse().map(EventId).map_err(|_| fault)
}

fn wished((name, text): (String, String)) -> Option<Wish> {
    let kinds = [ObjectKind::Document, ObjectKind::Map, ObjectKind::List, ObjectKind::Stream];
    let kind = kinds.into_iter().find(|it| it.as_str() == name)?;
    Some(Wish { kind, text })
}

fn collected(word: &str) -> Option<ObjectKind> {
    match word {
        "Documents" => Some(ObjectKind::Document),
        "Lists" => Some(ObjectKind::List),
        "Maps" => Some(ObjectKind::Map),
        "Streams" => Some(ObjectKind::Stream),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_events_are_ours() {
        for (path, expected) in [
            ("/v3/events", true),
            ("/v3/events/", true),
            ("/v3/Maps/rooms%2F7/events", true),
            ("/v3/Streams/s/events", true),
            ("/v3/Services/IS1/Lists/l/events", true),
            ("/v3/Services/IS1/events", true),
            ("/v3/Maps/events", false),
            ("/v3/Maps/m/Items/events", false),
            ("/v3/Services/IS1/Maps/events", false),
            ("/v3/Things/m/events", false),
            ("/v1/Maps/m/events", false),
            ("/v3/Maps/m/eventss", false),
        ] {
            assert_eq!(is_ours(path), expected, "{path}");
        }
    }

    #[test]
    fn objects_and_the_last_event_are_read() {
        let service = ServiceSid::new([1; 16]);
        let ask = |path: &str, query: &str, header: Option<&str>| Ask::parse(service, path, query, header);
        let map = |text: &str| Wish { kind: ObjectKind::Map, text: text.to_owned() };
        let one = ask("/v3/Maps/rooms%2F7/events", "map=other&last_event_id=3", Some("")).expect("an ask");
        assert_eq!((one.wishes, one.since), (vec![map("rooms/7")], EventId(3)));
        let own = ask(&format!("/v3/Services/{service}/Maps/m/events"), "last_event_id=3", Some("17"));
        assert_eq!(own.expect("an ask").since, EventId(17));
        let many = ask("/v3/events", "map=a%2Fb&document=d&x=y&map=c", None).expect("an ask");
        let document = Wish { kind: ObjectKind::Document, text: "d".to_owned() };
        assert_eq!((many.wishes, many.since), (vec![map("a/b"), document, map("c")], BEGINNING));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let service = ServiceSid::new([1; 16]);
        let stop = |path: &str, query: &str, header| match Ask::parse(service, path, query, header) {
            Err(stop) => format!("{stop:?}"),
            Ok(ask) => panic!("{ask:?}"),
        };
        for header in ["x", "-1", "+1", "1.0", " 1", "99999999999999999999"] {
            assert!(stop("/v3/Maps/m/events", "", Some(header)).contains("Last-Event-ID"), "{header}");
        }
        assert!(stop("/v3/events", "last_event_id=1", None).contains("Parameter"));
        assert!(stop("/v3/events", &"map=m&".repeat(101), None).contains("TooManySubscriptions"));
        let foreign = format!("/v3/Services/{}/Maps/m/events", ServiceSid::new([2; 16]));
        assert!(stop(&foreign, "", None).contains("Forbidden"));
        assert!(stop("/v3/Maps//events", "", None).contains("UnknownPath"));
    }
}
