//! The way of each field through a rewrite: what is named must be able to stand where it is sought, what is published must
//! have a place in the target's schema, and what that schema requires must come from somewhere. Else the key does
//! nothing, or each write is refused: a slip in a name, as a rule.

use std::ops::Range;

use toml::de::DeValue;

use crate::{
    domain::data::pointer_step,
    policy::{
        expression::{Closed, Places},
        fault::{Faults, meant},
        folding::{Folding, Origin},
        pointer::Pointer,
        rewrite::Rewrite,
        schema::Schema,
        written::{Table, listed},
    },
};

/// What is known of the data of a target.
struct Data<'d> {
    private: Option<Places>,
    rewrite: &'d Rewrite,
    shared: Option<Places>,
}

impl Data<'_> {
    /// Whether the schema of the private side has no such place.
    fn never(&self, place: &Pointer) -> Option<Closed> {
        self.private.as_ref()?.closed(&steps(place))
    }
}

/// Checks the ways of one target, between the schemas of both sides.
pub(super) fn check(
    table: &Table<'_>,
    (private, shared): (Option<&Schema>, Option<&Schema>),
    rewrite: &Rewrite,
    fold: Option<&Folding>,
    faults: &mut Faults<'_>,
) {
    let [private, shared] = [private, shared].map(|it| it.map(|it| Places::of(it.document())));
    let data = &Data { private, rewrite, shared };
    for place in rewrite.take.iter().flatten() {
        if let Some(found) = data.never(place) {
            nothing(table, "take", place, &found, faults);
        }
    }
    let clamps = rewrite.clamp.iter().map(|it| ("clamp", &it.0));
    let masks = rewrite.mask.iter().map(|it| ("mask", &it.0));
    let renames = rewrite.rename.iter().map(|it| ("rename", &it.0));
    for (key, place) in renames.chain(clamps).chain(masks) {
        sought(table, key, place, data, faults);
    }
    for input in fold.iter().flat_map(|it| &it.inputs) {
        let place = match &input.value {
            Some(Origin::Place(place)) => Some(place.clone()),
            _ => None,
        };
        let kept = input.keep.iter().filter_map(|it| Pointer::parse(&pointer_step("", it)).ok());
        for place in place.into_iter().chain(kept) {
            if !rewrite.set.iter().any(|it| it.0.overlaps(&place)) {
                sought(table, "fold", &place, data, faults);
            }
        }
    }
    published(table, data, faults);
}

/// A place that `rename` takes from; or one of another key, which comes after `rename` and `default`.
fn sought(table: &Table<'_>, key: &str, place: &Pointer, data: &Data<'_>, faults: &mut Faults<'_>) {
    let rewrite = data.rewrite;
    let touched = |it: &Pointer| it.overlaps(place);
    if key != "rename" {
        let mut put = rewrite.rename.iter().map(|it| &it.1).chain(rewrite.default.iter().map(|it| &it.0));
        if put.any(touched) {
            return;
        }
        if let Some((from, to)) = rewrite.rename.iter().find(|it| touched(&it.0)) {
            // Of a place around it the rest has stayed.
            if place.steps().starts_with(from.steps()) {
                let what = format!("nothing stands at `{place}`: `rename` has moved it");
                let help = format!("name the place to which it was moved: `{to}`");
                faults.add_with_help(&spot(table, key, place), what, help);
            }
            return;
        }
    }
    if let Some(take) = &rewrite.take
        && !take.iter().any(touched)
    {
        let what = format!("nothing stands at `{place}`: it is not taken");
        faults.add_with_help(&spot(table, key, place), what, "add it to `take`");
        return;
    }
    if let Some(found) = data.never(place) {
        nothing(table, key, place, &found, faults);
    }
}

fn nothing(table: &Table<'_>, key: &str, place: &Pointer, found: &Closed, faults: &mut Faults<'_>) {
    let what = format!("nothing ever stands at `{place}`: the schema of `[from]` has no such field");
    faults.note(&spot(table, key, place), what, help(place, found));
}

