//! A hook as the form that Sync sends: which event it is, and exactly its fields.

use crate::domain::{
    hook::{Hook, Note},
    name::ItemId,
    object::{EventId, ObjectKind, Revision},
    sid::{AccountSid, ServiceSid},
};

/// The fields of one form, in Sync's order.
pub(super) type Fields = Vec<(&'static str, String)>;

/// The names of an object's fields.
struct Names {
    sid: &'static str,
    unique_name: &'static str,
    revision: &'static str,
}

/// The fields of a hook, and the event's name.
pub(super) fn fields(account: AccountSid, service: ServiceSid, hook: &Hook) -> (&'static str, Fields) {
    let event = event(hook);
    let identity = hook.identity.as_ref().map_or_else(|| "system".to_owned(), ToString::to_string);
    let mut fields = vec![
        ("AccountSid", account.to_string()),
        ("ServiceSid", service.to_string()),
        ("EventType", event.to_owned()),
        ("Identity", identity),
    ];
    if let Some(endpoint) = &hook.endpoint {
        fields.push(("EndpointId", endpoint.to_string()));
    }
    if matches!(hook.note, Note::Connected | Note::Disconnected) {
        return (event, fields);
    }
    let names = names(hook.object.kind);
    fields.push((names.sid, hook.object.to_string()));
    if let Some(name) = &hook.unique_name {
        fields.push((names.unique_name, name.to_string()));
    }
    let mut revised = |revision: Revision| {
        // A stream has none.
        if hook.object.kind != ObjectKind::Stream {
            fields.push((names.revision, revision.to_string()));
        }
    };
    match &hook.note {
        Note::Created { revision, data } => {
            revised(*revision);
            fields.extend(data.iter().map(|it| ("DocumentData", it.as_str().to_owned())));
        }
        Note::Updated { revision, data } => {
            revised(*revision);
            fields.push(("DocumentData", data.as_str().to_owned()));
        }
        Note::Removed { revision } => revised(*revision),
        Note::ItemSet { revision, item, item_revision, event, data, .. } => {
            revised(*revision);
            fields.extend(of_item(item, *item_revision, Some(data.as_str()), *event));
        }
        Note::ItemRemoved { revision, item, item_revision, event } => {
            revised(*revision);
            fields.extend(of_item(item, *item_revision, None, *event));
        }
        Note::Message { message, data } => {
            fields.push(("MessageSid", message.to_string()));
            fields.push(("MessageData", data.as_str().to_owned()));
        }
        Note::Connected | Note::Disconnected => (),
    }
    (event, fields)
}

fn of_item(item: &ItemId, revision: Revision, data: Option<&str>, event: EventId) -> Fields {
    let name = match item {
        ItemId::Index(_) => "ItemIndex",
        ItemId::Key(_) => "ItemKey",
    };
    let mut fields = vec![(name, item.to_string()), ("ItemRevision", revision.to_string())];
    fields.extend(data.map(|it| ("ItemData", it.to_owned())));
    fields.push(("EventId", event.0.to_string()));
    fields
}

fn names(kind: ObjectKind) -> Names {
    let names = |sid, unique_name, revision| Names { sid, unique_name, revision };
    match kind {
        ObjectKind::Document => names("DocumentSid", "DocumentUniqueName", "DocumentRevision"),
        ObjectKind::List => names("ListSid", "ListUniqueName", "ListRevision"),
        ObjectKind::Map => names("MapSid", "MapUniqueName", "MapRevision"),
        ObjectKind::Stream => names("StreamSid", "StreamUniqueName", "StreamRevision"),
    }
}

/// Sync's name of what happened.
pub(super) fn event(hook: &Hook) -> &'static str {
    use ObjectKind::{Document, List, Map, Stream};
    match (hook.object.kind, &hook.note) {
        (_, Note::Connected) => "endpoint_connected",
        (_, Note::Disconnected) => "endpoint_disconnected",
        (Document, Note::Created { .. }) => "document_created",
        (Document, Note::Removed { .. }) => "document_removed",
        (Document, _) => "document_updated",
        (List, Note::Created { .. }) => "list_created",
        (List, Note::Removed { .. }) => "list_removed",
        (List, Note::ItemSet { added: true, .. }) => "list_item_added",
        (List, Note::ItemRemoved { .. }) => "list_item_removed",
        (List, _) => "list_item_updated",
        (Map, Note::Created { .. }) => "map_created",
        (Map, Note::Removed { .. }) => "map_removed",
        (Map, Note::ItemSet { added: true, .. }) => "map_item_added",
        (Map, Note::ItemRemoved { .. }) => "map_item_removed",
        (Map, _) => "map_item_updated",
        (Stream, Note::Created { .. }) => "stream_created",
        (Stream, Note::Removed { .. }) => "stream_removed",
        (Stream, _) => "stream_message_published",
    }
}

/// The body of a form.
pub(super) fn encoded(fields: &Fields) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{data::Input, sid::ObjectSid, time::Timestamp};

    #[test]
    fn a_form_has_exactly_the_fields_of_its_event() {
        let data = Input::parse(r#"{"a b":"é&="}"#).expect("data").data().clone();
        let hook = Hook {
            at: Timestamp::from_seconds(1),
            object: ObjectSid { kind: ObjectKind::Map, bytes: [3; 16] },
            unique_name: None,
            identity: None,
            endpoint: Some("e 1".into()),
            note: Note::ItemSet {
                revision: Revision(31),
                added: true,
                item: crate::domain::name::ItemKey::try_from("k").expect("a key").into(),
                item_revision: Revision(0),
                event: EventId(31),
                data,
            },
        };
        let account: AccountSid = format!("AC{}", "1".repeat(32)).parse().expect("an account");
        let (event, fields) = fields(account, ServiceSid::new([2; 16]), &hook);
        assert_eq!(event, "map_item_added");
        let sid = "03".repeat(16);
        let expected = format!(
            "AccountSid=AC{}&ServiceSid=IS{}&EventType=map_item_added&Identity=system&EndpointId=e+1&MapSid=MP{sid}\
             &MapRevision=1f&ItemKey=k&ItemRevision=0&ItemData=%7B%22a+b%22%3A%22%C3%A9%26%3D%22%7D&EventId=31",
            "1".repeat(32),
            "02".repeat(16),
        );
        assert_eq!(encoded(&fields), expected);
    }
}
