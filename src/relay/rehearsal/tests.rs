//! Cases through the real stages: the samples', and those that show what a rehearsal can tell.

mod rules;

use std::{fs, path::Path, sync::Arc};

use super::rehearse;
use crate::policy::folder;

#[test]
fn samples_do_what_their_cases_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let set = Arc::new(folder::load(&path).unwrap_or_else(|faults| panic!("{faults:?}")));
    let cases = folder::load_cases(&path).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(rehearse(&set, &cases), []);
}

/// What comes of one case of a policy, as text; nothing when it comes out as it says.
fn told(policy: &str, case: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join("seats");
    fs::create_dir_all(own.join("cases")).expect("made");
    fs::write(own.join("policy.toml"), policy).expect("written");
    fs::write(own.join("cases/all.toml"), case).expect("written");
    let set = Arc::new(folder::load(folder.path()).unwrap_or_else(|faults| panic!("{faults:?}")));
    let cases = folder::load_cases(folder.path()).unwrap_or_else(|faults| panic!("{faults:?}"));
    rehearse(&set, &cases).into_iter().map(|it| it.what).collect()
}

const SEATS: &str = r#"
    [from]
    document = "seats/{room}/{identity}"
    [[to]]
    map  = "rooms/{room}/seats"
    key  = "{identity}"
    read = "everyone"
    ttl  = "30s"
"#;

#[test]
fn steps_are_writes_of_several_people_with_time_between_them() {
    let case = |shows: &str| {
        format!(
            r#"
            [[case]]
            name = "two sit down"
            as = {{ identity = "ada" }}
            shows = {shows}
            [[case.step]]
            write = {{ document = "seats/7/ada", data = {{ x = 1 }} }}
            published = [{{ map = "rooms/7/seats", key = "ada", data = {{ x = 1 }} }}]
            [[case.step]]
            as = {{ identity = "bob" }}
            after = "31s"
            write = {{ document = "seats/7/bob", data = {{ x = 2 }} }}
            published = [{{ map = "rooms/7/seats", key = "bob", data = {{ x = 2 }} }}]
            "#
        )
    };
    let seat =
        |who: &str, x: u8| format!("[{{ map = \"rooms/7/seats\", key = \"{who}\", data = {{ x = {x} }} }}]");
    assert_eq!(told(SEATS, &case(&seat("bob", 2))), [""; 0]);
    let other = told(SEATS, &case(&seat("bob", 3)));
    assert_eq!(other, ["expected map `rooms/7/seats` key `bob` {\"x\":3}, it holds {\"x\":2}"]);
    let gone = told(SEATS, &case(&seat("ada", 1)));
    assert_eq!(gone, ["expected map `rooms/7/seats` key `ada` {\"x\":1}, and there is nothing"]);
    let no_more = |who: &str| format!("[{{ map = \"rooms/7/seats\", key = \"{who}\", gone = true }}]");
    assert_eq!(told(SEATS, &case(&no_more("ada"))), [""; 0]);
    let still = told(SEATS, &case(&no_more("bob")));
    assert_eq!(still, ["expected no map `rooms/7/seats` key `bob`, it holds {\"x\":2}"]);
    assert_eq!(told(SEATS, &case("[{ map = \"rooms/7/seats\", items = 1 }]")), [""; 0]);
    let more = told(SEATS, &case("[{ map = \"rooms/7/seats\", items = 2 }]"));
    assert_eq!(more, ["expected 2 items in map `rooms/7/seats`, it has 1"]);
    assert_eq!(told(SEATS, &case("[{ map = \"rooms/8/seats\", items = 0 }]")), [""; 0]);
}

#[test]
fn a_document_that_shows_nothing_is_gone() {
    let policy = "[from]\ndocument = \"a/{identity}\"\n[[to]]\ndocument = \"b/{identity}\"\nttl = \"30s\"\n";
    let case = |who: &str, gone: &str| {
        format!(
            r#"
            [[case]]
            name = "one goes, one stays"
            as = {{ identity = "ada" }}
            given = [{{ document = "a/ada", data = {{ x = 1 }} }}]
            write = {{ document = "a/ada", data = {{}} }}
            published = []
            shows = [{{ document = "b/{who}", {gone} }}]
            "#
        )
    };
    assert_eq!(told(policy, &case("ada", "gone = true")), [""; 0]);
    assert_eq!(told(policy, &case("bob", "gone = true")), [""; 0]);
    let nothing = told(policy, &case("ada", "data = { x = 1 }"));
    assert_eq!(nothing, ["expected document `b/ada` {\"x\":1}, it holds {}"]);
}

#[test]
fn a_step_that_comes_out_otherwise_is_named() {
    let case = r#"
        [[case]]
        name = "not mine"
        as = { identity = "ada" }
        [[case.step]]
        write = { document = "seats/7/ada", data = { x = 1 } }
        published = [{ map = "rooms/7/seats", key = "ada", data = { x = 1 } }]
        [[case.step]]
        write = { document = "seats/7/bob", data = { x = 1 } }
        published = []
    "#;
    let told = told(SEATS, case);
    assert!(told[0].starts_with("step 2 (line 8): it was refused"), "{told:?}");
}
