//! Rows of schemas and rewrites with the types that come of them.

use serde_json::{Value, json};

use super::{
    form::comment,
    names::{Names, camel, pascal},
    schema::declare,
    typescript,
};
use crate::policy::{
    compile,
    files::{Content, Files},
};

/// The types of a schema, one declaration a line, with one space for each break of a line.
fn told(schema: &Value) -> Vec<String> {
    let mut names = Names::default();
    let name = names.take("T");
    let line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    declare(schema, &name, &mut names)
        .into_iter()
        .map(|it| line(format!("{} = {}", it.name, it.value.text(0))))
        .collect()
}

#[test]
fn schemas_become_types_that_are_not_narrower() {
    let point = json!({"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}]});
    let with = |key: &str, value: Value| {
        let mut schema = point.clone();
        schema[key] = value;
        schema
    };
    let old = json!({"type": "array", "items": [{"type": "null"}], "additionalItems": {"type": "string"}});
    let map = json!({"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "number"}});
    let nested = json!({
        "properties": {"a": {"properties": {"b": {}}}},
        "additionalProperties": {"type": "number"},
    });
    let rows: &[(Value, &str)] = &[
        (json!({}), "unknown"),
        (json!(false), "unknown"),
        (json!({"not": {}}), "unknown"),
        (json!({"type": "object"}), "Record<string, unknown>"),
        (json!({"type": "object", "additionalProperties": false}), "Record<string, never>"),
        (json!({"additionalProperties": {"type": "integer"}}), "Record<string, number>"),
        (json!({"patternProperties": {"^a": {"type": "null"}}}), "Record<string, null>"),
        (json!({"properties": {"a": {"type": "string"}}, "required": ["a"]}), "{ a: string; }"),
        (json!({"properties": {"a-b": true, "__x$": false}}), "{ \"a-b\"?: unknown; __x$?: never; }"),
        (json!({"properties": {}, "required": ["a"]}), "{ a: unknown; }"),
        (map, "{ a?: string; [key: string]: number | string | undefined; }"),
        (nested, "{ a?: { b?: unknown; }; [key: string]: unknown; }"),
        (json!({"type": ["string", "null"]}), "string | null"),
        (json!({"enum": ["a", 1, null, true]}), "\"a\" | 1 | null | true"),
        (json!({"enum": [{"k": [1, {}]}, "\"\n"]}), "{ k: [1, Record<string, never>] } | \"\\\"\\n\""),
        (json!({"const": "x", "type": "string"}), "\"x\""),
        (json!({"type": "array"}), "unknown[]"),
        (json!({"items": {"type": ["number", "null"]}}), "(number | null)[]"),
        (point.clone(), "[number?, number?, ...unknown[]]"),
        (with("minItems", json!(1)), "[number, number?, ...unknown[]]"),
        (with("items", json!(false)), "[number?, number?]"),
        (with("maxItems", json!(2)), "[number?, number?]"),
        (with("items", json!({"enum": [1, 2]})), "[number?, number?, ...(1 | 2)[]]"),
        (old, "[null?, ...string[]]"),
        (json!({"oneOf": [{"type": "string"}, {"type": "string"}, false]}), "string"),
        (json!({"anyOf": [{"type": "string"}, {}]}), "unknown"),
        (
            json!({"properties": {"a": {}}, "allOf": [{"oneOf": [{"type": "object"}, {"required": ["a"]}]}]}),
            "{ a?: unknown; } & (Record<string, unknown> | { a: unknown; })",
        ),
    ];
    for (schema, expected) in rows {
        let expected = if *schema == json!(false) { "never" } else { expected };
        assert_eq!(told(schema), [format!("T = {expected}")], "{schema}");
    }
}

#[test]
fn references_become_names_once_each() {
    let schema = json!({
        "$defs": {
            "tree": {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}},
            "a/b": {"$anchor": "here", "type": "string"},
            "a-b": {"type": "null"},
        },
        "properties": {
            "tree": {"$ref": "#/$defs/tree"}, "self": {"$ref": "#"}, "one": {"$ref": "#here"},
            "two": {"$ref": "#/$defs/a-b"}, "three": {"$ref": "#/%24defs/a~1b"},
        },
    });
    let expected = [
        "T = { tree?: TTree; self?: T; one?: TAb; two?: TAB; three?: TAb; }",
        "TTree = { kids?: TTree[]; }",
        "TAb = string",
        "TAB = null",
    ];
    // `a~1b` is read as the words `a` and `1b`.
    let expected: Vec<String> = expected.iter().map(|it| it.replace("TAb", "TA1b")).collect();
    let mut told = told(&schema);
    told.sort_by_key(|it| expected.iter().position(|other| other == it));
    assert_eq!(told, expected);
}

#[test]
fn no_two_names_are_alike_and_no_text_ends_its_comment() {
    let mut names = Names::default();
    assert_eq!([names.take("A"), names.take("A"), names.take("A2")], ["A", "A2", "A22"]);
    assert_eq!(
        (pascal("two-words"), camel("two-words"), pascal("1st")),
        ("TwoWords".into(), "twoWords".into(), "_1st".into())
    );
    assert_eq!(comment("a */ b", 0), "/** a *\\/ b */\n");
    assert_eq!(comment("a\u{2028}b\n", 1), "  /**\n   * a\n   * b\n   *\n   */\n");
}

/// The types of a policy, from the first of the shared side on; `private` is its schema.
fn shared(private: Option<&str>, rewrite: &str) -> String {
    let schema = private.map_or("", |_| "schema = \"a.json\"\n");
    let policy = format!(
        "[from]\ndocument = \"a/{{identity}}\"\n{schema}[[to]]\ndocument = \"b/`${{identity}}\"\n{rewrite}"
    );
    let policy = policy.replace("b/`${identity}", "b`$/{identity}");
    let bytes = |text: &str| Content::Bytes(text.as_bytes().to_vec());
    let schemas = private.into_iter().map(|it| ("a.json".to_owned(), bytes(it))).collect();
    let files = Files { name: "p".into(), path: "p".into(), policy: bytes(&policy), schemas };
    let text = typescript(&compile(&[files]).expect("compiled"));
    assert!(text.contains("return `b\\`$/${segment(identity)}`;"), "{text}");
    let (_, text) = text.split_once("PShared ").expect("a shared type");
    let (text, _) = text.split_once("\n/**").expect("and a name");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn without_a_schema_the_shared_side_follows_the_rewrite() {
    let private = r#"{"type": "object", "properties": {"x": {"type": "number"}, "c": {"enum": ["red"]},
        "o": {"type": "object", "properties": {"i": {}}}}, "required": ["x", "o"]}"#;
    let rows: &[(Option<&str>, &str, &str)] = &[
        (None, "", "= Record<string, unknown>;"),
        (None, "take = [\"/x\"]", "{ x?: unknown; }"),
        (None, "set = { who = \"identity\" }", "{ who: string; [key: string]: unknown; }"),
        (None, "default = { x = 1 }", "{ x: unknown; [key: string]: unknown; }"),
        (Some(private), "take = [\"/x\", \"/c\"]", "{ x: number; c?: \"red\"; }"),
        (Some(private), "take = [\"/x\"]\nrename = { \"/x\" = \"/left\" }", "{ left: number; }"),
        (Some(private), "take = [\"/o/i\"]", "{ o?: unknown; }"),
        (Some(private), "take = [\"/c\"]\ndefault = { c = \"blue\" }", "{ c: \"red\" | string; }"),
        (Some(private), "take = [\"/x\"]\nrename = { \"/x\" = \"/a/b\" }", "{ a: unknown; }"),
        (
            Some(private),
            "take = [\"/c\"]\nset = { a = \"claims.a\", b = 2 }",
            "{ c?: \"red\"; a: unknown; b: 2; }",
        ),
        (
            Some(private),
            "rename = { \"/o/i\" = \"/i\" }",
            "{ x: number; c?: \"red\"; o: unknown; i?: unknown; }",
        ),
        (Some(private), "take = [\"/x\", \"/c\"]\nrename = { \"/c\" = \"/x\" }", "{ x: number | \"red\"; }"),
    ];
    for (private, rewrite, expected) in rows {
        assert_eq!(shared(*private, rewrite), *expected, "{rewrite}");
    }
}

/// Who reads a fold gets the document of all, not what one source brings to it.
#[test]
fn a_fold_has_the_type_of_its_document() {
    let policy = "[from]\ndocument = \"a/{game}/{identity}\"\nschema = \"a.json\"\n[[to]]\ndocument = \"best/{game}\"\nschema = \"a.json\"\n\
        [to.fold]\nn = { count = true }\nby = { count_by = \"data.c\" }\nmost = { count_by = \"data.name\", top = 2 }\n\
        mean = { mean = \"data.score\" }\nbest = { top = 3, by = \"data.score\", keep = [\"name\", \"c\"] }";
    let schema = r#"{"type": "object", "properties": {"score": {"type": "integer"}, "c": {"enum": ["x", "y"]},
        "name": {"type": "string", "maxLength": 9}}, "required": ["score", "name"], "additionalProperties": false}"#;
    let bytes = |text: &str| Content::Bytes(text.as_bytes().to_vec());
    let schemas = [("a.json".to_owned(), bytes(schema))].into();
    let files = Files { name: "p".into(), path: "p".into(), policy: bytes(policy), schemas };
    let text = typescript(&compile(&[files]).expect("compiled"));
    let (_, shared) = text.split_once("PShared ").expect("a shared type");
    let (shared, rest) = shared.split_once("\n/**").expect("and a name");
    let shared = shared.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        shared,
        "{ n: number; by: Record<string, number>; most: { top: { value: unknown; count: number; }[]; other: number; }; \
         mean: number | null; best: { name: string; c?: \"x\" | \"y\"; }[]; }"
    );
    assert!(
        rest.contains(
            "export function pathSegment(name: string): string {\n  return encodeURIComponent(name);"
        )
    );
}
