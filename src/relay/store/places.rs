//! The places at which one source shows something, by object. A change costs the same however many there are.

use std::sync::Arc;

use imbl::OrdSet;

use super::view::Place;
use crate::domain::{
    name::ItemId,
    sid::ObjectSid,
    steps::{TREE_STEPS, count},
};

/// The places of one source: at most as many objects as its policy has targets. A clone shares them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::relay) struct Places(Option<Arc<[(ObjectSid, Held)]>>);

/// What of one object a source shows.
#[derive(Clone, Debug, PartialEq)]
enum Held {
    /// The document.
    Document,
    /// One item.
    Item(ItemId),
    /// Several items.
    Items(OrdSet<ItemId>),
}

impl Held {
    fn of(item: Option<&ItemId>) -> Self {
        item.map_or(Self::Document, |it| Self::Item(it.clone()))
    }

    fn holds(&self, item: Option<&ItemId>) -> bool {
        match (self, item) {
            (Self::Document, None) => true,
            (Self::Item(own), Some(item)) => own == item,
            (Self::Items(items), Some(item)) => items.contains(item),
            _ => false,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Document | Self::Item(_) => 1,
            Self::Items(items) => items.len(),
        }
    }

    /// With one item more.
    fn with(&self, item: &ItemId) -> Self {
        match self {
            Self::Document => Self::Item(item.clone()),
            Self::Item(own) => Self::Items([own.clone(), item.clone()].into_iter().collect()),
            Self::Items(items) => Self::Items(items.update(item.clone())),
        }
    }

    /// With one item less; `None` when that was all.
    fn without(&self, item: &ItemId) -> Option<Self> {
        match self {
            Self::Items(items) => {
                let mut items = items.clone();
                items.remove(item);
                (!items.is_empty()).then_some(Self::Items(items))
            }
            Self::Document | Self::Item(_) => None,
        }
    }

    fn items(&self) -> impl Iterator<Item = Option<&ItemId>> {
        let (one, many) = match self {
            Self::Document => (Some(None), None),
            Self::Item(item) => (Some(Some(item)), None),
            Self::Items(items) => (None, Some(items)),
        };
        one.into_iter().chain(many.into_iter().flatten().map(Some)).inspect(|_| count(1))
    }
}

impl Places {
    fn objects(&self) -> &[(ObjectSid, Held)] {
        self.0.as_deref().unwrap_or_default()
    }

    /// How many there are.
    pub(in crate::relay) fn len(&self) -> usize {
        self.objects().iter().map(|it| it.1.len()).sum()
    }

    /// Whether there is none.
    pub(in crate::relay) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// All places, in order.
    pub(in crate::relay) fn iter(&self) -> impl Iterator<Item = Place> {
        self.objects().iter().flat_map(|(sid, held)| held.items().map(move |it| (*sid, it.cloned())))
    }

    /// The objects in which there are places.
    pub(in crate::relay) fn sids(&self) -> impl Iterator<Item = ObjectSid> {
        self.objects().iter().map(|it| it.0).inspect(|_| count(1))
    }

    /// The items of one object, in order.
    pub(in crate::relay) fn items_of(&self, sid: ObjectSid) -> impl Iterator<Item = &ItemId> {
        self.objects().iter().filter(move |it| it.0 == sid).flat_map(|it| it.1.items()).flatten()
    }

    /// Splits off all places but those at `named` and those in the objects `whole`.
    pub(in crate::relay) fn split_off(&mut self, named: &[Place], whole: &[ObjectSid]) -> Vec<Place> {
        let mut gone = Vec::new();
        for (sid, held) in self.objects().iter().filter(|it| !whole.contains(&it.0)) {
            let places = held.items().map(|it| (*sid, it.cloned()));
            gone.extend(places.filter(|it| !named.contains(it)));
        }
        if gone.len() == self.len() {
            self.0 = None;
        } else {
            gone.iter().for_each(|it| self.remove(it));
        }
        gone
    }

    /// Adds a place, unless it is among them.
    pub(in crate::relay) fn insert(&mut self, (sid, item): &Place) {
        count(TREE_STEPS);
        let objects = self.objects();
        let found = objects.binary_search_by_key(sid, |it| it.0);
        let held = match found.ok().and_then(|at| objects.get(at)) {
            Some((_, held)) if held.holds(item.as_ref()) => return,
            Some((_, held)) => item.as_ref().map_or(Held::Document, |it| held.with(it)),
            None => Held::of(item.as_ref()),
        };
        let mut all = objects.to_vec();
        match found {
            Ok(at) => all.splice(at..=at, [(*sid, held)]).for_each(drop),
            Err(at) => all.insert(at, (*sid, held)),
        }
        self.0 = Some(all.into());
    }

    /// Takes a place out.
    pub(in crate::relay) fn remove(&mut self, (sid, item): &Place) {
        count(TREE_STEPS);
        let objects = self.objects();
        let Some(at) = objects.iter().position(|it| it.0 == *sid && it.1.holds(item.as_ref())) else {
            return;
        };
        let mut all = objects.to_vec();
        let (_, held) = all.remove(at);
        if let Some(left) = item.as_ref().and_then(|it| held.without(it)) {
            all.insert(at, (*sid, left));
        }
        self.0 = (!all.is_empty()).then(|| all.into());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::object::ObjectKind;

    fn place(object: u8, item: Option<u64>) -> Place {
        let kind = if item.is_some() { ObjectKind::List } else { ObjectKind::Document };
        (ObjectSid { kind, bytes: [object; 16] }, item.map(ItemId::Index))
    }

    proptest! {
        #[test]
        fn places_are_a_set(steps in prop::collection::vec((any::<bool>(), 0..4_u8, prop::option::of(0..6_u64)), 0..40)) {
            let (mut places, mut model) = (Places::default(), BTreeSet::new());
            for (adds, object, item) in steps {
                let place = place(object, item);
                if adds {
                    places.insert(&place);
                    model.insert(place);
                } else {
                    places.remove(&place);
                    model.remove(&place);
                }
                prop_assert_eq!(places.iter().collect::<BTreeSet<_>>(), model.clone());
                prop_assert_eq!((places.len(), places.is_empty()), (model.len(), model.is_empty()));
            }
            let (named, whole) = (place(1, Some(2)), place(2, Some(0)).0);
            let gone: BTreeSet<_> = places.split_off(std::slice::from_ref(&named), &[whole]).into_iter().collect();
            let (stays, goes): (BTreeSet<_>, BTreeSet<_>) =
                model.into_iter().partition(|it| *it == named || it.0 == whole);
            prop_assert_eq!((gone, places.iter().collect::<BTreeSet<_>>()), (goes, stays));
        }
    }
}
