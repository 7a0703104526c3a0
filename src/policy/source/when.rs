//! `[[when]]`: conditions that an admitted write fulfils, each under a name of its own.

use std::sync::Arc;

use crate::{
    domain::limits::{POLICY_NAME_CHARS_MAX, RULE_MESSAGE_BYTES_MAX, RULES_MAX},
    policy::{
        compiled::{Rule, STAGES},
        expression::{Expression, Scope, Wanted},
        fault::Faults,
        written::{At, Keys, Table, listed},
    },
};

pub(super) const KEYS: Keys = Keys {
    known: &["rule", "that", "message"],
    later: &[],
    elsewhere: &[
        ("name", "in `[[lookup]]`; a condition is named by `rule`"),
        ("detail", "in `[refusal]`"),
        ("required", "in `[[lookup]]`"),
    ],
};

/// Reads all conditions of a policy.
pub(super) fn read_all(top: &Table<'_>, scope: Option<&Scope<'_>>, faults: &mut Faults<'_>) -> Vec<At<Rule>> {
    let tables = top.tables("when", "`[[when]]`", faults);
    if let Some(surplus) = tables.get(RULES_MAX) {
        faults.add(&surplus.span, format!("there are more than {RULES_MAX} conditions"));
    }
    let mut rules: Vec<At<Rule>> = Vec::new();
    for table in &tables {
        table.check_keys(&KEYS, faults);
        for (key, example) in [("rule", "inside-board"), ("that", "data.x < 100")] {
            if !table.has(key) {
                let help = format!("write for example `{key} = \"{example}\"`");
                faults.add_with_help(&table.span, format!("{} has no `{key}`", table.name()), help);
            }
        }
        let name = table.text("rule", faults).and_then(|it| named(&it, &rules, faults));
        let that =
            table.text("that", faults).and_then(|it| expression(&it, scope?, Wanted::Condition, faults));
        let message = table.text("message", faults).and_then(|it| message(&it, faults));
        if let (Some(name), Some(that)) = (name, that) {
            rules.push(At { span: table.key_span("that"), value: Rule { name, that, message } });
        }
    }
    rules
}

fn named(text: &At<&str>, rules: &[At<Rule>], faults: &mut Faults<'_>) -> Option<Arc<str>> {
    let name = text.value;
    let shaped = name.len() <= POLICY_NAME_CHARS_MAX
        && name.starts_with(|it: char| it.is_ascii_lowercase())
        && name.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-');
    if !shaped {
        let help = format!("use small letters, digits and `-`, at most {POLICY_NAME_CHARS_MAX} characters");
        faults.add_with_help(&text.span, format!("`{name}` cannot be the name of a rule"), help);
        return None;
    }
    if STAGES.contains(&name) {
        let help = format!("refusals call stages so: {}", listed(&STAGES));
        faults.add_with_help(&text.span, format!("`{name}` is the name of a stage"), help);
        return None;
    }
    if rules.iter().any(|it| &*it.value.name == name) {
        let what = format!("two conditions are called `{name}`");
        faults.add_with_help(&text.span, what, "choose another name");
        return None;
    }
    Some(name.into())
}

fn message(text: &At<&str>, faults: &mut Faults<'_>) -> Option<Arc<str>> {
    if RULE_MESSAGE_BYTES_MAX < text.value.len() || text.value.chars().any(char::is_control) {
        let what = format!("`message` is one line of at most {RULE_MESSAGE_BYTES_MAX} bytes");
        faults.add(&text.span, what);
        return None;
    }
    Some(text.value.into())
}

/// Compiles one expression; its problems become faults at their places.
pub(super) fn expression(
    text: &At<&str>,
    scope: &Scope<'_>,
    wanted: Wanted,
    faults: &mut Faults<'_>,
) -> Option<Expression> {
    match Expression::compile(text.value, scope, wanted) {
        Ok(it) => Some(it),
        Err(problems) => {
            for problem in problems {
                let at = faults.within(&text.span, problem.at.start);
                faults.note(&(at..at), problem.what, problem.help);
            }
            None
        }
    }
}
