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

pub(super) const FROM: &str = "[from]\ndocument = \"a/{room}/{identity}\"\n";
pub(super) const TO: &str = "[[to]]\ndocument = \"b/{room}/{identity}\"\n";
pub(super) const ITEMS: &str = "[from]\nmap = \"a/{room}/{identity}\"\n";

pub(super) fn check(rows: &[(String, &str)]) {
    let rows: Vec<(String, &str)> = rows.iter().map(|it| (told(&it.0), it.1)).collect();
    same(&rows);
}

/// Each text is as expected, and no two rows expect the same.
pub(super) fn same(rows: &[(String, &str)]) {
    let differ: Vec<String> = rows
        .iter()
        .filter(|(told, expected)| told != expected)
        .map(|(told, expected)| format!("told:     {told}\nexpected: {expected}"))
        .collect();
    assert!(differ.is_empty(), "\n{}", differ.join("\n\n"));
    let mut all: Vec<_> = rows.iter().map(|it| it.1).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), rows.len(), "each row is a fault of its own");
}

#[test]
fn faults_at_the_top_say_what_where_and_how() {
    let top = |line: &str| format!("{line}\n{FROM}{TO}");
    check(&[
        ("mode = ".into(), "1:8 not TOML: string values must be quoted, expected literal string"),
        ("a = 1\na = 2".into(), "2:1 not TOML: duplicate key"),
        (
            TO.into(),
            "1:1 policy `chat` has no `[from]` [write a table `[from]` with `document = …`, or another kind of object]",
        ),
        (
            FROM.into(),
            "1:1 policy `chat` publishes nothing [write a table `[[to]]` with `document = …`, or `map = …` and `key = …`]",
        ),
        (
            format!("description = \"\"\nto = []\n{FROM}"),
            "2:1 policy `chat` publishes nothing [write a table `[[to]]` with `document = …`, or `map = …` and `key = …`]",
        ),
        (top("limits = 1"), "1:1 unknown key `limits` in policy `chat` [did you mean `limit`?]"),
        (
            top("colour = 1"),
            "1:1 unknown key `colour` in policy `chat` [known are `description`, `services`, `mode`, `from`, `vars`, `limit`, `lookup`, `when`, `to`, `refusal`]",
        ),
        (
            top("max_bytes = 1"),
            "1:1 unknown key `max_bytes` in policy `chat` [`max_bytes` belongs in `[from]`]",
        ),
        (top("journal = \"full\""), "1:1 `journal` is not supported in this version"),
        (top("hook = 1"), "1:1 `hook` is not supported in this version"),
        (top("description = 1"), "1:15 `description` must be a text, not a number"),
        (top("mode = \"on\""), "1:8 `mode` cannot be `on` [write one of `enforce`, `warn`, `off`]"),
        (top("mode = \"enforced\""), "1:8 `mode` cannot be `enforced` [did you mean `enforce`?]"),
        (
            top("services = []"),
            "1:12 `services` names no service [name one, or leave `services` out to govern each service]",
        ),
        (top("services = \"default\""), "1:12 `services` must be an array of texts, not a text"),
        (
            top("services = [\"default\", 1, \"default\"]"),
            concat!(
                "1:24 `services` must be an array of texts, not a number\n",
                "1:27 the service `default` stands twice"
            ),
        ),
        (
            top("services = [\"AC00000000000000000000000000000000\"]"),
            "1:13 `AC00000000000000000000000000000000` is not a service [write a SID that begins with `IS`, or a unique name such as `default`]",
        ),
        (top("from.max = 1"), "2:2 not TOML: duplicate key"),
        (top("limit = 1"), "1:9 `limit` must be an array of tables, not a number"),
        (top("limit = [1]"), "1:10 `limit` must be an array of tables, not a number"),
        (
            format!("{FROM}[to]\ndocument = \"b\""),
            "3:2 `to` is an array of tables [write `[[to]]`, not `[to]`]",
        ),
        (
            format!("[[from]]\n{TO}"),
            "1:3 `from` stands once in policy `chat` [write `[from]`, not `[[from]]`]",
        ),
        (
            format!("{FROM}{TO}[refusal]\ndetail = \"all\""),
            "6:10 `detail` cannot be `all` [write one of `code`, `pointer`, `full`]",
        ),
        (
            format!("{FROM}{TO}[refusal]\nmode = \"off\""),
            "6:1 unknown key `mode` in `[refusal]` [`mode` belongs at the top of the file, above the first table]",
        ),
    ]);
}

