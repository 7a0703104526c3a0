//! What is told to fit nothing fits nothing; and what is told.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::policy::schema::lint::{draft, lint};

/// The first thing that is told, with its place.
fn told(schema: &Value) -> String {
    let draft = draft(schema).expect("a draft");
    lint(schema, draft).map_or_else(|it| format!("{} {}", it[0].pointer, it[0].what), |_| "fine".to_owned())
}

fn fits_nothing(schema: &Value) -> bool {
    let draft = draft(schema).expect("a draft");
    let mut graph = Graph::new(draft);
    graph.walk(schema, String::new());
    graph.resolve();
    let order = graph.order().expect("an end");
    Look::new(schema, &graph, &order).here[0].is_empty()
}

#[test]
fn what_nothing_fits_is_told_where_it_stands() {
    let draft_4 = "http://json-schema.org/draft-04/schema#";
    let exclude = "no value fits: the parts of this schema exclude each other";
    for (schema, expected) in [
        (
            json!({"properties": {"x": {"minimum": 5, "maximum": 3}}}),
            "/properties/x/minimum `minimum` 5 and `maximum` 3 leave no number",
        ),
        (
            json!({"properties": {"x": {"exclusiveMinimum": 3, "maximum": 3}}}),
            "/properties/x/exclusiveMinimum `exclusiveMinimum` 3 and `maximum` 3 leave no number",
        ),
        (
            json!({"$schema": draft_4, "properties": {"x": {"minimum": 3, "maximum": 3, "exclusiveMaximum": true}}}),
            "/properties/x/minimum `minimum` 3 and `maximum` 3 leave no number",
        ),
        (
            json!({"properties": {"x": {"minLength": 5, "maxLength": 3}}}),
            "/properties/x/minLength `minLength` 5 and `maxLength` 3 leave no text",
        ),
        (
            json!({"properties": {"x": {"minItems": 5, "maxItems": 3}}}),
            "/properties/x/minItems `minItems` 5 and `maxItems` 3 leave no array",
        ),
        (
            json!({"minProperties": 5, "maxProperties": 3}),
            "/minProperties `minProperties` 5 and `maxProperties` 3 leave no object",
        ),
        (
            json!({"properties": {"x": {"contains": {}, "minContains": 2, "maxContains": 1}}}),
            "/properties/x/minContains `minContains` 2 and `maxContains` 1 leave no array",
        ),
        (
            json!({"required": ["y"], "properties": {"x": {}}, "additionalProperties": false}),
            "/required `required` asks for `y`, which is not allowed",
        ),
        (
            json!({"required": ["x"], "properties": {"x": false}}),
            "/required `required` asks for `x`, which is not allowed",
        ),
        (
            json!({"properties": {"x": {"oneOf": [{"type": "string"}, {"type": "null"}, {"type": "string"}]}}}),
            "/properties/x/oneOf/2 branch 3 of `oneOf` equals branch 1: what fits one fits both",
        ),
        (
            json!({"properties": {"x": {"type": "string", "enum": [1, 2]}}}),
            "/properties/x/enum no value of `enum` fits what stands beside it",
        ),
        (
            json!({"properties": {"x": {"maxLength": 3, "const": "long"}}}),
            "/properties/x/const no value of `const` fits what stands beside it",
        ),
        (
            json!({"properties": {"x": {"type": "string", "allOf": [{"type": "integer"}]}}}),
            &format!("/properties/x {exclude}"),
        ),
        (
            json!({"$defs": {"n": {"type": "integer"}}, "properties": {"x": {"$ref": "#/$defs/n", "type": "string"}}}),
            &format!("/properties/x {exclude}"),
        ),
        (
            json!({"properties": {"x": {"type": "number", "minimum": 5, "anyOf": [{"maximum": 3}, {"type": "string"}]}}}),
            &format!("/properties/x {exclude}"),
        ),
        (
            json!({"properties": {"x": {"type": "integer", "exclusiveMinimum": 1, "allOf": [{"exclusiveMaximum": 2}]}}}),
            &format!("/properties/x {exclude}"),
        ),
        (
            json!({"properties": {"x": {"type": "array", "minItems": 3, "prefixItems": [{}, {}], "items": false}}}),
            &format!("/properties/x {exclude}"),
        ),
        (
            json!({"properties": {"x": {"type": "array", "contains": false}}}),
            &format!("/properties/x {exclude}"),
        ),
        (
            json!({"properties": {"x": {"if": {}, "then": {"type": "string"}, "else": {"type": "null"}, "type": "object"}}}),
            &format!("/properties/x {exclude}"),
        ),
        (
            json!({"type": "object", "minProperties": 2, "properties": {"x": {}}, "additionalProperties": false}),
            &format!(" {exclude}"),
        ),
        (
            json!({"type": "object", "allOf": [{"required": ["x"]}, {"properties": {"y": {}}, "additionalProperties": false}]}),
            " no object fits: one part asks for `x`, another does not allow it",
        ),
        (json!({"type": "string"}), " no data fits: data is an object, and the schema allows none"),
        (
            json!({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}),
            " no data fits: it would have to hold itself without end",
        ),
    ] {
        assert_eq!(told(&schema), expected, "{schema}");
    }
}

