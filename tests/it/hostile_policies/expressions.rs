//! Expressions that cost too much, nest too deep, or know too much.

use super::attack::Attack;

/// Lists and texts without bounds.
const LOOSE: &str = "{\"type\": \"object\", \"properties\": {\"n\": {\"type\": \"integer\"}, \"s\": {\"type\": \"string\"}, \"l\": {\"type\": \"array\", \"items\": {\"type\": \"integer\"}}, \"t\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}}, \"required\": [\"n\", \"s\", \"l\", \"t\"]}";
/// Small ones.
const TIGHT: &str = "{\"type\": \"object\", \"properties\": {\"n\": {\"type\": \"integer\"}, \"s\": {\"type\": \"string\", \"maxLength\": 100}, \"l\": {\"type\": \"array\", \"items\": {\"type\": \"integer\"}, \"maxItems\": 60}}, \"required\": [\"n\", \"s\", \"l\"]}";

pub fn attacks() -> Vec<Attack> {
    [costs(), sizes(), patterns(), knowledge(), values()].into_iter().flatten().collect()
}

fn costs() -> Vec<Attack> {
    let loose = |rule: &str, that: &str| Attack::when(rule, LOOSE, that);
    vec![
        Attack::when("three comprehensions are too many", TIGHT, "data.l.all(a, data.l.all(b, data.l.all(c, a + b + c > 0)))").refused("bad/policy.toml:7:37", "comprehensions lie in one another, more than 2", "each multiplies the cost of the next"),
        Attack::when("also when one is what the next goes over", TIGHT, "data.l.map(a, data.l.map(b, data.l.map(c, c))).size() > 0").refused("bad/policy.toml:7:37", "comprehensions lie in one another, more than 2", "each multiplies the cost of the next"),
        loose("a list without a bound is not gone over twice", "data.l.all(a, data.l.exists(b, a == b))").refused("bad/policy.toml:7:9", "the expression may take 40020003 steps, more than 200000", "bound its lists and texts in the schema: `maxItems`, `maxProperties`, `maxLength`"),
        loose("a sum of lists does not grow without a bound", &format!("({}).all(x, ({}).all(y, x == y))", ["data.l"; 8].join(" + "), ["data.l"; 8].join(" + "))).refused("bad/policy.toml:7:9", "the expression may take 3680552024 steps, more than 200000", "bound its lists and texts in the schema: `maxItems`, `maxProperties`, `maxLength`"),
        loose("what is in a list is looked for", "data.t.all(a, a in data.t)").refused("bad/policy.toml:7:9", "the expression may take 5047539 steps, more than 200000", "bound its lists and texts in the schema: `maxItems`, `maxProperties`, `maxLength`"),
        loose("a text in each text is looked for", "data.t.all(a, data.t.all(b, data.s.contains(a + b)))").refused("bad/policy.toml:7:9", "the expression may take 10310070052 steps, more than 200000", "bound its lists and texts in the schema: `maxItems`, `maxProperties`, `maxLength`"),
        loose("what grows in each turn costs", "data.l.map(a, data.s + data.s + data.s).all(b, data.l.all(c, b.contains(data.s)))").refused("bad/policy.toml:7:9", "the expression may take 8262408519 steps, more than 200000", "bound its lists and texts in the schema: `maxItems`, `maxProperties`, `maxLength`"),
        loose("two lists in each turn are compared", "data.l.all(a, data.l == data.t.map(x, x.size()))").refused("bad/policy.toml:7:9", "the expression may take 2094076515 steps, more than 200000", "bound its lists and texts in the schema: `maxItems`, `maxProperties`, `maxLength`"),
        loose("claims have a bound, and no small one", "claims.a.all(a, claims.b.all(b, claims.c.contains(a + b)))").refused("bad/policy.toml:7:9", "the expression may take 684527235 steps, more than 200000", "bound its lists and texts in the schema: `maxItems`, `maxProperties`, `maxLength`"),
        Attack::target("a value costs no more than a condition", LOOSE, "document = \"b/{room}/{identity}\"\nset = { x = \"data.l.filter(a, data.l.exists_one(b, a == b))\" }\n").refused("bad/policy.toml:6:14", "the expression may take 40020003 steps, more than 200000", "bound its lists and texts in the schema: `maxItems`, `maxProperties`, `maxLength`"),
        Attack::target("nor does who may read", LOOSE, "document = \"b/{room}/{identity}\"\nread = \"reader.claims.a.all(a, reader.claims.b.all(b, reader.claims.c.all(c, a == b)))\"\n").refused("bad/policy.toml:6:55", "comprehensions lie in one another, more than 2", "each multiplies the cost of the next"),
    ]
}

