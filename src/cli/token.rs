//! `airlock token`: prints an access token.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use serde_json::Value;

use crate::{
    cli::{Exit, dev::credentials},
    config::{self, Secret},
    domain::{
        limits::TOKEN_TTL_SECONDS_MAX,
        name::Identity,
        sid::{AccountSid, KeySid, ServiceSid},
        time::Timestamp,
    },
    token::{self, ApiKey},
};

/// Whose token, for how long.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Who it speaks for
    #[arg(long, value_parser = |text: &str| Identity::try_from(text))]
    identity: Identity,
    /// In which service; the default service if not given
    #[arg(long, value_name = "IS…")]
    service: Option<ServiceSid>,
    /// How long it is valid: `90s`, `30m`, `1h`
    #[arg(long, default_value = "1h", value_parser = parse_ttl)]
    ttl: Duration,
    /// JSON object for `grants.airlock`, where policies read it
    #[arg(long, value_name = "JSON", value_parser = parse_claims)]
    claims: Option<Value>,
    /// Directory with the credentials of `airlock dev`, when AIRLOCK_API_KEYS is not set
    #[arg(long, env = "AIRLOCK_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,
}

/// Prints a token.
///
/// # Errors
/// When no key can be found.
pub fn run(options: &Options) -> Result<(), Exit> {
    let (account, (sid, secret)) = signer(options)?;
    let service = options.service.map_or_else(|| "default".to_owned(), |it| it.to_string());
    let key = ApiKey::new(sid, secret.expose()).context("the API key cannot be used")?;
    let (claims, ttl) = (options.claims.clone(), options.ttl.as_secs());
    println!("{}", token::mint(&key, account, &service, &options.identity, claims, now()?, ttl));
    Ok(())
}

/// The key of the environment, else the one that `dev` made.
fn signer(options: &Options) -> Result<(AccountSid, (KeySid, Secret)), Exit> {
    let usage = |text: String| Exit::Usage(text);
    if let Some(keys) = std::env::var("AIRLOCK_API_KEYS").ok().filter(|it| !it.is_empty()) {
        let account =
            std::env::var("AIRLOCK_ACCOUNT_SID").ok().and_then(|it| it.parse().ok()).ok_or_else(|| {
                usage("AIRLOCK_API_KEYS is set, but AIRLOCK_ACCOUNT_SID is not, or is not a SID".to_owned())
            })?;
        let keys = config::parse_keys(&keys).map_err(|error| usage(error.to_string()))?;
        return keys
            .into_iter()
            .next()
            .map(|it| (account, it))
            .ok_or_else(|| usage("no key is given".to_owned()));
    }
    let found = credentials::read(&options.data)?.ok_or_else(|| {
        usage(format!(
            "there is no key to sign with: AIRLOCK_API_KEYS is not set, and `{}` has no credentials\n\
             help: start `airlock dev` once, or set AIRLOCK_ACCOUNT_SID and AIRLOCK_API_KEYS",
            options.data.display()
        ))
    })?;
    let account = found.account;
    found.keys.into_iter().next().map(|it| (account, it)).ok_or_else(|| usage("no key is kept".to_owned()))
}

/// The time on the wall.
pub fn now() -> anyhow::Result<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    Ok(Timestamp::from_millis(i64::try_from(since.as_millis()).context("the clock stands far ahead")?))
}

fn parse_ttl(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits) {
        Some("" | "s") => 1,
        Some("m") => 60,
        Some("h") => 3_600,
        _ => 0,
    };
    let seconds = digits.parse::<u64>().ok().and_then(|it| it.checked_mul(unit));
    match seconds {
        Some(seconds @ 1..=TOKEN_TTL_SECONDS_MAX) => Ok(Duration::from_secs(seconds)),
        _ => Err("a time such as `90s`, `30m` or `1h` is expected, at most `24h`".to_owned()),
    }
}

fn parse_claims(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(claims @ Value::Object(_)) => Ok(claims),
        _ => Err("a JSON object is expected".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_a_bound() {
        let seconds = |text| parse_ttl(text).ok().map(|it| it.as_secs());
        assert_eq!(
            [seconds("90"), seconds("90s"), seconds("2m"), seconds("24h")],
            [Some(90), Some(90), Some(120), Some(86_400)]
        );
        for text in ["", "0", "25h", "1d", "h", "-1s", "99999999999999999999h"] {
            assert_eq!(seconds(text), None, "{text}");
        }
        assert!(parse_claims("[]").is_err());
    }
}
