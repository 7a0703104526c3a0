//! Names: whose they are, whom they can be taken for, and what feeds itself.

use super::attack::Attack;

pub fn attacks() -> Vec<Attack> {
    [variables(), patterns(), meetings(), keys()].into_iter().flatten().collect()
}

fn both(from: &str, to: &str) -> String {
    format!("[from]\ndocument = \"{from}\"\n[[to]]\ndocument = \"{to}\"\n")
}

fn variables() -> Vec<Attack> {
    let from = |rule: &str, name: &str| Attack::policy(rule, both(name, "b/{identity}"));
    vec![
        from("a private name holds its identity", "a/{room}").refused(
            "bad/policy.toml:2:12",
            "`a/{room}` has no `{identity}`",
            "put it in place of one segment: each identity then writes under names of its own",
        ),
        from("a variable stands once", "a/{identity}/{identity}").refused(
            "bad/policy.toml:2:12",
            "the variable `identity` stands twice",
            "name each variable once",
        ),
        from("a variable is no look-alike", "a/{\u{456}dentity}").refused(
            "bad/policy.toml:2:12",
            "`іdentity` cannot be the name of a variable",
            "use a small letter, then small letters, digits and `_`",
        ),
        from("a variable has no hidden characters", "a/{identity\u{200b}}").refused(
            "bad/policy.toml:2:12",
            "a pattern cannot hold control or hidden characters",
            "take it out",
        ),
        from("a literal does not turn the reading about", "a\u{202e}b/{identity}").refused(
            "bad/policy.toml:2:12",
            "a pattern cannot hold control or hidden characters",
            "take it out",
        ),
        from("a variable is a whole segment", "a/x{identity}").refused(
            "bad/policy.toml:2:12",
            "`x{identity}` is neither a literal nor one whole variable",
            "a variable stands for a whole segment: write `{room}` between two `/`",
        ),
        from("two variables are not joined", "a/{room}{identity}").refused(
            "bad/policy.toml:2:12",
            "`{room}{identity}` is neither a literal nor one whole variable",
            "a variable stands for a whole segment: write `{room}` between two `/`",
        ),
        from("a variable has an end", "a/{identity").refused(
            "bad/policy.toml:2:12",
            "`{identity` is neither a literal nor one whole variable",
            "a variable stands for a whole segment: write `{room}` between two `/`",
        ),
        from("a variable has a name", "a/{}/{identity}").refused(
            "bad/policy.toml:2:12",
            "`` cannot be the name of a variable",
            "use a small letter, then small letters, digits and `_`",
        ),
        from("a variable takes no word of the expressions", "a/{data}/{identity}").refused(
            "bad/policy.toml:2:12",
            "`data` cannot be the name of a variable: the word has a meaning of its own",
            "choose another name",
        ),
        from("a variable is no prototype", "a/{__proto__}/{identity}").refused(
            "bad/policy.toml:2:12",
            "`__proto__` cannot be the name of a variable",
            "use a small letter, then small letters, digits and `_`",
        ),
        from("a private name has no pseudonym", "a/{pseudonym}/{identity}").refused(
            "bad/policy.toml:2:12",
            "`{pseudonym}` cannot be captured by `[from]`",
            "write `{identity}`: who writes is known; `{pseudonym}` is for `[[to]]`",
        ),
        Attack::policy("a shared name shows only what was captured", both("a/{identity}", "b/{room}"))
            .refused(
                "bad/policy.toml:4:12",
                "`{room}` is not captured by `[from]`",
                "captured are `{identity}`",
            ),
        Attack::policy(
            "a shared name shows no key where there is none",
            both("a/{identity}", "b/{key}/{identity}"),
        )
        .refused(
            "bad/policy.toml:4:12",
            "`{key}` needs a map in `[from]`",
            "write `map` for `document` in `[from]`, or take `{key}` out",
        ),
    ]
}

