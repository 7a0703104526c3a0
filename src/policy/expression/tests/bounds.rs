//! What an expression may cost: bombs are refused at load, and no evaluation takes more steps than was said.

use std::{sync::atomic::Ordering, thread, time::Instant};

use proptest::prelude::*;

use super::*;
use crate::policy::expression::Program;

fn refusal(text: &str, schema: &Value) -> String {
    let started = Instant::now();
    let refused = compile_with(text, Some(schema), Wanted::Value, false);
    let what =
        refused.map_or_else(|it| it[0].what.clone(), |it| format!("accepted at a cost of {}", it.cost()));
    assert!(started.elapsed().as_secs() < 5, "{} takes {:?}", &text[..text.len().min(60)], started.elapsed());
    what
}

#[test]
fn bombs_are_refused_at_load() {
    let unbounded = json!({
        "properties": {"list": {"type": "array"}, "text": {"type": "string"}, "map": {"type": "object"}},
        "required": ["list", "text", "map"],
    });
    let levels = "the expression is nested deeper than 32 levels";
    let parts = "the expression has more than 256 parts";
    let bytes = "the expression has more than 4096 bytes";
    let steps = "the expression may take";
    let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(","));
    let mut doubled = "data.text".to_owned();
    for _ in 0..6 {
        doubled = format!("({doubled} + {doubled})");
    }
    for (text, what) in [
        (format!("1{}", "+1".repeat(20_000)), bytes),
        (format!("1{}", "+1".repeat(2_000)), parts),
        (format!("1{}", "+1".repeat(100)), levels),
        (format!("{}1{}", "(".repeat(2_000), ")".repeat(2_000)), levels),
        (format!("{}1{}", "[".repeat(40), "]".repeat(40)), levels),
        (format!("{}1", "r'\\' == '(' || (".repeat(200)), levels),
        (format!("{}1{}", "{'a':".repeat(400), "}".repeat(400)), levels),
        (format!("{}1", "true ? 1 : ".repeat(300)), levels),
        (format!("data{}", ".a".repeat(1_000)), parts),
        (format!("{}data.n", "-".repeat(4_000)), "`data.n` may be missing here"),
        (list("1", 1_000), parts),
        (
            "data.list.all(a, data.list.all(b, data.list.all(c, true)))".into(),
            "comprehensions lie in one another, more than 2",
        ),
        ("data.list.all(a, data.list.all(b, a == b))".into(), steps),
        ("data.map.all(a, data.map.all(b, a == b))".into(), steps),
        ("data.list.all(a, a in data.list)".into(), steps),
        ("data.list.map(a, data.text + data.text)".into(), steps),
        ("data.list.map(a, data.list)".into(), steps),
        ("data.list.all(a, data.text.matches('(a|b)*c'))".into(), steps),
        ("data.list.all(a, data.text.contains(data.text))".into(), steps),
        (format!("data.list.map(a, {doubled})"), steps),
        (
            "data.list.all(a, a.all(b, a.all(c, b == c)))".into(),
            "comprehensions lie in one another, more than 2",
        ),
        ("data.text.matches('((a{100}){100}){100}')".into(), "the regular expression cannot be compiled"),
    ] {
        let said = refusal(&text, &unbounded);
        assert!(said.starts_with(what), "{}: {said}", &text[..text.len().min(80)]);
    }
}

#[test]
fn unbounded_schemas_are_no_hindrance_to_plain_rules() {
    let unbounded = json!({
        "properties": {"list": {"type": "array", "items": {"type": "string"}}, "text": {"type": "string"}},
        "required": ["list", "text"],
    });
    for text in [
        "data.list.all(a, a.startsWith('x') && a != data.text)",
        "data.list.map(a, a)",
        "data.list.filter(a, a.matches('^[a-z]+$')).size() < 3",
        "claims.roles.exists(r, r == 'moderator')",
        "data.list == data.list.map(a, a)",
        "data.text.matches('^[a-z ]+$') && data.text.contains('x')",
    ] {
        assert!(!refusal(text, &unbounded).starts_with("the expression may"), "{text}");
    }
}