#[test]
fn faults_of_the_private_side_say_what_where_and_how() {
    let from = |lines: &str| format!("[from]\n{lines}\n{TO}");
    let more = |line: &str| format!("{FROM}{line}\n{TO}");
    check(&[
        (
            from(""),
            "1:2 `[from]` names no object [write `document = …`, `list = …`, `map = …` or `stream = …`]",
        ),
        (
            from("map = \"a/{room}/{identity}\"\nuntil = \"disconnect\""),
            concat!(
                "3:9 a map cannot be withdrawn on `disconnect` [write `document`, or give what is published a `ttl`]\n",
                "5:12 `{key}` does not stand in the name of `b/{room}/{identity}` ",
                "[several private objects would publish to one place: add it, or write `contended = true`]",
            ),
        ),
        (
            from("document = \"a/{room}/{identity}\"\nuntil = \"disconnected\""),
            "3:9 `until` cannot be `disconnected` [did you mean `disconnect`?]",
        ),
        (
            from("list = \"a\"\nstream = \"b\""),
            "3:1 `[from]` names a list and a stream [take one of the two out]",
        ),
        (
            from("document = \"a\"\nmap = \"b\""),
            "3:1 `[from]` names a document and a map [take one of the two out]",
        ),
        (from("document = 1"), "2:12 `document` must be a text, not a number"),
        (
            from("document = \"\""),
            r#"2:12 a pattern needs at least one segment [write segments joined by `/`, such as "rooms/{room}"]"#,
        ),
        (
            from("document = \"/{room}/{identity}\""),
            "2:12 segment 1 of `/{room}/{identity}` is empty [take out the `/` at the edge, or one of two]",
        ),
        (
            from("document = \"a-{room}/{identity}\""),
            "2:12 `a-{room}` is neither a literal nor one whole variable [a variable stands for a whole segment: write `{room}` between two `/`]",
        ),
        (
            from("document = \"{Room}/{room}/{identity}\""),
            "2:12 `Room` cannot be the name of a variable [use a small letter, then small letters, digits and `_`]",
        ),
        (
            from("document = \"{data}/{room}/{identity}\""),
            "2:12 `data` cannot be the name of a variable: the word has a meaning of its own [choose another name]",
        ),
        (
            from("document = \"{room}/{room}/{identity}\""),
            "2:12 the variable `room` stands twice [name each variable once]",
        ),
        (
            from("document = \"{room}/{pseudonym}\""),
            "2:12 `{pseudonym}` cannot be captured by `[from]` [write `{identity}`: who writes is known; `{pseudonym}` is for `[[to]]`]",
        ),
        (
            from("document = \"a/{room}\""),
            "2:12 `a/{room}` has no `{identity}` [put it in place of one segment: each identity then writes under names of its own]",
        ),
        (
            from("document = \"a/{key}/{identity}\""),
            "2:12 `{key}` cannot be captured by `[from]` [choose another name; `{key}` is the key of a map's item, for `[[to]]`]",
        ),
        (
            from(&format!("document = \"{}/{{room}}/{{identity}}\"", "x".repeat(320))),
            "2:12 no name can match: a name has at most 320 characters",
        ),
        (more("max_bytes = 16385"), "3:13 `max_bytes` must be from 1 to 16384, not 16385"),
        (more("objects_max = 0"), "3:15 `objects_max` must be from 1 to 10000, not 0"),
        (more("objects_max = 1.5"), "3:15 `objects_max` must be a whole number, not a decimal"),
        (more("objekts_max = 1"), "3:1 unknown key `objekts_max` in `[from]` [did you mean `objects_max`?]"),
        (
            more("schema = \"../a.json\""),
            "3:10 `schema` must be a file name, not `../a.json` [put the schema beside `policy.toml` and write its file name]",
        ),
        (more("schema = \"a.yaml\""), "3:10 the name of a schema's file must end in `.json`, not `a.yaml`"),
        (more("schema = \"a.json\""), "3:10 there is no file `a.json` beside `policy.toml`"),
        (more("ttl = \"1s\""), "3:1 unknown key `ttl` in `[from]` [`ttl` belongs in `[[to]]`]"),
    ]);
}

