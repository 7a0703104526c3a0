//! What is wrong with a request's form, before anything is asked of the relay.

use crate::{
    domain::{
        data::BadData,
        limits::{IDENTITY_CHARS_MAX, NAME_CHARS_MAX, TTL_SECONDS_MAX},
        object::ObjectKind,
    },
    relay::{Error, Failure, Reason},
};

/// A request that is not well-formed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The header If-Match holds no revision.
    #[error("If-Match is not a revision")]
    IfMatch,
    /// More bytes than are read.
    #[error("Request entity too large")]
    BodyTooLarge,
    /// The body did not arrive in time, or not whole.
    #[error("the request body did not arrive")]
    BodyMissing,
    /// The body is no JSON object.
    #[error("Invalid request body: it is not a JSON object")]
    Body,
    /// One attribute of the body has the wrong type.
    #[error("Invalid request body: the type of `{name}` is invalid")]
    Attribute {
        /// Which.
        name: &'static str,
    },
    /// One attribute of the body is given twice.
    #[error("Invalid request body: an attribute is given twice")]
    DoubledAttribute,
    /// The data is no JSON object, or is hostile.
    #[error("{fault}")]
    Data {
        /// What is wrong.
        fault: BadData,
        /// In what kind of object it was to stand.
        kind: ObjectKind,
    },
    /// An update that says nothing.
    #[error("at least one parameter is needed")]
    NoParameter,
    /// A time to live that is none.
    #[error("a TTL is an integer from 0 to {TTL_SECONDS_MAX}")]
    Ttl,
    /// The URL for webhooks is none.
    #[error("WebhookUrl is not an http(s) URL of at most 512 characters")]
    WebhookUrl,
    /// The name for people is empty or too long.
    #[error("FriendlyName is empty or longer than 255 characters")]
    FriendlyName,
    /// The unique name cannot be one.
    #[error(
        "Invalid unique name. Expected a string with length 1-{NAME_CHARS_MAX} not matching the SID pattern \
         [A-Z]{{2}}[a-f0-9]{{32}}"
    )]
    UniqueName,
    /// The map key is missing, empty or too long.
    #[error("a map key has 1 to {NAME_CHARS_MAX} characters")]
    Key,
    /// The index of a list's item is none.
    #[error("an index is an integer from 0")]
    Index,
    /// The identity of a grant is empty or too long.
    #[error("an identity has 1 to {IDENTITY_CHARS_MAX} characters")]
    Identity,
    /// The order is none.
    #[error("Order is `asc` or `desc`")]
    Order,
    /// The bounds are none.
    #[error("Bounds is `inclusive` or `exclusive`")]
    Bounds,
    /// The page token is not one of ours.
    #[error("PageToken is invalid")]
    PageToken,
    /// The page size is none.
    #[error("PageSize is an integer from 1 to 1000")]
    PageSize,
    /// Another parameter is missing or invalid.
    #[error("parameter `{name}` is missing or invalid")]
    Parameter {
        /// Which.
        name: &'static str,
    },
    /// A parameter that is needed is not there.
    #[error("Missing required parameter {name} in the post body")]
    Missing {
        /// Which.
        name: &'static str,
    },
    /// There is nothing at this path.
    #[error("The requested resource was not found")]
    UnknownPath,
    /// A browser sends the request for a page of another origin.
    #[error("requests of pages of other origins are not taken here")]
    ForeignOrigin,
    /// The body is of another type than the one that is taken.
    #[error("the body must be application/x-www-form-urlencoded")]
    MediaType,
    /// The path does not take this method.
    #[error("Method not allowed")]
    Method,
}

/// Why a front does not answer with a resource.
#[derive(Clone, Debug)]
pub enum Stop {
    /// The request is not well-formed.
    Fault(Fault),
    /// The relay said no, or failed.
    Error(Error),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Error(reason.into())
    }
}
impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Error(failure.into())
    }
}
