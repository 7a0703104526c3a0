//! What may be asked: the operations of both planes, each with a body with which the right caller succeeds.

use serde_json::Value;

use crate::support::server::root;

/// An operation of `docs/openapi.json`.
pub struct Described {
    pub id: String,
    pub method: &'static str,
    pub path: String,
    /// The status of its success.
    pub success: u16,
}

const METHODS: [&str; 8] = ["GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE"];

/// Every described operation.
pub fn described() -> Vec<Described> {
    let text = std::fs::read_to_string(root().join("docs/openapi.json")).expect("the description");
    let description: Value = serde_json::from_str(&text).expect("JSON");
    let mut found = Vec::new();
    for (path, item) in description["paths"].as_object().expect("paths") {
        for method in METHODS {
            let Some(operation) = item.get(method.to_ascii_lowercase()) else { continue };
            let statuses = operation["responses"].as_object().expect("responses").keys();
            let success = statuses.filter_map(|it| it.parse().ok()).find(|it| *it < 300);
            found.push(Described {
                id: operation["operationId"].as_str().expect("an id").to_owned(),
                method,
                path: path.clone(),
                success: success.expect("a success"),
            });
        }
    }
    found
}

/// The kinds of objects, as paths name them.
pub const KINDS: [&str; 4] = ["Documents", "Lists", "Maps", "Streams"];

pub const GRANT: &str = "Read=true&Write=false&Manage=false";
const DATA: &str = "Data=%7B%22n%22%3A2%7D";
const TTL: &str = "Ttl=3600";
const NAMED: &str = "UniqueName={fresh}";

/// The form of each described operation; `{fresh}` is another name at each call.
pub const FORMS: &[(&str, Option<&str>)] = &[
    ("listServices", None),
    ("createService", Some("FriendlyName=new")),
    ("readService", None),
    ("changeService", Some("FriendlyName=changed")),
    ("removeService", None),
    ("listDocuments", None),
    ("createDocument", Some("UniqueName={fresh}&Data=%7B%22n%22%3A1%7D")),
    ("readDocument", None),
    ("changeDocument", Some(DATA)),
    ("removeDocument", None),
    ("listDocumentPermissions", None),
    ("readDocumentPermission", None),
    ("setDocumentPermission", Some(GRANT)),
    ("removeDocumentPermission", None),
    ("listLists", None),
    ("createList", Some(NAMED)),
    ("readList", None),
    ("changeList", Some(TTL)),
    ("removeList", None),
    ("listListItems", None),
    ("createListItem", Some(DATA)),
    ("readListItem", None),
    ("changeListItem", Some(DATA)),
    ("removeListItem", None),
    ("listListPermissions", None),
    ("readListPermission", None),
    ("setListPermission", Some(GRANT)),
    ("removeListPermission", None),
    ("listMaps", None),
    ("createMap", Some(NAMED)),
    ("readMap", None),
    ("changeMap", Some(TTL)),
    ("removeMap", None),
    ("listMapItems", None),
    ("createMapItem", Some("Key={fresh}&Data=%7B%22n%22%3A1%7D")),
    ("readMapItem", None),
    ("changeMapItem", Some(DATA)),
    ("removeMapItem", None),
    ("listMapPermissions", None),
    ("readMapPermission", None),
    ("setMapPermission", Some(GRANT)),
    ("removeMapPermission", None),
    ("listStreams", None),
    ("createStream", Some(NAMED)),
    ("readStream", None),
    ("changeStream", Some(TTL)),
    ("removeStream", None),
    ("sendMessage", Some(DATA)),
];

/// What a client may ask of an object.
pub struct Asked {
    pub id: &'static str,
    pub kind: &'static str,
    pub method: &'static str,
    /// The path behind the object.
    pub rest: &'static str,
    /// JSON, in which `{object}` is the object; empty for none.
    pub body: &'static str,
    pub if_match: Option<&'static str>,
    pub what: What,
}

/// What it does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Asks for a new object.
    Make,
    /// Changes nothing.
    Read,
    /// Reads an item that no shared map of these tests has.
    ReadItem,
    Write,
}

impl Asked {
    pub fn makes(&self) -> bool {
        self.what == What::Make
    }

    pub fn reads(&self) -> bool {
        matches!(self.what, What::Read | What::ReadItem)
    }
}

const fn asked(
    id: &'static str,
    kind: &'static str,
    (method, rest): (&'static str, &'static str),
    body: &'static str,
    what: What,
) -> Asked {
    Asked { id, kind, method, rest, body, if_match: None, what }
}

const fn with(if_match: &'static str, asked: Asked) -> Asked {
    Asked { if_match: Some(if_match), ..asked }
}

