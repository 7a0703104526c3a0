//! One node's store: the log and the checkpoint in SQLite, and the anchor beside them.
//!
//! `log.db` has one blob for each group, `state.db` the newest checkpoint. After each sync the
//! newest (sequence, chain head) goes to the file `anchor`, unsynced: SQLite can open a WAL with a
//! flipped bit as if its tail had never been, and what is left is a valid chain. A log that ends
//! below its anchor is refused (decision 10).

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::{Checkpoint, Each, StoreError};
use crate::{domain::limits::STORE_BUSY_SECONDS, relay::seal::Chain};

const LOG: &str = "log.db";
const STATE: &str = "state.db";

/// The writer's half: the log and its anchor. Holds the directory's lock.
pub(in crate::relay) struct Embedded {
    log: Connection,
    anchor: File,
    state: std::path::PathBuf,
    _lock: File,
}

impl Embedded {
    /// Opens, or makes, the store in a directory, and locks it.
    pub(in crate::relay) fn open(directory: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(directory)?;
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(directory.join("lock"))?;
        lock.try_lock().map_err(|_| StoreError::Locked)?;
        let log = connect(&directory.join(LOG), LOG)?;
        log.execute_batch("CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, record BLOB NOT NULL)")
            .map_err(of(LOG))?;
        let anchor = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(directory.join("anchor"))?;
        let state = directory.join(STATE);
        connect(&state, STATE)?
            .execute_batch(
                "CREATE TABLE IF NOT EXISTS checkpoint (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL);
                 CREATE TABLE IF NOT EXISTS part (id INTEGER PRIMARY KEY, content BLOB NOT NULL);",
            )
            .map_err(of(STATE))?;
        sync_directory(directory)?;
        Ok(Self { log, anchor, state, _lock: lock })
    }

    pub(super) fn append(&mut self, seq: u64, blob: &[u8], head: &Chain) -> Result<(), StoreError> {
        let row = (integer(seq)?, blob);
        self.log
            .prepare_cached("INSERT INTO log (seq, record) VALUES (?1, ?2)")
            .and_then(|mut it| it.execute(row))
            .map_err(of(LOG))?;
        self.anchor.write_all_at(&Anchor { seq, head: *head }.to_bytes(), 0)?;
        Ok(())
    }

    pub(super) fn load(&mut self, each: &mut Each<'_>) -> Result<(), StoreError> {
        let mut statement = self.log.prepare("SELECT seq, record FROM log ORDER BY seq").map_err(of(LOG))?;
        let mut rows = statement.query(()).map_err(of(LOG))?;
        while let Some(row) = rows.next().map_err(of(LOG))? {
            let seq: i64 = row.get(0).map_err(of(LOG))?;
            let blob = row.get_ref(1).map_err(of(LOG))?.as_blob().map_err(|_| StoreError::Damaged(LOG))?;
            each(seq.unsigned_abs(), blob)?;
        }
        Ok(())
    }

    /// The anchor, `None` when the file is new.
    pub(super) fn anchor(&self) -> Result<Option<Anchor>, StoreError> {
        let mut bytes = [0; Anchor::BYTES];
        if self.anchor.metadata()?.len() == 0 {
            return Ok(None);
        }
        self.anchor.read_exact_at(&mut bytes, 0).map_err(|_| StoreError::Damaged("anchor"))?;
        Anchor::from_bytes(&bytes).ok_or(StoreError::Damaged("anchor")).map(Some)
    }

