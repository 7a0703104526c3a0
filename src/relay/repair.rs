//! Folds that have lost shares get them back at a start, rendered again from the private documents.
//!
//! Earlier versions made a document that was no fold when a grant came before the first share, and dropped each share
//! after it. Nothing is rendered unless a private document feeds fewer folds than its policy has.

use std::collections::BTreeMap;

use tracing::{error, warn};

use super::{
    Relay,
    error::Error,
    record::{RestoredShare, Shell},
    rewrite,
    shares::{Brought, Scene},
    store::view::{Body, Object, Tenant, View},
};
use crate::{
    domain::{
        limits::SHARES_RESTORED_MAX,
        object::{ObjectKind, Space},
        sid::{ObjectSid, ServiceSid},
    },
    policy::{PolicySet, fold::Shape},
};

/// A fold, and the shares that it lacks, in the order of the documents' last writes.
struct Lack {
    shell: Shell,
    shape: Shape,
    shares: Vec<RestoredShare>,
}

/// What a store lacks.
#[derive(Default)]
struct Lacks {
    folds: BTreeMap<(ServiceSid, ObjectSid), Lack>,
    /// Shares that the private documents alone do not give.
    lost: usize,
}

impl Relay {
    /// Repairs the folds of the view, before anybody is let in.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn restore_folds(&self) -> Result<(), Error> {
        let Lacks { folds, lost } = Lacks::of(&self.inner.hub.view(), &self.inner.policies);
        let (count, mut shares) = (folds.len(), 0);
        for ((service, _), Lack { shell, shape, shares: lacking }) in folds {
            shares += lacking.len();
            let mut slices: Vec<Vec<RestoredShare>> =
                lacking.chunks(SHARES_RESTORED_MAX).map(<[_]>::to_vec).collect();
            if slices.is_empty() {
                slices.push(Vec::new());
            }
            for slice in slices {
                let made = (shell.clone(), shape.clone());
                self.own(rewrite::restore_fold(service, made, slice, self.decision(), self.now()))?;
            }
        }
        if count != 0 {
            warn!(folds = count, shares, "folds repaired: lost shares were rendered again");
        }
        if lost != 0 {
            error!(
                shares = lost,
                "folds lack shares that cannot be rendered from the private documents alone: write these documents again"
            );
        }
        Ok(())
    }
}

impl Lacks {
    fn of(view: &View, policies: &PolicySet) -> Self {
        let mut lacks = Self::default();
        for (service, tenant) in &view.services {
            for object in tenant.objects.values() {
                lacks.look_at(view, (*service, tenant.as_ref()), policies, object);
            }
        }
        for lack in lacks.folds.values_mut() {
            lack.shares.sort_by_key(|it| it.reached);
        }
        lacks
    }

    fn look_at(
        &mut self,
        view: &View,
        (service, tenant): (ServiceSid, &Tenant),
        policies: &PolicySet,
        object: &std::sync::Arc<Object>,
    ) {
        let head = &object.head;
        let empty = object.data().is_none_or(|it| it.is_empty());
        match &head.space {
            Space::Shared { policy } if !matches!(object.body, Body::Fold(_)) => {
                let policy = policies.by_name(policy).filter(|_| head.sid.kind == ObjectKind::Document);
                let name = head.unique_name.as_ref();
                if let Some(fold) = policy.zip(name).and_then(|(policy, name)| policy.fold_at(name)) {
                    let shell = Shell { sid: head.sid, name: name.cloned(), space: head.space.clone() };
                    self.lack((service, head.sid), || (shell, fold.shape.clone()));
                }
            }
            Space::Private { policy, .. } if head.sid.kind == ObjectKind::Document && !empty => {
                let Some(policy) = policies.by_name(policy) else { return };
                let folds = policy.targets.iter().filter(|it| it.fold.is_some()).count();
                if folds == 0 || folds <= fed(tenant, head.sid) {
                    return;
                }
                let Some(scene) = Scene::of(view, (service, tenant), policies, object) else { return };
                match scene.brought() {
                    Ok(all) => {
                        let lacking = all.into_iter().filter(|it| !counts(tenant, it.sid, head.sid));
                        lacking.for_each(|it| self.bring(service, &scene, object, it));
                    }
                    Err(_) => self.lost += 1,
                }
            }
            _ => (),
        }
    }

    fn bring(&mut self, service: ServiceSid, scene: &Scene<'_>, object: &Object, brought: Brought) {
        let Brought { sid, name, shape, share } = brought;
        let Some(share) = share else {
            self.lost += 1;
            return;
        };
        let space = Space::Shared { policy: scene.policy.name.clone() };
        let lack = self.lack((service, sid), || (Shell { sid, name: Some(name), space }, shape));
        let (source, reached) = (object.head.sid, object.head.last_event_id.0);
        lack.shares.push(RestoredShare { source, share, reached });
    }

    fn lack(&mut self, at: (ServiceSid, ObjectSid), made: impl FnOnce() -> (Shell, Shape)) -> &mut Lack {
        self.folds.entry(at).or_insert_with(|| {
            let (shell, shape) = made();
            Lack { shell, shape, shares: Vec::new() }
        })
    }
}

/// How many folds a private document feeds.
fn fed(tenant: &Tenant, document: ObjectSid) -> usize {
    let places = tenant.sources.get(&(document, None));
    let is_fold = |it: &ObjectSid| tenant.objects.get(it).is_some_and(|it| matches!(it.body, Body::Fold(_)));
    places.map_or(0, |it| it.sids().filter(is_fold).count())
}

/// Whether a fold counts a private document.
fn counts(tenant: &Tenant, fold: ObjectSid, document: ObjectSid) -> bool {
    match tenant.objects.get(&fold).map(|it| &it.body) {
        Some(Body::Fold(fold)) => fold.tally.counts(&(document, None)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