fn patterns() -> Vec<Attack> {
    let from = |rule: &str, name: &str| Attack::policy(rule, both(name, "b/{identity}"));
    vec![
        from("a name has no empty segments", "a//{identity}").refused("bad/policy.toml:2:12", "segment 2 of `a//{identity}` is empty", "take out the `/` at the edge, or one of two"),
        from("a name does not begin with a slash", "/{identity}").refused("bad/policy.toml:2:12", "segment 1 of `/{identity}` is empty", "take out the `/` at the edge, or one of two"),
        from("a name has no control characters", "a\\u0007/{identity}").refused("bad/policy.toml:2:12", "a pattern cannot hold control or hidden characters", "take it out"),
        from("a name has at most 320 characters", &format!("{}/{{identity}}", "a".repeat(320))).refused("bad/policy.toml:2:12", "no name can match: a name has at most 320 characters", "shorten what is not a variable"),
        from("a name has at most so many segments", &format!("{}{{identity}}", "a/".repeat(20_000))).refused("bad/policy.toml:2:12", "no name can match: a name has at most 320 characters", "shorten what is not a variable"),
        from("a name is not empty", "").refused("bad/policy.toml:2:12", "a pattern needs at least one segment", "write segments joined by `/`, such as \"rooms/{room}\""),
        Attack::policy("a shared name is no SID", "[from]\ndocument = \"a/{identity}\"\n[[to]]\ndocument = \"ET00000000000000000000000000000001\"\ncontended = true\n").refused("bad/policy.toml:4:12", "no name can match: a name must not look like a SID", "put a segment before it"),
        Attack::policy("a service is a name or a SID", format!("services = [\"\", \"\\u0000\"]\n{}", both("a/{identity}", "b/{identity}"))).refused("bad/policy.toml:1:13", "`` is not a service", "write a SID that begins with `IS`, or a unique name such as `default`"),
        Attack::policy("at least one service is governed", format!("services = []\n{}", both("a/{identity}", "b/{identity}"))).refused("bad/policy.toml:1:12", "`services` names no service", "name one, or leave `services` out to govern each service"),
    ]
}

fn meetings() -> Vec<Attack> {
    let with = |it: Attack, from: &str, to: &str| it.with("good/policy.toml", both(from, to));
    vec![
        Attack::policy("what is private is not shared", both("a/{identity}", "a/{identity}")).refused("bad/policy.toml:4:12", "a client could write what `a/{identity}` publishes: this policy's `from` `a/{identity}` matches it", "give the shared name a first segment that no `from` has (the other stands at bad/policy.toml:2:12)"),
        Attack::policy("a variable meets each literal", both("{x}/{identity}", "b/{identity}")).refused("bad/policy.toml:4:12", "a client could write what `b/{identity}` publishes: this policy's `from` `{x}/{identity}` matches it", "give the shared name a first segment that no `from` has (the other stands at bad/policy.toml:2:12)"),
        Attack::policy("a kind is no wall", "[from]\ndocument = \"a/{identity}\"\n[[to]]\nmap = \"a/{identity}\"\nkey = \"{identity}\"\n").refused("bad/policy.toml:4:7", "a client could write what `a/{identity}` publishes: this policy's `from` `a/{identity}` matches it", "give the shared name a first segment that no `from` has (the other stands at bad/policy.toml:2:12)"),
        with(Attack::policy("one policy does not feed the next", both("a/{identity}", "b/{identity}")), "b/{identity}", "c/{identity}").refused("bad/policy.toml:4:12", "a client could write what `b/{identity}` publishes: policy `good`'s `from` `b/{identity}` matches it", "give the shared name a first segment that no `from` has (the other stands at good/policy.toml:2:12)"),
        with(Attack::policy("nor in a circle", both("x/{identity}", "y/{identity}")), "y/{identity}", "x/{identity}").refused("bad/policy.toml:4:12", "a client could write what `y/{identity}` publishes: policy `good`'s `from` `y/{identity}` matches it", "give the shared name a first segment that no `from` has (the other stands at good/policy.toml:2:12)"),
        with(Attack::policy("a private name has one policy", both("a/{identity}", "b/{identity}")), "a/{identity}", "c/{identity}").refused("good/policy.toml:2:12", "`a/{identity}` claims private names that policy `bad`'s `from` `a/{identity}` claims too", "give one of them a first segment of its own, or other `services` (the other stands at bad/policy.toml:2:12)"),
        with(Attack::policy("a shared name has one policy", both("a/{identity}", "b/{identity}")), "c/{identity}", "b/{identity}").refused("good/policy.toml:4:12", "`b/{identity}` names shared objects that policy `bad`'s `to` `b/{identity}` names too", "one policy publishes to one name: give one of them a first segment of its own (the other stands at bad/policy.toml:4:12)"),
        Attack::policy("a lookup reads nothing that a client writes", "[from]\ndocument = \"a/{identity}\"\n[[lookup]]\nname = \"mine\"\ndocument = \"a/{identity}\"\n[[to]]\ndocument = \"b/{identity}\"\n").refused("bad/policy.toml:5:12", "`a/{identity}` could read what a client writes: policy `bad`'s `from` `a/{identity}` matches it", "look up a shared object, or one that backends write"),
        Attack::policy("a policy has two sides", "[from]\ndocument = \"a/{identity}\"\n").refused("bad/policy.toml:1:1", "policy `bad` publishes nothing", "write a table `[[to]]` with `document = …`, or `map = …` and `key = …`"),
        Attack::policy("a target is one object", "[from]\ndocument = \"a/{identity}\"\n[[to]]\ndocument = \"b/{identity}\"\nlist = \"c\"\n").refused("bad/policy.toml:5:1", "`[[to]]` names a document and a list", "take one of the two out"),
        Attack::policy("two targets are not one", "[from]\ndocument = \"a/{identity}\"\n[[to]]\ndocument = \"b/{identity}\"\n[[to]]\ndocument = \"b/{identity}\"\n").refused("bad/policy.toml:6:12", "two targets publish to the same place of `b/{identity}`", "give them names, or keys, that can never be the same"),

        Attack::policy("what must stand is nothing that a client writes", "[from]\ndocument = \"a/{room}/{identity}\"\n[vars.room]\nexists = \"a/{room}/{identity}\"\n[[to]]\ndocument = \"b/{room}/{identity}\"\n").refused("bad/policy.toml:4:1", "`a/{room}/{identity}` could read what a client writes: policy `bad`'s `from` `a/{room}/{identity}` matches it", "look up a shared object, or one that backends write"),

    ]
}

