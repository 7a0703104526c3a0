//! Forgeries that the compiler must turn away: each is planted into a copy of the source, and has
//! to be refused with its own error, in its own file, and with no other.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// One attempt to get past the gate.
struct Forgery {
    what: &'static str,
    file: &'static str,
    /// Appended to the file.
    planted: &'static str,
    /// What the compiler says to it, as often as it has to say so.
    code: &'static str,
    times: usize,
}

const fn forgery(
    what: &'static str,
    file: &'static str,
    code: &'static str,
    planted: &'static str,
) -> Forgery {
    Forgery { what, file, planted, code, times: 1 }
}

const FORGERIES: &[Forgery] = &[
    // Only the gate says `Admitted`.
    forgery(
            "rewrite builds an admission",
            "relay/rewrite.rs",
            "E0451",
            "fn forged<'p>(request: Change, caller: &'p Caller, at: Timestamp, policies: &'p Arc<PolicySet>) -> Admitted<'p, Change> {
                Admitted {
                    request, caller, at, under: Grounds::Plain, standing: None, policies, seen: Seen::default(),
                    warned: None, would_deny: false,
                }
            }",
    ),
    forgery(
            "the acl, a sibling of the gate, builds an admission",
            "relay/acl.rs",
            "E0451",
            "fn forged<T>(request: T) -> crate::relay::gate::Admitted<'static, T> {
                crate::relay::gate::Admitted {
                    request, caller: loop {}, at: loop {}, under: loop {}, standing: None, policies: loop {},
                    seen: loop {}, warned: None, would_deny: false,
                }
            }",
    ),
    // Only the rewrite says `Batch`.
    forgery(
        "the store builds a batch",
        "relay/store/embedded.rs",
        "E0451",
        "fn forged(record: crate::relay::record::Record) -> crate::relay::rewrite::Batch {
            crate::relay::rewrite::Batch { record }
        }",
    ),
    forgery(
        "the relay builds a batch",
        "relay.rs",
        "E0451",
        "fn forged(record: record::Record) -> Batch { Batch { record } }",
    ),
    // Only the store says `Committed`.
    forgery(
        "the fan-out seals a group",
        "relay/fanout.rs",
        "E0624",
        "fn forged(view: View) -> Committed { Committed::seal(view, Vec::new()) }",
    ),
    forgery(
        "the relay seals a group",
        "relay.rs",
        "E0624",
        "fn forged(view: store::view::View) -> Committed { Committed::seal(view, Vec::new()) }",
    ),
    forgery(
            "the fan-out builds a sealed group",
            "relay/fanout.rs",
            "E0451",
            "fn forged(view: View, outcomes: Vec<Outcome>) -> Committed { Committed { view, outcomes, noted: Vec::new() } }",
    ),
    // Only the authentication says `Caller`.
    forgery(
        "a front builds a caller",
        "rest.rs",
        "E0451",
        "fn forged() -> crate::relay::Caller { crate::relay::Caller { inner: loop {} } }",
    ),
    forgery(
        "a front takes the caller of a rehearsal",
        "rest.rs",
        "E0624",
        "fn forged(service: crate::domain::sid::ServiceSid) -> crate::relay::Caller {
            crate::relay::Caller::rehearsed(None, service, serde_json::Value::Null)
        }",
    ),
    // No front names a stage, or reaches behind a verb.
    forgery("a front names the gate", "rest.rs", "E0603", "use crate::relay::gate::Gate as Forged;"),
    forgery("a front names the store", "rest.rs", "E0603", "use crate::relay::store::Store as Forged;"),
    forgery("a front names a batch", "realtime.rs", "E0603", "use crate::relay::rewrite::Batch as Forged;"),
    forgery("a front reads the relay's parts", "rest.rs", "E0616", "fn forged(relay: &Relay) { let _ = &relay.inner; }"),
    Forgery {
        times: 2,
        ..forgery(
            "a front enters the passage in its middle",
            "rest.rs",
            "E0624",
            "fn forged(relay: &Relay) { relay.decide_again(loop {}, loop {}); }
            fn forged_own(relay: &Relay) { let _ = relay.own(loop {}); }",
        )
    },
    // Each stage takes what the stage before it made, and nothing else.
    forgery(
        "the relay commits a raw change",
        "relay.rs",
        "E0308",
        "fn forged(writer: &Writer, change: Change, ticket: Ticket) { let _ = writer.commit(change, ticket); }",
    ),
    forgery(
        "the relay commits an admission that was not rewritten",
        "relay.rs",
        "E0308",
        "fn forged(writer: &Writer, admitted: gate::Admitted<'static, Change>, ticket: Ticket) {
            let _ = writer.commit(admitted, ticket);
        }",
    ),
    forgery(
        "the relay commits a record",
        "relay.rs",
        "E0308",
        "fn forged(writer: &Writer, record: record::Record, ticket: Ticket) { let _ = writer.commit(record, ticket); }",
    ),
    forgery(
        "the relay rewrites what was not admitted",
        "relay.rs",
        "E0308",
        "fn forged(change: Change, given: &Given) { let _ = rewrite::rewrite(change, given); }",
    ),
    forgery(
        "the relay rewrites one admission twice",
        "relay.rs",
        "E0382",
        "fn forged(admitted: gate::Admitted<'static, Change>, given: &Given) {
            let _ = (rewrite::rewrite(admitted, given), rewrite::rewrite(admitted, given));
        }",
    ),
    forgery(
        "the relay commits one batch twice",
        "relay.rs",
        "E0382",
        "fn forged(writer: &Writer, batch: Batch, one: Ticket, two: Ticket) {
            let _ = (writer.commit(batch, one), writer.commit(batch, two));
        }",
    ),
    forgery(
        "the relay tells what is not durable",
        "relay.rs",
        "E0308",
        "fn forged(hub: &Hub, batch: Batch) { let _ = hub.deliver(batch, &mut |_, _| (), loop {}); }",
    ),
    forgery(
        "the relay tells what is not durable beside what is",
        "relay.rs",
        "E0308",
        "fn forged(hub: &Hub, durable: Committed, batch: Batch) {
            let _ = hub.deliver(vec![durable, batch], &mut |_, _| (), loop {});
        }",
    ),
    forgery(
        "the relay answers a question that was not admitted",
        "relay/look.rs",
        "E0308",
        "fn forged(view: &super::store::view::View, query: &Query) { let _ = fetch::fetch(view, query); }",
    ),
    // A proof is neither copied nor made out of nothing.
    Forgery {
        times: 9,
        ..forgery(
            "proofs are copied, defaulted or read from bytes",
            "relay.rs",
            "E0277",
            "fn copied<T: Clone>() {}
            fn defaulted<T: Default>() {}
            fn read<T: serde::de::DeserializeOwned>() {}
            fn forged() {
                copied::<gate::Admitted<'static, Change>>();
                copied::<Batch>();
                copied::<Committed>();
                defaulted::<gate::Admitted<'static, Change>>();
                defaulted::<Batch>();
                defaulted::<Committed>();
                read::<Batch>();
                read::<Committed>();
                read::<Caller>();
            }",
        )
    },
];

