//! `[[to]]`: what the others see, and the proofs about one policy's targets.

use std::sync::{Arc, atomic::AtomicUsize};

use super::{
    Schemas, fold, from, list,
    place::{self, Data},
    rewrite::{self, Scopes},
    way, when,
};
use crate::{
    domain::{
        limits::{TARGETS_MAX, TTL_SECONDS_MAX},
        object::ObjectKind,
        time::Ttl,
    },
    policy::{
        compiled::{Read, Source, Target},
        expression::{self, Typed, Wanted},
        fault::Faults,
        footprint,
        mask::Room,
        pattern::{IDENTITY, KEY, PSEUDONYM, Pattern},
        rewrite::Rewrite,
        setting::{Scope, Setting},
        written::{At, Keys, Table, listed},
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
        "clamp",
        "mask",
        "set",
        "template",
        "fold",
        "schema",
        "ttl",
        "read",
    ],
    later: &["adopt"],
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
    scopes: Option<&Scopes<'_>>,
    schemas: &mut Schemas<'_>,
    faults: &mut Faults<'_>,
) -> Vec<At<Target>> {
    let tables = top.tables("to", "`[[to]]`", faults);
    if !top.has("to") || (tables.is_empty() && top.raw("to").is_some_and(|it| it.get_ref().is_array())) {
        let help = "write a table `[[to]]` with `document = …`, or `map = …` and `key = …`";
        faults.add_with_help(&top.key_span("to"), format!("{} publishes nothing", top.name()), help);
    }
    if let Some(surplus) = tables.get(TARGETS_MAX) {
        faults.add(&surplus.span, format!("there are more than {TARGETS_MAX} targets"));
    }
    let mut masks = Room::whole();
    let mut targets: Vec<_> =
        tables.iter().filter_map(|it| read((it, top), from, scopes, schemas, &mut masks, faults)).collect();
    for (at, target) in targets.iter().enumerate() {
        for earlier in targets.iter().take(at) {
            collision(&earlier.value, target, faults);
        }
    }
    share_bounds(&mut targets);
    targets
}

/// What several targets publish to one object is bounded together: by the least that one of them allows.
fn share_bounds(targets: &mut [At<Target>]) {
    let all: Vec<_> =
        targets.iter().map(|it| (it.value.kind, it.value.name.clone(), it.value.items_max)).collect();
    for At { value, .. } in targets {
        let same = all.iter().filter(|it| (it.0, &it.1) == (value.kind, &value.name));
        value.items_max = same.map(|it| it.2).min().unwrap_or(value.items_max);
    }
}

