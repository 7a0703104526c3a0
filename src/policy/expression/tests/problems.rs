//! Expressions that are refused: where, and with which words.

use super::*;

/// The first problem: the text at which it points, what it says, and the help.
fn problem(text: &str, wanted: Wanted, reader: bool) -> (String, String, String) {
    match compile_with(text, Some(&schema()), wanted, reader) {
        Ok(_) => ("none".to_owned(), String::new(), String::new()),
        Err(problems) => {
            let first = &problems[0];
            let place = text.get(first.at.clone()).expect("a place in the text");
            (place.to_owned(), first.what.clone(), first.help.clone().unwrap_or_default())
        }
    }
}

/// An expression, the part of it at which its first problem points, and what that says.
#[rustfmt::skip]
const PROBLEMS: &[(&str, &str, &str)] = &[
    ("", "", "the expression ends too early"),
    ("data.x +", "", "the expression ends too early"),
    ("data.x + )", ")", "`)` does not fit here"),
    ("(data.x", "", "the expression ends too early"),
    ("data.x @ 2", "@", "unknown sign `@`"),
    ("'abc", "'", "a text has no end"),
    ("data.x == 'é' && (", "", "the expression ends too early"),
    ("1 2", "2", "`2` does not fit here"),
    ("9999999999999999999999", "9", "the number is too large"),
    ("data.?x", ".", "unsupported syntax '.?'"),
    ("data.open ? data.open ? 1 : 2 : 3", "d", "a choice lacks its `:`"),
    ("msg.Kind{a: 1}", "{a: 1}", "messages are not known here"),
    ("2u", "2u", "unsigned integers are not known here"),
    ("b'ab'", "b'ab'", "bytes are not known here"),
    ("dat.x", "dat", "unknown name `dat`"),
    ("foo", "foo", "unknown name `foo`"),
    ("indentity", "indentity", "unknown name `indentity`"),
    ("Data.n", "Data", "unknown name `Data`"),
    (".data.x", "data", "unknown name `.data`"),
    ("boards.width", "boards", "unknown name `boards`"),
    ("reader.identity", "reader", "unknown name `reader`"),
    ("index", "index", "unknown name `index`"),
    ("data.tags[data.name]", "data.tags[data.name]", "a list has no place for a string"),
    ("type(data.n)", "type", "unknown function `type`"),
    ("sise(data.tags)", "sise", "unknown function `sise`"),
    ("data.name.lowerAscii()", "lowerAscii", "unknown function `lowerAscii`"),
    ("size()", "size", "`size` does not stand like this"),
    ("size(data.tags, 1)", "size", "`size` does not stand like this"),
    ("contains(data.name, 'x')", "contains", "`contains` does not stand like this"),
    ("data.name.contains()", "contains", "`contains` does not stand like this"),
    ("data.name.size(1)", "size", "`size` does not stand like this"),
    ("data.name.int()", "int", "`int` does not stand like this"),
    ("now.getHours('UTC')", "getHours", "`getHours` does not stand like this"),
    ("has(data)", "has(data)", "`has` asks for a field"),
    ("has('x')", "has('x')", "`has` asks for a field"),
    ("has(data['x'])", "has(data['x'])", "`has` asks for a field"),
    ("data.points.all(p)", "all", "`all` does not stand like this"),
    ("data.points.all(1, true)", "1", "`all` wants a new name for each item"),
    ("data.points.all(data, true)", "data", "the name `data` is taken"),
    ("data.points.all(p, data.points.all(p, true))", "p", "the name `p` is taken"),
    ("data.points.all(p.x, true)", "p.x", "`all` wants a new name for each item"),
    ("min(1)", "min", "`min` does not stand like this"),
    ("min(data.name, 1)", "data.name", "`min` wants a number, and this is a string"),
    ("data.nam", "nam", "`data` has no field `nam`"),
    ("data.point.z", "z", "`data.point` has no field `z`"),
    ("data.point.x.y", "y", "`data.point.x` is a number and has no fields"),
    ("data.points.all(p, p.z > 1)", "z", "`p` has no field `z`"),
    ("data.name.first", "first", "`data.name` is a string and has no fields"),
    ("data.tags.length", "length", "`data.tags` is a list and has no fields"),
    ("data.name[0]", "0", "`data.name` is a string and has no items by number"),
    ("data.n[0]", "0", "`data.n` is an integer and has no items by number"),
    ("data.tags['a']", "'a'", "`data.tags` is a list and has no fields"),
    ("vars.room", "room", "`vars` has no field `room`"),
    ("vars", "vars", "`vars` stands only before one of its fields"),
    ("vars == null", "vars", "`vars` stands only before one of its fields"),
    ("data.note == 'x'", "data.note", "`data.note` may be missing here"),
    ("data.tree.n", "data.tree", "`data.tree` may be missing here"),
    ("has(data.tree) && data.tree.next.n > 1", "data.tree.next", "`data.tree.next` may be missing here"),
    ("has(data.tree.next)", "data.tree", "`data.tree` may be missing here"),
    ("has(data.note) || data.note == 'x'", "data.note", "`data.note` may be missing here"),
    ("!has(data.note) && data.note == 'x'", "data.note", "`data.note` may be missing here"),
    ("data.note == 'x' && has(data.note)", "data.note", "`data.note` may be missing here"),
    ("has(data.note) ? 1 : data.note", "data.note", "`data.note` may be missing here"),
    ("data.items.map(i, i.label)", "i.label", "`i.label` may be missing here"),
    ("previous.n > 1", "previous", "`previous` may be null here"),
    ("previous != null || previous.n > 1", "previous", "`previous` may be null here"),
    ("has(previous.n)", "previous", "`previous` may be null here"),
    ("previous != null && previous.note == 'x'", "previous.note", "`previous.note` may be missing here"),
    ("room.open", "room", "`room` may be null here"),
    ("room != null || room.open", "room", "`room` may be null here"),
    ("data.meta.k == 1", "data.meta.k", "`data.meta.k` may be missing here"),
    ("data.free.a", "data.free", "`data.free` may be missing here"),
    ("data.name + 1", "data.name + 1", "`+` cannot take a string and an integer"),
    ("1 + data.name", "1 + data.name", "`+` cannot take an integer and a string"),
    ("data.name - data.name", "data.name - data.name", "`-` cannot take a string and a string"),
    ("data.tags * 2", "data.tags * 2", "`*` cannot take a list and an integer"),
    ("data.open < true", "data.open < true", "`<` cannot take true or false and true or false"),
    ("data.name < 3", "data.name < 3", "`<` cannot take a string and an integer"),
    ("data.point + data.point", "data.point + data.point", "`+` cannot take an object and an object"),
    ("!data.n", "data.n", "`data.n` is an integer, where true or false is wanted"),
    ("!data.name", "data.name", "`data.name` is a string, where true or false is wanted"),
    ("-data.name", "-data.name", "`-` cannot take a string"),
    ("data.n && data.open", "data.n", "`data.n` is an integer, where true or false is wanted"),
    ("data.open || data.name", "data.name", "`data.name` is a string, where true or false is wanted"),
    ("data.n ? 1 : 2", "data.n", "`data.n` is an integer, where true or false is wanted"),
    ("data.n in data.x", "data.x", "`in` wants a list or an object, and `data.x` is a number"),
    ("'x' in data.name", "data.name", "`in` wants a list or an object, and `data.name` is a string"),
    ("1 in data.tags", "1", "an integer is never in there: each is a string"),
    ("data.name == 3", "data.name == 3", "a string is never equal to an integer"),
    ("data.choice == data.n", "data.choice == data.n", "a string is never equal to an integer"),
    ("data.tags == 'a'", "data.tags == 'a'", "a list is never equal to a string"),
    ("data.name.matches(data.choice)", "data.choice", "the pattern of `matches` must be a text in quotes"),
    ("data.name.matches('(')", "'('", "the regular expression cannot be compiled"),
    ("data.name.matches('(?=a)')", "'(?=a)'", "the regular expression cannot be compiled"),
    ("data.name.matches('\\\\w{1000}{1000}')", "'\\\\w{1000}{1000}'", "the regular expression cannot be compiled"),
    ("data.n.matches('a')", "data.n", "`matches` wants a string, and this is an integer"),
    ("size(data.n)", "data.n", "`size` wants a string or a list or an object, and this is an integer"),
    ("int(data.open)", "data.open", "`int` wants a number or a string or a time, and this is true or false"),
    ("duration(data.n)", "data.n", "`duration` wants a string, and this is an integer"),
    ("timestamp(data.n)", "data.n", "`timestamp` wants a string or a time, and this is an integer"),
    ("data.name.getHours()", "data.name", "`getHours` wants a time or a duration, and this is a string"),
    ("duration('1h')", "duration('1h')", "a duration is not JSON"),
    ("now - now", "now - now", "a duration is not JSON"),
    ("{1: 2}", "1", "a key must be a string, and this is an integer"),
    ("{'a': 1, 'a': 2}", "'a'", "the key `a` stands twice"),
    ("data.n.map(x, x)", "data.n", "`map` goes over a list or an object, and `data.n` is an integer"),
    ("data.name.all(c, true)", "data.name", "`all` goes over a list or an object, and `data.name` is a string"),
    ("data.points.map(p, p + 1)", "p + 1", "`+` cannot take an object and an integer"),
    ("data.points.filter(p, p.x)", "p.x", "`p.x` is a number, where true or false is wanted"),
    ("data.grades['none']", "data.grades['none']", "`data.grades['none']` may be missing here"),
    ("data.points.all(a, data.points.all(b, data.points.all(c, true)))", "data.points.all(c, true)", "comprehensions lie in one another, more than 2"),
    ("data.tags.map(t, data.tags.map(u, data.tags.map(v, v)))", "data.tags.map(v, v)", "comprehensions lie in one another, more than 2"),
    ("room.a + 1", "room", "`room` may be null here"),
    ("data.name.getHours() > 1", "data.name", "`getHours` wants a time or a duration, and this is a string"),
    ("data.point == 3", "data.point == 3", "an object is never equal to an integer"),
    ("data.items.exists_one(i, i.label == 'x')", "i.label", "`i.label` may be missing here"),
    ("(data.x + 1).z", "z", "`data.x + 1` is a number and has no fields"),
    ("size(data.note) > 3", "data.note", "`data.note` may be missing here"),
    ("now < timestamp('yesterday')", "timestamp('yesterday')", "`timestamp('yesterday')` has no result: `timestamp` cannot take this value"),
    ("now - timestamp(data.at) < duration('9 hours')", "duration('9 hours')", "`duration('9 hours')` has no result: `duration` cannot take this value"),
    ("data.n > int('three')", "int('three')", "`int('three')` has no result: `int` cannot take this value"),
    ("9223372036854775807 + 1 > data.n", "9223372036854775807 + 1", "`9223372036854775807 + 1` has no result: `+` overflows"),
    ("[1, 2][2] == data.n", "[1, 2][2]", "`[1, 2][2]` has no result: a list has no item of that number"),
    ("data.n / 0 > 1", "0", "nothing can be divided by zero"),
    ("data.x % 0.0 > 1.0", "0.0", "nothing can be divided by zero"),
    ("7 / 0", "0", "nothing can be divided by zero"),
    ("data.items[0].label", "data.items[0].label", "`data.items[0].label` may be missing here"),
];

