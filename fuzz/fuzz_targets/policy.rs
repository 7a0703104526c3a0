//! A policy's files: `policy.toml`, a line of `===`, and its schema.

#![no_main]

use airlock::policy::{
    compile,
    files::{Content, Files},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (policy, schema) = text.split_once("\n===\n").unwrap_or((text, "{}"));
    let bytes = |text: &str| Content::Bytes(text.as_bytes().to_vec());
    let files = Files {
        name: "p".to_owned(),
        path: "p".to_owned(),
        policy: bytes(policy),
        schemas: [("s.schema.json".to_owned(), bytes(schema))].into(),
    };
    if let Err(faults) = compile(&[files]) {
        assert!(!faults.is_empty(), "whoever is refused hears why");
        faults.iter().for_each(|it| drop(it.to_string()));
    }
});
