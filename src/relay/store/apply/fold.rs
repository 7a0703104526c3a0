//! Folds: a shared document that is an aggregate over all sources that stand (decision 34).

use crate::{
    domain::{
        data::Data,
        event::Happening,
        sid::ObjectSid,
        steps::{TREE_STEPS, count},
    },
    policy::fold::{Shape, Share},
    relay::{
        record::{RestoredShare, Shell},
        store::view::{Body, Folded, Source},
    },
};

use super::{publish, scribe::Scribe};

/// Replaces what a source brings, and makes the document if it does not stand.
pub(super) fn put(scribe: &mut Scribe<'_>, shell: &Shell, shape: &Shape, source: &Source, share: &Share) {
    make(scribe, shell, shape);
    // The source was stamped in this batch, so what reaches a rank later stands behind.
    let reached = scribe.tenant.newest.0;
    scribe.tenant.feed(source, &(shell.sid, None));
    change(scribe, shell.sid, shape, |fold| fold.tally.put(source.clone(), share.clone(), reached));
}

/// Takes back what a source brings.
pub(super) fn take(scribe: &mut Scribe<'_>, sid: ObjectSid, source: &Source) {
    let shape = match scribe.tenant.objects.get(&sid).map(|it| &it.body) {
        Some(Body::Fold(fold)) => fold.tally.shape().clone(),
        _ => return,
    };
    change(scribe, sid, &shape, |fold| fold.tally.take(source));
}

/// Makes the document of a fold, in its zero state, if none stands; what stands in its place as something else
/// becomes the fold, and keeps its grants.
pub(super) fn stand(scribe: &mut Scribe<'_>, shell: &Shell, shape: &Shape) {
    make(scribe, shell, shape);
    change(scribe, shell.sid, shape, |_| ());
}

/// Puts lost shares back. A source that stands no longer brings nothing.
pub(super) fn restore(scribe: &mut Scribe<'_>, shell: &Shell, shape: &Shape, shares: &[RestoredShare]) {
    make(scribe, shell, shape);
    let standing: Vec<_> =
        shares.iter().filter(|it| scribe.tenant.objects.contains_key(&it.source)).collect();
    for restored in &standing {
        scribe.tenant.feed(&(restored.source, None), &(shell.sid, None));
    }
    change(scribe, shell.sid, shape, |fold| {
        for restored in &standing {
            fold.tally.put((restored.source, None), restored.share.clone(), restored.reached);
        }
    });
}

fn make(scribe: &mut Scribe<'_>, shell: &Shell, shape: &Shape) {
    if !scribe.tenant.objects.contains_key(&shell.sid) {
        let mut object = publish::fresh(shell, scribe.at, None);
        object.body = Body::Fold(Box::new(Folded::zero(shape)));
        scribe.add(object);
    }
}

/// Changes a fold; tells it if its document differs.
fn change(scribe: &mut Scribe<'_>, sid: ObjectSid, shape: &Shape, change: impl FnOnce(&mut Folded)) {
    let shown: Option<Data> = scribe
        .edit(sid, |object| {
            let before = object.data().cloned();
            object.body.change_fold(shape, |fold| {
                change(fold);
                fold.data = Data::built(fold.tally.render());
            });
            // What is rendered is looked at byte by byte: some twenty in the time of a step.
            count(TREE_STEPS * shape.fields().len() + object.data().map_or(0, |it| it.size_bytes() / 20));
            object.data().filter(|it| before.as_ref() != Some(it)).cloned()
        })
        .flatten();
    if let Some(data) = shown {
        let id = scribe.stamp(sid);
        let revision = scribe.tenant.objects.get(&sid).map(|it| it.head.revision).unwrap_or_default();
        scribe.tell(sid, id, Happening::DocumentSet { revision, data, date_expires: None });
    }
}
