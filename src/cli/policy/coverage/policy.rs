//! Each key of a `policy.toml` that decides something: deleted, moved by one, doubled, halved or turned about.

use serde_json::Value;

use super::written::{below, with, without};

/// A policy that was changed in one place.
pub(super) struct Change {
    /// The pointer to the place.
    pub(super) at: String,
    pub(super) what: String,
    pub(super) policy: Value,
}

type Changes = Vec<Change>;

/// Keys of one target whose entries are rules of their own.
pub(super) const STEPS: &[&str] = &["rename", "default", "clamp", "mask", "set", "template"];

/// All changes of a policy.
pub(super) fn mutants(policy: &Value) -> Changes {
    let mut changes = Changes::new();
    deleted(policy, "/from", &["schema", "max_bytes", "objects_max", "withdraw"], &mut changes);
    moved(policy, "/from", &["max_bytes", "objects_max"], &mut changes);
    for name in keys(policy, "/vars") {
        let at = below("/vars", name);
        deleted(policy, "/vars", &[name], &mut changes);
        deleted(policy, &at, &["pattern", "in", "exists"], &mut changes);
        replaced(policy, &below(&at, "pattern"), "none-of-these", &mut changes);
        replaced(policy, &below(&at, "in"), "claims.others", &mut changes);
    }
    for at in places(policy, "/limit") {
        whole(policy, &at, &mut changes);
        deleted(policy, &at, &["cost"], &mut changes);
        moved(policy, &at, &["burst"], &mut changes);
        replaced(policy, &below(&at, "per"), "policy", &mut changes);
        stretched(policy, &below(&at, "allow"), &mut changes);
    }
    for at in places(policy, "/lookup") {
        whole(policy, &at, &mut changes);
        deleted(policy, &at, &["required"], &mut changes);
    }
    for at in places(policy, "/when") {
        whole(policy, &at, &mut changes);
        let that = below(&at, "that");
        let Some(text) = policy.pointer(&that).and_then(Value::as_str) else { continue };
        replaced(policy, &that, &format!("!({text})"), &mut changes);
        expressions(policy, &that, &mut changes);
    }
    for at in places(policy, "/to") {
        target(policy, &at, &mut changes);
    }
    changes
}

fn target(policy: &Value, at: &str, changes: &mut Changes) {
    let alone = &["take", "schema", "ttl", "contended", "on_withdraw", "items_max", "when_full"];
    deleted(policy, at, alone, changes);
    moved(policy, at, &["items_max"], changes);
    stretched(policy, &below(at, "ttl"), changes);
    places(policy, &below(at, "take")).iter().for_each(|it| whole(policy, it, changes));
    for step in STEPS {
        let step = below(at, step);
        for name in keys(policy, &step) {
            let entry = below(&step, name);
            whole(policy, &entry, changes);
            expressions(policy, &entry, changes);
            for inner in ["words", "patterns"] {
                places(policy, &below(&entry, inner)).iter().for_each(|it| whole(policy, it, changes));
            }
            deleted(policy, &entry, &["digits", "with"], changes);
            places(policy, &entry).iter().for_each(|it| nudged(policy, it, changes));
        }
    }
    let fold = below(at, "fold");
    for field in keys(policy, &fold) {
        let field = below(&fold, field);
        whole(policy, &field, changes);
        moved(policy, &field, &["top"], changes);
        places(policy, &below(&field, "keep")).iter().for_each(|it| whole(policy, it, changes));
        for (from, to) in
            [("max", "min"), ("min", "max"), ("mean", "sum"), ("sum", "mean"), ("count_by", "distinct")]
        {
            if let Some(value) = policy.pointer(&below(&field, from)) {
                let swapped = serde_json::json!({ to: value });
                add(changes, &field, format!("`{from}` is `{to}`"), with(policy, &field, swapped));
            }
        }
    }
}

fn keys<'p>(policy: &'p Value, at: &str) -> Vec<&'p String> {
    policy.pointer(at).and_then(Value::as_object).map(|it| it.keys().collect()).unwrap_or_default()
}

