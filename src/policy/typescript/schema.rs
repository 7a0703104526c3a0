//! From a JSON Schema to TypeScript types. What the types cannot say (bounds, formats, `not`, `if`) is left out:
//! the types are never narrower than the schema, but for values that are no object where it speaks of fields only.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::{
    form::{Field, Presence, Type},
    names::{Names, pascal},
};

/// A type with its name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Declaration {
    pub(super) name: String,
    pub(super) about: Option<String>,
    pub(super) value: Type,
}

/// Declares the type of a schema's file, then those that it refers to; the first one gets `name`.
pub(super) fn declare(root: &Value, name: &str, names: &mut Names) -> Vec<Declaration> {
    let mut reader = Reader {
        root,
        name,
        names,
        named: BTreeMap::from([(String::new(), name.to_owned())]),
        waiting: vec![String::new()],
    };
    let mut declared = Vec::new();
    while let Some(pointer) = reader.waiting.pop() {
        let (Some(schema), Some(name)) = (root.pointer(&pointer), reader.named.get(&pointer).cloned()) else {
            continue;
        };
        declared.push(Declaration { name, about: about(schema), value: reader.read(schema) });
    }
    declared
}

/// The type of a schema's file by itself: what it refers to is not known.
pub(super) fn alone(root: &Value) -> Option<Type> {
    declare(root, "", &mut Names::default()).into_iter().next().map(|it| it.value)
}

/// What a schema says of itself.
fn about(schema: &Value) -> Option<String> {
    let text = |key: &str| schema.get(key).and_then(Value::as_str).map(str::to_owned);
    let said = text("description").or_else(|| text("title"));
    match schema.get("deprecated") {
        Some(Value::Bool(true)) => Some(said.map_or_else(String::new, |it| it + "\n") + "@deprecated"),
        _ => said,
    }
}

struct Reader<'s> {
    root: &'s Value,
    name: &'s str,
    names: &'s mut Names,
    /// The names of the schemas that were referred to, by their pointers.
    named: BTreeMap<String, String>,
    waiting: Vec<String>,
}

