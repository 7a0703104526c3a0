//! Schemas that look elsewhere, never end, cost too much, or say nothing.

use super::attack::Attack;

pub fn attacks() -> Vec<Attack> {
    [references(), circles(), costs(), patterns(), keywords()].into_iter().flatten().collect()
}

/// `@PORT@` is that of a listener which nobody may call.
fn references() -> Vec<Attack> {
    vec![
        Attack::schema("a reference is not fetched", "{\"$ref\": \"http://127.0.0.1:@PORT@/x.json\"}").refused("bad/in.json:1:2", "`$ref` leads out of the file: `http://127.0.0.1:@PORT@/x.json`", "copy it into `$defs` and write `#/$defs/…`"),
        Attack::schema("a base is not fetched", "{\"$id\": \"http://127.0.0.1:@PORT@/x.json\", \"$ref\": \"y.json\"}").refused("bad/in.json:1:42", "`$ref` leads out of the file: `y.json`", "copy it into `$defs` and write `#/$defs/…`"),
        Attack::schema("a dialect is not fetched", "{\"$schema\": \"http://127.0.0.1:@PORT@/draft\"}").refused("bad/in.json:1:2", "`$schema` cannot be \"http://127.0.0.1:@PORT@/draft\"", "write \"https://json-schema.org/draft/2020-12/schema\", or a draft from 4 on"),
        Attack::schema("a base in the old words is not fetched", "{\"$schema\": \"http://json-schema.org/draft-04/schema#\", \"properties\": {\"x\": {\"id\": \"http://127.0.0.1:@PORT@/\", \"$ref\": \"y\"}}}").told("bad/in.json:1:77", "`id` may stand at the top only"),
        Attack::schema("a vocabulary is not fetched", "{\"$vocabulary\": {\"http://127.0.0.1:@PORT@/v\": true}}").refused("bad/in.json:1:2", "`$vocabulary` is not supported", "use `$ref` and `$defs`"),
        Attack::schema("a reference opens no file", "{\"$ref\": \"file://@OUTSIDE@/schema.json\"}").refused("bad/in.json:1:2", "`$ref` leads out of the file: `file://@OUTSIDE@/schema.json`", "copy it into `$defs` and write `#/$defs/…`"),
        Attack::schema("a reference opens no file beside it", "{\"$ref\": \"other.json\"}").with("bad/other.json", "{}").refused("bad/in.json:1:2", "`$ref` leads out of the file: `other.json`", "copy it into `$defs` and write `#/$defs/…`"),
        Attack::schema("a reference does not climb", "{\"$ref\": \"../../outside/schema.json\"}").refused("bad/in.json:1:2", "`$ref` leads out of the file: `../../outside/schema.json`", "copy it into `$defs` and write `#/$defs/…`"),
        Attack::schema("a reference holds no data", "{\"$ref\": \"data:application/json,{}\"}").refused("bad/in.json:1:2", "`$ref` leads out of the file: `data:application/json,{}`", "copy it into `$defs` and write `#/$defs/…`"),
        Attack::schema("a reference is no other name", "{\"$ref\": \"urn:uuid:00000000-0000-0000-0000-000000000000\"}").refused("bad/in.json:1:2", "`$ref` leads out of the file: `urn:uuid:00000000-0000-0000-0000-000000000000`", "copy it into `$defs` and write `#/$defs/…`"),
        Attack::schema("an inner base moves no reference", "{\"properties\": {\"x\": {\"$id\": \"file:///etc/\", \"$ref\": \"passwd\"}}}").told("bad/in.json:1:23", "`$id` may stand at the top only"),
        Attack::schema("a reference leads somewhere", "{\"$ref\": \"#/$defs/none\"}").told("bad/in.json:1:2", "`$ref` names no schema of this file: `#/$defs/none`"),
        Attack::schema("a reference is written right", "{\"$ref\": \"#/%zz\"}").told("bad/in.json:1:2", "`$ref` names no schema of this file: `#/%zz`"),
        Attack::schema("a reference leads to a schema", "{\"enum\": [{\"type\": 7}], \"$ref\": \"#/enum/0\"}").told("bad/in.json:1:25", "`$ref` names no schema of this file: `#/enum/0`"),
        Attack::schema("a reference does not depend on the way", "{\"$dynamicAnchor\": \"x\", \"properties\": {\"x\": {\"$dynamicRef\": \"#x\"}}}").refused("bad/in.json:1:2", "`$dynamicAnchor` is not supported", "use `$ref` and `$defs`"),
        Attack::schema("nor in the old words", "{\"$recursiveAnchor\": true, \"properties\": {\"x\": {\"$recursiveRef\": \"#\"}}}").refused("bad/in.json:1:2", "`$recursiveAnchor` is not supported", "use `$ref` and `$defs`"),
    ]
}

