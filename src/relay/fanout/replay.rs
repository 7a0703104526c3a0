//! What a subscriber has missed, built from state and never from history (decision 29).
//!
//! A piece of a replay costs what it tells: items and tombstones are walked in the order of their
//! events, from where the subscriber stands, until the piece is full.

use std::sync::Arc;

use crate::{
    domain::{
        data::Data,
        event::{Event, Happening},
        limits::{REPLAY_BYTES_MAX, REPLAY_EVENTS_MAX, REPLAY_LOCKED_EVENTS_MAX},
        object::{EventId, Item, Revision},
        sid::ServiceSid,
        time::Timestamp,
    },
    relay::{
        refusal::Reason,
        store::view::{Body, Items, Object, Tenant, Tombstone},
        watcher::{Watch, Watched},
    },
};

/// What a subscriber that knows everything up to some event has missed.
pub(super) struct Replay {
    pub(super) events: Vec<Arc<Event>>,
    pub(super) watched: Watched,
    /// Bytes of data in these events.
    pub(super) size_bytes: usize,
}

/// How much one replay may hold; a single event always fits.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    events_max: usize,
    bytes_max: usize,
}

impl Piece {
    /// What is made without the lock.
    pub(super) const WHOLE: Self = Self { events_max: REPLAY_EVENTS_MAX, bytes_max: REPLAY_BYTES_MAX };
    /// What may be made under the lock.
    pub(super) const SMALL: Self = Self { events_max: REPLAY_LOCKED_EVENTS_MAX, bytes_max: REPLAY_BYTES_MAX };

    /// Whether so many events of so many bytes are within it.
    pub(super) fn has_room(self, events: usize, size_bytes: usize) -> bool {
        events <= self.events_max && size_bytes <= self.bytes_max
    }
}

impl Replay {
    /// The next piece.
    ///
    /// # Errors
    /// [`Reason::BelowFloor`] when removals since then are no longer known.
    pub(super) fn of(
        service: ServiceSid,
        tenant: &Tenant,
        watch: Watch,
        piece: Piece,
    ) -> Result<Self, Reason> {
        let Watch { object: sid, since, anew } = watch;
        let Some(object) = tenant.objects.get(&sid) else {
            // A shared object that does not stand: who knew it before it was removed hears that it is not
            // what it was, and everybody else waits for its birth (decision 18).
            if since.is_some_and(|it| EventId(0) < it && it < tenant.gone.event(sid)) {
                return Err(Reason::BelowFloor);
            }
            let watched = Watched::Established(since.unwrap_or_default());
            return Ok(Self { events: Vec::new(), watched, size_bytes: 0 });
        };
        let newest = object.head.last_event_id;
        let since = match since {
            None => newest,
            // From the future: another history. Everything is told again (decision 6).
            Some(since) if tenant.newest < since => EventId(0),
            Some(since) => since,
        };
        let told =
            |id, at, what| Arc::new(Event::new(service, sid, object.head.unique_name.clone(), id, at, what));
        let (mut events, mut size_bytes) = (Vec::new(), 0);
        match &object.body {
            Body::Document { .. } | Body::Fold(_) if since < newest => {
                let data = object.data().cloned().unwrap_or_else(Data::empty);
                size_bytes = data.size_bytes();
                let (revision, date_expires) = (object.head.revision, object.head.date_expires);
                let what = Happening::DocumentSet { revision, data, date_expires };
                events.push(told(newest, object.head.date_updated, what));
            }
            Body::Document { .. } | Body::Fold(_) | Body::Stream => (),
            Body::Items(items) => {
                if EventId(0) < since && since.max(anew.unwrap_or_default()) < items.floor {
                    return Err(Reason::BelowFloor);
                }
                for missed in missed(items, since) {
                    let more = missed.size_bytes();
                    let full = !piece.has_room(events.len() + 1, size_bytes + more);
                    if full && let Some(at) = events.last().map(|it: &Arc<Event>| it.id) {
                        let watched = Watched::Interrupted { at, newest };
                        return Ok(Self { events, watched, size_bytes });
                    }
                    size_bytes += more;
                    let (id, at, what) = missed.told(object, since, anew);
                    events.push(told(id, at, what));
                }
            }
        }
        Ok(Self { events, watched: Watched::Established(newest), size_bytes })
    }
}

/// One thing that was missed.
enum Missing<'i> {
    Item(&'i Arc<Item>),
    Grave(EventId, &'i Tombstone),
}

/// Items that stand and items that are gone, in the order of their newest events.
fn missed(items: &Items, since: EventId) -> impl Iterator<Item = Missing<'_>> {
    let after = EventId(since.0.saturating_add(1))..;
    let standing = items.by_event.range(after.clone()).filter_map(|(_, id)| items.standing.get(id));
    let mut standing = standing.map(|it| &it.item).peekable();
    // What was made and removed since then is nobody's loss.
    let graves = items.tombstones.range(after).filter(move |(_, it)| it.created_event_id <= since);
    let mut graves = graves.peekable();
    std::iter::from_fn(move || {
        let grave_first = match (standing.peek(), graves.peek()) {
            (Some(item), Some((id, _))) => **id < item.last_event_id,
            (standing, _) => standing.is_none(),
        };
        if grave_first {
            graves.next().map(|(id, it)| Missing::Grave(*id, it))
        } else {
            standing.next().map(Missing::Item)
        }
    })
}

impl Missing<'_> {
    fn size_bytes(&self) -> usize {
        match self {
            Self::Item(item) => item.data.size_bytes(),
            Self::Grave(..) => 0,
        }
    }

    fn told(self, object: &Object, since: EventId, anew: Option<EventId>) -> (EventId, Timestamp, Happening) {
        match self {
            Self::Item(item) => {
                // To who began with nothing, whatever stood unchanged since then is new.
                let unseen = anew.is_some_and(|it| item.last_event_id <= it);
                let added = since < item.created_event_id || unseen;
                let what = Happening::ItemSet { revision: object.head.revision, added, item: item.clone() };
                (item.last_event_id, item.date_updated, what)
            }
            Self::Grave(id, grave) => {
                let item = Arc::new(Item {
                    id: grave.item.clone(),
                    data: Data::empty(),
                    created_by: None,
                    date_created: grave.at,
                    date_updated: grave.at,
                    date_expires: None,
                    revision: Revision(0),
                    created_event_id: grave.created_event_id,
                    last_event_id: id,
                });
                (id, grave.at, Happening::ItemRemoved { revision: grave.revision, item })
            }
        }
    }
}
