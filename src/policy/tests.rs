//! The language as a whole: faults by their text, sets by what they route.

pub(crate) mod golden;

mod between;
mod cost;
mod faults;
mod folds;
pub(crate) mod page;
mod rewrites;
mod rules;
mod samples;
mod schemas;
mod sets;
mod targets;
mod ways;

use crate::policy::{
    Fault, PolicySet, compile,
    files::{Content, Files},
};

/// A policy's files from texts; the schemas by name.
pub(crate) fn files(name: &str, policy: &str, schemas: &[(&str, &str)]) -> Files {
    let bytes = |text: &str| Content::Bytes(text.as_bytes().to_vec());
    Files {
        name: name.to_owned(),
        path: format!("p/{name}"),
        policy: bytes(policy),
        schemas: schemas.iter().map(|(name, text)| ((*name).to_owned(), bytes(text))).collect(),
    }
}

fn set(policies: &[(&str, &str)]) -> Result<PolicySet, Vec<Fault>> {
    compile(&policies.iter().map(|it| files(it.0, it.1, &[])).collect::<Vec<_>>())
}