fn read(
    (table, top): (&Table<'_>, &Table<'_>),
    from: Option<&Source>,
    scopes: Option<&Scopes<'_>>,
    schemas: &mut Schemas<'_>,
    masks: &mut Room,
    faults: &mut Faults<'_>,
) -> Option<At<Target>> {
    table.check_keys(&KEYS, faults);
    let object = from::object(table, faults);
    let key = table.text("key", faults).and_then(|it| from::pattern(&it, faults));
    let contended = table.boolean("contended", faults).is_some_and(|it| it.value);
    let schema = schemas.read(table, faults);
    let ttl = read_ttl(table, faults);
    let rewrite = rewrite::read(table, scopes, masks, faults);
    let mut fold = fold::read(table, scopes, faults);
    let private = from.and_then(|it| it.schema.as_ref());
    place::check(table, &Data { private, rewrite: &rewrite, shared: schema.as_ref() }, fold.as_ref(), faults);
    way::check(table, (private, schema.as_ref()), &rewrite, fold.as_ref(), faults);
    let (kind, At { span, value: name }) = object?;
    let list = list::read(table, from.map(|it| it.kind), kind, faults);
    if let Some(from) = from.filter(|_| !table.has("fold")) {
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
    let read = read_read(table, &name, scopes, faults);
    if let Some(scope) = scopes.map(|it| &it.native) {
        bound(&At { span: span.clone(), value: &name }, scope, faults);
        if let Some(key) = &key {
            bound(&At { span: key.span.clone(), value: &key.value }, scope, faults);
        }
        if !contended && !table.has("fold") && (kind == ObjectKind::Document || key.is_some()) {
            complete(&span, &name, key.as_ref().map(|it| &it.value), scope, faults);
        }
    }
    let key = key.map(|it| it.value);
    if veils(&name, key.as_ref(), &rewrite) {
        veiled(&span, &name, key.as_ref(), &rewrite, faults);
    }
    let list::Bounds { on_withdraw, items_max, when_full } = list;
    if let Some(fold) = &mut fold {
        let source = from.map(|it| (it.kind, it.schema.as_ref()));
        let bounds = fold::check(table, (kind, &span), source, (&rewrite, schema.as_ref()), fold, faults);
        let computes = rewrite.computes() || fold.computes();
        let written = footprint::of(fold, (table, top), (private, schema.as_ref()), &bounds, computes);
        fold.footprint = written.into();
    }
    let lookups = scopes.map_or(0, |it| it.expressions.lookups.len());
    let alone = !(rewrite.reads_previous()
        || rewrite.looks_up(lookups)
        || fold.as_ref().is_some_and(|it| it.reads_previous() || it.looks_up(lookups)));
    let veiled = veils(&name, key.as_ref(), &rewrite);
    let target = Target {
        kind,
        name,
        key,
        contended,
        read,
        on_withdraw,
        items_max,
        when_full,
        ttl,
        schema,
        fold,
        alone,
        veiled,
        rewrite,
    };
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
        if scope.names().contains(&&**variable) || &**variable == PSEUDONYM {
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
    let has = |it: &str| name.has(it) || key.is_some_and(|key| key.has(it));
    let missing: Vec<String> = scope
        .names()
        .into_iter()
        .filter(|it| !(has(it) || *it == IDENTITY && has(PSEUDONYM)))
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

/// Whether a pseudonym stands anywhere in a target.
fn veils(name: &Pattern, key: Option<&Pattern>, rewrite: &Rewrite) -> bool {
    let set = rewrite.set.iter().any(|(_, it)| match it {
        Setting::Pseudonym => true,
        Setting::Text(text) => text.variables().any(|it| &**it == PSEUDONYM),
        _ => false,
    });
    set || name.has(PSEUDONYM) || key.is_some_and(|it| it.has(PSEUDONYM))
}

/// A target that shows a pseudonym shows the identity nowhere (decision 35).
fn veiled(
    span: &std::ops::Range<usize>,
    name: &Pattern,
    key: Option<&Pattern>,
    rewrite: &Rewrite,
    faults: &mut Faults<'_>,
) {
    let names = |it: &Setting| match it {
        Setting::Identity => true,
        Setting::Capture(variable) => &**variable == IDENTITY,
        Setting::Text(text) => text.variables().any(|it| &**it == IDENTITY),
        Setting::Expression(it) => it.reads_identity(),
        Setting::Now | Setting::Claim(_) | Setting::Key | Setting::Pseudonym | Setting::Constant(_) => false,
    };
    let told = rewrite.set.iter().any(|(_, it)| names(it));
    if told || name.has(IDENTITY) || key.is_some_and(|it| it.has(IDENTITY)) {
        let help =
            "take `identity` out of the name, the key, `set` and `template`, or write it for `pseudonym`";
        faults.add_with_help(span, "a target with `{pseudonym}` shows the identity beside it", help);
    }
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

fn read_read(
    table: &Table<'_>,
    name: &Pattern,
    scopes: Option<&Scopes<'_>>,
    faults: &mut Faults<'_>,
) -> Read {
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
            // Only what the name of the shared object captures is known of it.
            let variables: Vec<Arc<str>> = name.variables().cloned().collect();
            let own = AtomicUsize::new(0);
            let scope = expression::Scope {
                variables: &variables,
                key: false,
                lookups: &[],
                data: Typed::Unknown,
                previous: false,
                reader: true,
                patterns: scopes.map_or(&own, |it| it.expressions.patterns),
            };
            when::expression(&text, &scope, Wanted::Condition, faults)
                .map_or(Read::Permission, Read::Condition)
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
