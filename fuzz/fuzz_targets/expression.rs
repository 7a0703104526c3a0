//! An expression as a condition: it is refused when the policy is loaded, or it is cheap for each write. libFuzzer's
//! `-timeout` says what is not. An input is the expression, a line of `===`, and the data of the write.

#![no_main]

use std::sync::Arc;

use airlock::{
    policy::{
        cases, compile,
        files::{Content, Files},
    },
    relay::rehearse,
};
use libfuzzer_sys::fuzz_target;

const SCHEMA: &str = r#"{
    "type": "object",
    "properties": {
        "n": { "type": "integer" },
        "x": { "type": "number" },
        "open": { "type": "boolean" },
        "text": { "type": "string", "maxLength": 1000 },
        "list": { "type": "array", "items": { "type": "string" }, "maxItems": 200 },
        "map": { "type": "object", "additionalProperties": { "type": "number" }, "maxProperties": 50 }
    },
    "required": ["n", "x", "open", "text", "list", "map"],
    "additionalProperties": false
}"#;

const DATA: &str = r#"{ n = 7, x = 1.5, open = true, text = "some text", list = ["a", "b"], map = { a = 1.0 } }"#;

fuzz_target!(|text: &str| {
    let (condition, data) = text.split_once("\n===\n").unwrap_or((text, DATA));
    // A literal string of TOML holds no apostrophes in threes.
    if condition.contains("'''") || data.contains('\n') {
        return;
    }
    let policy = format!(
        "[from]\ndocument = \"d/{{identity}}\"\nschema = \"s.schema.json\"\n\n[[when]]\nrule = \"rule\"\nthat = '''\n{condition}'''\n"
    );
    let bytes = |text: &str| Content::Bytes(text.as_bytes().to_vec());
    let files = Files {
        name: "p".to_owned(),
        path: "p".to_owned(),
        policy: bytes(&policy),
        schemas: [("s.schema.json".to_owned(), bytes(SCHEMA))].into(),
    };
    let Ok(set) = compile(&[files]) else { return };
    let case = format!(
        "[[case]]\nname = \"c\"\nas = {{ identity = \"ada\" }}\nwrite = {{ document = \"d/ada\", data = {data} }}\npublished = []\n"
    );
    if let Ok(cases) = cases::parse("p", "c.toml", &case) {
        let _disagreements = rehearse(&Arc::new(set), &cases);
    }
});
