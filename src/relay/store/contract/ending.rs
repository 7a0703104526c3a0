//! Log files end: what was removed from the state is in no file, each process begins a file of its own, and whoever may
//! not read the files cannot.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::Connection;

use super::{
    append, checkpointed, history,
    world::{SERVICE, World, pictured, sid},
};
use crate::{
    domain::object::ObjectKind::Document,
    relay::{
        record::Effect,
        store::{Embedded, Store, snapshot::Checkpoint, view::View},
    },
};

fn open(directory: &Path) -> Store {
    Store::Embedded(Embedded::open(directory).expect("the store opens"))
}

/// The names of the files in a directory that contain these bytes.
fn holding(directory: &Path, bytes: &[u8]) -> Vec<String> {
    let holds = |it: &fs::DirEntry| {
        let content = fs::read(it.path()).expect("a file");
        content.windows(bytes.len()).any(|it| it == bytes)
    };
    let files = fs::read_dir(directory).expect("a directory").map(|it| it.expect("an entry"));
    files.filter(holds).map(|it| it.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn removed_data_is_in_no_file_after_a_checkpoint() {
    let directory = tempfile::tempdir().expect("a directory");
    let secret = "the body that was removed";
    let (world, mut store, mut view) = (World::default(), open(directory.path()), View::default());
    append(&mut store, &mut view, &history(&world));
    let body = format!(r#"{{"text":"{secret}"}}"#);
    let create = world.backend(world.create(Document, "secret", &body));
    append(&mut store, &mut view, &[vec![create]]);
    // It is in a checkpoint, too, which the next one replaces.
    checkpointed(&mut store, &view).remove_covered().expect("the log is cut");
    assert_eq!(holding(directory.path(), secret.as_bytes()), ["state-2"]);
    let object = sid(Document, "secret");
    append(&mut store, &mut view, &[vec![world.backend(Effect::Remove { service: SERVICE, object })]]);
    checkpointed(&mut store, &view).remove_covered().expect("the log is cut");
    assert_eq!(holding(directory.path(), secret.as_bytes()), Vec::<String>::new());
    drop(store);
    assert_eq!(open(directory.path()).recover().expect("recovered").seq, view.seq);
}

#[test]
fn what_recovery_replayed_counts_towards_the_next_checkpoint() {
    let directory = tempfile::tempdir().expect("a directory");
    let (mut store, mut view) = (open(directory.path()), View::default());
    append(&mut store, &mut view, &history(&World::default()));
    drop(store);
    let recovered = open(directory.path()).replay(&mut |_| ()).expect("recovered");
    assert_eq!((recovered.view.seq, recovered.batches), (5, 8));
    assert!(8 * 100 < recovered.bytes && recovered.since == Some(World::default().at()));
}

#[test]
fn each_process_has_a_log_file_of_its_own() {
    let directory = tempfile::tempdir().expect("a directory");
    let world = World::default();
    let mut view = View::default();
    let groups = history(&world);
    for group in &groups {
        let mut store = open(directory.path());
        let mut recovered = store.replay(&mut |_| ()).expect("recovered");
        assert!(!store.begin(&mut recovered).expect("a log file"), "it is no copy");
        view = recovered.view;
        append(&mut store, &mut view, std::slice::from_ref(group));
        // One that writes nothing leaves no file behind for long.
        drop(store);
        let mut idle = open(directory.path());
        let mut recovered = idle.replay(&mut |_| ()).expect("recovered");
        idle.begin(&mut recovered).expect("a log file");
    }
    let files = fs::read_dir(directory.path()).expect("a directory").flatten();
    let logs = files.filter(|it| it.file_name().to_string_lossy().ends_with(".db")).count();
    assert_eq!(logs, groups.len() + 1);
    assert_eq!(open(directory.path()).recover().expect("recovered").seq, view.seq);
}

#[test]
fn the_files_are_closed_to_others_whatever_was_there() {
    let parent = tempfile::tempdir().expect("a directory");
    let directory = parent.path().join("data");
    fs::create_dir(&directory).expect("a directory");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("it is open to all");
    let (mut store, mut view) = (open(&directory), View::default());
    append(&mut store, &mut view, &history(&World::default()));
    checkpointed(&mut store, &view);
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let files: Vec<_> = fs::read_dir(&directory).expect("a directory").flatten().collect();
    assert!(8 <= files.len(), "log files with what SQLite has beside them, state, anchor, lock: {files:?}");
    for file in &files {
        assert_eq!(mode(&file.path()), 0o600, "{:?}", file.file_name());
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).expect("it is open to all");
    }
    drop(store);
    let _opened = open(&directory);
    for file in &files {
        assert_eq!(mode(&file.path()), 0o600, "{:?} of an earlier version", file.file_name());
    }
}

#[test]
fn a_store_of_an_earlier_version_is_read_and_wants_a_checkpoint() {
    let directory = tempfile::tempdir().expect("a directory");
    let (world, mut store, mut view) = (World::default(), open(directory.path()), View::default());
    let groups = history(&world);
    append(&mut store, &mut view, &groups[..3]);
    let checkpoint = Checkpoint::of(&view).expect("its rows");
    append(&mut store, &mut view, &groups[3..]);
    drop(store);
    // As it was: one log file for good, the checkpoint in a database, an anchor that names no file.
    let at = |name: &str| directory.path().join(name);
    let log = Connection::open(at("log-1.db")).expect("the log");
    log.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("the side file is moved");
    drop(log);
    fs::rename(at("log-1.db"), at("log.db")).expect("it is renamed");
    let state = Connection::open(at("state.db")).expect("the old checkpoint");
    let tables = "CREATE TABLE checkpoint (id INTEGER PRIMARY KEY, seq INTEGER, hash BLOB);
                  CREATE TABLE part (id INTEGER PRIMARY KEY, content BLOB)";
    state.execute_batch(tables).expect("its tables");
    let hash = checkpoint.hash.as_slice();
    state.execute("INSERT INTO checkpoint VALUES (1, ?1, ?2)", (3, hash)).expect("its hash");
    for row in &checkpoint.rows {
        state.execute("INSERT INTO part (content) VALUES (?1)", (row,)).expect("a row");
    }
    drop(state);
    let anchor = fs::read(at("anchor")).expect("the anchor");
    let check = digest(&SHA256, &anchor[..40]);
    fs::write(at("anchor"), [&anchor[..40], check.as_ref()].concat()).expect("the old anchor");

    let mut store = open(directory.path());
    let mut recovered = store.replay(&mut |_| ()).expect("recovered");
    assert_eq!((pictured(&recovered.view), recovered.batches), (pictured(&view), 2));
    assert!(store.begin(&mut recovered).expect("a log file"), "nothing says that it is no copy");
    assert!(store.wants_checkpoint().expect("the files are listed"));
    checkpointed(&mut store, &recovered.view).remove_covered().expect("the old files are removed");
    assert!(!store.wants_checkpoint().expect("the files are listed"));
    assert!(!at("log.db").exists() && !at("state.db").exists());
    drop(store);
    assert_eq!(pictured(&open(directory.path()).recover().expect("recovered")), pictured(&recovered.view));
}
