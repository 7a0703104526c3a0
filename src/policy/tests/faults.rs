//! Each fault of a policy file, by its text.

use super::{files, set};
use crate::policy::{compile, files::Content};

/// The faults of one policy without schemas: `line:column what [help]`.
fn told(text: &str) -> String {
    let faults = set(&[("chat", text)]).expect_err(text);
    let lines = faults.into_iter().map(|it| match it.help {
        Some(help) => format!("{}:{} {} [{help}]", it.line, it.column, it.what),
        None => format!("{}:{} {}", it.line, it.column, it.what),
    });
    lines.collect::<Vec<_>>().join("\n")
}

const FROM: &str = "[from]\ndocument = \"a/{room}/{identity}\"\n";
const TO: &str = "[[to]]\ndocument = \"b/{room}/{identity}\"\n";
const ITEMS: &str = "[from]\nmap = \"a/{room}/{identity}\"\n";

fn check(rows: &[(String, &str)]) {
    for (text, expected) in rows {
        assert_eq!(told(text), *expected, "in\n{text}");
    }
    let mut all: Vec<_> = rows.iter().map(|it| it.1).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), rows.len(), "each row is a fault of its own");
}

#[test]
fn faults_at_the_top_say_what_where_and_how() {
    let top = |line: &str| format!("{line}\n{FROM}{TO}");
    check(&[
        ("mode = ".into(), "x"),
        ("a = 1\na = 2".into(), "x"),
        (TO.into(), "x"),
        (FROM.into(), "x"),
        (format!("to = []\n{FROM}"), "x"),
        (top("limits = 1"), "x"),
        (top("colour = 1"), "x"),
        (top("max_bytes = 1"), "x"),
        (top("journal = \"full\""), "x"),
        (top("hook = 1"), "x"),
        (top("description = 1"), "x"),
        (top("mode = \"warn\""), "x"),
        (top("mode = \"on\""), "x"),
        (top("mode = \"enforced\""), "x"),
        (top("services = []"), "x"),
        (top("services = \"default\""), "x"),
        (top("services = [\"default\", 1, \"default\"]"), "x"),
        (top("services = [\"AC00000000000000000000000000000000\"]"), "x"),
        (top("from.max = 1"), "x"),
        (top("limit = 1"), "x"),
        (top("limit = [1]"), "x"),
        (format!("{FROM}[to]\ndocument = \"b\""), "x"),
        (format!("[[from]]\n{TO}"), "x"),
        (format!("{FROM}{TO}[refusal]\ndetail = \"all\""), "x"),
        (format!("{FROM}{TO}[refusal]\nmode = \"off\""), "x"),
        (format!("{FROM}{TO}[[when]]\nrule = \"a\""), "x"),
    ]);
}

#[test]
fn faults_of_the_private_side_say_what_where_and_how() {
    let from = |lines: &str| format!("[from]\n{lines}\n{TO}");
    let more = |line: &str| format!("{FROM}{line}\n{TO}");
    check(&[
        (from(""), "x"),
        (from("list = \"a\""), "x"),
        (from("document = \"a\"\nmap = \"b\""), "x"),
        (from("document = 1"), "x"),
        (from("document = \"\""), "x"),
        (from("document = \"/{room}/{identity}\""), "x"),
        (from("document = \"a-{room}/{identity}\""), "x"),
        (from("document = \"{Room}/{room}/{identity}\""), "x"),
        (from("document = \"{data}/{room}/{identity}\""), "x"),
        (from("document = \"{room}/{room}/{identity}\""), "x"),
        (from("document = \"{room}/{pseudonym}\""), "x"),
        (from("document = \"a/{room}\""), "x"),
        (from("document = \"{room}/{key}/{identity}\""), "x"),
        (from(&format!("document = \"{}/{{room}}/{{identity}}\"", "x".repeat(320))), "x"),
        (more("until = \"disconnect\""), "x"),
        (more("max_bytes = 16385"), "x"),
        (more("objects_max = 0"), "x"),
        (more("objects_max = 1.5"), "x"),
        (more("objekts_max = 1"), "x"),
        (more("schema = \"../a.json\""), "x"),
        (more("schema = \"a.yaml\""), "x"),
        (more("schema = \"a.json\""), "x"),
        (more("ttl = \"1s\""), "x"),
    ]);
}

#[test]
fn faults_of_limits_say_what_where_and_how() {
    let limit = |lines: &str| format!("{FROM}{TO}[[limit]]\n{lines}");
    let per = |text: &str| limit(&format!("per = \"{text}\"\nallow = \"1/s\""));
    check(&[
        (limit(""), "x"),
        (limit("per = \"identity\"\nallow = 20"), "x"),
        (limit("per = \"identity\"\nallow = \"20/d\""), "x"),
        (limit("per = \"identity\"\nallow = \"0/s\""), "x"),
        (limit("per = \"identity\"\nallow = \"1/s\"\nburst = 0"), "x"),
        (limit("per = \"identity\"\nallow = \"1/s\"\ncost = \"bytes\""), "x"),
        (per("everyone"), "x"),
        (per("{game}/{identity}"), "x"),
        (per("{identity"), "x"),
        (per("policy"), "x"),
        (per("{room}"), "x"),
        (format!("{ITEMS}{}[[limit]]\nper = \"{{key}}/{{identity}}\"\nallow = \"1/s\"", "[[to]]\nmap = \"b/{room}\"\nkey = \"{identity}/{key}\"\n"), "x"),
        (format!("{}[[limit]]\nper = \"{{room}}/{{identity}}\"\nallow = \"1/s\"", per("policy") + "\n"), "x"),
    ]);
}

