//! One node's store: log files, the newest checkpoint, and the anchor, in one directory.
//!
//! A log file ends: each start begins one, and so does each checkpoint. When a checkpoint is durable, all log files
//! before it are removed as a whole, and with them what was removed from the state before. Why, and what a copy of the
//! directory means: `docs/adr/0016-log-files-and-backup.md`.

mod anchor;
pub(in crate::relay) mod copy;
mod files;
mod log_file;
mod old;
mod state_file;

use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
};

use anchor::AnchorFile;
use files::Files;
use log_file::ReadLogFile;

use super::{Each, StoreError, point, snapshot::Checkpoint, view::View};
use crate::relay::seal::Chain;

pub(super) use anchor::Anchor;
pub(super) use log_file::LogFile;

/// Whether a directory holds a store.
pub(in crate::relay) fn holds_store(directory: &Path) -> bool {
    Files::of(directory).is_ok_and(|it| !it.is_empty())
}

/// The writer's half: the log and its anchor. Holds the directory's lock.
pub(in crate::relay) struct Embedded {
    directory: PathBuf,
    /// The log file of this process; `None` until something is written.
    log: Option<LogFile>,
    anchor: Option<AnchorFile>,
    /// The newest group that was durable when the store was opened.
    anchored: Option<Anchor>,
    _lock: File,
}

impl Embedded {
    /// Opens, or makes, the store in a directory, and locks it.
    pub(in crate::relay) fn open(directory: &Path) -> Result<Self, StoreError> {
        files::make_private_directory(directory)?;
        let options = &mut OpenOptions::new();
        let lock =
            files::open_private(&directory.join("lock"), options.create(true).truncate(false).write(true))?;
        lock.try_lock().map_err(|_| StoreError::Locked)?;
        files::close_files(directory)?;
        let is_new = Files::of(directory)?.is_empty();
        let anchor = match AnchorFile::open(directory) {
            Ok(file) => Some(file),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            Err(_) => None,
        };
        let anchored = anchor.as_ref().map(AnchorFile::read).transpose()?.flatten();
        let anchor = if is_new && anchored.is_none() { Some(AnchorFile::create(directory)?) } else { anchor };
        files::sync_directory(directory)?;
        point::reached("anchor-created");
        Ok(Self { directory: directory.to_owned(), log: None, anchor, anchored, _lock: lock })
    }

    /// The newest group that was durable when the store was opened.
    pub(super) fn anchor(&self) -> Option<Anchor> {
        self.anchored
    }

    /// Whether the directory is a copy of the one that was written.
    pub(super) fn is_copied(&self) -> bool {
        match (&self.anchor, &self.anchored) {
            (Some(file), Some(anchored)) => file.is_copied(anchored),
            _ => false,
        }
    }

    /// Reads the newest checkpoint.
    pub(super) fn checkpoint(&self) -> Result<Option<View>, StoreError> {
        let files = Files::of(&self.directory)?;
        if let Some(number) = files.newest_state() {
            return state_file::read(&self.directory, number).map(Some);
        }
        if !files.old_state {
            return Ok(None);
        }
        let old = old::checkpoint(&self.directory)?;
        old.map(Checkpoint::into_view).transpose()
    }

    /// Gives the groups of all log files that the checkpoint does not cover, in order.
    pub(super) fn load(&self, each: &mut Each<'_>) -> Result<(), StoreError> {
        for number in Files::of(&self.directory)?.live_logs() {
            let log = ReadLogFile::open(&self.directory, number)?;
            log.check_structure()?;
            if log.has_table()? {
                log.load(each)?;
            }
        }
        Ok(())
    }

    /// Begins the log file of this process, behind all that is there. What was recovered is never written to again.
    pub(super) fn begin(&mut self) -> Result<(), StoreError> {
        if self.log.is_none() {
            let files = Files::of(&self.directory)?;
            let covered = files.newest_state().unwrap_or_default();
            files::remove_below(&self.directory, covered, || point::reached("recovery-amid-removal"))?;
            for number in files.live_logs() {
                if ReadLogFile::open(&self.directory, number)?.is_empty()? {
                    files::remove_log(&self.directory, number)?;
                }
            }
            self.log = Some(LogFile::create(&self.directory, files.next())?);
            point::reached("recovery-after-begin");
        }
        Ok(())
    }

    /// How many log files there are, and whether one of them, or the checkpoint, is of an earlier form.
    pub(super) fn log_files(&self) -> Result<(usize, bool), StoreError> {
        let files = Files::of(&self.directory)?;
        Ok((files.logs.len(), files.old_state || files.logs.first() == Some(&0)))
    }

    pub(super) fn append(&mut self, seq: u64, blob: &[u8], head: &Chain) -> Result<(), StoreError> {
        self.begin()?;
        if let Some(log) = &mut self.log {
            log.append(seq, blob)?;
        }
        if let Some(anchor) = &mut self.anchor {
            anchor.write(seq, head)?;
        }
        Ok(())
    }

    /// Does for the log file what is due between two groups.
    pub(super) fn tend(&mut self) -> Result<(), StoreError> {
        self.log.as_mut().map_or(Ok(()), LogFile::move_side_file)
    }

    /// What a checkpoint needs, on a thread of its own.
    pub(super) fn checkpointer(&self) -> Checkpointer {
        let number = self.log.as_ref().map_or(1, |it| it.number);
        Checkpointer { directory: self.directory.clone(), number }
    }

    /// Goes on in another log file; gives the one before.
    pub(super) fn switch(&mut self, log: LogFile) -> Option<LogFile> {
        let before = self.log.replace(log);
        point::reached("log-after-switch");
        before
    }
}

/// Writes a checkpoint of a view and removes what it covers.
pub(in crate::relay) struct Checkpointer {
    directory: PathBuf,
    number: u64,
}

impl Checkpointer {
    /// Makes the log file that begins behind the checkpoint.
    pub(super) fn make_log(&mut self) -> Result<LogFile, StoreError> {
        self.number = Files::of(&self.directory)?.next();
        let log = LogFile::create(&self.directory, self.number)?;
        point::reached("log-after-create");
        Ok(log)
    }

    /// Writes the checkpoint, durably.
    pub(super) fn write(&self, view: &View) -> Result<(), StoreError> {
        state_file::write(&self.directory, self.number, view)
    }

    /// Removes what the checkpoint covers.
    pub(super) fn remove_covered(&self) -> Result<(), StoreError> {
        Ok(files::remove_below(&self.directory, self.number, || point::reached("checkpoint-amid-removal"))?)
    }
}
