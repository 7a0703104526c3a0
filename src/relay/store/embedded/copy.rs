//! A copy of a store, made while a server writes to it, and checked as a start would check it.
//!
//! A checkpoint file never changes once it has its name. Of each log file a transaction is read: SQLite shows it as it
//! was when the transaction began. So the copy has every group that was acknowledged before the copying began, and no hole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use super::{
    Embedded, anchor,
    files::{self, Files, state_path},
    log_file::{LogFile, ReadLogFile},
    old, state_file,
};
use crate::{
    domain::limits::BACKUP_ATTEMPTS_MAX,
    relay::{
        seal::Chain,
        store::{Recovered, Store, StoreError},
    },
};

/// The number of the checkpoint and of the log file in a copy.
const NUMBER: u64 = 1;
/// Bytes of groups that go into one transaction.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Bytes of the checkpoint.
    Checkpoint {
        /// Those that are written.
        bytes: u64,
        /// All.
        of: u64,
    },
    /// Groups of the log.
    Log {
        /// Those that are written.
        groups: u64,
    },
    /// The copy is read as a start reads it.
    Verifying,
}

/// Copies the store in `from`, which a server may be writing to, into the empty or missing directory `to`.
///
/// # Errors
/// When it cannot be read or written, or is damaged; `to` is empty then.
pub(in crate::relay) fn copy(
    from: &Path,
    to: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Recovered, StoreError> {
    if !from.is_dir() || Files::of(from)?.is_empty() {
        return Err(StoreError::NoStore(from.display().to_string()));
    }
    files::make_private_directory(to)?;
    if fs::read_dir(to)?.next().is_some() {
        return Err(StoreError::NotEmpty(to.display().to_string()));
    }
    let copied = Source::open(from).and_then(|source| source.write(to, progress));
    copied.inspect_err(|_| empty(to))
}

/// Removes what was written of a copy that has failed: nobody shall take it for a whole one.
fn empty(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        // The failure that is reported is the first one.
        let _left = fs::remove_file(entry.path());
    }
}

/// The files of a store, all open: they stay readable when the server removes them.
struct Source<'s> {
    directory: &'s Path,
    state: Option<File>,
    old_state: bool,
    logs: Vec<ReadLogFile>,
}

impl<'s> Source<'s> {
    fn open(directory: &'s Path) -> Result<Self, StoreError> {
        for _ in 0..BACKUP_ATTEMPTS_MAX {
            if let Some(source) = Self::open_once(directory)? {
                return Ok(source);
            }
        }
        Err(StoreError::Moving)
    }

    /// Opens the files; `None` when one of them was removed meanwhile.
    fn open_once(directory: &'s Path) -> Result<Option<Self>, StoreError> {
        let files = Files::of(directory)?;
        let state = match files.newest_state().map(|it| File::open(state_path(directory, it))) {
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            state => state.transpose()?,
        };
        let mut logs = Vec::new();
        for number in files.live_logs() {
            match ReadLogFile::open(directory, number) {
                Ok(log) => logs.push(log),
                Err(_) if !files::log_path(directory, number).exists() => return Ok(None),
                Err(failure) => return Err(failure),
            }
        }
        Ok(Some(Self { directory, old_state: state.is_none() && files.old_state, state, logs }))
    }

    fn write(self, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Recovered, StoreError> {
        if let Some(mut state) = self.state {
            copy_state(&mut state, to, progress)?;
        } else if self.old_state
            && let Some(checkpoint) = old::checkpoint(self.directory)?
        {
            state_file::write(to, NUMBER, &checkpoint.into_view()?)?;
        }
        let covered = match Files::of(to)?.newest_state() {
            Some(number) => state_file::read(to, number).map(|it| (it.seq, it.chain))?,
            None => (0, [0; 32]),
        };
        let (seq, head) = copy_log(&self.logs, to, covered, progress)?;
        anchor::write_copy(to, seq, head)?;
        files::sync_directory(to)?;
        if let Some(parent) = to.parent().filter(|it| !it.as_os_str().is_empty()) {
            files::sync_directory(parent)?;
        }
        progress(Progress::Verifying);
        Store::Embedded(Embedded::open(to)?).replay(&mut |_| ())
    }
}

fn copy_state(state: &mut File, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<(), StoreError> {
    let (of, mut bytes) = (state.metadata()?.len(), 0);
    let path = state_path(to, NUMBER);
    let mut copy = files::open_private(&path, OpenOptions::new().create_new(true).write(true))?;
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let count = state.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        copy.write_all(buffer.get(..count).unwrap_or_default())?;
        copy.sync_data()?;
        bytes += count as u64;
        progress(Progress::Checkpoint { bytes, of });
    }
    Ok(copy.sync_all()?)
}

/// Copies the groups behind the checkpoint; gives the newest one.
fn copy_log(
    logs: &[ReadLogFile],
    to: &Path,
    covered: (u64, Chain),
    progress: &mut dyn FnMut(Progress),
) -> Result<(u64, Chain), StoreError> {
    let mut copy = LogFile::create(to, NUMBER)?;
    let (mut chunk, mut chunk_bytes, mut groups) = (Vec::new(), 0, 0);
    let mut newest = covered;
    for log in logs {
        if !log.has_table()? {
            continue;
        }
        log.load(&mut |seq, blob| {
            if seq <= covered.0 {
                return Ok(());
            }
            let head = blob.last_chunk::<32>().ok_or(StoreError::Damaged("the log"))?;
            newest = (seq, *head);
            chunk_bytes += blob.len();
            chunk.push((seq, blob.to_vec()));
            if CHUNK_BYTES <= chunk_bytes {
                groups += chunk.len() as u64;
                copy.append_all(&std::mem::take(&mut chunk))?;
                chunk_bytes = 0;
                progress(Progress::Log { groups });
            }
            Ok(())
        })?;
    }
    groups += chunk.len() as u64;
    copy.append_all(&chunk)?;
    copy.finish()?;
    progress(Progress::Log { groups });
    Ok(newest)
}
