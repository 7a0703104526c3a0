//! The form of `policy.toml` as a JSON Schema (2020-12), for editors: completion, and faults while one types.
//!
//! The `Keys` tables in `source` say which keys there are; a test holds the tables here in step with them. A key of
//! its own is one entry. What a schema cannot say (which variables are captured, whose names meet) is the compiler's.

mod keys;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use crate::domain::limits::{
    LOOKUPS_MAX, POLICY_SERVICES_MAX, RATES_MAX, REWRITES_MAX, RULES_MAX, TARGETS_MAX,
};

/// One key of a table of `policy.toml`.
struct Key {
    name: &'static str,
    shape: Shape,
    /// What stands when the key does not: words for people, since some are no value.
    default: Option<Value>,
    about: String,
}

/// What a key's value looks like.
#[derive(Clone, Copy)]
enum Shape {
    /// Any text.
    Text,
    /// Names of services.
    Services,
    /// A pattern of names; that of `[from]` has `{identity}`.
    Private,
    /// A pattern of names or of keys.
    Pattern,
    /// A file beside `policy.toml`.
    File,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number from one to another.
    Whole(u64, u64),
    /// `20/s`.
    Rate,
    /// `identity`, `address`, `policy`, or captured variables.
    Per,
    /// `30s`.
    Span,
    /// JSON pointers.
    Pointers,
    /// From JSON pointer to JSON pointer.
    Moves,
    /// Values by key or JSON pointer.
    Values,
    /// Names of facts, or constants, by key or JSON pointer.
    Settings,
    /// Any text that is not empty.
    Words,
    /// `everyone`, `permission`, or an expression.
    Read,
    /// Texts.
    Texts,
    /// Pairs of numbers by key or JSON pointer.
    Ranges,
    /// Texts by key or JSON pointer.
    Templates,
    /// One letter.
    Letter,
    /// A table.
    Table(Section),
    /// Tables by name.
    Named(Section),
    /// An array of tables.
    Tables(Section),
}

/// A table of `policy.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Top,
    From,
    Vars,
    Limit,
    Lookup,
    When,
    To,
    Mask,
    Fold,
    Refusal,
}

/// The kinds of which a table names one.
const KINDS: [&str; 4] = ["document", "list", "map", "stream"];

/// The form of `policy.toml`.
pub fn form() -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!("A policy of Airlock (policy.toml)"));
    schema.extend(table(Section::Top));
    Value::Object(schema)
}

/// The text that `airlock policy schema` prints and `docs/policy.schema.json` holds.
pub fn form_text() -> String {
    // The pretty form of `serde_json` has no failure for a value that is JSON already.
    serde_json::to_string_pretty(&form()).unwrap_or_default() + "\n"
}

fn table(of: Section) -> Map<String, Value> {
    let mut properties = Map::new();
    for key in keys::of(of) {
        let mut value = key.shape.schema();
        value.insert("description".to_owned(), Value::String(key.about));
        value.extend(key.default.map(|it| ("default".to_owned(), it)));
        properties.insert(key.name.to_owned(), Value::Object(value));
    }
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema.extend(rules(of));
    schema
}

