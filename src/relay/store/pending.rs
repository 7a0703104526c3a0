//! The webhooks of one service that wait to be sent: in order, bounded in number and bytes, part of the state.
//!
//! What goes in has a number of its own for good. It leaves when it was sent or given up on
//! (`Effect::Settle`), when it is the oldest and there is no room, or with the service's URL.

use std::sync::Arc;

use imbl::OrdMap;

use crate::domain::{
    hook::Hook,
    limits::{HOOKS_PENDING_BYTES_MAX, HOOKS_PENDING_MAX},
};

/// Hooks by number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::relay) struct Pending {
    hooks: OrdMap<u64, Arc<Hook>>,
    next: u64,
    size_bytes: u64,
    /// Given up so far because there was no room.
    overflowed: u64,
}

impl Pending {
    /// What a checkpoint knows besides the hooks.
    pub(super) fn resumed(next: u64, overflowed: u64) -> Self {
        Self { next, overflowed, ..Self::default() }
    }

    /// Puts a hook of a checkpoint back in its place.
    pub(super) fn restore(&mut self, number: u64, hook: Hook) {
        self.size_bytes = self.size_bytes.saturating_add(hook.size_bytes());
        self.hooks.insert(number, Arc::new(hook));
    }

    /// Appends a hook; the oldest make room for it.
    pub(super) fn push(&mut self, hook: Hook) {
        self.restore(self.next, hook);
        self.next = self.next.saturating_add(1);
        while HOOKS_PENDING_MAX < self.hooks.len() || HOOKS_PENDING_BYTES_MAX < self.size_bytes {
            let Some(oldest) = self.hooks.get_min().map(|it| it.0) else { return };
            self.remove(oldest);
            self.overflowed = self.overflowed.saturating_add(1);
        }
    }

    /// Removes what was sent or given up on; what is gone already is passed over.
    pub(super) fn settle(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|it| self.remove(*it));
    }

    /// Removes all: there is no URL any more.
    pub(super) fn clear(&mut self) {
        (self.hooks, self.size_bytes) = (OrdMap::new(), 0);
    }

    fn remove(&mut self, number: u64) {
        if let Some(hook) = self.hooks.remove(&number) {
            self.size_bytes = self.size_bytes.saturating_sub(hook.size_bytes());
        }
    }

    /// The hook of a number, while it waits.
    pub(in crate::relay) fn get(&self, number: u64) -> Option<&Arc<Hook>> {
        self.hooks.get(&number)
    }

    /// The hooks from a number on, in order.
    pub(in crate::relay) fn from(&self, number: u64) -> impl Iterator<Item = (u64, &Arc<Hook>)> {
        self.hooks.range(number..).map(|(number, hook)| (*number, hook))
    }

    /// The number of the next hook.
    pub(in crate::relay) fn next(&self) -> u64 {
        self.next
    }

    /// How many had to make room so far.
    pub(in crate::relay) fn overflowed(&self) -> u64 {
        self.overflowed
    }
}
