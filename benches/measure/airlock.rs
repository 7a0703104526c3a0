//! The real binary as a child, with an empty store on the disk and the policies of `benches/policies`.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use airlock::{
    domain::{name::Identity, time::Timestamp},
    token::{self, ApiKey},
};
use serde_json::Value;

/// The account of all runs: they listen on this machine only.
pub const ACCOUNT: &str = "AC00000000000000000000000000000000";
/// Its auth token.
pub const AUTH_TOKEN: &str = "the auth token of a measurement!";
/// Its API key.
pub const KEY: &str = "SK00000000000000000000000000000000";
/// Its secret.
pub const SECRET: &str = "a secret of a measurement that is long enough";

/// A running server; it is killed when this is dropped.
pub struct Airlock {
    child: Child,
    /// Its public address.
    pub address: SocketAddr,
    /// How long it took from the start until it said that it is ready.
    pub started_in: Duration,
}

impl Airlock {
    /// Starts a server over this directory, without the pace of a socket: one brings what many would, and its pace is
    /// not what is measured.
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &["--log", "warn", "--requests-per-second", "0"])
    }

    /// Starts a server over this directory, with these flags besides its place and its credentials.
    pub fn start_with(data: &Path, flags: &[&str]) -> Self {
        let port_file = data.join("port");
        if port_file.exists() {
            std::fs::remove_file(&port_file).unwrap();
        }
        let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/policies");
        let began = Instant::now();
        // Another build, to compare with.
        let binary = std::env::var("BENCH_SERVER").unwrap_or(env!("CARGO_BIN_EXE_airlock").to_owned());
        let child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(["--disk-min-free-mb", "0"])
            .args(flags)
            .arg("--port-file")
            .arg(&port_file)
            .arg("--data")
            .arg(data)
            .arg("--policies")
            .arg(policies)
            .env("AIRLOCK_ACCOUNT_SID", ACCOUNT)
            .env("AIRLOCK_AUTH_TOKEN", AUTH_TOKEN)
            .env("AIRLOCK_API_KEYS", format!("{KEY}:{SECRET}"))
            .stdin(Stdio::null())
            .stderr(if flags.contains(&"info") { Stdio::null() } else { Stdio::inherit() })
            .spawn()
            .unwrap();
        // From here on the child is killed whatever happens.
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut server = Self { child, address, started_in: Duration::ZERO };
        loop {
            if let Ok(port) = std::fs::read_to_string(&port_file) {
                server.address.set_port(port.trim().parse().unwrap());
                break;
            }
            assert!(server.child.try_wait().unwrap().is_none(), "the server has ended");
            assert!(began.elapsed() < Duration::from_secs(120), "the server is not ready");
            std::thread::sleep(Duration::from_millis(1));
        }
        server.started_in = began.elapsed();
        server
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// One request of a backend.
    pub fn backend(&self, method: &str, path: &str, form: &str) -> Value {
        use base64::Engine as _;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{ACCOUNT}:{AUTH_TOKEN}"));
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Basic {basic}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            self.address,
            form.len()
        );
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 20"), "{answer}");
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    /// Makes a service, with permissions on, and names it.
    pub fn make_service(&self) -> String {
        let made = self.backend("POST", "/v1/Services", "FriendlyName=bench&AclEnabled=true");
        made["sid"].as_str().unwrap().to_owned()
    }
}

impl Drop for Airlock {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// A token for this identity.
pub fn token(service: &str, identity: &str) -> String {
    let key = ApiKey::new(KEY.parse().unwrap(), SECRET).unwrap();
    let identity = Identity::try_from(identity).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let now = Timestamp::from_millis(i64::try_from(now).unwrap());
    token::mint(&key, ACCOUNT.parse().unwrap(), service, &identity, None, now, 3_600)
}

/// A directory for a store, on the disk that holds the build: a store in memory would sync for nothing.
pub fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}
