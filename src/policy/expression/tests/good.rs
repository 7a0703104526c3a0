//! Expressions that are fine, and what they give.

use serde_json::json;

use super::*;

/// What might be read counts as read: these become preconditions of the write.
#[test]
fn what_may_be_read_is_known() {
    for (text, previous, room) in [
        ("data.n > 0", false, false),
        ("previous == null || previous.n < data.n", true, false),
        ("data.open || room != null", false, true),
        ("previous == room", true, true),
    ] {
        let expression = compile(text);
        let read = (expression.reads_previous(), expression.reads_lookup(0), expression.reads_lookup(1));
        assert_eq!(read, (previous, false, room), "{text}");
        assert_eq!((expression.source(), format!("{expression:?}")), (text, format!("Expression({text})")));
    }
}

/// Paths and constants are read without the crate: with the results that the crate has.
#[test]
fn the_short_way_gives_the_same() {
    let mut world = World::new();
    world.data["n"] = json!(7.0);
    world.data["x"] = json!(-0.0);
    world.claims["age"] = json!(1e300);
    for text in [
        "data.n",
        "data.x",
        "data.point",
        "data.items",
        "data.maybe",
        "data",
        "claims",
        "claims.age",
        "claims.team",
        "claims.missing",
        "claims.big",
        "identity",
        "key",
        "now",
        "board",
        "room",
        "previous",
        "vars.room_id",
        "has(data.note)",
        "data.maybe == null",
        "12",
        "1.0",
        "'a'",
        "null",
        "true",
    ] {
        let long = format!("true ? {text} : null");
        let (short, long) = (evaluate(&compile(text), &world), evaluate(&compile(&long), &world));
        assert_eq!(short, long, "{text}");
    }
}

