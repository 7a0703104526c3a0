//! `[to.fold]`: the fields of a fold, each an aggregate over all private objects that stand.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    rewrite::{self, Scopes},
    when,
};
use crate::{
    domain::{
        limits::{FOLD_BYTES_MAX, FOLD_FIELDS_MAX, FOLD_TOP_MAX},
        object::ObjectKind,
    },
    policy::{
        expression::{Typed, Wanted},
        fault::Faults,
        fold::{Bounds, Field, Kind, Shape, value_bytes},
        folding::{Folding, Input, Origin},
        pointer::Pointer,
        rewrite::Rewrite,
        schema::Schema,
        written::{At, Keys, Table, listed},
    },
};

pub(super) const KEYS: Keys = Keys {
    known: &["count", "count_by", "sum", "mean", "min", "max", "distinct", "top", "by", "keep"],
    later: &[],
    elsewhere: &[("schema", "in `[[to]]`"), ("take", "in `[[to]]`")],
};
/// What a field can be; `top` stands beside `by`, or bounds a `count_by`.
const OPERATIONS: &[&str] = &["count", "count_by", "sum", "mean", "min", "max", "distinct", "top"];

/// Reads the fold of a target, if it has one.
pub(super) fn read(
    target: &Table<'_>,
    scopes: Option<&Scopes<'_>>,
    faults: &mut Faults<'_>,
) -> Option<Folding> {
    let table = target.table("fold", "`[to.fold]`", faults)?;
    let entries = table.entries();
    if entries.is_empty() {
        let help = "write for example `votes = { count_by = \"data.choice\" }`";
        faults.add_with_help(&table.span, "the fold has no field", help);
    }
    if FOLD_FIELDS_MAX < entries.len() {
        let what = format!("the fold has more than {FOLD_FIELDS_MAX} fields");
        faults.add_with_help(&table.span, what, "write a second `[[to]]`");
    }
    let (mut fields, mut inputs) = (Vec::new(), Vec::new());
    for (name, value) in entries {
        if name.value == "__proto__" {
            faults.add_with_help(&name.span, "the key `__proto__` is not allowed", "choose another key");
            continue;
        }
        let Some(inner) = Table::inner(&format!("the field `{}`", name.value), value) else {
            let help = "write for example `{ count = true }`";
            faults.add_with_help(&value.span(), "a field of a fold is a table", help);
            continue;
        };
        if let Some((kind, input)) = field(&inner, scopes, faults) {
            fields.push(Field { name: Arc::from(name.value), kind });
            inputs.push(input);
        }
    }
    Some(Folding { shape: Shape::new(fields)?, inputs, footprint: "".into() })
}

fn field(table: &Table<'_>, scopes: Option<&Scopes<'_>>, faults: &mut Faults<'_>) -> Option<(Kind, Input)> {
    table.check_keys(&KEYS, faults);
    let written: Vec<&str> = OPERATIONS.iter().copied().filter(|it| table.has(it)).collect();
    let operation = match *written.as_slice() {
        [one] | [one @ "count_by", "top"] => one,
        [] => {
            let help = format!("write one of {}", listed(OPERATIONS));
            faults.add_with_help(&table.span, format!("{} counts nothing", table.name()), help);
            return None;
        }
        [one, two, ..] => {
            let what = format!("`{two}` cannot stand beside `{one}`");
            faults.add_with_help(&table.key_span(two), what, "write two fields");
            return None;
        }
    };
    for (stray, home) in [("by", "top"), ("keep", "top")] {
        if table.has(stray) && operation != home {
            let what = format!("`{stray}` has no meaning here");
            faults.add_with_help(&table.key_span(stray), what, "it stands beside `top`");
            return None;
        }
    }
    let top = match table.has("top") {
        true => Some(table.number("top", 1..=FOLD_TOP_MAX, faults)?),
        false => None,
    };
    if operation == "count" {
        if !table.boolean("count", faults)?.value {
            let help = "write `true`, or take the field out";
            faults.add_with_help(&table.key_span("count"), "`count` cannot be `false`", help);
            return None;
        }
        return Some((Kind::Count, Input { value: None, keep: Vec::new() }));
    }
    let origin = if operation == "top" { "by" } else { operation };
    if !table.has(origin) {
        let help = "write for example `by = \"data.score\"`";
        faults.add_with_help(&table.span, format!("{} has no `{origin}`", table.name()), help);
        return None;
    }
    let text = table.text(origin, faults)?;
    let value = Some(read_origin(&text, scopes, faults)?);
    let kind = match (operation, top) {
        ("count_by", top) => Kind::CountBy { top },
        ("sum", _) => Kind::Sum,
        ("mean", _) => Kind::Mean,
        ("min", _) => Kind::Min,
        ("max", _) => Kind::Max,
        ("distinct", _) => Kind::Distinct,
        (_, top) => Kind::Top { count: top? },
    };
    let keep = if operation == "top" { read_keep(table, faults)? } else { Vec::new() };
    Some((kind, Input { value, keep }))
}