fn circles() -> Vec<Attack> {
    let doubled = |keyword: &str, levels: usize| {
        let defs: Vec<String> = (0..levels)
            .map(|at| format!("\"d{at}\": {{\"{keyword}\": [{{\"$ref\": \"#/$defs/d{0}\"}}, {{\"$ref\": \"#/$defs/d{0}\"}}]}}", at + 1))
            .collect();
        format!("{{\"$ref\": \"#/$defs/d0\", \"$defs\": {{{}, \"d{levels}\": {{}}}}}}", defs.join(", "))
    };
    let anchored = |levels: usize| {
        let defs: Vec<String> = (0..levels)
            .map(|at| format!("\"d{at}\": {{\"$anchor\": \"a{at}\", \"allOf\": [{{\"$ref\": \"#a{0}\"}}, {{\"$ref\": \"#a{0}\"}}]}}", at + 1))
            .collect();
        format!(
            "{{\"$ref\": \"#a0\", \"$defs\": {{{}, \"d{levels}\": {{\"$anchor\": \"a{levels}\"}}}}}}",
            defs.join(", ")
        )
    };
    let chain: Vec<String> =
        (0..600).map(|at| format!("\"d{at}\": {{\"$ref\": \"#/$defs/d{}\"}}", at + 1)).collect();
    vec![
        Attack::schema("a schema is not itself", "{\"$ref\": \"#\"}").refused("bad/in.json:1:1", "the schema refers to itself without end", "let each round go one level deeper into the data, through `properties` or `items`"),
        Attack::schema("two schemas are not each other", "{\"$ref\": \"#/$defs/a\", \"$defs\": {\"a\": {\"$ref\": \"#/$defs/b\"}, \"b\": {\"$ref\": \"#/$defs/a\"}}}").refused("bad/in.json:1:33", "the schema refers to itself without end", "let each round go one level deeper into the data, through `properties` or `items`"),
        Attack::schema("no circle through what holds for the same value", "{\"allOf\": [{\"not\": {\"if\": {\"$ref\": \"#\"}}}]}").refused("bad/in.json:1:1", "the schema refers to itself without end", "let each round go one level deeper into the data, through `properties` or `items`"),
        Attack::schema("a circle that nothing reaches is one", "{\"$defs\": {\"a\": {\"anyOf\": [{\"$ref\": \"#/$defs/a\"}]}}}").refused("bad/in.json:1:12", "the schema refers to itself without end", "let each round go one level deeper into the data, through `properties` or `items`"),
        Attack::schema("a circle by anchors is one", "{\"$ref\": \"#a\", \"$defs\": {\"x\": {\"$anchor\": \"a\", \"allOf\": [{\"$ref\": \"#a\"}]}}}").refused("bad/in.json:1:26", "the schema refers to itself without end", "let each round go one level deeper into the data, through `properties` or `items`"),
        Attack::schema("a circle in the old words is one", "{\"$schema\": \"http://json-schema.org/draft-04/schema#\", \"definitions\": {\"x\": {\"allOf\": [{\"$ref\": \"#/definitions/x\"}]}}, \"properties\": {\"a\": {\"$ref\": \"#/definitions/x\"}}}").refused("bad/in.json:1:72", "the schema refers to itself without end", "let each round go one level deeper into the data, through `properties` or `items`"),
        Attack::schema("a circle in escapes is one", "{\"$defs\": {\"a b\": {\"anyOf\": [{\"$ref\": \"#/%24defs/a%20b\"}]}}, \"$ref\": \"#/$defs/a%20b\"}").refused("bad/in.json:1:12", "the schema refers to itself without end", "let each round go one level deeper into the data, through `properties` or `items`"),
        Attack::schema("two at each turn by anchors are too many", anchored(24)).refused("bad/in.json:1:1", "the schema can look at one value 67108862 times, 200 are allowed", "use fewer alternatives, or fewer references that multiply each other"),
        Attack::schema("two at each turn are too many", doubled("allOf", 24)).refused("bad/in.json:1:1", "the schema can look at one value 67108862 times, 200 are allowed", "use fewer alternatives, or fewer references that multiply each other"),
        Attack::schema("whichever the keyword", doubled("oneOf", 60)).refused("bad/in.json:1:1", "the schema can look at one value 4611686018427387902 times, 200 are allowed", "use fewer alternatives, or fewer references that multiply each other"),
        Attack::schema("a long way is too long", format!("{{\"$ref\": \"#/$defs/d0\", \"$defs\": {{{}, \"d600\": {{}}}}}}", chain.join(", "))).refused("bad/in.json:1:1", "the schema can look at one value 602 times, 200 are allowed", "use fewer alternatives, or fewer references that multiply each other"),
        Attack::schema("a tree with two ways to each child doubles by the level", "{\"properties\": {\"x\": {\"allOf\": [{\"$ref\": \"#\"}, {\"$ref\": \"#\"}]}}}").refused("bad/in.json:1:1", "the schema can look at one value 10737418240 times, 200 are allowed", "use fewer alternatives, or fewer references that multiply each other"),
        Attack::schema("so do fields named and unnamed", "{\"properties\": {\"x\": {\"$ref\": \"#\"}}, \"patternProperties\": {\"x\": {\"$ref\": \"#\"}}}").refused("bad/in.json:1:1", "the schema can look at one value 8589934592 times, 200 are allowed", "use fewer alternatives, or fewer references that multiply each other"),
    ]
}