fn sizes() -> Vec<Attack> {
    let that = |rule: &str, that: &str| Attack::when(rule, TIGHT, that);
    vec![
        that("an expression has at most 4 KiB", &format!("{}true", " ".repeat(4_096))).refused(
            "bad/policy.toml:7:9",
            "the expression has more than 4096 bytes",
            "split it into several rules",
        ),
        that("an expression has at most 256 parts", &format!("{}1 > 0", "1+".repeat(200))).refused(
            "bad/policy.toml:7:9",
            "the expression has more than 256 parts",
            "split it into several rules",
        ),
        that("brackets have a depth", &format!("{}true{}", "(".repeat(2_000), ")".repeat(2_000))).refused(
            "bad/policy.toml:7:41",
            "the expression is nested deeper than 32 levels",
            "split it into several rules",
        ),
        that("lists have a depth", &format!("{}1{} == []", "[".repeat(1_500), "]".repeat(1_500))).refused(
            "bad/policy.toml:7:41",
            "the expression is nested deeper than 32 levels",
            "split it into several rules",
        ),
        that("negations have a depth", &format!("{}true{}", "!(".repeat(1_000), ")".repeat(1_000))).refused(
            "bad/policy.toml:7:74",
            "the expression is nested deeper than 32 levels",
            "split it into several rules",
        ),
        that("signs have a depth", &format!("0 == {}1{}", "-(".repeat(1_000), ")".repeat(1_000))).refused(
            "bad/policy.toml:7:79",
            "the expression is nested deeper than 32 levels",
            "split it into several rules",
        ),
        that("choices have a depth", &format!("{}true", "true ? true : ".repeat(250))).refused(
            "bad/policy.toml:7:462",
            "the expression is nested deeper than 32 levels",
            "split it into several rules",
        ),
        that("steps have a depth", &format!("claims{} == 1", ".a".repeat(100))).refused(
            "bad/policy.toml:7:9",
            "the expression is nested deeper than 32 levels",
            "split it into several rules",
        ),
        that("a call has at most 8 arguments", "max(1, 2, 3, 4, 5, 6, 7, 8, 9) > 0").refused(
            "bad/policy.toml:7:9",
            "`max` does not stand like this",
            "write `max(a, b)`",
        ),
        that("an expression has an end", "data.n > (")
            .told("bad/policy.toml:7:19", "the expression ends too early"),
        that("an expression is not empty", "").told("bad/policy.toml:7:9", "the expression ends too early"),
    ]
}

fn patterns() -> Vec<Attack> {
    let many: String = (0..32)
        .map(|at| {
            let each: Vec<_> = (0..30).map(|it| format!("!data.s.matches('(\\\\w|-){{10}}x{it}')")).collect();
            format!("[[when]]\nrule = \"r{at}\"\nthat = '''{}'''\n", each.join(" && "))
        })
        .collect();
    let that = |rule: &str, that: &str| Attack::when(rule, TIGHT, that);
    vec![
        that("a pattern is a constant", "data.s.matches(data.s)").refused("bad/policy.toml:7:24", "the pattern of `matches` must be a text in quotes", "a pattern is compiled when the policy is loaded: write it as a text"),
        that("a pattern is not made", "data.s.matches('a' + '*')").refused("bad/policy.toml:7:24", "the pattern of `matches` must be a text in quotes", "a pattern is compiled when the policy is loaded: write it as a text"),
        that("a pattern is right", "data.s.matches('(')").refused("bad/policy.toml:7:24", "the regular expression cannot be compiled", "look-around and back-references are not known, and its compiled size is bounded"),
        that("a pattern looks not around", "data.s.matches('(?=a)')").refused("bad/policy.toml:7:24", "the regular expression cannot be compiled", "look-around and back-references are not known, and its compiled size is bounded"),
        that("a pattern is not larger than 512 KiB", r"data.s.matches('^((\\w{100}){100}){100}$')").refused("bad/policy.toml:7:24", "the regular expression cannot be compiled", "look-around and back-references are not known, and its compiled size is bounded"),
        Attack::policy("the variables' patterns are bounded", "[from]\ndocument = \"a/{room}/{identity}\"\n[vars.room]\npattern = '(\\w{1000}){1000}'\n[[to]]\ndocument = \"b/{room}/{identity}\"\n").refused("bad/policy.toml:4:11", "the regular expression cannot be compiled", "look-around and back-references are not known, and its compiled size is bounded"),
        Attack::policy("the variables' patterns look not around", "[from]\ndocument = \"a/{room}/{identity}\"\n[vars.room]\npattern = '(?!evil).*'\n[[to]]\ndocument = \"b/{room}/{identity}\"\n").refused("bad/policy.toml:4:11", "the regular expression cannot be compiled", "look-around and back-references are not known, and its compiled size is bounded"),

        Attack::policy("all patterns of a policy together are bounded", format!("[from]\ndocument = \"a/{{identity}}\"\nschema = \"in.json\"\n{many}[[to]]\ndocument = \"b/{{identity}}\"\n")).with("bad/in.json", TIGHT).refused("bad/policy.toml:12:171", "the expressions of the policy have more than 64 patterns", "join some of them with `|`"),

    ]
}

