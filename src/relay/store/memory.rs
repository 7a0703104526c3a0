//! A log in memory, with syncs that can be made to fail: for tests and rehearsals.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Checkpoint, Each, StoreError};

/// A disk that outlives the store on it, so that a test can crash and recover.
#[derive(Clone, Default)]
pub(in crate::relay) struct Memory {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Default)]
struct Disk {
    groups: Vec<(u64, Vec<u8>)>,
    checkpoint: Option<Checkpoint>,
    /// Syncs until one fails; `None` never.
    fails_after: Option<u64>,
}

impl Memory {
    fn with<R>(&self, act: impl FnOnce(&mut Disk) -> R) -> R {
        act(&mut self.disk.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the sync after `syncs` more ones fail, and all that follow.
    #[cfg(test)]
    pub(in crate::relay) fn fail_after(&self, syncs: u64) {
        self.with(|it| it.fails_after = Some(syncs));
    }

    /// Lets syncs succeed again.
    #[cfg(test)]
    pub(in crate::relay) fn mend(&self) {
        self.with(|it| it.fails_after = None);
    }

    pub(super) fn append(&self, seq: u64, blob: &[u8]) -> Result<(), StoreError> {
        self.with(|disk| {
            match &mut disk.fails_after {
                Some(0) => return Err(StoreError::Injected),
                Some(left) => *left -= 1,
                None => (),
            }
            disk.groups.push((seq, blob.to_vec()));
            Ok(())
        })
    }

    pub(super) fn load(&self, each: &mut Each<'_>) -> Result<(), StoreError> {
        let groups = self.with(|it| it.groups.clone());
        groups.iter().try_for_each(|(seq, blob)| each(*seq, blob))
    }

    pub(super) fn checkpoint(&self) -> Option<Checkpoint> {
        self.with(|it| it.checkpoint.clone())
    }

    pub(super) fn write_checkpoint(&self, checkpoint: Checkpoint) {
        self.with(|it| it.checkpoint = Some(checkpoint));
    }

    /// Removes the groups that the checkpoint covers.
    pub(super) fn trim(&self) {
        self.with(|it| {
            let covered = it.checkpoint.as_ref().map_or(0, |it| it.seq);
            it.groups.retain(|(seq, _)| covered < *seq);
        });
    }
}
