//! The server as a child process: started, waited for, killed; and the directory it lives in.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use super::http::{Answer, Http, Request, basic};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const KEY: &str = "SK00000000000000000000000000000002";
const SECRET: &str = "a secret of the tests that is long enough";
/// The account's own secret; not that of its key.
pub const AUTH_TOKEN: &str = "the auth token of the account of the tests";
/// Who a server of the tests serves: the account, its key, and the key's secret, which signs tokens.
pub const TRUSTED: [&str; 3] = [ACCOUNT, KEY, SECRET];
/// Longer than a start or an end takes, under strace and on a busy machine, too.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at a file or at a child.
const GLANCE: Duration = Duration::from_millis(2);

/// A place for servers: policies, credentials, and a data directory that outlives them.
pub struct House {
    folder: TempDir,
}

/// How a server is to be started.
#[derive(Default)]
pub struct Start {
    /// Variables besides the credentials.
    pub env: Vec<(&'static str, String)>,
    /// The command that starts it, with its arguments; it must keep the process its own.
    pub under: Vec<String>,
}

/// What became of a start.
pub enum Started {
    Ready(Server),
    Ended(Ended),
}

/// A server that has ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub said: String,
}

impl Ended {
    /// Whether it died at a named point: by `SIGKILL`, or `SIGABRT` where no `kill` is installed.
    pub fn died_at_a_point(&self) -> bool {
        matches!(self.status.signal(), Some(9 | 6)) && !self.said.contains("panicked")
    }
}

