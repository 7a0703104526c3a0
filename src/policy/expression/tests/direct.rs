//! The shortcut without the crate: what it takes, and that it gives nothing but what the crate gives.

use proptest::prelude::*;

use super::*;
use crate::policy::expression::Program;

/// What the shortcut gives, and what the crate gives; `None` if the expression is no computed one.
fn both(expression: &Expression, world: &World) -> Option<(Option<Value>, Result<Value, EvalFault>)> {
    let Program::Computed(computed) = &expression.0.program else { return None };
    let (captures, lookups) = (captures(), [world.board.as_ref(), None]);
    let names = names(world, &captures, &lookups);
    Some((computed.direct(&names), computed.evaluate(&computed.binder(&names))))
}

fn result(text: &str, world: &World) -> Option<Value> {
    let (direct, with_crate) = both(&compile(text), world).expect("a computed expression");
    if let Some(direct) = &direct {
        assert_eq!(Ok(direct), with_crate.as_ref(), "{text}");
    }
    direct
}

#[test]
fn comparisons_sums_and_choices_need_no_crate() {
    let world = World::new();
    for (text, gives) in [
        ("data.n < 10 && data.x >= 2.5 && data.name != 'Bob'", json!(true)),
        ("data.n * 2 + 1 - data.n", json!(8)),
        ("data.n + data.x", json!(9.5)),
        ("-data.n", json!(-7)),
        ("-data.x", json!(-2.5)),
        ("data.x * 2", json!(5)),
        ("data.n > 6 ? data.name : 'nobody'", json!("Ada")),
        ("data.n > 7 ? data.name : 'nobody'", json!("nobody")),
        ("data.choice in ['green', 'red']", json!(true)),
        ("data.choice in ['green', data.name]", json!(false)),
        ("!has(data.note) || data.note != ''", json!(true)),
        ("data.maybe == null && data.open != false", json!(true)),
        ("previous == null || data.n >= previous.n", json!(true)),
        ("identity == claims.name", json!(false)),
        ("identity == vars.identity && key < 'k2'", json!(true)),
        ("claims.age > 30 || claims.team.id == 4", json!(true)),
        ("claims.name == 3 || claims.age == null", json!(false)),
        ("data.n < claims.age && claims.age == 36", json!(true)),
        ("board.width - data.n <= 93", json!(true)),
        ("'a' < data.name", json!(false)),
    ] {
        assert_eq!(result(text, &world), Some(gives), "{text}");
    }
}

#[test]
fn whatever_could_be_a_fault_is_left_to_the_crate() {
    let mut world = World::new();
    for text in [
        // Parts that are not of the plain kind.
        "size(data.tags) < 3",
        "data.tags.exists(it, it == 'a')",
        "data.tags == []",
        "now < timestamp(data.at)",
        "data.name.startsWith('A')",
        "data.grades[data.name] == 1",
        // Values that are not what they should be.
        "claims.big > 1",
        "claims.nobody == 1 && data.open",
        "data.open && claims.name > 3",
        "claims.roles != 'mod'",
        "data.n + 9223372036854775807 > 0",
        "(data.n - 9223372036854775807) * 9 < 0",
        "data.x * 1e308 * 1e308",
    ] {
        assert_eq!(result(text, &world), None, "{text}");
    }
    world.data["name"] = json!("A".repeat(500));
    assert_eq!(result("data.name != ''", &world), None, "longer than the schema allows");
    world.data["n"] = json!("7");
    assert_eq!(result("data.n < 10", &world), None, "a text where a number should be");
    world.data["open"] = json!(1);
    assert_eq!(result("data.n == 7 || data.open", &world), None, "neither true nor false");
}

/// An expression of plain parts, for the most part of one sort.
fn plain(sort: char, depth: u32) -> BoxedStrategy<String> {
    let leaves: &[&str] = match sort {
        'b' => &["data.open", "has(data.note)", "data.maybe == null", "room == null", "true", "claims.age"],
        'n' => &[
            "data.n",
            "data.x",
            "data.point.x",
            "claims.age",
            "board.width",
            "-1",
            "0",
            "2.5",
            "1e308",
            "9223372036854775807",
            "data.maybe",
            "claims.big",
            "claims.team.id",
        ],
        _ => &["data.name", "data.choice", "claims.name", "identity", "key", "room_id", "'a'", "''", "null"],
    };
    let leaf = prop::sample::select(leaves).prop_map(str::to_owned);
    if depth == 0 {
        return leaf.boxed();
    }
    let part = |sort| plain(sort, depth - 1);
    let order = prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]);
    let choice = (part('b'), part(sort), part(sort)).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})"));
    let grown = match sort {
        'b' => prop_oneof![
            (part('n'), order.clone(), part('n')).prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            (part('t'), order, part('t')).prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            (part('b'), prop::sample::select(vec!["&&", "||", "==", "!="]), part('b'))
                .prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            part('b').prop_map(|it| format!("!{it}")),
            (part('t'), part('t'), part('t')).prop_map(|(a, b, c)| format!("({a} in [{b}, {c}])")),
            (part('n'), part('n'), part('n')).prop_map(|(a, b, c)| format!("({a} in [{b}, {c}])")),
        ]
        .boxed(),
        'n' => prop_oneof![
            (part('n'), prop::sample::select(vec!["+", "-", "*"]), part('n'))
                .prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            part('n').prop_map(|it| format!("-({it})")),
        ]
        .boxed(),
        _ => leaf.clone().boxed(),
    };
    prop_oneof![4 => grown, 1 => choice, 1 => leaf].boxed()
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3..9_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!(-0.0)),
        Just(json!(7.0)),
        "[ab]{0,3}".prop_map(Value::from),
        Just(json!({"x": 1, "id": 2})),
        Just(json!(["a"])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_crate_gives_the_same(
        text in prop::sample::select(vec!['b', 'n', 't']).prop_flat_map(|sort| plain(sort, 4)),
        values in prop::collection::vec((0..12_usize, scalar()), 0..4),
    ) {
        let Ok(expression) = compile_with(&text, Some(&schema()), Wanted::Value, false) else { return Ok(()) };
        let mut world = World::new();
        for (at, value) in values {
            match at {
                0 => world.data["n"] = value,
                1 => world.data["x"] = value,
                2 => world.data["name"] = value,
                3 => world.data["choice"] = value,
                4 => world.data["open"] = value,
                5 => world.data["maybe"] = value,
                6 => world.data["note"] = value,
                7 => world.data["point"] = value,
                8 => world.claims["age"] = value,
                9 => world.claims["name"] = value,
                10 => world.claims["team"] = value,
                _ => world.board = Some(value),
            }
        }
        let Some((Some(direct), with_crate)) = both(&expression, &world) else { return Ok(()) };
        prop_assert_eq!(Ok(direct), with_crate, "{}", text);
    }
}
