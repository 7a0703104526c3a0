//! The credentials of `dev`: drawn once, kept in `<data>/credentials.toml`, which only its owner reads.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use aws_lc_rs::rand;
use serde::Deserialize;

use crate::{
    config::Credentials,
    domain::sid::{AccountSid, KeySid},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    account_sid: String,
    auth_token: String,
    api_key_sid: String,
    api_key_secret: String,
}

/// The credentials of this directory, drawn now if there are none.
///
/// # Errors
/// When they cannot be read or kept.
pub fn read_or_make(data: &Path) -> anyhow::Result<Credentials> {
    match read(data)? {
        Some(credentials) => Ok(credentials),
        None => {
            make(data)?;
            read(data)?.ok_or_else(|| anyhow!("`{}` vanished", path(data).display()))
        }
    }
}

/// The credentials of this directory, if there are any.
///
/// # Errors
/// When the file cannot be read, or is not what `dev` wrote.
pub fn read(data: &Path) -> anyhow::Result<Option<Credentials>> {
    let path = path(data);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("`{}` cannot be read", path.display())),
    };
    // The source of this error would print the line at fault, which holds a secret.
    let kept: Kept = toml::from_str(&text)
        .map_err(|_| anyhow!("`{}` is not as `airlock dev` wrote it", path.display()))?;
    let broken = || format!("`{}` has a SID that is none", path.display());
    let account = kept.account_sid.parse().with_context(broken)?;
    let key = kept.api_key_sid.parse().with_context(broken)?;
    let keys = vec![(key, kept.api_key_secret.into())];
    Ok(Some(Credentials { account, auth_token: kept.auth_token.into(), keys }))
}

fn make(data: &Path) -> anyhow::Result<()> {
    let path = path(data);
    fs::create_dir_all(data).with_context(|| format!("`{}` cannot be made", data.display()))?;
    let text = format!(
        "# Made by `airlock dev`. Whoever has these is a backend: keep them from clients and repositories.\n\
         account_sid = \"{}\"\nauth_token = \"{}\"\napi_key_sid = \"{}\"\napi_key_secret = \"{}\"\n",
        AccountSid::new(drawn()?),
        hex(&drawn()?),
        KeySid::new(drawn()?),
        hex(&drawn()?),
    );
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| format!("`{}` cannot be written", path.display()))
}

fn path(data: &Path) -> PathBuf {
    data.join("credentials.toml")
}

fn drawn() -> anyhow::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| anyhow!("no random bytes can be drawn"))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn credentials_are_made_once_and_only_their_owner_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        assert!(read(&data).unwrap().is_none());
        let first = read_or_make(&data).unwrap();
        let second = read_or_make(&data).unwrap();
        assert_eq!(first.account, second.account);
        assert_eq!(first.keys[0].1.expose(), second.keys[0].1.expose());
        assert_ne!(first.auth_token.expose(), first.keys[0].1.expose());
        assert_eq!(fs::metadata(path(&data)).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(path(&data), "auth_token = 'hidden").unwrap();
        assert!(!format!("{:#}", read(&data).unwrap_err()).contains("hidden"));
    }
}