#[test]
fn faults_of_limits_say_what_where_and_how() {
    let limit = |lines: &str| format!("{FROM}{TO}[[limit]]\n{lines}");
    let per = |text: &str| limit(&format!("per = \"{text}\"\nallow = \"1/s\""));
    check(&[
        (
            limit(""),
            concat!(
                r#"5:1 `[[limit]]` has no `allow` [write for example `allow = "20/s"`]"#,
                "\n",
                r#"5:1 `[[limit]]` has no `per` [write for example `per = "identity"`]"#
            ),
        ),
        (limit("per = \"identity\"\nallow = 20"), "7:9 `allow` must be a text, not a number"),
        (
            limit("per = \"identity\"\nallow = \"20/d\""),
            "7:9 `allow` must be a number per `s`, `m` or `h`, not `20/d` [write for example `20/s`]",
        ),
        (
            limit("per = \"identity\"\nallow = \"0/s\""),
            "7:9 `allow` must be from 1 to 1000000, not `0/s` [write for example `20/s`]",
        ),
        (
            limit("per = \"identity\"\nallow = \"1/s\"\nburst = 0"),
            "8:9 `burst` must be from 1 to 1000000, not 0",
        ),
        (
            limit("per = \"identity\"\nallow = \"1/s\"\ncost = \"byte\""),
            "8:8 `cost` cannot be `byte` [did you mean `bytes`?]",
        ),
        (
            per("everyone"),
            "6:7 `per` cannot be `everyone` [write `identity`, `address`, `policy`, or variables such as `{room}/{identity}`]",
        ),
        (
            per("{game}/{identity}"),
            "6:7 `{game}` is not captured by `[from]` [captured are `{room}`, `{identity}`]",
        ),
        (
            per("{identity"),
            "6:7 `{identity` is neither a literal nor one whole variable [a variable stands for a whole segment: write `{room}` between two `/`]",
        ),
        (
            per("policy"),
            r#"6:7 a limit for the whole policy needs a caller's limit beside it [add a `[[limit]]` with `per = "identity"`: else one caller could use it up for all]"#,
        ),
        (
            per("{room}"),
            r#"6:7 a limit per `{room}` needs a caller's limit beside it [add a `[[limit]]` with `per = "identity"`: else one caller could use it up for all]"#,
        ),
        (
            format!(
                "{ITEMS}{}[[limit]]\nper = \"{{key}}/{{identity}}\"\nallow = \"1/s\"",
                "[[to]]\nmap = \"b/{room}\"\nkey = \"{identity}/{key}\"\n"
            ),
            "7:7 `{key}` cannot stand in `per` [a limit counts objects, not items]",
        ),
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
    same(&[
        (
            between(one(), policy("map = \"{identity}/b\"", "map = \"c/d/e\"\nkey = \"{identity}/{key}\"")),
            concat!(
                "error: a client could write what `b/{identity}` publishes: policy `two`'s `from` `{identity}/b` matches it\n",
                "  --> p/one/policy.toml:4:12\n",
                "  help: give the shared name a first segment that no `from` has (the other stands at p/two/policy.toml:2:7)\n",
                "error: `{identity}/b` claims private names that policy `one`'s `from` `a/{identity}` claims too\n",
                "  --> p/two/policy.toml:2:7\n",
                "  help: give one of them a first segment of its own, or other `services` (the other stands at p/one/policy.toml:2:12)"
            ),
        ),
        (
            between(one(), policy("document = \"{identity}/c\"", "document = \"d/{identity}/x\"")),
            concat!(
                "error: a client could write what `b/{identity}` publishes: policy `two`'s `from` `{identity}/c` matches it\n",
                "  --> p/one/policy.toml:4:12\n",
                "  help: give the shared name a first segment that no `from` has (the other stands at p/two/policy.toml:2:12)\n",
                "error: `{identity}/c` claims private names that policy `one`'s `from` `a/{identity}` claims too\n",
                "  --> p/two/policy.toml:2:12\n",
                "  help: give one of them a first segment of its own, or other `services` (the other stands at p/one/policy.toml:2:12)"
            ),
        ),
        (
            between(one(), policy("document = \"c/{identity}\"", "map = \"b/c\"\nkey = \"{identity}\"")),
            concat!(
                "error: `b/c` names shared objects that policy `one`'s `to` `b/{identity}` names too\n",
                "  --> p/two/policy.toml:4:7\n",
                "  help: one policy publishes to one name: give one of them a first segment of its own (the other stands at p/one/policy.toml:4:12)"
            ),
        ),
        (
            between(one(), policy("document = \"c/{identity}\"", "document = \"a/{identity}\"")),
            concat!(
                "error: a client could write what `a/{identity}` publishes: policy `one`'s `from` `a/{identity}` matches it\n",
                "  --> p/two/policy.toml:4:12\n",
                "  help: give the shared name a first segment that no `from` has (the other stands at p/one/policy.toml:2:12)"
            ),
        ),
    ]);
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
    let twice = [files("chat", &good, &[("a.json", "{}")]), files("chat", &good, &[("a.json", "{}")])];
    same(&[
        (
            told("chat", Content::Bytes(vec![b'a', 0xff]), bytes("{}")),
            concat!(
                "error: `policy.toml` is not UTF-8: the byte at 1 is out of place\n",
                "  --> p/chat/policy.toml:1:1"
            ),
        ),
        (
            told("chat", Content::TooLarge, bytes("{}")),
            concat!("error: `policy.toml` is larger than 262144 bytes\n", "  --> p/chat/policy.toml:1:1"),
        ),
        (
            told("Chat", bytes(&good), bytes("{}")),
            concat!(
                "error: the folder's name `Chat` cannot be a policy's name\n",
                "  --> p/Chat/policy.toml:1:1\n",
                "  help: use small letters, digits and `-`, at most 64 characters"
            ),
        ),
        (
            told("chat", bytes(&good), Content::Outside),
            concat!("error: `a.json` leads out of the policy's folder\n", "  --> p/chat/policy.toml:3:10"),
        ),
        (
            told("chat", bytes(&good), Content::Unreadable("permission denied".to_owned())),
            concat!("error: `a.json` cannot be read: permission denied\n", "  --> p/chat/policy.toml:3:10"),
        ),
        (
            compile(&twice).expect_err("a fault")[0].to_string(),
            concat!("error: two policies are called `chat`\n", "  --> p/chat:1:1"),
        ),
    ]);
}