impl House {
    /// The sample policies, one whose source is a map, and one that nobody may read. Cursors are shown for two seconds only,
    /// so that they expire while servers are killed.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("airlock-it-")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .expect("a directory");
        let root = root();
        let policies = folder.path().join("policies");
        let (samples, others) = ("policies", "tests/sdk/policies");
        for (from, name) in [(samples, "cursors"), (samples, "status"), (others, "pins"), (others, "sealed")]
        {
            fs::create_dir_all(policies.join(name)).expect("a folder");
            for entry in fs::read_dir(root.join(from).join(name)).expect("a policy") {
                let path = entry.expect("an entry").path();
                if path.is_file() {
                    let to = policies.join(name).join(path.file_name().expect("a name"));
                    fs::copy(&path, to).expect("a copy");
                }
            }
        }
        let cursors = policies.join("cursors/policy.toml");
        let text = fs::read_to_string(&cursors).expect("the sample policy");
        assert!(text.contains("\"30s\""), "the sample policy shows cursors for 30 seconds");
        // These clients have no sockets, so nothing of theirs can end with one.
        let until = "until     = \"disconnect\"\n";
        assert!(text.contains(until), "the sample policy shows cursors while their owners are connected");
        let text = text.replace("\"30s\"", "\"2s\"").replace(until, "");
        fs::write(&cursors, text).expect("the policy is written");
        Self { folder }
    }

    /// A directory or file of this house.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The header of a backend.
    pub fn backend() -> String {
        basic(KEY, SECRET)
    }

    /// The header of a client.
    pub fn client(&self, service: &str, identity: &str) -> String {
        let args = ["token", "--identity", identity, "--service", service, "--ttl", "24h"];
        let output = self.command(Command::new(binary())).args(args).output().expect("a token");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "no token: {said}");
        format!("Bearer {}", String::from_utf8(output.stdout).expect("text").trim())
    }

    fn command(&self, mut command: Command) -> Command {
        command.env_clear().current_dir(self.folder.path());
        for name in ["PATH", "HOME"] {
            command.envs(std::env::var(name).map(|it| (name, it)));
        }
        command
            .env("RUST_BACKTRACE", "1")
            .env("AIRLOCK_ACCOUNT_SID", ACCOUNT)
            .env("AIRLOCK_AUTH_TOKEN", AUTH_TOKEN)
            .env("AIRLOCK_API_KEYS", format!("{KEY}:{SECRET}"));
        command
    }

    /// Starts a server on the directory `data`, and waits until it is ready or has ended.
    pub fn start(&self, data: &str, start: &Start) -> Started {
        self.start_as(("serve", "127.0.0.1:0"), data, start)
    }

    /// The same with this command, on this address.
    pub fn start_as(&self, (verb, listen): (&str, &str), data: &str, start: &Start) -> Started {
        let (port_file, log) = (self.path("port"), self.path("log"));
        if port_file.exists() {
            fs::remove_file(&port_file).expect("the old port is removed");
        }
        let mut command = match start.under.split_first() {
            Some((tool, args)) => {
                let mut command = Command::new(tool);
                command.args(args).arg(binary());
                command
            }
            None => Command::new(binary()),
        };
        let local = "127.0.0.1:0";
        command.args([verb, "--listen", listen, "--admin-listen", local, "--log-format", "json"]);
        command.args(["--disk-min-free-mb", "0"]);
        for (flag, name) in [("--data", data), ("--policies", "policies"), ("--port-file", "port")] {
            command.arg(flag).arg(self.path(name));
        }
        let mut command = self.command(command);
        command.envs(start.env.iter().map(|(name, value)| (*name, value)));
        let file = fs::File::create(&log).expect("the log");
        command.stdin(Stdio::null()).stdout(file.try_clone().expect("the log")).stderr(file);
        let child = command.spawn().expect("the server starts");
        let mut server = Server { child, port: 0, log };
        let began = Instant::now();
        loop {
            if let Ok(text) = fs::read_to_string(&port_file) {
                server.port = text.trim().parse().expect("a port");
                return Started::Ready(server);
            }
            if let Some(status) = server.child.try_wait().expect("a child of ours") {
                return Started::Ended(Ended { status, said: server.said() });
            }
            let said = || server.said();
            assert!(began.elapsed() < PATIENCE, "neither ready nor ended in {PATIENCE:?}:\n{}", said());
            std::thread::sleep(GLANCE);
        }
    }

    /// Starts a server that must become ready.
    pub fn started(&self, data: &str, start: &Start) -> Server {
        match self.start(data, start) {
            Started::Ready(server) => server,
            Started::Ended(ended) => panic!("the start was refused ({}):\n{}", ended.status, ended.said),
        }
    }

    /// Copies a data directory.
    pub fn copy(&self, from: &str, to: &str) {
        let (from, to) = (self.path(from), self.path(to));
        if to.exists() {
            fs::remove_dir_all(&to).expect("the old copy is removed");
        }
        fs::create_dir_all(&to).expect("a directory");
        for entry in fs::read_dir(from).expect("a directory") {
            let path = entry.expect("an entry").path();
            fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The binary that is tested.
pub fn binary() -> PathBuf {
    std::env::var_os("AIRLOCK_BIN").map_or_else(|| env!("CARGO_BIN_EXE_airlock").into(), PathBuf::from)
}

/// A running server; dropped, it is killed.
pub struct Server {
    child: Child,
    pub port: u16,
    log: PathBuf,
}

impl Server {
    /// A connection to it.
    pub fn http(&self) -> Http {
        Http::to(self.port)
    }

    /// A backend's form, which must be answered.
    pub fn post(&self, path: &str, form: &str) -> Answer {
        let request = Request {
            method: "POST",
            path: path.to_owned(),
            authorization: House::backend(),
            attempt: None,
            content_type: "application/x-www-form-urlencoded",
            body: form.to_owned(),
        };
        self.http().send(&request).expect("an answer")
    }

    /// All that it has logged.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The number of the newest group that it found at its start.
    pub fn recovered_seq(&self) -> u64 {
        let recovered = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["message"] == "store recovered").then(|| line["log.seq"].as_u64()).flatten()
        };
        self.said().lines().find_map(recovered).expect("it says what it has recovered")
    }

    /// `SIGKILL`.
    pub fn kill(mut self) -> Ended {
        // An error means that it has ended already: how, the status says.
        let _dead = self.child.kill();
        self.ended()
    }

    /// `SIGTERM`, and the end that follows.
    pub fn terminate(self) -> Ended {
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(kill.is_ok_and(|it| it.success()), "the signal is sent");
        self.ended()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_some()
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return Ended { status, said: self.said() };
            }
            assert!(began.elapsed() < PATIENCE, "it has not ended in {PATIENCE:?}:\n{}", self.said());
            std::thread::sleep(GLANCE);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill, and nothing to wait for.
        let _dead = self.child.kill();
        let _reaped = self.child.wait();
    }
}
