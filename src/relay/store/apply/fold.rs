//! Folds: a shared document that is an aggregate over all sources that stand (decision 34).

use crate::{
    domain::{data::Data, event::Happening, sid::ObjectSid},
    policy::fold::{Shape, Share},
    relay::{
        record::Shell,
        store::view::{Body, Folded, Source},
    },
};

use super::{publish, scribe::Scribe};

/// Replaces what a source brings, and makes the document if it does not stand.
pub(super) fn put(scribe: &mut Scribe<'_>, shell: &Shell, shape: &Shape, source: &Source, share: &Share) {
    let sid = shell.sid;
    if !scribe.tenant.objects.contains_key(&sid) {
        let mut object = publish::fresh(shell, scribe.at, None);
        object.body = Body::Fold(Box::new(Folded::zero(shape)));
        scribe.add(object);
    }
    // The source was stamped in this batch, so what reaches a rank later stands behind.
    let reached = scribe.tenant.newest.0;
    turn(scribe, sid, |fold| fold.tally.put(source.clone(), share.clone(), reached));
}

/// Takes back what a source brings.
pub(super) fn take(scribe: &mut Scribe<'_>, sid: ObjectSid, source: &Source) {
    turn(scribe, sid, |fold| fold.tally.take(source));
}

/// Changes a fold; tells it if its document differs.
fn turn(scribe: &mut Scribe<'_>, sid: ObjectSid, change: impl FnOnce(&mut Folded)) {
    let shown: Option<Data> = scribe
        .edit(sid, |object| {
            let Body::Fold(fold) = &mut object.body else { return None };
            change(fold);
            let shown = Data::built(fold.tally.render());
            (shown != fold.data).then(|| {
                fold.data = shown.clone();
                shown
            })
        })
        .flatten();
    if let Some(data) = shown {
        let id = scribe.stamp(sid);
        let revision = scribe.tenant.objects.get(&sid).map(|it| it.head.revision).unwrap_or_default();
        scribe.tell(sid, id, Happening::DocumentSet { revision, data, date_expires: None });
    }
}