fn knowledge() -> Vec<Attack> {
    let that = |rule: &str, that: &str| Attack::when(rule, LOOSE, that);
    let read = |rule: &str, read: &str| {
        Attack::target(rule, LOOSE, &format!("document = \"b/{{room}}/{{identity}}\"\nread = {read:?}\n"))
    };
    vec![
        that("there is no other function", "system('id') == ''")
            .refused("bad/policy.toml:7:9", "unknown function `system`", "known are `size`, `contains`, `startsWith`, `endsWith`, `matches`, `int`, `double`, `string`, `duration`, `timestamp`, `getFullYear`, `getMonth`, `getDate`, `getDayOfMonth`, `getDayOfWeek`, `getDayOfYear`, `getHours`, `getMinutes`, `getSeconds`, `getMilliseconds`, `has`, `all`, `exists`, `exists_one`, `map`, `filter`, `min`, `max`"),
        that("there is no type", "type(data.n) == int")
            .refused("bad/policy.toml:7:9", "unknown function `type`", "known are `size`, `contains`, `startsWith`, `endsWith`, `matches`, `int`, `double`, `string`, `duration`, `timestamp`, `getFullYear`, `getMonth`, `getDate`, `getDayOfMonth`, `getDayOfWeek`, `getDayOfYear`, `getHours`, `getMinutes`, `getSeconds`, `getMilliseconds`, `has`, `all`, `exists`, `exists_one`, `map`, `filter`, `min`, `max`"),
        that("nothing is made untyped", "dyn(data.n) == 1")
            .refused("bad/policy.toml:7:9", "unknown function `dyn`", "known are `size`, `contains`, `startsWith`, `endsWith`, `matches`, `int`, `double`, `string`, `duration`, `timestamp`, `getFullYear`, `getMonth`, `getDate`, `getDayOfMonth`, `getDayOfWeek`, `getDayOfYear`, `getHours`, `getMinutes`, `getSeconds`, `getMilliseconds`, `has`, `all`, `exists`, `exists_one`, `map`, `filter`, `min`, `max`"),
        that("nobody reads in a condition", "reader.identity == identity").refused(
            "bad/policy.toml:7:9",
            "unknown name `reader`",
            "known here: data, previous, claims, identity, now, vars",
        ),
        that("a name hides no other", "data.l.all(data, data > 0)").refused(
            "bad/policy.toml:7:20",
            "the name `data` is taken",
            "choose another for the items",
        ),
        that("what may be missing is guarded", "previous.n < data.n").refused(
            "bad/policy.toml:7:9",
            "`previous` may be null here",
            "guard it: `previous != null && …`",
        ),
        that("a field that the schema does not know is told", "data.m == 1").refused(
            "bad/policy.toml:7:9",
            "`data.m` may be missing here",
            "guard it: `has(data.m) && …`, or let the schema require it",
        ),
        that("there are no messages", "Evil{a: 1} == Evil{a: 1}")
            .refused("bad/policy.toml:7:13", "messages are not known here", "write an object: `{'name': value}`"),
        that("there is no prototype", "data.__proto__ == 1").refused(
            "bad/policy.toml:7:9",
            "`data.__proto__` may be missing here",
            "guard it: `has(data.__proto__) && …`, or let the schema require it",
        ),
        read("who reads is not asked for the data", "data.n == 1").refused(
            "bad/policy.toml:6:9",
            "unknown name `data`",
            "known here: vars, reader, room",
        ),
        read("who reads is not asked for what stood before", "previous == null").refused(
            "bad/policy.toml:6:9",
            "unknown name `previous`",
            "known here: vars, reader, room",
        ),
        read("who reads is told by an identity that is the reader's", "identity == 'ada'").refused(
            "bad/policy.toml:6:9",
            "unknown name `identity`",
            "known here: vars, reader, room",
        ),
        read("who may read is a yes or no", "reader.identity")
            .refused("bad/policy.toml:6:9", "`reader.identity` is a string, where true or false is wanted", "compare it: `reader.identity != ''`"),
        read("who may read is one of three words or a condition", "Everyone").refused(
            "bad/policy.toml:6:8",
            "`read` cannot be `Everyone`",
            "did you mean `everyone`?",
        ),
        that("there is no environment", "env.HOME == ''").refused(
            "bad/policy.toml:7:9",
            "unknown name `env`",
            "known here: data, previous, claims, identity, now, vars",
        ),
    ]
}

