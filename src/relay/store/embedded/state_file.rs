//! A checkpoint on disk: one file that is written once, as a whole, under another name, and then renamed.
//!
//! `AIRLOCK` and a zero, the version, the number of the group, then each row behind its length, then a length that no
//! row has, then SHA-256 of everything before. Nothing is read as a row before the hash is checked.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA256};

use super::files::{self, UNFINISHED, state_path};
use crate::{
    domain::limits::CHECKPOINT_SYNC_BYTES,
    relay::store::{
        StoreError, point,
        snapshot::{self, Restoring, VERSION},
        view::View,
    },
};

const MAGIC: &[u8; 8] = b"AIRLOCK\0";
/// Magic, version, number of the group.
const HEAD_BYTES: usize = 8 + 1 + 8;
/// What stands in place of a length when there are no more rows.
const END: u32 = u32::MAX;
const HASH_BYTES: usize = 32;
/// How the errors name a checkpoint.
const STATE: &str = "the checkpoint";

/// Writes the checkpoint of a view, durably.
pub(super) fn write(directory: &Path, number: u64, view: &View) -> Result<(), StoreError> {
    let path = directory.join(UNFINISHED);
    let file = files::open_private(&path, OpenOptions::new().create(true).truncate(true).write(true))?;
    let mut writer =
        Writer { file: BufWriter::with_capacity(64 * 1024, file), hash: Context::new(&SHA256), unsynced: 0 };
    writer.put(MAGIC)?;
    writer.put(&[VERSION])?;
    writer.put(&view.seq.to_be_bytes())?;
    snapshot::write_rows(view, &mut |row| {
        let length = u32::try_from(row.len()).ok().filter(|it| *it != END);
        writer.put(&length.ok_or(StoreError::Damaged(STATE))?.to_be_bytes())?;
        Ok(writer.put(row)?)
    })?;
    writer.put(&END.to_be_bytes())?;
    let hash = writer.hash.clone().finish();
    writer.put(hash.as_ref())?;
    writer.file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    point::reached("checkpoint-before-commit");
    fs::rename(&path, state_path(directory, number))?;
    files::sync_directory(directory)?;
    point::reached("checkpoint-after-commit");
    Ok(())
}

struct Writer {
    file: BufWriter<File>,
    hash: Context,
    unsynced: usize,
}

impl Writer {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.file.write_all(bytes)?;
        self.unsynced += bytes.len();
        if CHECKPOINT_SYNC_BYTES <= self.unsynced {
            self.unsynced = 0;
            self.file.flush()?;
            self.file.get_ref().sync_data()?;
        }
        Ok(())
    }
}

/// Reads a checkpoint.
///
/// # Errors
/// [`StoreError::Newer`] when it is whole and of a later version, [`StoreError::Damaged`] when it is not whole.
pub(super) fn read(directory: &Path, number: u64) -> Result<View, StoreError> {
    let mut file = File::open(state_path(directory, number))?;
    let length = file.metadata()?.len();
    let damaged = || StoreError::Damaged(STATE);
    let sealed =
        length.checked_sub(HASH_BYTES as u64).filter(|it| HEAD_BYTES as u64 <= *it).ok_or_else(damaged)?;
    check_hash(&mut file, sealed)?;
    file.seek(SeekFrom::Start(0))?;
    let mut rows = BufReader::with_capacity(64 * 1024, file.take(sealed));
    let mut head = [0; HEAD_BYTES];
    rows.read_exact(&mut head)?;
    let (magic, rest) = head.split_first_chunk::<8>().ok_or_else(damaged)?;
    let (version, seq) = rest.split_first_chunk::<1>().ok_or_else(damaged)?;
    if magic != MAGIC {
        return Err(damaged());
    }
    match version.first() {
        Some(version) if VERSION < *version => return Err(StoreError::Newer(files::state_name(number))),
        Some(&VERSION) => (),
        _ => return Err(damaged()),
    }
    let seq = u64::from_be_bytes(seq.try_into().map_err(|_| damaged())?);
    let (mut view, mut row) = (Restoring::default(), Vec::new());
    loop {
        let mut length = [0; 4];
        rows.read_exact(&mut length)?;
        match u32::from_be_bytes(length) {
            END => break,
            length => row.resize(length as usize, 0),
        }
        rows.read_exact(&mut row)?;
        // The hash fits, so the row is what was written: one that is not known was written by a later version.
        view.take(&row).map_err(|_| StoreError::Newer(files::state_name(number)))?;
    }
    view.finish(seq).map_err(|_| damaged())
}

fn check_hash(file: &mut File, sealed: u64) -> Result<(), StoreError> {
    let (mut hash, mut left) = (Context::new(&SHA256), sealed);
    let mut buffer = vec![0; 64 * 1024];
    while left != 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let (part, _) = buffer.split_at_mut(most);
        let count = file.read(part)?;
        if count == 0 {
            return Err(StoreError::Damaged(STATE));
        }
        hash.update(part.get(..count).unwrap_or_default());
        left -= count as u64;
    }
    let mut stored = [0; HASH_BYTES];
    file.read_exact(&mut stored)?;
    if hash.finish().as_ref() == stored { Ok(()) } else { Err(StoreError::Damaged(STATE)) }
}
