//! Events and subscription notices as the payload of `twilio.sync.event` notifications.

use serde_json::Number;

use crate::{
    domain::{
        event::{Event, EventProtocol, Happening},
        name::ItemId,
        object::{Item, ObjectKind, Revision},
        sid::ObjectSid,
    },
    relay::Watched,
    wire::{
        json::{Object, array},
        problem::Problem,
        resource::SdkPlace,
    },
};

/// The `message_type` of every notification: strictly ordered (the protocol, section 9.2).
pub const MESSAGE_TYPE: &str = "twilio.sync.event";
/// The payload of an event, the same for every subscriber that speaks this protocol.
pub fn payload(event: &Event, base: &str, protocol: EventProtocol) -> String {
    let (event_type, fields) = fields(event, base);
    Object::new()
        .text("event_type", event_type)
        .number("event_protocol_version", protocol.number())
        .raw("event", &fields)
        .finish()
}

/// The payload of an event that one subscription has missed: it names the request that asked.
pub fn replayed(event: &Event, base: &str, request: SubscriptionRequest<'_>) -> String {
    let (event_type, fields) = fields(event, base);
    request.begin(event_type).raw("event", &fields).finish()
}

/// Which request for a subscription a notification belongs to, and how it is written.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionRequest<'r> {
    /// The number by which the client knows the request. `None` (null on the wire) addresses a
    /// subscription that waits for nothing.
    pub correlation: Option<&'r Number>,
    /// What the request asked for.
    pub protocol: EventProtocol,
}

impl SubscriptionRequest<'_> {
    fn begin(self, event_type: &str) -> Object {
        let correlation = self.correlation.map_or_else(|| "null".to_owned(), Number::to_string);
        Object::new()
            .text("event_type", event_type)
            .raw("correlation_id", &correlation)
            .number("event_protocol_version", self.protocol.number())
    }

    /// A notice about one object of the request.
    fn notice(self, event_type: &str, entry: Object) -> String {
        let (notice, entry) = (self.begin(event_type), entry.finish());
        match self.protocol {
            EventProtocol::V3 => notice.raw("event", &entry),
            EventProtocol::V4 => notice.raw("events", &array(std::iter::once(entry.as_str()))),
        }
        .finish()
    }
}

/// The word for what happened, and its fields as a JSON object in one line.
pub fn fields(event: &Event, base: &str) -> (&'static str, String) {
    let object = event.object.to_string();
    let name = event.unique_name.as_ref().map(|it| it.as_str());
    let fields = Object::new().number("id", event.id.0).text("date_created", &event.at.to_text());
    let place = SdkPlace { base, service: event.service };
    let (event_type, fields) = match &event.what {
        Happening::DocumentSet { revision, data, date_expires } => (
            "document_updated",
            fields
                .text("document_sid", &object)
                .optional("document_unique_name", name)
                .text("document_revision", &revision.to_string())
                .raw("document_data", data.as_str())
                .optional("date_expires", date_expires.map(|it| it.to_string()).as_deref()),
        ),
        Happening::ObjectRemoved => match event.kind() {
            ObjectKind::Document => (
                "document_removed",
                fields.text("document_sid", &object).optional("document_unique_name", name),
            ),
            ObjectKind::List => {
                ("list_removed", fields.text("list_sid", &object).optional("list_unique_name", name))
            }
            ObjectKind::Map => {
                ("map_removed", fields.text("map_sid", &object).optional("map_unique_name", name))
            }
            ObjectKind::Stream => {
                ("stream_removed", fields.text("stream_sid", &object).optional("stream_unique_name", name))
            }
        },
        Happening::ItemSet { revision, added, item } => (
            match (&item.id, added) {
                (ItemId::Index(_), true) => "list_item_added",
                (ItemId::Index(_), false) => "list_item_updated",
                (ItemId::Key(_), true) => "map_item_added",
                (ItemId::Key(_), false) => "map_item_updated",
            },
            item_fields(collection_fields(fields, event, *revision, item), item, &place, event.object),
        ),
        Happening::ItemRemoved { revision, item } => (
            match item.id {
                ItemId::Index(_) => "list_item_removed",
                ItemId::Key(_) => "map_item_removed",
            },
            collection_fields(fields, event, *revision, item).raw("item_data", item.data.as_str()),
        ),
        Happening::MessagePublished { message, data, .. } => (
            "stream_message_published",
            // No id: nothing of a message is kept, and none is missed after a reconnect.
            Object::new()
                .text("date_created", &event.at.to_text())
                .text("stream_sid", &object)
                .optional("stream_unique_name", name)
                .text("message_sid", &message.to_string())
                .raw("message_data", data.as_str()),
        ),
    };
    (event_type, fields.finish())
}