fn values() -> Vec<Attack> {
    let that = |rule: &str, that: &str| Attack::when(rule, TIGHT, that);
    let rule = |rule: &str, name: &str| {
        Attack::policy(
            rule,
            format!(
                "[from]\ndocument = \"a/{{identity}}\"\n[[when]]\nrule = {name:?}\nthat = \"true\"\n[[to]]\ndocument = \"b/{{identity}}\"\n"
            ),
        )
    };
    vec![
        that("a condition is a yes or no", "data.n + 1").refused("bad/policy.toml:7:9", "`data.n + 1` is an integer, where true or false is wanted", "compare it: `data.n + 1 > 0`"),
        that("a text is no number", "data.s + data.n == 1").refused("bad/policy.toml:7:9", "`+` cannot take a string and an integer", "write `string(…)` around the number"),
        that("a number in an expression ends within 64 bits", "data.n < 99999999999999999999").told("bad/policy.toml:7:18", "the number is too large"),
        that("there are no bytes", "b'\\\\xff' == b''").refused("bad/policy.toml:7:8", "bytes are not known here", "leave out the `b`"),
        that("there are no unsigned numbers", "1u == 1u").refused("bad/policy.toml:7:9", "unsigned integers are not known here", "leave out the `u`"),
        that("a key stands once in a table", "{'a': 1, 'a': 2}.a == 1").refused("bad/policy.toml:7:18", "the key `a` stands twice", "take one out"),
        rule("a rule has a plain name", "R\u{fc}le").refused("bad/policy.toml:4:8", "`Rüle` cannot be the name of a rule", "use small letters, digits and `-`, at most 64 characters"),
        rule("a rule takes no name of ours", "schema").refused("bad/policy.toml:4:8", "`schema` is the name of a stage", "refusals call stages so: `token`, `standing`, `address`, `limit`, `quota`, `size`, `schema`, `lookup`, `hook`, `rewrite`, `shared-schema`"),
        rule("a rule's name is in one line", "a\nb").refused("bad/policy.toml:4:8", "`a\\u{a}b` cannot be the name of a rule", "use small letters, digits and `-`, at most 64 characters"),
        Attack::policy("a rule's name stands once", "[from]\ndocument = \"a/{identity}\"\n[[when]]\nrule = \"r\"\nthat = \"true\"\n[[when]]\nrule = \"r\"\nthat = \"true\"\n[[to]]\ndocument = \"b/{identity}\"\n").refused("bad/policy.toml:7:8", "two conditions are called `r`", "choose another name"),
        Attack::policy("a lookup takes no word of the expressions", "[from]\ndocument = \"a/{identity}\"\n[[lookup]]\nname = \"data\"\ndocument = \"c\"\n[[to]]\ndocument = \"b/{identity}\"\n").refused("bad/policy.toml:4:8", "`data` cannot be the name of a variable: the word has a meaning of its own", "choose another name"),
    ]
}
