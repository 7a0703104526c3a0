//! Numbers, rates and times beyond all reason, and more of each thing than there may be.

use super::attack::Attack;

pub fn attacks() -> Vec<Attack> {
    [numbers(), rates(), times(), counts()].into_iter().flatten().collect()
}

/// A policy with lines in `[from]`, between, and in `[[to]]`; the lines begin at 3, and behind.
fn policy(from: &str, between: &str, to: &str) -> String {
    format!(
        "[from]\ndocument = \"a/{{room}}/{{identity}}\"\n{from}{between}[[to]]\ndocument = \"b/{{room}}/{{identity}}\"\n{to}"
    )
}

fn numbers() -> Vec<Attack> {
    let from = |rule: &str, line: &str| Attack::policy(rule, policy(&format!("{line}\n"), "", ""));
    let list = |line: &str| format!("[from]\ndocument = \"a/{{identity}}\"\n[[to]]\nlist = \"b\"\n{line}\n");
    vec![
        from("data has at most 16 KiB", "max_bytes = 16385")
            .told("bad/policy.toml:3:13", "`max_bytes` must be from 1 to 16384, not 16385"),
        from("data has at least a byte", "max_bytes = 0")
            .told("bad/policy.toml:3:13", "`max_bytes` must be from 1 to 16384, not 0"),
        from("data has no negative size", "max_bytes = -1")
            .told("bad/policy.toml:3:13", "`max_bytes` must be from 1 to 16384, not -1"),
        from("a size is whole", "max_bytes = 1e3")
            .told("bad/policy.toml:3:13", "`max_bytes` must be a whole number, not a decimal"),
        from("an identity has at most 10000 objects", "objects_max = 10001")
            .told("bad/policy.toml:3:15", "`objects_max` must be from 1 to 10000, not 10001"),
        from("an identity has at least one object", "objects_max = 0")
            .told("bad/policy.toml:3:15", "`objects_max` must be from 1 to 10000, not 0"),
        Attack::policy(
            "a message has at most 4 KiB",
            "[from]\nstream = \"a/{identity}\"\nmax_bytes = 4097\n[[to]]\nstream = \"b\"\n",
        )
        .told("bad/policy.toml:3:13", "`max_bytes` must be from 1 to 4096, not 4097"),
        Attack::policy("a list has at least one item", list("items_max = 0"))
            .told("bad/policy.toml:5:13", "`items_max` must be from 1 to 1000000, not 0"),
        Attack::policy("a list has at most a million items", list("items_max = 9007199254740993"))
            .told("bad/policy.toml:5:13", "`items_max` must be from 1 to 1000000, not 9007199254740993"),
        Attack::policy("a bound is not beyond the other", policy("", "", "clamp = { \"/x\" = [100, 0] }\n"))
            .refused("bad/policy.toml:5:18", "the first number is above the second", "write the least first"),
        Attack::policy("a bound is a number", policy("", "", "clamp = { \"/x\" = [nan, inf] }\n")).refused(
            "bad/policy.toml:5:19",
            "`nan` has no JSON form",
            "write a number",
        ),
        Attack::policy("a bound is no text", policy("", "", "clamp = { \"/x\" = [0, \"9\"] }\n")).refused(
            "bad/policy.toml:5:18",
            "`clamp` takes two numbers",
            "write for example `[0, 100]`",
        ),
        Attack::policy("there are two bounds", policy("", "", "clamp = { \"/x\" = [0, 1, 2] }\n")).refused(
            "bad/policy.toml:5:18",
            "`clamp` takes two numbers",
            "write for example `[0, 100]`",
        ),
    ]
}

