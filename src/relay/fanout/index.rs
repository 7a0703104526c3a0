//! The subscriptions of all watchers: the listeners of each object, and the place of each listener among them.
//!
//! A subscription is found, added, replaced and removed without a look at any other. Telling an event walks one
//! vector without holes. Removal moves the last listener into the gap, so the order of listeners is not kept.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use crate::{
    domain::{
        limits::SUBSCRIPTIONS_PER_IDENTITY_MAX,
        name::Identity,
        sid::{ObjectSid, ServiceSid},
    },
    relay::{authn::Caller, refusal::Reason, watcher::Watcher},
};

/// An object in its service.
pub(super) type ObjectKey = (ServiceSid, ObjectSid);

/// One subscription.
pub(super) struct Listener {
    pub(super) watcher: Arc<dyn Watcher>,
    pub(super) caller: Caller,
    /// Whether its right to hear was judged: not before the object stands, or is spoken of by name.
    pub(super) judged: bool,
}

/// All subscriptions.
#[derive(Default)]
pub(super) struct SubscriptionIndex {
    by_object: HashMap<ObjectKey, Vec<Listener>>,
    /// The position of each watcher's listener in the vector of its object.
    by_watcher: HashMap<u64, HashMap<ObjectKey, usize>>,
    /// The number of subscriptions of an identity, over all its connections.
    by_identity: HashMap<(ServiceSid, Identity), usize>,
}

impl SubscriptionIndex {
    /// Adds a subscription, or replaces that of the same watcher to the same object.
    ///
    /// # Errors
    /// [`Reason::TooManySubscriptions`] when the identity has as many as it may have; nothing has changed then.
    pub(super) fn insert(&mut self, key: ObjectKey, listener: Listener) -> Result<(), Reason> {
        if let Some(held) = self.get_mut(listener.watcher.id(), key) {
            *held = listener;
            return Ok(());
        }
        if let Some(identity) = listener.caller.identity() {
            let count = self.by_identity.entry((key.0, identity.clone())).or_default();
            if SUBSCRIPTIONS_PER_IDENTITY_MAX <= *count {
                return Err(Reason::TooManySubscriptions);
            }
            *count += 1;
        }
        let listeners = self.by_object.entry(key).or_default();
        self.by_watcher.entry(listener.watcher.id()).or_default().insert(key, listeners.len());
        listeners.push(listener);
        Ok(())
    }

    /// The subscription of a watcher to an object.
    pub(super) fn get_mut(&mut self, watcher: u64, key: ObjectKey) -> Option<&mut Listener> {
        let position = *self.by_watcher.get(&watcher)?.get(&key)?;
        self.by_object.get_mut(&key)?.get_mut(position)
    }

    /// Removes the subscription of a watcher to an object.
    pub(super) fn remove(&mut self, watcher: u64, key: ObjectKey) -> Option<Listener> {
        let position = *self.by_watcher.get(&watcher)?.get(&key)?;
        let listeners = self.by_object.get_mut(&key)?;
        let removed = detach(listeners, position, key, &mut self.by_watcher, &mut self.by_identity)?;
        if listeners.is_empty() {
            self.by_object.remove(&key);
        }
        Some(removed)
    }

    /// Keeps those subscriptions to an object for which `keep` says so.
    pub(super) fn retain(&mut self, key: ObjectKey, mut keep: impl FnMut(&mut Listener) -> bool) {
        let Some(listeners) = self.by_object.get_mut(&key) else { return };
        let mut position = 0;
        while let Some(listener) = listeners.get_mut(position) {
            if keep(listener) {
                position += 1;
            } else {
                // The last one stands here now, and is next.
                detach(listeners, position, key, &mut self.by_watcher, &mut self.by_identity);
            }
        }
        if listeners.is_empty() {
            self.by_object.remove(&key);
        }
    }

    /// Some of the objects to which a watcher is subscribed.
    pub(super) fn some_keys_of(&self, watcher: u64, keys_max: usize) -> Vec<ObjectKey> {
        self.by_watcher.get(&watcher).into_iter().flat_map(HashMap::keys).take(keys_max).copied().collect()
    }

    /// The objects of a service to which anybody is subscribed.
    pub(super) fn keys_in(&self, service: ServiceSid) -> Vec<ObjectKey> {
        self.by_object.keys().filter(|it| it.0 == service).copied().collect()
    }
}

/// Takes one listener out of the vector of its object, and out of the other two maps.
fn detach(
    listeners: &mut Vec<Listener>,
    position: usize,
    key: ObjectKey,
    by_watcher: &mut HashMap<u64, HashMap<ObjectKey, usize>>,
    by_identity: &mut HashMap<(ServiceSid, Identity), usize>,
) -> Option<Listener> {
    if listeners.len() <= position {
        return None;
    }
    let removed = listeners.swap_remove(position);
    if let Some(moved) = listeners.get(position)
        && let Some(held) = by_watcher.get_mut(&moved.watcher.id()).and_then(|it| it.get_mut(&key))
    {
        *held = position;
    }
    // A crowd that has left leaves no memory behind; halving keeps the cost of a removal constant.
    if listeners.len() < listeners.capacity() / 4 {
        listeners.shrink_to(listeners.capacity() / 2);
    }
    if let Entry::Occupied(mut positions) = by_watcher.entry(removed.watcher.id()) {
        positions.get_mut().remove(&key);
        if positions.get().is_empty() {
            positions.remove();
        }
    }
    if let Some(identity) = removed.caller.identity()
        && let Entry::Occupied(mut count) = by_identity.entry((key.0, identity.clone()))
    {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
    Some(removed)
}

#[cfg(test)]
mod tests;
