//! Reads cases from their tables.

use serde_json::{Map, Value};

use super::{Case, Expected, Holds, Publication, Shown, Step, Write};
use crate::{
    domain::{
        limits::{CASE_STEPS_MAX, CASE_TIMES_MAX, CLAIMS_BYTES_MAX, TTL_SECONDS_MAX},
        name::{BadName, Identity, ItemId, ItemKey, UniqueName},
        object::ObjectKind,
    },
    policy::{
        fault::{Faults, Place},
        written::{self, At, Keys, Table},
    },
};

const CASE: Keys = Keys {
    known: &["name", "as", "given", "step", "write", "remove", "times", "published", "refused", "shows"],
    later: &[],
    elsewhere: &[
        ("identity", "in `as`"),
        ("claims", "in `as`"),
        ("rule", "in `refused`"),
        ("data", "in `write`"),
        ("after", "in `[[case.step]]`"),
    ],
};
const STEP: Keys = Keys {
    known: &["as", "after", "write", "remove", "times", "published", "refused"],
    later: &[],
    elsewhere: &[("name", "in `[[case]]`"), ("given", "in `[[case]]`"), ("shows", "in `[[case]]`")],
};
const AS: Keys = Keys { known: &["identity", "claims"], later: &[], elsewhere: &[] };
const WRITE: Keys = Keys {
    known: &["document", "list", "map", "stream", "key", "index", "data"],
    later: &[],
    elsewhere: &[],
};
const GIVEN: Keys = Keys {
    known: &["document", "list", "map", "stream", "key", "index", "data", "times"],
    later: &[],
    elsewhere: &[],
};
const SHOWN: Keys = Keys {
    known: &["document", "list", "map", "key", "index", "data", "items", "gone"],
    later: &[],
    elsewhere: &[],
};
const REMOVE: Keys = Keys { known: &["document", "list", "map", "key", "index"], later: &[], elsewhere: &[] };
const PUBLISHED: Keys =
    Keys { known: &["document", "list", "map", "stream", "key", "data"], later: &[], elsewhere: &[] };
const REFUSED: Keys = Keys { known: &["rule", "pointer"], later: &[], elsewhere: &[] };

/// Reads one case.
pub(super) fn case(table: &Table<'_>, policy: &str, faults: &mut Faults<'_>) -> Option<Case> {
    table.check_keys(&CASE, faults);
    let name = needed(table, "name", table.text("name", faults), faults);
    let caller = if table.has("as") || !table.has("step") { Some(read_caller(table, faults)) } else { None };
    let given: Vec<_> =
        table.tables("given", "`given`", faults).iter().map(|it| read_given(it, faults)).collect();
    let steps: Vec<_> = if table.has("step") {
        for key in ["write", "remove", "times", "published", "refused"] {
            if table.has(key) {
                let help = "a case has one write, or steps";
                faults.add_with_help(&table.key_span(key), format!("`{key}` belongs into a step"), help);
            }
        }
        let tables = table.tables("step", "`[[case.step]]`", faults);
        if let Some(surplus) = tables.get(CASE_STEPS_MAX) {
            faults.add(&surplus.span, format!("there are more than {CASE_STEPS_MAX} steps"));
        }
        tables.iter().map(|it| step(it, caller.as_ref().and_then(Option::as_ref), &STEP, faults)).collect()
    } else {
        vec![step(table, caller.as_ref().and_then(Option::as_ref), &CASE, faults)]
    };
    let shows: Vec<_> =
        table.tables("shows", "`shows`", faults).iter().map(|it| read_shown(it, faults)).collect();
    let Place { file, line, .. } = faults.place(table.span.start);
    let claims = match caller {
        Some(caller) => caller?.1,
        None => Value::Object(Map::new()),
    };
    Some(Case {
        policy: policy.into(),
        file,
        line,
        name: name?.value.to_owned(),
        claims,
        given: given.into_iter().collect::<Option<_>>()?,
        steps: steps.into_iter().collect::<Option<_>>()?,
        shows: shows.into_iter().collect::<Option<_>>()?,
    })
}

/// Reads one step; the caller of the case writes it unless it names another.
fn step(
    table: &Table<'_>,
    caller: Option<&(Identity, Value)>,
    keys: &Keys,
    faults: &mut Faults<'_>,
) -> Option<Step> {
    if keys.known.contains(&"after") {
        table.check_keys(keys, faults);
    }
    let own = if keys.known.contains(&"after") && table.has("as") {
        Some(read_caller(table, faults)?)
    } else {
        None
    };
    let after_ms = table.text("after", faults).map(|it| read_after(&it, faults));
    let write = read_change(table, faults);
    let times = table.number("times", 1..=CASE_TIMES_MAX, faults).unwrap_or(1);
    let expected = read_expected(table, faults);
    let line = faults.place(table.span.start).line;
    let (identity, claims) = own.or_else(|| caller.cloned())?;
    let after_ms = after_ms.unwrap_or(Some(0))?;
    Some(Step { line, identity, claims, after_ms, write: write?, times, expected: expected? })
}

