//! The policy author's commands through the binary: exit codes, both formats, and what people read, as snapshots.
//!
//! `AIRLOCK_SNAPSHOTS=write` writes the files of `tests/snapshots` anew, to be read before they are committed.

pub mod run;

use std::fs;

use serde_json::{Value, json};

use run::{Ran, airlock, root, same};

/// A policy with two faults: an unknown key and a limit that is none.
const FAULTY: &str = "[from]\ndocument = \"a/{identity}\"\nkeey = 1\n[[limit]]\nper = \"identity\"\nallow = \"often\"\n[[to]]\ndocument = \"b/{identity}\"\n";
const GOOD: &str =
    "[from]\ndocument = \"a/{identity}\"\n[[to]]\ndocument = \"b/{identity}\"\nset = { x = 1 }\n";
const CASES: &str = "[[case]]\nname = \"right\"\nas = { identity = \"ada\" }\nwrite = { document = \"a/ada\", data = { y = 1 } }\npublished = [{ document = \"b/ada\", data = { y = 1, x = 1 } }]\n[[case]]\nname = \"wrong\"\nas = { identity = \"ada\" }\nwrite = { document = \"a/bob\", data = { y = 1 } }\npublished = []\n";

/// A folder of policies with one policy `one`.
fn folder(policy: &str, cases: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let one = home.path().join("one");
    fs::create_dir_all(one.join("cases")).expect("made");
    fs::write(one.join("policy.toml"), policy).expect("written");
    fs::write(one.join("cases/one.toml"), cases).expect("written");
    home
}

fn samples() -> Vec<String> {
    let entries = fs::read_dir(root().join("policies")).expect("the samples");
    let mut names: Vec<String> =
        entries.map(|it| it.expect("an entry").file_name().into_string().expect("a name")).collect();
    names.sort();
    names
}

#[test]
fn who_may_do_what_under_the_samples_is_what_was_read() {
    for name in samples() {
        let Ran { code, out, .. } = airlock(&["policy", "check", "--matrix", &format!("policies/{name}")]);
        assert_eq!(code, 0, "{name}");
        same(&format!("access-matrix-{name}.txt"), &out);
    }
}

#[test]
fn the_types_of_the_samples_are_what_was_read() {
    for name in samples() {
        let Ran { code, out, .. } = airlock(&["policy", "types", &format!("policies/{name}")]);
        assert_eq!(code, 0, "{name}");
        same(&format!("types-{name}.ts"), &out);
    }
}

#[test]
fn what_the_commands_say_of_themselves_is_what_was_read() {
    let mut text = airlock(&["policy", "--help"]).out;
    for command in ["check", "test", "new", "schema", "types"] {
        text += &format!("\n==== {command}\n\n{}", airlock(&["policy", command, "--help"]).out);
    }
    same("policy-help.txt", &text);
}

#[test]
fn check_tells_people_and_programs_the_same() {
    let home = folder(FAULTY, "");
    let path = home.path().display().to_string();
    let told = airlock(&["policy", "check", &path]);
    assert_eq!((told.code, told.out.as_str()), (1, ""));
    assert!(told.err.contains("error: unknown key `keey` in `[from]`\n  --> "), "{}", told.err);
    let asked = airlock(&["policy", "check", "--format", "json", &path]);
    assert_eq!((asked.code, asked.err.as_str()), (1, ""));
    let answer = asked.json();
    assert_eq!(answer["policies"], json!([]));
    let faults = answer["faults"].as_array().expect("faults");
    assert_eq!(faults.len(), 2, "{answer}");
    assert_eq!(faults[0]["file"], format!("{path}/one/policy.toml"));
    assert_eq!((&faults[0]["line"], &faults[0]["column"]), (&json!(3), &json!(1)));
    assert_eq!(faults[0]["what"], "unknown key `keey` in `[from]`");
    for fault in faults {
        let place = format!(
            "  --> {}:{}:{}",
            fault["file"].as_str().expect("a file"),
            fault["line"],
            fault["column"]
        );
        assert!(told.err.contains(&place), "{place}");
    }
    let good = folder(GOOD, "");
    let answer =
        airlock(&["policy", "check", "--matrix", "--format", "json", &good.path().display().to_string()]);
    assert_eq!(answer.code, 0);
    let answer = answer.json();
    assert_eq!((&answer["policies"][0]["name"], &answer["faults"]), (&json!("one"), &json!([])));
    let refused = answer["matrix"].as_array().expect("rows").iter().filter(|it| it["status"] != 200);
    assert!(refused.clone().count() > 0 && refused.clone().all(|it| it["code"].is_u64()));
}

/// A case about a name that nobody governs tries nothing, whatever it expects.
#[test]
fn a_case_that_no_policy_governs_says_so() {
    let case = |outcome: &str| {
        format!(
            "[[case]]\nname = \"a slip\"\nas = {{ identity = \"ada\" }}\nwrite = {{ document = \"aa/ada\", data = {{ y = 1 }} }}\n{outcome}\n"
        )
    };
    for outcome in ["published = []", "refused = { rule = \"address\" }"] {
        let home = folder(GOOD, &case(outcome));
        let told = airlock(&["policy", "test", &home.path().display().to_string()]);
        let what =
            "case `a slip`: it was admitted as a plain object; no policy governs the document `aa/ada`";
        assert_eq!(told.code, 1);
        assert!(told.err.contains(what), "{}", told.err);
    }
}

