//! Copies of a store: made while a server writes to it, put back, and written out to be compared.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use crate::{
    domain::data::Data,
    relay::store::{Embedded, Recovered, Store, StoreError, copy, holds_store},
};

pub use super::store::Progress;

/// Whether a directory holds a store, or a backup.
pub fn is_store(directory: &Path) -> bool {
    holds_store(directory)
}

/// Copies the store of a server, running or not, into an empty or missing directory. Gives the newest group in it.
///
/// # Errors
/// When the store cannot be read, is damaged, or the copy cannot be written.
pub fn back_up(from: &Path, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<u64, StoreError> {
    copy(from, to, progress).map(|it| it.view.seq)
}

/// Puts a backup into an empty or missing directory, and has each service skip event ids, so that every client that
/// comes back is answered in full. Gives the newest group of the backup.
///
/// # Errors
/// As for [`back_up`].
pub fn restore(from: &Path, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<u64, StoreError> {
    let seq = copy(from, to, progress)?.view.seq;
    mark_restored(to)?;
    Ok(seq)
}

/// Has each service of a store skip event ids: the directory was put back by other means. Gives its newest group.
///
/// # Errors
/// When a server holds the store, or it cannot be read or written.
pub fn mark_restored(directory: &Path) -> Result<u64, StoreError> {
    if !is_store(directory) {
        return Err(StoreError::NoStore(directory.display().to_string()));
    }
    let mut store = Store::Embedded(Embedded::open(directory)?);
    let mut recovered = store.replay(&mut |_| ())?;
    let seq = recovered.view.seq;
    if !store.begin(&mut recovered)? {
        store.skip_events(&mut recovered)?;
    }
    Ok(seq)
}

/// Writes the state of a store, and the events of its log behind the newest checkpoint, into a directory that exists:
/// the files `state` and `events`. Two stores with the same history give the same bytes.
///
/// # Errors
/// When a server holds the store, or it cannot be read, or a file not be written.
pub fn export(directory: &Path, to: &Path) -> Result<(), StoreError> {
    let mut events = BufWriter::new(File::create(to.join("events"))?);
    let mut written = Ok(());
    let recovered: Recovered = Store::Embedded(Embedded::open(directory)?).replay(&mut |applied| {
        for event in &applied.events {
            if written.is_ok() {
                written = writeln!(events, "{event:?} {}", event.what.data().map_or("", Data::as_str));
            }
        }
    })?;
    written?;
    events.flush()?;
    recovered.write_state(&to.join("state"))
}