fn keys() -> Vec<Attack> {
    let key = |rule: &str, key: &str| {
        Attack::policy(
            rule,
            format!("[from]\ndocument = \"a/{{room}}/{{identity}}\"\n[[to]]\nmap = \"b\"\nkey = {key:?}\n"),
        )
    };
    vec![
        key("a key tells two sources apart", "{identity}").refused("bad/policy.toml:4:7", "`{room}` does not stand in the name or the key of `b`", "several private objects would publish to one place: add it, or write `contended = true`"),
        key("two variables in a key have a mark between them", "{room}{identity}").refused("bad/policy.toml:5:7", "`{room}{identity}` is neither a literal nor one whole variable", "a variable stands for a whole segment: write `{room}` between two `/`"),
        key("a mark that stands in an identity is none", "{room}-{identity}").refused("bad/policy.toml:5:7", "`{room}-{identity}` is neither a literal nor one whole variable", "a variable stands for a whole segment: write `{room}` between two `/`"),
        key("a constant key is everybody's", "me").refused("bad/policy.toml:4:7", "`{room}`, `{identity}` does not stand in the name or the key of `b`", "several private objects would publish to one place: add it, or write `contended = true`"),
        key("a key is not empty", "").refused("bad/policy.toml:5:7", "a pattern needs at least one segment", "write segments joined by `/`, such as \"rooms/{room}\""),
        key("a key has at most 320 characters", &format!("{}/{{room}}/{{identity}}", "a".repeat(320))).refused("bad/policy.toml:5:7", "no name can match: a name has at most 320 characters", "shorten what is not a variable"),
        Attack::policy("two identities do not write one document", both("a/{identity}", "b")).refused("bad/policy.toml:4:12", "`{identity}` does not stand in the name of `b`", "several private objects would publish to one place: add it, or write `contended = true`"),
        Attack::policy("who is shown by a pseudonym is not named", "[from]\ndocument = \"a/{identity}\"\n[[to]]\ndocument = \"b/{pseudonym}\"\nset = { who = \"identity\" }\n").refused("bad/policy.toml:4:12", "a target with `{pseudonym}` shows the identity beside it", "take `identity` out of the name, the key, `set` and `template`, or write it for `pseudonym`"),
        Attack::policy("nor in an expression", "[from]\ndocument = \"a/{identity}\"\n[[to]]\ndocument = \"b/{pseudonym}\"\nset = { who = \"identity + '!'\" }\n").refused("bad/policy.toml:4:12", "a target with `{pseudonym}` shows the identity beside it", "take `identity` out of the name, the key, `set` and `template`, or write it for `pseudonym`"),
        Attack::policy("nor by a variable of the name", "[from]\ndocument = \"a/{identity}\"\n[[to]]\ndocument = \"b/{pseudonym}\"\ntemplate = { \"/who\" = \"{identity}\" }\n").refused("bad/policy.toml:4:12", "a target with `{pseudonym}` shows the identity beside it", "take `identity` out of the name, the key, `set` and `template`, or write it for `pseudonym`"),
    ]
}
