//! Bytes that are no text, text that is no TOML or JSON, and text that is too deep, too wide or double.

use super::attack::{Attack, INNOCENT};

/// The cure for a key that nobody knows.
const TOP: &str =
    "known are `description`, `services`, `mode`, `from`, `vars`, `limit`, `lookup`, `when`, `to`, `refusal`";

pub fn attacks() -> Vec<Attack> {
    [bytes(), toml(), keys(), json()].into_iter().flatten().collect()
}

fn bytes() -> Vec<Attack> {
    vec![
        Attack::policy("a policy is UTF-8", b"description = \"\xff\"\n".to_vec()).refused(
            "bad/policy.toml:1:1",
            "`policy.toml` is not UTF-8: the byte at 15 is out of place",
            "save it as UTF-8",
        ),
        Attack::policy("a policy has no NUL", format!("{INNOCENT}# \0\n")).told(
            "bad/policy.toml:5:3",
            "not TOML: invalid comment character, expected printable characters",
        ),
        Attack::policy(
            "a policy is not UTF-16",
            INNOCENT.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
        )
        .told("bad/policy.toml:1:2", "not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`"),
        Attack::policy("a comment has no escape sequences", format!("# \u{1b}[2J\n{INNOCENT}")).told(
            "bad/policy.toml:1:3",
            "not TOML: invalid comment character, expected printable characters",
        ),
        Attack::policy("an empty policy is none", "").refused(
            "bad/policy.toml:1:1",
            "policy `bad` has no `[from]`",
            "write a table `[from]` with `document = …`, or another kind of object",
        ),
        Attack::schema("a schema is UTF-8", b"{\"title\": \"\xc3\x28\"}".to_vec()).refused(
            "bad/policy.toml:3:10",
            "`in.json` is not UTF-8: the byte at 11 is out of place",
            "save it as UTF-8",
        ),
        Attack::schema("a schema has no raw NUL", "{\"title\": \"\0\"}").told(
            "bad/in.json:1:12",
            "not JSON: control character (\\u0000-\\u001F) found while parsing a string",
        ),
        Attack::schema("an empty schema is none", "")
            .told("bad/in.json:1:1", "not JSON: EOF while parsing a value"),
        Attack::schema("a schema ends where it ends", "{} {}")
            .told("bad/in.json:1:4", "not JSON: trailing characters"),
        Attack::cases("cases are UTF-8", b"# \xff\n".to_vec()).refused(
            "bad/cases/bad.toml:1:1",
            "the file of cases is not UTF-8",
            "save it as UTF-8",
        ),
        Attack::schema("a schema has no byte order mark", "\u{feff}{}").refused(
            "bad/in.json:1:1",
            "not JSON: the file begins with a byte order mark",
            "save it as UTF-8 without the mark",
        ),
        Attack::schema("a schema has no half of a surrogate pair", "{\"title\": \"\\ud800\"}")
            .told("bad/in.json:1:18", "not JSON: unexpected end of hex escape"),
    ]
}

fn toml() -> Vec<Attack> {
    let deep = |open: &str, close: &str, levels: usize| {
        format!("{INNOCENT}default = {{ x = {}1{} }}\n", open.repeat(levels), close.repeat(levels))
    };
    vec![
        Attack::policy("arrays in a policy have a depth", deep("[", "]", 60_000))
            .told("bad/policy.toml:5:96", "not TOML: cannot recurse further; max recursion depth met"),
        Attack::policy("arrays in a policy have an end", deep("[", "", 200_000))
            .told("bad/policy.toml:5:96", "not TOML: cannot recurse further; max recursion depth met"),
        Attack::policy("tables in a policy have a depth", deep("{a=", "}", 40_000))
            .told("bad/policy.toml:5:254", "not TOML: cannot recurse further; max recursion depth met"),
        Attack::policy(
            "dotted keys in a policy have a depth",
            format!("{INNOCENT}default.{}x = 1\n", "a.".repeat(60_000)),
        )
        .told("bad/policy.toml:1:1", "not TOML: recursion limit"),
        Attack::policy(
            "headers in a policy have a depth",
            format!("{INNOCENT}[{}]\n", vec!["to"; 50_000].join(".")),
        )
        .told("bad/policy.toml:1:1", "not TOML: recursion limit"),
        Attack::policy("a key stands once", format!("description = \"\"\ndescription = \"\"\n{INNOCENT}"))
            .told("bad/policy.toml:2:1", "not TOML: duplicate key"),
        Attack::policy("a table stands once", format!("{INNOCENT}[from]\ndocument = \"c/{{identity}}\"\n"))
            .told("bad/policy.toml:5:2", "not TOML: duplicate key"),
        Attack::policy(
            "one key is not two in different quotes",
            format!("{INNOCENT}set = {{ x = 1, \"x\" = 2 }}\n"),
        )
        .told("bad/policy.toml:5:16", "not TOML: duplicate key"),
        Attack::policy(
            "a number ends within 64 bits",
            INNOCENT.replace("[[to]]", "max_bytes = 99999999999999999999\n[[to]]"),
        )
        .told("bad/policy.toml:3:13", "`max_bytes` must be from 1 to 16384, not 99999999999999999999"),
        Attack::policy("a time is no JSON", format!("{INNOCENT}default = {{ at = 2026-01-01 }}\n")).refused(
            "bad/policy.toml:5:18",
            "a date has no JSON form",
            "put it into quotes",
        ),
        Attack::policy("infinity is no JSON", format!("{INNOCENT}default = {{ x = inf }}\n")).refused(
            "bad/policy.toml:5:17",
            "`inf` has no JSON form",
            "write a number",
        ),
        Attack::policy("what is no number is no JSON", format!("{INNOCENT}default = {{ x = nan }}\n"))
            .refused("bad/policy.toml:5:17", "`nan` has no JSON form", "write a number"),
        Attack::policy("a text is no table", "from = \"a/{identity}\"\n[[to]]\ndocument = \"b\"\n").refused(
            "bad/policy.toml:1:8",
            "`from` must be a table, not a text",
            "write `from = { … }`",
        ),
        Attack::policy("one target is a list of one", INNOCENT.replace("[[to]]", "[to]")).refused(
            "bad/policy.toml:3:2",
            "`to` is an array of tables",
            "write `[[to]]`, not `[to]`",
        ),
    ]
}

