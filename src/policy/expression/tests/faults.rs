//! Evaluations that have no result: the place, where there is one, and words that hold nobody's value.

use super::*;

#[test]
#[rustfmt::skip]
fn faults_name_the_place_or_the_operator() {
    let world = World::new();
    for (text, place, message) in [
        ("claims.missing", "claims.missing", "is missing"),
        ("claims.team.missing", "claims.team.missing", "is missing"),
        ("claims.team.id.x", "claims.team.id", "is not an object"),
        ("claims.name.first", "claims.name", "is not an object"),
        ("claims.roles[5]", "claims.roles[5]", "is missing"),
        ("claims.roles.x", "claims.roles", "is not an object"),
        ("claims['no-such']", "claims[\"no-such\"]", "is missing"),
        ("claims.big", "claims.big", "is an integer beyond 2^53 - 1"),
        ("claims.big + 1", "claims.big", "is an integer beyond 2^53 - 1"),
        ("claims.missing > 1 && true", "claims.missing", "is missing"),
        ("claims.name + 1", "claims.name", "`+` cannot take a string and a number"),
        ("claims.name - claims.name", "claims.name", "`-` cannot take a string and a string"),
        ("claims.name < 1", "claims.name", "`<` cannot take a string and an integer"),
        ("!claims.name", "claims.name", "`!` cannot take a string"),
        ("claims.name && true", "claims.name", "`&&` cannot take a string and true or false"),
        ("claims.name ? 1 : 2", "claims.name", "a string is not true or false"),
        ("-claims.name", "claims.name", "`-` cannot take a string"),
        ("claims.age in claims.name", "", "`in` cannot take a number and a string"),
        ("claims.team < claims.team", "claims.team", "`<` cannot take an object and an object"),
        ("claims.roles[0] + 1", "claims.roles[0]", "`+` cannot take a string and a number"),
        ("size(claims.age)", "claims.age", "`size` cannot take a number"),
        ("claims.age.startsWith('a')", "claims.age", "`startsWith` cannot take a number and a string"),
        ("claims.age.matches('a')", "claims.age", "`matches` cannot take a number"),
        ("claims.name.all(c, true)", "", "a comprehension goes over a list or an object, not over a string"),
        ("claims.roles.all(r, r)", "", "`&&` cannot take true or false and a string"),
        ("claims.roles.all(r, r.x == 1)", "", "`.` cannot take a string and a string"),
        ("claims.roles.map(r, r + 1)", "", "`+` cannot take a string and a number"),
        ("board.missing", "board.missing", "is missing"),
        ("board.width.x > 1", "board.width", "is not an object"),
        ("9223372036854775807 + data.n", "", "`+` overflows"),
        ("-9223372036854775807 - data.n", "", "`-` overflows"),
        ("9223372036854775807 * data.n", "", "`*` overflows"),
        ("data.n / (data.n - 7)", "", "division by zero"),
        ("data.n % (data.n - 7)", "", "remainder of a division by zero"),
        ("data.x / (data.n - 7)", "", "division by zero"),
        ("data.x % (data.n - 7)", "", "remainder of a division by zero"),
        ("(data.n - 7) / (data.n - 7)", "", "division by zero"),
        ("int(data.name)", "", "`int` cannot take this value"),
        ("int(data.x * 1e300)", "", "`int` cannot take this value"),
        ("double(data.name)", "", "`double` cannot take this value"),
        ("timestamp(data.name)", "", "`timestamp` cannot take this value"),
        ("now + duration('99999h') + duration(string(data.n) + '00000000h')", "", "`duration` cannot take this value"),
        ("timestamp('9999-12-31T23:59:59Z') + duration(string(data.n) + 'h')", "", "`+` overflows"),
        ("data.x * 1e308 * 1e308", "", "the result is not a finite number"),
        ("[data.x * 1e308 * 1e308]", "", "the result is not a finite number"),
        ("data.tags[5]", "data.tags[5]", "is missing"),
        ("data.tags[data.n]", "", "a list has no item of that number"),
        ("data.grades[data.name]", "", "a key is missing"),
        ("data.points[0].x + data.points[7].x", "data.points[7]", "is missing"),
        ("{claims.age: 1}", "", "a key is not a string"),
        ("{claims.name: 1, 'Ada': 2}", "", "a key stands twice in one object"),
        ("min(claims.name, 1)", "claims.name", "`min` cannot take a string and a number"),
        ("max(claims.missing, 1)", "claims.missing", "is missing"),
        ("data.points.map(p, p.x / (p.x - p.x))", "", "division by zero"),
        ("data.points.all(p, p.x / (p.x - 1) > 0)", "", "division by zero"),
        ("data.maybe + 1", "data.maybe", "`+` cannot take null and an integer"),
        ("data.maybe > 1", "data.maybe", "`>` cannot take null and an integer"),
        ("[1, 2][data.n]", "", "a list has no item of that number"),
        ("claims.roles + claims.team", "", "`+` cannot take a list and an object"),
        ("claims.roles + 1", "claims.roles", "`+` cannot take a list and a number"),
        ("claims.team.all(k, claims.team[k] > 'a')", "", "`>` cannot take a number and a string"),
        ("int(claims.roles)", "claims.roles", "`int` cannot take a list"),
        ("[now - now]", "", "a duration is not JSON"),
        ("duration(data.name) > duration('1h')", "", "`duration` cannot take this value"),
        ("timestamp(claims.name) < now", "", "`timestamp` cannot take this value"),
        ("claims.missing in data.tags", "claims.missing", "is missing"),
        ("has(data.free) && data.free", "data.free", "`&&` cannot take true or false and an object"),
        ("claims.name.size() + claims.age.size()", "claims.age", "`size` cannot take a number"),
    ] {
        let fault = evaluate(&compile(text), &world).expect_err(text);
        assert_eq!((fault.place.as_str(), fault.message.as_str()), (place, message), "{text}");
    }
}

