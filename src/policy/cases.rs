//! Cases: what a policy's author expects of it, one write each. Running them is the relay's.
//!
//! ```toml
//! [[case]]
//! name = "a cursor is shown in its room"
//! as = { identity = "ada", claims = { name = "Ada" } }
//! given = [{ document = "cursors/7/ada", data = { x = 1, y = 1 } }]
//! write = { document = "cursors/7/ada", data = { x = 5, y = 1 } }
//! published = [{ map = "rooms/7/cursors", key = "ada", data = { x = 5, y = 1 } }]
//! ```

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    domain::{
        limits::{CASE_TIMES_MAX, CASES_MAX},
        name::{BadName, Identity, ItemId, ItemKey, UniqueName},
        object::ObjectKind,
        time::Timestamp,
    },
    policy::{
        fault::{Fault, Faults, Place, sorted},
        written::{self, At, Keys, Table},
    },
};

/// The time at which each case happens: 2026-01-01T00:00:00.000Z.
pub const CASE_NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// One case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The policy in whose folder it stands.
    pub policy: Arc<str>,
    /// The file, as faults show it.
    pub file: Arc<str>,
    /// The line of the case.
    pub line: usize,
    /// Its name, unique in its file.
    pub name: String,
    /// Who writes.
    pub identity: Identity,
    /// With which claims; `{}` when none are given.
    pub claims: Value,
    /// What was written before, in this order: private objects by their owners, with these claims
    /// and without limits, all others by a backend.
    pub given: Vec<Write>,
    /// What is written.
    pub write: Write,
    /// How often it is written, all at one instant; the last time counts.
    pub times: u32,
    /// What must come of it.
    pub expected: Expected,
}

/// One write of an object or an item, or one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its kind.
    pub kind: ObjectKind,
    /// The object.
    pub name: UniqueName,
    /// The item of a map or list; a list without one is appended to.
    pub item: Option<ItemId>,
    /// The JSON text that is sent, whatever it holds; `None` removes the object or the item.
    pub data: Option<String>,
}

/// What must come of a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// The write is admitted, and the written object then publishes this and nothing else.
    Published(Vec<Publication>),
    /// The write is refused.
    Refused {
        /// The name of the stage or of the limit.
        rule: String,
        /// Where in the data, when the case says so.
        pointer: Option<String>,
    },
}

/// One thing that is published.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    /// Its kind.
    pub kind: ObjectKind,
    /// The shared object.
    pub name: UniqueName,
    /// The item, when it is a map.
    pub key: Option<ItemKey>,
    /// Its data.
    pub data: Value,
}

const FILE: Keys = Keys {
    known: &["case"],
    later: &[],
    elsewhere: &[("name", "in `[[case]]`"), ("write", "in `[[case]]`")],
};
const CASE: Keys = Keys {
    known: &["name", "as", "given", "write", "remove", "times", "published", "refused"],
    later: &[],
    elsewhere: &[
        ("identity", "in `as`"),
        ("claims", "in `as`"),
        ("rule", "in `refused`"),
        ("data", "in `write`"),
    ],
};
const AS: Keys = Keys { known: &["identity", "claims"], later: &[], elsewhere: &[] };
const WRITE: Keys = Keys {
    known: &["document", "list", "map", "stream", "key", "index", "data"],
    later: &[],
    elsewhere: &[],
};
const REMOVE: Keys = Keys { known: &["document", "list", "map", "key", "index"], later: &[], elsewhere: &[] };
const PUBLISHED: Keys =
    Keys { known: &["document", "list", "map", "stream", "key", "data"], later: &[], elsewhere: &[] };
const REFUSED: Keys = Keys { known: &["rule", "pointer"], later: &[], elsewhere: &[] };

/// Parses one file of cases of a policy.
///
/// # Errors
/// All faults that were found, by place.
pub fn parse(policy: &str, file: &str, text: &str) -> Result<Vec<Case>, Vec<Fault>> {
    let mut faults = Faults::new(file, text);
    let mut cases: Vec<Case> = Vec::new();
    if let Some(toml) = written::parse(text, &mut faults) {
        let top = Table::whole("a file of cases".to_owned(), &toml);
        top.check_keys(&FILE, &mut faults);
        let tables = top.tables("case", "`[[case]]`", &mut faults);
        if tables.is_empty() {
            faults.add_with_help(&(0..0), "the file has no case", "write a table `[[case]]`");
        }
        if CASES_MAX < tables.len() {
            faults.add(&top.key_span("case"), format!("there are more than {CASES_MAX} cases"));
        }
        for table in &tables {
            let Some(case) = read(table, policy, &mut faults) else { continue };
            if let Some(earlier) = cases.iter().find(|it| it.name == case.name) {
                let what = format!("two cases are called `{}`", case.name);
                faults.add_with_help(&table.span, what, format!("the other stands in line {}", earlier.line));
            }
            cases.push(case);
        }
    }
    let faults = faults.into_list();
    if faults.is_empty() { Ok(cases) } else { Err(sorted(faults)) }
}

fn read(table: &Table<'_>, policy: &str, faults: &mut Faults<'_>) -> Option<Case> {
    table.check_keys(&CASE, faults);
    let name = needed(table, "name", table.text("name", faults), faults);
    let caller = read_caller(table, faults);
    let given: Vec<_> =
        table.tables("given", "`given`", faults).iter().map(|it| read_write(it, &WRITE, faults)).collect();
    let write = read_change(table, faults);
    let times = table.number("times", 1..=CASE_TIMES_MAX, faults).unwrap_or(1);
    let expected = read_expected(table, faults);
    let (identity, claims) = caller?;
    let Place { file, line, .. } = faults.place(table.span.start);
    Some(Case {
        policy: policy.into(),
        file,
        line,
        name: name?.value.to_owned(),
        identity,
        claims,
        given: given.into_iter().collect::<Option<_>>()?,
        write: write?,
        times,
        expected: expected?,
    })
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
        true => {
            let value = needed(table, "data", table.raw("data"), faults)?;
            Some(match value.get_ref().as_str() {
                // A text is sent as it is: so a case can send what TOML cannot say.
                Some(text) => text.to_owned(),
                None => written::to_json(value, faults)?.to_string(),
            })
        }
        false => None,
    };
    let (kind, name, item) = place?;
    if data.is_none() && kind == ObjectKind::List && item.is_none() {
        faults.add(&table.span, format!("{} has no `index`", table.name()));
        return None;
    }
    Some(Write { kind, name, item, data })
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
        ObjectKind::Map => Some(needed(table, "key", key, faults)??.into()),
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
    let span = table.raw("data").map_or_else(|| table.span.clone(), toml::Spanned::span);
    let Write { kind, name, item, data } = read_write(table, &PUBLISHED, faults)?;
    let key = item.as_ref().and_then(ItemId::key).cloned();
    match serde_json::from_str(&data.unwrap_or_default()) {
        Ok(data @ Value::Object(_)) => Some(Publication { kind, name, key, data }),
        _ => {
            faults.add(&span, "what is published is a JSON object");
            None
        }
    }
}

fn parsed<'t, T: TryFrom<&'t str, Error = BadName>>(
    text: &At<&'t str>,
    faults: &mut Faults<'_>,
) -> Option<T> {
    T::try_from(text.value).map_err(|it| faults.add(&text.span, format!("`{}`: {it}", text.value))).ok()
}

#[cfg(test)]
mod tests;
