//! What one subscriber knows of one object, from its replay and the events since: as an SDK would keep it.

use std::collections::BTreeMap;

use crate::domain::{
    event::{Event, Happening},
    name::ItemId,
    object::{EventId, Revision},
};

/// The state of one object as a subscriber sees it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Replica {
    /// The newest event that was heard.
    pub(super) newest: EventId,
    /// The content of a document.
    pub(super) data: Option<String>,
    /// The items of a list or map.
    pub(super) items: BTreeMap<ItemId, String>,
    revision: Revision,
}

impl Replica {
    /// Takes one event; panics when it comes out of order, or tells the same twice.
    pub(super) fn hear(&mut self, event: &Event) {
        assert!(self.newest < event.id, "events ascend: {:?} after {:?}", event.id, self.newest);
        self.newest = event.id;
        match &event.what {
            Happening::DocumentSet { data, revision, .. } => {
                assert!(self.revision <= *revision, "revisions do not go back");
                self.revision = *revision;
                self.data = Some(data.as_str().to_owned());
            }
            Happening::ObjectRemoved => {
                let newest = self.newest;
                *self = Self { newest, ..Self::default() };
            }
            Happening::ItemSet { added, item, .. } => {
                let old = self.items.insert(item.id.clone(), item.data.as_str().to_owned());
                assert!(!(*added && old.is_some()), "item {:?} is added twice", item.id);
            }
            Happening::ItemRemoved { item, .. } => {
                self.items.remove(&item.id);
            }
            Happening::MessagePublished { .. } => {}
        }
    }
}
