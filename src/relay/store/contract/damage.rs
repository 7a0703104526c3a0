//! What the log on disk does not open: a store that lost or changed what was durable.

use std::{fs, path::Path};

use rusqlite::Connection;

use super::{Disk, append, history, world::World};
use crate::relay::store::{Embedded, Store, StoreError, view::View};

/// A store of five groups, closed again.
fn written() -> tempfile::TempDir {
    let disk = Disk::Embedded(tempfile::tempdir().expect("a directory"));
    append(&mut disk.open(), &mut View::default(), &history(&World::default()));
    let Disk::Embedded(directory) = disk else { unreachable!("it is on disk") };
    directory
}

fn tampered(directory: &Path, file: &str, statement: &str) {
    let database = Connection::open(directory.join(file)).expect("the database opens");
    assert_eq!(database.execute(statement, ()).expect("the statement runs"), 1, "{statement}");
}

fn recovery(directory: &Path) -> Result<u64, StoreError> {
    let mut store = Store::Embedded(Embedded::open(directory)?);
    store.recover().map(|it| it.seq)
}

#[test]
fn a_whole_log_is_opened() {
    assert!(matches!(recovery(written().path()), Ok(5)));
}

#[test]
fn a_tail_that_was_cut_off_is_missed() {
    let directory = written();
    tampered(directory.path(), "log.db", "DELETE FROM log WHERE seq = 5");
    let refused = recovery(directory.path());
    assert!(matches!(refused, Err(StoreError::BelowAnchor { found: 4, anchor: 5 })), "{refused:?}");
}

#[test]
fn an_empty_log_is_missed() {
    let directory = written();
    for file in ["log.db", "log.db-wal", "log.db-shm"] {
        // SQLite removes the side files when it closes.
        let _absent = fs::remove_file(directory.path().join(file));
    }
    let refused = recovery(directory.path());
    assert!(matches!(refused, Err(StoreError::BelowAnchor { found: 0, anchor: 5 })), "{refused:?}");
}

#[test]
fn a_group_missing_in_the_middle_or_at_the_start_is_missed() {
    for (gone, next) in [(3, 4), (1, 2)] {
        let directory = written();
        tampered(directory.path(), "log.db", &format!("DELETE FROM log WHERE seq = {gone}"));
        let refused = recovery(directory.path());
        assert!(matches!(refused, Err(StoreError::Group { seq, .. }) if seq == next), "{refused:?}");
    }
}

#[test]
fn each_flipped_byte_of_a_group_is_noticed() {
    let directory = written();
    let blob = |seq: u64| -> Vec<u8> {
        let database = Connection::open(directory.path().join("log.db")).expect("the database opens");
        let read =
            database.query_row("SELECT record FROM log WHERE seq = ?1", (seq as i64,), |row| row.get(0));
        read.expect("the group stands")
    };
    let put = |seq: u64, blob: &[u8]| {
        let database = Connection::open(directory.path().join("log.db")).expect("the database opens");
        let put = database.execute("UPDATE log SET record = ?2 WHERE seq = ?1", (seq as i64, blob));
        assert_eq!(put.expect("the group is replaced"), 1);
    };
    for seq in [1, 3, 5] {
        let whole = blob(seq);
        for at in [0, 1, 32, 33, whole.len() / 2, whole.len() - 33, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            put(seq, &flipped);
            let refused = recovery(directory.path());
            assert!(
                matches!(refused, Err(StoreError::Group { seq: it, .. }) if it == seq),
                "{at}: {refused:?}"
            );
        }
        put(seq, &whole);
    }
    assert!(matches!(recovery(directory.path()), Ok(5)));
}

#[test]
fn two_groups_do_not_change_places() {
    let directory = written();
    tampered(directory.path(), "log.db", "UPDATE log SET seq = 9 WHERE seq = 4");
    tampered(directory.path(), "log.db", "UPDATE log SET seq = 4 WHERE seq = 5");
    assert!(matches!(recovery(directory.path()), Err(StoreError::Group { seq: 4, .. })));
}

#[test]
fn a_damaged_anchor_is_noticed() {
    let directory = written();
    let path = directory.path().join("anchor");
    let whole = fs::read(&path).expect("the anchor stands");
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&path, flipped).expect("written");
        assert!(matches!(recovery(directory.path()), Err(StoreError::Damaged("anchor"))), "byte {at}");
    }
    fs::write(&path, &whole[..whole.len() - 1]).expect("written");
    assert!(matches!(recovery(directory.path()), Err(StoreError::Damaged("anchor"))));
}

#[test]
fn a_checkpoint_that_was_changed_is_noticed() {
    for statement in ["UPDATE checkpoint SET seq = 4", "DELETE FROM part WHERE id = 2"] {
        let disk = Disk::Embedded(tempfile::tempdir().expect("a directory"));
        let (mut store, mut view) = (disk.open(), View::default());
        append(&mut store, &mut view, &history(&World::default()));
        store.checkpointer()(&view).expect("the checkpoint is written");
        drop(store);
        let Disk::Embedded(directory) = disk else { unreachable!("it is on disk") };
        assert!(matches!(recovery(directory.path()), Ok(5)));
        tampered(directory.path(), "state.db", statement);
        assert!(matches!(recovery(directory.path()), Err(StoreError::Damaged("state.db"))), "{statement}");
    }
}

#[test]
fn a_directory_has_one_owner() {
    let directory = written();
    let owner = Embedded::open(directory.path()).expect("the store opens");
    assert!(matches!(Embedded::open(directory.path()), Err(StoreError::Locked)));
    drop(owner);
    assert!(matches!(recovery(directory.path()), Ok(5)));
}