#[test]
fn problems_say_what_is_wrong_and_where() {
    for (text, place, what) in PROBLEMS {
        let said = problem(text, Wanted::Value, false);
        assert_eq!((said.0.as_str(), said.1.as_str()), (*place, *what), "{text}");
    }
}

/// Too much of something: what the first problem says.
fn oversized() -> Vec<(String, &'static str)> {
    let deep = "the expression is nested deeper than 32 levels";
    vec![
        (format!("1{}", "+1".repeat(2_048)), "the expression has more than 4096 bytes"),
        (format!("data{}", ".a".repeat(300)), "the expression has more than 256 parts"),
        (format!("1{}", "+1".repeat(100)), deep),
        (format!("{}1{}", "(".repeat(40), ")".repeat(40)), deep),
        (
            "claims.a.all(x, claims.b.all(y, x == y))".to_owned(),
            "the expression may take 165285123 steps, more than 200000",
        ),
    ]
}

#[test]
fn what_is_too_much_is_said() {
    for (text, what) in oversized() {
        assert_eq!(problem(&text, Wanted::Value, false).1, what, "{text}");
    }
}

/// All that the rows say, once they were checked.
pub(crate) fn told() -> Vec<String> {
    let rows = PROBLEMS.iter().map(|it| it.0.to_owned()).chain(oversized().into_iter().map(|it| it.0));
    rows.map(|it| problem(&it, Wanted::Value, false).1).collect()
}

