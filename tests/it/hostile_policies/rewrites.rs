//! What is published: folds that do not fit, rewrites that undo one another, texts that grow.

use super::attack::Attack;

const SCHEMA: &str = "{\"type\": \"object\", \"properties\": {\"n\": {\"type\": \"integer\"}, \"s\": {\"type\": \"string\"}, \"short\": {\"type\": \"string\", \"maxLength\": 100}, \"c\": {\"enum\": [\"a\", \"b\"]}}, \"required\": [\"n\", \"s\", \"short\", \"c\"]}";

pub fn attacks() -> Vec<Attack> {
    [folds(), rewrites(), texts(), masks()].into_iter().flatten().collect()
}

fn folds() -> Vec<Attack> {
    let fold = |rule: &str, fields: &str| {
        Attack::target(rule, SCHEMA, &format!("document = \"b\"\n[to.fold]\n{fields}\n"))
    };
    let many: String = (0..17).map(|at| format!("f{at} = {{ count = true }}\n")).collect();
    let choices: Vec<_> = (0..150).map(|at| format!("\"{}{at}\"", "x".repeat(150))).collect();
    let wide = format!(
        "{{\"type\": \"object\", \"properties\": {{\"c\": {{\"enum\": [{}]}}}}, \"required\": [\"c\"]}}",
        choices.join(",")
    );
    vec![
        fold("a fold counts by values that are known", "x = { count_by = \"data.s\" }").refused("bad/policy.toml:6:5", "the fold's `x` could grow without end", "bound it in the schema of the published data: `enum` for `count_by`; `maxLength` and types for `top` and what it keeps"),
        fold("what is kept of the best has a bound", "x = { top = 10, by = \"data.n\", keep = [\"s\"] }").refused("bad/policy.toml:6:5", "the fold's `x` could grow without end", "bound it in the schema of the published data: `enum` for `count_by`; `maxLength` and types for `top` and what it keeps"),
        fold("the best fit the document", "x = { top = 1000, by = \"data.n\", keep = [\"short\"] }").refused("bad/policy.toml:6:5", "the fold could have 614009 bytes, more than 16384", "lower `top`, or shorten what it keeps"),
        fold("the best are at most a thousand", "x = { top = 1001, by = \"data.n\", keep = [] }").told("bad/policy.toml:7:13", "`top` must be from 1 to 1000, not 1001"),
        fold("the best are not none", "x = { top = 0, by = \"data.n\", keep = [] }").told("bad/policy.toml:7:13", "`top` must be from 1 to 1000, not 0"),
        fold("all tops together fit the document", "x = { top = 60, by = \"data.n\", keep = [\"short\"] }\ny = { top = 60, by = \"data.n\", keep = [\"short\"] }").refused("bad/policy.toml:6:5", "the fold could have 73696 bytes, more than 16384", "lower `top`, or shorten what it keeps"),
        Attack::target("all counts fit the document", &wide, "document = \"b\"\n[to.fold]\nx = { count_by = \"data.c\" }\n").refused("bad/policy.toml:6:5", "the fold could have 26749 bytes, more than 4096", "each write sends all of it: lower `top`, shorten what is counted or kept, or write a second `[[to]]`"),
        fold("a fold has at most 16 fields", &many).refused("bad/policy.toml:6:5", "the fold has more than 16 fields", "write a second `[[to]]`"),
        fold("a field of a fold is one thing", "x = { count = true, sum = \"data.n\" }").refused("bad/policy.toml:7:21", "`sum` cannot stand beside `count`", "write two fields"),
        fold("a field of a fold is something that is known", "x = { median = \"data.n\" }").refused("bad/policy.toml:7:5", "the field `x` counts nothing", "write one of `count`, `count_by`, `sum`, `mean`, `min`, `max`, `distinct`, `top`"),
        fold("a field of a fold is no prototype", "__proto__ = { count = true }").refused("bad/policy.toml:7:1", "the key `__proto__` is not allowed", "choose another key"),
        fold("a fold has fields", "").refused("bad/policy.toml:6:5", "the fold has no field", "write for example `votes = { count_by = \"data.choice\" }`"),
        fold("a fold costs no more than a condition", "x = { sum = \"data.s.size() > 0 ? [data.s, data.s].map(a, [data.s, data.s].map(b, [data.s].map(c, c.size()))).size() : 0\" }").refused("bad/policy.toml:7:82", "comprehensions lie in one another, more than 2", "each multiplies the cost of the next"),
        Attack::target("a fold has no end", SCHEMA, "document = \"b\"\nttl = \"5s\"\nfold = { x = { count = true } }\n").refused("bad/policy.toml:6:1", "`ttl` has no meaning here", "a fold shows what all sources bring while they stand"),
        Attack::target("a fold is no list", SCHEMA, "list = \"b\"\nfold = { x = { count = true } }\n").refused("bad/policy.toml:5:8", "a fold is a document, not a list", "write `document` for it"),
        Attack::target("a fold is not contended", SCHEMA, "document = \"b\"\ncontended = true\nfold = { x = { count = true } }\n").refused("bad/policy.toml:6:1", "`contended` has no meaning here", "a fold shows what all sources bring while they stand"),
    ]
}

