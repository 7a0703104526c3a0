//! The native rewrites of a target: `take`, `rename`, `default`, `clamp`, `mask`, `set`, `template`.

use super::when;
use crate::{
    domain::limits::{DATA_BYTES_MAX, REWRITES_MAX, TEMPLATE_HOLES_MAX},
    policy::{
        expression::{self, Wanted},
        fault::Faults,
        mask::{BadMask, Mask, Room},
        pattern::KEY,
        pointer::{BadPointer, Pointer},
        rewrite::{Clamp, Rewrite},
        setting::{BadSetting, Scope, Setting},
        text::Text,
        written::{self, At, Keys, Table, listed},
    },
};

/// The keys of a table `mask = { "/place" = { … } }`.
pub(super) const MASK: Keys =
    Keys { known: &["words", "patterns", "digits", "with"], later: &[], elsewhere: &[] };

/// What a rewrite may name: natively, and in expressions.
pub(super) struct Scopes<'p> {
    pub(super) native: Scope<'p>,
    pub(super) expressions: expression::Scope<'p>,
}

/// Reads the rewrite of one target. Without a `[from]` nobody knows what is captured; that fault is told already.
pub(super) fn read(
    table: &Table<'_>,
    scopes: Option<&Scopes<'_>>,
    masks: &mut Room,
    faults: &mut Faults<'_>,
) -> Rewrite {
    let mut rewrite = Rewrite::default();
    if let Some(listed) = table.texts("take", faults) {
        let pointers = listed.value.into_iter().filter_map(|it| pointer(&it, Pointer::parse, faults));
        rewrite.take = Some(apart("take", pointers.collect(), faults));
    }
    rewrite.rename = read_rename(table, faults);
    rewrite.default = read_places(table, "default", faults, constant);
    rewrite.clamp = read_places(table, "clamp", faults, clamp);
    rewrite.mask = read_places(table, "mask", faults, |it, faults| mask(it, masks, faults));
    rewrite.set = read_places(table, "set", faults, |it, faults| setting(it, scopes?, faults));
    let templates = read_places(table, "template", faults, |it, faults| text(it, scopes?, faults));
    let overlap = |it: &Pointer| rewrite.set.iter().any(|(other, _)| other.overlaps(it));
    if let Some((place, _)) = templates.iter().find(|(it, _)| overlap(it)) {
        let what = format!("`{place}` stands in `set` and in `template`");
        faults.add_with_help(&table.key_span("template"), what, "take it out of one of the two");
    }
    rewrite.set.extend(templates.into_iter().map(|(place, it)| (place, Setting::Text(it))));
    rewrite.ready()
}

fn read_rename(table: &Table<'_>, faults: &mut Faults<'_>) -> Vec<(Pointer, Pointer)> {
    let Some(entries) = table.table("rename", "`rename`", faults) else { return Vec::new() };
    let (mut sources, mut places) = (Vec::new(), Vec::new());
    for (key, value) in entries.entries() {
        let Some(text) = value.get_ref().as_str() else {
            let kind = written::kind(value.get_ref());
            let what = format!("`rename` leads to a JSON pointer, not to {kind}");
            faults.add_with_help(&value.span(), what, "write for example `\"/x\" = \"/left\"`");
            continue;
        };
        let to = pointer(&At { span: value.span(), value: text }, Pointer::parse, faults);
        if let (Some(from), Some(to)) = (pointer(&key, Pointer::parse, faults), to) {
            sources.push(from);
            places.push(to);
        }
    }
    let (sources, places) = (apart("rename", sources, faults), apart("rename", places, faults));
    sources.into_iter().zip(places).collect()
}

/// A value as TOML has it.
type Written<'t> = toml::Spanned<toml::de::DeValue<'t>>;

