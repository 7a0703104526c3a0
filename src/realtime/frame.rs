//! The `TWILSOCK V3.0` frame: a magic line, a JSON header, a payload. Pure and bounded.

use std::{borrow::Cow, fmt::Write as _};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use crate::{
    domain::limits::{FRAME_HEADER_BYTES_MAX, REQUEST_PARAMS_MAX},
    realtime::websocket::{self, Opcode},
};

const MAGIC: &[u8] = b"TWILSOCK V3.0 ";

/// What a client sent.
#[derive(Debug)]
pub enum Frame<'a> {
    /// An acknowledgement of something that we sent: nothing is owed.
    Acknowledgement,
    /// A request.
    Request(Box<Header<'a>>, &'a [u8]),
}

/// The header of a request; what is not read here is not kept.
#[derive(Debug, Deserialize)]
pub struct Header<'a> {
    /// What is asked.
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    /// Names the request in its reply.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// The access token of `init` and `update`.
    #[serde(borrow, default)]
    pub token: Option<Cow<'a, str>>,
    /// The HTTP request of `message`.
    #[serde(borrow, default)]
    pub http_request: Option<HttpRequest<'a>>,
    #[serde(default)]
    payload_size: Option<usize>,
}

/// An HTTP request in a tunnel.
#[derive(Debug, Deserialize)]
pub struct HttpRequest<'a> {
    /// Still percent-encoded, without query.
    #[serde(borrow)]
    pub path: Cow<'a, str>,
    /// GET, POST, PUT or DELETE.
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    /// The query, still percent-encoded; a value may be an array, and its key then comes several times.
    #[serde(default)]
    pub params: Params,
    /// The headers that mean something here.
    #[serde(default)]
    pub headers: Headers,
}

/// The query of a tunnelled request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Params(pub Vec<(String, String)>);

/// The headers of a tunnelled request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// `If-Match`.
    pub if_match: Option<String>,
    /// `Twilio-Request-Id`.
    pub request_id: Option<String>,
}

/// Why a frame is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// The magic line is wrong, or the sizes do not fit the message.
    #[error("not a TWILSOCK V3.0 frame")]
    Layout,
    /// The header is not the JSON that it must be.
    #[error("the header of the frame cannot be read")]
    Header,
}

/// Reads one frame from one whole message.
///
/// # Errors
/// When the message is no frame: nobody who speaks the protocol sends that.
pub fn decode(message: &[u8]) -> Result<Frame<'_>, BadFrame> {
    let (header, rest) = split(message)?;
    if begins_as_acknowledgement(header) {
        return Ok(Frame::Acknowledgement);
    }
    let rest = rest.strip_prefix(b"\r\n").ok_or(BadFrame::Layout)?;
    let header: Header<'_> = serde_json::from_slice(header).map_err(|_| BadFrame::Header)?;
    if header.method == "reply" {
        return Ok(Frame::Acknowledgement);
    }
    let payload = rest.get(..header.payload_size.unwrap_or(0)).ok_or(BadFrame::Layout)?;
    Ok(Frame::Request(Box::new(header), payload))
}

/// Whether a message is one of the SDK's acknowledgements, as far as can be seen without parsing.
pub fn is_acknowledgement(message: &[u8]) -> bool {
    split(message).is_ok_and(|(header, _)| begins_as_acknowledgement(header))
}

/// The header, and what follows it.
fn split(message: &[u8]) -> Result<(&[u8], &[u8]), BadFrame> {
    let rest = message.strip_prefix(MAGIC).ok_or(BadFrame::Layout)?;
    // Six digits are more than any size that the message bound lets through.
    let digits = rest.iter().take(7).take_while(|it| it.is_ascii_digit()).count();
    let (number, rest) = rest.split_at_checked(digits).ok_or(BadFrame::Layout)?;
    let size: usize =
        std::str::from_utf8(number).ok().and_then(|it| it.parse().ok()).ok_or(BadFrame::Layout)?;
    let rest = rest.strip_prefix(b"\r\n").ok_or(BadFrame::Layout)?;
    if FRAME_HEADER_BYTES_MAX < size {
        return Err(BadFrame::Layout);
    }
    rest.split_at_checked(size).ok_or(BadFrame::Layout)
}