fn keys() -> Vec<Attack> {
    let many: String = (0..20_000).map(|at| format!("k{at} = 1\n")).collect();
    vec![
        Attack::policy("an unknown key is told", format!("__proto__ = {{ x = 1 }}\n{INNOCENT}")).refused("bad/policy.toml:1:1", "unknown key `__proto__` in policy `bad`", "known are `description`, `services`, `mode`, `from`, `vars`, `limit`, `lookup`, `when`, `to`, `refusal`"),
        Attack::policy(
            "a key of a later version is told",
            format!("hook = \"http://127.0.0.1/\"\n{INNOCENT}"),
        )
        .refused("bad/policy.toml:1:1", "`hook` is not supported in this version", "take it out: the word is kept for a later version"),
        Attack::policy(
            "a key in another alphabet is another key",
            format!("{INNOCENT}re\u{430}d = \"everyone\"\n"),
        )
        .told("bad/policy.toml:5:3", "not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`"),

        Attack::policy("an escape sequence in a key is not told raw", format!("\"\\u001b[2J\\u0007\" = 1\n{INNOCENT}")).refused("bad/policy.toml:1:1", "unknown key `\\u{1b}[2J\\u{7}` in policy `bad`", TOP),
        Attack::policy("a key is told in short", format!("{} = 1\n{INNOCENT}", "k".repeat(200_000))).refused("bad/policy.toml:1:1", &format!("unknown key `{}…", "k".repeat(499)), TOP),
        Attack::policy("of many faults a hundred are told", format!("{many}{INNOCENT}")).refused("bad/policy.toml:100:1", "unknown key `k99` in policy `bad`", TOP),
        Attack::policy("a value is told in short", format!("mode = \"{}\"\n{INNOCENT}", "m".repeat(200_000))).refused("bad/policy.toml:1:8", &format!("`mode` cannot be `{}…", "m".repeat(494)), "write one of `enforce`, `warn`, `off`"),

    ]
}

fn json() -> Vec<Attack> {
    let deep = |open: &str, close: &str, levels: usize| {
        format!("{}{{}}{}", open.repeat(levels), close.repeat(levels))
    };
    vec![
        Attack::schema("schemas in one another have a depth", deep("{\"not\":", "}", 30_000))
            .told("bad/in.json:1:1", "the schema is nested deeper than 32 levels"),
        Attack::schema(
            "arrays in a schema have a depth",
            format!("{{\"const\":{}}}", deep("[", "]", 100_000)),
        )
        .told("bad/in.json:1:1", "the schema is nested deeper than 32 levels"),
        Attack::schema("a schema's fields are no prototype", "{\"properties\": {\"__proto__\": {}}}")
            .refused("bad/in.json:1:2", "the key `__proto__` is not allowed", "choose another key"),
        Attack::schema("a schema is no list", "[{}]").refused(
            "bad/in.json:1:1",
            "a schema file must hold a JSON object",
            "write `{}` to accept every object",
        ),
        Attack::schema("a schema is no text", "\"in.json\"").refused(
            "bad/in.json:1:1",
            "a schema file must hold a JSON object",
            "write `{}` to accept every object",
        ),
        Attack::schema("a comment is no JSON", "{} // all is well")
            .told("bad/in.json:1:4", "not JSON: trailing characters"),
        Attack::schema("a schema's key stands once", "{\n  \"maxLength\": 1,\n  \"maxLength\": 1000000\n}")
            .refused(
                "bad/in.json:3:3",
                "the key `maxLength` stands twice in one object",
                "take out one of the two: only the last would count",
            ),
        Attack::schema(
            "a key in escapes is the same key",
            "{\"type\": \"object\", \"\\u0074ype\": \"array\"}",
        )
        .refused(
            "bad/in.json:1:20",
            "the key `type` stands twice in one object",
            "take out one of the two: only the last would count",
        ),
        Attack::schema("a number in a schema is no infinity", "{\"maximum\": 1e999}")
            .told("bad/in.json:1:17", "not JSON: number out of range"),
    ]
}
