//! Access tokens, good ones and forged ones.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::{now_ms, server::TRUSTED};

/// The claims of a good token for an identity in a service.
pub fn claims(identity: &str, service: &str) -> Value {
    let ([account, key, _], now) = (TRUSTED, seconds());
    json!({
        "jti": format!("{key}-{now}"),
        "grants": {
            "identity": identity,
            "data_sync": { "service_sid": service },
            "airlock": { "name": "Somebody" },
        },
        "iat": now,
        "exp": now + 3_600,
        "iss": key,
        "sub": account,
    })
}

/// The header of a client with such claims, signed with a secret.
pub fn signed(claims: &Value, secret: &str) -> String {
    let header = Header { cty: Some("twilio-fpa;v=1".to_owned()), ..Header::default() };
    let token = encode(&header, claims, &EncodingKey::from_secret(secret.as_bytes())).expect("a token");
    format!("Bearer {token}")
}

/// The header of a good client.
pub fn good(identity: &str, service: &str) -> String {
    signed(&claims(identity, service), TRUSTED[2])
}

/// A good client's claims without any signature.
pub fn unsigned(identity: &str, service: &str) -> String {
    let part = |it: Value| URL_SAFE_NO_PAD.encode(it.to_string());
    let header = json!({ "alg": "none", "typ": "JWT", "cty": "twilio-fpa;v=1" });
    format!("Bearer {}.{}.", part(header), part(claims(identity, service)))
}

/// A good token but for one thing.
pub fn spoiled(identity: &str, service: &str, spoil: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims(identity, service);
    spoil(&mut claims);
    signed(&claims, TRUSTED[2])
}

/// The clock of the tokens.
pub fn seconds() -> i64 {
    now_ms() / 1_000
}