#[test]
fn expressions_give_what_they_say() {
    let world = World::new();
    for (text, result) in [
        ("data.x", json!(2.5)),
        ("1 + 2", json!(3)),
        ("data.x + 1", json!(3.5)),
        ("data.n + 1", json!(8)),
        ("data.n * 0.5", json!(3.5)),
        ("data.point.x * 0.5", json!(1.5)),
        ("data.point.x + 1 == 4", json!(true)),
        ("data.x < 3", json!(true)),
        ("data.n < 7.5", json!(true)),
        ("data.n % 2 == 1", json!(true)),
        ("data.point.x % 2 == 1", json!(true)),
        ("data.n == 7", json!(true)),
        ("data.point.x == 3", json!(true)),
        ("data.n / 2", json!(3)),
        ("data.point.x / 2", json!(1.5)),
        ("data.n * data.x", json!(17.5)),
        ("data.point", json!({"x": 3, "y": 4.5})),
        ("-data.n", json!(-7)),
        ("claims.age + 1", json!(37)),
        ("claims.age / 2", json!(18)),
        ("claims.age > data.n", json!(true)),
        ("claims.age + data.n", json!(43)),
        ("claims.team.id", json!(3)),
        ("claims['team'].id == 3", json!(true)),
        ("'mod' in claims.roles", json!(true)),
        ("claims.name + '!'", json!("Ada!")),
        ("claims.missing != null", json!(false)),
        ("has(claims.missing)", json!(false)),
        ("has(claims.a.b.c)", json!(false)),
        ("identity == vars.identity && room_id == 'r7'", json!(true)),
        ("key", json!("k1")),
        ("now", json!("2026-01-01T00:00:00.000Z")),
        ("now < timestamp(data.at)", json!(true)),
        ("now + duration('1h')", json!("2026-01-01T01:00:00.000Z")),
        ("(timestamp(data.at) - now).getSeconds()", json!(10)),
        ("now.getFullYear()", json!(2026)),
        ("board.width > data.x", json!(true)),
        ("room == null", json!(true)),
        ("room != null && room.open", json!(false)),
        ("room == null || room.open", json!(true)),
        ("previous == null || previous.n < data.n", json!(true)),
        ("previous != null ? previous.n : -1", json!(-1)),
        ("has(data.note) ? data.note : 'none'", json!("none")),
        ("!has(data.note) || data.note != ''", json!(true)),
        ("data.note != null && size(data.note) > 3", json!(false)),
        ("!(data.note == null) && size(data.note) > 3", json!(false)),
        ("!(!has(data.note) || data.note == '')", json!(false)),
        ("data.maybe == null || data.maybe > 3", json!(true)),
        ("'note' in data && data.note == 'x'", json!(false)),
        ("size(data.tags)", json!(2)),
        ("data.tags.size() * 2.5", json!(5)),
        ("size(data.name)", json!(3)),
        ("data.tags[0] + data.tags[1]", json!("ab")),
        ("data.tags[size(data.tags) - 1]", json!("b")),
        ("data.tags + ['c']", json!(["a", "b", "c"])),
        ("data.tags == ['a', 'b'] && ['a', 'b'] == data.tags", json!(true)),
        ("data.points.all(p, p.x > 0 && p.y < 10)", json!(true)),
        ("data.points.exists(p, p.x == 3)", json!(true)),
        ("data.points.exists_one(p, p.x > 0)", json!(false)),
        ("data.points.map(p, p.x * 2)", json!([2, 6])),
        ("data.points.filter(p, p.x > 1)", json!([{"x": 3, "y": 4}])),
        ("data.points.filter(p, p.x > 1).map(p, p.y)", json!([4])),
        ("data.points.map(p, p.x > 1, p.y + 0.5)", json!([4.5])),
        ("data.items.map(i, has(i.label), i.label)", json!(["one"])),
        ("data.items.map(i, i.label != null ? i.label : '')", json!(["one", ""])),
        ("data.items.filter(i, i.label == null).map(i, i.id)", json!([2])),
        ("data.points.all(p, data.points.all(q, p == q || p.x != q.x))", json!(true)),
        ("data.items.all(i, i.id in [1, 2, 3])", json!(true)),
        ("data.grades.all(g, data.grades[g] > 0)", json!(true)),
        ("data.grades.map(g, g)", json!(["art", "maths"])),
        ("has(data.meta.k) ? data.meta.k : null", json!([1, 2.5])),
        ("has(data.meta.k) && size(data.meta.k) == 2", json!(true)),
        ("data.name.matches('^[A-Z][a-z]+$')", json!(true)),
        ("matches(data.name, '^x')", json!(false)),
        ("data.name.contains('d') && data.name.startsWith('A') && data.name.endsWith('a')", json!(true)),
        ("min(data.n, 3)", json!(3)),
        ("max(data.n, data.x, 1)", json!(7)),
        ("min(claims.age, 40)", json!(36)),
        ("int(data.x)", json!(2)),
        ("double(data.n)", json!(7)),
        ("string(data.n) + '!'", json!("7!")),
        ("int('12')", json!(12)),
        ("string(now)", json!("2026-01-01T00:00:00Z")),
        ("{'a': data.n, 'b': [data.x, null, true]}", json!({"a": 7, "b": [2.5, null, true]})),
        ("{'z': 1, 'a': {'y': 2, 'b': 3}}.a.b", json!(3)),
        ("true ? data.grades : {}", json!({"maths": 1, "art": 2})),
        ("(data.open ? 1 : 2.5) * 2", json!(2)),
        ("[1, 2.5].map(v, v * 2)", json!([2, 5])),
        ("claims.missing == 1 || true", json!(true)),
        ("false && claims.missing", json!(false)),
        ("1.0", json!(1)),
        ("'a\\u00e9'", json!("aé")),
        ("null", json!(null)),
        (
            "has(data.tree) && has(data.tree.next) && has(data.tree.next.n) && data.tree.next.n > 1",
            json!(false),
        ),
        (
            "has(data.free) && has(data.free.deep) && has(data.free.deep.er) && data.free.deep.er == 1",
            json!(true),
        ),
        ("!has(data.spot) || data.spot == null || data.spot.x > 0", json!(true)),
        ("has(data.any) && data.any == 'x'", json!(false)),
    ] {
        assert_eq!(evaluate(&compile(text), &world).map_err(|it| it.to_string()), Ok(result), "{text}");
    }
}
