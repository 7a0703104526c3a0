//! Cases that would run for ever, or in the place of the server.

use super::attack::Attack;

pub fn attacks() -> Vec<Attack> {
    [forms(), amounts()].into_iter().flatten().collect()
}

/// A case with what stands in it; the lines begin at 2.
fn case(lines: &str) -> String {
    format!("[[case]]\nname = \"bad\"\nas = {{ identity = \"ada\" }}\n{lines}\n")
}

const WRITE: &str = "write = { document = \"a/ada\", data = { x = 1 } }\n";

fn forms() -> Vec<Attack> {
    vec![
        Attack::cases("a case has a name", "[[case]]\nas = { identity = \"ada\" }\n").refused("bad/cases/bad.toml:1:1", "`[[case]]` expects nothing", "write `published = […]` (it may be empty) or `refused = { rule = … }`"),
        Attack::cases(
            "a case's name stands once",
            format!("{0}{1}published = []\n{0}{1}published = []\n", case(""), WRITE),
        )
        .refused("bad/cases/bad.toml:7:1", "two cases are called `bad`", "the other stands in line 1"),
        Attack::cases("a case writes or removes", case("published = []")).refused("bad/cases/bad.toml:1:1", "`[[case]]` has no `write`", "or write `remove = …`"),
        Attack::cases("a case expects something", case(WRITE)).refused("bad/cases/bad.toml:1:1", "`[[case]]` expects nothing", "write `published = […]` (it may be empty) or `refused = { rule = … }`"),
        Attack::cases(
            "a case expects one thing",
            case(&format!("{WRITE}published = []\nrefused = {{ rule = \"schema\" }}")),
        )
        .told("bad/cases/bad.toml:6:1", "a case is `published` or `refused`, not both"),
        Attack::cases(
            "a case writes one object",
            case("write = { document = \"a/ada\", list = \"b\", data = {} }\npublished = []"),
        )
        .told("bad/cases/bad.toml:4:31", "`list` cannot stand beside `document`"),
        Attack::cases("a case's key is known", case(&format!("{WRITE}published = []\nexec = \"id\""))).refused("bad/cases/bad.toml:6:1", "unknown key `exec` in `[[case]]`", "known are `name`, `as`, `given`, `step`, `write`, `remove`, `times`, `published`, `refused`, `shows`"),
        Attack::cases(
            "a case's identity is one",
            case("").replace("ada", &"a".repeat(257)) + WRITE + "published = []\n",
        )
        .told("bad/cases/bad.toml:3:19", "`aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        Attack::cases(
            "a case's data is JSON",
            case("write = { document = \"a/ada\", data = { x = inf } }\npublished = []"),
        )
        .refused("bad/cases/bad.toml:4:44", "`inf` has no JSON form", "write a number"),
        Attack::cases(
            "a case's data has a depth",
            case(&format!(
                "write = {{ document = \"a/ada\", data = {{ x = {}{} }} }}\npublished = []",
                "[".repeat(50_000),
                "]".repeat(50_000)
            )),
        )
        .told("bad/cases/bad.toml:4:122", "not TOML: cannot recurse further; max recursion depth met"),
        Attack::cases("a file of cases has cases", "[[step]]\n").refused("bad/cases/bad.toml:1:1", "the file has no case", "write a table `[[case]]`"),
        Attack::cases("cases are TOML", "{}").told("bad/cases/bad.toml:1:1", "not TOML: invalid key-value pair, expected key"),

        Attack::cases("a case's claims have at most 4 KiB", case(&format!("{WRITE}published = []")).replace("\"ada\" }", &format!("\"ada\", claims = {{ x = \"{}\" }} }}", "x".repeat(5_000)))).refused("bad/cases/bad.toml:3:26", "the claims have 5008 bytes", "no token holds more than 4096"),

    ]
}

fn amounts() -> Vec<Attack> {
    let steps = |count: usize, lines: &str| {
        let step = format!(
            "[[case.step]]\n{lines}write = {{ document = \"a/ada\", data = {{ x = 1 }} }}\npublished = [{{ document = \"b/ada\", data = {{ x = 1 }} }}]\n"
        );
        case("") + &step.repeat(count)
    };
    let forever: String =
        (0..15).map(|at| steps(100, "times = 10000\n").replace("bad", &format!("c{at}"))).collect();
    let many: String = (0..1_001)
        .map(|at| case("").replace("bad", &format!("c{at}")) + WRITE + "published = []\n")
        .collect();
    vec![
        Attack::cases(
            "a write is repeated at most 10000 times",
            case(&format!("{WRITE}times = 10001\npublished = []")),
        )
        .told("bad/cases/bad.toml:5:9", "`times` must be from 1 to 10000, not 10001"),
        Attack::cases(
            "a write is repeated at least once",
            case(&format!("{WRITE}times = 0\npublished = []")),
        )
        .told("bad/cases/bad.toml:5:9", "`times` must be from 1 to 10000, not 0"),
        Attack::cases(
            "a number of times is no overflow",
            case(&format!("{WRITE}times = 9223372036854775807\npublished = []")),
        )
        .told("bad/cases/bad.toml:5:9", "`times` must be from 1 to 10000, not 9223372036854775807"),
        Attack::cases("a case has at most 100 steps", steps(101, ""))
            .told("bad/cases/bad.toml:305:1", "there are more than 100 steps"),
        Attack::cases("a file has at most 1000 cases", many)
            .told("bad/cases/bad.toml:6001:1", "there are more than 1000 cases"),
        Attack::cases("a pause is at most a year", steps(2, "after = \"366d\"\n")).refused(
            "bad/cases/bad.toml:6:9",
            "`after` cannot be `366d`",
            "write a number and `ms`, `s`, `m`, `h` or `d`, at most a year, such as `30s`",
        ),
        Attack::cases("a pause is no overflow", steps(2, "after = \"18446744073709551615d\"\n")).refused(
            "bad/cases/bad.toml:6:9",
            "`after` cannot be `18446744073709551615d`",
            "write a number and `ms`, `s`, `m`, `h` or `d`, at most a year, such as `30s`",
        ),
        Attack::cases(
            "a list's index is not negative",
            case("remove = { list = \"a/ada\", index = -1 }\npublished = []"),
        )
        .told("bad/cases/bad.toml:4:1", "`remove` has no `index`"),
        Attack::cases("all writes of a file together have a bound", forever).refused(
            "bad/cases/bad.toml:1:1",
            "the cases up to here write more than 100000 times",
            "lower `times`, or divide the file",
        ),
    ]
}
