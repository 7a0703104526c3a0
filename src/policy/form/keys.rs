//! The keys of each table of `policy.toml`, one entry each, in the order in which one writes them.

use serde_json::{Value, json};

use super::{Key, Section, Shape};
use crate::domain::limits::{
    DATA_BYTES_MAX, LIST_ITEMS_MAX, MESSAGE_DATA_BYTES_MAX, PRIVATE_OBJECTS_ALLOWED_MAX, PRIVATE_OBJECTS_MAX,
    RATE_EVENTS_MAX, SHARED_ITEMS_DEFAULT,
};

/// The keys of one table.
pub(super) fn of(section: Section) -> Vec<Key> {
    match section {
        Section::Top => top(),
        Section::From => from(),
        Section::Limit => limit(),
        Section::To => to(),
        Section::Refusal => refusal(),
    }
}

fn key(name: &'static str, shape: Shape, about: impl Into<String>) -> Key {
    Key { name, shape, default: None, about: about.into() }
}

impl Key {
    /// What stands when the key does not.
    fn or(self, default: impl Into<Value>) -> Self {
        Self { default: Some(default.into()), ..self }
    }
}

fn top() -> Vec<Key> {
    vec![
        key("description", Shape::Text, "What the policy is for, for people"),
        key(
            "services",
            Shape::Services,
            "SIDs or unique names of the services that it governs; each service without it",
        ),
        key("mode", Shape::Word(&["enforce", "off"]), "`off`: clients cannot write, the names stay closed")
            .or("enforce"),
        key(
            "from",
            Shape::Table(Section::From),
            "The private object: only the identity in its name may write it",
        ),
        key(
            "limit",
            Shape::Tables(Section::Limit),
            "How often: a shared limit needs a caller's own beside it",
        ),
        key("to", Shape::Tables(Section::To), "What the others see"),
        key("refusal", Shape::Table(Section::Refusal), "What a refused client is told"),
    ]
}

fn from() -> Vec<Key> {
    let bytes = format!("Bytes of the data at most; of a message at most {MESSAGE_DATA_BYTES_MAX}");
    let until = "Withdrawn when the identity's last socket has been gone for 30 s (documents only); for good without it";
    vec![
        key(
            "document",
            Shape::Private,
            "The names of the document, with `{identity}`: cursors/{room}/{identity}",
        ),
        key("list", Shape::Private, "The names of the list, with `{identity}`"),
        key("map", Shape::Private, "The names of the map, with `{identity}`"),
        key("stream", Shape::Private, "The names of the stream, with `{identity}`"),
        key(
            "schema",
            Shape::File,
            "Schema of the document, of each item, or of each message; `{}` needs none",
        ),
        key("max_bytes", Shape::Whole(1, DATA_BYTES_MAX as u64), bytes).or(DATA_BYTES_MAX),
        key("objects_max", Shape::Whole(1, PRIVATE_OBJECTS_ALLOWED_MAX.into()), "Objects of one identity")
            .or(PRIVATE_OBJECTS_MAX),
        key("until", Shape::Word(&["disconnect"]), until),
    ]
}

fn limit() -> Vec<Key> {
    let per = "For whom it counts: `identity`, `address`, `policy`, or captured variables such as `{room}/{identity}`";
    vec![
        key("per", Shape::Per, per),
        key("allow", Shape::Rate, "How many per second, minute or hour: 20/s, 10/m, 5/h"),
        key(
            "burst",
            Shape::Whole(1, RATE_EVENTS_MAX.into()),
            "How many at once; the number of `allow` without it",
        ),
    ]
}

fn to() -> Vec<Key> {
    let full = "A list that is full: `refuse` the write, or `drop_oldest` item";
    let withdrawn = "A document that feeds a list: `all` that it appended goes with it, or it is to `keep`";
    let set = "`identity`, `now`, `claims.…`, a captured variable, `key`, or a constant (a text in quotes of its own: \"'red'\")";
    vec![
        key("document", Shape::Pattern, "The names of the shared document"),
        key("list", Shape::Pattern, "The names of the shared list"),
        key("map", Shape::Pattern, "The names of the shared map; needs `key`"),
        key("stream", Shape::Pattern, "The names of the shared stream"),
        key(
            "key",
            Shape::Pattern,
            "The item's key in the shared map; for a private map `{key}` is its item's key",
        ),
        key(
            "contended",
            Shape::Flag,
            "Several private objects may publish to one place; the latest is shown",
        )
        .or(false),
        key("on_withdraw", Shape::Word(&["all", "keep"]), withdrawn).or("all"),
        key("items_max", Shape::Whole(1, LIST_ITEMS_MAX as u64), "Items of the shared list or map")
            .or(SHARED_ITEMS_DEFAULT),
        key("when_full", Shape::Word(&["refuse", "drop_oldest"]), full).or("refuse"),
        key("take", Shape::Pointers, "JSON pointers that are published; all without it"),
        key("rename", Shape::Moves, "From JSON pointer to JSON pointer"),
        key("default", Shape::Values, "Values for what the client left out"),
        key("set", Shape::Settings, set),
        key("schema", Shape::File, "Schema of the result"),
        key(
            "ttl",
            Shape::Span,
            "Gone after this time unless published again: 30s, 5m, 1h, 1d; for ever without it",
        ),
        key(
            "read",
            Shape::Word(&["everyone", "permission"]),
            "`everyone` in the service, or identities with a permission",
        )
        .or("permission"),
    ]
}

fn refusal() -> Vec<Key> {
    let about = "`code`: status, code, time to wait; `pointer`: also policy, rule and place; `full`: also the texts of the violations";
    vec![key("detail", Shape::Word(&["code", "pointer", "full"]), about).or(json!("pointer"))]
}