/// The list or map, and what the item is called in it.
fn collection_fields(fields: Object, event: &Event, revision: Revision, item: &Item) -> Object {
    let (object, revision) = (event.object.to_string(), revision.to_string());
    let name = event.unique_name.as_ref().map(|it| it.as_str());
    match &item.id {
        ItemId::Index(index) => fields
            .text("list_sid", &object)
            .optional("list_unique_name", name)
            .text("list_revision", &revision)
            .number("item_index", *index),
        ItemId::Key(key) => fields
            .text("map_sid", &object)
            .optional("map_unique_name", name)
            .text("map_revision", &revision)
            .text("item_key", key.as_str()),
    }
}

fn item_fields(fields: Object, item: &Item, place: &SdkPlace<'_>, collection: ObjectSid) -> Object {
    fields
        .text("item_url", &place.item_url(collection, item))
        .text("item_revision", &item.revision.to_string())
        .raw("item_data", item.data.as_str())
        .optional("date_expires", item.date_expires.map(|it| it.to_string()).as_deref())
}

/// The payload of `subscription_established`.
pub fn established(request: SubscriptionRequest<'_>, object: ObjectSid, watched: Watched) -> String {
    let (status, id) = match watched {
        Watched::Established(id) => ("completed", id),
        Watched::Interrupted { at, .. } => ("interrupted", at),
    };
    let entry = entry(object).text("replay_status", status).number("last_event_id", id.0);
    request.notice("subscription_established", entry)
}

/// The payload of `subscription_failed`.
pub fn failed(request: SubscriptionRequest<'_>, sid: &str, kind: &str, problem: &Problem) -> String {
    let entry = named(sid, kind).raw("error", &problem.to_event_json());
    request.notice("subscription_failed", entry)
}

/// The payload of `subscription_canceled`.
pub fn canceled(request: SubscriptionRequest<'_>, sid: &str, kind: &str) -> String {
    request.notice("subscription_canceled", named(sid, kind))
}

fn entry(object: ObjectSid) -> Object {
    named(&object.to_string(), object.kind.as_str())
}

