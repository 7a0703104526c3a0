//! Each resource as it is rendered against its schema: the same fields, and values that fit.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Description;
use crate::{
    domain::{
        data::{Data, Input},
        name::{Identity, ItemId, ItemKey, UniqueName},
        object::{EventId, Head, Item, ObjectKind, Revision, Space},
        permission::Permission,
        service::{ServiceHead, Settings},
        sid::{AccountSid, MessageSid, ObjectSid, ServiceSid},
        time::Timestamp,
    },
    relay::Grant,
    wire::resource::{self, Meta, RestPlace, rest_page},
};

const AT: Timestamp = Timestamp::from_millis(1_795_488_426_825);
const SERVICE: ServiceSid = ServiceSid::new([0x15; 16]);

/// Whether the optional values are there.
#[derive(Clone, Copy, PartialEq)]
enum Filled {
    Bare,
    Full,
}

fn place() -> RestPlace<'static> {
    RestPlace { base: "https://airlock.example", account: AccountSid::new([0xac; 16]) }
}

fn data() -> Data {
    Input::parse(r#"{"b": 1.10, "a": [null]}"#).expect("data").data().clone()
}

fn sid(kind: ObjectKind) -> ObjectSid {
    ObjectSid { kind, bytes: [0xe7; 16] }
}

fn identity() -> Identity {
    Identity::try_from("ada/ü").expect("an identity")
}

fn object(kind: ObjectKind, filled: Filled) -> String {
    let full = filled == Filled::Full;
    let head = Head {
        sid: sid(kind),
        unique_name: full.then(|| UniqueName::try_from("rooms/7 ü").expect("a name")),
        space: Space::Plain,
        created_by: full.then(identity),
        date_created: AT,
        date_updated: AT,
        date_expires: full.then_some(AT),
        revision: Revision(0x1e),
        last_event_id: EventId(7),
    };
    place().object(SERVICE, &head, Some(&data()))
}

fn item(kind: ObjectKind, filled: Filled) -> String {
    let full = filled == Filled::Full;
    let id = match kind {
        ObjectKind::List => ItemId::Index(u64::MAX),
        _ => ItemKey::try_from("a/b?").expect("a key").into(),
    };
    let item = Item {
        id,
        data: data(),
        created_by: full.then(identity),
        date_created: AT,
        date_updated: AT,
        date_expires: full.then_some(AT),
        revision: Revision(0),
        created_event_id: EventId(3),
        last_event_id: EventId(3),
    };
    place().item(SERVICE, sid(kind), &item)
}

fn grant(kind: ObjectKind) -> String {
    let permission = Permission { read: true, write: false, manage: false };
    place().grant(&Grant { service: SERVICE, object: sid(kind), identity: identity(), permission })
}

fn service(filled: Filled) -> String {
    let full = filled == Filled::Full;
    let settings = Settings {
        friendly_name: full.then(|| "A name".into()),
        webhook_url: full.then(|| "https://hooks.example/a?b".into()),
        ..Settings::default()
    };
    place().service(&ServiceHead {
        sid: SERVICE,
        ordinal: 0,
        unique_name: full.then(|| "default".into()),
        settings,
        date_created: AT,
        date_updated: AT,
    })
}

/// Every resource by the name of its schema, bare and full.
fn samples() -> Vec<(&'static str, String)> {
    use ObjectKind::{Document, List, Map, Stream};
    let mut all = Vec::new();
    for filled in [Filled::Bare, Filled::Full] {
        all.extend([
            ("Service", service(filled)),
            ("Document", object(Document, filled)),
            ("List", object(List, filled)),
            ("Map", object(Map, filled)),
            ("Stream", object(Stream, filled)),
            ("ListItem", item(List, filled)),
            ("MapItem", item(Map, filled)),
            ("DocumentPermission", grant(Document)),
            ("ListPermission", grant(List)),
            ("MapPermission", grant(Map)),
            ("Message", resource::message(MessageSid::new([0x72; 16]), &data())),
        ]);
    }
    let pages: Vec<_> = all
        .iter()
        .zip([Filled::Bare, Filled::Full].iter().cycle())
        .filter_map(|((name, row), filled)| {
            let (page, key) = match *name {
                "Service" => ("ServicePage", "services"),
                "Document" => ("DocumentPage", "documents"),
                "List" => ("ListPage", "lists"),
                "Map" => ("MapPage", "maps"),
                "Stream" => ("StreamPage", "streams"),
                "ListItem" => ("ListItemPage", "items"),
                "MapItem" => ("MapItemPage", "items"),
                "DocumentPermission" => ("DocumentPermissionPage", "permissions"),
                "ListPermission" => ("ListPermissionPage", "permissions"),
                "MapPermission" => ("MapPermissionPage", "permissions"),
                _ => return None,
            };
            let url = |page: u64| format!("https://airlock.example/v1/Services?PageSize=50&Page={page}");
            let meta = Meta {
                page: 1,
                page_size: 50,
                url: url(1),
                first_page_url: url(0),
                next_page_url: (*filled == Filled::Full).then(|| url(2)),
                previous_page_url: (*filled == Filled::Full).then(|| url(0)),
            };
            Some((page, rest_page(key, std::slice::from_ref(row), &meta)))
        })
        .collect();
    all.extend(pages);
    all
}

/// Says where a value and its schema do not have the same fields.
fn compare(description: &Description, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    let schema = description.follow(schema);
    // A schema beside another narrows it; the fields stand in the first.
    let schema = schema["allOf"].get(0).map_or(schema, |it| description.follow(it));
    if let (Value::Array(rows), true) = (value, schema["items"].is_object()) {
        rows.iter().for_each(|it| compare(description, &schema["items"], it, place, faults));
    }
    let Value::Object(fields) = value else { return };
    if schema["additionalProperties"] == json!(true) {
        return; // The caller's own data.
    }
    let none = Map::new();
    let known = schema["properties"].as_object().unwrap_or(&none);
    let names = |it: &Map<String, Value>| it.keys().cloned().collect::<BTreeSet<_>>();
    let required: BTreeSet<_> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    if names(fields) != names(known) || required != names(known) {
        faults.push(format!(
            "{place}: {:?}, and the schema has {:?}, needs {required:?}",
            names(fields),
            names(known)
        ));
    }
    if schema["additionalProperties"] != json!(false) {
        faults.push(format!("{place}: the schema is open"));
    }
    for (name, value) in fields {
        compare(description, &known[name], value, &format!("{place}.{name}"), faults);
    }
}

#[test]
fn resources_have_the_fields_of_their_schemas_and_no_others() {
    let description = Description::read();
    let (mut faults, mut seen) = (Vec::new(), BTreeSet::new());
    for (name, text) in samples() {
        let value: Value = serde_json::from_str(&text).expect("JSON");
        let schema = json!({ "$ref": format!("#/components/schemas/{name}"), "components": description.root["components"] });
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
        faults.extend(validator.iter_errors(&value).map(|it| format!("{name} {}: {it}", it.instance_path())));
        compare(&description, &description.root["components"]["schemas"][name], &value, name, &mut faults);
        seen.insert(name);
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));

    // What an operation answers with was looked at.
    for (method, path, operation) in description.operations() {
        for (status, answer) in description.answers(operation).filter(|it| it.0 < 300 && it.0 != 204) {
            let text = answer["content"]["application/json"]["schema"]["$ref"].as_str().unwrap_or_default();
            let name = text.rsplit('/').next().unwrap_or_default();
            assert!(seen.contains(name), "{method} {path} {status}: no sample of `{name}`");
            let tagged = answer["headers"]["ETag"].is_object();
            let own = &description.root["components"]["schemas"][name]["properties"]["revision"];
            assert_eq!(tagged, own.is_object(), "{method} {path}: a revision is an ETag too");
        }
    }
}
