//! From a JSON Schema to the shapes that its values have, as far as its plain keywords say it.
//!
//! The keywords of a schema all hold together, so each may be left out without saying anything untrue: `anyOf`,
//! `oneOf`, `not`, `if`, patterns and references out of the file are, and what only they say is not known here.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::{
    domain::limits::{EXPRESSION_SHAPES_MAX, SCHEMA_PARTS_MAX},
    policy::expression::{
        kinds::Kinds,
        shape::{Field, Rest, Shape, ShapeId, Shapes, Size},
    },
};

type Object = Map<String, Value>;

/// Reads one file of JSON Schema.
struct Reader<'s, 'o> {
    root: &'s Value,
    /// Whether what stands beside a `$ref` is ignored, as it was until draft 7.
    lone_references: bool,
    shapes: &'o mut Shapes,
    /// The shape of each set of schemas that hold for one value, by their places in memory.
    known: HashMap<Vec<usize>, ShapeId>,
}

/// The shape of data under a schema: always an object.
pub(super) fn shape(root: &Value, shapes: &mut Shapes) -> ShapeId {
    let draft = root.get("$schema").and_then(Value::as_str).unwrap_or_default();
    let lone_references = ["draft-04", "draft-06", "draft-07"].iter().any(|it| draft.contains(it));
    let mut reader = Reader { root, lone_references, shapes, known: HashMap::new() };
    let id = reader.shape(&[root]);
    let mut shape = shapes.get(id).clone();
    shape.kinds = Kinds::MAP;
    shapes.add(shape)
}

