//! One log file: a SQLite database with one row for each group. It is written by the process that made it, and from
//! then on only read, until a checkpoint covers it and it is removed as a whole.

use std::{fs::OpenOptions, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::files::{self, log_name, log_path, sync_directory};
use crate::{
    domain::limits::{LOG_SIDE_FILE_BYTES, STORE_BUSY_SECONDS},
    relay::store::{Each, StoreError},
};

/// How the errors name a log file whose content is wrong.
pub(in crate::relay::store) const LOG: &str = "the log";
/// Bytes of the side file that each commit takes besides its group: the changed pages of the tree, and their frames.
const COMMIT_BYTES: u64 = 3 * 4096;

/// A log file.
pub(in crate::relay::store) struct LogFile {
    connection: Connection,
    pub(in crate::relay::store) number: u64,
    /// Bytes in the side file, about.
    side_bytes: u64,
    side_bytes_max: u64,
}

impl LogFile {
    /// Makes an empty log file and makes its name durable.
    pub(in crate::relay::store) fn create(directory: &Path, number: u64) -> Result<Self, StoreError> {
        let path = log_path(directory, number);
        files::open_private(&path, OpenOptions::new().create_new(true).write(true))?;
        let of = failed(number);
        let connection = Connection::open(&path).map_err(of)?;
        let busy = Duration::from_secs(STORE_BUSY_SECONDS);
        connection.busy_timeout(busy).map_err(of)?;
        set_wal(&connection, number)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(of)?;
        // SQLite's own checkpoint of the side file keeps its failures to itself.
        connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(of)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(of)?;
        connection
            .execute_batch("CREATE TABLE log (seq INTEGER PRIMARY KEY, record BLOB NOT NULL)")
            .map_err(of)?;
        sync_directory(directory)?;
        Ok(Self { connection, number, side_bytes: 0, side_bytes_max: side_bytes_max() })
    }

    /// Writes a group and returns after the sync.
    pub(in crate::relay::store) fn append(&mut self, seq: u64, blob: &[u8]) -> Result<(), StoreError> {
        let row = (integer(seq)?, blob);
        self.connection
            .prepare_cached("INSERT INTO log (seq, record) VALUES (?1, ?2)")
            .and_then(|mut it| it.execute(row))
            .map_err(failed(self.number))?;
        self.side_bytes += COMMIT_BYTES + blob.len() as u64;
        Ok(())
    }

    /// Writes groups in one transaction.
    pub(in crate::relay::store) fn append_all(
        &mut self,
        groups: &[(u64, Vec<u8>)],
    ) -> Result<(), StoreError> {
        let of = failed(self.number);
        let transaction = self.connection.transaction().map_err(of)?;
        for (seq, blob) in groups {
            transaction
                .prepare_cached("INSERT INTO log (seq, record) VALUES (?1, ?2)")
                .map_err(of)?
                .execute((integer(*seq)?, blob))
                .map_err(of)?;
        }
        transaction.commit().map_err(of)
    }

    /// Moves all of the side file into the log file, which is complete.
    pub(in crate::relay::store) fn finish(self) -> Result<(), StoreError> {
        let (of, truncate) = (failed(self.number), "PRAGMA wal_checkpoint(TRUNCATE)");
        self.connection.query_row(truncate, (), |_| Ok(())).map_err(of)?;
        self.connection.close().map_err(|(_, source)| of(source))
    }

    /// Moves the side file into the log file when it has become long.
    ///
    /// # Errors
    /// When a page of the log file cannot be written: the disk has failed, though each group so far is in the side file.
    pub(in crate::relay::store) fn move_side_file(&mut self) -> Result<(), StoreError> {
        if self.side_bytes < self.side_bytes_max {
            return Ok(());
        }
        self.side_bytes = 0;
        // A reader, such as a backup, may hold pages back: they are moved the next time.
        self.connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))
            .map_err(failed(self.number))
    }
}