/// `data.a.b` is a place; all else is an expression.
fn read_origin(text: &At<&str>, scopes: Option<&Scopes<'_>>, faults: &mut Faults<'_>) -> Option<Origin> {
    let word = |it: &str| {
        it.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
            && it.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
    };
    if let Some(path) = text.value.trim().strip_prefix("data.").filter(|it| it.split('.').all(word)) {
        let text = At { span: text.span.clone(), value: format!("/{}", path.replace('.', "/")) };
        let text = At { span: text.span.clone(), value: text.value.as_str() };
        return rewrite::pointer(&text, Pointer::parse, faults).map(|it| Origin::Place(it.value));
    }
    let mut scope = scopes?.expressions;
    // Of the published data only its own schema would tell, and a fold may do without one.
    scope.data = Typed::Unknown;
    when::expression(text, &scope, Wanted::Value, faults).map(Origin::Expression)
}

fn read_keep(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<Vec<String>> {
    if !table.has("keep") {
        let help = "write for example `keep = [\"name\", \"score\"]`: fields of the published data";
        faults.add_with_help(&table.span, format!("{} has no `keep`", table.name()), help);
        return None;
    }
    let listed = table.texts("keep", faults)?;
    if listed.value.is_empty() {
        let help = "write for example `keep = [\"name\", \"score\"]`: fields of the published data";
        faults.add_with_help(&listed.span, "`keep` names no field", help);
        return None;
    }
    Some(listed.value.into_iter().map(|it| it.value.to_owned()).collect())
}

/// What must be true of a fold's target: it is a document fed by documents, none of the keys of other targets
/// stands, and its document stays within its bound whatever fits the schemas. Gives the bounds of its inputs.
pub(super) fn check(
    table: &Table<'_>,
    (kind, span): (ObjectKind, &Range<usize>),
    source: Option<(ObjectKind, Option<&Schema>)>,
    (rewrite, shared): (&Rewrite, Option<&Schema>),
    fold: &Folding,
    faults: &mut Faults<'_>,
) -> Vec<Bounds> {
    if kind != ObjectKind::Document {
        faults.add_with_help(span, format!("a fold is a document, not a {kind}"), "write `document` for it");
    }
    if let Some((other, _)) = source.filter(|it| it.0 != ObjectKind::Document) {
        let help = "write `document` in `[from]`: each contributes once";
        faults.add_with_help(span, format!("a fold counts documents, and `[from]` names a {other}"), help);
    }
    for stray in ["contended", "ttl", "on_withdraw"] {
        if table.has(stray) {
            let why = "a fold shows what all sources bring while they stand";
            faults.add_with_help(&table.key_span(stray), format!("`{stray}` has no meaning here"), why);
        }
    }
    let private = source.and_then(|it| it.1);
    let bounds: Vec<Bounds> = fold.inputs.iter().map(|it| bounds(it, private, rewrite, shared)).collect();
    match fold.shape.worst_bytes(&bounds) {
        Err(at) => {
            let name = fold.shape.fields().get(at).map(|it| it.name.to_string()).unwrap_or_default();
            let help = "bound it in the schema of the published data: `enum` for `count_by`; `maxLength` and types for `top` and what it keeps";
            faults.add_with_help(
                &table.key_span("fold"),
                format!("the fold's `{name}` could grow without end"),
                help,
            );
        }
        Ok(bytes) if fold.shape.bytes_max() < bytes => {
            let most = fold.shape.bytes_max();
            let what = format!("the fold could have {bytes} bytes, more than {most}");
            let help = match most {
                FOLD_BYTES_MAX => {
                    "each write sends all of it: lower `top`, shorten what is counted or kept, or write a second `[[to]]`"
                }
                _ => "lower `top`, or shorten what it keeps",
            };
            faults.add_with_help(&table.key_span("fold"), what, help);
        }
        Ok(_) => (),
    }
    bounds
}

/// What the schemas say of an input: that of the published data, else that of the private side where the rewrite
/// leaves the field as it is.
fn bounds(input: &Input, private: Option<&Schema>, rewrite: &Rewrite, shared: Option<&Schema>) -> Bounds {
    let of = |field: &str| {
        let own = |it: &'_ Schema| it.document().get("properties").and_then(|it| it.get(field)).cloned();
        let shared = shared.and_then(|it| Some((own(it)?, it.document().clone())));
        shared.or_else(|| {
            private.filter(|_| rewrite.keeps(field)).and_then(|it| Some((own(it)?, it.document().clone())))
        })
    };
    let value = match &input.value {
        Some(Origin::Place(place)) => match place.only_step() {
            Some(field) => of(field),
            None => None,
        },
        Some(Origin::Expression(_)) | None => None,
    };
    let listed = value.as_ref().and_then(|(schema, _)| {
        let list = match (schema.get("const"), schema.get("enum").and_then(Value::as_array)) {
            (Some(one), _) => vec![one.clone()],
            (None, Some(list)) => list.clone(),
            (None, None) => return None,
        };
        // As keys, 1 and "1" would be one.
        let keys: BTreeSet<String> =
            list.iter().map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned)).collect();
        (keys.len() == list.len()).then(|| list.iter().map(Value::to_string).collect())
    });
    let keep = input.keep.iter().try_fold(2_usize, |sum, field| {
        let (schema, root) = of(field)?;
        let name = Value::String(field.clone()).to_string().len() + 2;
        sum.checked_add(name)?.checked_add(value_bytes(&schema, &root)?)
    });
    Bounds {
        values: listed,
        value_bytes: value.as_ref().and_then(|(schema, root)| value_bytes(schema, root)),
        keep_bytes: keep,
    }
}