/// What is published, beside the target's schema.
fn published(table: &Table<'_>, data: &Data<'_>, faults: &mut Faults<'_>) {
    let Some(shared) = &data.shared else { return };
    let rewrite = data.rewrite;
    let renamed = |place: &Pointer| rewrite.rename.iter().any(|it| it.0.overlaps(place));
    let taken = rewrite.take.iter().flatten().filter(|it| !renamed(it)).map(|it| ("take", it));
    let renames = rewrite.rename.iter().map(|it| ("rename", &it.1));
    let defaults = rewrite.default.iter().map(|it| ("default", &it.0));
    let texts = table.has("template");
    let set = rewrite
        .set
        .iter()
        .map(|it| (if texts && !names(table, "set", &it.0) { "template" } else { "set" }, &it.0));
    for (key, place) in taken.chain(renames).chain(defaults).chain(set) {
        if let Some(found) = shared.closed(&steps(place)) {
            let what = format!("the target's schema has no place for `{place}`: what has it is refused");
            faults.note(&spot(table, key, place), what, help(place, &found));
        }
    }
    // What is kept without being named.
    if let (None, Some(private)) = (&rewrite.take, &data.private) {
        let overwritten = |it: &str| rewrite.set.iter().any(|(place, _)| place.only_step() == Some(it));
        let moved = |it: &str| rewrite.rename.iter().any(|(from, _)| from.only_step() == Some(it));
        for name in private.required().filter(|it| !overwritten(it) && !moved(it)) {
            if shared.closed(&[name]).is_some() {
                let what = format!(
                    "the target's schema has no place for `{name}`, which each write has: all are refused"
                );
                let help = "name in `take` what is published, or add it to the target's schema";
                faults.add_with_help(&table.key_span("schema"), what, help);
            }
        }
    }
    // Of what has a fault already nobody knows what it would have put.
    if !whole(table, rewrite) {
        return;
    }
    for name in shared.required() {
        if !made(data, name) {
            let what = format!(
                "the target's schema requires `{name}`, and nothing puts it there: each write is refused"
            );
            let help = "take it, or put it there by `set` or `default`";
            faults.add_with_help(&table.key_span("schema"), what, help);
        }
    }
}

/// Whether all that is written of a rewrite could be read.
fn whole(table: &Table<'_>, rewrite: &Rewrite) -> bool {
    let written = |key: &str| match table.raw(key).map(toml::Spanned::get_ref) {
        Some(DeValue::Array(items)) => items.len(),
        Some(DeValue::Table(entries)) => entries.len(),
        _ => 0,
    };
    let taken = rewrite.take.as_ref().map_or(0, Vec::len);
    (taken, rewrite.rename.len(), rewrite.default.len())
        == (written("take"), written("rename"), written("default"))
        && rewrite.set.len() == written("set") + written("template")
}

/// Whether a field of the top can be in what is published.
fn made(data: &Data<'_>, name: &str) -> bool {
    let rewrite = data.rewrite;
    let first = |it: &Pointer| it.steps().first().is_some_and(|it| it == name);
    let put = rewrite.default.iter().any(|it| first(&it.0))
        || rewrite.set.iter().any(|it| first(&it.0))
        || rewrite.rename.iter().any(|it| first(&it.1));
    let taken = rewrite.take.as_ref().is_none_or(|it| it.iter().any(first));
    let away = rewrite.rename.iter().any(|it| it.0.only_step() == Some(name));
    let there = data.private.as_ref().is_none_or(|it| it.closed(&[name]).is_none());
    put || (taken && !away && there)
}

fn steps(place: &Pointer) -> Vec<&str> {
    place.steps().iter().map(String::as_str).collect()
}

/// The place that was meant, or the fields that there are.
fn help(place: &Pointer, found: &Closed) -> Option<String> {
    let wrong = place.steps().get(found.steps)?;
    let has: Vec<&str> = found.has.iter().map(|it| &**it).collect();
    match meant(wrong, has.iter().copied()) {
        Some(it) => Some(format!("did you mean `{it}`?")),
        None => (!has.is_empty()).then(|| format!("it has {}", listed(&has))),
    }
}

fn names(table: &Table<'_>, key: &str, place: &Pointer) -> bool {
    spot(table, key, place) != table.key_span(key)
}

/// Where a key names a place: an element of its list, a key or a value of its table; else the key itself.
fn spot(table: &Table<'_>, key: &str, place: &Pointer) -> Range<usize> {
    let is = |text: &str| Pointer::parse_key(text).is_ok_and(|it| it == *place);
    let found = table.raw(key).and_then(|value| match value.get_ref() {
        DeValue::Array(items) => {
            items.iter().find(|it| it.get_ref().as_str().is_some_and(is)).map(toml::Spanned::span)
        }
        _ => Table::inner(key, value)?.entries().into_iter().find_map(|(at, value)| {
            if is(at.value) {
                return Some(at.span);
            }
            value.get_ref().as_str().filter(|it| key == "rename" && is(it)).map(|_| value.span())
        }),
    });
    found.unwrap_or_else(|| table.key_span(key))
}