fn rates() -> Vec<Attack> {
    let limit = |rule: &str, lines: &str| {
        Attack::policy(rule, policy("", &format!("[[limit]]\nper = \"identity\"\n{lines}\n"), ""))
    };
    vec![
        limit("a rate is no overflow", "allow = \"99999999999999999999/s\"").refused(
            "bad/policy.toml:5:9",
            "`allow` must be from 1 to 1000000, not `99999999999999999999/s`",
            "write for example `20/s`",
        ),
        limit("a rate is at most a million", "allow = \"1000001/s\"").refused(
            "bad/policy.toml:5:9",
            "`allow` must be from 1 to 1000000, not `1000001/s`",
            "write for example `20/s`",
        ),
        limit("a rate is not nothing", "allow = \"0/s\"").refused(
            "bad/policy.toml:5:9",
            "`allow` must be from 1 to 1000000, not `0/s`",
            "write for example `20/s`",
        ),
        limit("a rate is not negative", "allow = \"-5/s\"").refused(
            "bad/policy.toml:5:9",
            "`allow` must be a number per `s`, `m` or `h`, not `-5/s`",
            "write for example `20/s`",
        ),
        limit("a rate has a unit that is known", "allow = \"5/fortnight\"").refused(
            "bad/policy.toml:5:9",
            "`allow` must be a number per `s`, `m` or `h`, not `5/fortnight`",
            "write for example `20/s`",
        ),
        limit("a rate is in plain digits", "allow = \"\u{0665}/s\"").refused(
            "bad/policy.toml:5:9",
            "`allow` must be a number per `s`, `m` or `h`, not `٥/s`",
            "write for example `20/s`",
        ),
        limit("a burst is at most a million", "allow = \"1/s\"\nburst = 1000001")
            .told("bad/policy.toml:6:9", "`burst` must be from 1 to 1000000, not 1000001"),
        limit("a burst is not nothing", "allow = \"1/s\"\nburst = 0")
            .told("bad/policy.toml:6:9", "`burst` must be from 1 to 1000000, not 0"),
        limit("a burst is no overflow", "allow = \"1/s\"\nburst = 9223372036854775807")
            .told("bad/policy.toml:6:9", "`burst` must be from 1 to 1000000, not 9223372036854775807"),
        limit("a cost is known", "allow = \"1/s\"\ncost = \"lines\"").refused(
            "bad/policy.toml:6:8",
            "`cost` cannot be `lines`",
            "write one of `count`, `bytes`",
        ),
        Attack::policy(
            "a limit is for somebody",
            policy("", "[[limit]]\nper = \"{color}\"\nallow = \"1/s\"\n", ""),
        )
        .refused(
            "bad/policy.toml:4:7",
            "`{color}` is not captured by `[from]`",
            "captured are `{room}`, `{identity}`",
        ),
        Attack::policy(
            "a shared limit has a caller's own beside it",
            policy("", "[[limit]]\nper = \"{room}\"\nallow = \"1/s\"\n", ""),
        )
        .refused(
            "bad/policy.toml:4:7",
            "a limit per `{room}` needs a caller's limit beside it",
            "add a `[[limit]]` with `per = \"identity\"`: else one caller could use it up for all",
        ),
    ]
}

fn times() -> Vec<Attack> {
    let ttl = |rule: &str, ttl: &str| Attack::policy(rule, policy("", "", &format!("ttl = {ttl:?}\n")));
    vec![
        ttl("a time is no overflow", "18446744073709551615d").refused(
            "bad/policy.toml:5:7",
            "`ttl` must be from 1 to 31536000 seconds, not `18446744073709551615d`",
            "leave `ttl` out to publish for ever",
        ),
        ttl("a time is at most a year", "366d").refused(
            "bad/policy.toml:5:7",
            "`ttl` must be from 1 to 31536000 seconds, not `366d`",
            "leave `ttl` out to publish for ever",
        ),
        ttl("a time is not nothing", "0s").refused(
            "bad/policy.toml:5:7",
            "`ttl` must be from 1 to 31536000 seconds, not `0s`",
            "leave `ttl` out to publish for ever",
        ),
        ttl("a time is not negative", "-1s").refused(
            "bad/policy.toml:5:7",
            "`ttl` cannot be `-1s`",
            "write a number and `s`, `m`, `h` or `d`, such as `30s`",
        ),
        ttl("a time is whole", "1.5h").refused(
            "bad/policy.toml:5:7",
            "`ttl` cannot be `1.5h`",
            "write a number and `s`, `m`, `h` or `d`, such as `30s`",
        ),
        ttl("a time has a unit that is known", "5w").refused(
            "bad/policy.toml:5:7",
            "`ttl` cannot be `5w`",
            "write a number and `s`, `m`, `h` or `d`, such as `30s`",
        ),
        Attack::policy(
            "who goes is told by documents only",
            "[from]\nlist = \"a/{identity}\"\nuntil = \"disconnect\"\n[[to]]\nlist = \"b\"\n",
        )
        .refused(
            "bad/policy.toml:3:9",
            "a list cannot be withdrawn on `disconnect`",
            "write `document`, or give what is published a `ttl`",
        ),
        Attack::policy(
            "what stays for good has no end",
            policy("withdraw = \"never\"\nuntil = \"disconnect\"\n", "", ""),
        )
        .refused(
            "bad/policy.toml:3:12",
            "`withdraw = \"never\"` stands beside `until`",
            "take one of the two out: what is withdrawn on `disconnect` is not final",
        ),
    ]
}

