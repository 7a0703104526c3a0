//! What a relay needs to start, and why it may not.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    domain::sid::AccountSid,
    policy::PolicySet,
    relay::{activation::Conflict, error::Error, store::StoreError, veil::LogIdentities},
    token::Keys,
};

/// What a relay needs to start.
pub struct Settings {
    /// The account that is served.
    pub account: AccountSid,
    /// Its auth token; empty when only API keys are accepted.
    pub auth_token: String,
    /// Its API keys.
    pub keys: Keys,
    /// The directory of the embedded store; `None` keeps everything in memory.
    pub data: Option<PathBuf>,
    /// The code by which the log names why a caller was refused; the words on the wire are not ours.
    pub code_of: fn(&Error) -> u32,
    /// How the log names identities.
    pub log_identities: LogIdentities,
    /// Whether Sync's own hosted rates hold (sync-rest, 14).
    pub hosted_limits: bool,
    /// The policies.
    pub policies: Arc<PolicySet>,
    /// Objects of one identity outside any policy.
    pub plain_objects_max: u32,
    /// Bytes of one identity outside any policy.
    pub plain_bytes_max: u64,
    /// Resident memory above which nothing may grow, in bytes; 0 is no such bound.
    pub memory_max_bytes: u64,
    /// Free disk below which nothing may grow, in bytes; 0 is no such bound.
    pub disk_min_free_bytes: u64,
    /// The time after which removed data is in no file of the store.
    pub erase_within: Duration,
}

/// Why a relay cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Store(#[from] StoreError),
    /// The policies do not fit what stands.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Policies(Vec<Conflict>),
    /// The system gives no random bytes, or no thread.
    #[error("the system refused {0}")]
    System(&'static str),
    /// The first record could not be written.
    #[error("the store could not be written")]
    Write(#[source] Error),
}

/// Fills bytes.
#[cfg(test)]
pub(super) type Draw = fn(&mut [u8]);

#[cfg(test)]
thread_local! {
    /// What fills random bytes on this thread in place of the system: a test that repeats itself.
    pub(super) static DRAW: std::cell::Cell<Option<Draw>> = const { std::cell::Cell::new(None) };
}

/// Random bytes of the system, for SIDs, the store's secret and the first decision's number.
pub(super) fn random<const N: usize>() -> Result<[u8; N], StartError> {
    let mut bytes = [0; N];
    #[cfg(test)]
    if let Some(draw) = DRAW.get() {
        draw(&mut bytes);
        return Ok(bytes);
    }
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StartError::System("random bytes"))?;
    Ok(bytes)
}
