//! Holds a store against itself: the chain of its log as it is read, and each fold against the private objects
//! that feed it, computed again in the plainest way. Nothing is written.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use crate::{
    domain::{
        data::Data,
        sid::{ObjectSid, ServiceSid},
    },
    policy::{
        PolicySet,
        fold::{self, Shape, Share},
    },
    relay::{
        shares::Scene,
        store::{
            Embedded, Store, StoreError,
            view::{Body, Folded, Source, Tenant, View},
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
    Ok(verify_view(&view, policies))
}

/// The same for a state in memory.
pub(super) fn verify_view(view: &View, policies: &PolicySet) -> Verified {
    let mut verified = Verified { groups: view.seq, ..Verified::default() };
    for (service, tenant) in &view.services {
        look(view, *service, tenant, policies, &mut verified);
    }
    verified
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
        let Some(scene) = Scene::of(view, (service, tenant.as_ref()), policies, object) else { continue };
        verified.sources += 1;
        match scene.brought() {
            Ok(all) => {
                for it in all {
                    let own = it.share.map(|share| (it.shape, share));
                    brought.entry(it.sid).or_default().insert((object.head.sid, None), own);
                }
            }
            Err(what) => verified.differences.push(format!("{service} {}: {what}", object.head.sid)),
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
