//! A policy's folder as bytes: what the compiler is given, wherever it was read.

use std::collections::BTreeMap;

use crate::domain::limits::POLICY_BYTES_MAX;

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
    /// It is larger than [`POLICY_BYTES_MAX`].
    TooLarge,
    /// It leads out of the policy's folder.
    Outside,
    /// It is no plain file, or it cannot be read; the reason.
    Unreadable(String),
}

/// What to say of a file that has no text, after its name.
pub(super) struct NoText {
    pub(super) what: String,
    help: &'static str,
}

impl NoText {
    pub(super) fn help(&self) -> Option<String> {
        Some(self.help.to_owned())
    }
}

impl Content {
    /// The text of the file.
    pub(super) fn text(&self) -> Result<&str, NoText> {
        let (what, help) = match self {
            Self::Bytes(bytes) if POLICY_BYTES_MAX < bytes.len() as u64 => return Self::TooLarge.text(),
            Self::Bytes(bytes) => match str::from_utf8(bytes) {
                Ok(text) => return Ok(text),
                Err(bad) => {
                    let at = bad.valid_up_to();
                    (format!("is not UTF-8: the byte at {at} is out of place"), "save it as UTF-8")
                }
            },
            Self::TooLarge => (
                format!("is larger than {POLICY_BYTES_MAX} bytes"),
                "divide it; long lists belong in data that a `[[lookup]]` reads",
            ),
            Self::Outside => ("leads out of the policy's folder".to_owned(), "copy the file into the folder"),
            Self::Unreadable(why) => {
                (format!("cannot be read: {why}"), "it must be a plain file that the server may read")
            }
        };
        Err(NoText { what, help })
    }
}
