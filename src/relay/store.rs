//! Batches in, durable state out: the log, the view that it adds up to, and the one writer.

pub(in crate::relay) mod apply;
pub(in crate::relay) mod attempts;
pub(in crate::relay) mod committed;
mod contributions;
mod embedded;
mod fair_memory;
mod memory;
pub(in crate::relay) mod pending;
mod places;
mod point;
pub(in crate::relay) mod queue;
mod sent;
mod snapshot;
pub(in crate::relay) mod view;
pub(in crate::relay) mod writer;
#[cfg(test)]
mod contract;

use apply::enact;

use view::View;

use crate::relay::seal::{self, Broken, Chain};

pub(in crate::relay) use embedded::Embedded;
pub(in crate::relay) use memory::Memory;
use snapshot::{BrokenCheckpoint, Checkpoint};

/// Where groups become durable. A closed set: an enum, no trait.
pub(in crate::relay) enum Store {
    /// SQLite in a directory.
    Embedded(Embedded),
    /// Nowhere: tests and rehearsals.
    Memory(Memory),
}

/// Why the store cannot be opened or written. Any of these is the end of writing (decision 10).
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the directory.
    #[error("the data directory is in use by another process")]
    Locked,
    /// SQLite says no.
    #[error("`{file}` failed")]
    Database {
        /// The file.
        file: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// SQLite stays in a mode in which its promises are weaker.
    #[error("`{0}` cannot have a write-ahead log")]
    NoWal(&'static str),
    /// A file could not be read or written.
    #[error("the store's files failed")]
    Files(#[from] std::io::Error),
    /// A file is not what was written.
    #[error("`{0}` is damaged")]
    Damaged(&'static str),
    /// A group is not what was written, or does not follow its predecessor.
    #[error("group {seq} of the log is damaged: {why}")]
    Group {
        /// The group.
        seq: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The log ends before what is known to have been durable.
    #[error("the log ends at group {found}, but group {anchor} was durable: acknowledged writes are missing")]
    BelowAnchor {
        /// The newest group of the log.
        found: u64,
        /// The newest group that was durable.
        anchor: u64,
    },
    /// A test asked for it.
    #[error("an injected failure")]
    Injected,
}

impl StoreError {
    /// How an operator mends it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Locked => "stop the other process, or give this one a directory of its own with `--data`",
            Self::Database { .. } | Self::NoWal(_) | Self::Files(_) => {
                "see that the disk has room, works and may be written, and start again; \
                 if that does not mend it, put back a copy of the whole data directory"
            }
            Self::Damaged(_) | Self::Group { .. } | Self::BelowAnchor { .. } => {
                "put back a copy of the whole data directory from before the damage"
            }
            Self::Injected => "start again",
        }
    }
}

impl From<BrokenCheckpoint> for StoreError {
    fn from(_: BrokenCheckpoint) -> Self {
        Self::Damaged("state.db")
    }
}

/// Takes one group of the log.
type Each<'e> = dyn FnMut(u64, &[u8]) -> Result<(), StoreError> + 'e;
/// Writes a checkpoint of a view.
pub(in crate::relay) type WriteCheckpoint = Box<dyn FnOnce(&View) -> Result<(), StoreError> + Send>;

impl Store {
    /// Reads the checkpoint and the log behind it, and checks both against the anchor.
    fn recover(&mut self) -> Result<View, StoreError> {
        let checkpoint = match self {
            Self::Embedded(it) => it.checkpoint()?,
            Self::Memory(it) => it.checkpoint(),
        };
        let mut view = checkpoint.map_or_else(|| Ok(View::default()), Checkpoint::into_view)?;
        point::reached("recovery-after-checkpoint");
        let anchor = match self {
            Self::Embedded(it) => it.anchor()?,
            Self::Memory(_) => None,
        };
        let mut replay = |seq: u64, blob: &[u8]| {
            if view.seq < seq { follow(&mut view, seq, blob, anchor) } else { Ok(()) }
        };
        match self {
            Self::Embedded(it) => it.load(&mut replay)?,
            Self::Memory(it) => it.load(&mut replay)?,
        }
        match anchor {
            Some(anchor) if view.seq < anchor.seq => {
                Err(StoreError::BelowAnchor { found: view.seq, anchor: anchor.seq })
            }
            _ => Ok(view),
        }
    }

    /// Reads everything and writes nothing.
    ///
    /// # Errors
    /// What is damaged.
    pub(in crate::relay) fn recovered(mut self) -> Result<View, StoreError> {
        self.recover()
    }

    /// Makes a group durable: returns after the sync.
    fn append(&mut self, seq: u64, blob: &[u8], head: &Chain) -> Result<(), StoreError> {
        match self {
            Self::Embedded(it) => it.append(seq, blob, head),
            Self::Memory(it) => it.append(seq, blob),
        }
    }

    /// Cuts the log behind a checkpoint that is durable.
    fn trim(&mut self, through: u64) -> Result<(), StoreError> {
        match self {
            Self::Embedded(it) => it.trim(through),
            Self::Memory(it) => {
                it.trim(through);
                Ok(())
            }
        }
    }

    /// Something that writes a checkpoint of a view, on another thread.
    pub(in crate::relay) fn checkpointer(&self) -> WriteCheckpoint {
        match self {
            Self::Embedded(it) => {
                let path = it.state_path();
                Box::new(move |view| embedded::write_checkpoint(&path, &Checkpoint::of(view)?))
            }
            Self::Memory(it) => {
                let memory = it.clone();
                Box::new(move |view| {
                    memory.write_checkpoint(Checkpoint::of(view)?);
                    Ok(())
                })
            }
        }
    }
}

/// Applies one group of the log to the view before it.
fn follow(
    view: &mut View,
    seq: u64,
    blob: &[u8],
    anchor: Option<embedded::Anchor>,
) -> Result<(), StoreError> {
    let damaged = |why| StoreError::Group { seq, why };
    if seq != view.seq + 1 {
        return Err(damaged("groups before it are missing"));
    }
    let (records, head) = seal::open(&view.chain, seq, blob).map_err(|it| match it {
        Broken::Version => damaged("it has another version than this program reads"),
        Broken::Chain => damaged("it does not follow the group before it"),
        Broken::Hash => damaged("its content was changed after it was written"),
        Broken::Unknown => damaged("it holds a record that this program does not know"),
    })?;
    for record in &records {
        enact(view, record).map_err(|_| damaged("a record of it cannot be applied"))?;
    }
    (view.seq, view.chain) = (seq, head);
    match anchor {
        Some(anchor) if anchor.seq == seq && anchor.head != head => {
            Err(damaged("the anchor names another history"))
        }
        _ => Ok(()),
    }
}

/// Writes a view down as a checkpoint and reads it back. Only fuzz targets see this.
#[cfg(fuzzing)]
pub(in crate::relay) fn checkpoint_round_trip(view: &View) {
    let _view = Checkpoint::of(view).and_then(Checkpoint::into_view);
}
