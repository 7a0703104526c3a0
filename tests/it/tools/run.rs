//! Runs the binary to its end, and compares what it printed with what was read and committed.

use std::{
    fs,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::server::binary;
pub use crate::support::server::root;

/// How a command ended, and what it printed.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// What it printed on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// Runs the binary in the repository.
pub fn airlock(arguments: &[&str]) -> Ran {
    let ran = Command::new(binary()).args(arguments).current_dir(root()).stdin(Stdio::null()).output();
    let ran = ran.expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
    Ran { code: ran.status.code().expect("it ends by itself"), out: text(ran.stdout), err: text(ran.stderr) }
}

/// Compares a text with its snapshot, or writes it.
pub fn same(name: &str, text: &str) {
    let path = root().join("tests/snapshots").join(name);
    if std::env::var("AIRLOCK_SNAPSHOTS").is_ok_and(|it| it == "write") {
        fs::write(&path, text).expect("the snapshot is written");
        return;
    }
    let read = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        read == text,
        "{name} has changed: read it after AIRLOCK_SNAPSHOTS=write cargo test --test it tools\n{text}"
    );
}
