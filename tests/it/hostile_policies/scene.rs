//! Where an attack is laid out, and the witnesses: a listener that nobody may call and files outside that nobody may open.

use std::{
    fs::{self, File},
    io::Read,
    net::TcpListener,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::fs::inotify;
use serde_json::Value;
use tempfile::TempDir;

use super::attack::{Attack, INNOCENT, Verb, write};
use crate::support::server::binary;

/// What stands in each file outside, and in no answer.
const SECRET: &str = "the-marker-of-what-is-outside";
/// Kilobytes of address space for the binary: a bomb meets its end here, and fails the row.
const MEMORY_KB: u32 = 512 * 1024;
/// Seconds of CPU for the binary, fifty times what the dearest row takes.
const CPU_SECONDS: u32 = 20;
/// How long it may take on a busy machine; who waits for a pipe waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);
/// Faults that one answer tells.
const FAULTS_MAX: usize = 100;
/// Bytes that an answer may have, whatever the files hold.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The folder of policies, and another beside it.
pub struct Scene {
    home: TempDir,
    /// The policies.
    pub set: PathBuf,
    /// What is none of theirs: `policy.toml`, `schema.json`, `cases/case.toml`, and `pipe`.
    pub outside: PathBuf,
    listener: TcpListener,
    watch: std::os::fd::OwnedFd,
}

/// How the binary ended.
struct Ended {
    code: Option<i32>,
    signal: Option<i32>,
    out: String,
    err: String,
}

impl Scene {
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let (set, outside) = (home.path().join("set"), home.path().join("outside"));
        fs::create_dir_all(&set).expect("made");
        write(&outside.join("policy.toml"), format!("# {SECRET}\n{INNOCENT}[[to]]\nname = \"{SECRET}\"\n"));
        write(&outside.join("schema.json"), format!("{{\"{SECRET}\": 1}}"));
        write(&outside.join("cases/case.toml"), format!("[[case]]\nname = \"{SECRET}\"\n"));
        pipe(&outside.join("pipe"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("set");
        let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
        let watch = inotify::init(flags).expect("a watch");
        for folder in [outside.clone(), outside.join("cases")] {
            let what = inotify::WatchFlags::OPEN | inotify::WatchFlags::ACCESS;
            inotify::add_watch(&watch, folder, what).expect("watched");
        }
        Self { home, set, outside, listener, watch }
    }

    /// The address that nobody may call.
    fn port(&self) -> u16 {
        self.listener.local_addr().expect("an address").port()
    }

    /// The text for this run: what no row can know stands in it.
    pub fn named(&self, text: &str) -> String {
        let outside = self.outside.display().to_string();
        text.replace("@PORT@", &self.port().to_string()).replace("@OUTSIDE@", &outside)
    }

    /// The text for each run: paths from the set's folder.
    fn unnamed(&self, text: &str) -> String {
        let (set, outside) = (self.set.display().to_string(), self.outside.display().to_string());
        let text = text.replace(&format!("{set}/"), "").replace(&set, ".").replace(&outside, "@OUTSIDE@");
        text.replace(&format!("127.0.0.1:{}", self.port()), "127.0.0.1:@PORT@")
    }

    /// Whether the witnesses saw nothing.
    fn witnessed(&self, ended: &Ended) -> Result<(), String> {
        if self.listener.accept().is_ok() {
            return Err("something was fetched".to_owned());
        }
        let mut seen = Vec::new();
        if File::from(self.watch.try_clone().expect("a handle")).read_to_end(&mut seen).is_ok()
            || !seen.is_empty()
        {
            return Err(format!("something outside was opened ({} bytes of events)", seen.len()));
        }
        if ended.out.contains(SECRET) || ended.err.contains(SECRET) {
            return Err("what stands outside is told".to_owned());
        }
        Ok(())
    }
}

/// A named pipe, which stops whoever opens it.
pub fn pipe(path: &Path) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).expect("a pipe");
}

/// Runs one attack. What is wrong with the answer comes back as a text.
pub fn judge(attack: &Attack) -> Result<(), String> {
    let scene = Scene::new();
    attack.lay(&scene);
    let ended = run(&scene, attack.verb);
    scene.witnessed(&ended)?;
    if ended.code != Some(1) {
        let Ended { code, signal, out, err } = ended;
        return Err(format!("code {code:?}, signal {signal:?}: {out}{err}"));
    }
    if ANSWER_BYTES_MAX < ended.out.len() || !ended.err.is_empty() {
        return Err(format!("{} bytes of answer, {} of errors", ended.out.len(), ended.err.len()));
    }
    let answer: Value = serde_json::from_str(&ended.out)
        .map_err(|it| format!("the answer is no JSON: {it}: {}", ended.out))?;
    let faults = answer["faults"].as_array().ok_or("the answer has no faults")?;
    if FAULTS_MAX < faults.len() {
        return Err(format!("{} faults are told", faults.len()));
    }
    let found = faults.iter().map(|it| told(&scene, it));
    let wanted = (attack.place.clone(), attack.what.clone(), attack.help.clone());
    let right = |it: &Fault| {
        it.0 == wanted.0 && !wanted.1.is_empty() && it.1.starts_with(&wanted.1) && it.2 == wanted.2
    };
    let found: Vec<_> = found.collect();
    if found.iter().any(right) { Ok(()) } else { Err(format!("not {wanted:?} but {found:#?}")) }
}

/// Place, text and cure.
type Fault = (String, String, Option<String>);

fn told(scene: &Scene, fault: &Value) -> Fault {
    let text = |key: &str| fault[key].as_str().map(|it| scene.unnamed(it));
    let place = format!("{}:{}:{}", text("file").expect("a file"), fault["line"], fault["column"]);
    (place, text("what").expect("a text"), text("help"))
}

fn run(scene: &Scene, verb: Verb) -> Ended {
    let verb = if verb == Verb::Check { "check" } else { "test" };
    let bounds = format!("ulimit -v {MEMORY_KB} && ulimit -t {CPU_SECONDS} && exec \"$0\" \"$@\"");
    let (out, err) = (scene.home.path().join("out"), scene.home.path().join("err"));
    let child = Command::new("sh")
        .args(["-c", &bounds])
        .arg(binary())
        .args(["policy", verb, "--format", "json"])
        .arg(&scene.set)
        .stdin(Stdio::null())
        .stdout(File::create(&out).expect("a file"))
        .stderr(File::create(&err).expect("a file"))
        .spawn();
    let status = wait(child.expect("it starts"));
    let read = |path| String::from_utf8(fs::read(path).expect("read")).expect("it prints UTF-8");
    Ended { code: status.code(), signal: status.signal(), out: read(out), err: read(err) }
}

fn wait(mut child: Child) -> std::process::ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it is ours") {
            return status;
        }
        if PATIENCE < begun.elapsed() {
            child.kill().expect("killed");
            return child.wait().expect("gone");
        }
        thread::sleep(Duration::from_millis(2));
    }
}
