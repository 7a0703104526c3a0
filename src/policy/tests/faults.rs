//! Each fault at the top of a policy file, of its private side and of its limits, by its text.

use super::golden::{FROM, ITEMS, Row, TO, check, rows};

#[test]
fn faults_at_the_top_say_what_where_and_how() {
    check(&top());
}

pub(super) fn top() -> Vec<Row> {
    let top = |line: &str| format!("{line}\n{FROM}{TO}");
    rows(&[
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
        (
            top("journal = \"full\""),
            "1:1 `journal` is not supported in this version [take it out: the word is kept for a later version]",
        ),
        (
            top("hook = 1"),
            "1:1 `hook` is not supported in this version [take it out: the word is kept for a later version]",
        ),
        (top("description = 1"), "1:15 `description` must be a text, not a number [put it into quotes]"),
        (top("mode = \"on\""), "1:8 `mode` cannot be `on` [write one of `enforce`, `warn`, `off`]"),
        (top("mode = \"enforced\""), "1:8 `mode` cannot be `enforced` [did you mean `enforce`?]"),
        (
            top("services = []"),
            "1:12 `services` names no service [name one, or leave `services` out to govern each service]",
        ),
        (
            top("services = \"default\""),
            "1:12 `services` must be an array of texts, not a text [put it between `[` and `]`]",
        ),
        (
            top("services = [\"default\", 1, \"default\"]"),
            concat!(
                "1:24 `services` must be an array of texts, not a number\n",
                "1:27 the service `default` stands twice [take one out]"
            ),
        ),
        (
            top("services = [\"AC00000000000000000000000000000000\"]"),
            "1:13 `AC00000000000000000000000000000000` is not a service [write a SID that begins with `IS`, or a unique name such as `default`]",
        ),
        (top("from.max = 1"), "2:2 not TOML: duplicate key"),
        (
            top("limit = 1"),
            "1:9 `limit` must be an array of tables, not a number [write `[[limit]]`, and its keys below]",
        ),
        (
            top("limit = [1]"),
            "1:10 `limit` must be an array of tables, not a number [write `[[limit]]`, and its keys below]",
        ),
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
    ])
}

#[test]
fn faults_of_the_private_side_say_what_where_and_how() {
    check(&private());
}

pub(super) fn private() -> Vec<Row> {
    let from = |lines: &str| format!("[from]\n{lines}\n{TO}");
    let more = |line: &str| format!("{FROM}{line}\n{TO}");
    rows(&[
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
        (from("document = 1"), "2:12 `document` must be a text, not a number [put it into quotes]"),
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
            "2:12 no name can match: a name has at most 320 characters [shorten what is not a variable]",
        ),
        (more("max_bytes = 16385"), "3:13 `max_bytes` must be from 1 to 16384, not 16385"),
        (more("objects_max = 0"), "3:15 `objects_max` must be from 1 to 10000, not 0"),
        (
            more("objects_max = \"9\""),
            "3:15 `objects_max` must be a whole number, not a text [leave out the quotes]",
        ),
        (more("objects_max = 1.5"), "3:15 `objects_max` must be a whole number, not a decimal"),
        (more("objekts_max = 1"), "3:1 unknown key `objekts_max` in `[from]` [did you mean `objects_max`?]"),
        (
            more("schema = \"../a.json\""),
            "3:10 `schema` must be a file name, not `../a.json` [put the schema beside `policy.toml` and write its file name]",
        ),
        (
            more("schema = \"a.yaml\""),
            "3:10 the name of a schema's file must end in `.json`, not `a.yaml` [rename the file]",
        ),
        (
            more("schema = \"a.json\""),
            "3:10 there is no file `a.json` beside `policy.toml` [write it: `{}` accepts every object]",
        ),
        (more("ttl = \"1s\""), "3:1 unknown key `ttl` in `[from]` [`ttl` belongs in `[[to]]`]"),
        (
            from("document = \"a/\\u0001/{identity}\""),
            "2:12 a pattern cannot hold control or hidden characters [take it out]",
        ),
        (
            more("until = \"disconnect\"\nwithdraw = \"never\""),
            "4:12 `withdraw = \"never\"` stands beside `until` [take one of the two out: what is withdrawn on `disconnect` is not final]",
        ),
        (
            "[from]\nstream = \"a/{identity}\"\nwithdraw = \"never\"\n[[to]]\nstream = \"b\"".into(),
            "3:12 `withdraw` has no meaning here [a message cannot be taken back]",
        ),
    ])
}