fn counts() -> Vec<Attack> {
    let many = |count: usize, each: &dyn Fn(usize) -> String| (0..count).map(each).collect::<String>();
    let entries =
        |count: usize, each: &dyn Fn(usize) -> String| (0..count).map(each).collect::<Vec<_>>().join(", ");
    vec![
        Attack::policy(
            "a policy has at most 16 limits",
            policy("", &many(17, &|_| "[[limit]]\nper = \"identity\"\nallow = \"1/s\"\n".to_owned()), ""),
        )
        .told("bad/policy.toml:51:1", "there are more than 16 limits"),
        Attack::policy(
            "a policy has at most 8 lookups",
            policy("", &many(9, &|at| format!("[[lookup]]\nname = \"l{at}\"\ndocument = \"l/{at}\"\n")), ""),
        )
        .told("bad/policy.toml:27:1", "there are more than 8 lookups"),
        Attack::policy(
            "a policy has at most 32 conditions",
            policy("", &many(33, &|at| format!("[[when]]\nrule = \"r{at}\"\nthat = \"true\"\n")), ""),
        )
        .told("bad/policy.toml:99:1", "there are more than 32 conditions"),
        Attack::policy(
            "a policy has at most 16 targets",
            policy("", "", &many(16, &|at| format!("[[to]]\ndocument = \"c{at}/{{room}}/{{identity}}\"\n"))),
        )
        .told("bad/policy.toml:35:1", "there are more than 16 targets"),
        Attack::policy(
            "a policy is for at most 100 services",
            format!("services = [{}]\n{}", entries(101, &|at| format!("\"s{at}\"")), policy("", "", "")),
        )
        .refused(
            "bad/policy.toml:1:12",
            "`services` names more than 100 services",
            "leave `services` out to govern each service",
        ),
        Attack::policy(
            "at most 100 fields are taken",
            policy("", "", &format!("take = [{}]\n", entries(101, &|at| format!("\"/f{at}\"")))),
        )
        .told("bad/policy.toml:5:799", "`take` has more than 100 entries"),
        Attack::policy(
            "at most 100 fields are renamed",
            policy(
                "",
                "",
                &format!("rename = {{ {} }}\n", entries(101, &|at| format!("\"/f{at}\" = \"/g{at}\""))),
            ),
        )
        .told("bad/policy.toml:5:1692", "`rename` has more than 100 entries"),
        Attack::policy(
            "at most 100 fields have a default",
            policy("", "", &format!("default = {{ {} }}\n", entries(101, &|at| format!("f{at} = 1")))),
        )
        .told("bad/policy.toml:5:903", "`default` has more than 100 entries"),
        Attack::policy(
            "at most 100 fields are set",
            policy("", "", &format!("set = {{ {} }}\n", entries(101, &|at| format!("f{at} = 1")))),
        )
        .told("bad/policy.toml:5:899", "`set` has more than 100 entries"),
        Attack::policy(
            "a mask has at most 500 words",
            policy(
                "",
                "",
                &format!("[to.mask.\"/x\"]\nwords = [{}]\n", entries(501, &|at| format!("\"w{at}\""))),
            ),
        )
        .refused(
            "bad/policy.toml:5:1",
            "a mask has at most 500 words and patterns",
            "join some of them into one pattern",
        ),
        Attack::policy(
            "a rule's message has at most 256 bytes",
            policy(
                "",
                &format!("[[when]]\nrule = \"r\"\nthat = \"true\"\nmessage = \"{}\"\n", "m".repeat(257)),
                "",
            ),
        )
        .told("bad/policy.toml:6:11", "`message` is one line of at most 256 bytes"),
        Attack::policy(
            "a pointer has at most 16 steps",
            policy("", "", &format!("take = [\"{}\"]\n", "/x".repeat(17))),
        )
        .refused(
            "bad/policy.toml:5:9",
            "the pointer `/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x` has more than 16 steps",
            "name an outer place",
        ),
        Attack::policy(
            "a constant is as deep as data may be",
            policy("", "", &format!("default = {{ x = {}{} }}\n", "[".repeat(40), "]".repeat(40))),
        )
        .told("bad/policy.toml:5:50", "nested deeper than 32 levels"),
        Attack::policy(
            "a constant fits the data",
            policy("", "", &format!("default = {{ x = \"{}\" }}\n", "x".repeat(20_000))),
        )
        .refused(
            "bad/policy.toml:5:17",
            "the constant has 20002 bytes, more than the 16384 that data may have",
            "shorten it",
        ),
        Attack::policy(
            "a constant in `set` fits, too",
            policy("", "", &format!("set = {{ x = \"'{}'\" }}\n", "x".repeat(20_000))),
        )
        .refused(
            "bad/policy.toml:5:13",
            "the constant has 20002 bytes, more than the 16384 that data may have",
            "shorten it",
        ),
    ]
}