impl Reader<'_> {
    /// The schema's type; its depth was bounded when the file was parsed.
    fn read(&mut self, schema: &Value) -> Type {
        let Value::Object(schema) = schema else {
            return if *schema == Value::Bool(false) { Type::Never } else { Type::Unknown };
        };
        let mut parts = Vec::new();
        if let Some(text) = schema.get("$ref").and_then(Value::as_str) {
            parts.push(self.reference(text));
        }
        parts.push(self.own(schema));
        let all = schema.get("allOf").and_then(Value::as_array);
        parts.extend(all.into_iter().flatten().map(|it| self.read(it)).collect::<Vec<_>>());
        for keyword in ["anyOf", "oneOf"] {
            if let Some(each) = schema.get(keyword).and_then(Value::as_array) {
                parts.push(Type::union(each.iter().map(|it| self.read(it)).collect::<Vec<_>>()));
            }
        }
        Type::both(parts)
    }

    /// What `const`, `enum` and `type` say.
    fn own(&mut self, schema: &Map<String, Value>) -> Type {
        if let Some(value) = schema.get("const") {
            return Type::Literal(value.clone());
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return Type::union(values.iter().cloned().map(Type::Literal));
        }
        let words = match schema.get("type") {
            Some(Value::String(word)) => vec![word.as_str()],
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
            _ => self.implied(schema),
        };
        if words.is_empty() {
            return Type::Unknown;
        }
        let each = |reader: &mut Self, word: &str| match word {
            "string" => Type::Plain("string"),
            "number" | "integer" => Type::Plain("number"),
            "boolean" => Type::Plain("boolean"),
            "null" => Type::Plain("null"),
            "array" => reader.array(schema),
            "object" => reader.object(schema),
            _ => Type::Unknown,
        };
        Type::union(words.into_iter().map(|it| each(self, it)).collect::<Vec<_>>())
    }

    /// The type that a schema without `type` means.
    fn implied(&self, schema: &Map<String, Value>) -> Vec<&'static str> {
        let has = |keywords: &[&str]| keywords.iter().any(|it| schema.contains_key(*it));
        if has(&["properties", "required", "additionalProperties", "patternProperties"]) {
            vec!["object"]
        } else if has(&["items", "prefixItems"]) {
            vec!["array"]
        } else {
            Vec::new()
        }
    }

    fn object(&mut self, schema: &Map<String, Value>) -> Type {
        let entries = |key: &str| schema.get(key).and_then(Value::as_object);
        let required: Vec<&str> = match schema.get("required") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let mut fields = Vec::new();
        for (name, inner) in entries("properties").into_iter().flatten() {
            let needed = required.contains(&name.as_str());
            let presence = if needed { Presence::Required } else { Presence::Optional };
            fields.push(Field { name: name.clone(), about: about(inner), presence, value: self.read(inner) });
        }
        let additional = schema.get("additionalProperties");
        let patterns = entries("patternProperties").into_iter().flatten().map(|it| it.1);
        let others: Vec<Type> = patterns.chain(additional).map(|it| self.read(it)).collect();
        let open = fields.is_empty() && required.is_empty() && additional.is_none();
        let others = match Type::union(others) {
            Type::Never if open => Some(Type::Unknown),
            Type::Never => None,
            others => Some(others),
        };
        for name in required {
            if !fields.iter().any(|it| it.name == name) {
                fields.push(Field::bare(name, Presence::Required, others.clone().unwrap_or(Type::Unknown)));
            }
        }
        Type::object(fields, others)
    }

    fn array(&mut self, schema: &Map<String, Value>) -> Type {
        // Before 2020-12 `items` held the first elements, when it was an array, and `additionalItems` the others.
        let (first, rest) = match (schema.get("prefixItems"), schema.get("items")) {
            (Some(Value::Array(first)), rest) => (first.as_slice(), rest),
            (_, Some(Value::Array(first))) => (first.as_slice(), schema.get("additionalItems")),
            (_, rest) => (&[][..], rest),
        };
        let rest = rest.map_or(Type::Unknown, |it| self.read(it));
        if first.is_empty() {
            return Type::Array(Box::new(rest));
        }
        let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
        let needed = bound("minItems").unwrap_or(0);
        let presence = |at: u64| if at < needed { Presence::Required } else { Presence::Optional };
        let first: Vec<_> = (0..).zip(first).map(|(at, it)| (self.read(it), presence(at))).collect();
        let full = bound("maxItems").is_some_and(|it| it <= first.len() as u64);
        let rest = (rest != Type::Never && !full).then(|| Box::new(rest));
        Type::Tuple { first, rest }
    }

    fn reference(&mut self, text: &str) -> Type {
        let fragment = percent_decode_str(text.trim_start_matches('#')).decode_utf8_lossy().into_owned();
        let pointer = if fragment.is_empty() || fragment.starts_with('/') {
            Some(fragment)
        } else {
            anchored(self.root, &fragment, String::new())
        };
        let Some(pointer) = pointer.filter(|it| self.root.pointer(it).is_some()) else {
            return Type::Unknown;
        };
        if let Some(name) = self.named.get(&pointer) {
            return Type::Named(name.clone());
        }
        let last = pointer.rsplit('/').next().unwrap_or_default();
        let name = self.names.take(&(self.name.to_owned() + pascal(last).trim_start_matches('_')));
        self.named.insert(pointer.clone(), name.clone());
        self.waiting.insert(0, pointer);
        Type::Named(name)
    }
}

/// The pointer of the schema with this anchor.
fn anchored(value: &Value, anchor: &str, pointer: String) -> Option<String> {
    match value {
        Value::Object(entries) if entries.get("$anchor").and_then(Value::as_str) == Some(anchor) => {
            Some(pointer)
        }
        Value::Object(entries) => entries.iter().find_map(|(key, value)| {
            let step = key.replace('~', "~0").replace('/', "~1");
            anchored(value, anchor, format!("{pointer}/{step}"))
        }),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, it)| anchored(it, anchor, format!("{pointer}/{at}")))
        }
        _ => None,
    }
}
