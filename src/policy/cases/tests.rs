//! Files of cases, read and refused.

use serde_json::json;

use super::*;
use crate::policy::tests::golden::{self, Row};

#[test]
fn a_case_is_read() {
    let cases = parse(
        "chat",
        "cases/a.toml",
        r#"
[[case]]
name = "one"
as = { identity = "ada", claims = { name = "Ada" } }
given = [{ map = "m", key = "k", data = { a = 1 } }]
write = { document = "d/ada", data = '{"x": null}' }
times = 3
published = [{ document = "p/ada", data = { x = 1.5 } }]

[[case]]
name = "two"
as = { identity = "bob" }
remove = { document = "d/ada" }
refused = { rule = "address", pointer = "/x" }
"#,
    )
    .expect("two cases");
    let [one, two] = cases.as_slice() else { panic!("two cases") };
    let ([one_step], [two_step]) = (one.steps.as_slice(), two.steps.as_slice()) else {
        panic!("a step each")
    };
    assert_eq!((one.line, one_step.times, &one_step.claims), (2, 3, &json!({"name": "Ada"})));
    assert_eq!(one.given[0].0.item.as_ref().map(ToString::to_string).as_deref(), Some("k"));
    assert_eq!(one.given[0].0.data.as_deref(), Some("{\"a\":1}"));
    assert_eq!(one_step.write.data.as_deref(), Some("{\"x\": null}"));
    let Expected::Published(published) = &one_step.expected else { panic!("published") };
    assert_eq!(published[0].data, json!({"x": 1.5}));
    assert_eq!(two_step.write.data, None);
    assert_eq!(two_step.expected, Expected::Refused { rule: "address".into(), pointer: Some("/x".into()) });
    assert_eq!(CASE_NOW.to_string(), "2026-01-01T00:00:00.000Z");
}

#[test]
fn faults_have_their_places() {
    golden::check(&faults());
}