fn rewrites() -> Vec<Attack> {
    let to = |rule: &str, lines: &str| {
        Attack::target(rule, SCHEMA, &format!("document = \"b/{{room}}/{{identity}}\"\n{lines}\n"))
    };
    vec![
        to("two fields do not become one", "rename = { \"/n\" = \"/x\", \"/s\" = \"/x\" }").refused(
            "bad/policy.toml:6:32",
            "`/x` stands twice in `rename`",
            "name each place once, and not what stands within it",
        ),
        to("a field is set once", "set = { x = \"now\" }\ntemplate = { \"/x\" = \"x\" }").refused(
            "bad/policy.toml:7:1",
            "`/x` stands in `set` and in `template`",
            "take it out of one of the two",
        ),
        to("what is set holds nothing that is set", "set = { \"/x\" = \"now\", \"/x/y\" = \"now\" }")
            .refused(
                "bad/policy.toml:6:23",
                "`/x` and `/x/y` in `set` overlap",
                "name each place once, and not what stands within it",
            ),
        to("a pointer is no prototype", "set = { \"/__proto__/admin\" = \"true\" }").refused(
            "bad/policy.toml:6:9",
            "the key `__proto__` is not allowed",
            "choose another key",
        ),
        to("a pointer is written right", "take = [\"/a~2b\"]").refused(
            "bad/policy.toml:6:9",
            "`~` in the pointer `/a~2b` is not followed by 0 or 1",
            "write `~0` for `~` and `~1` for `/` within a key",
        ),
        to("a pointer begins with a slash", "take = [\"a\"]").refused(
            "bad/policy.toml:6:9",
            "`a` is no JSON pointer",
            "write `/a`",
        ),
        to("a pointer leads to a field", "take = [\"\"]").refused(
            "bad/policy.toml:6:9",
            "the pointer `` is the whole object",
            "leave `take` out to keep everything",
        ),
        to("a default is no prototype", "default = { \"__proto__\" = { admin = true } }").refused(
            "bad/policy.toml:6:13",
            "the key `__proto__` is not allowed",
            "choose another key",
        ),
        to("nor further inside", "default = { x = { \"__proto__\" = 1 } }").refused(
            "bad/policy.toml:6:19",
            "the key `__proto__` is not allowed",
            "choose another key",
        ),
        to("a value is one that is known", "set = { x = \"password\" }").refused(
            "bad/policy.toml:6:13",
            "`password` names nothing here",
            "for the text itself write \"'password'\"; known are `identity`, `now`, `room` and `claims.…`",
        ),
        to("a list's words are a list's", "when_full = \"drop_oldest\"").refused(
            "bad/policy.toml:6:1",
            "`when_full` has no meaning here",
            "only a list can drop its oldest items",
        ),
        to("what stays is what fills a list or a board", "on_withdraw = \"never\"").refused(
            "bad/policy.toml:6:15",
            "`on_withdraw` cannot be `never`",
            "write one of `all`, `keep`",
        ),
        Attack::policy(
            "a stream feeds no document",
            "[from]\nstream = \"a/{identity}\"\n[[to]]\ndocument = \"b/{identity}\"\n",
        )
        .refused(
            "bad/policy.toml:4:12",
            "a stream in `[from]` cannot feed a document",
            "write `stream` or `list`: messages are sent on, or appended",
        ),
        Attack::policy(
            "a list's items do not write one document",
            "[from]\nlist = \"a/{identity}\"\n[[to]]\ndocument = \"b/{identity}\"\n",
        )
        .refused(
            "bad/policy.toml:4:12",
            "all items of a list would publish to one place of a document",
            "write `list` to show each item, or `contended = true` to show the latest",
        ),
        to("the shared schema is bounded, too", "schema = \"out.json\"")
            .with("bad/out.json", "{\"$ref\": \"#\"}")
            .refused(
                "bad/out.json:1:1",
                "the schema refers to itself without end",
                "let each round go one level deeper into the data, through `properties` or `items`",
            ),
    ]
}