#[test]
#[rustfmt::skip]
fn problems_say_how_to_mend_them() {
    for (text, help) in [
        ("dat.x", "did you mean `data`?"),
        ("foo", "known here: data, previous, claims, identity, now, vars, key, board, room, room_id"),
        ("sise(data.tags)", "did you mean `size`?"),
        ("data.nam", "did you mean `name`?"),
        ("data.point.colour", "it has `x`, `y`"),
        ("vars", "it has `room_id`, `identity`"),
        ("lower(data.name)", "known are `size`, `contains`, `startsWith`, `endsWith`, `matches`, `int`, `double`, `string`, `duration`, `timestamp`, `getFullYear`, `getMonth`, `getDate`, `getDayOfMonth`, `getDayOfWeek`, `getDayOfYear`, `getHours`, `getMinutes`, `getSeconds`, `getMilliseconds`, `has`, `all`, `exists`, `exists_one`, `map`, `filter`, `min`, `max`"),
        ("data.tags.length", "write `size(data.tags)`"),
        ("!data.n", "compare it: `data.n > 0`"),
        ("!data.name", "compare it: `data.name != ''`"),
        ("'x' in data.name", "write `data.name.contains(…)`"),
        ("data.name + 1", "write `string(…)` around the number"),
        ("data.n.matches('a')", "write `string(data.n)`"),
        ("data.name.contains(data.n)", "write `string(data.n)`"),
        ("duration(data.n)", "write `duration(string(data.n) + 's')`"),
        ("{1: 2}", "put it into quotes, or write `string(…)`"),
        ("{'a': 1, 'a': 2}", "take one out"),
        ("msg.Kind{a: 1}", "write an object: `{'name': value}`"),
        ("data.points.all(p)", "write `list.all(item, condition)`"),
        ("data.points.all(data, true)", "choose another for the items"),
        ("data.note == 'x'", "guard it: `has(data.note) && …`, or let the schema require it"),
        ("data.grades['none']", "ask for the key first, `\"key\" in object && …`, or let the schema require it"),
        ("previous.n > 1", "guard it: `previous != null && …`"),
        ("room.open", "guard it: `room != null && …`, or write `required = true` at the lookup"),
        ("data.name.matches(data.choice)", "a pattern is compiled when the policy is loaded: write it as a text"),
        ("2u", "leave out the `u`"),
        ("data.open ? data.open ? 1 : 2 : 3", "put a choice that lies in another in parentheses"),
        ("timestamp('1.1.2026') < now", "write a time as RFC 3339 has it: `timestamp('2026-01-31T08:30:00Z')`"),
        ("now - timestamp(data.at) < duration('1d')", "write numbers with their units: `duration('1h30m')`, `duration('90s')`"),
        ("now - now", "give its seconds: `(…).getSeconds()`"),
        ("claims.a.all(x, claims.b.all(y, x == y))", "bound its lists and texts in the schema: `maxItems`, `maxProperties`, `maxLength`"),
    ] {
        assert_eq!(problem(text, Wanted::Value, false).2, help, "{text}");
    }
}

