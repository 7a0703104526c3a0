//! Folds by example, and against the batch computation after any history.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn shape(kinds: &[Kind]) -> Shape {
    let field = |(at, kind): (usize, &Kind)| Field { name: format!("f{at}").into(), kind: *kind };
    Shape::new(kinds.iter().enumerate().map(field).collect()).expect("a shape")
}

fn share(shape: &Shape, value: &Value) -> Share {
    let keep = json!({ "v": value });
    let part =
        |field: &Field| (!value.is_null()).then(|| field.kind.part(value, Some(&keep)).expect("a part"));
    Share::new(shape.fields().iter().map(part).collect())
}

/// The one field of a fold of this kind, after these puts (source, value) in their order; `null` takes back.
fn folded(kind: Kind, history: &[(u32, Value)]) -> String {
    let shape = shape(&[kind]);
    let mut tally: Tally<u32> = Tally::new(shape.clone());
    for (at, (source, value)) in history.iter().enumerate() {
        if value.is_null() {
            tally.take(source);
        } else {
            tally.put(*source, share(&shape, value), at as u64);
        }
    }
    let text = tally.render();
    assert_eq!(text, batch(&shape, tally.shares()), "the batch computation says the same");
    text.strip_prefix("{\"f0\":").and_then(|it| it.strip_suffix('}')).expect("one field").to_owned()
}

