//! Each fault of `[[to]]`, by its text.

use super::faults::{FROM, ITEMS, TO, check};

#[test]
fn faults_of_the_shared_side_say_what_where_and_how() {
    let to = |lines: &str| format!("{FROM}[[to]]\n{lines}");
    let fold = |it: &str| to(&format!("document = \"c/{{room}}\"\nfold = {it}"));
    let more = |line: &str| format!("{FROM}{TO}{line}");
    let items = |lines: &str| format!("{ITEMS}[[to]]\n{lines}");
    let two = |first: &str, second: &str| format!("{FROM}[[to]]\n{first}\n[[to]]\n{second}");
    check(&[
        (
            to("key = \"{identity}\""),
            "3:1 `[[to]]` names no object [write `document = …`, `list = …`, `map = …` or `stream = …`]",
        ),
        (
            to("map = \"b/{room}\""),
            r#"4:7 a map in `[[to]]` needs a `key` [write for example `key = "{identity}"`]"#,
        ),
        (
            to("document = \"b/{room}/{identity}\"\nkey = \"a\""),
            "5:1 a document in `[[to]]` has no `key` [take it out, or write `map` for `document`]",
        ),
        (
            to("document = \"b/{game}/{room}/{identity}\""),
            "4:12 `{game}` is not captured by `[from]` [captured are `{room}`, `{identity}`]",
        ),
        (
            to("map = \"b/{room}\"\nkey = \"{key}/{identity}\""),
            "5:7 `{key}` needs a map in `[from]` [write `map` for `document` in `[from]`, or take `{key}` out]",
        ),
        (
            to("document = \"b/{room}\""),
            "4:12 `{identity}` does not stand in the name of `b/{room}` [several private objects would publish to one place: add it, or write `contended = true`]",
        ),
        (
            to("map = \"b/c\"\nkey = \"{room}\""),
            "4:7 `{identity}` does not stand in the name or the key of `b/c` [several private objects would publish to one place: add it, or write `contended = true`]",
        ),
        (
            items("map = \"b/{room}\"\nkey = \"{identity}\""),
            "4:7 `{key}` does not stand in the name or the key of `b/{room}` [several private objects would publish to one place: add it, or write `contended = true`]",
        ),
        (
            to("map = \"b/{room}\"\nkey = \"{pseudonym}\"\nset = { who = \"identity\" }"),
            "4:7 a target with `{pseudonym}` shows the identity beside it [take `identity` out of the name, the key, `set` and `template`, or write it for `pseudonym`]",
        ),
        (
            to(&format!("document = \"ET{}\"\ncontended = true", "0".repeat(32))),
            "4:12 no name can match: a name must not look like a SID",
        ),
        (
            to("list = \"b/{room}\"\nkey = \"{identity}\""),
            "5:1 a list in `[[to]]` has no `key` [take it out, or write `map` for `list`]",
        ),
        (
            to("list = \"b/{room}\"\nwhen_full = \"drop\""),
            "5:13 `when_full` cannot be `drop` [write one of `refuse`, `drop_oldest`]",
        ),
        (
            to("list = \"b/{room}\"\nitems_max = 1000001"),
            "5:13 `items_max` must be from 1 to 1000000, not 1000001",
        ),
        (
            to("document = \"b/{room}/{identity}\"\nitems_max = 5"),
            "5:1 `items_max` has no meaning here [only a list or a map has items]",
        ),
        (
            to("map = \"b/{room}\"\nkey = \"{identity}\"\nwhen_full = \"refuse\""),
            "6:1 `when_full` has no meaning here [only a list can drop its oldest items]",
        ),
        (to("stream = \"b/{room}\"\nttl = \"5s\""), "5:1 `ttl` has no meaning here [a message is not kept]"),
        (
            items("list = \"b/{room}\"\non_withdraw = \"keep\""),
            "5:1 `on_withdraw` has no meaning here [it is for a document that feeds a list or a document; an item stands and falls with its source]",
        ),
        (
            "[from]\nstream = \"a/{identity}\"\n[[to]]\ndocument = \"b/{identity}\"".into(),
            "4:12 a stream in `[from]` cannot feed a document [write `stream` or `list`: messages are sent on, or appended]",
        ),
        (
            "[from]\nlist = \"a/{identity}\"\n[[to]]\nmap = \"b\"\nkey = \"{identity}\"".into(),
            "4:7 all items of a list would publish to one place of a map [write `list` to show each item, or `contended = true` to show the latest]",
        ),
        (to("document = \"c/{room}\"\nfold = 1"), "5:8 `fold` must be a table, not a number"),
        (
            fold("{}"),
            "5:1 the fold has no field [write for example `votes = { count_by = \"data.choice\" }`]",
        ),
        (fold("{ a = 1 }"), "5:14 a field of a fold is a table [write for example `{ count = true }`]"),
        (
            fold("{ a = {} }"),
            "5:14 the field `a` counts nothing [write one of `count`, `count_by`, `sum`, `mean`, `min`, `max`, `distinct`, `top`]",
        ),
        (
            fold("{ a = { sum = \"data.x\", max = \"data.x\" } }"),
            "5:32 `max` cannot stand beside `sum` [write two fields]",
        ),
        (
            fold("{ a = { sum = \"data.x\", by = \"data.x\" } }"),
            "5:32 `by` has no meaning here [it stands beside `top`]",
        ),
        (fold("{ a = { count = false } }"), "5:16 `count` is `true`, or take the field out"),
        (
            fold("{ a = { top = 3 } }"),
            "5:14 the field `a` has no `by` [write for example `by = \"data.score\"`]",
        ),
        (
            fold("{ a = { top = 3, by = \"data.x\" } }"),
            "5:14 the field `a` has no `keep` [write for example `keep = [\"name\", \"score\"]`: fields of the published data]",
        ),
        (
            fold("{ a = { count_by = \"data.x\" } }"),
            "5:1 the fold's `a` could grow without end [bound it in the schema of the published data: `enum` for `count_by`; `maxLength` and types for `top` and what it keeps]",
        ),
        (
            to("map = \"c/{room}\"\nkey = \"{identity}\"\nfold = { a = { count = true } }"),
            "4:7 a fold is a document, not a map [write `document` for it]",
        ),
        (
            to("document = \"c/{room}\"\nttl = \"1m\"\nfold = { a = { count = true } }"),
            "5:1 `ttl` has no meaning here [a fold shows what all sources bring while they stand]",
        ),
        (
            "[from]\nlist = \"a/{identity}\"\n[[to]]\ndocument = \"b\"\nfold = { a = { count = true } }"
                .into(),
            "4:12 a fold counts documents, and `[from]` names a list [write `document` in `[from]`: each contributes once]",
        ),
        (
            to("document = \"a/b/{identity}\"\ncontended = true"),
            "4:12 a client could write what `a/b/{identity}` publishes: this policy's `from` `a/{room}/{identity}` matches it [give the shared name a first segment that no `from` has (the other stands at p/chat/policy.toml:2:12)]",
        ),
        (more("contended = 1"), "5:13 `contended` must be `true` or `false`, not a number"),
        (more("read = \"all\""), "5:8 `read` cannot be `all` [write one of `everyone`, `permission`]"),
        (
            more("read = \"reader.identity == data.x\""),
            "5:28 unknown name `data` [known here: vars, reader, room]",
        ),
        (
            more("ttl = \"1 week\""),
            "5:7 `ttl` cannot be `1 week` [write a number and `s`, `m`, `h` or `d`, such as `30s`]",
        ),
        (
            more("ttl = \"366d\""),
            "5:7 `ttl` must be from 1 to 31536000 seconds, not `366d` [leave `ttl` out to publish for ever]",
        ),
        (more("ttl = 30"), "5:7 `ttl` must be a text, not a number"),
        (more("take = [\"x\"]"), "5:9 `x` is no JSON pointer [write `/x`]"),
        (
            more("take = [\"\"]"),
            "5:9 the pointer `` is the whole object [leave `take` out to keep everything]",
        ),
        (
            more("take = [\"/a~b\"]"),
            "5:9 `~` in the pointer `/a~b` is not followed by 0 or 1 [write `~0` for `~` and `~1` for `/` within a key]",
        ),
        (
            more("take = [\"/a\", \"/a/b\"]"),
            "5:15 `/a` and `/a/b` in `take` overlap [name each place once, and not what stands within it]",
        ),
        (more("take = \"/a\""), "5:8 `take` must be an array of texts, not a text"),
        (more("rename = { \"/x\" = 1 }"), "5:19 `rename` leads to a JSON pointer, not to a number"),
        (
            more("rename = { \"/x\" = \"/z\", \"/y\" = \"/z\" }"),
            "5:32 `/z` stands twice in `rename` [name each place once, and not what stands within it]",
        ),
        (more("default = { a = 2026-01-01 }"), "5:17 a date has no JSON form [put it into quotes]"),
        (more("default = { a = nan }"), "5:17 `nan` has no JSON form"),
        (
            more("default = { a = 9007199254740993 }"),
            "5:17 an integer beyond 2^53 loses digits in JavaScript",
        ),
        (more("default = { __proto__ = 1 }"), "5:13 the key `__proto__` is not allowed"),
        (
            more("set = { a = [1] }"),
            r#"5:13 `set` takes a text, a number or a boolean, not an array [name the inner place with a JSON pointer, such as "/a/b"]"#,
        ),
        (
            more("set = { a = \"Ada\" }"),
            r#"5:13 `Ada` names nothing here [for the text itself write "'Ada'"; known are `identity`, `now`, `room` and `claims.…`]"#,
        ),
        (more("set = { a = \"now + 1\" }"), "5:14 `+` cannot take a time and an integer"),
        (more("set = { a = \"data.x + rom\" }"), "5:23 unknown name `rom` [did you mean `room`?]"),
        (
            more("set = { a = \"claims\" }"),
            "5:13 `claims` must name one field of the claims [write `claims.` and names joined by `.`]",
        ),
        (
            more("set = { a = \"'x\" }"),
            r#"5:13 `'x` is a text that does not end, or holds an unknown escape [known escapes are \\, \', \n, \r and \t, and the quotes]"#,
        ),
        (
            more("set = { \"/a/b\" = 1, a = 2 }"),
            "5:21 `/a/b` and `/a` in `set` overlap [name each place once, and not what stands within it]",
        ),
        (more("mask = [\"/a\"]"), "5:1 `mask` stands once in `[[to]]` [write `[mask]`, not `[[mask]]`]"),
        (
            more("mask = { a = {} }"),
            "5:14 the mask covers nothing [write `words`, `patterns` or `digits = true`]",
        ),
        (
            more("mask = { a = { words = [\"x\", \"-\"] } }"),
            "5:30 a word of a mask must hold a letter or digit [take it out, or write a pattern]",
        ),
        (
            more("mask = { a = { patterns = [\"x*\"] } }"),
            "5:28 the regular expression cannot be compiled, or matches nothing at all [look-around and back-references are not known, its compiled size is bounded, and it must not match the empty text]",
        ),
        (more("clamp = { a = 1 }"), "5:15 `clamp` takes two numbers [write for example `[0, 100]`]"),
        (more("clamp = { a = [2, 1] }"), "5:15 the first number is above the second [write the least first]"),
        (
            more("template = { a = \"{game}\" }"),
            "5:18 `{game}` names nothing here [known are `room`, `identity`, `pseudonym`, `now`]",
        ),
        (
            more("template = { a = \"{\" }"),
            "5:18 a `{` is not closed [write `{{` for a `{` and `}}` for a `}`]",
        ),
        (
            more("set = { a = 1 }\ntemplate = { a = \"x\" }"),
            "6:1 `/a` stands in `set` and in `template` [take it out of one of the two]",
        ),
        (
            two("document = \"b/{room}/{identity}\"", "map = \"b/{room}/{identity}\"\nkey = \"a\""),
            "6:7 one name can match the document `b/{room}/{identity}` and the map `b/{room}/{identity}` [give one of them a first segment of its own]",
        ),
        (
            two("document = \"b/{room}/{identity}\"", "document = \"b/{identity}/{room}\""),
            "6:12 one name can match `b/{room}/{identity}` and `b/{identity}/{room}` [give one of them a first segment of its own]",
        ),
        (
            two(
                "map = \"b/{room}\"\nkey = \"{identity}\"",
                "map = \"b/{room}\"\nkey = \"{identity}/x\"\nread = \"everyone\"",
            ),
            "7:7 two targets of `b/{room}` differ in `read` [one object is read by the same people: write one `read` in both]",
        ),
        (
            two("map = \"b/{room}\"\nkey = \"{identity}/x\"", "map = \"b/{room}\"\nkey = \"x/{identity}\""),
            "7:7 two targets publish to the same place of `b/{room}` [give them names, or keys, that can never be the same]",
        ),
    ]);
}