#[test]
fn test_ends_in_its_count_and_names_each_case() {
    let home = folder(GOOD, CASES);
    let path = home.path().display().to_string();
    let told = airlock(&["policy", "test", &path]);
    assert_eq!((told.code, told.out.as_str()), (1, "1 passed, 1 failed\n"));
    assert!(told.err.contains("error: case `wrong`: it was refused"), "{}", told.err);
    let asked = airlock(&["policy", "test", &path, "--format", "json"]);
    assert_eq!((asked.code, asked.err.as_str()), (1, ""));
    let answer = asked.json();
    assert_eq!((&answer["passed"], &answer["failed"]), (&json!(1), &json!(1)));
    let case = |at: usize| &answer["cases"][at];
    assert_eq!(
        (&case(0)["name"], &case(0)["passed"], &case(0)["what"]),
        (&json!("right"), &json!(true), &Value::Null)
    );
    assert_eq!(
        (&case(1)["policy"], &case(1)["line"], &case(1)["passed"]),
        (&json!("one"), &json!(6), &json!(false))
    );
    let broken = folder(FAULTY, CASES);
    let answer = airlock(&["policy", "test", "--format", "json", &broken.path().display().to_string()]);
    assert_eq!((answer.code, answer.json()["faults"].as_array().map(Vec::len)), (1, Some(2)));
}

#[test]
fn a_new_policy_passes_at_once_and_nothing_is_overwritten() {
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().join("policies").display().to_string();
    for kind in ["document", "list", "map", "stream"] {
        let made = airlock(&["policy", "new", &format!("my-{kind}"), "--kind", kind, "--dir", &dir]);
        assert_eq!(made.code, 0, "{}", made.err);
        assert!(made.out.contains(&format!("wrote {dir}/my-{kind}/policy.toml\n")), "{}", made.out);
    }
    assert_eq!(airlock(&["policy", "check", &dir]).out, "4 policies, no faults\n");
    assert_eq!(airlock(&["policy", "test", &dir]).out, "12 passed, 0 failed\n");
    let file = format!("{dir}/my-map/policy.toml");
    let before = fs::read_to_string(&file).expect("the policy");
    let again = airlock(&["policy", "new", "my-map", "--kind", "list", "--dir", &dir]);
    assert_eq!((again.code, again.out.as_str()), (2, ""));
    assert_eq!(fs::read_to_string(&file).expect("the policy"), before);
    for name in ["My", "", "../up", "a/b", ".a", &"a".repeat(65)] {
        let refused = airlock(&["policy", "new", "--dir", &dir, "--", name]);
        assert_eq!(refused.code, 2, "{name}: {}", refused.err);
    }
    assert_eq!(airlock(&["policy", "new", "x", "--dir", &format!("{dir}/my-map")]).code, 2);
    let json = airlock(&["policy", "new", "x", "--dir", &dir, "--format", "json"]).json();
    assert_eq!((json["written"].as_array().map(Vec::len), &json["faults"]), (Some(3), &json!([])));
}

#[test]
fn the_form_is_printed_as_it_is_published() {
    let published = fs::read_to_string(root().join("docs/policy.schema.json")).expect("the published form");
    for arguments in [&["policy", "schema"][..], &["policy", "schema", "--format", "json"]] {
        let printed = airlock(arguments);
        assert!(printed.code == 0 && printed.out == published);
    }
}

#[test]
fn a_wrong_call_is_neither_a_fault_nor_a_failure() {
    for arguments in
        [&["policy"][..], &["policy", "chekc"], &["policy", "check", "--format", "xml"], &["policy", "new"]]
    {
        assert_eq!(airlock(arguments).code, 2, "{arguments:?}");
    }
    let nowhere = airlock(&["policy", "types", "--format", "json", "no/such/folder"]);
    assert_eq!((nowhere.code, &nowhere.json()["typescript"]), (1, &Value::Null));
    let file = root().join("Cargo.toml").display().to_string();
    assert_eq!(airlock(&["policy", "new", "x", "--dir", &file]).code, 3);
}

#[test]
fn a_refusal_names_the_place_in_the_closest_branch() {
    let policy =
        "[from]\ndocument = \"a/{identity}\"\nschema = \"a.json\"\n[[to]]\ndocument = \"b/{identity}\"\n";
    let schema = json!({ "oneOf": [
        { "properties": { "kind": { "const": "go" }, "x": { "maximum": 9 } }, "required": ["kind", "x"] },
        { "properties": { "kind": { "const": "say" }, "text": { "maxLength": 3 } }, "required": ["kind", "text"] },
    ] });
    let case = |data: &str, pointer: &str| {
        format!(
            "[[case]]\nname = \"{pointer}\"\nas = {{ identity = \"ada\" }}\nwrite = {{ document = \"a/ada\", data = {data} }}\nrefused = {{ rule = \"schema\", pointer = \"{pointer}\" }}\n"
        )
    };
    let cases = case("{ kind = \"go\", x = 10 }", "/x")
        + &case("{ kind = \"say\", text = \"long\" }", "/text")
        + &case("{ kind = \"fly\", x = 10 }", "/kind");
    let home = folder(policy, &cases);
    fs::write(home.path().join("one/a.json"), schema.to_string()).expect("written");
    let ran = airlock(&["policy", "test", &home.path().display().to_string()]);
    assert_eq!((ran.code, &*ran.out), (0, "3 passed, 0 failed\n"), "{}", ran.err);
}
