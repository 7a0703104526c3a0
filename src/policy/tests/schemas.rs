//! Each fault of a schema file, by its text and place.

use super::files;
use crate::policy::compile;

const POLICY: &str =
    "[from]\ndocument = \"a/{identity}\"\nschema = \"s.json\"\n[[to]]\ndocument = \"b/{identity}\"\n";
const DRAFT_7: &str = "\"$schema\": \"http://json-schema.org/draft-07/schema#\"";

fn told(schema: &str) -> String {
    let faults = compile(&[files("chat", POLICY, &[("s.json", schema)])]).expect_err(schema);
    let lines = faults.into_iter().map(|it| {
        assert_eq!(&*it.file, "p/chat/s.json");
        match it.help {
            Some(help) => format!("{}:{} {} [{help}]", it.line, it.column, it.what),
            None => format!("{}:{} {}", it.line, it.column, it.what),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Forty definitions, each a reference to the next.
fn chain() -> String {
    (0..40).map(|it| format!("\"d{it}\": {{\"$ref\": \"#/$defs/d{}\"}}, ", it + 1)).collect()
}

#[test]
fn faults_of_schemas_say_what_where_and_how() {
    let rows: &[(String, &str)] = &[
        ("{\"a\":}".into(), "1:6 not JSON: expected value"),
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
            r#"1:2 not a valid schema: "strin" is not valid under any of the schemas listed in the 'anyOf' keyword"#,
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
    ];
    let rows: Vec<(String, &str)> = rows.iter().map(|it| (told(&it.0), it.1)).collect();
    super::faults::same(&rows);
}
