//! The files of a data directory, from outside: what was removed leaves them, they are closed to others, they do not
//! grow without end, and two processes make the same of them.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::{atomic::AtomicBool, mpsc::channel},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    crew::{Crew, Settle},
    support::{
        http::Request,
        random::{Random, seed},
        server::{House, Server, Start, binary},
    },
};

/// Longer than any of this takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at the files.
const GLANCE: Duration = Duration::from_millis(50);

/// The files of a directory whose bytes contain a text.
fn holding(directory: &Path, text: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory").flatten();
    let holds = |path: &Path| {
        // A file may be removed while we look.
        let content = fs::read(path).unwrap_or_default();
        content.windows(text.len()).any(|it| it == text.as_bytes())
    };
    let names =
        entries.filter(|it| holds(&it.path())).map(|it| it.file_name().to_string_lossy().into_owned());
    names.collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(GLANCE);
    }
}

fn delete(server: &Server, path: &str) -> u16 {
    let request = Request {
        method: "DELETE",
        path: path.to_owned(),
        authorization: House::backend(),
        attempt: None,
        content_type: "application/x-www-form-urlencoded",
        body: String::new(),
    };
    server.http().send(&request).expect("an answer").status
}

fn service(server: &Server) -> String {
    let made = server.post("/v1/Services", "FriendlyName=files");
    made.body["sid"].as_str().expect("a service").to_owned()
}

/// Makes a document with this text in it; gives its path.
fn document(server: &Server, service: &str, text: &str) -> String {
    let documents = format!("/v1/Services/{service}/Documents");
    let made = server.post(&documents, &format!("Data={}", json!({ "text": text })));
    assert_eq!(made.status, 201, "{}", made.body);
    format!("{documents}/{}", made.body["sid"].as_str().expect("a sid"))
}

#[test]
fn removed_bodies_are_in_no_file_after_their_time() {
    let house = House::new();
    let start = || Start { env: vec![("AIRLOCK_ERASE_WITHIN", "10s".to_owned())], ..Start::default() };
    let data = house.path("erased");
    let server = house.started("erased", &start());
    let service = service(&server);
    let texts: Vec<_> = (0..200).map(|at| format!("removed-body-{at:03}-{}", "x".repeat(300))).collect();
    let paths: Vec<_> = texts.iter().map(|it| document(&server, &service, it)).collect();
    let kept = document(&server, &service, "kept-body");
    // They come into a checkpoint, and into another life.
    until("a checkpoint is written", || {
        holding(&data, "removed-body").iter().any(|it| it.starts_with("state-"))
    });
    server.kill();
    let server = house.started("erased", &start());
    assert!(!holding(&data, "removed-body").is_empty());
    for path in &paths {
        assert_eq!(delete(&server, path), 204, "{path}");
    }
    server.kill();
    // Nobody writes any more, and the process that removed them is gone.
    let server = house.started("erased", &start());
    until("what was removed is in no file", || holding(&data, "removed-body").is_empty());
    assert!(!holding(&data, "kept-body").is_empty());
    assert_eq!(server.http().get(&kept, &House::backend()).expect("an answer").status, 200);
}

#[test]
fn processes_that_live_shortly_cut_the_log() {
    let house = House::new();
    let start = || Start { env: vec![("AIRLOCK_CHECKPOINT_BATCHES", "60".to_owned())], ..Start::default() };
    let data = house.path("short");
    let (mut sid, mut states) = (None, 0);
    for _ in 0..8 {
        let server = house.started("short", &start());
        let service = sid.get_or_insert_with(|| service(&server)).clone();
        (0..10).for_each(|at| drop(document(&server, &service, &format!("body {at}"))));
        server.terminate();
        let names = fs::read_dir(&data).expect("a directory").flatten();
        states += names.filter(|it| it.file_name().to_string_lossy().starts_with("state-")).count();
    }
    assert!(0 < states, "eight lives of ten writes each never cut a log that is to be cut after 60");
}

