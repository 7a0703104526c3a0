//! A program of Node's as a child: it is asked in turns, one JSON value a line.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::Value;

/// The child; it is killed when this is dropped.
pub struct Node {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Node {
    /// Starts `peer.mjs` in this folder of the benches; `None`, and a word on it, where its packages are missing.
    pub fn start(folder: &str, argument: &Path) -> Option<Self> {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join(folder);
        if !place.join("node_modules").exists() {
            println!("Node is left out; for it: npm ci --prefix benches/{folder}");
            return None;
        }
        let mut child = Command::new("node")
            .arg(place.join("peer.mjs"))
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (asks, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Some(Self { child, asks, answers })
    }

    /// One question and its answer.
    pub fn ask(&mut self, what: &Value) -> Value {
        writeln!(self.asks, "{what}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}