fn costs() -> Vec<Attack> {
    let many = |item: &str, count: usize| vec![item; count].join(",");
    let numbers: Vec<String> = (0..30_000).map(|it: u32| it.to_string()).collect();
    let fields: Vec<String> = (0..300).map(|it| format!("\"^f{it}\": {{}}")).collect();
    let needs: Vec<String> = (0..300).map(|it| format!("\"f{it}\": {{\"minProperties\": {it}}}")).collect();
    vec![
        Attack::schema(
            "a thousand schemas for one value are too many",
            format!("{{\"allOf\": [{}]}}", many("{}", 1_000)),
        )
        .refused(
            "bad/in.json:1:1",
            "the schema can look at one value 1001 times, 200 are allowed",
            "use fewer alternatives, or fewer references that multiply each other",
        ),
        Attack::schema("also as a choice", format!("{{\"anyOf\": [{}]}}", many("{\"const\": 1}", 1_000)))
            .told("bad/in.json:1:1", "the schema has more than 2000 values"),
        Attack::schema("a giant choice of constants costs", format!("{{\"enum\": [{}]}}", numbers.join(",")))
            .told("bad/in.json:1:1", "the schema has more than 2000 values"),
        Attack::schema("a giant constant costs", format!("{{\"const\": [{}]}}", numbers.join(",")))
            .told("bad/in.json:1:1", "the schema has more than 2000 values"),
        Attack::schema(
            "three hundred patterns of names are too many",
            format!("{{\"patternProperties\": {{{}}}}}", fields.join(",")),
        )
        .refused(
            "bad/in.json:1:1",
            "the schema can look at one value 300 times, 200 are allowed",
            "use fewer alternatives, or fewer references that multiply each other",
        ),
        Attack::schema(
            "what one field asks of all others costs",
            format!("{{\"dependentSchemas\": {{{}}}}}", needs.join(",")),
        )
        .refused(
            "bad/in.json:1:1",
            "the schema can look at one value 301 times, 200 are allowed",
            "use fewer alternatives, or fewer references that multiply each other",
        ),
    ]
}

