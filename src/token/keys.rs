//! The API keys: whoever holds a secret is a backend, and may mint tokens.

use std::{fmt, str::FromStr};

use subtle::ConstantTimeEq;

use crate::domain::{
    limits::{KEY_SECRET_BYTES_MIN, KEYS_MAX},
    sid::KeySid,
};

/// One API key. Its secret is never printed.
#[derive(Clone)]
pub struct ApiKey {
    /// Names the key (`SK…`).
    pub sid: KeySid,
    secret: String,
}

impl ApiKey {
    /// A key with this secret.
    ///
    /// # Errors
    /// When the secret is shorter than [`KEY_SECRET_BYTES_MIN`]: it could be guessed from a token.
    pub fn new(sid: KeySid, secret: &str) -> Result<Self, KeysFault> {
        if secret.len() < KEY_SECRET_BYTES_MIN {
            return Err(KeysFault::ShortSecret { sid });
        }
        Ok(Self { sid, secret: secret.to_owned() })
    }

    /// The secret, for signing.
    pub(super) fn secret(&self) -> &[u8] {
        self.secret.as_bytes()
    }

    /// Whether this is its secret; how long that takes does not tell how much of it is right.
    pub fn opens_with(&self, secret: &str) -> bool {
        self.secret.as_bytes().ct_eq(secret.as_bytes()).into()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:***", self.sid)
    }
}

impl FromStr for ApiKey {
    type Err = KeysFault;

    fn from_str(text: &str) -> Result<Self, KeysFault> {
        let (sid, secret) = text.split_once(':').ok_or(KeysFault::NoColon)?;
        Self::new(sid.parse().map_err(|_| KeysFault::NotAKeySid)?, secret)
    }
}

/// All keys that are valid at present: several, so that one can be replaced without a gap.
#[derive(Clone, Debug)]
pub struct Keys(Vec<ApiKey>);

impl Keys {
    /// The key with this SID.
    pub fn find(&self, sid: KeySid) -> Option<&ApiKey> {
        self.0.iter().find(|it| it.sid == sid)
    }

    /// The key that new tokens are signed with.
    pub fn first(&self) -> Option<&ApiKey> {
        self.0.first()
    }

    /// The key behind Basic credentials.
    pub fn judge(&self, user: &str, password: &str) -> Option<&ApiKey> {
        let sid = user.parse().ok()?;
        self.find(sid).filter(|it| it.opens_with(password))
    }
}

impl FromStr for Keys {
    type Err = KeysFault;

    /// From `SK…:secret,SK…:secret`.
    fn from_str(text: &str) -> Result<Self, KeysFault> {
        let mut keys: Vec<ApiKey> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            let key: ApiKey = part.parse()?;
            if keys.iter().any(|it| it.sid == key.sid) {
                return Err(KeysFault::Twice { sid: key.sid });
            }
            if KEYS_MAX <= keys.len() {
                return Err(KeysFault::TooMany);
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(KeysFault::Empty) } else { Ok(Self(keys)) }
    }
}

/// Why a text does not name API keys. No variant tells a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysFault {
    /// Nothing is there.
    #[error("no API key is given; expected `SK…:secret`, several separated by commas")]
    Empty,
    /// A key without a secret.
    #[error("an API key has no `:` between its SID and its secret")]
    NoColon,
    /// What stands before the colon is no SID of a key.
    #[error("an API key's SID is not `SK` and 32 hexadecimal digits")]
    NotAKeySid,
    /// The secret could be guessed.
    #[error("the secret of API key `{sid}` is shorter than {KEY_SECRET_BYTES_MIN} bytes")]
    ShortSecret {
        /// Of which key.
        sid: KeySid,
    },
    /// One SID twice.
    #[error("API key `{sid}` is given twice")]
    Twice {
        /// Which.
        sid: KeySid,
    },
    /// More than anybody needs.
    #[error("more than {KEYS_MAX} API keys are given")]
    TooMany,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid(digit: char) -> String {
        format!("SK{}", digit.to_string().repeat(32))
    }

    #[test]
    fn several_keys_are_read_and_none_is_printed() {
        let secret = "s3cret-s3cret-s3cret-s3cret-s3cr";
        let keys: Keys = format!("{}:{secret}, {}:a:b{secret}", sid('1'), sid('2')).parse().expect("keys");
        assert!(!format!("{keys:?}").contains("s3cret"));
        assert!(keys.judge(&sid('1'), secret).is_some());
        assert!(keys.judge(&sid('2'), &format!("a:b{secret}")).is_some());
        assert!(keys.judge(&sid('2'), secret).is_none());
        assert!(keys.judge(&sid('3'), secret).is_none());
        assert!(keys.judge("", "").is_none());
    }

    #[test]
    fn faults_say_what_to_mend() {
        let long = "x".repeat(32);
        let fault = |text: &str| text.parse::<Keys>().err();
        assert_eq!(fault(" , "), Some(KeysFault::Empty));
        assert_eq!(fault("SK1"), Some(KeysFault::NoColon));
        assert_eq!(fault(&format!("AC{}:{long}", "1".repeat(32))), Some(KeysFault::NotAKeySid));
        assert!(matches!(fault(&format!("{}:short", sid('1'))), Some(KeysFault::ShortSecret { .. })));
        let one = format!("{}:{long}", sid('1'));
        assert!(matches!(fault(&format!("{one},{one}")), Some(KeysFault::Twice { .. })));
    }
}