#[test]
fn the_compiler_refuses_each_forgery() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let copy = Copy::of(root);
    assert_eq!(copy.errors(), Vec::<(String, String)>::new(), "the source as it is must compile");
    let mut passed = Vec::new();
    for forgery in FORGERIES {
        let path = copy.folder.join("src").join(forgery.file);
        let genuine = fs::read_to_string(&path).expect("the file to forge stands");
        fs::write(&path, format!("{genuine}\n{}\n", forgery.planted)).expect("planted");
        let errors = copy.errors();
        fs::write(&path, genuine).expect("restored");
        let own = (format!("src/{}", forgery.file), forgery.code.to_owned());
        if errors != vec![own; forgery.times] {
            let Forgery { what, file, code, times, .. } = forgery;
            passed.push(format!("{what} ({file}): not {times} × {code}, but {errors:?}"));
        }
    }
    assert!(passed.is_empty(), "\n{}", passed.join("\n"));
}

/// A copy of the source, in a place of its own that keeps what was compiled before.
struct Copy {
    folder: PathBuf,
    target: PathBuf,
}

impl Copy {
    fn of(root: &Path) -> Self {
        let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = temporary.join("forgeries");
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("the copy before is gone");
        }
        copy(&root.join("src"), &folder.join("src"));
        // The manifest names them.
        copy(&root.join("benches"), &folder.join("benches"));
        // The program carries its description within it.
        fs::create_dir_all(folder.join("docs")).expect("a folder of the copy");
        for file in ["Cargo.toml", "Cargo.lock", "docs/openapi.json"] {
            fs::copy(root.join(file), folder.join(file)).expect("copied");
        }
        let target = temporary.parent().expect("the target folder").join("forgeries");
        Self { folder, target }
    }

    /// The file and the code of each error; a failure without one is an error of no file.
    fn errors(&self) -> Vec<(String, String)> {
        let output = Command::new(env!("CARGO"))
            .args(["check", "--profile", "ci", "--offline", "--lib", "--message-format", "short"])
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", &self.target)
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo runs");
        let text = String::from_utf8_lossy(&output.stderr);
        let error = |line: &str| {
            let (before, after) = line.split_once(": error")?;
            let code = after.strip_prefix('[').and_then(|it| it.split(']').next()).unwrap_or("no code");
            Some((before.split(':').next()?.to_owned(), code.to_owned()))
        };
        let mut errors: Vec<_> = text.lines().filter_map(error).collect();
        // "Private type", said beside a private field, has no code: it counts where it stands alone.
        if errors.iter().any(|it| it.1 != "no code") {
            errors.retain(|it| it.1 != "no code");
        }
        if errors.is_empty() && !output.status.success() {
            errors.push((String::new(), text.into_owned()));
        }
        errors
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder of the copy");
    for entry in fs::read_dir(from).expect("a folder of the source") {
        let entry = entry.expect("an entry of the source");
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::copy(&path, &copied).expect("copied");
        }
    }
}