#[test]
fn each_kind_of_nothing_and_of_something() {
    let best = Kind::Top { count: 2 };
    let frequent = Kind::CountBy { top: Some(1) };
    let all = Kind::CountBy { top: None };
    for (kind, history, expected) in [
        (Kind::Count, vec![], "0"),
        (Kind::Count, vec![(1, json!(5)), (2, json!("x")), (1, json!(6))], "2"),
        (all, vec![], "{}"),
        (all, vec![(1, json!("b")), (2, json!("a")), (3, json!("b"))], r#"{"a":1,"b":2}"#),
        (all, vec![(1, json!("b")), (1, json!("a"))], r#"{"a":1}"#),
        (all, vec![(1, json!(1)), (2, json!(1.0)), (3, json!(true))], r#"{"true":1,"1":2}"#),
        (frequent, vec![], r#"{"top":[],"other":0}"#),
        (
            frequent,
            vec![(1, json!("other")), (2, json!("a")), (3, json!("other"))],
            r#"{"top":[{"value":"other","count":2}],"other":1}"#,
        ),
        // Equally frequent: by value, whoever came first.
        (frequent, vec![(1, json!("b")), (2, json!("a"))], r#"{"top":[{"value":"a","count":1}],"other":1}"#),
        (Kind::Sum, vec![], "0"),
        (Kind::Sum, vec![(1, json!(0.1)), (2, json!(0.2))], "0.3"),
        (Kind::Sum, vec![(1, json!(7)), (2, json!(-9)), (3, json!(2)), (1, Value::Null)], "-7"),
        (Kind::Mean, vec![], "null"),
        (Kind::Mean, vec![(1, json!(1)), (2, json!(2)), (3, json!(2))], "1.666667"),
        (Kind::Min, vec![], "null"),
        (Kind::Min, vec![(1, json!(3)), (2, json!(-1.5)), (2, Value::Null)], "3"),
        (Kind::Max, vec![(1, json!(3)), (2, json!(9)), (2, json!(1))], "3"),
        (Kind::Distinct, vec![], "0"),
        (Kind::Distinct, vec![(1, json!(1)), (2, json!(1.0)), (3, json!("1"))], "2"),
        (best, vec![], "[]"),
        (best, vec![(1, json!(1)), (2, json!(3)), (3, json!(2))], r#"[{"v":3},{"v":2}]"#),
    ] {
        assert_eq!(folded(kind, &history), expected, "{kind:?} {history:?}");
    }
}

#[test]
fn an_equal_score_keeps_its_place_and_a_new_one_stands_behind() {
    let shape = shape(&[Kind::Top { count: 3 }]);
    let ranked = |name: &str, score: u32| {
        let keep = json!({ "n": name });
        Share::new(vec![Some(shape.fields()[0].kind.part(&json!(score), Some(&keep)).expect("a part"))])
    };
    let mut tally: Tally<u32> = Tally::new(shape.clone());
    tally.put(2, ranked("first", 5), 1);
    tally.put(1, ranked("second", 5), 2);
    assert_eq!(tally.render(), r#"{"f0":[{"n":"first"},{"n":"second"}]}"#);
    tally.put(2, ranked("renamed", 5), 3);
    assert_eq!(tally.render(), r#"{"f0":[{"n":"renamed"},{"n":"second"}]}"#, "the same score again");
    tally.put(2, ranked("left", 4), 4);
    tally.put(2, ranked("back", 5), 5);
    assert_eq!(tally.render(), r#"{"f0":[{"n":"second"},{"n":"back"}]}"#, "reached later");
}

#[test]
fn what_cannot_be_counted_is_refused() {
    assert_eq!(Kind::Sum.part(&json!("1"), None), Err(BadScalar::NoNumber));
    assert_eq!(Kind::Max.part(&json!(true), None), Err(BadScalar::NoNumber));
    assert_eq!(Kind::Top { count: 1 }.part(&json!("a"), None), Err(BadScalar::NoNumber));
    assert_eq!(Kind::CountBy { top: None }.part(&json!([]), None), Err(BadScalar::Kind));
    assert_eq!(Kind::Distinct.part(&json!({}), None), Err(BadScalar::Kind));
    assert_eq!(Kind::Sum.part(&json!(1e18), None), Err(BadScalar::Digits));
}

#[test]
fn sums_of_the_largest_numbers_stay_exact() {
    let shape = shape(&[Kind::Sum]);
    let mut tally: Tally<u32> = Tally::new(shape.clone());
    for source in 0..1_000 {
        tally.put(source, share(&shape, &json!(999_999_999_999_999_999_u64)), 0);
    }
    assert_eq!(tally.render(), r#"{"f0":999999999999999999000}"#);
}

#[test]
fn shapes_say_how_large_they_can_become() {
    let enumerated = Bounds { values: Some(vec!["\"a\"".into(), "\"b\"".into()]), ..Bounds::default() };
    assert_eq!(shape(&[Kind::CountBy { top: None }]).worst_bytes(&[Bounds::default()]), Err(0));
    assert!(shape(&[Kind::CountBy { top: None }]).worst_bytes(&[enumerated]).is_ok_and(|it| it < 100));
    assert_eq!(shape(&[Kind::Sum, Kind::Top { count: 9 }]).worst_bytes(&[]), Err(1));
    let string = json!({"type": "string", "maxLength": 4});
    assert_eq!(value_bytes(&string, &string), Some(26));
    assert!("\u{1}".repeat(4).chars().count() == 4 && json!("\u{1}".repeat(4)).to_string().len() == 26);
    let open = json!({"type": "object", "properties": {"a": {"type": "boolean"}}});
    assert_eq!(value_bytes(&open, &open), None);
    let referring = json!({"$defs": {"s": {"enum": ["abc", 1]}}, "$ref": "#/$defs/s"});
    assert_eq!(value_bytes(&referring, &referring), Some(5));
    let endless = json!({"$ref": "#"});
    assert_eq!(value_bytes(&endless, &endless), None);
}

/// All kinds at once.
fn all_kinds() -> Shape {
    shape(&[
        Kind::Count,
        Kind::CountBy { top: None },
        Kind::CountBy { top: Some(2) },
        Kind::Distinct,
        Kind::Sum,
        Kind::Mean,
        Kind::Min,
        Kind::Max,
        Kind::Top { count: 3 },
    ])
}

/// One step of a history: a source writes a number (a few of them, so they meet), withdraws, or everything is
/// stored and read back.
#[derive(Clone, Debug)]
enum Move {
    Put(u8, i16),
    Take(u8),
    Reload,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let step = prop_oneof![
        6 => (0..6_u8, -40..40_i16).prop_map(|(source, value)| Move::Put(source, value)),
        2 => (0..6_u8).prop_map(Move::Take),
        1 => Just(Move::Reload),
    ];
    prop::collection::vec(step, 0..24)
}

/// Histories in one run: 10^5 of them with `tests/run --long`.
fn histories() -> u32 {
    if std::env::var_os("AIRLOCK_LONG").is_some() { 100_000 } else { 4_000 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tally_is_what_the_batch_computation_gives(moves in moves()) {
        let shape = all_kinds();
        let mut tally: Tally<u8> = Tally::new(shape.clone());
        for (at, step) in moves.into_iter().enumerate() {
            match step {
                Move::Put(source, value) => {
                    let value = json!(f64::from(value) / 8.0);
                    tally.put(source, share(&shape, &value), at as u64 + 1);
                }
                Move::Take(source) => tally.take(&source),
                Move::Reload => {
                    let bytes = postcard::to_allocvec(&tally).expect("written");
                    let read: Tally<u8> = postcard::from_bytes(&bytes).expect("read");
                    prop_assert_eq!(&read, &tally);
                    tally = read;
                }
            }
            prop_assert_eq!(tally.render(), batch(&shape, tally.shares()));
        }
        // Taking all back leaves the zero state.
        let sources: Vec<u8> = tally.sources().copied().collect();
        sources.iter().for_each(|it| tally.take(it));
        prop_assert_eq!(tally.render(), Tally::<u8>::new(shape).render());
    }

    #[test]
    fn all_but_the_best_are_whoever_came_first(values in prop::collection::vec(-40..40_i16, 1..12), seed in any::<u64>()) {
        let kinds: Vec<Kind> = all_kinds().fields().iter().map(|it| it.kind).filter(|it| !matches!(it, Kind::Top { .. })).collect();
        let shape = shape(&kinds);
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by_key(|at| (*at as u64).wrapping_mul(seed | 1).rotate_left(17));
        let fold = |order: &[usize]| {
            let mut tally: Tally<usize> = Tally::new(shape.clone());
            for (at, source) in order.iter().enumerate() {
                tally.put(*source, share(&shape, &json!(values[*source])), at as u64);
            }
            tally.render()
        };
        let straight: Vec<usize> = (0..values.len()).collect();
        prop_assert_eq!(fold(&order), fold(&straight));
    }

    #[test]
    fn documents_are_json_and_no_longer_than_the_worst(values in prop::collection::vec("[a-c\u{1}\"é]{0,4}", 0..9)) {
        let shape = shape(&[Kind::Count, Kind::CountBy { top: Some(2) }, Kind::Distinct]);
        let mut tally: Tally<usize> = Tally::new(shape.clone());
        for (source, value) in values.iter().enumerate() {
            tally.put(source, share(&shape, &json!(value)), source as u64);
        }
        let text = tally.render();
        prop_assert!(serde_json::from_str::<Value>(&text).is_ok_and(|it| it.is_object()), "{}", text);
        let bounds = Bounds { value_bytes: Some(4 * 6 + 2), ..Bounds::default() };
        let worst = shape.worst_bytes(&[Bounds::default(), bounds, Bounds::default()]).expect("bounded");
        prop_assert!(text.len() <= worst, "{} of {}", text.len(), worst);
    }
}
