//! Paths: the places that an expression names, and what stands there at one evaluation.

use std::{fmt, sync::Arc};

use serde_json::Value;

use crate::{
    domain::{data::field, time::Timestamp},
    policy::expression::{EvalFault, Names},
};

/// The name with which a path begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Root {
    Data,
    Previous,
    Claims,
    Identity,
    Now,
    Variables,
    Key,
    /// A lookup, by its place in the scope, and its name.
    Lookup(usize, Arc<str>),
    Reader,
    /// What a comprehension goes over: the variable's name, and a number of its own.
    Local(usize, Arc<str>),
}

impl fmt::Display for Root {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Data => "data",
            Self::Previous => "previous",
            Self::Claims => "claims",
            Self::Identity => "identity",
            Self::Now => "now",
            Self::Variables => "vars",
            Self::Key => "key",
            Self::Lookup(_, name) | Self::Local(_, name) => name,
            Self::Reader => "reader",
        })
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Field(Arc<str>),
    Item(u64),
}

/// A place: `data.items[0].name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path {
    pub(super) root: Root,
    pub(super) steps: Vec<Step>,
}

impl Path {
    pub(super) fn of(root: Root) -> Self {
        Self { root, steps: Vec::new() }
    }

    /// One step further.
    pub(super) fn then(&self, step: Step) -> Self {
        let mut steps = self.steps.clone();
        steps.push(step);
        Self { root: self.root.clone(), steps }
    }

    /// The path as an expression would write it, or the first steps of it.
    fn text(&self, steps: usize) -> String {
        let mut text = self.root.to_string();
        for step in self.steps.iter().take(steps) {
            match step {
                Step::Field(name) if is_word(name) => {
                    text.push('.');
                    text.push_str(name);
                }
                Step::Field(name) => text.push_str(&format!("[{}]", Value::from(&**name))),
                Step::Item(at) => text.push_str(&format!("[{at}]")),
            }
        }
        text
    }

    /// What stands at this path.
    ///
    /// # Errors
    /// Something on the way is missing, or has no parts.
    pub(super) fn find<'w>(&self, names: &Names<'w>) -> Result<Thing<'w>, EvalFault> {
        self.walk(names)
            .map_err(|lost| EvalFault { place: self.text(lost.after), message: lost.why.to_owned() })
    }

    /// The same, if it is there.
    pub(super) fn seek<'w>(&self, names: &Names<'w>) -> Option<Thing<'w>> {
        self.walk(names).ok()
    }

    fn walk<'w>(&self, names: &Names<'w>) -> Result<Thing<'w>, Lost> {
        let (mut thing, taken) = self.start(names)?;
        for (at, step) in self.steps.iter().enumerate().skip(taken) {
            let Thing::Json(value) = thing else { return Err(Lost { after: at, why: "has no fields" }) };
            let next = match (step, value) {
                (Step::Field(name), Value::Object(entries)) => field(entries, name),
                (Step::Field(_), _) => return Err(Lost { after: at, why: "is not an object" }),
                (Step::Item(place), Value::Array(items)) => {
                    usize::try_from(*place).ok().and_then(|it| items.get(it))
                }
                (Step::Item(_), _) => return Err(Lost { after: at, why: "is not a list" }),
            };
            thing = Thing::Json(next.ok_or(Lost { after: at + 1, why: "is missing" })?);
        }
        Ok(thing)
    }

    /// What stands at the root, and how many steps that has taken already.
    fn start<'w>(&self, names: &Names<'w>) -> Result<(Thing<'w>, usize), Lost> {
        let absent = Lost { after: 0, why: "is not known here" };
        let first = || match self.steps.first() {
            Some(Step::Field(name)) => &**name,
            _ => "",
        };
        let one_step = |thing: Option<Thing<'w>>| Ok((thing.ok_or(Lost { after: 1, why: "is missing" })?, 1));
        let thing = match &self.root {
            Root::Data => Thing::Json(names.data),
            Root::Previous => names.previous.map_or(Thing::Json(&Value::Null), Thing::Json),
            Root::Claims => Thing::Json(names.claims),
            Root::Identity => Thing::Text(names.identity),
            Root::Now => Thing::Time(names.now),
            Root::Key => Thing::Text(names.key.ok_or(absent)?),
            Root::Lookup(at, _) => {
                let found = *names.lookups.get(*at).ok_or(absent)?;
                Thing::Json(found.unwrap_or(&Value::Null))
            }
            Root::Variables => return one_step(names.captures.get(first()).map(Thing::Text)),
            Root::Reader => {
                let reader = names.reader.ok_or(absent)?;
                return one_step(match first() {
                    "identity" => Some(Thing::Text(reader.identity)),
                    "claims" => Some(Thing::Json(reader.claims)),
                    _ => None,
                });
            }
            Root::Local(..) => return Err(absent),
        };
        Ok((thing, 0))
    }
}

/// Where a path leads nowhere.
#[derive(Clone, Copy)]
struct Lost {
    /// After so many steps.
    after: usize,
    why: &'static str,
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text(self.steps.len()))
    }
}

/// What stands at a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Thing<'w> {
    Json(&'w Value),
    Text(&'w str),
    Time(Timestamp),
}

fn is_word(name: &str) -> bool {
    name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
        && name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
}

/// What is read of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The value.
    Value,
    /// Whether it is there.
    Presence,
    /// Whether it is not there, or null.
    Absence,
}
