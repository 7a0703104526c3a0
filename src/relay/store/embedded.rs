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

use rusqlite::{Connection, OptionalExtension};

use super::{Checkpoint, Each, StoreError};
use crate::{domain::limits::STORE_BUSY_SECONDS, relay::record::Chain};

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
        let log = connect(&directory.join("log.db"))?;
        log.execute_batch("CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, record BLOB NOT NULL)")?;
        let anchor = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(directory.join("anchor"))?;
        let state = directory.join("state.db");
        connect(&state)?.execute_batch(
            "CREATE TABLE IF NOT EXISTS checkpoint (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL);
             CREATE TABLE IF NOT EXISTS part (id INTEGER PRIMARY KEY, content BLOB NOT NULL);",
        )?;
        Ok(Self { log, anchor, state, _lock: lock })
    }

    pub(super) fn append(&mut self, seq: u64, blob: &[u8], head: &Chain) -> Result<(), StoreError> {
        self.log
            .prepare_cached("INSERT INTO log (seq, record) VALUES (?1, ?2)")?
            .execute((integer(seq)?, blob))?;
        self.anchor.write_all_at(&Anchor { seq, head: *head }.to_bytes(), 0)?;
        Ok(())
    }

    pub(super) fn load(&mut self, each: &mut Each<'_>) -> Result<(), StoreError> {
        let mut statement = self.log.prepare("SELECT seq, record FROM log ORDER BY seq")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            let blob = row.get_ref(1)?.as_blob().map_err(|_| StoreError::Damaged("log.db"))?;
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
        let state = connect(&self.state)?;
        let head = state
            .query_row("SELECT seq, hash FROM checkpoint", (), |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
            })
            .optional()?;
        let Some((seq, hash)) = head else {
            return Ok(None);
        };
        let mut statement = state.prepare("SELECT content FROM part ORDER BY id")?;
        let rows = statement.query_map((), |row| row.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?;
        let hash = hash.try_into().map_err(|_| StoreError::Damaged("state.db"))?;
        Ok(Some(Checkpoint { seq: seq.unsigned_abs(), rows, hash }))
    }

    /// Where checkpoints go: written from another thread, over a connection of its own.
    pub(super) fn state_path(&self) -> std::path::PathBuf {
        self.state.clone()
    }

    /// Cuts the log behind a checkpoint that is durable.
    pub(super) fn trim(&mut self, through: u64) -> Result<(), StoreError> {
        self.log.execute("DELETE FROM log WHERE seq <= ?1", (integer(through)?,))?;
        Ok(())
    }
}

/// Replaces the checkpoint, in one transaction.
pub(super) fn write_checkpoint(path: &Path, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    let mut state = connect(path)?;
    let transaction = state.transaction()?;
    transaction.execute("DELETE FROM part", ())?;
    {
        let mut insert = transaction.prepare("INSERT INTO part (content) VALUES (?1)")?;
        for row in &checkpoint.rows {
            insert.execute((row,))?;
        }
    }
    transaction.execute(
        "INSERT OR REPLACE INTO checkpoint (id, seq, hash) VALUES (1, ?1, ?2)",
        (integer(checkpoint.seq)?, checkpoint.hash.as_slice()),
    )?;
    super::point::reached("checkpoint-before-commit");
    transaction.commit()?;
    super::point::reached("checkpoint-after-commit");
    Ok(())
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(STORE_BUSY_SECONDS))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

fn integer(seq: u64) -> Result<i64, StoreError> {
    i64::try_from(seq).map_err(|_| StoreError::Damaged("log.db"))
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
