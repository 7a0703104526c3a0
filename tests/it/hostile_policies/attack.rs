//! One row of the table: what an attacker lays into a folder of policies, and the fault that it must meet.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use super::scene::Scene;

/// The policy whose schema is the attack.
pub const WITH_SCHEMA: &str =
    "[from]\ndocument = \"a/{identity}\"\nschema = \"in.json\"\n[[to]]\ndocument = \"b/{identity}\"\n";
/// The first lines of the policy whose target is the attack.
const TARGET: &str = "[from]\ndocument = \"a/{room}/{identity}\"\nschema = \"in.json\"\n[[to]]\n";
/// A policy with nothing to blame.
pub const INNOCENT: &str = "[from]\ndocument = \"a/{identity}\"\n[[to]]\ndocument = \"b/{identity}\"\n";

/// An attack, and what must be answered.
pub struct Attack {
    /// The rule that refuses it: without it, this row goes red.
    pub rule: String,
    /// Files under the set's folder, and their bytes.
    files: Vec<(String, Vec<u8>)>,
    /// What files alone cannot say.
    plant: Option<fn(&Scene)>,
    pub verb: Verb,
    pub place: String,
    pub what: String,
    pub help: Option<String>,
}

/// Which command must refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Check,
    Test,
}

impl Attack {
    fn new(rule: &str, files: Vec<(String, Vec<u8>)>, plant: Option<fn(&Scene)>) -> Self {
        let (place, what) = (String::new(), String::new());
        Self { rule: rule.to_owned(), files, plant, verb: Verb::Check, place, what, help: None }
    }

    /// The policy `bad`.
    pub fn policy(rule: &str, text: impl Into<Vec<u8>>) -> Self {
        Self::new(rule, vec![("bad/policy.toml".to_owned(), text.into())], None)
    }

    /// A policy of which only the private schema is bad.
    pub fn schema(rule: &str, text: impl Into<Vec<u8>>) -> Self {
        Self::policy(rule, WITH_SCHEMA).with("bad/in.json", text)
    }

    /// A policy of which only the target is bad. Its lines begin at 5.
    pub fn target(rule: &str, schema: &str, target: &str) -> Self {
        Self::policy(rule, format!("{TARGET}{target}")).with("bad/in.json", schema)
    }

    /// A policy of which only one condition is bad: it begins at line 7, column 8.
    pub fn when(rule: &str, schema: &str, that: &str) -> Self {
        let that = format!("[[when]]\nthat = {that:?}\nrule = \"bad\"\n");
        Self::policy(rule, format!("{WITH_SCHEMA}{that}")).with("bad/in.json", schema)
    }

    /// A good policy with bad cases, which `policy test` refuses.
    pub fn cases(rule: &str, text: impl Into<Vec<u8>>) -> Self {
        let mut made = Self::policy(rule, INNOCENT).with("bad/cases/bad.toml", text);
        made.verb = Verb::Test;
        made
    }

    /// Files that only `policy test` reads.
    pub fn tested(mut self) -> Self {
        self.verb = Verb::Test;
        self
    }

    /// Something that is planted by hand.
    pub fn planted(rule: &str, plant: fn(&Scene)) -> Self {
        Self::new(rule, Vec::new(), Some(plant))
    }

    pub fn with(mut self, file: &str, text: impl Into<Vec<u8>>) -> Self {
        self.files.push((file.to_owned(), text.into()));
        self
    }

    /// Where the fault must stand (from the set's folder, with line and column), how its text begins, and how it is
    /// to be mended, whole.
    pub fn refused(mut self, place: &str, what: &str, help: &str) -> Self {
        (self.place, self.what) = (place.to_owned(), what.to_owned());
        self.help = Some(help.to_owned());
        self
    }

    /// The same, where what is wrong says all that can be said.
    pub fn told(mut self, place: &str, what: &str) -> Self {
        (self.place, self.what) = (place.to_owned(), what.to_owned());
        self
    }

    /// Lays it out.
    pub fn lay(&self, scene: &Scene) {
        for (file, bytes) in &self.files {
            match str::from_utf8(bytes) {
                Ok(text) => write(&scene.set.join(file), scene.named(text)),
                Err(_) => write(&scene.set.join(file), bytes),
            }
        }
        if let Some(plant) = self.plant {
            plant(scene);
        }
    }
}

/// Writes a file and the folders above it.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, bytes).expect("written");
}

/// A link in the set, to wherever.
pub fn link(scene: &Scene, file: &str, to: impl Into<PathBuf>) {
    let path = scene.set.join(file);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    symlink(to.into(), path).expect("linked");
}