#[test]
fn faults_of_limits_say_what_where_and_how() {
    check(&limits());
}

pub(super) fn limits() -> Vec<Row> {
    let limit = |lines: &str| format!("{FROM}{TO}[[limit]]\n{lines}");
    let per = |text: &str| limit(&format!("per = \"{text}\"\nallow = \"1/s\""));
    rows(&[
        (
            limit(""),
            concat!(
                r#"5:1 `[[limit]]` has no `allow` [write for example `allow = "20/s"`]"#,
                "\n",
                r#"5:1 `[[limit]]` has no `per` [write for example `per = "identity"`]"#
            ),
        ),
        (
            limit("per = \"identity\"\nallow = 20"),
            "7:9 `allow` must be a text, not a number [put it into quotes]",
        ),
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
    ])
}

#[test]
fn a_file_tells_all_its_faults_in_the_order_of_their_places() {
    check(&at_once());
}

pub(super) fn at_once() -> Vec<Row> {
    let text = r#"descripton = "of everything one"
mode = "on"
[from]
document = "a/{room}/{identity}"
max_bytes = 0
[vars.game]
pattern = "[a-z]+"
[vars.room]
pattern = "("
[[limit]]
per = "{room}"
allow = "20/d"
[[lookup]]
name = "board"
document = "boards/{game}"
[[when]]
rule = "size"
that = "data.x > 1 &&"
[[to]]
map = "b/{room}"
take = ["x", "/y", "/y/z"]
clamp = { x = [2, 1] }
[to.mask.text]
[to.fold]
votes = {}
"#;
    rows(&[(
        text.to_owned(),
        concat!(
            "1:1 unknown key `descripton` in policy `chat` [did you mean `description`?]\n",
            "2:8 `mode` cannot be `on` [write one of `enforce`, `warn`, `off`]\n",
            "5:13 `max_bytes` must be from 1 to 16384, not 0\n",
            "6:7 `game` is not captured by `[from]` [captured are `room`, `identity`]\n",
            "9:11 the regular expression cannot be compiled [look-around and back-references are not known, and its compiled size is bounded]\n",
            "11:7 a limit per `{room}` needs a caller's limit beside it [add a `[[limit]]` with `per = \"identity\"`: else one caller could use it up for all]\n",
            "12:9 `allow` must be a number per `s`, `m` or `h`, not `20/d` [write for example `20/s`]\n",
            "15:12 `{game}` is not captured by `[from]` [captured are `{room}`, `{identity}`]\n",
            "17:8 `size` is the name of a stage [refusals call stages so: `token`, `standing`, `address`, `limit`, `quota`, `size`, `schema`, `lookup`, `hook`, `rewrite`, `shared-schema`]\n",
            "18:22 the expression ends too early\n",
            "20:7 a map in `[[to]]` needs a `key` [write for example `key = \"{identity}\"`]\n",
            "21:9 `x` is no JSON pointer [write `/x`]\n",
            "21:20 `/y` and `/y/z` in `take` overlap [name each place once, and not what stands within it]\n",
            "22:15 the first number is above the second [write the least first]\n",
            "23:1 the mask covers nothing [write `words`, `patterns` or `digits = true`]\n",
            "25:9 the field `votes` counts nothing [write one of `count`, `count_by`, `sum`, `mean`, `min`, `max`, `distinct`, `top`]",
        ),
    )])
}