#[test]
fn files_are_closed_to_others_whatever_the_umask() {
    for umask in ["000", "077", "277"] {
        let house = House::new();
        let under = ["sh", "-c", &format!("umask {umask}; exec \"$@\""), "sh"].map(str::to_owned).to_vec();
        // The log of the server, which stands beside, is opened before the umask is set.
        let env = vec![("AIRLOCK_CHECKPOINT_BATCHES", "5".to_owned())];
        let server = house.started("closed", &Start { env, under });
        let service = service(&server);
        (0..10).for_each(|at| drop(document(&server, &service, &format!("body {at}"))));
        let data = house.path("closed");
        until("a checkpoint is written", || !holding(&data, "AIRLOCK").is_empty());
        let mode = |path: &Path| fs::metadata(path).map(|it| it.permissions().mode() & 0o777);
        assert_eq!(mode(&data).expect("the directory"), 0o700, "umask {umask}");
        let mut files = 0;
        for entry in fs::read_dir(&data).expect("a directory").flatten() {
            // It may be removed while we look.
            let Ok(mode) = mode(&entry.path()) else { continue };
            assert_eq!(mode, 0o600, "umask {umask}: {:?}", entry.file_name());
            files += 1;
        }
        assert!(4 <= files, "{files} files");
    }
}

#[test]
fn two_processes_make_the_same_of_one_log() {
    let house = House::new();
    let mut random = Random::new(seed());
    let server = house.started("one", &Start::default());
    let mut crew = Crew::enlist(&house, &server, &mut random);
    let (tell, _) = channel();
    crew.write(server.port, &tell, &AtomicBool::new(false), 60).expect("only good answers");
    // A service that is removed with what is in it: each removal is an event.
    let service = service(&server);
    (0..40).for_each(|at| drop(document(&server, &service, &format!("body {at}"))));
    assert_eq!(delete(&server, &format!("/v1/Services/{service}")), 204);
    server.kill();
    let exported = |number: u32| {
        let (data, to) = (format!("copy {number}"), house.path(&format!("export {number}")));
        house.copy("one", &data);
        fs::create_dir(&to).expect("a directory");
        let ran = Command::new(binary())
            .args(["verify", "--data"])
            .arg(house.path(&data))
            .arg("--policies")
            .arg(house.path("policies"))
            .arg("--export")
            .arg(&to)
            .output()
            .expect("it runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        ["events", "state"].map(|it| fs::read(to.join(it)).expect("a file"))
    };
    let first = exported(0);
    let events = String::from_utf8_lossy(&first[0]);
    assert!(40 <= events.matches("ObjectRemoved").count() && 300 <= events.lines().count());
    for number in 1..3 {
        assert!(exported(number) == first, "another process made something else of the same log");
    }
}

#[test]
fn a_backup_is_made_while_writers_write_and_restored_whole() {
    let house = House::new();
    let mut random = Random::new(seed());
    let env = vec![("AIRLOCK_CHECKPOINT_BATCHES", "50".to_owned())];
    let server = house.started("live", &Start { env, ..Start::default() });
    let mut crew = Crew::enlist(&house, &server, &mut random);
    let (tell, heard) = channel();
    let port = server.port;
    let ran = |args: &[&str]| {
        let output = Command::new(binary()).args(args).current_dir(house.path("")).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {text}");
        text
    };
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| crew.write(port, &tell, &stop, 600));
        for number in 0..4 {
            (0..100).for_each(|_| heard.recv_timeout(PATIENCE).expect("an acknowledgement"));
            let said = ran(&["backup", "--data", "live", "--to", &format!("backup {number}")]);
            assert!(said.contains("log:") && said.contains("verifying"), "{said}");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        writing.join().expect("the writers").expect("only good answers");
    });
    // Nobody writes any more: the last backup has everything.
    ran(&["backup", "--data", "live", "--to", "backup"]);
    server.kill();
    for number in ["backup 0", "backup 1", "backup 2", "backup 3", "backup"] {
        let data = format!("restored {number}");
        ran(&["restore", "--from", number, "--data", &data]);
        let verified = ran(&["verify", "--data", &data, "--policies", "policies"]);
        assert!(!verified.contains("differs"), "{verified}");
    }
    let server = house.started("restored backup", &Start::default());
    crew.verify(&server, Settle::All)
        .map_err(crate::crew::Fault::into_text)
        .expect("all that was acknowledged");
    assert!(!server.said().contains("is a copy"), "{}", server.said());
}
