//! STUB, to be dropped on merge: what `relay`, `policy` and `token` will have, at one place.
#![allow(missing_docs)]

use std::path::{Path, PathBuf};

use crate::{domain::sid::AccountSid, relay::Relay};

#[derive(Debug, Default)]
pub struct PolicySet;

/// `relay::Settings`
pub struct Settings {
    pub account: AccountSid,
    pub auth_token: String,
    pub keys: token::Keys,
    pub data: Option<PathBuf>,
    pub policies: PolicySet,
    pub plain_objects_max: u32,
    pub plain_bytes_max: u64,
    pub memory_max_bytes: u64,
    pub disk_min_free_bytes: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("the relay cannot start")]
pub struct StartError;

/// `Relay::start`
pub fn start(_: Settings) -> Result<Relay, StartError> {
    Ok(Relay {})
}

/// `relay.stop()`
pub async fn stop(_: &Relay) {}

#[derive(Debug)]
pub struct Fault;
impl std::fmt::Display for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("fault")
    }
}

/// `policy::folder::load`
pub fn load(_: &Path) -> Result<PolicySet, Vec<Fault>> {
    Ok(PolicySet)
}

pub mod token {
    use crate::domain::{
        name::Identity,
        sid::{AccountSid, KeySid},
        time::Timestamp,
    };

    #[derive(Clone)]
    pub struct ApiKey {
        pub sid: KeySid,
        pub secret: String,
    }
    #[derive(Clone, Default)]
    pub struct Keys(pub Vec<ApiKey>);

    pub struct Grant<'a> {
        pub account: AccountSid,
        pub service: &'a str,
        pub identity: &'a Identity,
        pub claims: Option<&'a serde_json::Value>,
    }

    /// `token::mint`
    pub fn mint(key: &ApiKey, grant: &Grant<'_>, now: Timestamp, ttl_seconds: u64) -> String {
        format!("stub.{}.{}.{}", key.sid, grant.identity, now.as_seconds() + ttl_seconds as i64)
    }
}