#[test]
fn a_condition_is_true_or_false() {
    for (text, what) in [
        ("data.n", "`data.n` is an integer, where true or false is wanted"),
        ("'x'", "`'x'` is a string, where true or false is wanted"),
        ("data.open ? 1 : 2", "`data.open ? 1 : 2` is an integer, where true or false is wanted"),
        ("data.open || claims.admin", ""),
        ("claims.admin", ""),
    ] {
        assert_eq!(problem(text, Wanted::Condition, false).1, what, "{text}");
    }
}

/// Who reads is not who wrote: only captures and `reader` stand, and a bare `identity` is neither.
#[test]
fn a_reader_sees_no_data() {
    for (text, what) in [
        ("reader.identity == vars.identity", ""),
        ("reader.claims.moderator == true || room_id == 'r7'", ""),
        ("reader.claim", "`reader` has no field `claim`"),
        ("data.n", "unknown name `data`"),
        ("previous", "unknown name `previous`"),
        ("claims.x", "unknown name `claims`"),
        ("identity", "unknown name `identity`"),
        ("now", "unknown name `now`"),
        ("board.width", "unknown name `board`"),
    ] {
        assert_eq!(problem(text, Wanted::Value, true).1, what, "{text}");
    }
}

/// Several things that are wrong are said at once, in the order of their places.
#[test]
fn all_problems_are_said() {
    let problems =
        compile_with("foo + data.nam > 1 && sise(2) == bar", Some(&schema()), Wanted::Condition, false);
    let said: Vec<_> = problems.expect_err("four").into_iter().map(|it| (it.at.start, it.what)).collect();
    let starts: Vec<_> = said.iter().map(|it| it.0).collect();
    assert_eq!(starts, [0, 11, 22, 33], "{said:?}");
}
