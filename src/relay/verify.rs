//! Holds a store against itself: the chain of its log as it is read, and each fold against the private objects
//! that feed it, computed again in the plainest way. Nothing is written.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde_json::Value;

use crate::{
    domain::{
        data::Data,
        name::Identity,
        object::{ObjectKind, Space},
        sid::{ObjectSid, ServiceSid},
        time::Timestamp,
    },
    policy::{
        Bindings, Policy, PolicySet, Route,
        fold::{self, Shape, Share},
    },
    relay::{
        derived,
        store::{
            Embedded, Store, StoreError,
            view::{Body, Folded, Object, Source, Tenant, View},
        },
    },
};

/// What was looked at, and what differs.
#[derive(Debug, Default)]
pub struct Verified {
    /// The newest group of the log; the chain up to it, from the checkpoint on, holds.
    pub groups: u64,
    /// Private objects whose contributions were computed again.
    pub sources: usize,
    /// Folds that were computed again.
    pub folds: usize,
    /// Folds that rest on what was before, or on a lookup: only their sums were computed again.
    pub folds_by_shares: usize,
    /// What differs, each in one line.
    pub differences: Vec<String>,
}

/// Verifies the store in a directory under these policies.
///
/// # Errors
/// When the store cannot be read: the error names the group.
pub fn verify(directory: &Path, policies: &PolicySet) -> Result<Verified, StoreError> {
    let view = Store::Embedded(Embedded::open(directory)?).replay(&mut |_| ())?.view;
    let mut verified = Verified { groups: view.seq, ..Verified::default() };
    for (service, tenant) in &view.services {
        look(&view, *service, tenant, policies, &mut verified);
    }
    Ok(verified)
}

/// What the sources of a service bring, by the fold that they feed.
type Brought = BTreeMap<ObjectSid, BTreeMap<Source, Option<(Shape, Share)>>>;

fn look(
    view: &View,
    service: ServiceSid,
    tenant: &Arc<Tenant>,
    policies: &PolicySet,
    verified: &mut Verified,
) {
    let mut brought = Brought::new();
    // What has expired contributes until it is swept.
    for object in tenant.in_order.values().filter_map(|it| tenant.objects.get(it)) {
        let Space::Private { owner, .. } = &object.head.space else { continue };
        let Some(name) = &object.head.unique_name else { continue };
        let unique_name = tenant.head.unique_name.as_deref();
        let route = policies.route(service, unique_name, object.head.sid.kind, name);
        let Route::Private { policy, captures } = route else { continue };
        if policy.targets.iter().all(|it| it.fold.is_none()) {
            continue;
        }
        verified.sources += 1;
        let scene = Scene { view, service, policy: &policy, owner, object };
        if let Err(what) = scene.bring(&captures, &mut brought) {
            verified.differences.push(format!("{service} {}: {what}", object.head.sid));
        }
    }
    let objects = tenant.in_order.values().filter_map(|it| tenant.objects.get(it));
    let folds = objects.filter_map(|it| match &it.body {
        Body::Fold(fold) => Some((it.head.sid, fold.as_ref())),
        _ => None,
    });
    for (sid, fold) in folds {
        verified.folds += 1;
        let sources = brought.remove(&sid).unwrap_or_default();
        verified.folds_by_shares += usize::from(sources.values().any(Option::is_none));
        for what in differences(fold, &sources) {
            verified.differences.push(format!("{service} {sid}: {what}"));
        }
    }
    for (sid, sources) in brought {
        let what = format!("{} private objects feed a fold that does not stand", sources.len());
        verified.differences.push(format!("{service} {sid}: {what}"));
    }
}

/// In what a fold differs from what its sources bring.
fn differences(fold: &Folded, sources: &BTreeMap<Source, Option<(Shape, Share)>>) -> Vec<String> {
    let mut told = Vec::new();
    let batch = Data::built(fold::batch(fold.tally.shape(), fold.tally.shares()));
    if batch != fold.data {
        told.push("the document differs from the batch computation over its shares".to_owned());
    }
    for (source, share, _) in fold.tally.shares() {
        match sources.get(source) {
            None => told.push(format!("{} contributes, and does not stand", source.0)),
            Some(Some((shape, own))) if (shape, own) != (fold.tally.shape(), share) => {
                told.push(format!("{} contributes something else than its data gives", source.0));
            }
            Some(_) => (),
        }
    }
    let counted: std::collections::BTreeSet<&Source> = fold.tally.sources().collect();
    let forgotten = sources.keys().filter(|it| !counted.contains(it));
    told.extend(forgotten.map(|it| format!("{} stands, and does not contribute", it.0)));
    told
}

/// One private object, to be rendered again.
struct Scene<'s> {
    view: &'s View,
    service: ServiceSid,
    policy: &'s Arc<Policy>,
    owner: &'s Identity,
    object: &'s Arc<Object>,
}

impl Scene<'_> {
    fn bring(&self, captures: &crate::policy::Captures, brought: &mut Brought) -> Result<(), String> {
        let data = self.object.data().filter(|it| !it.is_empty());
        let Some(data) = data.and_then(|it| serde_json::from_str::<Value>(it.as_str()).ok()) else {
            return Ok(());
        };
        let claims = self.object.claims.as_deref().and_then(|it| serde_json::from_str(it).ok());
        let claims = claims.unwrap_or_else(|| Value::Object(Default::default()));
        let pseudonym = derived::pseudonym(&self.view.secret, &self.policy.name, self.owner);
        let now: Timestamp = self.object.head.date_updated;
        let bindings = Bindings {
            captures,
            identity: self.owner,
            claims: &claims,
            now,
            item_key: None,
            previous: None,
            lookups: &vec![None; self.policy.lookups.len()],
            pseudonym: &pseudonym,
        };
        for target in &self.policy.targets {
            let Some(folding) = &target.fold else { continue };
            let name = target.name_of(&bindings).map_err(|it| format!("cannot be named: {it}"))?;
            let sid = derived::sid(&self.view.secret, self.service, ObjectKind::Document, &name);
            let mut share = None;
            if target.alone {
                let rendered = target.render(&data, &bindings);
                let rendered = rendered.map_err(|it| format!("cannot be rendered: {it}"))?;
                let own = folding.share(&rendered.data, &bindings);
                share = Some((folding.shape.clone(), own.map_err(|it| format!("cannot be counted: {it}"))?));
            }
            let source: Source = (self.object.head.sid, None);
            brought.entry(sid).or_default().insert(source, share);
        }
        Ok(())
    }
}
