//! Each fault of what a target does with the data, by its text.

use super::{
    files,
    golden::{FROM, Row, TO, check, rows},
};
use crate::policy::compile;

#[test]
fn faults_of_rewrites_say_what_where_and_how() {
    check(&all());
}

/// So many masks of one policy, each on a line from 6 on.
fn masks(count: usize, one: &str) -> String {
    let lines: String = (0..count).map(|at| format!("\na{at:02}={{{one}}}")).collect();
    format!("[to.mask]{lines}")
}

pub(super) fn all() -> Vec<Row> {
    let more = |line: &str| format!("{FROM}{TO}{line}");
    let mut rows = rows(&[
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
        (
            more("take = \"/a\""),
            "5:8 `take` must be an array of texts, not a text [put it between `[` and `]`]",
        ),
        (
            more("rename = { \"/x\" = 1 }"),
            "5:19 `rename` leads to a JSON pointer, not to a number [write for example `\"/x\" = \"/left\"`]",
        ),
        (
            more("rename = { \"/x\" = \"/z\", \"/y\" = \"/z\" }"),
            "5:32 `/z` stands twice in `rename` [name each place once, and not what stands within it]",
        ),
        (more("default = { a = 2026-01-01 }"), "5:17 a date has no JSON form [put it into quotes]"),
        (more("default = { a = nan }"), "5:17 `nan` has no JSON form [write a number]"),
        (
            more("default = { a = 9007199254740993 }"),
            "5:17 an integer beyond 2^53 loses digits in JavaScript [put it into quotes]",
        ),
        (more("default = { __proto__ = 1 }"), "5:13 the key `__proto__` is not allowed [choose another key]"),
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
            "5:28 the regular expression cannot be compiled, or matches nothing at all [look-around and back-references are not known, and it must not match the empty text]",
        ),
        (
            more("mask = { a = { words = [\"x\"], patterns = ['a', '(\\w{100}){100}', 'b'] } }"),
            "5:48 up to here the mask has more than 524288 bytes when compiled [`{10}` is compiled ten times, so count less; and `[a-z]` is smaller than `\\w` or `(?i)`]",
        ),
        (
            more(&format!("mask = {{ a = {{ words = [{}] }} }}", "\"x\", ".repeat(501))),
            "5:14 a mask has at most 500 words and patterns [join some of them into one pattern]",
        ),
        (
            more(&masks(33, "digits = true")),
            "38:5 the masks of a policy are at most 32 [mask fewer places, or put the texts of several into one array]",
        ),
        (
            more(&masks(5, &format!("words = [{}]", "\"x\", ".repeat(401)))),
            "10:5 all masks of a policy have at most 2000 words and patterns [mask in fewer targets, or join words into patterns]",
        ),
        (more("clamp = { a = 1 }"), "5:15 `clamp` takes two numbers [write for example `[0, 100]`]"),
        (more("clamp = { a = [2, 1] }"), "5:15 the first number is above the second [write the least first]"),
        (
            more("template = { a = \"{game}\" }"),
            "5:18 `{game}` names nothing here [known are `room`, `identity`, `pseudonym`, `now`]",
        ),
        (
            more("default = { a = { __proto__ = 1 } }"),
            "5:19 the key `__proto__` is not allowed [choose another key]",
        ),
        (
            more("template = { a = \"{key}\" }"),
            "5:18 `{key}` needs a map in `[from]` [known are `room`, `identity`, `pseudonym`, `now`]",
        ),
        (
            more("template = { a = \"}\" }"),
            "5:18 a `}` was not opened [write `{{` for a `{` and `}}` for a `}`]",
        ),
        (
            more("template = { a = \"{a b}\" }"),
            "5:18 a hole holds one name [write `{{` for a `{` and `}}` for a `}`]",
        ),
        (
            more("template = { a = 1 }"),
            "5:18 `template` takes a text, not a number [write it into `set`: it is no text with holes]",
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
            more(&format!("take = [\"{}\"]", "/a".repeat(17))),
            "5:9 the pointer `/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a` has more than 16 steps [name an outer place]",
        ),
        (more("take = [\"/__proto__\"]"), "5:9 the key `__proto__` is not allowed [choose another key]"),
        (
            more("set = { a = \"9007199254740993\" }"),
            "5:13 `9007199254740993`: an integer beyond 2^53 loses digits in JavaScript [for the text itself write \"'9007199254740993'\"]",
        ),
        (
            more("mask = { a = 1 }"),
            "5:14 `mask` takes a table for each place [write for example `{ words = [\"darn\"] }` or `{ digits = true }`]",
        ),
        (
            more("mask = { a = { digits = true, with = \"7\" } }"),
            "5:31 `with` must be one letter that is no digit [write for example `with = \"*\"`]",
        ),
        (
            more(&format!("default = {{ a = {}{} }}", "[".repeat(34), "]".repeat(34))),
            "5:50 nested deeper than 32 levels",
        ),
        (
            more(&format!("set = {{ a = \"'{}'\" }}", "a".repeat(16_384))),
            "5:13 the constant has 16386 bytes, more than the 16384 that data may have [shorten it]",
        ),
        (
            more(&format!("template = {{ a = \"{}\" }}", "{room}".repeat(65))),
            "5:18 the template has 0 bytes and 65 holes [write at most 16384 bytes and 64 holes]",
        ),
    ]);
    let typed = |lines: &str, property: &str| {
        let policy = format!("{FROM}schema = \"s.json\"\n{TO}{lines}");
        let schema = format!("{{\"properties\": {{\"a\": {property}}}}}");
        compile(&[files("chat", &policy, &[("s.json", &schema)])]).expect_err("a fault")
    };
    rows.push((
        typed("clamp = { a = [0, 9] }", r#"{"type": "string"}"#),
        "6:1 `clamp` wants a number, and `/a` is a string [take it out, or name another place]",
    ));
    rows.push((
        typed("mask = { a = { digits = true } }", r#"{"type": "array", "items": {"type": "integer"}}"#),
        "6:1 `mask` wants a text or a list of texts, and `/a` is a list in which each is an integer [take it out, or name another place]",
    ));
    rows
}
