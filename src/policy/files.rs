//! A policy's folder as bytes: what the compiler is given, wherever it was read.

use std::collections::BTreeMap;

/// The files of one policy.
#[derive(Clone, Debug)]
pub struct Files {
    /// The policy's name: that of its folder.
    pub name: String,
    /// The folder, as faults show it.
    pub path: String,
    /// `policy.toml`.
    pub policy: Content,
    /// The JSON files beside it, by file name.
    pub schemas: BTreeMap<String, Content>,
}

/// The content of one file, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The bytes.
    Bytes(Vec<u8>),
    /// It is larger than [`POLICY_BYTES_MAX`](crate::domain::limits::POLICY_BYTES_MAX).
    TooLarge,
    /// It leads out of the policy's folder.
    Outside,
    /// It is no plain file, or it cannot be read; the reason.
    Unreadable(String),
}