pub(crate) fn faults() -> Vec<Row> {
    let case = |rest: &str| format!("[[case]]\nname = \"a\"\nas = {{ identity = \"ada\" }}\n{rest}");
    let write = "write = { document = \"d\", data = {} }\n";
    let steps = |steps: &str| case(&format!("{write}published = []\n{steps}"));
    let rows = [
        (String::new(), "1:1 the file has no case [write a table `[[case]]`]"),
        (
            "[[cases]]".into(),
            "1:1 the file has no case [write a table `[[case]]`]\n1:3 unknown key `cases` in a file of cases [did you mean `case`?]",
        ),
        (case("published = []"), "1:1 `[[case]]` has no `write` [or write `remove = …`]"),
        (
            (0..11)
                .map(|it| {
                    format!(
                        "{}{write}times = 10000\npublished = []\n",
                        case("").replace("\"a\"", &format!("\"{it}\""))
                    )
                })
                .collect(),
            "61:1 the cases up to here write more than 100000 times [lower `times`, or divide the file]",
        ),
        (
            case(&format!(
                "given = [{}]\n{write}published = []",
                "{ document = \"d\", data = {}, times = 10000 }, ".repeat(10)
            )),
            "1:1 the cases up to here write more than 100000 times [lower `times`, or divide the file]",
        ),
        (
            format!(
                "[[case]]\nname = \"a\"\nas = {{ identity = \"ada\", claims = {{ a = \"{}\" }} }}\n{write}published = []",
                "x".repeat(4_096)
            ),
            "3:26 the claims have 4104 bytes [no token holds more than 4096]",
        ),
        (
            case(write),
            "1:1 `[[case]]` expects nothing [write `published = […]` (it may be empty) or `refused = { rule = … }`]",
        ),
        (
            case(&format!("{write}published = []\nrefused = {{ rule = \"size\" }}")),
            "6:1 a case is `published` or `refused`, not both",
        ),
        (
            case(&format!("{write}remove = {{ document = \"d\" }}\npublished = []")),
            "5:1 a case has one `write` or one `remove`, not both",
        ),
        (case("write = { document = \"d\" }\npublished = []"), "4:1 `write` has no `data`"),
        (
            case("write = { data = {} }\npublished = []"),
            "4:1 `write` names no object [write `document = …`, `list = …`, `stream = …`, or `map = …` and `key = …`]",
        ),
        (case("write = { map = \"m\", data = {} }\npublished = []"), "4:1 `write` has no `key`"),
        (
            case("write = { document = \"d\", key = \"k\", data = {} }\npublished = []"),
            "4:27 `key` cannot stand beside `document`",
        ),
        (
            case("write = { document = \"\", data = {} }\npublished = []"),
            "4:22 ``: a name needs at least one character",
        ),
        (
            case(&format!("{write}published = [{{ document = \"d\", data = \"[]\" }}]")),
            "5:39 what is published is a JSON object",
        ),
        (case(&format!("{write}refused = {{ pointer = \"/x\" }}")), "5:1 `refused` has no `rule`"),
        (case(&format!("{write}times = 0\npublished = []")), "5:9 `times` must be from 1 to 10000, not 0"),
        (
            case(&format!("{write}published = []\n{}", case(&format!("{write}published = []")))),
            "6:1 two cases are called `a` [the other stands in line 1]",
        ),
        (
            case(&format!(
                "{write}published = []\nshows = [{{ document = \"d\" }}, {{ document = \"d\", data = {{}}, gone = true }}]"
            )),
            concat!(
                "6:10 `shows` says one thing of an object [write `data = { … }`, `items = …` for how many there are, or `gone = true`]\n",
                "6:30 `shows` says one thing of an object [write `data = { … }`, `items = …` for how many there are, or `gone = true`]"
            ),
        ),
        (
            case(&format!(
                "{write}published = []\nshows = [{{ map = \"m\", data = {{}} }}, {{ list = \"l\", data = {{}} }}]"
            )),
            "6:10 `shows` has no `key`\n6:36 `shows` has no `index`",
        ),
        (
            case(&format!(
                "{write}published = []\nshows = [{{ document = \"d\", items = 1 }}, {{ list = \"l\", index = 0, items = 1 }}]"
            )),
            "6:28 a document has no `items` [write `data = { … }`]\n6:66 `items` counts a whole object [write `data = { … }`]",
        ),
        (
            case(&format!(
                "{write}published = []\nshows = [{{ document = \"d\", gone = false }}, {{ document = \"d\", data = \"[]\" }}]"
            )),
            "6:35 `gone` can be `true` only [write what stands: `data = { … }`]\n6:69 what is published is a JSON object",
        ),
        (
            case(&format!("{write}published = []\nshows = [{{ map = \"m\", gone = true }}]")),
            "6:23 a map is never gone as a whole [write `items = 0`]",
        ),
        (
            "[[case]]\nname = \"a\"\nas = {}\nwrite = { document = \"d\", data = {} }\npublished = []".into(),
            "3:1 `as` has no `identity`",
        ),
        (case("remove = { list = \"l\" }\npublished = []"), "4:1 `remove` has no `index`"),
        (
            case("write = { document = \"d\", map = \"m\", data = {} }\npublished = []"),
            "4:27 `map` cannot stand beside `document`",
        ),
        (
            case("write = { document = \"ET00000000000000000000000000000000\", data = {} }\npublished = []"),
            "4:22 `ET00000000000000000000000000000000`: a unique name must not look like a SID",
        ),
        (
            steps("times = 2\n[[case.step]]\nwrite = { document = \"d\", data = {} }\npublished = []"),
            "4:1 `write` belongs into a step [a case has one write, or steps]\n5:1 `published` belongs into a step [a case has one write, or steps]\n6:1 `times` belongs into a step [a case has one write, or steps]",
        ),
        (
            case(
                "[[case.step]]\nafter = \"1 week\"\nwrite = { document = \"d\", data = {} }\npublished = []",
            ),
            "5:9 `after` cannot be `1 week` [write a number and `ms`, `s`, `m`, `h` or `d`, at most a year, such as `30s`]",
        ),
        (
            case(&"[[case.step]]\nwrite = { document = \"d\", data = {} }\npublished = []\n".repeat(101)),
            "304:1 there are more than 100 steps",
        ),
        (
            (0..1_001)
                .map(|it| case(&format!("{write}published = []\n")).replace("\"a\"", &format!("\"{it}\"")))
                .collect(),
            "5001:1 there are more than 1000 cases",
        ),
    ];
    let told = |text: &str| parse("chat", "cases/a.toml", text).expect_err(text);
    rows.iter().map(|it: &(String, &'static str)| (told(&it.0), it.1)).collect()
}
