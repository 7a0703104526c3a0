//! The checkpoint of earlier versions: a SQLite database with the rows of a checkpoint. It is read and never written.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::files::OLD_STATE;
use crate::relay::store::{StoreError, snapshot::Checkpoint};

/// The checkpoint, if one was written.
pub(super) fn checkpoint(directory: &Path) -> Result<Option<Checkpoint>, StoreError> {
    let of = |source| StoreError::Database { file: OLD_STATE.to_owned(), source };
    let state = Connection::open(directory.join(OLD_STATE)).map_err(of)?;
    let tables = "SELECT count(*) FROM sqlite_master WHERE name = 'checkpoint'";
    if state.query_row(tables, (), |row| row.get::<_, i64>(0)).map_err(of)? == 0 {
        return Ok(None);
    }
    let head = state
        .query_row("SELECT seq, hash FROM checkpoint", (), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()
        .map_err(of)?;
    let Some((seq, hash)) = head else {
        return Ok(None);
    };
    let mut statement = state.prepare("SELECT content FROM part ORDER BY id").map_err(of)?;
    let rows =
        statement.query_map((), |row| row.get::<_, Vec<u8>>(0)).and_then(Iterator::collect).map_err(of)?;
    let hash = hash.try_into().map_err(|_| StoreError::Damaged(OLD_STATE))?;
    Ok(Some(Checkpoint { seq: seq.unsigned_abs(), rows, hash }))
}
