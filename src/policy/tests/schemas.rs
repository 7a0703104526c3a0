//! Each fault of a schema file, by its text and place.

use super::{
    files,
    golden::{Row, check},
};
use crate::policy::{Fault, compile};

const POLICY: &str =
    "[from]\ndocument = \"a/{identity}\"\nschema = \"s.json\"\n[[to]]\ndocument = \"b/{identity}\"\n";
const DRAFT_7: &str = "\"$schema\": \"http://json-schema.org/draft-07/schema#\"";

fn faults(schema: &str) -> Vec<Fault> {
    let faults = compile(&[files("chat", POLICY, &[("s.json", schema)])]).expect_err(schema);
    assert!(faults.iter().all(|it| &*it.file == "p/chat/s.json"));
    faults
}

/// Forty definitions, each a reference to the next.
fn chain() -> String {
    (0..40).map(|it| format!("\"d{it}\": {{\"$ref\": \"#/$defs/d{}\"}}, ", it + 1)).collect()
}

#[test]
fn faults_of_schemas_say_what_where_and_how() {
    check(&all());
}

pub(super) fn all() -> Vec<Row> {
    let rows: &[(String, &'static str)] = &[
        ("{\"a\":}".into(), "1:6 not JSON: expected value"),
        (
            "\u{feff}{}".into(),
            "1:1 not JSON: the file begins with a byte order mark [save it as UTF-8 without the mark]",
        ),
        (
            "{\"properties\": {\"__proto__\": {}}}".into(),
            "1:2 the key `__proto__` is not allowed [choose another key]",
        ),
        ("[]".into(), "1:1 a schema file must hold a JSON object [write `{}` to accept every object]"),
        (
            "{\"type\": \"object\",\n \"type\": \"object\"}".into(),
            "2:2 the key `type` stands twice in one object [take out one of the two: only the last would count]",
        ),
        (
            format!("{{\"allOf\": {}{}}}", "[".repeat(40), "]".repeat(40)),
            "1:1 the schema is nested deeper than 32 levels",
        ),
        (format!("{{\"enum\": [{}0]}}", "0,".repeat(2_000)), "1:1 the schema has more than 2000 values"),
        (
            "{\n  \"properties\": {\n    \"a\": {\"maxLenght\": 3}\n  }\n}".into(),
            "3:11 unknown keyword `maxLenght` in draft 2020-12 [did you mean `maxLength`?]",
        ),
        (
            "{\"colour\": 1, \"x-colour\": 1}".into(),
            "1:2 unknown keyword `colour` in draft 2020-12 [a keyword of your own begins with `x-`]",
        ),
        (
            "{\"dependencies\": {}}".into(),
            "1:2 `dependencies` has no effect in draft 2020-12 [name the draft that was meant in `$schema`, or use this draft's keyword]",
        ),
        (
            format!("{{{DRAFT_7}, \"$defs\": {{}}}}"),
            "1:56 `$defs` has no effect in draft 7 [name the draft that was meant in `$schema`, or use this draft's keyword]",
        ),
        (
            "{\"$schema\": \"https://example.org/mine\"}".into(),
            r#"1:2 `$schema` cannot be "https://example.org/mine" [write "https://json-schema.org/draft/2020-12/schema", or a draft from 4 on]"#,
        ),
        ("{\"items\": {\"$id\": \"x\"}}".into(), "1:12 `$id` may stand at the top only"),
        ("{\"$dynamicRef\": \"#a\"}".into(), "1:2 `$dynamicRef` is not supported [use `$ref` and `$defs`]"),
        (
            "{\"$ref\": \"other.json\"}".into(),
            "1:2 `$ref` leads out of the file: `other.json` [copy it into `$defs` and write `#/$defs/…`]",
        ),
        ("{\"$ref\": \"#/$defs/a\"}".into(), "1:2 `$ref` names no schema of this file: `#/$defs/a`"),
        (
            "{\"$ref\": \"#\"}".into(),
            "1:1 the schema refers to itself without end [let each round go one level deeper into the data, through `properties` or `items`]",
        ),
        (
            format!("{{{DRAFT_7}, \"properties\": {{\"a\": {{\"$ref\": \"#\", \"maxLength\": 1}}}}}}"),
            "1:77 `maxLength` beside `$ref` has no effect in draft 7 [put both into `allOf`]",
        ),
        (
            "{\"format\": \"regex\"}".into(),
            "1:2 the format `regex` is not supported [a client could send one that is dear to compile]",
        ),
        ("{\"format\": \"phone\"}".into(), "1:2 unknown format `phone` [use `pattern`]"),
        (
            "{\"properties\": {\"a\": {\"pattern\": \"(?=a)b\"}}}".into(),
            "1:23 the regular expression cannot be compiled [look-around and back-references are not known, and its compiled size is bounded]",
        ),
        (
            "{\"pattern\": \"((a{100}){100}){100}\"}".into(),
            "1:2 the regular expression cannot be compiled [look-around and back-references are not known, and its compiled size is bounded]",
        ),
        (
            "{\"patternProperties\": {\"(\": {}}}".into(),
            "1:24 the regular expression cannot be compiled [look-around and back-references are not known, and its compiled size is bounded]",
        ),
        (
            "{\"type\": \"strin\"}".into(),
            "1:2 `strin` is no type of JSON Schema [did you mean `string`?]",
        ),
        (
            "{\"properties\": {\"n\": {\"type\": [\"null\", \"int\"]}}}".into(),
            "1:40 `int` is no type of JSON Schema [did you mean `integer`?]",
        ),
        (
            "{\"type\": \"any\"}".into(),
            "1:2 `any` is no type of JSON Schema [the types are `array`, `boolean`, `integer`, `null`, `number`, `object`, `string`]",
        ),
        ("{\"properties\": []}".into(), r#"1:2 not a valid schema: [] is not of type "object""#),
        ("{\"maxLength\": -1}".into(), "1:2 not a valid schema: -1 is less than the minimum of 0"),
        (
            format!("{{\"allOf\": [{}true]}}", "{\"allOf\": [{}, {}, {}]},".repeat(60)),
            "1:1 the schema can look at one value 242 times, 200 are allowed [use fewer alternatives, or fewer references that multiply each other]",
        ),
        (
            format!(
                "{{\"$ref\": \"#/$defs/d0\", \"$defs\": {{{}\"d40\": {{\"items\": {{\"$ref\": \"#\"}}}}}}}}",
                chain()
            ),
            "1:1 the schema can lead through 1418 schemas at once, 512 are allowed [use fewer references between a schema and itself]",
        ),
        (
            "{\n  \"properties\": {\n    \"x\": {\"minimum\": 5, \"maximum\": 3}\n  }\n}".into(),
            "3:11 `minimum` 5 and `maximum` 3 leave no number [exchange them, or take one out]",
        ),
        (
            "{\"properties\": {\"x\": {}}, \"additionalProperties\": false,\n\"required\": [\"y\"]}".into(),
            "2:1 `required` asks for `y`, which is not allowed [name it in `properties`, or take it out of `required`]",
        ),
        (
            "{\"oneOf\": [{\"required\": [\"a\"]},\n{\"required\": [\"a\"]}]}".into(),
            "2:1 branch 2 of `oneOf` equals branch 1: what fits one fits both [take one out, or write `anyOf`]",
        ),
        (
            "{\"allOf\": [{\"required\": [\"x\"]}, {\"properties\": {}, \"additionalProperties\": false}], \"type\": \"object\"}".into(),
            "1:1 no object fits: one part asks for `x`, another does not allow it [name the key in `properties` beside each `\"additionalProperties\": false`]",
        ),
        (
            "{\"properties\": {\"x\": {\"type\": \"string\",\n\"enum\": [1, 2]}}}".into(),
            "2:1 no value of `enum` fits what stands beside it [compare it with `type` and the bounds]",
        ),
        (
            "{\"$defs\": {\"n\": {\"type\": \"integer\"}},\n\"properties\": {\"x\": {\"$ref\": \"#/$defs/n\", \"type\": \"string\"}}}".into(),
            "2:16 no value fits: the parts of this schema exclude each other [compare `type` and the bounds here with those of `$ref`, `allOf`, `anyOf` and `oneOf`]",
        ),
        (
            "{\"type\": \"string\"}".into(),
            "1:1 no data fits: data is an object, and the schema allows none [write `\"type\": \"object\"`, and what is in it under `properties`]",
        ),
        (
            "{\"type\": \"object\", \"required\": [\"a\"], \"properties\": {\"a\": {\"$ref\": \"#\"}}}".into(),
            "1:1 no data fits: it would have to hold itself without end [take what leads back out of `required`, or give it another way to end]",
        ),
    ];
    rows.iter().map(|it| (faults(&it.0), it.1)).collect()
}
