//! Access tokens: one shape for making and for judging them.

mod claims;
#[cfg(test)]
mod hostile;
mod keys;

pub use claims::{Claims, mint, verify};
pub use keys::{ApiKey, Keys, KeysFault};

/// Why a credential does not hold. The codes are Twilio's (20101 … 20107, 20157, 51215).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Not a token at all, or larger than any is.
    #[error("invalid access token")]
    Invalid,
    /// The header names an algorithm, type or extension that is not taken.
    #[error("invalid access token header")]
    Header,
    /// The issuer is no key of ours, or the subject is not the account.
    #[error("invalid access token issuer or subject")]
    Issuer,
    /// It has expired.
    #[error("access token expired or expiration date invalid")]
    Expired,
    /// It is not valid yet.
    #[error("access token not yet valid")]
    NotYetValid,
    /// Identity or grant is missing or of the wrong type, or the service is not here.
    #[error("invalid access token grants")]
    Grants,
    /// The signature is not ours.
    #[error("invalid access token signature")]
    Signature,
    /// It would live longer than 24 hours.
    #[error("access token lifetime too long")]
    TooLong,
    /// A refreshed token speaks for somebody else.
    #[error("new token was issued for another identity or service")]
    OtherIdentity,
    /// Basic credentials that are missing or wrong.
    #[error("authenticate")]
    Basic,
}