/// What must stand together in a table, and what must not.
fn rules(of: Section) -> Map<String, Value> {
    let one_kind: Vec<Value> = KINDS.iter().map(|it| json!({ "required": [it] })).collect();
    let rules = match of {
        Section::Top => json!({ "required": ["from", "to"] }),
        Section::From => json!({
            "oneOf": one_kind,
            "dependentRequired": { "until": ["document"] },
        }),
        Section::Vars => json!({ "minProperties": 1 }),
        Section::Limit => json!({ "required": ["per", "allow"] }),
        Section::Lookup => json!({
            "required": ["name"],
            "oneOf": [{ "required": ["document"] }, { "required": ["map"] }],
            "dependentRequired": { "map": ["key"], "key": ["map"] },
        }),
        Section::When => json!({ "required": ["rule", "that"] }),
        Section::Mask => json!({
            "anyOf": [{ "required": ["words"] }, { "required": ["patterns"] }, { "required": ["digits"] }],
        }),
        Section::Fold => json!({
            "minProperties": 1,
            "dependentRequired": { "by": ["top"], "keep": ["top"] },
        }),
        Section::To => json!({
            "oneOf": one_kind,
            "dependentRequired": { "map": ["key"], "key": ["map"], "when_full": ["list"], "fold": ["document"] },
            "dependentSchemas": {
                "on_withdraw": { "anyOf": [{ "required": ["list"] }, { "required": ["document"] }] },
                "items_max": { "anyOf": [{ "required": ["list"] }, { "required": ["map"] }] },
                "ttl": { "not": { "required": ["stream"] } },
            },
        }),
        Section::Refusal => json!({}),
    };
    match rules {
        Value::Object(rules) => rules,
        _ => Map::new(),
    }
}

impl Shape {
    fn schema(self) -> Map<String, Value> {
        let texts = |pattern: &str| json!({ "type": "string", "pattern": pattern });
        let by_name = |value: Value| json!({ "type": "object", "maxProperties": REWRITES_MAX, "additionalProperties": value });
        let schema = match self {
            Self::Text => json!({ "type": "string" }),
            Self::Services => json!({
                "type": "array", "items": { "type": "string", "minLength": 1 }, "minItems": 1,
                "maxItems": POLICY_SERVICES_MAX, "uniqueItems": true,
            }),
            Self::Private => texts(r"^([^/]+/)*\{identity\}(/[^/]+)*$"),
            Self::Pattern => texts("^[^/]+(/[^/]+)*$"),
            Self::File => texts(r"^[^./\\][^/\\]*\.json$"),
            Self::Word(words) => json!({ "enum": words }),
            Self::Flag => json!({ "type": "boolean" }),
            Self::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
            Self::Rate => texts("^[0-9]+/[smh]$"),
            Self::Per => json!({
                "type": "string",
                "anyOf": [
                    { "enum": ["identity", "address", "policy"] },
                    { "pattern": r"^\{[a-z][a-z0-9_]*\}(/\{[a-z][a-z0-9_]*\})*$" },
                ],
            }),
            Self::Span => texts("^[0-9]+[smhd]$"),
            Self::Pointers => json!({
                "type": "array", "items": { "type": "string", "pattern": "^/" }, "maxItems": REWRITES_MAX,
            }),
            Self::Moves => json!({
                "type": "object", "maxProperties": REWRITES_MAX, "propertyNames": { "pattern": "^/" },
                "additionalProperties": { "type": "string", "pattern": "^/" },
            }),
            Self::Values => by_name(json!(true)),
            Self::Settings => by_name(json!({ "type": ["string", "number", "boolean"] })),
            Self::Read => texts("^(everyone|permission)$|[^A-Za-z]"),
            Self::Words => json!({ "type": "string", "minLength": 1 }),
            Self::Texts => json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
            Self::Ranges => by_name(json!({
                "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2,
            })),
            Self::Templates => by_name(json!({ "type": "string" })),
            Self::Letter => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
            Self::Named(section) => {
                json!({ "type": "object", "minProperties": 1, "additionalProperties": table(section) })
            }
            Self::Table(section) => Value::Object(table(section)),
            Self::Tables(section) => {
                let most = match section {
                    Section::To => TARGETS_MAX,
                    Section::Lookup => LOOKUPS_MAX,
                    Section::When => RULES_MAX,
                    _ => RATES_MAX,
                };
                let least = usize::from(section == Section::To);
                json!({ "type": "array", "minItems": least, "maxItems": most, "items": table(section) })
            }
        };
        match schema {
            Value::Object(schema) => schema,
            _ => Map::new(),
        }
    }
}
