//! The answers of `--matrix`: a table for each kind of place, or rows for programs.

use serde::Serialize;

use crate::{
    relay::{Asker, Error, Refusal, Side, Space, Verb},
    wire::problem::{Plane, Problem},
};

/// One answer, for programs.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    policy: Option<&'a str>,
    side: &'static str,
    kind: &'static str,
    names: Option<&'a str>,
    caller: &'static str,
    verb: &'static str,
    /// 200, or the status of the refusal.
    status: u16,
    /// The code of the refusal.
    code: Option<u32>,
}

/// All answers as rows.
pub(super) fn rows(spaces: &[Space]) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for space in spaces {
        let (side, policy) = side(&space.side);
        for (asker, answers) in &space.answers {
            for (verb, answer) in Verb::of(space.kind).iter().zip(answers) {
                let refused = answer.as_ref().err().map(|it| problem(*asker, it));
                rows.push(Row {
                    policy,
                    side,
                    kind: space.kind.as_str(),
                    names: space.names.as_deref(),
                    caller: asker.as_str(),
                    verb: verb.as_str(),
                    status: refused.as_ref().map_or(200, |it| it.status),
                    code: refused.map(|it| it.code),
                });
            }
        }
    }
    rows
}

/// All answers as tables: `yes`, or the status of the refusal.
pub(super) fn text(spaces: &[Space]) -> String {
    spaces.iter().map(table).collect()
}

fn table(space: &Space) -> String {
    let (side, policy) = side(&space.side);
    let names = space.names.as_ref().map(|it| format!(" `{it}`")).unwrap_or_default();
    let policy = policy.map(|it| format!(" of `{it}`")).unwrap_or_default();
    let mut out = format!("\n{side} {}{names}{policy}\n", space.kind);
    let verbs: Vec<&str> = Verb::of(space.kind).iter().map(|it| it.as_str()).collect();
    out.push_str(&line("", verbs.iter().map(|it| (*it).to_owned()), &verbs));
    for (asker, answers) in &space.answers {
        let cell = |it: &Result<(), Refusal>| match it {
            Ok(()) => "yes".to_owned(),
            Err(refusal) => problem(*asker, refusal).status.to_string(),
        };
        out.push_str(&line(asker.as_str(), answers.iter().map(cell), &verbs));
    }
    out
}

/// A line whose cells stand below their verbs.
fn line(first: &str, cells: impl Iterator<Item = String>, verbs: &[&str]) -> String {
    let cells = cells.zip(verbs).map(|(cell, verb)| format!("  {cell:width$}", width = verb.len()));
    let text = format!("  {first:9}{}", cells.collect::<String>());
    text.trim_end().to_owned() + "\n"
}

fn side(side: &Side) -> (&'static str, Option<&str>) {
    match side {
        Side::Private(policy) => ("private", Some(policy)),
        Side::Shared(policy) => ("shared", Some(policy)),
        Side::Plain => ("plain", None),
    }
}

/// How the refusal is answered at the caller's door.
fn problem(asker: Asker, refusal: &Refusal) -> Problem {
    let plane = if asker == Asker::Backend { Plane::Rest } else { Plane::Sdk };
    Problem::of_error(&Error::from(refusal.clone()), plane)
}