/// A time that goes by: a number and `ms`, `s`, `m`, `h` or `d`.
fn read_after(text: &At<&str>, faults: &mut Faults<'_>) -> Option<u64> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let parsed = units.iter().find_map(|(unit, factor)| {
        let number = text.value.strip_suffix(unit).filter(|it| it.bytes().all(|it| it.is_ascii_digit()))?;
        number.parse::<u64>().ok().map(|it| it.saturating_mul(*factor))
    });
    let within = parsed.filter(|it| *it <= u64::from(TTL_SECONDS_MAX) * 1_000);
    if within.is_none() {
        let help = "write a number and `ms`, `s`, `m`, `h` or `d`, at most a year, such as `30s`";
        faults.add_with_help(&text.span, format!("`after` cannot be `{}`", text.value), help);
    }
    within
}

/// The value, or a fault when the key does not stand.
fn needed<T>(table: &Table<'_>, key: &str, value: Option<T>, faults: &mut Faults<'_>) -> Option<T> {
    if !table.has(key) {
        faults.add(&table.span, format!("{} has no `{key}`", table.name()));
    }
    value
}

fn read_caller(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<(Identity, Value)> {
    let inner = table.table("as", "`as`", faults);
    let caller = needed(table, "as", inner, faults)?;
    caller.check_keys(&AS, faults);
    let text = needed(&caller, "identity", caller.text("identity", faults), faults)?;
    let identity = parsed::<Identity>(&text, faults)?;
    let claims = match caller.table("claims", "`claims`", faults) {
        Some(_) => written::to_json(caller.raw("claims")?, faults)?,
        None => Value::Object(Map::new()),
    };
    let bytes = claims.to_string().len();
    if CLAIMS_BYTES_MAX < bytes {
        let what = format!("the claims have {bytes} bytes");
        let help = format!("no token holds more than {CLAIMS_BYTES_MAX}");
        faults.add_with_help(&caller.key_span("claims"), what, help);
    }
    Some((identity, claims))
}

fn read_change(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<Write> {
    if table.has("write") && table.has("remove") {
        faults.add(&table.key_span("remove"), "a case has one `write` or one `remove`, not both");
        return None;
    }
    if table.has("remove") {
        return read_write(&table.table("remove", "`remove`", faults)?, &REMOVE, faults);
    }
    let inner = table.table("write", "`write`", faults);
    if !table.has("write") {
        faults.add_with_help(&table.span, "`[[case]]` has no `write`", "or write `remove = …`");
    }
    read_write(&inner?, &WRITE, faults)
}

fn read_write(table: &Table<'_>, keys: &Keys, faults: &mut Faults<'_>) -> Option<Write> {
    table.check_keys(keys, faults);
    let place = read_place(table, faults);
    let data = match keys.known.contains(&"data") {
        true => Some(read_data(table, faults)?),
        false => None,
    };
    let (kind, name, item) = place?;
    if kind == ObjectKind::Map && item.is_none() {
        needed::<()>(table, "key", None, faults);
        return None;
    }
    if data.is_none() && kind == ObjectKind::List && item.is_none() {
        faults.add(&table.span, format!("{} has no `index`", table.name()));
        return None;
    }
    Some(Write { kind, name, item, data })
}

/// The data as it is sent. A text is sent as it is: so a case can send what TOML cannot say.
fn read_data(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<String> {
    let value = needed(table, "data", table.raw("data"), faults)?;
    match value.get_ref().as_str() {
        Some(text) => Some(text.to_owned()),
        None => written::to_json(value, faults).map(|it| it.to_string()),
    }
}

/// The data of what is shown or published.
fn published_data(table: &Table<'_>, text: &str, faults: &mut Faults<'_>) -> Option<Value> {
    match serde_json::from_str(text) {
        Ok(data @ Value::Object(_)) => Some(data),
        _ => {
            let span = table.raw("data").map_or_else(|| table.span.clone(), toml::Spanned::span);
            faults.add(&span, "what is published is a JSON object");
            None
        }
    }
}

fn read_given(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<(Write, u32)> {
    let times = table.number("times", 1..=CASE_TIMES_MAX, faults).unwrap_or(1);
    read_write(table, &GIVEN, faults).map(|it| (it, times))
}

fn read_place(
    table: &Table<'_>,
    faults: &mut Faults<'_>,
) -> Option<(ObjectKind, UniqueName, Option<ItemId>)> {
    let key = table.text("key", faults).map(|it| parsed::<ItemKey>(&it, faults));
    let index = table.number("index", 0..=u32::MAX, faults).map(u64::from);
    let kinds: Vec<ObjectKind> = ObjectKind::ALL.into_iter().filter(|it| table.has(it.as_str())).collect();
    let [kind] = *kinds.as_slice() else {
        match kinds.as_slice() {
            [one, two, ..] => {
                let what = format!("`{two}` cannot stand beside `{one}`");
                faults.add(&table.key_span(two.as_str()), what);
            }
            _ => {
                let help = "write `document = …`, `list = …`, `stream = …`, or `map = …` and `key = …`";
                faults.add_with_help(&table.span, format!("{} names no object", table.name()), help);
            }
        }
        return None;
    };
    for (stray, home) in [("key", ObjectKind::Map), ("index", ObjectKind::List)] {
        if table.has(stray) && kind != home {
            faults.add(&table.key_span(stray), format!("`{stray}` cannot stand beside `{kind}`"));
            return None;
        }
    }
    let name = parsed(&table.text(kind.as_str(), faults)?, faults)?;
    let item = match kind {
        ObjectKind::Map => match key {
            Some(key) => Some(key?.into()),
            None => None,
        },
        ObjectKind::List => index.map(ItemId::Index),
        ObjectKind::Document | ObjectKind::Stream => None,
    };
    Some((kind, name, item))
}

fn read_expected(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<Expected> {
    match (table.has("published"), table.has("refused")) {
        (true, true) => {
            faults.add(&table.key_span("refused"), "a case is `published` or `refused`, not both");
            None
        }
        (false, false) => {
            let help = "write `published = […]` (it may be empty) or `refused = { rule = … }`";
            faults.add_with_help(&table.span, "`[[case]]` expects nothing", help);
            None
        }
        (true, false) => {
            let mut list = Vec::new();
            for inner in table.tables("published", "`published`", faults) {
                list.push(read_publication(&inner, faults));
            }
            list.into_iter().collect::<Option<_>>().map(Expected::Published)
        }
        (false, true) => {
            let refused = table.table("refused", "`refused`", faults)?;
            refused.check_keys(&REFUSED, faults);
            let rule = needed(&refused, "rule", refused.text("rule", faults), faults);
            let pointer = refused.text("pointer", faults).map(|it| it.value.to_owned());
            Some(Expected::Refused { rule: rule?.value.to_owned(), pointer })
        }
    }
}

fn read_publication(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<Publication> {
    let Write { kind, name, item, data } = read_write(table, &PUBLISHED, faults)?;
    let key = item.as_ref().and_then(ItemId::key).cloned();
    let data = published_data(table, &data.unwrap_or_default(), faults)?;
    Some(Publication { kind, name, key, data })
}

fn read_shown(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<Shown> {
    table.check_keys(&SHOWN, faults);
    let words = ["data", "items", "gone"];
    let mut told = words.into_iter().filter(|it| table.has(it));
    let (Some(word), None) = (told.next(), told.next()) else {
        let help = "write `data = { … }`, `items = …` for how many there are, or `gone = true`";
        faults.add_with_help(&table.span, "`shows` says one thing of an object", help);
        return None;
    };
    let (kind, name, item) = read_place(table, faults)?;
    let collection = matches!(kind, ObjectKind::Map | ObjectKind::List);
    if collection && item.is_none() && word == "data" {
        let key = if kind == ObjectKind::Map { "key" } else { "index" };
        return needed(table, key, None, faults);
    }
    if word == "items" && (!collection || item.is_some()) {
        let what = if collection { "`items` counts a whole object" } else { "a document has no `items`" };
        faults.add_with_help(&table.key_span("items"), what, "write `data = { … }`");
        return None;
    }
    if word == "gone" && collection && item.is_none() {
        let what = format!("a {kind} is never gone as a whole");
        faults.add_with_help(&table.key_span("gone"), what, "write `items = 0`");
        return None;
    }
    let holds = match word {
        "data" => {
            let text = read_data(table, faults)?;
            Holds::Data(published_data(table, &text, faults)?)
        }
        "items" => Holds::Items(table.number("items", 0..=u32::MAX, faults)?),
        _ => match table.boolean("gone", faults)? {
            At { value: true, .. } => Holds::Nothing,
            At { span, .. } => {
                faults.add_with_help(&span, "`gone` can be `true` only", "write what stands: `data = { … }`");
                return None;
            }
        },
    };
    Some(Shown { kind, name, item, holds })
}

fn parsed<'t, T: TryFrom<&'t str, Error = BadName>>(
    text: &At<&'t str>,
    faults: &mut Faults<'_>,
) -> Option<T> {
    T::try_from(text.value).map_err(|it| faults.add(&text.span, format!("`{}`: {it}", text.value))).ok()
}