/// The places of an array's elements.
fn places(policy: &Value, at: &str) -> Vec<String> {
    let count = policy.pointer(at).and_then(Value::as_array).map_or(0, Vec::len);
    (0..count).map(|index| below(at, index)).collect()
}

fn add(changes: &mut Changes, at: &str, what: String, policy: Value) {
    changes.push(Change { at: at.to_owned(), what, policy });
}

fn whole(policy: &Value, at: &str, changes: &mut Changes) {
    add(changes, at, "deleted".to_owned(), without(policy, at));
}

fn deleted(policy: &Value, at: &str, names: &[impl AsRef<str>], changes: &mut Changes) {
    let places = names.iter().map(|it| below(at, it.as_ref()));
    places.filter(|it| policy.pointer(it).is_some()).for_each(|it| whole(policy, &it, changes));
}

fn replaced(policy: &Value, at: &str, other: &str, changes: &mut Changes) {
    if policy.pointer(at).is_some_and(|it| it != other) {
        add(changes, at, format!("is `{other}`"), with(policy, at, other));
    }
}

fn moved(policy: &Value, at: &str, names: &[&str], changes: &mut Changes) {
    names.iter().for_each(|it| nudged(policy, &below(at, it), changes));
}

/// A number, one more and one less.
fn nudged(policy: &Value, at: &str, changes: &mut Changes) {
    let Some(number) = policy.pointer(at).and_then(Value::as_i64) else { return };
    for by in [1, -1] {
        add(changes, at, format!("{by:+}"), with(policy, at, number + by));
    }
}

/// A rate such as `20/s`, or a time such as `30s`: twice and half of it.
fn stretched(policy: &Value, at: &str, changes: &mut Changes) {
    let Some(text) = policy.pointer(at).and_then(Value::as_str) else { return };
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let Ok(number) = number.parse::<u64>() else { return };
    // Half of one is no number; half of `1d` is half a day, and so on.
    for other in [number * 2, number / 2].into_iter().filter(|it| *it != 0) {
        replaced(policy, at, &format!("{other}{unit}"), changes);
    }
}

/// Each operator and each number of an expression changed; names, such as `claims.name`, have none.
fn expressions(policy: &Value, at: &str, changes: &mut Changes) {
    const OPERATORS: &[(&str, &str)] = &[
        ("<=", "<"),
        (">=", ">"),
        ("==", "!="),
        ("!=", "=="),
        ("&&", "||"),
        ("||", "&&"),
        ("<", "<="),
        (">", ">="),
        (" + ", " - "),
        (".all(", ".exists("),
        (".exists(", ".all("),
    ];
    let Some(text) = policy.pointer(at).and_then(Value::as_str) else { return };
    let (mut rest, mut quoted, mut before) = (text, None, ' ');
    while let Some(letter) = rest.chars().next() {
        let here = text.len() - rest.len();
        let mut length = letter.len_utf8();
        if quoted == Some(letter) {
            quoted = None;
        } else if quoted.is_none() && matches!(letter, '\'' | '"') {
            quoted = Some(letter);
        } else if quoted.is_none() {
            let operator = OPERATORS.iter().find(|it| rest.starts_with(it.0));
            let digits = rest.len() - rest.trim_start_matches(|it: char| it.is_ascii_digit()).len();
            let other = match operator {
                Some((operator, other)) => {
                    length = operator.len();
                    Some((*other).to_owned())
                }
                None if 0 < digits && !before.is_alphanumeric() && !matches!(before, '_' | '.') => {
                    length = digits;
                    rest.get(..digits).and_then(|it| it.parse::<u64>().ok()).map(|it| (it + 1).to_string())
                }
                None => None,
            };
            if let Some(other) = other {
                let (start, end) = text.split_at(here);
                let (found, end) = end.split_at(length);
                let what = format!("letter {}: `{found}` is `{other}`", here + 1);
                add(changes, at, what, with(policy, at, format!("{start}{other}{end}")));
            }
        }
        let (done, more) = rest.split_at(length);
        before = done.chars().next_back().unwrap_or(' ');
        rest = more;
    }
}
