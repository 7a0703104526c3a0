//! What a private document brings to the folds of its policy, rendered again from what stands.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    domain::{
        name::{Identity, UniqueName},
        object::{ObjectKind, Space},
        sid::{ObjectSid, ServiceSid},
        time::Timestamp,
    },
    policy::{
        Bindings, Captures, Policy, PolicySet, Route,
        fold::{Shape, Share},
    },
    relay::{
        derived,
        store::view::{Object, Tenant, View},
    },
};

/// What one private document brings to one fold.
pub(super) struct Brought {
    /// The fold.
    pub(super) sid: ObjectSid,
    pub(super) name: UniqueName,
    pub(super) shape: Shape,
    /// `None` when it rests on what was before, or on a lookup: it cannot be made of the document alone.
    pub(super) share: Option<Share>,
}

/// A private object under a policy that folds, to be rendered again.
pub(super) struct Scene<'s> {
    view: &'s View,
    service: ServiceSid,
    pub(super) policy: Arc<Policy>,
    captures: Captures,
    owner: &'s Identity,
    object: &'s Arc<Object>,
}

impl<'s> Scene<'s> {
    /// The object, if it is private under a policy with a fold.
    pub(super) fn of(
        view: &'s View,
        (service, tenant): (ServiceSid, &Tenant),
        policies: &PolicySet,
        object: &'s Arc<Object>,
    ) -> Option<Self> {
        let Space::Private { owner, .. } = &object.head.space else { return None };
        let (unique_name, kind) = (tenant.head.unique_name.as_deref(), object.head.sid.kind);
        let route = policies.route(service, unique_name, kind, object.head.unique_name.as_ref()?);
        let Route::Private { policy, captures } = route else { return None };
        let folds = policy.targets.iter().any(|it| it.fold.is_some());
        folds.then_some(Self { view, service, policy, captures, owner, object })
    }

    /// What it brings: one share for each fold, nothing when it is empty.
    ///
    /// # Errors
    /// What cannot be made of it, in words.
    pub(super) fn brought(&self) -> Result<Vec<Brought>, String> {
        let data = self.object.data().filter(|it| !it.is_empty());
        let Some(data) = data.and_then(|it| serde_json::from_str::<Value>(it.as_str()).ok()) else {
            return Ok(Vec::new());
        };
        let claims = self.object.claims.as_deref().and_then(|it| serde_json::from_str(it).ok());
        let claims = claims.unwrap_or_else(|| Value::Object(Default::default()));
        let pseudonym = derived::pseudonym(&self.view.secret, self.service, &self.policy.name, self.owner);
        let now: Timestamp = self.object.head.date_updated;
        let bindings = Bindings {
            captures: &self.captures,
            identity: self.owner,
            claims: &claims,
            now,
            item_key: None,
            previous: None,
            lookups: &vec![None; self.policy.lookups.len()],
            pseudonym: &pseudonym,
        };
        let mut brought = Vec::new();
        for target in &self.policy.targets {
            let Some(folding) = &target.fold else { continue };
            let name = target.name_of(&bindings).map_err(|it| format!("cannot be named: {it}"))?;
            let sid = derived::sid(&self.view.secret, self.service, ObjectKind::Document, &name);
            let mut share = None;
            if target.alone {
                let rendered = target.render(&data, &bindings);
                let rendered = rendered.map_err(|it| format!("cannot be rendered: {it}"))?;
                let own = folding.share(&rendered.data, &bindings);
                share = Some(own.map_err(|it| format!("cannot be counted: {it}"))?);
            }
            brought.push(Brought { sid, name, shape: folding.shape.clone(), share });
        }
        Ok(brought)
    }
}