#[test]
fn what_something_fits_is_not_told() {
    for schema in [
        json!({"properties": {"x": false, "y": {"not": {}}}}),
        json!({"properties": {"x": {"minimum": 3, "maximum": 3}}}),
        json!({"required": ["y"], "patternProperties": {"^y": {}}, "additionalProperties": false}),
        json!({"oneOf": [{"required": ["x"]}, {"required": ["y"]}]}),
        json!({"properties": {"x": {"type": ["string", "integer"], "enum": ["a", 1.0]}}}),
        json!({"properties": {"x": {"if": {"type": "string"}, "then": {"minLength": 1}, "else": false}}}),
        json!({"properties": {"a": {"$ref": "#"}}}),
        json!({"required": ["a"], "properties": {"a": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}),
        json!({"properties": {"x": {"type": "array", "prefixItems": [{}, false], "items": {}}}}),
        json!({"allOf": [{"required": ["x"]}, {"properties": {"x": {}}, "additionalProperties": false}]}),
    ] {
        assert_eq!(told(&schema), "fine", "{schema}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-3..4_i64).prop_map(Value::from),
        (-3..4_i64).prop_map(|it| json!(it as f64 + 0.5)),
        "[ab]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner, 0..3)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

/// One keyword of each kind that is looked into.
fn keyword(inner: impl Strategy<Value = Value> + Clone + 'static) -> impl Strategy<Value = (String, Value)> {
    let number =
        prop_oneof![(-3..4_i64).prop_map(Value::from), (-3..3_i64).prop_map(|it| json!(it as f64 + 0.5))];
    let several = prop::collection::vec(inner.clone(), 1..4).prop_map(Value::from);
    let named = |list: &'static [&'static str]| prop::sample::select(list).prop_map(str::to_owned);
    let kinds = &["null", "boolean", "object", "array", "integer", "number", "string"][..];
    prop_oneof![
        (
            Just("type".to_owned()),
            prop::collection::btree_set(prop::sample::select(kinds), 1..4).prop_map(|it| json!(it))
        ),
        (named(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]), number),
        (
            named(&[
                "minLength",
                "maxLength",
                "minItems",
                "maxItems",
                "minProperties",
                "maxProperties",
                "minContains",
                "maxContains"
            ]),
            (0..4_u64).prop_map(Value::from)
        ),
        (Just("required".to_owned()), prop::collection::btree_set("[ab]", 0..3).prop_map(|it| json!(it))),
        (Just("enum".to_owned()), prop::collection::vec(value(), 1..4).prop_map(Value::from)),
        (Just("const".to_owned()), value()),
        (named(&["allOf", "anyOf", "oneOf", "prefixItems"]), several),
        (named(&["items", "contains", "additionalProperties", "if", "then", "else", "not"]), inner.clone()),
        (
            Just("properties".to_owned()),
            prop::collection::btree_map("[ab]", inner, 0..3)
                .prop_map(|it| Value::Object(it.into_iter().collect()))
        ),
    ]
}

fn schema() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![4 => Just(json!({})), 1 => Just(json!(false)), 1 => Just(json!({"$ref": "#/$defs/d"}))];
    leaf.prop_recursive(3, 24, 3, |inner| {
        prop::collection::vec(keyword(inner), 0..4).prop_map(|it| Value::Object(it.into_iter().collect()))
    })
}

/// Keywords without schemas below them.
fn plain() -> impl Strategy<Value = Value> {
    prop::collection::vec(keyword(Just(json!({}))), 0..4).prop_map(|it| {
        let flat = |it: &(String, Value)| {
            !matches!(
                &*it.0,
                "not" | "items" | "contains" | "additionalProperties" | "minContains" | "maxContains"
            )
        };
        Value::Object(it.into_iter().filter(flat).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    /// What fits one of two is in what fits either; what fits both is in what fits both.
    #[test]
    fn the_algebra_loses_nothing(one in plain(), other in plain(), value in value()) {
        let valid = |it: &Value| jsonschema::options().build(it).is_ok_and(|it| it.is_valid(&value));
        let (Value::Object(a), Value::Object(b)) = (&one, &other) else { return Ok(()) };
        let (a, b) = (Fit::of(a), Fit::of(b));
        if valid(&one) {
            prop_assert!(a.contains(&value), "{one} and {value}");
            prop_assert!(a.clone().or(&b).contains(&value) && b.clone().or(&a).contains(&value), "{value} in {one} or {other}");
        }
        if valid(&one) && valid(&other) {
            prop_assert!(a.and(&b).contains(&value), "{value} in {one} and {other}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    /// Whatever fits a schema shows that it is not one that nothing fits.
    #[test]
    fn nothing_fits_what_is_told_to_fit_nothing(
        schema in schema(),
        definition in prop_oneof![Just(json!({"type": "integer"})), Just(json!({"required": ["a"], "properties": {"a": {"minLength": 1}}}))],
        values in prop::collection::vec(value(), 1..40),
    ) {
        let Value::Object(mut whole) = schema else { return Ok(()) };
        whole.insert("$defs".to_owned(), json!({"d": definition}));
        let whole = Value::Object(whole);
        let Ok(validator) = jsonschema::options().build(&whole) else { return Ok(()) };
        if fits_nothing(&whole) {
            for value in &values {
                prop_assert!(!validator.is_valid(value), "{whole} is said to fit nothing, and {value} fits");
            }
        }
    }
}
