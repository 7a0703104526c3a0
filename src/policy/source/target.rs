//! `[[to]]`: what the others see, and the proofs about one policy's targets.

use std::sync::Arc;

use super::{Schemas, from, list};
use crate::{
    domain::{
        limits::{REWRITES_MAX, TARGETS_MAX, TTL_SECONDS_MAX},
        object::ObjectKind,
        time::Ttl,
    },
    policy::{
        compiled::{Read, Source, Target},
        fault::Faults,
        pattern::{KEY, Pattern},
        pointer::{BadPointer, Pointer},
        setting::{Scope, Setting},
        template::Rewrite,
        written::{self, At, Keys, Table, listed},
    },
};

pub(super) const KEYS: Keys = Keys {
    known: &[
        "document",
        "list",
        "map",
        "stream",
        "key",
        "contended",
        "on_withdraw",
        "items_max",
        "when_full",
        "take",
        "rename",
        "default",
        "set",
        "schema",
        "ttl",
        "read",
    ],
    later: &["fold", "clamp", "mask", "adopt"],
    elsewhere: &[
        ("max_bytes", "in `[from]`"),
        ("objects_max", "in `[from]`"),
        ("detail", "in `[refusal]`"),
        ("mode", "at the top of the file, above the first table"),
    ],
};

/// Reads all targets; each span is that of the name's pattern.
pub(super) fn read_all(
    top: &Table<'_>,
    from: Option<&Source>,
    schemas: &mut Schemas<'_>,
    faults: &mut Faults<'_>,
) -> Vec<At<Target>> {
    let tables = top.tables("to", "`[[to]]`", faults);
    if !top.has("to") || (tables.is_empty() && top.raw("to").is_some_and(|it| it.get_ref().is_array())) {
        let help = "write a table `[[to]]` with `document = …`, or `map = …` and `key = …`";
        faults.add_with_help(&top.key_span("to"), format!("{} publishes nothing", top.name()), help);
    }
    if TARGETS_MAX < tables.len() {
        faults.add(&top.key_span("to"), format!("there are more than {TARGETS_MAX} targets"));
    }
    let targets: Vec<_> = tables.iter().filter_map(|it| read(it, from, schemas, faults)).collect();
    for (at, target) in targets.iter().enumerate() {
        for earlier in targets.iter().take(at) {
            collision(&earlier.value, target, faults);
        }
    }
    targets
}

fn read(
    table: &Table<'_>,
    from: Option<&Source>,
    schemas: &mut Schemas<'_>,
    faults: &mut Faults<'_>,
) -> Option<At<Target>> {
    table.check_keys(&KEYS, faults);
    let object = from::object(table, faults);
    let key = table.text("key", faults).and_then(|it| from::pattern(&it, faults));
    let contended = table.boolean("contended", faults).is_some_and(|it| it.value);
    let schema = schemas.read(table, faults);
    let ttl = read_ttl(table, faults);
    let read = read_read(table, faults);
    let variables: Vec<Arc<str>> =
        from.map(|it| it.pattern.variables().cloned().collect()).unwrap_or_default();
    let scope = Scope { variables: &variables, key: from.is_some_and(|it| it.kind == ObjectKind::Map) };
    let rewrite = read_rewrite(table, from.map(|_| &scope), faults);
    let (kind, At { span, value: name }) = object?;
    let list = list::read(table, from.map(|it| it.kind), kind, faults);
    if let Some(from) = from {
        feeds(from.kind, kind, &span, contended, faults);
    }
    match kind {
        ObjectKind::Map if !table.has("key") => {
            let help = "write for example `key = \"{identity}\"`";
            faults.add_with_help(&span, "a map in `[[to]]` needs a `key`", help);
            return None;
        }
        ObjectKind::Document | ObjectKind::List | ObjectKind::Stream if table.has("key") => {
            let help = format!("take it out, or write `map` for `{kind}`");
            faults.add_with_help(&table.key_span("key"), format!("a {kind} in `[[to]]` has no `key`"), help);
        }
        _ => (),
    }
    if from.is_some() {
        bound(&At { span: span.clone(), value: &name }, &scope, faults);
        if let Some(key) = &key {
            bound(&At { span: key.span.clone(), value: &key.value }, &scope, faults);
        }
        if !contended && (kind == ObjectKind::Document || key.is_some()) {
            complete(&span, &name, key.as_ref().map(|it| &it.value), &scope, faults);
        }
    }
    let key = key.map(|it| it.value);
    let list::Bounds { on_withdraw, items_max, when_full } = list;
    let target =
        Target { kind, name, key, contended, read, on_withdraw, items_max, when_full, ttl, schema, rewrite };
    Some(At { span, value: target })
}

