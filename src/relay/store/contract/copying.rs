//! Copies of a store: a backup while it is written to, a directory that was copied, and what that means for event ids.

use std::{fs, path::Path};

use super::{
    Disk, append, checkpointed, history,
    world::{SERVICE, World, pictured, sid},
};
use crate::{
    domain::{
        limits::{RESTORED_EVENTS_GAP, SAFE_INTEGER_MAX},
        object::{
            EventId,
            ObjectKind::{Document, Map},
        },
    },
    relay::{
        backup::{back_up, export, mark_restored, restore},
        record::Effect,
        store::{Embedded, Recovered, Store, StoreError, view::View},
    },
};

fn open(directory: &Path) -> Store {
    Store::Embedded(Embedded::open(directory).expect("the store opens"))
}

/// Starts as the writer does; gives what was recovered, and whether the directory counts as a copy.
fn started(directory: &Path) -> (Recovered, bool) {
    let mut store = open(directory);
    let mut recovered = store.replay(&mut |_| ()).expect("recovered");
    let copied = store.begin(&mut recovered).expect("a log file");
    (recovered, copied)
}

/// What `cp -a` does.
fn copied(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory").flatten() {
        let to = to.join(entry.file_name());
        fs::copy(entry.path(), &to).expect("a copy");
        let modified = entry.metadata().expect("a file").modified().expect("a time");
        let copy = fs::OpenOptions::new().write(true).open(&to).expect("the copy");
        copy.set_modified(modified).expect("its time is that of the original");
    }
}

fn newest(view: &View) -> EventId {
    view.tenant(SERVICE).expect("the service").newest
}

#[test]
fn a_backup_has_what_is_acknowledged_while_the_store_is_written_to() {
    let (world, folder) = (World::default(), tempfile::tempdir().expect("a directory"));
    let groups = history(&world);
    for cut in 0..=groups.len() {
        let from = tempfile::tempdir().expect("a directory");
        let (mut store, mut view) = (open(from.path()), View::default());
        append(&mut store, &mut view, &groups[..cut]);
        let covered = checkpointed(&mut store, &view);
        append(&mut store, &mut view, &groups[cut..]);
        let to = folder.path().join(format!("before {cut}"));
        assert_eq!(back_up(from.path(), &to, &mut |_| ()).expect("a backup"), view.seq);
        covered.remove_covered().expect("the log is cut");
        let after = folder.path().join(format!("after {cut}"));
        assert_eq!(back_up(from.path(), &after, &mut |_| ()).expect("a backup"), view.seq);
        for backup in [to, after] {
            assert_eq!(pictured(&open(&backup).recover().expect("recovered")), pictured(&view));
            let again = back_up(from.path(), &backup, &mut |_| ());
            assert!(matches!(again, Err(StoreError::NotEmpty(_))), "{again:?}");
        }
        // The store goes on, and nothing of the backup has touched it.
        drop(store);
        let (recovered, copied) = started(from.path());
        assert_eq!((pictured(&recovered.view), copied), (pictured(&view), false));
    }
    let nowhere = folder.path().join("nowhere");
    assert!(matches!(back_up(&nowhere, folder.path(), &mut |_| ()), Err(StoreError::NoStore(_))));
}

#[test]
fn a_backup_of_a_damaged_store_fails_and_leaves_nothing() {
    let from = tempfile::tempdir().expect("a directory");
    let (mut store, mut view) = (open(from.path()), View::default());
    append(&mut store, &mut view, &history(&World::default()));
    let database = rusqlite::Connection::open(from.path().join("log-1.db")).expect("the database");
    database.execute("UPDATE log SET record = zeroblob(100) WHERE seq = 3", ()).expect("it is damaged");
    let to = tempfile::tempdir().expect("a directory");
    let failed = back_up(from.path(), to.path(), &mut |_| ());
    assert!(matches!(failed, Err(StoreError::Group { seq: 3, .. })), "{failed:?}");
    assert_eq!(fs::read_dir(to.path()).expect("a directory").count(), 0);
}