/// Reads a table from places to what is done there; no two places overlap.
fn read_places<T>(
    table: &Table<'_>,
    name: &str,
    faults: &mut Faults<'_>,
    mut read: impl FnMut(&Written<'_>, &mut Faults<'_>) -> Option<T>,
) -> Vec<(Pointer, T)> {
    let Some(entries) = table.table(name, &format!("`{name}`"), faults) else { return Vec::new() };
    let (mut places, mut values) = (Vec::new(), Vec::new());
    for (key, value) in entries.entries() {
        let place = pointer(&key, Pointer::parse_key, faults);
        if let (Some(place), Some(value)) = (place, read(value, faults)) {
            places.push(place);
            values.push(value);
        }
    }
    apart(name, places, faults).into_iter().zip(values).collect()
}

/// A value that is put into the data, and fits there.
fn constant(value: &Written<'_>, faults: &mut Faults<'_>) -> Option<serde_json::Value> {
    fitting(written::to_json(value, faults)?, value, faults)
}

fn fitting(
    constant: serde_json::Value,
    value: &Written<'_>,
    faults: &mut Faults<'_>,
) -> Option<serde_json::Value> {
    let bytes = constant.to_string().len();
    if DATA_BYTES_MAX < bytes {
        let what =
            format!("the constant has {bytes} bytes, more than the {DATA_BYTES_MAX} that data may have");
        faults.add_with_help(&value.span(), what, "shorten it");
        return None;
    }
    Some(constant)
}

fn clamp(value: &Written<'_>, faults: &mut Faults<'_>) -> Option<Clamp> {
    let bounds = written::to_json(value, faults)?;
    let bound = |at: usize| bounds.get(at).and_then(serde_json::Value::as_number).cloned();
    let pair = bounds.as_array().filter(|it| it.len() == 2).and_then(|_| Some((bound(0)?, bound(1)?)));
    let Some((least, most)) = pair else {
        faults.add_with_help(&value.span(), "`clamp` takes two numbers", "write for example `[0, 100]`");
        return None;
    };
    if most.as_f64() < least.as_f64() {
        faults.add_with_help(&value.span(), "the first number is above the second", "write the least first");
        return None;
    }
    Some(Clamp { least, most })
}

fn mask(value: &Written<'_>, room: &mut Room, faults: &mut Faults<'_>) -> Option<Mask> {
    let Some(table) = Table::inner("a mask", value) else {
        let help = "write for example `{ words = [\"darn\"] }` or `{ digits = true }`";
        faults.add_with_help(&value.span(), "`mask` takes a table for each place", help);
        return None;
    };
    table.check_keys(&MASK, faults);
    let words = table.texts("words", faults).map(|it| it.value).unwrap_or_default();
    let patterns = table.texts("patterns", faults).map(|it| it.value).unwrap_or_default();
    let digits = table.boolean("digits", faults).is_some_and(|it| it.value);
    let with = table.text("with", faults).map_or("*", |it| it.value);
    let texts = |list: &[At<&str>]| list.iter().map(|it| it.value.to_owned()).collect::<Vec<_>>();
    match Mask::new(&texts(&words), &texts(&patterns), digits, with, room) {
        Ok(mask) => Some(mask),
        Err(bad) => {
            let span = match &bad {
                BadMask::Pattern(at) => patterns.get(*at).map_or_else(|| value.span(), |it| it.span.clone()),
                BadMask::Word(at) => words.get(*at).map_or_else(|| value.span(), |it| it.span.clone()),
                BadMask::With => table.key_span("with"),
                BadMask::Large(at) => {
                    words.iter().chain(&patterns).nth(*at).map_or_else(|| value.span(), |it| it.span.clone())
                }
                BadMask::Nothing | BadMask::TooMany | BadMask::Masks | BadMask::Entries => value.span(),
            };
            faults.add_with_help(&span, bad.to_string(), bad.help());
            None
        }
    }
}