/// The deepest and the widest that is accepted, on the stack that a thread of the runtime has at the least.
#[test]
fn the_deepest_expression_fits_a_small_stack() {
    let sum = format!("data.x{}", " + (data.n + 1".repeat(14)) + &")".repeat(14);
    let choice = (0..15).fold("1".to_owned(), |it, _| format!("(data.open ? {it} : data.x)"));
    let loops =
        format!("data.points.map(p, data.points.map(q, {}))", choice.replace("data.open", "p.x < q.y"));
    for text in [sum, choice, loops] {
        let expression = compile(&text);
        let run = move || evaluate(&expression, &World::new()).map(|_| ());
        let small = thread::Builder::new().stack_size(512 * 1024).spawn(run).expect("a thread");
        assert_eq!(small.join().expect("it ends"), Ok(()), "{text}");
    }
}

/// Reads of the binder, and values that it binds, in one evaluation.
fn work(expression: &Expression, world: &World) -> u64 {
    let Program::Computed(computed) = &expression.0.program else { return 1 };
    let (captures, lookups) = (captures(), [world.board.as_ref(), None]);
    let names = names(world, &captures, &lookups);
    let binder = computed.binder(&names);
    // Whether it has a result is nothing to its work.
    let _ = computed.evaluate(&binder);
    binder.work.load(Ordering::Relaxed)
}

/// With lists as long as the schema allows: each round reads something.
#[test]
fn full_lists_keep_to_the_cost() {
    let mut world = World::new();
    world.data["points"] = json!(vec![json!({"x": 1, "y": 2}); 20]);
    world.data["items"] = json!(vec![json!({"id": 1}); 50]);
    for (text, reads) in [
        ("data.items.all(i, data.n > 0)", 50),
        ("data.points.all(p, data.points.all(q, data.n > 0))", 400),
        ("data.points.map(p, data.items.map(q, data.n + data.n))", 2_000),
        ("data.points.filter(p, data.n > 0).filter(p, data.n > 0)", 40),
        ("data.points.exists_one(p, data.items.exists(q, data.n < 0))", 1_000),
    ] {
        let expression = compile(text);
        let work = work(&expression, &world);
        assert!(reads <= work && work <= expression.cost(), "{text}: {work} of {}", expression.cost());
    }
}

/// What a grown expression is to give.
#[derive(Clone, Copy, Debug)]
enum Sort {
    Truth,
    Number,
    Text,
    List,
}