/// What a source of one kind can publish to (decision 2).
fn feeds(
    from: ObjectKind,
    to: ObjectKind,
    span: &std::ops::Range<usize>,
    contended: bool,
    faults: &mut Faults<'_>,
) {
    let keyed = matches!(to, ObjectKind::Document | ObjectKind::Map);
    if from == ObjectKind::Stream && keyed {
        let help = "write `stream` or `list`: messages are sent on, or appended";
        faults.add_with_help(span, format!("a stream in `[from]` cannot feed a {to}"), help);
    } else if from == ObjectKind::List && keyed && !contended {
        let what = format!("all items of a list would publish to one place of a {to}");
        let help = "write `list` to show each item, or `contended = true` to show the latest";
        faults.add_with_help(span, what, help);
    }
}

/// Each variable must be captured by `[from]`.
fn bound(pattern: &At<&Pattern>, scope: &Scope<'_>, faults: &mut Faults<'_>) {
    for variable in pattern.value.variables() {
        if scope.names().contains(&&**variable) {
            continue;
        }
        if &**variable == KEY {
            let help = "write `map` for `document` in `[from]`, or take `{key}` out";
            faults.add_with_help(&pattern.span, "`{key}` needs a map in `[from]`", help);
            continue;
        }
        let what = format!("`{{{variable}}}` is not captured by `[from]`");
        let known: Vec<String> = scope.names().iter().map(|it| format!("{{{it}}}")).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        faults.add_with_help(&pattern.span, what, format!("captured are {}", listed(&known)));
    }
}

/// Name and key together must tell any two sources apart (decision 19).
fn complete(
    span: &std::ops::Range<usize>,
    name: &Pattern,
    key: Option<&Pattern>,
    scope: &Scope<'_>,
    faults: &mut Faults<'_>,
) {
    let missing: Vec<String> = scope
        .names()
        .into_iter()
        .filter(|it| !name.has(it) && !key.is_some_and(|key| key.has(it)))
        .map(|it| format!("{{{it}}}"))
        .collect();
    if missing.is_empty() {
        return;
    }
    let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
    let where_ = if key.is_some() { "the name or the key of" } else { "the name of" };
    let what = format!("{} does not stand in {where_} `{name}`", listed(&missing));
    let help = "several private objects would publish to one place: add it, or write `contended = true`";
    faults.add_with_help(span, what, help);
}

/// Two targets may share one map when their keys can never be the same.
fn collision(earlier: &Target, later: &At<Target>, faults: &mut Faults<'_>) {
    let target = &later.value;
    if !earlier.name.meets(&target.name) {
        return;
    }
    let (one, two) = (&earlier.name, &target.name);
    if earlier.kind != target.kind {
        let what = format!("one name can match the {} `{one}` and the {} `{two}`", earlier.kind, target.kind);
        faults.add_with_help(&later.span, what, "give one of them a first segment of its own");
    } else if one != two {
        let what = format!("one name can match `{one}` and `{two}`");
        faults.add_with_help(&later.span, what, "give one of them a first segment of its own");
    } else if earlier.read != target.read {
        let what = format!("two targets of `{one}` differ in `read`");
        faults.add_with_help(
            &later.span,
            what,
            "one object is read by the same people: write one `read` in both",
        );
    } else {
        let apart = match (&earlier.key, &target.key) {
            (Some(one), Some(two)) => !one.meets(two),
            _ => false,
        };
        if !apart {
            let what = format!("two targets publish to the same place of `{one}`");
            faults.add_with_help(&later.span, what, "give them names, or keys, that can never be the same");
        }
    }
}

fn read_read(table: &Table<'_>, faults: &mut Faults<'_>) -> Read {
    let Some(text) = table.text("read", faults) else { return Read::Permission };
    match text.value {
        "everyone" => Read::Everyone,
        "permission" => Read::Permission,
        other if other.chars().all(|it| it.is_ascii_alphabetic()) => {
            let words = [("everyone", ()), ("permission", ())];
            table.word("read", &words, faults);
            Read::Permission
        }
        _ => {
            let help = "write `everyone` or `permission`";
            faults.add_with_help(&text.span, "a condition in `read` is not supported in this version", help);
            Read::Permission
        }
    }
}

