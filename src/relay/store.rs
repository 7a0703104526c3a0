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

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use apply::{Applied, enact};
use embedded::LogFile;
use view::View;

use crate::{
    domain::{
        limits::{LOG_FILES_MAX, RESTORED_EVENTS_GAP, RESTORED_EVENTS_PER_MS, SAFE_INTEGER_MAX},
        object::EventId,
        time::Timestamp,
    },
    relay::{
        record::{By, Effect, Record},
        refusal::DecisionId,
        seal::{self, Broken, Chain},
    },
};

pub use embedded::copy::Progress;
pub(in crate::relay) use embedded::{Embedded, copy::copy, holds_store};
pub(in crate::relay) use memory::Memory;
use snapshot::{BrokenCheckpoint, Checkpoint};

/// Where groups become durable. A closed set: an enum, no trait.
#[expect(clippy::large_enum_variant, reason = "there is one store in a process, and it is moved once")]
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
        file: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// SQLite stays in a mode in which its promises are weaker.
    #[error("`{0}` cannot have a write-ahead log")]
    NoWal(String),
    /// A file could not be read or written.
    #[error("the store's files failed")]
    Files(#[from] std::io::Error),
    /// A file is not what was written.
    #[error("`{0}` is damaged")]
    Damaged(&'static str),
    /// The pages of a log file contradict each other.
    #[error("`{file}` is damaged: {fault}")]
    Structure {
        /// The file.
        file: String,
        /// What SQLite found first.
        fault: String,
    },
    /// A group is not what was written, or does not follow its predecessor.
    #[error("group {seq} of the log is damaged: {why}")]
    Group {
        /// The group.
        seq: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The store was written by a later version of this program.
    #[error("{0} was written by a newer version of airlock")]
    Newer(String),
    /// There are groups, and nothing says which of them was the newest.
    #[error("the store has groups up to {0}, but its file `anchor` is missing or empty")]
    NoAnchor(u64),
    /// The log ends before what is known to have been durable.
    #[error("the log ends at group {found}, but group {anchor} was durable: acknowledged writes are missing")]
    BelowAnchor {
        /// The newest group of the log.
        found: u64,
        /// The newest group that was durable.
        anchor: u64,
    },
    /// The directory for a copy has files in it.
    #[error("`{0}` is not empty")]
    NotEmpty(String),
    /// There is nothing to copy.
    #[error("there is no store in `{0}`")]
    NoStore(String),
    /// The server removed files, again and again, that the backup was about to read.
    #[error("the store was changing too fast to be read")]
    Moving,
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
                 if that does not mend it, restore a backup of the whole data directory (`airlock restore`)"
            }
            Self::Damaged(_)
            | Self::Structure { .. }
            | Self::Group { .. }
            | Self::NoAnchor(_)
            | Self::BelowAnchor { .. } => {
                "restore a backup of the whole data directory from before the damage (`airlock restore`)"
            }
            Self::Newer(_) => "run the newer binary, or restore a backup that this version has made",
            Self::NotEmpty(_) => "name a directory that is empty or missing; move the old one aside first",
            Self::NoStore(_) => "name the data directory of a server, or a backup",
            Self::Moving => "run the backup again",
            Self::Injected => "start again",
        }
    }
}

impl From<BrokenCheckpoint> for StoreError {
    fn from(_: BrokenCheckpoint) -> Self {
        Self::Damaged("the checkpoint")
    }
}

/// Takes one group of the log.
type Each<'e> = dyn FnMut(u64, &[u8]) -> Result<(), StoreError> + 'e;

/// What a start has read.
pub(in crate::relay) struct Recovered {
    pub(in crate::relay) view: View,
    /// Batches behind the checkpoint.
    pub(in crate::relay) batches: u64,
    /// Bytes of the log behind the checkpoint.
    pub(in crate::relay) bytes: u64,
    /// The time of the first batch behind the checkpoint.
    pub(in crate::relay) since: Option<Timestamp>,
}

