//! Faults of conditions, lookups and bounds, each by its text.

use super::golden::{FROM, Row, TO, check, rows};

#[test]
fn faults_of_rules_say_what_where_and_how() {
    check(&all());
}

pub(super) fn all() -> Vec<Row> {
    let when = |lines: &str| format!("{FROM}{TO}[[when]]\n{lines}");
    let lookup = |lines: &str| format!("{FROM}{TO}[[lookup]]\n{lines}");
    let twice = |table: &str| format!("{FROM}{TO}{table}{table}");
    let patterns = |count: usize| vec!["room.matches('x')"; count].join(" && ");
    let many: String =
        (0..13).map(|it| format!("[[when]]\nrule = \"r{it}\"\nthat = \"{}\"\n", patterns(5))).collect();
    rows(&[
        (
            format!("{FROM}{TO}{many}"),
            "43:106 the expressions of the policy have more than 64 patterns [join some of them with `|`]",
        ),
        (
            format!("{FROM}{TO}[[when]]\nrule = \"a\""),
            "5:1 `[[when]]` has no `that` [write for example `that = \"data.x < 100\"`]",
        ),
        (
            when("rule = \"size\"\nthat = \"true\""),
            "6:8 `size` is the name of a stage [refusals call stages so: `token`, `standing`, `address`, `limit`, `quota`, `size`, `schema`, `lookup`, `hook`, `rewrite`, `shared-schema`]",
        ),
        (
            when("rule = \"A b\"\nthat = \"true\""),
            "6:8 `A b` cannot be the name of a rule [use small letters, digits and `-`, at most 64 characters]",
        ),
        (
            when("rule = \"a\"\nthat = \"true\"\n[[when]]\nrule = \"a\"\nthat = \"true\""),
            "9:8 two conditions are called `a` [choose another name]",
        ),
        (
            when("rule = \"a\"\nthat = \"true\"\nmessage = \"a\\nb\""),
            "8:11 `message` is one line of at most 256 bytes",
        ),
        (
            lookup("name = \"board\""),
            "5:1 `[[lookup]]` names no object [write `document = …`, `list = …`, `map = …` or `stream = …`]",
        ),
        (
            lookup("name = \"board\"\nlist = \"b\""),
            "7:1 `list` is not supported in this version [take it out: the word is kept for a later version]",
        ),
        (
            lookup("name = \"board\"\ndocument = \"boards/{game}\""),
            "7:12 `{game}` is not captured by `[from]` [captured are `{room}`, `{identity}`]",
        ),
        (
            lookup("name = \"room\"\ndocument = \"boards/{room}\""),
            "6:8 `room` is a captured variable already [choose another name]",
        ),
        (
            lookup("name = \"claims\"\ndocument = \"boards/{room}\""),
            "6:8 `claims` cannot be the name of a variable: the word has a meaning of its own [choose another name]",
        ),
        (
            lookup("name = \"board\"\nmap = \"boards/{room}\""),
            "7:7 a map in `[[lookup]]` needs a `key` [name the item that is read]",
        ),
        (
            lookup("name = \"mine\"\ndocument = \"a/{room}/{identity}\""),
            "7:12 `a/{room}/{identity}` could read what a client writes: policy `chat`'s `from` `a/{room}/{identity}` matches it [look up a shared object, or one that backends write]",
        ),
        (
            format!("{FROM}{TO}[vars.game]\npattern = \"a\""),
            "5:7 `game` is not captured by `[from]` [captured are `room`, `identity`]",
        ),
        (
            format!("{FROM}{TO}[vars.room]\npattern = \"(?=a)\""),
            "6:11 the regular expression cannot be compiled [look-around and back-references are not known, and its compiled size is bounded]",
        ),
        (
            format!("{FROM}{TO}[vars.room]\nin = \"rooms\""),
            "6:6 `in` cannot be `rooms` [write for example `in = \"claims.rooms\"`: a list of texts in the token]",
        ),
        (
            format!("{FROM}{TO}[vars.room]\nexists = \"games/{{game}}\""),
            "6:10 `{game}` is not captured by `[from]` [captured are `{room}`, `{identity}`]",
        ),
        (
            lookup("document = \"boards/{room}\""),
            "5:1 `[[lookup]]` has no `name` [write for example `name = \"board\"`: expressions call it so]",
        ),
        (
            lookup("name = \"board\"\ndocument = \"boards/{room}\"\nkey = \"{identity}\""),
            "8:1 a document in `[[lookup]]` has no `key` [take it out]",
        ),
        (
            twice("[[lookup]]\nname = \"board\"\ndocument = \"boards/{room}\"\n"),
            "9:1 two lookups are called `board` [choose another name]",
        ),
        (
            format!("{FROM}{TO}[vars.identity]\nin = \"claims.rooms\""),
            "6:1 the identity is the token's own: no list can bound it [take it out; a `pattern` may bound it]",
        ),
    ])
}

#[test]
fn more_than_a_policy_may_have_is_said_once() {
    check(&too_many());
}

pub(super) fn too_many() -> Vec<Row> {
    let many = |count: usize, of: fn(usize) -> String| (0..count).map(of).collect::<String>();
    rows(&[
        (
            format!("services = [{}]\n{FROM}{TO}", many(101, |it| format!("\"s{it}\", "))),
            "1:12 `services` names more than 100 services [leave `services` out to govern each service]",
        ),
        (
            format!("{FROM}{TO}{}", many(17, |_| "[[limit]]\nper = \"identity\"\nallow = \"1/s\"\n".into())),
            "53:1 there are more than 16 limits",
        ),
        (
            format!(
                "{FROM}{TO}{}",
                many(9, |it| format!("[[lookup]]\nname = \"l{it}\"\ndocument = \"c/{{room}}\"\n"))
            ),
            "29:1 there are more than 8 lookups",
        ),
        (
            format!("{FROM}{TO}{}", many(33, |it| format!("[[when]]\nrule = \"r{it}\"\nthat = \"true\"\n"))),
            "101:1 there are more than 32 conditions",
        ),
        (
            format!(
                "{FROM}{}",
                many(17, |it| format!("[[to]]\ndocument = \"b{it}/{{room}}/{{identity}}\"\n"))
            ),
            "35:1 there are more than 16 targets",
        ),
        (
            format!("{FROM}{TO}take = [{}]", many(101, |it| format!("\"/f{it}\", "))),
            "5:799 `take` has more than 100 entries",
        ),
        (
            format!("{FROM}{TO}[to.mask.text]\nwords = [{}]", many(501, |it| format!("\"w{it}\", "))),
            "5:1 a mask has at most 500 words and patterns [join some of them into one pattern]",
        ),
        (
            format!(
                "{FROM}[[to]]\ndocument = \"c/{{room}}\"\n[to.fold]\n{}",
                many(17, |it| format!("f{it} = {{ count = true }}\n"))
            ),
            "5:5 the fold has more than 16 fields [write a second `[[to]]`]",
        ),
    ])
}