fn setting(value: &Written<'_>, scopes: &Scopes<'_>, faults: &mut Faults<'_>) -> Option<Setting> {
    let Some(text) = value.get_ref().as_str() else {
        if value.get_ref().is_array() || value.get_ref().is_table() {
            let kind = written::kind(value.get_ref());
            let what = format!("`set` takes a text, a number or a boolean, not {kind}");
            let help = "name the inner place with a JSON pointer, such as \"/a/b\"";
            faults.add_with_help(&value.span(), what, help);
            return None;
        }
        return constant(value, faults).map(Setting::Constant);
    };
    match Setting::parse(text, &scopes.native) {
        Ok(Setting::Constant(constant)) => fitting(constant, value, faults).map(Setting::Constant),
        Ok(setting) => Some(setting),
        Err(BadSetting::Expression { .. } | BadSetting::Data { .. }) => {
            let text = At { span: value.span(), value: text };
            when::expression(&text, &scopes.expressions, Wanted::Value, faults).map(Setting::Expression)
        }
        Err(BadSetting::Unknown { text, .. }) if begins_with_what_was_read(&text, &scopes.expressions) => {
            let text = At { span: value.span(), value: text.as_str() };
            when::expression(&text, &scopes.expressions, Wanted::Value, faults).map(Setting::Expression)
        }
        Err(bad) => {
            faults.note(&value.span(), bad.to_string(), bad.help());
            None
        }
    }
}

/// Whether a name, or a path, begins with a lookup or with the data before.
fn begins_with_what_was_read(text: &str, scope: &expression::Scope<'_>) -> bool {
    let first = text.split('.').next().unwrap_or(text);
    first == "previous" || scope.lookups.iter().any(|it| it.name == first)
}

fn text(value: &Written<'_>, scopes: &Scopes<'_>, faults: &mut Faults<'_>) -> Option<Text> {
    let Some(written) = value.get_ref().as_str() else {
        let what = format!("`template` takes a text, not {}", written::kind(value.get_ref()));
        faults.add_with_help(&value.span(), what, "write it into `set`: it is no text with holes");
        return None;
    };
    let text = match Text::parse(written) {
        Ok(it) => it,
        Err(bad) => {
            faults.add_with_help(&value.span(), bad.to_string(), "write `{{` for a `{` and `}}` for a `}`");
            return None;
        }
    };
    let (least, holes) = (text.literal_bytes(), text.variables().count());
    if DATA_BYTES_MAX < least || TEMPLATE_HOLES_MAX < holes {
        let what = format!("the template has {least} bytes and {holes} holes");
        let help = format!("write at most {DATA_BYTES_MAX} bytes and {TEMPLATE_HOLES_MAX} holes");
        faults.add_with_help(&value.span(), what, help);
    }
    let mut known = scopes.native.names();
    known.extend(["pseudonym", "now"]);
    for name in text.variables().filter(|it| !known.contains(&&***it)) {
        let what = if &**name == KEY {
            "`{key}` needs a map in `[from]`".to_owned()
        } else {
            format!("`{{{name}}}` names nothing here")
        };
        faults.add_with_help(&value.span(), what, format!("known are {}", listed(&known)));
    }
    Some(text)
}

pub(super) fn pointer(
    text: &At<&str>,
    parse: impl Fn(&str) -> Result<Pointer, BadPointer>,
    faults: &mut Faults<'_>,
) -> Option<At<Pointer>> {
    match parse(text.value) {
        Ok(value) => Some(At { span: text.span.clone(), value }),
        Err(bad) => {
            faults.add_with_help(&text.span, bad.to_string(), bad.help());
            None
        }
    }
}

/// The pointers, of which none may be, or hold, another.
fn apart(key: &str, pointers: Vec<At<Pointer>>, faults: &mut Faults<'_>) -> Vec<Pointer> {
    if let Some(first) = pointers.get(REWRITES_MAX) {
        faults.add(&first.span, format!("`{key}` has more than {REWRITES_MAX} entries"));
    }
    for (at, later) in pointers.iter().enumerate().take(REWRITES_MAX) {
        if let Some(earlier) = pointers.iter().take(at).find(|it| it.value.overlaps(&later.value)) {
            let what = if earlier.value == later.value {
                format!("`{}` stands twice in `{key}`", later.value)
            } else {
                format!("`{}` and `{}` in `{key}` overlap", earlier.value, later.value)
            };
            faults.add_with_help(&later.span, what, "name each place once, and not what stands within it");
        }
    }
    pointers.into_iter().map(|it| it.value).collect()
}
