//! What a fold counts and compares: numbers, texts, booleans.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::decimal::Decimal;

/// A value of a fold. 1 and 1.0 are one, 1 and "1" are not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scalar {
    /// `false` before `true`.
    Bool(bool),
    /// By its size.
    Number(Decimal),
    /// By its bytes.
    Text(Arc<str>),
}

/// Why a value cannot be counted; it is not told which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadScalar {
    /// An array or an object.
    #[error("it is neither a text, a number nor a boolean")]
    Kind,
    /// Something else than a number, where one is needed.
    #[error("it is no number")]
    NoNumber,
    /// A number that would be rounded.
    #[error("it has more than 18 digits before the point or 9 behind it")]
    Digits,
}

impl Scalar {
    /// The value.
    ///
    /// # Errors
    /// See [`BadScalar`].
    pub fn parse(value: &Value) -> Result<Self, BadScalar> {
        match value {
            Value::Bool(it) => Ok(Self::Bool(*it)),
            Value::Number(it) => Decimal::parse(it).map(Self::Number).ok_or(BadScalar::Digits),
            Value::String(it) => Ok(Self::Text(it.as_str().into())),
            Value::Null | Value::Array(_) | Value::Object(_) => Err(BadScalar::Kind),
        }
    }

    /// The value, if it is a number.
    ///
    /// # Errors
    /// See [`BadScalar`].
    pub fn number(value: &Value) -> Result<Self, BadScalar> {
        if value.is_number() { Self::parse(value) } else { Err(BadScalar::NoNumber) }
    }
}
