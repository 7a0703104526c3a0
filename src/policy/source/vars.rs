//! `[vars.NAME]`: what a captured variable may be (decision 19).

use regex::RegexBuilder;

use super::{from, lookup};
use crate::{
    domain::{
        limits::{PATTERN_BYTES_MAX, PATTERN_CACHE_BYTES_MAX},
        object::ObjectKind,
    },
    policy::{
        compiled::{Bound, Source},
        fault::Faults,
        pattern::IDENTITY,
        written::{At, Keys, Table, listed},
    },
};

pub(super) const KEYS: Keys = Keys {
    known: &["pattern", "in", "exists"],
    later: &[],
    elsewhere: &[("schema", "in `[from]`, `[[lookup]]` or `[[to]]`"), ("that", "in `[[when]]`")],
};

/// Reads what bounds each variable; each stands where its `exists` does.
pub(super) fn read_all(top: &Table<'_>, from: Option<&Source>, faults: &mut Faults<'_>) -> Vec<At<Bound>> {
    let (Some(table), Some(from)) = (top.table("vars", "`[vars]`", faults), from) else { return Vec::new() };
    let mut bounds = Vec::new();
    for (name, _) in table.entries() {
        if !from.pattern.has(name.value) {
            let known: Vec<&str> = from.pattern.variables().map(|it| &**it).collect();
            let what = format!("`{}` is not captured by `[from]`", name.value);
            faults.add_with_help(&name.span, what, format!("captured are {}", listed(&known)));
            continue;
        }
        let Some(inner) = table.table(name.value, &format!("`[vars.{}]`", name.value), faults) else {
            continue;
        };
        inner.check_keys(&KEYS, faults);
        if name.value == IDENTITY && inner.has("in") {
            let what = "the identity is the token's own: no list can bound it";
            faults.add_with_help(&inner.key_span("in"), what, "take it out; a `pattern` may bound it");
        }
        let bound = Bound {
            variable: name.value.into(),
            pattern: inner.text("pattern", faults).and_then(|it| read_pattern(&it, faults)),
            one_of: inner.text("in", faults).and_then(|it| read_path(&it, faults)),
            exists: inner.text("exists", faults).and_then(|it| {
                let pattern = from::pattern(&it, faults)?;
                lookup::captured(&pattern.value, from, &pattern.span, faults);
                Some((ObjectKind::Document, pattern.value))
            }),
        };
        bounds.push(At { span: inner.key_span("exists"), value: bound });
    }
    bounds
}

fn read_pattern(text: &At<&str>, faults: &mut Faults<'_>) -> Option<regex::Regex> {
    let built = RegexBuilder::new(&format!("^(?:{})$", text.value))
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_CACHE_BYTES_MAX)
        .build();
    if built.is_err() {
        let help = "look-around and back-references are not known, and its compiled size is bounded";
        faults.add_with_help(&text.span, "the regular expression cannot be compiled", help);
    }
    built.ok()
}

fn read_path(text: &At<&str>, faults: &mut Faults<'_>) -> Option<Vec<String>> {
    let path = text.value.strip_prefix("claims.").filter(|it| it.split('.').all(|step| !step.is_empty()));
    if path.is_none() {
        let help = "write for example `in = \"claims.rooms\"`: a list of texts in the token";
        faults.add_with_help(&text.span, format!("`in` cannot be `{}`", text.value), help);
    }
    path.map(|it| it.split('.').map(str::to_owned).collect())
}