#[test]
fn a_fault_holds_no_value() {
    let mut world = World::new();
    world.data["name"] = json!("secret");
    world.claims["name"] = json!("secret");
    for text in [
        "data.grades[data.name]",
        "int(claims.name)",
        "timestamp(claims.name)",
        "claims.name + 1",
        "claims.name < 1",
        "{claims.name: 1, data.name: 2}",
        "claims.team[data.name] == 1",
    ] {
        let fault = evaluate(&compile(text), &world).expect_err(text);
        assert!(!fault.to_string().contains("secret"), "{text}: {fault}");
    }
}

#[test]
fn a_condition_that_is_neither_is_a_fault() {
    let expression =
        compile_with("claims.name", Some(&schema()), Wanted::Condition, false).expect("it may be");
    let (captures, data, claims) = (captures(), data(), json!({"name": 3}));
    let names = Names {
        data: &data,
        previous: None,
        identity: "ada",
        claims: &claims,
        captures: &captures,
        key: None,
        now: Timestamp::from_millis(0),
        lookups: &[],
        reader: None,
    };
    let fault = expression.holds(&names).expect_err("a number");
    assert_eq!(fault.to_string(), "claims.name is neither true nor false");
}

/// What stood before was admitted under another schema, and `warn` admits what does not fit: only the shape bounds
/// what reading costs, so what does not fit the shape is not read.
#[test]
fn what_is_larger_than_its_schema_is_not_read() {
    let mut world = World::new();
    world.data["tags"] = json!(vec!["a"; 11]);
    let fault = evaluate(&compile("data.tags.all(t, t == 'a')"), &world).expect_err("eleven");
    assert_eq!(fault.place, "data.tags");
    world.data["tags"] = json!(["a".repeat(81)]);
    evaluate(&compile("data.tags.all(t, t == 'a')"), &world).expect_err("long");
    world.data["tags"] = json!(["a".repeat(80)]);
    evaluate(&compile("data.tags.all(t, t == 'a')"), &world).expect("as long as allowed");
    world.claims["list"] = json!(vec![1; 2_001]);
    evaluate(&compile("claims.list == []"), &world).expect_err("many");
}
