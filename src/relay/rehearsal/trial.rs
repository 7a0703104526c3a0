//! One client's write, admitted and rewritten again and again, and never applied: so that admission can be
//! measured by itself (`benches/admission.rs`), by what the server calls.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    domain::{
        change::{Change, Operation},
        data::{Data, Input},
        name::{Identity, UniqueName},
        object::{Address, ObjectKind, ObjectRef},
        time::Timestamp,
    },
    policy::PolicySet,
    relay::{
        authn::Caller,
        record::Effect,
        refusal::{Missing, Reason, Refusal},
        rehearsal::Stage,
        rewrite::Batch,
        ticket::Charge,
    },
};

/// A service with one private document that stands, and its owner.
pub struct Trial<'p> {
    stage: Stage<'p>,
    caller: Caller,
    address: Address,
}

/// What would have been committed.
pub struct Draft(Batch);

impl<'p> Trial<'p> {
    /// Has the document made by its owner, who has these claims.
    ///
    /// # Errors
    /// When the policies refuse it.
    pub fn new(
        policies: &'p Arc<PolicySet>,
        (owner, claims): (Identity, Value),
        document: UniqueName,
        data: Input,
    ) -> Result<Self, Refusal> {
        let (kind, ttl) = (ObjectKind::Document, None);
        let mut stage = Stage::new(policies, claims.clone());
        let service = stage.service;
        let create = Operation::Create { service, kind, name: Some(document.clone()), data, ttl };
        stage.decide(Some(&owner), create, Charge::Nothing)?;
        let tenant = stage.view.tenant(service);
        let sid = tenant.and_then(|it| it.names.get(&(kind, document)).copied());
        let sid = sid.ok_or_else(|| Refusal::plain(Reason::NotFound(Missing::Name(kind))))?;
        let address = Address { service, kind, object: ObjectRef::Sid(sid) };
        Ok(Self { stage, caller: Caller::rehearsed(Some(owner), service, claims), address })
    }

    /// The request to set the document to this.
    pub fn update(&self, data: Input) -> Change {
        let operation = Operation::Update { address: self.address.clone(), data: Some(data), ttl: None };
        Change { operation, if_match: None, idempotency: None }
    }

    /// What a passage does before its batch is queued: what stands, gate with all limits, rewrite. The change is
    /// cloned as there, where an attempt may come again.
    ///
    /// # Errors
    /// The refusal.
    pub fn admit(&mut self, change: &Change, now: Timestamp) -> Result<Draft, Refusal> {
        self.stage.now = now;
        self.stage.draft(&self.caller, change.clone(), Charge::All).map(Draft)
    }
}

impl Draft {
    /// What is published, in the order of the policy's targets.
    pub fn published(self) -> Vec<Data> {
        match self.0.into_record().effect {
            Effect::Update { publications: Some(publications), .. } => {
                publications.into_iter().map(|it| it.data).collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::policy::{CASE_NOW, folder};

    const POLICY: &str = r#"
        [from]
        document = "seats/{room}/{identity}"
        [[limit]]
        per   = "identity"
        allow = "2/s"
        [[to]]
        map  = "rooms/{room}/seats"
        key  = "{identity}"
        take = ["/x"]
        read = "everyone"
    "#;

    #[test]
    fn a_trial_publishes_charges_and_refuses() {
        let files = tempfile::tempdir().unwrap();
        fs::create_dir(files.path().join("seats")).unwrap();
        fs::write(files.path().join("seats/policy.toml"), POLICY).unwrap();
        let set = Arc::new(folder::load(files.path()).unwrap_or_else(|faults| panic!("{faults:?}")));
        let input = |text: &str| Input::parse(text).unwrap();
        let owner = || (Identity::try_from("ada").unwrap(), json!({}));
        let name = |text: &str| UniqueName::try_from(text).unwrap();
        let other = Trial::new(&set, owner(), name("seats/7/bob"), input(r#"{"x":0}"#));
        assert_eq!(other.err().map(|it| it.reason), Some(Reason::Forbidden));
        let mut trial = Trial::new(&set, owner(), name("seats/7/ada"), input(r#"{"x":0}"#)).unwrap();
        let change = trial.update(input(r#"{"x":1,"y":2}"#));
        for _ in 0..2 {
            let published = trial.admit(&change, CASE_NOW).unwrap().published();
            assert_eq!(published.iter().map(Data::as_str).collect::<Vec<_>>(), [r#"{"x":1}"#]);
        }
        let refused = trial.admit(&change, CASE_NOW).err().map(|it| it.reason);
        assert_eq!(refused, Some(Reason::Limit), "the third in one moment");
    }
}
