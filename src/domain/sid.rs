//! SIDs: two capital letters and 32 hexadecimal digits; the kind is in the type.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::domain::object::ObjectKind;

/// What a SID names, with the two letters that say so.
pub trait Kind {
    /// The two capital letters before the digits.
    const PREFIX: &'static str;
}

/// An account (`AC…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {}
/// An API key (`SK…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {}
/// A service (`IS…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {}
/// A message of a stream (`TZ…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Message {}

impl Kind for Account {
    const PREFIX: &'static str = "AC";
}
impl Kind for Key {
    const PREFIX: &'static str = "SK";
}
impl Kind for Service {
    const PREFIX: &'static str = "IS";
}
impl Kind for Message {
    const PREFIX: &'static str = "TZ";
}

/// A SID whose kind is known when the program is compiled.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Sid<K> {
    bytes: [u8; 16],
    #[serde(skip)]
    kind: PhantomData<fn() -> K>,
}

/// A service's SID.
pub type ServiceSid = Sid<Service>;
/// An account's SID.
pub type AccountSid = Sid<Account>;
/// An API key's SID.
pub type KeySid = Sid<Key>;
/// A message's SID.
pub type MessageSid = Sid<Message>;

impl<K: Kind> Sid<K> {
    /// A SID of these 16 bytes (drawn at random by the caller).
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self { bytes, kind: PhantomData }
    }

    /// The 16 bytes behind the prefix.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.bytes
    }
}

impl<K> Clone for Sid<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Sid<K> {}
impl<K> PartialEq for Sid<K> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}
impl<K> Eq for Sid<K> {}
impl<K> PartialOrd for Sid<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Sid<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bytes.cmp(&other.bytes)
    }
}
impl<K> std::hash::Hash for Sid<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}
impl<K: Kind> fmt::Debug for Sid<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_sid(out, K::PREFIX, &self.bytes)
    }
}
impl<K: Kind> fmt::Display for Sid<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_sid(out, K::PREFIX, &self.bytes)
    }
}
impl<K: Kind> FromStr for Sid<K> {
    type Err = NotASid;

    fn from_str(text: &str) -> Result<Self, NotASid> {
        let digits = text.strip_prefix(K::PREFIX).ok_or(NotASid)?;
        Ok(Self::new(parse_digits(digits)?))
    }
}

/// The SID of a document, list, map or stream: which of them, it knows at run time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectSid {
    /// The kind that the prefix says.
    pub kind: ObjectKind,
    /// The 16 bytes behind the prefix.
    pub bytes: [u8; 16],
}

impl fmt::Debug for ObjectSid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_sid(out, self.kind.prefix(), &self.bytes)
    }
}
impl fmt::Display for ObjectSid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_sid(out, self.kind.prefix(), &self.bytes)
    }
}
impl FromStr for ObjectSid {
    type Err = NotASid;

    fn from_str(text: &str) -> Result<Self, NotASid> {
        let (prefix, digits) = text.split_at_checked(2).ok_or(NotASid)?;
        let kind = ObjectKind::from_prefix(prefix).ok_or(NotASid)?;
        Ok(Self { kind, bytes: parse_digits(digits)? })
    }
}

/// The text is not a SID of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SID: two capital letters and 32 hexadecimal digits are expected")]
pub struct NotASid;

/// Whether a text has the shape of a SID of any kind: such a text cannot be a unique name.
pub fn looks_like_a_sid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 34
        && bytes.iter().take(2).all(u8::is_ascii_uppercase)
        && bytes.iter().skip(2).all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

fn parse_digits(digits: &str) -> Result<[u8; 16], NotASid> {
    if digits.len() != 32 {
        return Err(NotASid);
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let mut value = 0;
        for digit in pair {
            let half = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                b'A'..=b'F' => digit - b'A' + 10,
                _ => return Err(NotASid),
            };
            value = (value << 4) | half;
        }
        *byte = value;
    }
    Ok(bytes)
}

fn write_sid(out: &mut fmt::Formatter<'_>, prefix: &str, bytes: &[u8; 16]) -> fmt::Result {
    // In one piece: SIDs stand several times in each answer and event.
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
    out.write_str(prefix)?;
    out.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
}

const fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let sid = Sid::<Service>::new([0x1e; 16]);
        assert_eq!(sid.to_string().parse(), Ok(sid));
        assert_eq!("IS1e".parse::<ServiceSid>(), Err(NotASid));
        assert_eq!(format!("ET{}", "1e".repeat(16)).parse::<ServiceSid>(), Err(NotASid));
        assert!(looks_like_a_sid(&sid.to_string()));
        assert!(!looks_like_a_sid("IS1E1E1E1E1E1E1E1E1E1E1E1E1E1E1E1E"));
    }
}
