//! Names that clients choose: parsed once, trusted from there on.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::domain::{
    limits::{IDENTITY_CHARS_MAX, NAME_CHARS_MAX},
    sid::looks_like_a_sid,
};

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<&str> for $name {
            type Error = BadName;
            fn try_from(text: &str) -> Result<Self, BadName> {
                let check: fn(&str) -> Result<(), BadName> = $check;
                check(text)?;
                Ok(Self(text.into()))
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                Self::try_from(text.as_str())
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, out)
            }
        }
    };
}

text_type!(
    /// Who a token speaks for: 1 to 256 characters, compared exactly.
    Identity,
    |text| length(text, IDENTITY_CHARS_MAX)
);
text_type!(
    /// An object's name: 1 to 320 characters that do not look like a SID.
    UniqueName,
    |text| {
        length(text, NAME_CHARS_MAX)?;
        if looks_like_a_sid(text) { Err(BadName::LooksLikeASid) } else { Ok(()) }
    }
);
text_type!(
    /// The key of a map's item: 1 to 320 characters.
    ItemKey,
    |text| length(text, NAME_CHARS_MAX)
);

/// What an item is called within its list or map. Indexes come before keys, in the order of numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ItemId {
    /// The place in a list: given by the server, ascending, never given twice.
    Index(u64),
    /// The key in a map.
    Key(ItemKey),
}

impl ItemId {
    /// The key of a map's item.
    pub fn key(&self) -> Option<&ItemKey> {
        match self {
            Self::Key(key) => Some(key),
            Self::Index(_) => None,
        }
    }
}

impl From<ItemKey> for ItemId {
    fn from(key: ItemKey) -> Self {
        Self::Key(key)
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(out, "{index}"),
            Self::Key(key) => write!(out, "{key}"),
        }
    }
}

/// Why a text cannot be a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing at all.
    #[error("a name needs at least one character")]
    Empty,
    /// More characters than the kind of name may have.
    #[error("a name may have at most {max} characters")]
    TooLong {
        /// The most that is allowed, in characters.
        max: usize,
    },
    /// The text would be taken for a SID.
    #[error("a unique name must not look like a SID")]
    LooksLikeASid,
}

fn length(text: &str, max: usize) -> Result<(), BadName> {
    if text.is_empty() {
        return Err(BadName::Empty);
    }
    if max < text.chars().count() { Err(BadName::TooLong { max }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded() {
        assert_eq!(UniqueName::try_from(""), Err(BadName::Empty));
        assert_eq!(UniqueName::try_from("é".repeat(321)), Err(BadName::TooLong { max: 320 }));
        assert!(UniqueName::try_from("é".repeat(320)).is_ok());
        assert_eq!(UniqueName::try_from(format!("ET{}", "0".repeat(32))), Err(BadName::LooksLikeASid));
        assert!(Identity::try_from("a".repeat(257)).is_err());
    }
}