#[test]
fn faults_of_the_shared_side_say_what_where_and_how() {
    let to = |lines: &str| format!("{FROM}[[to]]\n{lines}");
    let more = |line: &str| format!("{FROM}{TO}{line}");
    let items = |lines: &str| format!("{ITEMS}[[to]]\n{lines}");
    let two = |first: &str, second: &str| format!("{FROM}[[to]]\n{first}\n[[to]]\n{second}");
    check(&[
        (to("key = \"{identity}\""), "x"),
        (to("map = \"b/{room}\""), "x"),
        (to("document = \"b/{room}/{identity}\"\nkey = \"a\""), "x"),
        (to("document = \"b/{game}/{room}/{identity}\""), "x"),
        (to("map = \"b/{room}\"\nkey = \"{key}/{identity}\""), "x"),
        (to("document = \"b/{room}\""), "x"),
        (to("map = \"b/c\"\nkey = \"{room}\""), "x"),
        (items("map = \"b/{room}\"\nkey = \"{identity}\""), "x"),
        (to("map = \"b/{room}\"\nkey = \"{pseudonym}\""), "x"),
        (to(&format!("document = \"ET{}\"\ncontended = true", "0".repeat(32))), "x"),
        (to("document = \"c/{room}/{identity}\"\nfold = 1"), "x"),
        (to("document = \"a/b/{identity}\"\ncontended = true"), "x"),
        (more("contended = 1"), "x"),
        (more("read = \"all\""), "x"),
        (more("read = \"reader.identity == 'a'\""), "x"),
        (more("ttl = \"1 week\""), "x"),
        (more("ttl = \"366d\""), "x"),
        (more("ttl = 30"), "x"),
        (more("take = [\"x\"]"), "x"),
        (more("take = [\"\"]"), "x"),
        (more("take = [\"/a~b\"]"), "x"),
        (more("take = [\"/a\", \"/a/b\"]"), "x"),
        (more("take = \"/a\""), "x"),
        (more("rename = { \"/x\" = 1 }"), "x"),
        (more("rename = { \"/x\" = \"/z\", \"/y\" = \"/z\" }"), "x"),
        (more("default = { a = 2026-01-01 }"), "x"),
        (more("default = { a = nan }"), "x"),
        (more("default = { a = 9007199254740993 }"), "x"),
        (more("default = { __proto__ = 1 }"), "x"),
        (more("set = { a = [1] }"), "x"),
        (more("set = { a = \"Ada\" }"), "x"),
        (more("set = { a = \"now + 1\" }"), "x"),
        (more("set = { a = \"data.x\" }"), "x"),
        (more("set = { a = \"claims\" }"), "x"),
        (more("set = { a = \"'x\" }"), "x"),
        (more("set = { \"/a/b\" = 1, a = 2 }"), "x"),
        (more("mask = [\"/a\"]"), "x"),
        (two("document = \"b/{room}/{identity}\"", "map = \"b/{room}/{identity}\"\nkey = \"a\""), "x"),
        (two("document = \"b/{room}/{identity}\"", "document = \"{identity}/{room}/c\""), "x"),
        (two("map = \"b/{room}\"\nkey = \"{identity}\"", "map = \"b/{room}\"\nkey = \"{identity}/x\"\nread = \"everyone\""), "x"),
        (two("map = \"b/{room}\"\nkey = \"{identity}/x\"", "map = \"b/{room}\"\nkey = \"x/{identity}\""), "x"),
    ]);
}

#[test]
fn faults_between_policies_name_both() {
    let policy = |from: &str, to: &str| format!("[from]\n{from}\n[[to]]\n{to}\n");
    let between = |one: String, two: String| {
        let faults = set(&[("one", &one), ("two", &two)]).expect_err("a fault");
        faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let one = || policy("document = \"a/{identity}\"", "document = \"b/{identity}\"");
    assert_eq!(between(one(), policy("map = \"{identity}/b\"", "map = \"c/d/e\"\nkey = \"{identity}/{key}\"")), "x");
    assert_eq!(between(one(), policy("document = \"{identity}/c\"", "document = \"d/{identity}/x\"")), "x");
    assert_eq!(between(one(), policy("document = \"c/{identity}\"", "map = \"b/c\"\nkey = \"{identity}\"")), "x");
    assert_eq!(between(one(), policy("document = \"c/{identity}\"", "document = \"a/{identity}\"")), "x");
}

#[test]
fn faults_of_files_say_why() {
    let good = format!("{FROM}schema = \"a.json\"\n{TO}");
    let told = |name: &str, content: Content, schema: Content| {
        let mut files = files(name, "", &[]);
        files.policy = content;
        files.schemas.insert("a.json".to_owned(), schema);
        compile(&[files]).expect_err("a fault").iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let bytes = |text: &str| Content::Bytes(text.as_bytes().to_vec());
    assert_eq!(told("chat", Content::Bytes(vec![b'a', 0xff]), bytes("{}")), "x");
    assert_eq!(told("chat", Content::TooLarge, bytes("{}")), "x");
    assert_eq!(told("Chat", bytes(&good), bytes("{}")), "x");
    assert_eq!(told("chat", bytes(&good), Content::Outside), "x");
    assert_eq!(told("chat", bytes(&good), Content::Unreadable("permission denied".to_owned())), "x");
    let twice = [files("chat", &good, &[("a.json", "{}")]), files("chat", &good, &[("a.json", "{}")])];
    assert_eq!(compile(&twice).expect_err("a fault")[0].to_string(), "x");
}
