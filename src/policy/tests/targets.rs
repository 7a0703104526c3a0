//! Each fault of `[[to]]`, by its text.

use super::golden::{FROM, ITEMS, Row, TO, check, rows};

#[test]
fn faults_of_the_shared_side_say_what_where_and_how() {
    check(&all());
}

pub(super) fn all() -> Vec<Row> {
    let to = |lines: &str| format!("{FROM}[[to]]\n{lines}");
    let more = |line: &str| format!("{FROM}{TO}{line}");
    let items = |lines: &str| format!("{ITEMS}[[to]]\n{lines}");
    let two = |first: &str, second: &str| format!("{FROM}[[to]]\n{first}\n[[to]]\n{second}");
    rows(&[
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
            "4:12 no name can match: a name must not look like a SID [put a segment before it]",
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
        (more("ttl = 30"), "5:7 `ttl` must be a text, not a number [put it into quotes]"),
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
    ])
}