fn patterns() -> Vec<Attack> {
    let bombs: Vec<String> =
        (0..900).map(|it| format!("\"f{it}\": {{\"pattern\": \"(\\\\p{{L}}|-){{8}}x{it}\"}}")).collect();
    let pattern = |rule: &str, it: &str| {
        Attack::schema(rule, format!("{{\"properties\": {{\"x\": {{\"pattern\": {it:?}}}}}}}"))
    };
    vec![
        pattern("a counted repetition of counted repetitions is too large", "^((a{1000}){1000}){1000}$")
            .refused(
                "bad/in.json:1:23",
                "the regular expression cannot be compiled",
                "look-around and back-references are not known, and its compiled size is bounded",
            ),
        pattern("all letters of the world a thousand times are too large", r"^(\p{L}|-){5000}$").refused(
            "bad/in.json:1:23",
            "the regular expression cannot be compiled",
            "look-around and back-references are not known, and its compiled size is bounded",
        ),
        pattern("a pattern looks not ahead", "^(?=a)a").refused(
            "bad/in.json:1:23",
            "the regular expression cannot be compiled",
            "look-around and back-references are not known, and its compiled size is bounded",
        ),
        pattern("a pattern looks not behind", "(?<!a)b").refused(
            "bad/in.json:1:23",
            "the regular expression cannot be compiled",
            "look-around and back-references are not known, and its compiled size is bounded",
        ),
        pattern("a pattern does not refer back", r"^(a+)\1$").refused(
            "bad/in.json:1:23",
            "the regular expression cannot be compiled",
            "look-around and back-references are not known, and its compiled size is bounded",
        ),
        pattern("a pattern has an end", "(a").refused(
            "bad/in.json:1:23",
            "the regular expression cannot be compiled",
            "look-around and back-references are not known, and its compiled size is bounded",
        ),
        pattern(
            "groups in one another have a depth",
            &format!("{}a{}", "(".repeat(20_000), ")".repeat(20_000)),
        )
        .refused(
            "bad/in.json:1:23",
            "the regular expression cannot be compiled",
            "look-around and back-references are not known, and its compiled size is bounded",
        ),
        pattern("a long pattern is too large", &"(a|b)*".repeat(30_000)).refused(
            "bad/in.json:1:23",
            "the regular expression cannot be compiled",
            "look-around and back-references are not known, and its compiled size is bounded",
        ),
        Attack::schema(
            "a pattern of names is bounded, too",
            "{\"patternProperties\": {\"^(\\\\w{500}){500}$\": {}}}",
        )
        .refused(
            "bad/in.json:1:24",
            "the regular expression cannot be compiled",
            "look-around and back-references are not known, and its compiled size is bounded",
        ),
        Attack::schema(
            "all patterns of a schema together are bounded",
            format!("{{\"properties\": {{{}}}}}", bombs.join(",")),
        )
        .refused("bad/in.json:1:24", "the regular expression cannot be compiled", "look-around and back-references are not known, and of the 900 patterns each may have 18641 bytes when it is compiled"),
    ]
}

fn keywords() -> Vec<Attack> {
    vec![
        Attack::schema("an unknown keyword is told", "{\"maxlength\": 5}").refused(
            "bad/in.json:1:2",
            "unknown keyword `maxlength` in draft 2020-12",
            "did you mean `maxLength`?",
        ),
        Attack::schema("an unknown format is told", "{\"format\": \"safe-html\"}").refused(
            "bad/in.json:1:2",
            "unknown format `safe-html`",
            "use `pattern`",
        ),
        Attack::schema(
            "what is encoded is not looked into",
            "{\"contentEncoding\": \"base64\", \"contentMediaType\": \"application/json\"}",
        )
        .refused(
            "bad/in.json:1:2",
            "unknown keyword `contentEncoding` in draft 2020-12",
            "a keyword of your own begins with `x-`",
        ),
        Attack::schema("a length is not negative", "{\"maxLength\": -1}")
            .told("bad/in.json:1:2", "not a valid schema: -1 is less than the minimum of 0"),
        Attack::schema("a number of items is whole", "{\"maxItems\": 1.5}")
            .told("bad/in.json:1:2", "not a valid schema: 1.5 is not of type \"integer\""),
        Attack::schema("nothing is a multiple of nothing", "{\"multipleOf\": 0}")
            .told("bad/in.json:1:2", "not a valid schema: 0 is less than or equal to the minimum of 0"),
        Attack::schema("fields are a table", "{\"properties\": [\"x\"]}")
            .told("bad/in.json:1:2", "not a valid schema: [\"x\"] is not of type \"object\""),
        Attack::schema("what is required is a list of texts", "{\"required\": [\"x\", 1]}")
            .told("bad/in.json:1:20", "not a valid schema: 1 is not of type \"string\""),
        Attack::schema("nothing at all is no schema for data", "false").refused(
            "bad/in.json:1:1",
            "a schema file must hold a JSON object",
            "write `{}` to accept every object",
        ),
    ]
}
