//! The keywords of JSON Schema: in which drafts each has an effect, and what stands below it.

use jsonschema::Draft;

use crate::policy::fault::meant;

/// What a keyword's value is, and to what its schemas are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// No schema.
    Plain,
    /// A schema for the same value.
    Same,
    /// An array of schemas for the same value.
    SameEach,
    /// Schemas by key for the same value (or, in old drafts, arrays of names).
    SameNamed,
    /// Schemas by key; at most one applies to an entry of the object.
    Properties,
    /// Schemas by key; several may apply to an entry of the object.
    Patterns,
    /// A schema for the entries that `properties` does not name.
    Additional,
    /// A schema for each entry or element, beside others.
    Entries,
    /// A schema for each element, or an array of schemas for the first ones.
    Elements,
    /// An array of schemas for the first elements.
    FirstElements,
    /// Schemas by name that apply to nothing until something refers to them.
    Definitions,
    /// A reference to another schema, for the same value.
    Reference,
}

/// The types, in all drafts.
pub(super) const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// The type that was meant by a name that other languages have, or by a slip.
pub(super) fn type_meant(name: &str) -> Option<&'static str> {
    let elsewhere = match name {
        "int" | "int32" | "int64" | "long" | "uint" => "integer",
        "float" | "double" | "decimal" | "real" => "number",
        "bool" => "boolean",
        "str" | "text" | "char" => "string",
        "list" | "tuple" | "set" => "array",
        "map" | "dict" | "struct" | "record" => "object",
        "nil" | "none" | "undefined" => "null",
        _ => return meant(name, TYPES),
    };
    Some(elsewhere)
}

const D4: u8 = 1;
const D6: u8 = 2;
const D7: u8 = 4;
const D19: u8 = 8;
const D20: u8 = 16;
const ALL: u8 = D4 | D6 | D7 | D19 | D20;
const FROM_6: u8 = D6 | D7 | D19 | D20;
const FROM_7: u8 = D7 | D19 | D20;
const FROM_19: u8 = D19 | D20;
const UP_TO_7: u8 = D4 | D6 | D7;
const UP_TO_19: u8 = UP_TO_7 | D19;

/// Keyword, drafts in which it has an effect (or a meaning for people), shape.
const KEYWORDS: &[(&str, u8, Shape)] = &[
    ("$schema", ALL, Shape::Plain),
    ("id", D4, Shape::Plain),
    ("$id", FROM_6, Shape::Plain),
    ("$anchor", FROM_19, Shape::Plain),
    ("$comment", FROM_7, Shape::Plain),
    ("title", ALL, Shape::Plain),
    ("description", ALL, Shape::Plain),
    ("default", ALL, Shape::Plain),
    ("examples", FROM_6, Shape::Plain),
    ("deprecated", FROM_19, Shape::Plain),
    ("readOnly", FROM_7, Shape::Plain),
    ("writeOnly", FROM_7, Shape::Plain),
    ("$ref", ALL, Shape::Reference),
    ("$defs", FROM_19, Shape::Definitions),
    ("definitions", ALL, Shape::Definitions),
    ("type", ALL, Shape::Plain),
    ("enum", ALL, Shape::Plain),
    ("const", FROM_6, Shape::Plain),
    ("multipleOf", ALL, Shape::Plain),
    ("maximum", ALL, Shape::Plain),
    ("exclusiveMaximum", ALL, Shape::Plain),
    ("minimum", ALL, Shape::Plain),
    ("exclusiveMinimum", ALL, Shape::Plain),
    ("maxLength", ALL, Shape::Plain),
    ("minLength", ALL, Shape::Plain),
    ("pattern", ALL, Shape::Plain),
    ("format", ALL, Shape::Plain),
    ("maxItems", ALL, Shape::Plain),
    ("minItems", ALL, Shape::Plain),
    ("uniqueItems", ALL, Shape::Plain),
    ("maxContains", FROM_19, Shape::Plain),
    ("minContains", FROM_19, Shape::Plain),
    ("maxProperties", ALL, Shape::Plain),
    ("minProperties", ALL, Shape::Plain),
    ("required", ALL, Shape::Plain),
    ("dependentRequired", FROM_19, Shape::Plain),
    ("allOf", ALL, Shape::SameEach),
    ("anyOf", ALL, Shape::SameEach),
    ("oneOf", ALL, Shape::SameEach),
    ("not", ALL, Shape::Same),
    ("if", FROM_7, Shape::Same),
    ("then", FROM_7, Shape::Same),
    ("else", FROM_7, Shape::Same),
    ("dependentSchemas", FROM_19, Shape::SameNamed),
    ("dependencies", UP_TO_7, Shape::SameNamed),
    ("properties", ALL, Shape::Properties),
    ("patternProperties", ALL, Shape::Patterns),
    ("additionalProperties", ALL, Shape::Additional),
    ("unevaluatedProperties", FROM_19, Shape::Entries),
    ("propertyNames", FROM_6, Shape::Entries),
    ("items", ALL, Shape::Elements),
    ("prefixItems", D20, Shape::FirstElements),
    ("additionalItems", UP_TO_19, Shape::Entries),
    ("contains", FROM_6, Shape::Entries),
    ("unevaluatedItems", FROM_19, Shape::Entries),
];

/// Keywords that may stand beside `$ref` in drafts that ignore its siblings.
pub(super) const BESIDE_REFERENCE: &[&str] =
    &["$schema", "id", "$id", "$comment", "title", "description", "default", "examples", "definitions"];

/// Whether a draft ignores what stands beside `$ref`.
pub(super) fn ignores_siblings(draft: Draft) -> bool {
    bit(draft) & UP_TO_7 != 0
}

/// The shape of a keyword that has an effect in this draft.
pub(super) fn shape(draft: Draft, keyword: &str) -> Option<Shape> {
    KEYWORDS.iter().find(|it| it.0 == keyword && it.1 & bit(draft) != 0).map(|it| it.2)
}

/// Whether another draft knows the keyword.
pub(super) fn of_another_draft(keyword: &str) -> bool {
    KEYWORDS.iter().any(|it| it.0 == keyword)
}

/// All keywords of a draft.
pub(super) fn all(draft: Draft) -> impl Iterator<Item = &'static str> {
    KEYWORDS.iter().filter(move |it| it.1 & bit(draft) != 0).map(|it| it.0)
}

/// The name of a draft, for people.
pub(super) fn name(draft: Draft) -> &'static str {
    match draft {
        Draft::Draft4 => "draft 4",
        Draft::Draft6 => "draft 6",
        Draft::Draft7 => "draft 7",
        Draft::Draft201909 => "draft 2019-09",
        _ => "draft 2020-12",
    }
}

fn bit(draft: Draft) -> u8 {
    match draft {
        Draft::Draft4 => D4,
        Draft::Draft6 => D6,
        Draft::Draft7 => D7,
        Draft::Draft201909 => D19,
        _ => D20,
    }
}
