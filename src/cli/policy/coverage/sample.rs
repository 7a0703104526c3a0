//! A policy that is changed in one place at a time, and tried against its cases.

use std::{collections::BTreeMap, slice, sync::Arc};

use serde_json::Value;

use super::{Coverage, Kind, Tried, policy, schema, written};
use crate::{
    cli::policy::progress::Progress,
    policy::{
        Case, PolicySet,
        compile::replace,
        files::{Content, Files},
        line,
    },
    relay::{Disagreement, rehearse},
};

/// A policy as it stands in its folder, or changed in one place.
#[derive(Clone)]
pub(super) struct Sample {
    name: String,
    path: String,
    policy: Value,
    schemas: BTreeMap<String, Value>,
    /// The texts by the path of their file; a change leaves them alone.
    texts: Arc<BTreeMap<String, String>>,
}

/// One change of a policy.
struct Change {
    file: String,
    at: String,
    what: String,
    sample: Sample,
}

impl Sample {
    pub(super) fn read(files: &Files) -> Option<Self> {
        let text = |it: &Content| match it {
            Content::Bytes(bytes) => String::from_utf8(bytes.clone()).ok(),
            _ => None,
        };
        let mut texts = BTreeMap::from([("policy.toml".to_owned(), text(&files.policy)?)]);
        let policy = toml::from_str(texts.values().next()?).ok()?;
        let mut schemas = BTreeMap::new();
        for (name, content) in &files.schemas {
            let text = text(content)?;
            schemas.insert(name.clone(), serde_json::from_str(&text).ok()?);
            texts.insert(name.clone(), text);
        }
        let (name, path) = (files.name.clone(), files.path.clone());
        Some(Self { name, path, policy, schemas, texts: Arc::new(texts) })
    }

    /// The set with this policy in the place of the one of its name, if it compiles.
    fn compiled(&self, set: &PolicySet) -> Option<Arc<PolicySet>> {
        let json = |value: &Value| Content::Bytes(value.to_string().into_bytes());
        let files = Files {
            name: self.name.clone(),
            path: self.path.clone(),
            policy: Content::Bytes(written::document(&self.policy).into_bytes()),
            schemas: self.schemas.iter().map(|(name, schema)| (name.clone(), json(schema))).collect(),
        };
        replace(set, &files).ok().map(Arc::new)
    }

    /// All changes, whether they compile or not.
    fn changes(&self) -> Vec<Change> {
        let private = self.policy.pointer("/from/schema").and_then(Value::as_str);
        let of_policy = policy::mutants(&self.policy).into_iter().map(|it| Change {
            file: "policy.toml".to_owned(),
            at: it.at,
            what: it.what,
            sample: Self { policy: it.policy, ..self.clone() },
        });
        let of_schemas = self.schemas.iter().flat_map(|(file, schema)| {
            let counts = move |it: &schema::Change| !it.weaker || private == Some(file);
            schema::mutants(schema).into_iter().filter(counts).map(move |it| {
                let mut sample = self.clone();
                sample.schemas.insert(file.clone(), it.schema);
                Change { file: file.clone(), at: it.at, what: it.what, sample }
            })
        });
        of_policy.chain(of_schemas).collect()
    }

    /// Tries its changes against its own cases, each within the whole set: a case may need what other policies publish.
    ///
    /// # Errors
    /// The cases that come out otherwise although nothing was changed: they would notice everything.
    pub(super) fn judged(self, set: &PolicySet, cases: &[Case]) -> Result<Coverage, Vec<Disagreement>> {
        let own: Vec<&Case> = cases.iter().filter(|it| *it.policy == *self.name).collect();
        if let Some(unchanged) = self.compiled(set) {
            let wrong: Vec<Disagreement> =
                own.iter().flat_map(|it| rehearse(&unchanged, slice::from_ref(*it))).collect();
            if !wrong.is_empty() {
                return Err(wrong);
            }
        }
        let (changes, mut tried) = (self.changes(), Vec::new());
        let mut progress = Progress::new(changes.len(), format!("changes of `{}`", self.name));
        for Change { file, at, what, sample } in changes {
            progress.step();
            let Some(changed) = sample.compiled(set) else { continue };
            let noticing = own.iter().find(|it| !rehearse(&changed, slice::from_ref(**it)).is_empty());
            let text = self.texts.get(&file).map_or("", String::as_str);
            tried.push(Tried {
                line: line(&file, text, &at),
                kind: Kind::of(&file, &at),
                what: format!("{at}: {what}"),
                noticed_by: noticing.map(|it| it.name.clone()),
                file: self.whole(&file),
            });
        }
        let texts = self.texts.iter().map(|(file, text)| (self.whole(file), text.clone())).collect();
        Ok(Coverage::new(self.name.clone(), own.len(), texts, tried))
    }

    fn whole(&self, file: &str) -> String {
        format!("{}/{file}", self.path)
    }
}
