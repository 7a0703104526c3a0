//! The settings of a server, from flags and the environment.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use crate::{
    domain::{
        limits::{
            CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, CONNECTS_PER_SECOND, ERASE_WITHIN_SECONDS_MAX,
            ERASE_WITHIN_SECONDS_MIN, LOG_BYTES_PER_SECOND, PLAIN_BYTES_MAX, PLAIN_OBJECTS_MAX,
            REQUESTS_PER_SECOND,
        },
        network::AddressBlock,
        sid::{AccountSid, KeySid},
    },
    relay,
    server::{self, AdmittedHosts},
    telemetry::LogFormat,
    webhook::Reach,
    wire::origins::{Origin, Origins},
};

/// What `serve` and `dev` have in common.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Public address; port 0 picks a free one
    #[arg(long, env = "AIRLOCK_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Operators' address: health and readiness
    #[arg(long, env = "AIRLOCK_ADMIN_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub admin_listen: SocketAddr,
    /// File to which the bound public port is written when the server is ready
    #[arg(long, value_name = "FILE")]
    pub port_file: Option<PathBuf>,
    /// Directory of the store
    #[arg(long, env = "AIRLOCK_DATA", value_name = "DIR", default_value = "data")]
    pub data: PathBuf,
    /// Directory of the policies
    #[arg(long, env = "AIRLOCK_POLICIES", value_name = "DIR", default_value = "policies")]
    pub policies: PathBuf,
    /// Start of all URLs, when clients reach the server under another address than it is bound to
    #[arg(long, env = "AIRLOCK_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<PublicUrl>,
    /// Origin whose pages may use the clients' doors besides the server's own, or `*` for all; may be repeated
    #[arg(
        long = "allow-origin",
        env = "AIRLOCK_ALLOW_ORIGINS",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub allow_origins: Vec<Origin>,
    /// Whether pages that this machine serves itself may, too: in development
    #[arg(skip)]
    pub allow_local_origins: bool,
    /// Whether a request may name only hosts of this machine: in development
    #[arg(skip)]
    pub local_hosts_only: bool,
    /// Addresses of reverse proxies that may say for whom they speak, by PROXY protocol v2 or X-Forwarded-For
    #[arg(
        long = "trusted-proxy",
        env = "AIRLOCK_TRUSTED_PROXIES",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    pub trusted_proxies: Vec<AddressBlock>,
    /// Connections in all
    #[arg(long, env = "AIRLOCK_CONNECTIONS_MAX", value_name = "COUNT", default_value_t = CONNECTIONS_MAX)]
    pub connections_max: usize,
    /// Connections of one address (of IPv6: of one /64)
    #[arg(
        long,
        env = "AIRLOCK_CONNECTIONS_PER_ADDRESS",
        value_name = "COUNT",
        default_value_t = CONNECTIONS_PER_ADDRESS_MAX
    )]
    pub connections_per_address: usize,
    /// Connects per second of one address (of IPv6: of one /64), ten times as many at once; 0 is no limit
    #[arg(
        long,
        env = "AIRLOCK_CONNECTS_PER_SECOND",
        value_name = "COUNT",
        default_value_t = CONNECTS_PER_SECOND
    )]
    pub connects_per_second: u32,
    /// Requests per second of one socket or connection over HTTP, twice as many at once; the next must wait; 0 is no limit
    #[arg(
        long,
        env = "AIRLOCK_REQUESTS_PER_SECOND",
        value_name = "COUNT",
        default_value_t = REQUESTS_PER_SECOND
    )]
    pub requests_per_second: u32,
    /// Objects outside any policy that one identity may have
    #[arg(
        long,
        env = "AIRLOCK_OBJECTS_PER_IDENTITY",
        value_name = "COUNT",
        default_value_t = PLAIN_OBJECTS_MAX
    )]
    pub objects_per_identity: u32,
    /// Bytes outside any policy that one identity may have
    #[arg(long, env = "AIRLOCK_BYTES_PER_IDENTITY", value_name = "BYTES", default_value_t = PLAIN_BYTES_MAX)]
    pub bytes_per_identity: u64,
    /// Megabytes of memory above which nothing may grow; 0 is no bound
    #[arg(long, env = "AIRLOCK_MEMORY_MAX_MB", value_name = "MB", default_value_t = 0)]
    pub memory_max_mb: u64,
    /// Megabytes of free disk below which nothing may grow; 0 is no bound
    #[arg(long, env = "AIRLOCK_DISK_MIN_FREE_MB", value_name = "MB", default_value_t = 256)]
    pub disk_min_free_mb: u64,
    /// Accepts the wall clock at the start, when it differs from the time of the log and expiry is suspended
    #[arg(long, env = "AIRLOCK_ACCEPT_CLOCK", value_parser = clap::builder::BoolishValueParser::new())]
    pub accept_clock: bool,
    /// Time after which removed data is in no file of the store: `90s`, `30m`, `24h`, `7d`
    #[arg(
        long,
        env = "AIRLOCK_ERASE_WITHIN",
        value_name = "TIME",
        default_value = "24h",
        value_parser = parse_erase_within
    )]
    pub erase_within: Duration,
    /// Lets webhooks go to private addresses: this machine, the network behind it, the cloud's metadata
    #[arg(
        long,
        env = "AIRLOCK_WEBHOOK_ALLOW_PRIVATE",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub webhook_allow_private: bool,
    /// Whether Sync's own hosted rates hold (20 writes per second of one object, and so on)
    #[arg(long, env = "AIRLOCK_SYNC_LIMITS", value_name = "LIMITS", value_enum, default_value_t)]
    pub sync_limits: SyncLimits,
    /// How the log names identities
    #[arg(long, env = "AIRLOCK_LOG_IDENTITIES", value_name = "HOW", value_enum, default_value_t)]
    pub log_identities: LogIdentities,
    /// How the lines of the log look
    #[arg(long, env = "AIRLOCK_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// Bytes of log per second that are written, and sixty times as many at once; 0 is no bound
    #[arg(
        long,
        env = "AIRLOCK_LOG_BYTES_PER_SECOND",
        value_name = "BYTES",
        default_value_t = LOG_BYTES_PER_SECOND
    )]
    pub log_bytes_per_second: u32,
    /// Which events are logged, such as `info` or `airlock=debug`
    #[arg(long, env = "AIRLOCK_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,
}

