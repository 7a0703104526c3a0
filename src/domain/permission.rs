//! What an identity may do with one plain object of a service with ACL on (Sync).

use serde::{Deserialize, Serialize};

/// The three independent rights; writing does not imply reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Open, query, subscribe.
    pub read: bool,
    /// Change data, items and times to live.
    pub write: bool,
    /// Remove the object.
    pub manage: bool,
}

impl Permission {
    /// Everything: what the identity that made an object holds.
    pub const ALL: Self = Self { read: true, write: true, manage: true };

    /// Whether it includes a right.
    pub const fn has(self, right: Right) -> bool {
        match right {
            Right::Read => self.read,
            Right::Write => self.write,
            Right::Manage => self.manage,
        }
    }
}

/// One of the rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Right {
    /// Open, query, subscribe.
    Read,
    /// Change data, items and times to live.
    Write,
    /// Remove the object.
    Manage,
}
