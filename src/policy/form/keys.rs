//! The keys of each table of `policy.toml`, one entry each, in the order in which one writes them.

use serde_json::{Value, json};

use super::{Key, Section, Shape};
use crate::domain::limits::{
    DATA_BYTES_MAX, FOLD_TOP_MAX, LIST_ITEMS_MAX, MESSAGE_DATA_BYTES_MAX, PRIVATE_OBJECTS_ALLOWED_MAX,
    PRIVATE_OBJECTS_MAX, RATE_EVENTS_MAX, SHARED_ITEMS_DEFAULT,
};

/// The keys of one table.
pub(super) fn of(section: Section) -> Vec<Key> {
    match section {
        Section::Top => top(),
        Section::From => from(),
        Section::Vars => vars(),
        Section::Limit => limit(),
        Section::Lookup => lookup(),
        Section::When => when(),
        Section::To => to(),
        Section::Mask => mask(),
        Section::Fold => fold(),
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
        key(
            "mode",
            Shape::Word(&["enforce", "warn", "off"]),
            "`warn`: what schema or conditions would refuse is admitted and logged; `off`: clients cannot write, the names stay closed",
        )
        .or("enforce"),
        key(
            "from",
            Shape::Table(Section::From),
            "The private object: only the identity in its name may write it",
        ),
        key("vars", Shape::Named(Section::Vars), "What a captured variable may be"),
        key(
            "limit",
            Shape::Tables(Section::Limit),
            "How often: a shared limit needs a caller's own beside it",
        ),
        key(
            "lookup",
            Shape::Tables(Section::Lookup),
            "Other objects that the rules read; clients cannot write them",
        ),
        key("when", Shape::Tables(Section::When), "The conditions of a write"),
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
        key(
            "withdraw",
            Shape::Word(&["free", "never"]),
            "`never`: what was published is final, a client cannot take it back",
        )
        .or("free"),
    ]
}

fn vars() -> Vec<Key> {
    vec![
        key("pattern", Shape::Words, "A regular expression that the whole text matches"),
        key("in", Shape::Words, "A list of texts in the token that holds it: claims.rooms"),
        key("exists", Shape::Pattern, "The names of a document that must stand"),
    ]
}

fn lookup() -> Vec<Key> {
    vec![
        key("name", Shape::Words, "What expressions call its data, which is `null` when it does not stand"),
        key("document", Shape::Pattern, "The names of the document"),
        key("map", Shape::Pattern, "The names of the map; needs `key`"),
        key("key", Shape::Pattern, "The key of the map's item"),
        key("required", Shape::Flag, "A client's write is refused when it does not stand").or(false),
        key("schema", Shape::File, "What it is said to be: so much is read of it, and no more"),
    ]
}

fn when() -> Vec<Key> {
    vec![
        key("rule", Shape::Words, "Its name: small letters, digits, `-`; refusals, logs and cases use it"),
        key("that", Shape::Words, "A CEL expression that must be true"),
        key("message", Shape::Text, "What a refused client is told, with `detail = \"full\"`"),
    ]
}

fn mask() -> Vec<Key> {
    vec![
        key("words", Shape::Texts, "Whole words, in any case"),
        key("patterns", Shape::Texts, "Regular expressions"),
        key("digits", Shape::Flag, "Each digit").or(false),
        key("with", Shape::Letter, "The letter that covers").or("*"),
    ]
}

fn fold() -> Vec<Key> {
    vec![
        key("count", Shape::Flag, "How many private objects stand"),
        key("count_by", Shape::Words, "How many have each value: `data.choice`"),
        key("sum", Shape::Words, "The sum, exact"),
        key("mean", Shape::Words, "The mean, rounded half to even to six places"),
        key("min", Shape::Words, "The least"),
        key("max", Shape::Words, "The greatest"),
        key("distinct", Shape::Words, "How many different values there are"),
        key("top", Shape::Whole(1, FOLD_TOP_MAX.into()), "How many of the best, or of the most frequent"),
        key("by", Shape::Words, "What ranks the best: `data.score`"),
        key("keep", Shape::Texts, "Fields of the published data that are shown of each of the best"),
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
        key(
            "cost",
            Shape::Word(&["count", "bytes"]),
            "`bytes`: an attempt takes as much as its data has bytes",
        )
        .or("count"),
    ]
}

fn to() -> Vec<Key> {
    let full = "A list that is full: `refuse` the write, or `drop_oldest` item";
    let withdrawn =
        "A document that feeds a list or a document: `all` that it has said goes with it, or it is to `keep`";
    let set = "`identity`, `pseudonym`, `now`, `claims.…`, a captured variable, `key`, a constant (a text in quotes of its own: \"'red'\"), or a CEL expression";
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
        key("clamp", Shape::Ranges, "The least and the greatest that a number may be"),
        key("mask", Shape::Named(Section::Mask), "What is covered in a text"),
        key("set", Shape::Settings, set),
        key("template", Shape::Templates, "Texts with `{variables}` in them"),
        key(
            "fold",
            Shape::Named(Section::Fold),
            "An aggregate over all private objects that stand, by field",
        ),
        key("schema", Shape::File, "Schema of the result"),
        key(
            "ttl",
            Shape::Span,
            "Gone after this time unless published again: 30s, 5m, 1h, 1d; for ever without it",
        ),
        key(
            "read",
            Shape::Read,
            "`everyone` in the service, identities with a `permission`, or a CEL condition over `reader`",
        )
        .or("permission"),
    ]
}

fn refusal() -> Vec<Key> {
    let about = "`code`: status, code, time to wait; `pointer`: also policy, rule and place; `full`: also the texts of the violations";
    vec![key("detail", Shape::Word(&["code", "pointer", "full"]), about).or(json!("pointer"))]
}
