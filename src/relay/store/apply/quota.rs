//! What has expired counts in no quota: it is removed by the write that needs its place.

use crate::{
    domain::{name::ItemId, time::Timestamp},
    relay::store::view::{Entry, Holder, Items, Place},
};

use super::{publish, scribe::Scribe};

/// By how much a write exceeds the quota of its holder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Excess {
    pub(super) objects: u32,
    pub(super) bytes: u64,
}

/// What of a holder has expired and makes up for the excess, the oldest first; `None` when it is too little. Nothing is
/// removed yet: a write that is refused changes nothing.
pub(super) fn expired_of_holder(scribe: &Scribe<'_>, holder: &Holder, excess: Excess) -> Option<Vec<Place>> {
    if excess == Excess::default() {
        return Some(Vec::new());
    }
    let (mut objects, mut bytes, mut expired) = (0, 0, Vec::new());
    let mut due = scribe.tenant.due_of_holder(holder, scribe.expiry_at);
    while objects < excess.objects || bytes < excess.bytes {
        let (sid, item) = due.next()?;
        let Some(object) = scribe.tenant.objects.get(sid) else { continue };
        match item {
            None => {
                objects += 1;
                bytes += object.size_bytes();
            }
            // It goes with its object.
            Some(_) if object.head.expired(scribe.expiry_at) => continue,
            Some(id) => bytes += object.items().and_then(|it| it.standing.get(id)).map_or(0, size_bytes),
        }
        expired.push((*sid, item.clone()));
    }
    Some(expired)
}

/// The items of one list or map that have expired, as many as are asked for; `None` when there are fewer. An item with
/// another contribution beneath it stays.
pub(super) fn expired_items(items: &Items, count: usize, expiry_at: Timestamp) -> Option<Vec<ItemId>> {
    if count == 0 {
        return Some(Vec::new());
    }
    let due = items.by_expiry.iter().take_while(|it| it.0 <= expiry_at).map(|it| &it.1);
    let gone =
        |id: &&ItemId| items.standing.get(*id).is_some_and(|it| it.contributions.latest(expiry_at).is_none());
    let expired: Vec<_> = due.filter(gone).take(count).cloned().collect();
    (expired.len() == count).then_some(expired)
}

/// Commits these expiries first, in the same batch.
pub(super) fn expire(scribe: &mut Scribe<'_>, expired: Vec<Place>) {
    for (sid, item) in expired {
        scribe.unattended(|it| publish::expire(it, sid, item.as_ref()));
    }
}

fn size_bytes(entry: &Entry) -> u64 {
    entry.item.data.size_bytes() as u64
}
