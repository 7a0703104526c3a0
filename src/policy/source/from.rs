//! `[from]`: the private object that clients write.

use super::Schemas;
use crate::{
    domain::{
        limits::{DATA_BYTES_MAX, MESSAGE_DATA_BYTES_MAX, PRIVATE_OBJECTS_ALLOWED_MAX, PRIVATE_OBJECTS_MAX},
        object::ObjectKind,
    },
    policy::{
        compiled::{Source, Until, Withdraw},
        fault::Faults,
        pattern::{IDENTITY, KEY, PSEUDONYM, Pattern},
        written::{At, Keys, Table},
    },
};

pub(super) const KEYS: Keys = Keys {
    known: &["document", "list", "map", "stream", "schema", "max_bytes", "objects_max", "until", "withdraw"],
    later: &["adopt"],
    elsewhere: &[
        ("mode", "at the top of the file, above the first table"),
        ("services", "at the top of the file, above the first table"),
        ("key", "in `[[to]]`"),
        ("ttl", "in `[[to]]`"),
        ("read", "in `[[to]]`"),
        ("detail", "in `[refusal]`"),
    ],
};

/// Reads the table; the span is that of the pattern.
pub(super) fn read(
    table: &Table<'_>,
    schemas: &mut Schemas<'_>,
    faults: &mut Faults<'_>,
) -> Option<At<Source>> {
    table.check_keys(&KEYS, faults);
    let object = object(table, faults);
    let schema = schemas.read(table, faults);
    let cap_bytes = match &object {
        Some((ObjectKind::Stream, _)) => MESSAGE_DATA_BYTES_MAX,
        _ => DATA_BYTES_MAX,
    };
    let max_bytes = table.number("max_bytes", 1..=u32::try_from(cap_bytes).unwrap_or(u32::MAX), faults);
    let objects_max = table.number("objects_max", 1..=PRIVATE_OBJECTS_ALLOWED_MAX, faults);
    let until = table.word("until", &[("disconnect", Until::Disconnect)], faults);
    let withdraw = table.word("withdraw", &[("free", Withdraw::Free), ("never", Withdraw::Never)], faults);
    let final_ = withdraw.as_ref().filter(|it| it.value == Withdraw::Never);
    if let (Some(withdraw), Some(_)) = (final_, &until) {
        let help = "take one of the two out: what is withdrawn on `disconnect` is not final";
        faults.add_with_help(&withdraw.span, "`withdraw = \"never\"` stands beside `until`", help);
    }
    let (kind, At { span, value: pattern }) = object?;
    if let Some(withdraw) = final_.filter(|_| kind == ObjectKind::Stream) {
        let why = "a message cannot be taken back";
        faults.add_with_help(&withdraw.span, "`withdraw` has no meaning here", why);
    }
    if let Some(until) = until.as_ref().filter(|_| kind != ObjectKind::Document) {
        let help = "write `document`, or give what is published a `ttl`";
        faults.add_with_help(&until.span, format!("a {kind} cannot be withdrawn on `disconnect`"), help);
    }
    if pattern.has(PSEUDONYM) {
        let help = "write `{identity}`: who writes is known; `{pseudonym}` is for `[[to]]`";
        faults.add_with_help(&span, "`{pseudonym}` cannot be captured by `[from]`", help);
        return None;
    }
    if !pattern.has(IDENTITY) {
        let help = "put it in place of one segment: each identity then writes under names of its own";
        faults.add_with_help(&span, format!("`{pattern}` has no `{{{IDENTITY}}}`"), help);
        return None;
    }
    if pattern.has(KEY) {
        let help = "choose another name; `{key}` is the key of a map's item, for `[[to]]`";
        faults.add_with_help(&span, "`{key}` cannot be captured by `[from]`", help);
        return None;
    }
    let source = Source {
        kind,
        pattern,
        schema,
        max_bytes: max_bytes.and_then(|it| usize::try_from(it).ok()).unwrap_or(cap_bytes),
        objects_max: objects_max.unwrap_or(PRIVATE_OBJECTS_MAX),
        until: until.map_or(Until::Changed, |it| it.value),
        withdraw: withdraw.map_or(Withdraw::Free, |it| it.value),
    };
    Some(At { span, value: source })
}

/// Reads the one of `document`, `list`, `map` and `stream` that stands.
pub(super) fn object(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<(ObjectKind, At<Pattern>)> {
    let written: Vec<ObjectKind> =
        ObjectKind::ALL.into_iter().filter(|kind| table.has(kind.as_str())).collect();
    match *written.as_slice() {
        [kind] => {
            let text = table.text(kind.as_str(), faults)?;
            pattern(&text, faults).map(|it| (kind, it))
        }
        [one, two, ..] => {
            let what = format!("{} names a {one} and a {two}", table.name());
            faults.add_with_help(&table.key_span(two.as_str()), what, "take one of the two out");
            None
        }
        [] => {
            let what = format!("{} names no object", table.name());
            let help = "write `document = …`, `list = …`, `map = …` or `stream = …`";
            faults.add_with_help(&table.span, what, help);
            None
        }
    }
}

/// Parses a pattern.
pub(super) fn pattern(text: &At<&str>, faults: &mut Faults<'_>) -> Option<At<Pattern>> {
    match Pattern::parse(text.value) {
        Ok(value) => Some(At { span: text.span.clone(), value }),
        Err(bad) => {
            faults.add_with_help(&text.span, bad.to_string(), bad.help());
            None
        }
    }
}