fn texts() -> Vec<Attack> {
    let template = |rule: &str, text: &str| {
        Attack::target(
            rule,
            SCHEMA,
            &format!("document = \"b/{{room}}/{{identity}}\"\ntemplate = {{ \"/x\" = {text:?} }}\n"),
        )
    };
    vec![
        template("a template's variable has an end", "{identity").refused(
            "bad/policy.toml:6:21",
            "a `{` is not closed",
            "write `{{` for a `{` and `}}` for a `}`",
        ),
        template("a template's brace is doubled", "identity}").refused(
            "bad/policy.toml:6:21",
            "a `}` was not opened",
            "write `{{` for a `{` and `}}` for a `}`",
        ),
        template("a template shows what was captured", "{password}").refused(
            "bad/policy.toml:6:21",
            "`{password}` names nothing here",
            "known are `room`, `identity`, `pseudonym`, `now`",
        ),
        template("a template is no expression", "{data.s}").refused(
            "bad/policy.toml:6:21",
            "a hole holds one name",
            "write `{{` for a `{` and `}}` for a `}`",
        ),
        template("a template fits the data whatever it shows", &"{room}".repeat(1_000)).refused(
            "bad/policy.toml:6:21",
            "the template has 0 bytes and 1000 holes",
            "write at most 16384 bytes and 64 holes",
        ),
        template("a long template fits the data", &"x".repeat(20_000)).refused(
            "bad/policy.toml:6:21",
            "the template has 20000 bytes and 0 holes",
            "write at most 16384 bytes and 64 holes",
        ),
    ]
}

/// A policy with so many targets, of so many masks each; the lines of a target are as many and two more.
fn masked(targets: usize, masks: usize, one: &str) -> String {
    let mut text = "[from]\ndocument = \"a/{identity}\"\n".to_owned();
    for at in 0..targets {
        let fields: String = (0..masks).map(|it| format!("mask.f{it:02} = {{ {one} }}\n")).collect();
        text += &format!("[[to]]\ndocument = \"b{at}/{{identity}}\"\n{fields}");
    }
    text
}

fn masks() -> Vec<Attack> {
    let mask = |rule: &str, lines: &str| {
        Attack::target(
            rule,
            SCHEMA,
            &format!("document = \"b/{{room}}/{{identity}}\"\n[to.mask.\"/s\"]\n{lines}\n"),
        )
    };
    let words: Vec<_> = (0..401).map(|at| format!("'w{at}'")).collect();
    let bombs: Vec<_> = (0..500).map(|at| format!("'(\\w|-){{10}}x{at}'")).collect();
    vec![
        mask("a mask's pattern is bounded", "patterns = ['((\\w{100}){100}){100}']").refused(
            "bad/policy.toml:7:13",
            "up to here the mask has more than 524288 bytes when compiled",
            "`{10}` is compiled ten times, so count less; and `[a-z]` is smaller than `\\w` or `(?i)`",
        ),
        mask("a mask's pattern looks not around", "patterns = ['(?<=a)b']").refused(
            "bad/policy.toml:7:13",
            "the regular expression cannot be compiled, or matches nothing at all",
            "look-around and back-references are not known, and it must not match the empty text",
        ),
        mask("a mask's pattern covers something", "patterns = ['a*']").refused(
            "bad/policy.toml:7:13",
            "the regular expression cannot be compiled, or matches nothing at all",
            "look-around and back-references are not known, and it must not match the empty text",
        ),
        mask("a mask's word is not empty", "words = ['']").refused(
            "bad/policy.toml:7:10",
            "a word of a mask must hold a letter or digit",
            "take it out, or write a pattern",
        ),
        mask("a mask covers something", "with = '#'").refused(
            "bad/policy.toml:6:1",
            "the mask covers nothing",
            "write `words`, `patterns` or `digits = true`",
        ),
        mask("a mask is one letter", "words = ['a']\nwith = 'loooong'").refused(
            "bad/policy.toml:8:1",
            "`with` must be one letter that is no digit",
            "write for example `with = \"*\"`",
        ),
        mask("a mask is a letter that is seen", "words = ['a']\nwith = \"\\u0000\"").refused(
            "bad/policy.toml:8:1",
            "`with` must be one letter that is no digit",
            "write for example `with = \"*\"`",
        ),
        mask("all patterns of a mask together are bounded", &format!("patterns = [{}]", bombs.join(", ")))
            .refused(
                "bad/policy.toml:7:29",
                "up to here the mask has more than 524288 bytes when compiled",
                "`{10}` is compiled ten times, so count less; and `[a-z]` is smaller than `\\w` or `(?i)`",
            ),
        Attack::policy(
            "the masks of a policy are bounded, whatever its targets",
            masked(16, 99, "patterns = ['(\\w|-){10}x', '(\\w|-){9}y1']"),
        )
        .refused(
            "bad/policy.toml:37:12",
            "the masks of a policy are at most 32",
            "mask fewer places, or put the texts of several into one array",
        ),
        Attack::policy(
            "all words of all masks are bounded",
            masked(5, 1, &format!("words = [{}]", words.join(", "))),
        )
        .refused(
            "bad/policy.toml:17:12",
            "all masks of a policy have at most 2000 words and patterns",
            "mask in fewer targets, or join words into patterns",
        ),
    ]
}