/// Sync's own hosted rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SyncLimits {
    /// They do not hold: policies limit what must be limited.
    #[default]
    Off,
    /// They hold as in the hosted service.
    Hosted,
}

/// How the log names identities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogIdentities {
    /// As they are.
    #[default]
    Plain,
    /// By a hash that is keyed with a secret of the store; request paths are cut to what names nobody.
    Hashed,
}

impl From<LogIdentities> for relay::LogIdentities {
    fn from(how: LogIdentities) -> Self {
        match how {
            LogIdentities::Plain => Self::Plain,
            LogIdentities::Hashed => Self::Hashed,
        }
    }
}

impl Options {
    /// The origins whose pages are admitted.
    pub fn origins(&self) -> Origins {
        let listed = Origins::new(&self.allow_origins);
        if self.allow_local_origins { listed.with_local() } else { listed }
    }

    /// Where webhooks may go.
    pub fn webhook_reach(&self) -> Reach {
        if self.webhook_allow_private { Reach::Private } else { Reach::Public }
    }

    /// The part that the server owns.
    pub fn server(&self) -> server::Settings {
        server::Settings {
            listen: self.listen,
            admin_listen: Some(self.admin_listen),
            port_file: self.port_file.clone(),
            public_url: self.public_url.as_ref().map(|it| Arc::clone(&it.0)),
            origins: self.origins(),
            connections_max: self.connections_max,
            connections_per_address: self.connections_per_address,
            connects_per_second: self.connects_per_second,
            requests_per_second: self.requests_per_second,
            trusted_proxies: self.trusted_proxies.clone(),
            hosts: if self.local_hosts_only { AdmittedHosts::Local } else { AdmittedHosts::All },
            hide_names: self.log_identities == LogIdentities::Hashed,
        }
    }
}

/// The start of all URLs: `http` or `https`, a host, perhaps a path; no query, no slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Arc<str>);

/// Why a text cannot start a URL.
#[derive(Debug, thiserror::Error)]
#[error("a URL such as `https://sync.example.org` is expected, without query or fragment")]
pub struct NotAPublicUrl;

impl FromStr for PublicUrl {
    type Err = NotAPublicUrl;

    fn from_str(text: &str) -> Result<Self, NotAPublicUrl> {
        let text = text.trim_end_matches('/');
        let uri: hyper::Uri = text.parse().map_err(|_| NotAPublicUrl)?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        if known
            && uri.host().is_some_and(|it| !it.is_empty())
            && uri.query().is_none()
            && !text.contains('#')
        {
            Ok(Self(text.into()))
        } else {
            Err(NotAPublicUrl)
        }
    }
}

/// A text that nobody may see in a log.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

/// The account and its keys.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub account: AccountSid,
    /// Its auth token.
    pub auth_token: Secret,
    /// Its API keys; the first signs.
    pub keys: Vec<(KeySid, Secret)>,
}

/// What is wrong with the credentials in the environment; the secrets themselves are not repeated.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCredentials {
    /// A variable is not set.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// The account is none.
    #[error("AIRLOCK_ACCOUNT_SID is not a SID: `AC` and 32 hexadecimal digits are expected")]
    Account,
    /// A key is none.
    #[error(
        "entry {0} of AIRLOCK_API_KEYS is not of the form `SK…:secret`, with at least 32 characters of secret"
    )]
    Key(usize),
    /// The auth token is too short to be one.
    #[error("AIRLOCK_AUTH_TOKEN has fewer than 32 characters")]
    AuthToken,
}