impl Recovered {
    /// Writes the rows of the checkpoint of this state into a file.
    pub(in crate::relay) fn write_state(&self, path: &Path) -> Result<(), StoreError> {
        let mut file = BufWriter::new(File::create(path)?);
        snapshot::write_rows(&self.view, &mut |row| Ok(file.write_all(row)?))?;
        Ok(file.flush()?)
    }
}

impl Store {
    /// Reads the checkpoint and the log behind it, and checks both against the anchor.
    #[cfg(test)]
    fn recover(&mut self) -> Result<View, StoreError> {
        self.replay(&mut |_| ()).map(|it| it.view)
    }

    /// The same; `applied` gets what each batch of the log does.
    pub(in crate::relay) fn replay(
        &mut self,
        applied: &mut dyn FnMut(Applied),
    ) -> Result<Recovered, StoreError> {
        let (checkpoint, anchor) = match self {
            Self::Embedded(it) => (it.checkpoint()?, it.anchor()),
            Self::Memory(it) => (it.checkpoint().map(Checkpoint::into_view).transpose()?, None),
        };
        point::reached("recovery-after-checkpoint");
        let view = checkpoint.unwrap_or_default();
        let mut recovered = Recovered { view, batches: 0, bytes: 0, since: None };
        let mut replay = |seq: u64, blob: &[u8]| {
            if recovered.view.seq < seq { follow(&mut recovered, seq, blob, anchor, applied) } else { Ok(()) }
        };
        match self {
            Self::Embedded(it) => it.load(&mut replay)?,
            Self::Memory(it) => it.load(&mut replay)?,
        }
        let found = recovered.view.seq;
        match (self, anchor) {
            (_, Some(anchor)) if found < anchor.seq => {
                Err(StoreError::BelowAnchor { found, anchor: anchor.seq })
            }
            (Self::Embedded(_), None) if found != 0 => Err(StoreError::NoAnchor(found)),
            _ => Ok(recovered),
        }
    }

    /// Begins a log file behind what was recovered. A store that is a copy skips event ids first, durably: see
    /// `apply/restore.rs`. Gives whether it is one.
    pub(in crate::relay) fn begin(&mut self, recovered: &mut Recovered) -> Result<bool, StoreError> {
        let Self::Embedded(embedded) = self else { return Ok(false) };
        let copied = embedded.is_copied() && recovered.view.seq != 0;
        embedded.begin()?;
        if copied {
            self.skip_events(recovered)?;
        }
        Ok(copied)
    }

    /// Writes that the store continues from a copy.
    pub(in crate::relay) fn skip_events(&mut self, recovered: &mut Recovered) -> Result<(), StoreError> {
        let view = &mut recovered.view;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let floor = u64::try_from(now).unwrap_or_default().saturating_mul(RESTORED_EVENTS_PER_MS);
        let floor = EventId(floor.min(SAFE_INTEGER_MAX.unsigned_abs() / 2));
        let record = Record {
            at: view.at,
            decision: DecisionId(0),
            by: By::System,
            endpoint: None,
            policies: view.policies.clone(),
            batch: None,
            needs: Vec::new(),
            effect: Effect::Restore { gap: RESTORED_EVENTS_GAP, floor },
        };
        let seq = view.seq + 1;
        let unwritable = |why| StoreError::Group { seq, why };
        let records = [record];
        let (blob, head) =
            seal::seal(&view.chain, seq, &records).map_err(|_| unwritable("it cannot be encoded"))?;
        for record in &records {
            enact(view, record).map_err(|_| unwritable("it cannot be applied"))?;
        }
        self.append(seq, &blob, &head)?;
        (view.seq, view.chain) = (seq, head);
        recovered.batches += 1;
        recovered.since = recovered.since.or(Some(recovered.view.at));
        Ok(())
    }

    /// Makes a group durable: returns after the sync.
    fn append(&mut self, seq: u64, blob: &[u8], head: &Chain) -> Result<(), StoreError> {
        match self {
            Self::Embedded(it) => it.append(seq, blob, head),
            Self::Memory(it) => it.append(seq, blob),
        }
    }

