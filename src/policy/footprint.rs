//! What makes a fold what it is, as one text: stored with the names that a policy reserves, compared at the next start.
//!
//! Shares that were made one way must not be summed with shares that are made another. So the text holds what is
//! counted, a hash over what makes the input, and the bounds that the private side's schema gives.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};
use toml::de::DeValue;

use super::{
    fold::{Bounds, Kind},
    folding::Folding,
    schema::Schema,
    written::Table,
};

/// The keys of `[[to]]` that make the input of a fold.
const REWRITE: [&str; 7] = ["take", "rename", "default", "clamp", "mask", "set", "template"];

/// The footprint of a fold: `to` is its table, `top` the whole file.
pub(super) fn of(
    fold: &Folding,
    (to, top): (&Table<'_>, &Table<'_>),
    (private, shared): (Option<&Schema>, Option<&Schema>),
    bounds: &[Bounds],
    computes: bool,
) -> String {
    let mut input = String::new();
    for key in REWRITE {
        if let Some(value) = to.raw(key) {
            let _ = write!(input, "{key}=");
            write_value(value.get_ref(), &mut input);
        }
    }
    if let Some(schema) = shared {
        let _ = write!(input, "schema={}", without_words(schema.document()));
    }
    if computes {
        // An expression divides integers and doubles differently, and reads what lookups name.
        if let Some(schema) = private {
            let _ = write!(input, "private={}", without_words(schema.document()));
        }
        if let Some(lookups) = top.raw("lookup") {
            write_value(lookups.get_ref(), &mut input);
        }
    }
    let hash = digest(&SHA256, input.as_bytes()).as_ref().iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    });
    let used: Vec<Bounds> =
        fold.shape.fields().iter().zip(bounds).map(|(field, it)| used(field.kind, it)).collect();
    let bounds = serde_json::to_string(&used).unwrap_or_default();
    format!("{fold}\n{hash}\n{bounds}")
}

/// Whether shares under the old footprint may stand beside shares under the new one. One of an earlier version says
/// only what is counted.
pub(super) fn agree(old: &str, new: &str) -> bool {
    if !new.contains('\n') {
        return old == new;
    }
    let parts = |text: &str| {
        let mut lines = text.splitn(3, '\n').map(str::to_owned);
        (lines.next(), lines.next(), lines.next())
    };
    let ((counts, input, bounds), (counts_now, input_now, bounds_now)) = (parts(old), parts(new));
    let wider = |bounds: &str| {
        let read = |text: &str| serde_json::from_str::<Vec<Bounds>>(text).ok();
        let (Some(old), Some(new)) = (read(bounds), read(&bounds_now.unwrap_or_default())) else {
            return false;
        };
        old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| within(old, new))
    };
    counts == counts_now && input.is_none_or(|it| Some(it) == input_now) && bounds.is_none_or(|it| wider(&it))
}

/// The bounds on which the size of a field of this kind rests.
fn used(kind: Kind, bounds: &Bounds) -> Bounds {
    let nothing = Bounds::default();
    match kind {
        Kind::CountBy { top: None } => Bounds { values: bounds.values.clone(), ..nothing },
        Kind::CountBy { top: Some(_) } => Bounds { value_bytes: bounds.value_bytes, ..nothing },
        Kind::Top { .. } => Bounds { keep_bytes: bounds.keep_bytes, ..nothing },
        Kind::Count | Kind::Sum | Kind::Mean | Kind::Min | Kind::Max | Kind::Distinct => nothing,
    }
}

/// Whether what fits the old bounds fits the new ones.
fn within(old: &Bounds, new: &Bounds) -> bool {
    let listed = match (&old.values, &new.values) {
        (Some(old), Some(new)) => old.iter().all(|it| new.contains(it)),
        (old, new) => old.is_none() && new.is_none(),
    };
    listed && old.value_bytes <= new.value_bytes && old.keep_bytes <= new.keep_bytes
}

