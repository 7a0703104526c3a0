//! `[[lookup]]`: other objects that the rules read; never a private object, never one's own fold.

use std::sync::Arc;

use super::{Schemas, from};
use crate::{
    domain::{limits::LOOKUPS_MAX, object::ObjectKind},
    policy::{
        compiled::{Lookup, Source},
        fault::Faults,
        pattern::{self, KEY, Pattern},
        written::{At, Keys, Table, listed},
    },
};

pub(super) const KEYS: Keys = Keys {
    known: &["name", "document", "map", "key", "required", "schema"],
    later: &["list", "stream"],
    elsewhere: &[("that", "in `[[when]]`"), ("take", "in `[[to]]`")],
};

/// Reads all lookups of a policy; each span is that of the name's pattern.
pub(super) fn read_all(
    top: &Table<'_>,
    from: Option<&Source>,
    schemas: &mut Schemas<'_>,
    faults: &mut Faults<'_>,
) -> Vec<At<Lookup>> {
    let tables = top.tables("lookup", "`[[lookup]]`", faults);
    if let Some(surplus) = tables.get(LOOKUPS_MAX) {
        faults.add(&surplus.span, format!("there are more than {LOOKUPS_MAX} lookups"));
    }
    let mut lookups: Vec<At<Lookup>> = Vec::new();
    for table in &tables {
        let Some(lookup) = read(table, from, schemas, faults) else { continue };
        if lookups.iter().any(|it| it.value.name == lookup.value.name) {
            let what = format!("two lookups are called `{}`", lookup.value.name);
            faults.add_with_help(&table.key_span("name"), what, "choose another name");
        }
        lookups.push(lookup);
    }
    lookups
}

fn read(
    table: &Table<'_>,
    from: Option<&Source>,
    schemas: &mut Schemas<'_>,
    faults: &mut Faults<'_>,
) -> Option<At<Lookup>> {
    table.check_keys(&KEYS, faults);
    let schema = schemas.read(table, faults);
    if !table.has("name") {
        let help = "write for example `name = \"board\"`: expressions call it so";
        faults.add_with_help(&table.span, format!("{} has no `name`", table.name()), help);
    }
    let name = table.text("name", faults);
    let key = table.text("key", faults).and_then(|it| from::pattern(&it, faults));
    let required = table.boolean("required", faults).is_some_and(|it| it.value);
    let (kind, At { span, value: pattern }) = from::object(table, faults)?;
    if kind == ObjectKind::Map && key.is_none() && !table.has("key") {
        faults.add_with_help(&span, "a map in `[[lookup]]` needs a `key`", "name the item that is read");
        return None;
    }
    if kind != ObjectKind::Map && key.is_some() {
        faults.add_with_help(
            &table.key_span("key"),
            format!("a {kind} in `[[lookup]]` has no `key`"),
            "take it out",
        );
    }
    if !matches!(kind, ObjectKind::Document | ObjectKind::Map) {
        return None;
    }
    if let Some(from) = from {
        for pattern in std::iter::once(&pattern).chain(key.as_ref().map(|it| &it.value)) {
            captured(pattern, from, &span, faults);
        }
    }
    let name = name?;
    if let Err(bad) = pattern::word(name.value) {
        faults.add_with_help(&name.span, bad.to_string(), bad.help());
        return None;
    }
    if from.is_some_and(|it| it.pattern.has(name.value)) || name.value == KEY {
        faults.add_with_help(
            &name.span,
            format!("`{}` is a captured variable already", name.value),
            "choose another name",
        );
    }
    let name: Arc<str> = name.value.into();
    Some(At { span, value: Lookup { name, kind, pattern, key: key.map(|it| it.value), required, schema } })
}

/// Each variable of a pattern must be captured by `[from]`.
pub(super) fn captured(
    pattern: &Pattern,
    from: &Source,
    span: &std::ops::Range<usize>,
    faults: &mut Faults<'_>,
) {
    for variable in pattern.variables().filter(|it| !from.pattern.has(it)) {
        let bound: Vec<String> = from.pattern.variables().map(|it| format!("{{{it}}}")).collect();
        let bound: Vec<&str> = bound.iter().map(String::as_str).collect();
        let what = format!("`{{{variable}}}` is not captured by `[from]`");
        faults.add_with_help(span, what, format!("captured are {}", listed(&bound)));
    }
}