    /// Does what is due between two groups.
    ///
    /// # Errors
    /// When a page of the log cannot be written.
    fn tend(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Embedded(it) => it.tend(),
            Self::Memory(_) => Ok(()),
        }
    }

    /// Whether the files want a checkpoint, whatever was written: there are many of them, or some are of an old form.
    fn wants_checkpoint(&self) -> Result<bool, StoreError> {
        match self {
            Self::Embedded(it) => it.log_files().map(|(count, old)| old || LOG_FILES_MAX < count),
            Self::Memory(_) => Ok(false),
        }
    }

    /// Goes on in the log file that a checkpointer has made; gives the one before, to be closed elsewhere.
    fn switch(&mut self, log: Option<LogFile>) -> Option<LogFile> {
        match (self, log) {
            (Self::Embedded(it), Some(log)) => it.switch(log),
            (_, log) => log,
        }
    }

    /// Something that writes a checkpoint of a view, on another thread.
    pub(in crate::relay) fn checkpointer(&self) -> Checkpointer {
        match self {
            Self::Embedded(it) => Checkpointer::Embedded(it.checkpointer()),
            Self::Memory(it) => Checkpointer::Memory(it.clone()),
        }
    }
}

/// Writes checkpoints.
pub(in crate::relay) enum Checkpointer {
    Embedded(embedded::Checkpointer),
    Memory(Memory),
}

impl Checkpointer {
    /// Makes the log file that begins behind the checkpoint.
    fn make_log(&mut self) -> Result<Option<LogFile>, StoreError> {
        match self {
            Self::Embedded(it) => it.make_log().map(Some),
            Self::Memory(_) => Ok(None),
        }
    }

    /// Writes the checkpoint, durably.
    pub(in crate::relay) fn write(&self, view: &View) -> Result<(), StoreError> {
        match self {
            Self::Embedded(it) => it.write(view),
            Self::Memory(it) => {
                it.write_checkpoint(Checkpoint::of(view)?);
                Ok(())
            }
        }
    }

    /// Removes what a durable checkpoint covers.
    fn remove_covered(&self) -> Result<(), StoreError> {
        match self {
            Self::Embedded(it) => it.remove_covered(),
            Self::Memory(it) => {
                it.trim();
                Ok(())
            }
        }
    }
}

/// Applies one group of the log to the view before it.
fn follow(
    recovered: &mut Recovered,
    seq: u64,
    blob: &[u8],
    anchor: Option<embedded::Anchor>,
    applied: &mut dyn FnMut(Applied),
) -> Result<(), StoreError> {
    let damaged = |why| StoreError::Group { seq, why };
    let view = &mut recovered.view;
    if seq != view.seq + 1 {
        return Err(damaged("groups before it are missing"));
    }
    let (records, head) = seal::open(&view.chain, seq, blob).map_err(|it| match it {
        // Its hash fits: what this program does not know was written by a later one.
        Broken::Newer | Broken::Unknown => StoreError::Newer(format!("group {seq} of the log")),
        Broken::Older => damaged("its version is none that was ever released"),
        Broken::Chain => damaged("it does not follow the group before it"),
        Broken::Hash => damaged("its content was changed after it was written"),
    })?;
    for record in &records {
        applied(enact(view, record).map_err(|_| damaged("a record of it cannot be applied"))?);
    }
    (view.seq, view.chain) = (seq, head);
    recovered.batches += records.len() as u64;
    recovered.bytes += blob.len() as u64;
    recovered.since = recovered.since.or_else(|| records.first().map(|it| it.at));
    match anchor {
        Some(anchor) if anchor.seq == seq && anchor.head != head => {
            Err(damaged("the anchor names another history"))
        }
        _ => Ok(()),
    }
}

/// What a checkpoint of this state has, in its order.
#[cfg(test)]
pub(in crate::relay) fn checkpoint_bytes(view: &View) -> Result<Vec<Vec<u8>>, StoreError> {
    Checkpoint::of(view).map(|it| it.rows)
}

/// Writes a view down as a checkpoint and reads it back. Only fuzz targets see this.
#[cfg(fuzzing)]
pub(in crate::relay) fn checkpoint_round_trip(view: &View) {
    let _view = Checkpoint::of(view).and_then(Checkpoint::into_view);
}
