//! The floor plan, kept true: no file imports from a wing or a stage above its own, none outgrows
//! its room, and each says what it is for.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The wings from the ground up: a wing may name itself and those before it.
const WINGS: &[&str] = &[
    "domain",
    "policy",
    "token",
    "relay",
    "wire",
    "rest",
    "sdk",
    "events",
    "webhook",
    "realtime",
    "telemetry",
    "server",
    "config",
    "cli",
];
/// The longest that a file may be.
const LINES_MAX: usize = 500;

#[test]
fn the_house_is_tidy() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |path: &Path| fs::read_to_string(path).expect("a source file is readable");
    let plan = Plan::of(&read(&source.join("lib.rs")), &read(&source.join("relay.rs")));
    let mut faults = plan.faults.clone();
    for path in rust_files(&source) {
        let file = path.strip_prefix(&source).expect("under src").to_string_lossy().replace('\\', "/");
        faults.extend(plan.judge(&file, &read(&path)));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// What may stand on what.
struct Plan {
    stages: Vec<String>,
    faults: Vec<String>,
}

impl Plan {
    /// The wings must be those of the crate; the stages are the `mod` lines of `relay.rs`, in order.
    fn of(lib: &str, relay: &str) -> Self {
        let wings = modules(lib);
        let unknown = wings.iter().filter(|it| !WINGS.contains(&it.as_str()));
        let mut faults: Vec<_> =
            unknown.map(|it| format!("lib.rs: the wing `{it}` has no floor; give it one here")).collect();
        let gone = WINGS.iter().filter(|it| !wings.iter().any(|wing| wing == *it));
        faults.extend(gone.map(|it| format!("lib.rs: there is no wing `{it}`")));
        Self { stages: modules(relay), faults }
    }

    fn judge(&self, file: &str, text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |what: String| faults.push(format!("{file}: {what}"));
        if !text.starts_with("//! ") {
            fault("it does not open with `//!`; say in a sentence what it is for".to_owned());
        }
        // The bounds stand in one list, however long it is.
        if LINES_MAX < text.lines().count() && file != "domain/limits.rs" {
            fault(format!("{} lines, over {LINES_MAX}; split it by purpose", text.lines().count()));
        }
        if file.ends_with("mod.rs") {
            fault("modules are `name.rs` beside `name/`, never `mod.rs`".to_owned());
        }
        let code = without_comments(text);
        if code.contains("super::super::") {
            fault("a chain `super::super::`; name the path from `crate::`".to_owned());
        }
        for (at, opening) in code.match_indices("pub(in ") {
            let scope = code[at + opening.len()..].split(')').next().unwrap_or_default();
            if scope != "crate::relay" && !scope.starts_with("crate::relay::") {
                fault(format!("`pub(in {scope})`; only the relay narrows visibility by path"));
            }
        }
        let here: Vec<String> = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if matches!(here[0].as_str(), "lib" | "main") {
            return faults;
        }
        for path in named(&code, &here) {
            let used = path.join("::");
            let wing = |it: &[String]| it.first().and_then(|it| WINGS.iter().position(|wing| wing == it));
            if let (Some(own), Some(other)) = (wing(&here), wing(&path))
                && own < other
            {
                fault(format!("it stands in `{}` and names `{used}`, a wing above it", here[0]));
            }
            if here[0] != "relay" || path.first().is_none_or(|it| it != "relay") {
                continue;
            }
            let stage =
                |it: &[String]| it.get(1).and_then(|it| self.stages.iter().position(|stage| stage == it));
            // The store's contract is a test: it stands above all stages, and is not in the program.
            let test = here.iter().any(|it| it == "contract");
            if let (Some(own), Some(other), false) = (stage(&here), stage(&path), test)
                && own < other
            {
                fault(format!("the stage `{}` names `{used}`, a stage after it", here[1]));
            }
        }
        faults
    }
}

/// The names of the `mod name;` lines, in order.
fn modules(text: &str) -> Vec<String> {
    let name = |line: &str| {
        let line = line.trim_start_matches("pub ");
        line.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned)
    };
    text.lines().filter_map(name).collect()
}

/// Every path that a file names from `crate::` or `super::`, spelled from the crate's root.
fn named(code: &str, here: &[String]) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (prefix, root) in [("crate::", &[][..]), ("super::", &here[..here.len() - 1])] {
        for (at, _) in code.match_indices(prefix) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|it| it.is_alphanumeric() || matches!(it, '_' | ':' | '$')) {
                continue;
            }
            tree(&code[at + prefix.len()..], root.to_vec(), &mut paths);
        }
    }
    paths
}

