//! What the log on disk does not open: a store that lost or changed what was durable.

use std::{fs, path::Path};

use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::Connection;

use super::{Disk, append, checkpointed, history, world::World};
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
    tampered(directory.path(), "log-1.db", "DELETE FROM log WHERE seq = 5");
    let refused = recovery(directory.path());
    assert!(matches!(refused, Err(StoreError::BelowAnchor { found: 4, anchor: 5 })), "{refused:?}");
}

#[test]
fn an_empty_log_is_missed() {
    let directory = written();
    for file in ["log-1.db", "log-1.db-wal", "log-1.db-shm"] {
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
        tampered(directory.path(), "log-1.db", &format!("DELETE FROM log WHERE seq = {gone}"));
        let refused = recovery(directory.path());
        assert!(matches!(refused, Err(StoreError::Group { seq, .. }) if seq == next), "{refused:?}");
    }
}

#[test]
fn each_flipped_byte_of_a_group_is_noticed() {
    let directory = written();
    let blob = |seq: u64| -> Vec<u8> {
        let database = Connection::open(directory.path().join("log-1.db")).expect("the database opens");
        let read =
            database.query_row("SELECT record FROM log WHERE seq = ?1", (seq as i64,), |row| row.get(0));
        read.expect("the group stands")
    };
    let put = |seq: u64, blob: &[u8]| {
        let database = Connection::open(directory.path().join("log-1.db")).expect("the database opens");
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
    tampered(directory.path(), "log-1.db", "UPDATE log SET seq = 9 WHERE seq = 4");
    tampered(directory.path(), "log-1.db", "UPDATE log SET seq = 4 WHERE seq = 5");
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
    let disk = Disk::Embedded(tempfile::tempdir().expect("a directory"));
    let (mut store, mut view) = (disk.open(), View::default());
    append(&mut store, &mut view, &history(&World::default()));
    checkpointed(&mut store, &view).remove_covered().expect("the log is cut");
    drop(store);
    let Disk::Embedded(directory) = disk else { unreachable!("it is on disk") };
    assert!(matches!(recovery(directory.path()), Ok(5)));
    let path = directory.path().join("state-2");
    let whole = fs::read(&path).expect("the checkpoint");
    for at in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&path, flipped).expect("written");
        let refused = recovery(directory.path());
        assert!(matches!(refused, Err(StoreError::Damaged("the checkpoint"))), "byte {at}: {refused:?}");
    }
    for length in [0, 1, 16, 17, 48, 49, whole.len() - 1] {
        fs::write(&path, &whole[..length]).expect("written");
        let refused = recovery(directory.path());
        assert!(matches!(refused, Err(StoreError::Damaged("the checkpoint"))), "{length} bytes: {refused:?}");
    }
    fs::remove_file(&path).expect("removed");
    let refused = recovery(directory.path());
    assert!(matches!(refused, Err(StoreError::BelowAnchor { found: 0, anchor: 5 })), "{refused:?}");
}

#[test]
fn rows_without_an_anchor_are_refused() {
    for act in [|path: &Path| fs::remove_file(path), |path: &Path| fs::write(path, "")] {
        let directory = written();
        act(&directory.path().join("anchor")).expect("the anchor is gone");
        assert!(matches!(recovery(directory.path()), Err(StoreError::NoAnchor(5))));
    }
}

#[test]
fn what_a_newer_version_wrote_is_called_that() {
    let newer = |refused: Result<u64, StoreError>| {
        let Err(error @ StoreError::Newer(_)) = refused else { panic!("{refused:?}") };
        assert!(
            error.to_string().contains("newer version") && error.help().contains("newer binary"),
            "{error}"
        );
        assert!(!error.to_string().contains("damaged"), "{error}");
    };
    // A group whose version is beyond ours, and whole.
    let directory = written();
    let database = Connection::open(directory.path().join("log-1.db")).expect("the database opens");
    let blob: Vec<u8> =
        database.query_row("SELECT record FROM log WHERE seq = 5", (), |row| row.get(0)).expect("a group");
    let put = |version: u8, records: &[u8]| {
        let sealed = [&[version], &blob[1..33], records].concat();
        let head = digest(&SHA256, &[&5_u64.to_be_bytes()[..], &sealed].concat());
        let blob = [&sealed, head.as_ref()].concat();
        database.execute("UPDATE log SET record = ?1 WHERE seq = 5", (blob,)).expect("it is replaced");
    };
    put(blob[0] + 1, b"whatever a later version writes");
    newer(recovery(directory.path()));
    // A record that this program does not know, in a group of its own version.
    put(blob[0], b"\x01\xff\xff\xff");
    newer(recovery(directory.path()));
    // The version alone is changed: that is damage.
    let mut flipped = blob.clone();
    flipped[0] += 1;
    database.execute("UPDATE log SET record = ?1 WHERE seq = 5", (flipped,)).expect("it is replaced");
    assert!(matches!(recovery(directory.path()), Err(StoreError::Group { seq: 5, .. })));
    // A checkpoint of a version beyond ours.
    let disk = Disk::Embedded(tempfile::tempdir().expect("a directory"));
    let (mut store, mut view) = (disk.open(), View::default());
    append(&mut store, &mut view, &history(&World::default()));
    checkpointed(&mut store, &view);
    drop(store);
    let Disk::Embedded(directory) = disk else { unreachable!("it is on disk") };
    let path = directory.path().join("state-2");
    let mut content = fs::read(&path).expect("the checkpoint");
    content.truncate(content.len() - 32);
    content[8] += 1;
    let hash = digest(&SHA256, &content);
    content.extend_from_slice(hash.as_ref());
    fs::write(&path, content).expect("written");
    newer(recovery(directory.path()));
}

#[test]
fn the_structure_of_a_log_file_is_checked() {
    // Pages that were freed: the numbers in their list are what a later write would use.
    let directory = written();
    let path = directory.path().join("log-1.db");
    let database = Connection::open(&path).expect("the database opens");
    let fill = "CREATE TABLE filler (content BLOB); INSERT INTO filler SELECT randomblob(4000)
         FROM (WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT i FROM n);
         DROP TABLE filler; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE";
    database.execute_batch(fill).expect("pages are freed");
    drop(database);
    assert!(matches!(recovery(directory.path()), Ok(5)));
    let whole = fs::read(&path).expect("the log file");
    let page = usize::from(u16::from_be_bytes([whole[16], whole[17]]));
    let trunk = u32::from_be_bytes([whole[32], whole[33], whole[34], whole[35]]) as usize;
    assert!(0 < trunk, "there is a list of free pages");
    // Its first page, its length, and the first entries of that page.
    let begins = (trunk - 1) * page;
    for at in (32..40).chain(begins + 4..begins + 20) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&path, flipped).expect("written");
        let refused = recovery(directory.path());
        let told = matches!(refused, Err(StoreError::Structure { .. } | StoreError::Database { .. }));
        assert!(told, "byte {at}: {refused:?}");
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
