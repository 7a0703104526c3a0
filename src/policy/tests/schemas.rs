//! Each fault of a schema file, by its text and place.

use super::files;
use crate::policy::compile;

const POLICY: &str = "[from]\ndocument = \"a/{identity}\"\nschema = \"s.json\"\n[[to]]\ndocument = \"b/{identity}\"\n";
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

#[test]
fn faults_of_schemas_say_what_where_and_how() {
    let rows: &[(String, &str)] = &[
        ("{\"a\":}".into(), "x"),
        ("[]".into(), "x"),
        ("{\"type\": \"object\",\n \"type\": \"object\"}".into(), "x"),
        (format!("{{\"allOf\": {}{}}}", "[".repeat(40), "]".repeat(40)), "x"),
        (format!("{{\"enum\": [{}0]}}", "0,".repeat(2_000)), "x"),
        ("{\n  \"properties\": {\n    \"a\": {\"maxLenght\": 3}\n  }\n}".into(), "x"),
        ("{\"colour\": 1, \"x-colour\": 1}".into(), "x"),
        ("{\"dependencies\": {}}".into(), "x"),
        (format!("{{{DRAFT_7}, \"$defs\": {{}}}}"), "x"),
        ("{\"$schema\": \"https://example.org/mine\"}".into(), "x"),
        ("{\"items\": {\"$id\": \"x\"}}".into(), "x"),
        ("{\"$dynamicRef\": \"#a\"}".into(), "x"),
        ("{\"$ref\": \"other.json\"}".into(), "x"),
        ("{\"$ref\": \"#/$defs/a\"}".into(), "x"),
        ("{\"$ref\": \"#\"}".into(), "x"),
        (format!("{{{DRAFT_7}, \"properties\": {{\"a\": {{\"$ref\": \"#\", \"maxLength\": 1}}}}}}"), "x"),
        ("{\"format\": \"regex\"}".into(), "x"),
        ("{\"format\": \"phone\"}".into(), "x"),
        ("{\"properties\": {\"a\": {\"pattern\": \"(?=a)b\"}}}".into(), "x"),
        ("{\"pattern\": \"((a{100}){100}){100}\"}".into(), "x"),
        ("{\"patternProperties\": {\"(\": {}}}".into(), "x"),
        ("{\"type\": \"strin\"}".into(), "x"),
        ("{\"properties\": []}".into(), "x"),
        ("{\"maxLength\": -1}".into(), "x"),
        (format!("{{\"allOf\": [{}true]}}", "{\"allOf\": [{}, {}, {}]},".repeat(60)), "x"),
    ];
    for (schema, expected) in rows {
        assert_eq!(told(schema), *expected, "in\n{schema}");
    }
    let mut all: Vec<_> = rows.iter().map(|it| it.1).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), rows.len(), "each row is a fault of its own");
}