fn read_ttl(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<Ttl> {
    let At { span, value: text } = table.text("ttl", faults)?;
    let unit = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let parsed = unit.iter().find_map(|(letter, seconds)| {
        let number = text.strip_suffix(letter).filter(|it| it.bytes().all(|it| it.is_ascii_digit()))?;
        number.parse::<u64>().ok().map(|it| it.saturating_mul(*seconds))
    });
    let Some(seconds) = parsed else {
        let help = "write a number and `s`, `m`, `h` or `d`, such as `30s`";
        faults.add_with_help(&span, format!("`ttl` cannot be `{text}`"), help);
        return None;
    };
    let ttl = u32::try_from(seconds).ok().filter(|it| *it != 0).and_then(|it| Ttl::try_from(it).ok());
    if ttl.is_none() {
        let what = format!("`ttl` must be from 1 to {TTL_SECONDS_MAX} seconds, not `{text}`");
        faults.add_with_help(&span, what, "leave `ttl` out to publish for ever");
    }
    ttl
}

fn read_rewrite(table: &Table<'_>, scope: Option<&Scope<'_>>, faults: &mut Faults<'_>) -> Rewrite {
    let mut rewrite = Rewrite::default();
    if let Some(listed) = table.texts("take", faults) {
        let pointers = listed.value.into_iter().filter_map(|it| pointer(&it, Pointer::parse, faults));
        rewrite.take = Some(apart("take", pointers.collect(), faults));
    }
    if let Some(entries) = table.table("rename", "`rename`", faults) {
        let (mut sources, mut places) = (Vec::new(), Vec::new());
        for (key, value) in entries.entries() {
            let Some(text) = value.get_ref().as_str() else {
                let kind = written::kind(value.get_ref());
                faults.add(&value.span(), format!("`rename` leads to a JSON pointer, not to {kind}"));
                continue;
            };
            let to = pointer(&At { span: value.span(), value: text }, Pointer::parse, faults);
            if let (Some(from), Some(to)) = (pointer(&key, Pointer::parse, faults), to) {
                sources.push(from);
                places.push(to);
            }
        }
        let (sources, places) = (apart("rename", sources, faults), apart("rename", places, faults));
        rewrite.rename = sources.into_iter().zip(places).collect();
    }
    if let Some(entries) = table.table("default", "`default`", faults) {
        let (mut places, mut values) = (Vec::new(), Vec::new());
        for (key, value) in entries.entries() {
            let place = pointer(&key, Pointer::parse_key, faults);
            if let (Some(place), Some(value)) = (place, written::to_json(value, faults)) {
                places.push(place);
                values.push(value);
            }
        }
        rewrite.default = apart("default", places, faults).into_iter().zip(values).collect();
    }
    if let Some(entries) = table.table("set", "`set`", faults) {
        let (mut places, mut settings) = (Vec::new(), Vec::new());
        for (key, value) in entries.entries() {
            let place = pointer(&key, Pointer::parse_key, faults);
            if let (Some(place), Some(setting)) = (place, setting(value, scope, faults)) {
                places.push(place);
                settings.push(setting);
            }
        }
        rewrite.set = apart("set", places, faults).into_iter().zip(settings).collect();
    }
    rewrite
}

fn setting(
    value: &toml::Spanned<toml::de::DeValue<'_>>,
    scope: Option<&Scope<'_>>,
    faults: &mut Faults<'_>,
) -> Option<Setting> {
    let Some(text) = value.get_ref().as_str() else {
        if value.get_ref().is_array() || value.get_ref().is_table() {
            let what =
                format!("`set` takes a text, a number or a boolean, not {}", written::kind(value.get_ref()));
            faults.add_with_help(
                &value.span(),
                what,
                "name the inner place with a JSON pointer, such as \"/a/b\"",
            );
            return None;
        }
        return written::to_json(value, faults).map(Setting::Constant);
    };
    // Without a `[from]` nobody knows what is captured; that fault is told already.
    let parsed = Setting::parse(text, scope?);
    match parsed {
        Ok(setting) => Some(setting),
        Err(bad) => {
            match bad.help() {
                Some(help) => faults.add_with_help(&value.span(), bad.to_string(), help),
                None => faults.add(&value.span(), bad.to_string()),
            }
            None
        }
    }
}

fn pointer(
    text: &At<&str>,
    parse: impl Fn(&str) -> Result<Pointer, BadPointer>,
    faults: &mut Faults<'_>,
) -> Option<At<Pointer>> {
    match parse(text.value) {
        Ok(value) => Some(At { span: text.span.clone(), value }),
        Err(bad) => {
            match bad.help() {
                Some(help) => faults.add_with_help(&text.span, bad.to_string(), help),
                None => faults.add(&text.span, bad.to_string()),
            }
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