/// A log file that is only read.
pub(in crate::relay::store) struct ReadLogFile {
    connection: Connection,
    number: u64,
}

impl ReadLogFile {
    /// Opens a log file and begins to read it as it is at this moment.
    pub(in crate::relay::store) fn open(directory: &Path, number: u64) -> Result<Self, StoreError> {
        let (path, of) = (log_path(directory, number), failed(number));
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(of)?;
        connection.busy_timeout(Duration::from_secs(STORE_BUSY_SECONDS)).map_err(of)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(of)?;
        connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(of)?;
        connection.pragma_update(None, "query_only", true).map_err(of)?;
        connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_master").map_err(of)?;
        Ok(Self { connection, number })
    }

    /// Checks the structure of the file: its tree, and that each page is used once or free.
    ///
    /// # Errors
    /// [`StoreError::Structure`] with the first fault.
    pub(in crate::relay::store) fn check_structure(&self) -> Result<(), StoreError> {
        let of = failed(self.number);
        let fault: String =
            self.connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0)).map_err(of)?;
        if fault == "ok" { Ok(()) } else { Err(StoreError::Structure { file: log_name(self.number), fault }) }
    }

    /// Gives the groups, in order.
    pub(in crate::relay::store) fn load(&self, each: &mut Each<'_>) -> Result<(), StoreError> {
        let of = failed(self.number);
        let mut statement =
            self.connection.prepare("SELECT seq, record FROM log ORDER BY seq").map_err(of)?;
        let mut rows = statement.query(()).map_err(of)?;
        while let Some(row) = rows.next().map_err(of)? {
            let seq: i64 = row.get(0).map_err(of)?;
            let blob = row.get_ref(1).map_err(of)?.as_blob().map_err(|_| StoreError::Damaged(LOG))?;
            each(seq.unsigned_abs(), blob)?;
        }
        Ok(())
    }

    /// Whether it has its table: a crash may come before that.
    pub(in crate::relay::store) fn has_table(&self) -> Result<bool, StoreError> {
        let table = "SELECT count(*) FROM sqlite_master WHERE name = 'log'";
        let count: i64 =
            self.connection.query_row(table, (), |row| row.get(0)).map_err(failed(self.number))?;
        Ok(count != 0)
    }

    /// Whether it has no group.
    pub(in crate::relay::store) fn is_empty(&self) -> Result<bool, StoreError> {
        let some = "SELECT EXISTS (SELECT 1 FROM log)";
        Ok(!self.has_table()?
            || !self.connection.query_row(some, (), |row| row.get(0)).map_err(failed(self.number))?)
    }
}

/// Sets the mode in which a commit is one sync.
fn set_wal(connection: &Connection, number: u64) -> Result<(), StoreError> {
    // A mode that cannot be had is no error to SQLite: it answers with the one that stays. And it
    // answers before it commits, so that a failure of that is only heard by who reads on.
    let modes: Vec<String> = connection
        .prepare("PRAGMA journal_mode = WAL")
        .and_then(|mut it| it.query_map((), |row| row.get(0)).and_then(Iterator::collect))
        .map_err(failed(number))?;
    if modes == ["wal"] { Ok(()) } else { Err(StoreError::NoWal(log_name(number))) }
}

/// Names the file that failed.
fn failed(number: u64) -> impl Fn(rusqlite::Error) -> StoreError + Copy {
    move |source| StoreError::Database { file: log_name(number), source }
}

fn integer(seq: u64) -> Result<i64, StoreError> {
    i64::try_from(seq).map_err(|_| StoreError::Damaged(LOG))
}

/// Lets a test have the side file moved after every few groups.
fn side_bytes_max() -> u64 {
    let forced = || std::env::var("AIRLOCK_LOG_SIDE_FILE_BYTES").ok()?.parse().ok();
    cfg!(debug_assertions).then(forced).flatten().unwrap_or(LOG_SIDE_FILE_BYTES)
}