    pub(super) fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let state = connect(&self.state, STATE)?;
        let head = state
            .query_row("SELECT seq, hash FROM checkpoint", (), |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
            })
            .optional()
            .map_err(of(STATE))?;
        let Some((seq, hash)) = head else {
            return Ok(None);
        };
        let mut statement = state.prepare("SELECT content FROM part ORDER BY id").map_err(of(STATE))?;
        let rows = statement
            .query_map((), |row| row.get::<_, Vec<u8>>(0))
            .and_then(Iterator::collect)
            .map_err(of(STATE))?;
        let hash = hash.try_into().map_err(|_| StoreError::Damaged(STATE))?;
        Ok(Some(Checkpoint { seq: seq.unsigned_abs(), rows, hash }))
    }

    /// Where checkpoints go: written from another thread, over a connection of its own.
    pub(super) fn state_path(&self) -> std::path::PathBuf {
        self.state.clone()
    }

    /// Cuts the log behind a checkpoint that is durable.
    pub(super) fn trim(&mut self, through: u64) -> Result<(), StoreError> {
        self.log.execute("DELETE FROM log WHERE seq <= ?1", (integer(through)?,)).map_err(of(LOG))?;
        Ok(())
    }
}

/// Replaces the checkpoint, in one transaction.
pub(super) fn write_checkpoint(path: &Path, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    let mut state = connect(path, STATE)?;
    let transaction = state.transaction().map_err(of(STATE))?;
    put(&transaction, integer(checkpoint.seq)?, checkpoint).map_err(of(STATE))?;
    super::point::reached("checkpoint-before-commit");
    transaction.commit().map_err(of(STATE))?;
    // Before the log is cut: the side file that holds the checkpoint has its name for good.
    path.parent().map_or(Ok(()), sync_directory)?;
    super::point::reached("checkpoint-after-commit");
    Ok(())
}

fn put(transaction: &Transaction<'_>, seq: i64, checkpoint: &Checkpoint) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM part", ())?;
    let mut insert = transaction.prepare("INSERT INTO part (content) VALUES (?1)")?;
    for row in &checkpoint.rows {
        insert.execute((row,))?;
    }
    transaction.execute(
        "INSERT OR REPLACE INTO checkpoint (id, seq, hash) VALUES (1, ?1, ?2)",
        (seq, checkpoint.hash.as_slice()),
    )?;
    Ok(())
}

fn connect(path: &Path, file: &'static str) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(of(file))?;
    connection.busy_timeout(Duration::from_secs(STORE_BUSY_SECONDS)).map_err(of(file))?;
    // A mode that cannot be had is no error to SQLite: it answers with the one that stays. And it
    // answers before it commits, so that a failure of that is only heard by who reads on.
    let modes: Vec<String> = connection
        .prepare("PRAGMA journal_mode = WAL")
        .and_then(|mut it| it.query_map((), |row| row.get(0)).and_then(Iterator::collect))
        .map_err(of(file))?;
    if modes != ["wal"] {
        return Err(StoreError::NoWal(file));
    }
    connection.pragma_update(None, "synchronous", "FULL").map_err(of(file))?;
    Ok(connection)
}

/// Makes the names of new files durable. SQLite does so, too, and passes over a failure of it.
fn sync_directory(directory: &Path) -> Result<(), StoreError> {
    Ok(File::open(directory)?.sync_all()?)
}

/// Names the file that failed.
fn of(file: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { file, source }
}

fn integer(seq: u64) -> Result<i64, StoreError> {
    i64::try_from(seq).map_err(|_| StoreError::Damaged(LOG))
}

/// The newest group whose sync has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) seq: u64,
    pub(super) head: Chain,
}

impl Anchor {
    const BYTES: usize = 8 + 32 + 32;

    fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let check = self.check();
        for (to, from) in bytes.iter_mut().zip(self.seq.to_be_bytes().iter().chain(&self.head).chain(&check))
        {
            *to = *from;
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (seq, rest) = bytes.split_first_chunk::<8>()?;
        let (head, check) = rest.split_first_chunk::<32>()?;
        let anchor = Self { seq: u64::from_be_bytes(*seq), head: *head };
        (check == anchor.check()).then_some(anchor)
    }

    fn check(self) -> Chain {
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        context.update(&self.seq.to_be_bytes());
        context.update(&self.head);
        let mut check = [0; 32];
        check.copy_from_slice(context.finish().as_ref());
        check
    }
}