const NEW: &str = r#"{"unique_name":"{object}"}"#;
const SET: &str = r#"{"data":{"n":2}}"#;
const ADD: &str = r#"{"key":"new","data":{"n":2}}"#;
const LIFE: &str = r#"{"ttl":60}"#;
use What::{Make, Read, ReadItem, Write};

/// The clients' plane.
pub const CLIENTS: &[Asked] = &[
    asked("make document", "Documents", ("POST", ""), NEW, Make),
    asked("read document", "Documents", ("GET", ""), "", Read),
    asked("ttl of document", "Documents", ("POST", ""), LIFE, Write),
    asked("remove document", "Documents", ("DELETE", ""), "", Write),
    with("0", asked("remove document as known", "Documents", ("DELETE", ""), "", Write)),
    with("ffff", asked("remove document of another revision", "Documents", ("DELETE", ""), "", Write)),
    asked("make list", "Lists", ("POST", ""), NEW, Make),
    asked("read list", "Lists", ("GET", ""), "", Read),
    asked("ttl of list", "Lists", ("POST", ""), LIFE, Write),
    asked("remove list", "Lists", ("DELETE", ""), "", Write),
    asked("make map", "Maps", ("POST", ""), NEW, Make),
    asked("read map", "Maps", ("GET", ""), "", Read),
    asked("ttl of map", "Maps", ("POST", ""), LIFE, Write),
    asked("remove map", "Maps", ("DELETE", ""), "", Write),
    asked("make stream", "Streams", ("POST", ""), NEW, Make),
    asked("read stream", "Streams", ("GET", ""), "", Read),
    asked("ttl of stream", "Streams", ("POST", ""), LIFE, Write),
    asked("remove stream", "Streams", ("DELETE", ""), "", Write),
    asked("set document", "Documents", ("POST", ""), SET, Write),
    with("0", asked("set document as known", "Documents", ("POST", ""), SET, Write)),
    with("ffff", asked("set document of another revision", "Documents", ("POST", ""), SET, Write)),
    asked("list context", "Lists", ("GET", "/Context"), "", Read),
    asked("list items", "Lists", ("GET", "/Items"), "", Read),
    asked("list item by query", "Lists", ("GET", "/Items?Index=0"), "", Read),
    asked("push", "Lists", ("POST", "/Items"), SET, Write),
    asked("read list item", "Lists", ("GET", "/Items/0"), "", Read),
    asked("set list item", "Lists", ("POST", "/Items/0"), SET, Write),
    asked("remove list item", "Lists", ("DELETE", "/Items/0"), "", Write),
    asked("map with items", "Maps", ("GET", "?Include=items"), "", Read),
    asked("map items", "Maps", ("GET", "/Items"), "", Read),
    asked("map item by query", "Maps", ("GET", "/Items?Key=k"), "", Read),
    asked("add map item", "Maps", ("POST", "/Items"), ADD, Write),
    asked("read map item", "Maps", ("GET", "/Items/k"), "", ReadItem),
    asked("put map item", "Maps", ("PUT", "/Items/k"), SET, Write),
    with("-1", asked("put map item if absent", "Maps", ("PUT", "/Items/new"), SET, Write)),
    asked("set map item", "Maps", ("POST", "/Items/k"), SET, Write),
    asked("remove map item", "Maps", ("DELETE", "/Items/k"), "", Write),
    asked("send", "Streams", ("POST", "/Messages"), SET, Write),
];

/// What of the backends' plane the clients' plane has too, and under which of the ids above.
pub const SHARED_PLANE: &[(&str, &str)] = &[
    ("createDocument", "make document"),
    ("readDocument", "read document"),
    ("changeDocument", "set document"),
    ("removeDocument", "remove document"),
    ("createList", "make list"),
    ("readList", "read list"),
    ("changeList", "ttl of list"),
    ("removeList", "remove list"),
    ("listListItems", "list items"),
    ("createListItem", "push"),
    ("readListItem", "read list item"),
    ("changeListItem", "set list item"),
    ("removeListItem", "remove list item"),
    ("createMap", "make map"),
    ("readMap", "read map"),
    ("changeMap", "ttl of map"),
    ("removeMap", "remove map"),
    ("listMapItems", "map items"),
    ("createMapItem", "add map item"),
    ("readMapItem", "read map item"),
    ("changeMapItem", "set map item"),
    ("removeMapItem", "remove map item"),
    ("createStream", "make stream"),
    ("readStream", "read stream"),
    ("changeStream", "ttl of stream"),
    ("removeStream", "remove stream"),
    ("sendMessage", "send"),
];