/// As the client named it: it may be no SID at all.
fn named(sid: &str, kind: &str) -> Object {
    Object::new().text("object_sid", sid).text("object_type", kind)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        domain::{
            data::Input,
            name::{ItemKey, UniqueName},
            object::EventId,
            sid::ServiceSid,
            time::Timestamp,
        },
        relay::Reason,
        wire::problem::Plane,
    };

    const AT: Timestamp = Timestamp::from_millis(1_795_488_426_825);

    fn check(kind: ObjectKind, what: Happening, event_type: &str, fields: &str) {
        let object = ObjectSid { kind, bytes: [0xe7; 16] };
        let name = UniqueName::try_from("n").ok();
        let event = Event::new(ServiceSid::new([0x15; 16]), object, name, EventId(4), AT, what);
        let number = Number::from(7);
        for (protocol, version) in [(EventProtocol::V3, 3), (EventProtocol::V4, 4)] {
            let rest = format!(
                r#""event_protocol_version":{version},"event":{{"id":4,"date_created":"2026-11-24T02:47:06.825Z",{fields}}}}}"#
            );
            assert_eq!(
                payload(&event, "http://h", protocol),
                format!(r#"{{"event_type":"{event_type}",{rest}"#)
            );
            assert_eq!(
                replayed(&event, "http://h", SubscriptionRequest { correlation: Some(&number), protocol }),
                format!(r#"{{"event_type":"{event_type}","correlation_id":7,{rest}"#)
            );
        }
    }

    #[test]
    fn events_are_those_of_sync() {
        let (id, is) = ("e7".repeat(16), "15".repeat(16));
        let data = Input::parse(r#"{"n":2.0}"#).expect("data").data().clone();
        let item = Arc::new(Item {
            id: ItemId::Key(ItemKey::try_from("k/1").expect("a key")),
            data: data.clone(),
            created_by: None,
            date_created: AT,
            date_updated: AT,
            date_expires: None,
            revision: Revision(1),
            created_event_id: EventId(2),
            last_event_id: EventId(4),
        });
        let revision = Revision(16);
        check(
            ObjectKind::Document,
            Happening::DocumentSet { revision, data, date_expires: None },
            "document_updated",
            &format!(
                r#""document_sid":"ET{id}","document_unique_name":"n","document_revision":"10","document_data":{{"n":2.0}},"date_expires":null"#
            ),
        );
        check(
            ObjectKind::Map,
            Happening::ObjectRemoved,
            "map_removed",
            &format!(r#""map_sid":"MP{id}","map_unique_name":"n""#),
        );
        let map = format!(r#""map_sid":"MP{id}","map_unique_name":"n","map_revision":"10","item_key":"k/1""#);
        for (added, event_type) in [(true, "map_item_added"), (false, "map_item_updated")] {
            check(
                ObjectKind::Map,
                Happening::ItemSet { revision, added, item: Arc::clone(&item) },
                event_type,
                &format!(
                    r#"{map},"item_url":"http://h/v3/Services/IS{is}/Maps/MP{id}/Items/k%2F1","item_revision":"1","item_data":{{"n":2.0}},"date_expires":null"#
                ),
            );
        }
        check(
            ObjectKind::Map,
            Happening::ItemRemoved { revision, item },
            "map_item_removed",
            &format!(r#"{map},"item_data":{{"n":2.0}}"#),
        );
    }

    #[test]
    fn notices_echo_the_number() {
        let object = ObjectSid { kind: ObjectKind::Map, bytes: [0xe7; 16] };
        let id = "e7".repeat(16);
        let number = Number::from(1_795_485_459_519_u64);
        let asked = SubscriptionRequest { correlation: Some(&number), protocol: EventProtocol::V4 };
        assert_eq!(
            established(asked, object, Watched::Interrupted { at: EventId(3), newest: EventId(9) }),
            format!(
                r#"{{"event_type":"subscription_established","correlation_id":1795485459519,"event_protocol_version":4,"events":[{{"object_sid":"MP{id}","object_type":"map","replay_status":"interrupted","last_event_id":3}}]}}"#
            )
        );
        let problem = Problem::of_error(&Reason::Forbidden.into(), Plane::Sdk);
        let unasked = SubscriptionRequest { correlation: None, protocol: EventProtocol::V4 };
        assert_eq!(
            failed(unasked, &object.to_string(), "map", &problem),
            format!(
                r#"{{"event_type":"subscription_failed","correlation_id":null,"event_protocol_version":4,"events":[{{"object_sid":"MP{id}","object_type":"map","error":{{"status":403,"code":54007,"message":"Access forbidden for identity"}}}}]}}"#
            )
        );
        assert!(canceled(unasked, &object.to_string(), "map").contains(r#""events":[{"object_sid":"MP"#));
    }

    #[test]
    fn older_clients_are_notified_with_one_event() {
        let object = ObjectSid { kind: ObjectKind::Stream, bytes: [0xe7; 16] };
        let number = Number::from(5);
        let old = SubscriptionRequest { correlation: Some(&number), protocol: EventProtocol::V3 };
        let problem = Problem::of_error(&Reason::Forbidden.into(), Plane::Sdk);
        let sid = object.to_string();
        for notice in [
            established(old, object, Watched::Established(EventId(3))),
            failed(old, &sid, "stream", &problem),
            canceled(old, &sid, "stream"),
        ] {
            let notice: serde_json::Value = serde_json::from_str(&notice).expect("JSON");
            assert_eq!(
                (&notice["event"]["object_sid"], &notice["event_protocol_version"], notice.get("events")),
                (&sid.as_str().into(), &3.into(), None)
            );
        }
    }
}