/// Characters below which a secret is guessed.
const SECRET_CHARS_MIN: usize = 32;

impl Credentials {
    /// The credentials as `variable` gives them.
    ///
    /// # Errors
    /// When one is missing or malformed.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, BadCredentials> {
        let wanted = |name| variable(name).filter(|it| !it.is_empty()).ok_or(BadCredentials::Missing(name));
        let account = wanted("AIRLOCK_ACCOUNT_SID")?.parse().map_err(|_| BadCredentials::Account)?;
        let auth_token = wanted("AIRLOCK_AUTH_TOKEN")?;
        if auth_token.chars().count() < SECRET_CHARS_MIN {
            return Err(BadCredentials::AuthToken);
        }
        let keys = parse_keys(&wanted("AIRLOCK_API_KEYS")?)?;
        Ok(Self { account, auth_token: auth_token.into(), keys })
    }
}

/// API keys as in `AIRLOCK_API_KEYS`.
///
/// # Errors
/// Names the first entry that is not one, counted from 1.
pub fn parse_keys(text: &str) -> Result<Vec<(KeySid, Secret)>, BadCredentials> {
    let key = |entry: &str| {
        let (sid, secret) = entry.trim().split_once(':')?;
        let long_enough = SECRET_CHARS_MIN <= secret.chars().count();
        long_enough.then(|| Some((sid.parse().ok()?, Secret(secret.to_owned()))))?
    };
    let entries = text.split(',').enumerate();
    entries.map(|(index, entry)| key(entry).ok_or(BadCredentials::Key(index + 1))).collect()
}

/// A time with a unit.
fn parse_erase_within(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits) {
        Some("" | "s") => 1,
        Some("m") => 60,
        Some("h") => 3_600,
        Some("d") => 86_400,
        _ => 0,
    };
    match digits.parse::<u64>().ok().and_then(|it| it.checked_mul(unit)) {
        Some(seconds @ ERASE_WITHIN_SECONDS_MIN..=ERASE_WITHIN_SECONDS_MAX) => {
            Ok(Duration::from_secs(seconds))
        }
        _ => Err("a time such as `90s`, `30m`, `24h` or `7d` is expected, from `10s` to `366d`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_erasure_have_a_unit_and_bounds() {
        let seconds = |text| parse_erase_within(text).ok().map(|it| it.as_secs());
        assert_eq!(
            [seconds("10"), seconds("90s"), seconds("2m"), seconds("24h"), seconds("366d")],
            [Some(10), Some(90), Some(120), Some(86_400), Some(ERASE_WITHIN_SECONDS_MAX)]
        );
        for text in ["", "0", "9s", "367d", "h", "-1s", "1w", "99999999999999999999h"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn credentials_are_read_or_named() {
        let (account, key) = (format!("AC{}", "0".repeat(32)), format!("SK{}", "1".repeat(32)));
        let secret = "thirty-two letters of a secret!!";
        let read = |account: &str, token: &str, keys: &str| {
            let pick = |name: &str| match name {
                "AIRLOCK_ACCOUNT_SID" => account.to_owned(),
                "AIRLOCK_AUTH_TOKEN" => token.to_owned(),
                _ => keys.to_owned(),
            };
            Credentials::read(|name| Some(pick(name)))
        };
        let good = format!("{key}:{secret}, {key}:with:colon-and-more-than-thirty-two");
        let all = read(&account, secret, &good).unwrap();
        assert_eq!((all.keys.len(), all.keys[1].1.expose()), (2, "with:colon-and-more-than-thirty-two"));
        assert!(!format!("{all:?}").contains(secret));
        let cases = [
            (read("", secret, &good), BadCredentials::Missing("AIRLOCK_ACCOUNT_SID")),
            (read("AC1", secret, &good), BadCredentials::Account),
            (read(&account, "short", &good), BadCredentials::AuthToken),
            (read(&account, secret, ""), BadCredentials::Missing("AIRLOCK_API_KEYS")),
            (read(&account, secret, &format!("{key}:{secret},{key}")), BadCredentials::Key(2)),
            (read(&account, secret, &format!("{key}:short")), BadCredentials::Key(1)),
        ];
        for (outcome, expected) in cases {
            assert_eq!(outcome.unwrap_err(), expected);
        }
    }

    #[test]
    fn public_urls_are_whole() {
        assert_eq!(
            "https://h.example/base/".parse::<PublicUrl>().unwrap().0.as_ref(),
            "https://h.example/base"
        );
        for text in ["h.example", "ftp://h", "https://", "https://h?x=1", "https://h#x"] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }
}