#[test]
fn a_store_that_was_restored_or_copied_skips_event_ids_once() {
    let from = tempfile::tempdir().expect("a directory");
    let folder = tempfile::tempdir().expect("a directory");
    let (world, mut store, mut view) = (World::default(), open(from.path()), View::default());
    append(&mut store, &mut view, &history(&world));
    drop(store);
    let before = newest(&view);
    let (backup, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    back_up(from.path(), &backup, &mut |_| ()).expect("a backup");
    assert_eq!(restore(&backup, &restored, &mut |_| ()).expect("restored"), view.seq);
    let copy = folder.path().join("copy");
    copied(from.path(), &copy);
    let moved = folder.path().join("moved");
    fs::rename(&copy, &moved).expect("it is renamed");
    for (directory, expected) in [(&restored, false), (&backup, true), (&moved, true)] {
        let (recovered, copied) = started(directory);
        assert_eq!(copied, expected, "{}", directory.display());
        let tenant = recovered.view.tenant(SERVICE).expect("the service");
        assert!(before.0 + RESTORED_EVENTS_GAP < tenant.newest.0);
        for (kind, name) in [(Document, "one"), (Map, "many")] {
            let object = tenant.objects.get(&sid(kind, name)).expect("it stands");
            assert!(before.0 + RESTORED_EVENTS_GAP < object.head.last_event_id.0, "{name} is told anew");
            let floor = object.items().map(|it| it.floor.0);
            assert!(floor.is_none_or(|it| before.0 + RESTORED_EVENTS_GAP <= it), "{name} is opened again");
            assert!(floor.is_none_or(|it| it < object.head.last_event_id.0), "{name} is not opened for ever");
        }
        assert!(before.0 + RESTORED_EVENTS_GAP <= tenant.gone.event(sid(Map, "unknown")).0);
        // From then on the directory is the one that is written.
        let (again, copied) = started(directory);
        assert_eq!((pictured(&again.view), copied), (pictured(&recovered.view), false));
    }
    // One backup that is restored again leads beyond what the first time has given.
    let (first, again) = (newest(&started(&restored).0.view), folder.path().join("again"));
    restore(&folder.path().join("restored"), &again, &mut |_| ()).expect("restored");
    assert!(first < newest(&started(&again).0.view));
    let kept = folder.path().join("kept");
    back_up(from.path(), &kept, &mut |_| ()).expect("a backup");
    let mut ids = Vec::new();
    for number in 0..3 {
        let to = folder.path().join(format!("restored {number}"));
        restore(&kept, &to, &mut |_| ()).expect("restored");
        ids.push(newest(&started(&to).0.view));
    }
    assert!(ids.is_sorted_by(|one, other| one.0 + 10 < other.0), "{ids:?}");
    assert!(ids[2].0 < u64::try_from(SAFE_INTEGER_MAX).expect("positive"));
    // The original is none of them, until somebody says that it was put back.
    assert!(!started(from.path()).1);
    assert_eq!(mark_restored(from.path()).expect("marked"), view.seq);
    let (recovered, copied) = started(from.path());
    assert!(!copied && before.0 + RESTORED_EVENTS_GAP < newest(&recovered.view).0);
}

#[test]
fn one_log_gives_the_same_bytes_however_its_maps_are_seeded() {
    let disk = Disk::Embedded(tempfile::tempdir().expect("a directory"));
    let Disk::Embedded(directory) = &disk else { unreachable!("it is on disk") };
    let (world, mut store, mut view) = (World::default(), disk.open(), View::default());
    let made = |at| world.backend(world.create(Document, &format!("made-{at}"), "{}"));
    append(&mut store, &mut view, &[vec![world.founding(), world.service()], (0..50).map(made).collect()]);
    drop(store);
    let exported = || {
        let to = tempfile::tempdir().expect("a directory");
        export(directory.path(), to.path()).expect("exported");
        ["state", "events"].map(|it| fs::read(to.path().join(it)).expect("a file"))
    };
    for events in [0, 50] {
        let first = exported();
        assert_eq!(String::from_utf8_lossy(&first[1]).matches("ObjectRemoved").count(), events);
        for _ in 0..3 {
            assert_eq!(exported(), first);
        }
        if events == 0 {
            let mut store = disk.open();
            let mut view = store.recover().expect("recovered");
            append(&mut store, &mut view, &[vec![world.backend(Effect::RemoveService { service: SERVICE })]]);
        }
    }
}
