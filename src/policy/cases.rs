//! Cases: what a policy's author expects of it, one write each or several in a row. Running them is the relay's.
//!
//! ```toml
//! [[case]]
//! name = "a cursor is shown in its room"
//! as = { identity = "ada", claims = { name = "Ada" } }
//! given = [{ document = "cursors/7/ada", data = { x = 1, y = 1 } }]
//! write = { document = "cursors/7/ada", data = { x = 5, y = 1 } }
//! published = [{ map = "rooms/7/cursors", key = "ada", data = { x = 5, y = 1 } }]
//! ```
//!
//! A case of several writes has `[[case.step]]` tables, each with its own outcome, and `after` for time that goes by.

mod read;

use std::sync::Arc;

use serde_json::Value;

use crate::{
    domain::{
        limits::{CASE_WRITES_MAX, CASES_MAX},
        name::{Identity, ItemId, ItemKey, UniqueName},
        object::ObjectKind,
        time::Timestamp,
    },
    policy::{
        compile::PolicySet,
        compiled::STAGES,
        fault::{Fault, Faults, meant, sorted},
        written::{self, Keys, Table, listed},
    },
};

/// The time at which each case happens: 2026-01-01T00:00:00.000Z.
pub const CASE_NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// One case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The policy in whose folder it stands.
    pub policy: Arc<str>,
    /// The file, as faults show it.
    pub file: Arc<str>,
    /// The line of the case.
    pub line: usize,
    /// Its name, unique in its file.
    pub name: String,
    /// With which claims private objects are given.
    pub claims: Value,
    /// What was written before, in this order: private objects by their owners, with these claims
    /// and without limits, all others by a backend; each so many times.
    pub given: Vec<(Write, u32)>,
    /// What is written, in this order.
    pub steps: Vec<Step>,
    /// What shared objects then hold, as whoever may read them sees them.
    pub shows: Vec<Shown>,
}

/// One write of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its line.
    pub line: usize,
    /// Who writes.
    pub identity: Identity,
    /// With which claims; `{}` when none are given.
    pub claims: Value,
    /// Milliseconds that go by before it.
    pub after_ms: u64,
    /// What is written.
    pub write: Write,
    /// How often it is written, all at one instant; the last time counts.
    pub times: u32,
    /// What must come of it.
    pub expected: Expected,
}

/// One write of an object or an item, or one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its kind.
    pub kind: ObjectKind,
    /// The object.
    pub name: UniqueName,
    /// The item of a map or list; a list without one is appended to.
    pub item: Option<ItemId>,
    /// The JSON text that is sent, whatever it holds; `None` removes the object or the item.
    pub data: Option<String>,
}

/// What must come of a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// The write is admitted, and the written object then publishes this and nothing else.
    Published(Vec<Publication>),
    /// The write is refused.
    Refused {
        /// The name of the stage or of the limit.
        rule: String,
        /// Where in the data, when the case says so.
        pointer: Option<String>,
    },
}

/// One thing that is published.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    /// Its kind.
    pub kind: ObjectKind,
    /// The shared object.
    pub name: UniqueName,
    /// The item, when it is a map.
    pub key: Option<ItemKey>,
    /// Its data.
    pub data: Value,
}

/// What a shared object, or an item of it, is at the end of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Its kind.
    pub kind: ObjectKind,
    /// The shared object.
    pub name: UniqueName,
    /// The item of a map or list.
    pub item: Option<ItemId>,
    /// What is looked at.
    pub holds: Holds,
}

/// What is expected of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Holds {
    /// It stands and has this data.
    Data(Value),
    /// It has so many items.
    Items(u32),
    /// It does not stand.
    Nothing,
}

const FILE: Keys = Keys {
    known: &["case"],
    later: &[],
    elsewhere: &[("name", "in `[[case]]`"), ("write", "in `[[case]]`")],
};
/// Parses one file of cases of a policy.
///
/// # Errors
/// All faults that were found, by place.
pub fn parse(policy: &str, file: &str, text: &str) -> Result<Vec<Case>, Vec<Fault>> {
    let mut faults = Faults::new(file, text);
    let mut cases: Vec<Case> = Vec::new();
    if let Some(toml) = written::parse(text, &mut faults) {
        let top = Table::whole("a file of cases".to_owned(), &toml);
        top.check_keys(&FILE, &mut faults);
        let tables = top.tables("case", "`[[case]]`", &mut faults);
        if tables.is_empty() {
            faults.add_with_help(&(0..0), "the file has no case", "write a table `[[case]]`");
        }
        if let Some(surplus) = tables.get(CASES_MAX) {
            faults.add(&surplus.span, format!("there are more than {CASES_MAX} cases"));
        }
        let mut room = CASE_WRITES_MAX;
        for table in &tables {
            let Some(case) = read::case(table, policy, &mut faults) else { continue };
            if let Some(earlier) = cases.iter().find(|it| it.name == case.name) {
                let what = format!("two cases are called `{}`", case.name);
                faults.add_with_help(&table.span, what, format!("the other stands in line {}", earlier.line));
            }
            let times = case.given.iter().map(|it| it.1).chain(case.steps.iter().map(|it| it.times));
            let writes = times.map(u64::from).sum();
            match room.checked_sub(writes) {
                Some(left) => room = left,
                None => {
                    let what = format!("the cases up to here write more than {CASE_WRITES_MAX} times");
                    faults.add_with_help(&table.span, what, "lower `times`, or divide the file");
                }
            }
            cases.push(case);
        }
    }
    let faults = faults.into_list();
    if faults.is_empty() { Ok(cases) } else { Err(sorted(faults)) }
}

/// What to say of a rule that no refusal under these policies can name; `None` if one can.
pub fn unheard(policies: &PolicySet, rule: &str) -> Option<String> {
    let conditions = policies.policies().iter().flat_map(|it| it.rules.iter().map(|it| &*it.name));
    let known: Vec<&str> = conditions.chain(STAGES.iter().copied()).collect();
    let help = match meant(rule, known.iter().copied()) {
        _ if known.contains(&rule) => return None,
        Some(it) => format!("did you mean `{it}`?"),
        None => format!("known are {}", listed(&known)),
    };
    Some(format!("no stage and no condition is called `{rule}`: {help}"))
}

#[cfg(test)]
pub(super) mod tests;
