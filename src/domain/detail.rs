//! How much a refused client is told, and what can be told of broken data.

use serde::{Deserialize, Serialize};

/// How much of a refusal reaches the client (`[refusal] detail`, decision 23).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// Status, code and `retry_ms` only.
    Code,
    /// Also policy, rule and JSON pointer.
    #[default]
    Pointer,
    /// Also the texts of the violations.
    Full,
}

/// One way in which data breaks a schema; the client's values are masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// JSON pointer into the data.
    pub pointer: String,
    /// The keyword of the schema that does not hold.
    pub keyword: String,
    /// What is wrong, without the value.
    pub message: String,
}
