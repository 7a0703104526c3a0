//! The writer without its thread: whoever holds this takes each step. For the simulation.

use super::*;

/// The other half of a [`Writer`] that has no thread.
pub(in crate::relay) struct ByHand {
    core: Core,
    shared: Arc<Shared>,
}

impl ByHand {
    /// Recovers the store.
    pub(in crate::relay) fn start(store: Store) -> Result<(Writer, Self, View), StoreError> {
        let (core, shared) = recover(store, Duration::from_secs(24 * 3_600))?;
        let view = core.view.clone();
        let writer = Writer { shared: shared.clone(), thread: Mutex::new(None) };
        Ok((writer, Self { core, shared }, view))
    }

    /// Commits one group of at most so many entries; `None` when nothing can be taken. After a failure of the store
    /// everything that waits is refused.
    pub(in crate::relay) fn step(&mut self, entries_max: usize) -> Option<Committed> {
        if self.shared.failed.load(Ordering::Acquire) {
            let waiting = self.shared.lock().waiting.drain();
            let refused = |it: Entry| Outcome {
                ticket: it.into_ticket(),
                verdict: Verdict::Not(Failure::Store.into()),
            };
            return (!waiting.is_empty())
                .then(|| self.core.seal_unchanged(waiting.into_iter().map(refused).collect()));
        }
        let group: Vec<_> = {
            let mut inbox = self.shared.lock();
            std::iter::from_fn(|| inbox.waiting.pop()).take(entries_max).collect()
        };
        (!group.is_empty()).then(|| commit_group(&mut self.core, &self.shared, group))
    }

    /// Whether nothing waits and no lane is held.
    pub(in crate::relay) fn is_drained(&self) -> bool {
        self.shared.lock().waiting.is_drained()
    }
}