/// Reads one use tree, `a::{b, c::D}`, behind `path`; gives what follows it.
fn tree<'t>(text: &'t str, mut path: Vec<String>, paths: &mut Vec<Vec<String>>) -> &'t str {
    let text = text.trim_start();
    let Some(mut inner) = text.strip_prefix('{') else {
        let end = text.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(text.len());
        path.push(text[..end].to_owned());
        return match text[end..].strip_prefix("::") {
            Some(rest) => tree(rest, path, paths),
            None => {
                paths.push(path);
                &text[end..]
            }
        };
    };
    loop {
        let rest = tree(inner, path.clone(), paths);
        // What is left of a branch: `as Other`, `*`.
        let Some(end) = rest.find([',', '}']) else { return "" };
        if rest[end..].starts_with('}') {
            return &rest[end + 1..];
        }
        inner = rest[end + 1..].trim_start();
        if let Some(rest) = inner.strip_prefix('}') {
            return rest;
        }
    }
}

fn without_comments(text: &str) -> String {
    let code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(code).collect::<Vec<_>>().join("\n")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder is readable") {
        let path = entry.expect("an entry is readable").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// What the plan says to one file of the given text behind its `//!` line.
fn judged(file: &str, text: &str) -> String {
    let plan = Plan {
        stages: ["acl", "gate", "rewrite", "store", "fanout"].map(str::to_owned).into(),
        faults: vec![],
    };
    plan.judge(file, &format!("//! A room.\n{text}")).join("\n")
}

#[test]
fn what_looks_down_is_tidy() {
    assert_eq!(judged("relay/store/view.rs", "use crate::{domain::name, relay::{acl, gate::Admitted}};"), "");
    assert_eq!(judged("relay/store/view.rs", "use super::Store;\n// crate::server is above us\n"), "");
    assert_eq!(
        judged("relay/sweep.rs", "use super::{Relay, rewrite};\npub(in crate::relay::store) fn f() {}"),
        ""
    );
    assert_eq!(
        judged("relay.rs", "use crate::{domain::{a::A, b::{B, C}}, token::Keys};\nuse store::Store;"),
        ""
    );
    assert_eq!(judged("server.rs", "mod tests { use super::*; }\nuse crate::realtime;"), "");
}

#[test]
fn an_import_from_a_wing_above_is_named() {
    assert!(judged("domain/name.rs", "use crate::policy::Policy;").contains("names `policy::Policy`"));
    let nested = "use crate::{\n    domain::{a::{A, B}, c},\n    sdk::{http, *},\n};";
    assert!(judged("rest.rs", nested).contains("names `sdk::http`, a wing above"));
    assert!(judged("token.rs", "fn f() -> crate::relay::Relay { todo!() }").contains("names `relay::Relay`"));
    assert!(judged("wire.rs", "use super::server::Server;").contains("names `server::Server`"));
}

#[test]
fn an_import_from_a_later_stage_is_named() {
    assert!(judged("relay/acl.rs", "use super::gate::Gate;").contains("`acl` names `relay::gate::Gate`"));
    let nested = "use crate::{domain::a, relay::{acl, store::{view::View, Store}}};";
    assert!(judged("relay/gate.rs", nested).contains("`gate` names `relay::store::view::View`"));
    assert!(judged("relay/store/view.rs", "use crate::relay::fanout::Hub;").contains("`relay::fanout::Hub`"));
    assert!(judged("relay/gate.rs", "fn f(_: super::rewrite::Batch) {}").contains("`relay::rewrite::Batch`"));
}

#[test]
fn an_untidy_file_is_named() {
    assert!(judged("relay/store/mod.rs", "").contains("never `mod.rs`"));
    assert!(judged("relay/store/view.rs", "use super::super::gate;").contains("a chain"));
    assert!(judged("sdk/http.rs", "pub(in crate::sdk) fn f() {}").contains("`pub(in crate::sdk)`"));
    assert!(judged("relay/acl.rs", "pub(in crate::relays) fn f() {}").contains("`pub(in crate::relays)`"));
    assert_eq!(judged("wire.rs", &"\n".repeat(LINES_MAX - 1)), "");
    assert!(judged("wire.rs", &"\n".repeat(LINES_MAX)).contains("501 lines, over 500"));
    let plan = Plan { stages: vec![], faults: vec![] };
    assert!(plan.judge("wire.rs", "use std::fmt;\n").join("").contains("does not open with `//!`"));
}

#[test]
fn a_wing_without_a_floor_is_named() {
    let lib = WINGS.iter().map(|it| format!("pub mod {it};\n")).collect::<String>();
    let plan = Plan::of(&lib, "mod acl;\nmod gate;\n");
    assert_eq!((plan.faults, plan.stages), (vec![], vec!["acl".to_owned(), "gate".to_owned()]));
    let faults = Plan::of(&(lib.replace("pub mod wire;\n", "") + "pub mod cellar;\n"), "").faults.join("\n");
    assert!(faults.contains("`cellar` has no floor") && faults.contains("no wing `wire`"), "{faults}");
}