/// Grows an expression out of bytes: of the sort that is wanted as far as the check can know, over what the scope
/// has and over the variables of the comprehensions around it.
fn grown(seed: &mut impl Iterator<Item = u8>, sort: Sort, depth: usize, locals: usize) -> String {
    let mut next = |count: usize| usize::from(seed.next().unwrap_or(0)) % count;
    if depth == 0 {
        if locals > 0 && next(2) == 0 {
            return format!("v{}", next(locals));
        }
        let leaves: &[&str] = match sort {
            Sort::Truth => {
                &["data.open", "claims.age", "true", "has(data.note)", "claims.team != null", "'x' in data"]
            }
            Sort::Number => &[
                "data.n",
                "data.x",
                "claims.age",
                "1",
                "0",
                "2.5",
                "-1",
                "9223372036854775807",
                "1e308",
                "data.point.x",
                "board.width",
                "data.maybe",
                "(data.grades['art'] != null ? 1 : 2)",
                "key.size()",
            ],
            Sort::Text => &[
                "data.name",
                "data.choice",
                "claims.name",
                "identity",
                "key",
                "'a'",
                "string(now)",
                "room_id",
            ],
            Sort::List => &[
                "data.tags",
                "data.points",
                "data.items",
                "claims.roles",
                "claims.team",
                "data.grades",
                "[]",
                "[1, 2.5]",
                "['a', null]",
                "data.points.map(p, p.x)",
            ],
        };
        return leaves[next(leaves.len())].to_owned();
    }
    let (choice, other) = (next(6), [Sort::Truth, Sort::Number, Sort::Text, Sort::List][next(4)]);
    let order = ["<", "<=", ">", ">=", "==", "!="][next(6)];
    let sign = ["+", "-", "*", "/", "%"][next(5)];
    let looped = ["all", "exists", "exists_one"][next(3)];
    let mut part = |sort: Sort, locals: usize| grown(seed, sort, depth - 1, locals);
    match (sort, choice) {
        (Sort::Truth, 0) => format!("({} && {})", part(sort, locals), part(sort, locals)),
        (Sort::Truth, 1) => format!("({} || !{})", part(sort, locals), part(sort, locals)),
        (Sort::Truth, 2) => {
            format!("({} {order} {})", part(Sort::Number, locals), part(Sort::Number, locals))
        }
        (Sort::Truth, 3) => format!("({} in {})", part(other, locals), part(Sort::List, locals)),
        (Sort::Truth, 4) => format!("{}.matches('[a-c]+')", part(Sort::Text, locals)),
        (Sort::Truth, _) => {
            format!("{}.{looped}(v{locals}, {})", part(Sort::List, locals), part(Sort::Truth, locals + 1))
        }
        (Sort::Number, 0 | 1) => format!("({} {sign} {})", part(sort, locals), part(sort, locals)),
        (Sort::Number, 2) => format!("size({})", part(Sort::List, locals)),
        (Sort::Number, 3) => format!("max({}, {})", part(sort, locals), part(sort, locals)),
        (Sort::Number, 4) => format!("int({})", part(other, locals)),
        (Sort::Text, 0 | 1) => format!("({} + {})", part(sort, locals), part(sort, locals)),
        (Sort::Text, 2) => format!("string({})", part(other, locals)),
        (Sort::List, 0) => format!("({} + {})", part(sort, locals), part(sort, locals)),
        (Sort::List, 1) => format!("[{}, {}]", part(other, locals), part(other, locals)),
        (Sort::List, 2) => format!("{}.map(v{locals}, {})", part(sort, locals), part(other, locals + 1)),
        (Sort::List, 3) => {
            format!("{}.filter(v{locals}, {})", part(sort, locals), part(Sort::Truth, locals + 1))
        }
        (_, 4) => format!("{}[{}]", part(Sort::List, locals), part(Sort::Number, locals)),
        _ => {
            let (when, then) = (part(Sort::Truth, locals), part(sort, locals));
            format!("({when} ? {then} : {})", part(sort, locals))
        }
    }
}

/// JSON of any form, for the places of which no schema speaks.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|it| json!(it)),
        any::<i64>().prop_map(|it| json!(it)),
        any::<f64>().prop_map(|it| json!(it)),
        (-3..3_i64).prop_map(|it| json!(it)),
        "[a-z]{0,6}".prop_map(|it| json!(it)),
    ];
    leaf.prop_recursive(3, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-c]|id|x", inner, 0..4).prop_map(|it| json!(it)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever is accepted can be evaluated with whatever stands there; its work stays within its cost, and it
    /// gives the same twice.
    #[test]
    fn evaluation_never_panics_and_keeps_to_its_cost(
        seed in prop::collection::vec(any::<u8>(), 300),
        sort in prop_oneof![Just(Sort::Truth), Just(Sort::Number), Just(Sort::Text), Just(Sort::List)],
        depth in 1..5_usize,
        values in prop::collection::vec((0..20_usize, any_json()), 0..6),
    ) {
        let text = grown(&mut seed.into_iter(), sort, depth, 0);
        let Ok(expression) = compile_with(&text, Some(&schema()), Wanted::Value, false) else { return Ok(()) };
        let mut world = World::new();
        let fields: Vec<String> = world.data.as_object().expect("an object").keys().cloned().collect();
        for (at, value) in values {
            match fields.get(at) {
                Some(name) => world.data[name.as_str()] = value,
                None => world.claims["age"] = value,
            }
        }
        let result = evaluate(&expression, &world);
        prop_assert_eq!(&result, &evaluate(&expression, &world), "{}", text);
        let work = work(&expression, &world);
        prop_assert!(work <= expression.cost(), "{} took {} of {}", text, work, expression.cost());
    }

    /// No text makes the check panic.
    #[test]
    fn any_text_is_checked(text in "[a-z0-9.()\\[\\]{}?:!&|=<>+*/% '\"\\\\,é-]{0,60}") {
        let _ = compile_with(&text, Some(&schema()), Wanted::Value, false);
    }
}
