//! Faults of conditions, lookups and bounds, each by its text.

use super::faults::{FROM, TO, check};

#[test]
fn faults_of_rules_say_what_where_and_how() {
    let when = |lines: &str| format!("{FROM}{TO}[[when]]\n{lines}");
    let lookup = |lines: &str| format!("{FROM}{TO}[[lookup]]\n{lines}");
    check(&[
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
            "9:8 two conditions are called `a`",
        ),
        (
            when("rule = \"a\"\nthat = \"true\"\nmessage = \"a\\nb\""),
            "8:11 `message` is one line of at most 256 bytes",
        ),
        (
            lookup("name = \"board\""),
            "5:1 `[[lookup]]` names no object [write `document = …`, `list = …`, `map = …` or `stream = …`]",
        ),
        (lookup("name = \"board\"\nlist = \"b\""), "7:1 `list` is not supported in this version"),
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
    ]);
}