impl<'s> Reader<'s, '_> {
    /// The shape of a value for which all these schemas hold.
    fn shape(&mut self, schemas: &[&'s Value]) -> ShapeId {
        let Some(parts) = self.parts(schemas) else { return Shapes::ANY };
        let key: Vec<usize> = parts.iter().map(|it| std::ptr::from_ref(*it).addr()).collect();
        if parts.is_empty() || EXPRESSION_SHAPES_MAX <= self.shapes.len() {
            return Shapes::ANY;
        }
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        // The place is taken before the parts are looked at: a schema may lead back to itself, and is as large as
        // data can be then.
        let id = self.shapes.add(self.shapes.get(Shapes::ANY).clone());
        self.known.insert(key, id);
        let shape = self.read(&parts);
        self.shapes.put(id, shape);
        self.shapes.measure(id);
        id
    }

    /// The schemas, and those that they refer to or hold in `allOf`, each once.
    fn parts(&self, schemas: &[&'s Value]) -> Option<Vec<&'s Object>> {
        let mut waiting: Vec<&'s Value> = schemas.iter().rev().copied().collect();
        let mut parts: Vec<&'s Object> = Vec::new();
        while let Some(schema) = waiting.pop() {
            let Value::Object(object) = schema else { continue };
            if parts.iter().any(|it| std::ptr::eq(*it, object)) {
                continue;
            }
            if parts.len() == SCHEMA_PARTS_MAX {
                return None;
            }
            parts.push(object);
            if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                waiting.extend(reference.strip_prefix('#').and_then(|it| self.at(it)));
                if self.lone_references {
                    continue;
                }
            }
            waiting.extend(object.get("allOf").and_then(Value::as_array).into_iter().flatten());
        }
        if self.lone_references {
            parts.retain(|it| !it.contains_key("$ref"));
        }
        Some(parts)
    }

    fn at(&self, pointer: &str) -> Option<&'s Value> {
        let decoded = percent_encoding::percent_decode_str(pointer).decode_utf8().ok()?;
        self.root.pointer(&decoded)
    }

    fn read(&mut self, parts: &[&'s Object]) -> Shape {
        let all = Kinds::JSON | Kinds::INT;
        let mut kinds = parts.iter().fold(all, |kinds, it| kinds & kinds_of(it));
        if kinds.meets(Kinds::DOUBLE) {
            kinds = kinds.without(Kinds::INT);
        }
        let least = |keyword: &str, otherwise: u64| {
            let bounds = parts.iter().filter_map(|it| it.get(keyword)?.as_u64());
            bounds.fold(otherwise, u64::min)
        };
        let (fields, rest) = self.fields(parts);
        let most_entries = match rest {
            Rest::Closed => fields.len() as u64,
            Rest::Open(_) => Size::DATA.nodes,
        };
        let entries = least("maxProperties", most_entries);
        let items = self.items(parts);
        let listed = least("maxItems", Size::DATA.nodes);
        let letters = least("maxLength", Size::DATA.bytes).saturating_mul(4);
        Shape {
            kinds,
            fields,
            rest,
            items,
            count: match (kinds.meets(Kinds::LIST), kinds.meets(Kinds::MAP)) {
                (true, false) => listed,
                (false, true) => entries,
                _ => listed.max(entries),
            },
            size: Size {
                nodes: 1,
                bytes: if kinds.meets(Kinds::STRING) { letters.min(longest(parts)) } else { 0 },
            },
            lenient: false,
        }
    }

    fn fields(&mut self, parts: &[&'s Object]) -> (Vec<Field>, Rest) {
        let mut names: Vec<&'s str> = Vec::new();
        for part in parts {
            for name in part.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
        }
        let mut fields = Vec::new();
        for name in names {
            let schemas: Vec<&'s Value> = parts.iter().filter_map(|it| property(it, name)).collect();
            if schemas.iter().any(|it| **it == Value::Bool(false)) {
                continue;
            }
            let shape = self.shape(&schemas);
            fields.push(Field { name: name.into(), shape, required: requires(parts, name) });
        }
        for name in parts.iter().flat_map(|it| required(it)) {
            if !fields.iter().any(|it| &*it.name == name) {
                fields.push(Field { name: name.into(), shape: Shapes::ANY, required: true });
            }
        }
        let others: Vec<&'s Value> = parts.iter().filter_map(|it| additional(it)).collect();
        if others.iter().any(|it| **it == Value::Bool(false)) {
            return (fields, Rest::Closed);
        }
        let rest = self.shape(&others);
        (fields, Rest::Open(rest))
    }

    fn items(&mut self, parts: &[&'s Object]) -> ShapeId {
        // Tuples: each place has a schema of its own, which nothing here tells apart.
        let tuple =
            |it: &&&Object| it.contains_key("prefixItems") || it.get("items").is_some_and(Value::is_array);
        if parts.iter().any(|it| tuple(&it)) {
            return Shapes::ANY;
        }
        let schemas: Vec<&'s Value> = parts.iter().filter_map(|it| it.get("items")).collect();
        self.shape(&schemas)
    }
}

/// What one schema says of a field.
fn property<'s>(schema: &'s Object, name: &str) -> Option<&'s Value> {
    let named = schema.get("properties").and_then(|it| it.get(name));
    named.or_else(|| additional(schema))
}

/// What one schema says of fields that it does not name.
fn additional(schema: &Object) -> Option<&Value> {
    if schema.contains_key("patternProperties") { None } else { schema.get("additionalProperties") }
}

fn required(schema: &Object) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn requires(parts: &[&Object], name: &str) -> bool {
    parts.iter().any(|it| required(it).any(|it| it == name))
}

/// The sorts of values that one schema admits. Integers are numbers, too: only what all say decides.
fn kinds_of(schema: &Object) -> Kinds {
    let all = Kinds::JSON | Kinds::INT;
    let named = match schema.get("type") {
        Some(Value::String(name)) => named(name),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).fold(Kinds::NONE, |kinds, it| kinds | named(it))
        }
        _ => all,
    };
    named & values(schema).map_or(all, |it| it.iter().fold(Kinds::NONE, |kinds, it| kinds | sort(it)))
}

/// The values among which one schema lets choose.
fn values(schema: &Object) -> Option<&[Value]> {
    match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(values)), _) => Some(values),
        (_, Some(value)) => Some(std::slice::from_ref(value)),
        _ => None,
    }
}

/// Bytes of the longest text among the values that may be chosen.
fn longest(parts: &[&Object]) -> u64 {
    let longest = |values: &[Value]| values.iter().filter_map(Value::as_str).map(str::len).max();
    let texts = parts.iter().filter_map(|it| values(it)).map(|it| longest(it).unwrap_or(0) as u64);
    texts.fold(Size::DATA.bytes, u64::min)
}

fn named(name: &str) -> Kinds {
    match name {
        "null" => Kinds::NULL,
        "boolean" => Kinds::BOOL,
        "integer" => Kinds::INT,
        "number" => Kinds::NUMBER,
        "string" => Kinds::STRING,
        "array" => Kinds::LIST,
        "object" => Kinds::MAP,
        _ => Kinds::JSON | Kinds::INT,
    }
}

fn sort(value: &Value) -> Kinds {
    match value {
        Value::Null => Kinds::NULL,
        Value::Bool(_) => Kinds::BOOL,
        Value::Number(_) => Kinds::NUMBER,
        Value::String(_) => Kinds::STRING,
        Value::Array(_) => Kinds::LIST,
        Value::Object(_) => Kinds::MAP,
    }
}