/// Whether the header begins as the SDK's acknowledgements do: `{"id":"…","method":"reply"`, or without the id.
/// One comes for each notification, so it must not cost a parse; what looks otherwise is parsed.
fn begins_as_acknowledgement(header: &[u8]) -> bool {
    let Some(rest) = header.strip_prefix(b"{") else { return false };
    let rest = match rest.strip_prefix(b"\"id\":\"") {
        Some(id) => {
            let end = id.iter().position(|it| matches!(it, b'"' | b'\\')).unwrap_or(id.len());
            match id.get(end..).and_then(|it| it.strip_prefix(b"\",")) {
                Some(rest) => rest,
                None => return false,
            }
        }
        None => rest,
    };
    rest.starts_with(b"\"method\":\"reply\"")
}

/// A whole WebSocket message with one frame in it. `head` is the header without its closing brace, to which
/// the size of the payload is added as the last key.
pub fn encode(head: &str, payload: &[u8]) -> Bytes {
    let mut tail = String::with_capacity(32);
    // Writing to a string cannot fail.
    let _infallible = write!(tail, ",\"payload_size\":{}}}\r\n", payload.len());
    let mut line = String::with_capacity(8);
    let _infallible = write!(line, "{}\r\n", head.len() + tail.len() - 2);
    let length = MAGIC.len() + line.len() + head.len() + tail.len() + payload.len();
    let mut out = Vec::with_capacity(length + 10);
    websocket::write_head(&mut out, Opcode::Binary, length);
    for part in [MAGIC, line.as_bytes(), head.as_bytes(), tail.as_bytes(), payload] {
        out.extend_from_slice(part);
    }
    Bytes::from(out)
}

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Params;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object of strings or arrays of strings")
            }
            fn visit_unit<E>(self) -> Result<Params, E> {
                Ok(Params::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Params, A::Error> {
                let mut pairs = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, OneOrMore>()? {
                    match value {
                        OneOrMore::One(value) => pairs.push((key, value)),
                        OneOrMore::More(values) => {
                            pairs.extend(values.into_iter().map(|it| (key.clone(), it)))
                        }
                        OneOrMore::Other(_) => {}
                    }
                    if REQUEST_PARAMS_MAX < pairs.len() {
                        return Err(serde::de::Error::custom("too many parameters"));
                    }
                }
                Ok(Params(pairs))
            }
        }
        from.deserialize_any(Pairs)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
    Other(IgnoredAny),
}

/// The value of one header: a string, or an array of strings, which the phone SDKs always send. Several are one, as
/// in RFC 9110, section 5.3: a second condition never replaces the first.
struct HeaderValue(Option<String>);

impl<'de> Deserialize<'de> for HeaderValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Value {
            None,
            One(String),
            More(Vec<String>),
        }
        Ok(Self(match Value::deserialize(from)? {
            Value::None => None,
            Value::One(value) => Some(value),
            Value::More(values) if values.is_empty() => None,
            Value::More(values) => Some(values.join(", ")),
        }))
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Known;
        impl<'de> Visitor<'de> for Known {
            type Value = Headers;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object of headers")
            }
            fn visit_unit<E>(self) -> Result<Headers, E> {
                Ok(Headers::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::default();
                while let Some(name) = map.next_key::<String>()? {
                    if name.eq_ignore_ascii_case("if-match") {
                        headers.if_match = map.next_value::<HeaderValue>()?.0;
                    } else if name.eq_ignore_ascii_case("twilio-request-id") {
                        headers.request_id = map.next_value::<HeaderValue>()?.0;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(headers)
            }
        }
        from.deserialize_any(Known)
    }
}

#[cfg(test)]
mod tests;