/// A value of a policy file, in one form only: the keys of a table in the order of their bytes.
fn write_value(value: &DeValue<'_>, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = match value {
        DeValue::String(text) => write!(out, "{text:?}"),
        DeValue::Integer(it) => write!(out, "{}r{}", it.as_str(), it.radix()),
        DeValue::Float(it) => write!(out, "{}", it.as_str()),
        DeValue::Boolean(it) => write!(out, "{it}"),
        DeValue::Datetime(it) => write!(out, "{it}"),
        DeValue::Array(list) => {
            out.push('[');
            for it in list.iter() {
                write_value(it.get_ref(), out);
                out.push(',');
            }
            write!(out, "]")
        }
        DeValue::Table(table) => {
            let mut entries: Vec<_> =
                table.iter().map(|(key, it)| (key.get_ref().to_string(), it.get_ref())).collect();
            entries.sort_by(|one, two| one.0.cmp(&two.0));
            out.push('{');
            for (key, it) in entries {
                let _ = write!(out, "{key:?}=");
                write_value(it, out);
                out.push(',');
            }
            write!(out, "}}")
        }
    };
}

/// A schema without what it tells people, its keys in the order of their bytes.
fn without_words(schema: &Value) -> Value {
    let Value::Object(entries) = schema else { return sorted(schema) };
    let mut kept: Vec<(&String, Value)> = Vec::new();
    for (key, value) in entries {
        match key.as_str() {
            "title" | "description" | "$comment" | "examples" => (),
            "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                let inner = value.as_object().map(|it| {
                    let mut inner: Vec<_> =
                        it.iter().map(|(name, it)| (name.clone(), without_words(it))).collect();
                    inner.sort_by(|one, two| one.0.cmp(&two.0));
                    Value::Object(inner.into_iter().collect::<Map<_, _>>())
                });
                kept.push((key, inner.unwrap_or_default()));
            }
            "enum" | "const" | "default" => kept.push((key, sorted(value))),
            _ => kept.push((
                key,
                match value {
                    Value::Array(list) => list.iter().map(without_words).collect(),
                    other => without_words(other),
                },
            )),
        }
    }
    kept.sort_by(|one, two| one.0.cmp(two.0));
    Value::Object(kept.into_iter().map(|(key, it)| (key.clone(), it)).collect())
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().map(|(key, it)| (key.clone(), sorted(it))).collect();
            entries.sort_by(|one, two| one.0.cmp(&two.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::{Reserved, compile, tests::files};

    const PRIVATE: &str = r#"{"type": "object", "properties": {"x": {"type": "integer"}, "side": {"enum": ["a", "b"]},
        "name": {"type": "string", "maxLength": 9}}, "required": ["x", "name"]}"#;
    const SHARED: &str = r#"{"title": "Said", "type": "object", "properties": {"x": {"type": "number"}, "side": true,
        "name": {"type": "string", "maxLength": 9}, "at": true, "who": true}}"#;
    const TO: &str = r#"
        take = ["/x", "/name"]
        default = { "/side" = "a" }
        clamp = { "/x" = [0, 100] }
        mask = { "/name" = { words = ["darn"], digits = true } }
        set = { at = "now" }
        template = { "/who" = "{identity} in {room}" }
        schema = "shared.json"
        fold = { sum = { sum = "data.x" }, best = { max = "data.x" } }
    "#;
    const COUNTED: &str = "fold = { sides = { count_by = \"data.side\" } }";

    fn reserved(to: &str, private: &str, shared: &str) -> Reserved {
        let policy = format!(
            "[from]\ndocument = \"a/{{room}}/{{identity}}\"\nschema = \"private.json\"\n[[to]]\ndocument = \"c/{{room}}\"\n{to}"
        );
        let files = files("chat", &policy, &[("private.json", private), ("shared.json", shared)]);
        let set = compile(&[files]).unwrap_or_else(|it| panic!("{it:?}"));
        set.reserved().remove(0)
    }

    #[test]
    fn a_changed_rewrite_under_a_fold_is_a_changed_fold() {
        let old = reserved(TO, PRIVATE, SHARED);
        assert!(old.agrees(&old));
        for (from, to) in [
            (r#"take = ["/x", "/name"]"#, r#"rename = { "/side" = "/other" }"#),
            (r#"default = { "/side" = "a" }"#, r#"default = { "/side" = "b" }"#),
            ("[0, 100]", "[0, 99]"),
            (r#"words = ["darn"]"#, r#"words = ["heck"]"#),
            (r#"set = { at = "now" }"#, r#"set = { at = "identity" }"#),
            ("{identity} in {room}", "{identity} of {room}"),
            (r#"sum = { sum = "data.x" }"#, r#"sum = { mean = "data.x" }"#),
            (r#"best = { max = "data.x" }"#, r#"best = { max = "data.at" }"#),
            (r#"schema = "shared.json""#, ""),
        ] {
            let changed = TO.replace(from, to);
            assert_ne!(changed, TO, "{from}");
            assert!(!old.agrees(&reserved(&changed, PRIVATE, SHARED)), "{from} -> {to}");
        }
        let narrower = SHARED.replace("\"maxLength\": 9", "\"maxLength\": 8");
        assert!(!old.agrees(&reserved(TO, PRIVATE, &narrower)), "the target's schema");
    }

    #[test]
    fn what_makes_no_other_share_is_no_change() {
        let old = reserved(TO, PRIVATE, SHARED);
        let spaced = TO
            .replace("[0, 100]", "[ 0,  100 ]")
            .replace(r#"{ words = ["darn"], digits = true }"#, r#"{ digits = true, words = ["darn"] }"#);
        assert_ne!(spaced, TO);
        assert!(old.agrees(&reserved(&format!("read = \"everyone\"\n{spaced}"), PRIVATE, SHARED)));
        assert!(old.agrees(&reserved(TO, &PRIVATE.replace("\"maxLength\": 9", "\"maxLength\": 8"), SHARED)));
        let said = SHARED.replace("\"title\": \"Said\"", "\"description\": \"in other words\"");
        assert!(old.agrees(&reserved(TO, PRIVATE, &said)), "words for people");
    }

    /// The size of the document was bounded by the values that the schema lists: those that were counted must be among
    /// those that are.
    #[test]
    fn a_value_may_be_added_to_those_that_are_counted_and_none_taken_away() {
        let old = reserved(COUNTED, PRIVATE, SHARED);
        let listed = |values: &str| reserved(COUNTED, &PRIVATE.replace(r#""a", "b""#, values), SHARED);
        assert!(old.agrees(&listed(r#""b", "a", "c""#)));
        assert!(!old.agrees(&listed(r#""a", "c""#)));
        assert!(!old.agrees(&listed(r#""a""#)));
    }

    /// What an expression makes of an integer is not what it makes of another number.
    #[test]
    fn under_an_expression_the_types_count_too() {
        let halved = "set = { half = \"data.x / 2\" }\nfold = { sum = { sum = \"data.half\" } }";
        let old = reserved(halved, PRIVATE, SHARED);
        let doubles = PRIVATE.replace("\"type\": \"integer\"", "\"type\": \"number\"");
        assert!(old.agrees(&reserved(halved, PRIVATE, SHARED)));
        assert!(!old.agrees(&reserved(halved, &doubles, SHARED)));
    }

    /// Stores of earlier versions know what is counted, and no more.
    #[test]
    fn what_an_earlier_version_has_stored_agrees_with_the_same_fields() {
        let now = reserved(TO, PRIVATE, SHARED);
        let first_line = |it: &Reserved| {
            let mut old = it.clone();
            let text = old.to[0].2.take().expect("a fold");
            old.to[0].2 = text.lines().next().map(str::to_owned);
            old
        };
        assert!(first_line(&now).agrees(&now));
        assert!(!first_line(&reserved(COUNTED, PRIVATE, SHARED)).agrees(&now));
    }
}
