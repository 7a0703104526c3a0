//! `[[limit]]`: how often, for whom; shared limits need a caller's own beside them (decision 24).

use std::num::NonZeroU32;

use crate::{
    domain::limits::{RATE_EVENTS_MAX, RATES_MAX},
    policy::{
        compiled::Source,
        fault::Faults,
        pattern::KEY,
        rate::{BadPer, Cost, Limit, Per, parse_allow},
        written::{At, Keys, Table, listed},
    },
};

pub(super) const KEYS: Keys = Keys {
    known: &["per", "allow", "burst", "cost"],
    later: &[],
    elsewhere: &[("detail", "in `[refusal]`"), ("max_bytes", "in `[from]`"), ("objects_max", "in `[from]`")],
};

/// Reads all limits of a policy.
pub(super) fn read_all(top: &Table<'_>, from: Option<&Source>, faults: &mut Faults<'_>) -> Vec<Limit> {
    let tables = top.tables("limit", "`[[limit]]`", faults);
    if let Some(surplus) = tables.get(RATES_MAX) {
        faults.add(&surplus.span, format!("there are more than {RATES_MAX} limits"));
    }
    let mut limits = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        limits.extend(read(table, at + 1, from, faults));
    }
    // Of a limit that could not be read nobody knows whether it is the one that is wanted.
    let all_read = limits.len() == tables.len();
    for At { span, value: limit } in &limits {
        let shared = !limit.per.own();
        if shared && all_read && !limits.iter().any(|it| it.value.per.guards(&limit.per)) {
            let help = "add a `[[limit]]` with `per = \"identity\"`: else one caller could use it up for all";
            let what = format!("a limit {} needs a caller's limit beside it", limit.per);
            faults.add_with_help(span, what, help);
        }
    }
    limits.into_iter().map(|it| it.value).collect()
}

fn read(
    table: &Table<'_>,
    number: usize,
    from: Option<&Source>,
    faults: &mut Faults<'_>,
) -> Option<At<Limit>> {
    table.check_keys(&KEYS, faults);
    for (key, example) in [("per", "identity"), ("allow", "20/s")] {
        if !table.has(key) {
            let help = format!("write for example `{key} = \"{example}\"`");
            faults.add_with_help(&table.span, format!("{} has no `{key}`", table.name()), help);
        }
    }
    let per = read_per(table, from, faults);
    let allow = table.text("allow", faults).and_then(|it| {
        let parsed = parse_allow(it.value);
        if let Err(bad) = parsed {
            faults.add_with_help(&it.span, format!("{bad}, not `{}`", it.value), "write for example `20/s`");
        }
        parsed.ok()
    });
    let burst = table.number("burst", 1..=RATE_EVENTS_MAX, faults).and_then(NonZeroU32::new);
    let cost = table.word("cost", &[("count", Cost::Attempts), ("bytes", Cost::Bytes)], faults);
    let At { span, value: per } = per?;
    // What it is worth does not matter once there is a fault; for whom it counts does, to the limits beside it.
    let (interval_ns, count) = allow.unwrap_or((1, NonZeroU32::MIN));
    let name = format!("limit-{number}");
    let cost = cost.map_or(Cost::Attempts, |it| it.value);
    Some(At { span, value: Limit { name, per, interval_ns, burst: burst.unwrap_or(count), cost } })
}

fn read_per(table: &Table<'_>, from: Option<&Source>, faults: &mut Faults<'_>) -> Option<At<Per>> {
    let At { span, value: text } = table.text("per", faults)?;
    let words = "write `identity`, `address`, `policy`, or variables such as `{room}/{identity}`";
    let per = match Per::parse(text) {
        Ok(per) => per,
        Err(BadPer::Pattern(bad)) => {
            faults.add_with_help(&span, bad.to_string(), bad.help());
            return None;
        }
        Err(bad @ BadPer::Literal(_)) => {
            faults.add_with_help(&span, bad.to_string(), words);
            return None;
        }
    };
    for variable in per.variables() {
        let Some(from) = from else { continue };
        if &**variable == KEY {
            faults.add_with_help(&span, "`{key}` cannot stand in `per`", "a limit counts objects, not items");
        } else if !from.pattern.has(variable) {
            let bound: Vec<String> = from.pattern.variables().map(|it| format!("{{{it}}}")).collect();
            let bound: Vec<&str> = bound.iter().map(String::as_str).collect();
            let what = format!("`{{{variable}}}` is not captured by `[from]`");
            faults.add_with_help(&span, what, format!("captured are {}", listed(&bound)));
        }
    }
    Some(At { span, value: per })
}
