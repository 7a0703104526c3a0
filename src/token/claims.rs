//! What a token says, how it is made, and every reason not to believe it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use serde_json::{Map, Value, json};

use crate::{
    domain::{
        data::Input,
        limits::{
            CLAIMS_BYTES_MAX, IDENTITY_CHARS_MAX, TOKEN_BYTES_MAX, TOKEN_LEEWAY_SECONDS,
            TOKEN_TTL_SECONDS_MAX,
        },
        name::Identity,
        sid::{AccountSid, ServiceSid},
        time::Timestamp,
    },
    token::{ApiKey, Keys, TokenFault},
};

const CONTENT_TYPE: &str = "twilio-fpa;v=1";
/// The service of a token that names none.
const DEFAULT_SERVICE: &str = "default";
/// Header parameters that would change how a token is judged, or where its key comes from.
const FORBIDDEN_HEADERS: [&str; 6] = ["crit", "jku", "x5u", "x5c", "jwk", "b64"];

/// What a token says, once it is believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// Who is speaking.
    pub identity: Identity,
    /// An `IS…` SID, or `default`.
    pub service: String,
    /// The object at `grants.airlock`; empty when there is none (decision 31b).
    pub claims: Value,
    /// When it was made (`iat`, else `nbf`, else the seconds in `jti`, else 1970: decision 39).
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// The endpoint that it was made for, if it says so.
    pub endpoint_id: Option<String>,
}

/// Makes an access token as Twilio's libraries do, with Airlock's claims beside.
pub fn mint(
    key: &ApiKey,
    account: AccountSid,
    service: &str,
    identity: &Identity,
    claims: Option<Value>,
    now: Timestamp,
    ttl_seconds: u64,
) -> String {
    let issued = now.as_seconds();
    let expires = issued.saturating_add(i64::try_from(ttl_seconds).unwrap_or(i64::MAX));
    let mut grants = json!({"identity": identity.as_str(), "data_sync": {"service_sid": service}});
    if let (Some(claims), Some(grants)) = (claims, grants.as_object_mut()) {
        grants.insert("airlock".into(), claims);
    }
    let header = json!({"alg": "HS256", "typ": "JWT", "cty": CONTENT_TYPE});
    let payload = json!({
        "jti": format!("{}-{issued}", key.sid),
        "grants": grants,
        "iat": issued,
        "exp": expires,
        "iss": key.sid.to_string(),
        "sub": account.to_string(),
    });
    sign(key, &header.to_string(), &payload.to_string(), Algorithm::HS256)
}

/// Signs a header and a payload as they are.
pub(super) fn sign(key: &ApiKey, header: &str, payload: &str, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    #[expect(clippy::expect_used, reason = "signing fails only when key and algorithm are of two families")]
    let signature = crypto::sign(message.as_bytes(), &EncodingKey::from_secret(key.secret()), algorithm)
        .expect("an HMAC key signs with HMAC");
    format!("{message}.{signature}")
}

/// Judges a token. Nothing that it says is believed before its signature was checked; only its
/// issuer is read, to find the key.
///
/// # Errors
/// The first fault in this order: form, header, issuer, signature, subject, time, grants.
pub fn verify(text: &str, keys: &Keys, account: AccountSid, now: Timestamp) -> Result<Claims, TokenFault> {
    let parts = Parts::of(text)?;
    let header = object(parts.header).ok_or(TokenFault::Header)?;
    let algorithm = algorithm(&header)?;
    if header.get("cty").and_then(Value::as_str) != Some(CONTENT_TYPE) {
        return Err(TokenFault::Header);
    }
    let payload = object(parts.payload).ok_or(TokenFault::Invalid)?;
    let issuer = text_at(&payload, "iss").and_then(|it| it.parse().ok());
    let key = issuer.and_then(|it| keys.find(it)).ok_or(TokenFault::Issuer)?;
    parts.check(key.secret(), algorithm)?;
    if text_at(&payload, "sub").and_then(|it| it.parse().ok()) != Some(account) {
        return Err(TokenFault::Issuer);
    }
    let (issued_at, expires) = times(&payload, now)?;
    let grants = payload.get("grants").and_then(Value::as_object).ok_or(TokenFault::Grants)?;
    let sync = grants.get("data_sync").and_then(Value::as_object).ok_or(TokenFault::Grants)?;
    Ok(Claims {
        identity: identity(grants)?,
        service: service(sync)?,
        claims: claims(grants)?,
        issued_at,
        expires,
        endpoint_id: endpoint(sync)?,
    })
}

/// The three parts of a compact token, still encoded, and what was signed.
pub(super) struct Parts<'t> {
    pub(super) header: &'t str,
    payload: &'t str,
    message: &'t str,
    signature: &'t str,
}

impl<'t> Parts<'t> {
    /// # Errors
    /// When the text is too long, has not three parts, or one of them is not strict base64url.
    pub(super) fn of(text: &'t str) -> Result<Self, TokenFault> {
        if TOKEN_BYTES_MAX < text.len() {
            return Err(TokenFault::Invalid);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(TokenFault::Invalid)?;
        let (header, payload) = message.split_once('.').ok_or(TokenFault::Invalid)?;
        if [header, payload, signature].iter().any(|it| it.is_empty() || decoded(it).is_none()) {
            return Err(TokenFault::Invalid);
        }
        Ok(Self { header, payload, message, signature })
    }

    /// Checks the signature, in constant time.
    pub(super) fn check(&self, secret: &[u8], algorithm: Algorithm) -> Result<(), TokenFault> {
        let key = DecodingKey::from_secret(secret);
        match crypto::verify(self.signature, self.message.as_bytes(), &key, algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(TokenFault::Signature),
        }
    }
}

/// The algorithm: one of three that all use the same kind of key, so a token cannot choose another.
pub(super) fn algorithm(header: &Map<String, Value>) -> Result<Algorithm, TokenFault> {
    if FORBIDDEN_HEADERS.iter().any(|it| header.contains_key(*it)) {
        return Err(TokenFault::Header);
    }
    if header.get("typ").is_some_and(|it| it != "JWT") {
        return Err(TokenFault::Header);
    }
    match header.get("alg").and_then(Value::as_str) {
        Some("HS256") => Ok(Algorithm::HS256),
        Some("HS384") => Ok(Algorithm::HS384),
        Some("HS512") => Ok(Algorithm::HS512),
        _ => Err(TokenFault::Header),
    }
}

/// The JSON object in a part; keys that stand twice are not taken.
pub(super) fn object(part: &str) -> Option<Map<String, Value>> {
    let text = String::from_utf8(decoded(part)?).ok()?;
    Input::parse(&text).ok()?.value().as_object().cloned()
}

fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

fn text_at<'v>(object: &'v Map<String, Value>, key: &str) -> Option<&'v str> {
    object.get(key).and_then(Value::as_str)
}

/// Seconds at a claim that may be absent or null; anything but an integer is a fault.
fn seconds_at(
    payload: &Map<String, Value>,
    claim: &str,
    fault: TokenFault,
) -> Result<Option<i64>, TokenFault> {
    match payload.get(claim) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or(fault),
    }
}

/// When it was made and when it ends.
fn times(payload: &Map<String, Value>, now: Timestamp) -> Result<(Timestamp, Timestamp), TokenFault> {
    let now = now.as_seconds();
    let leeway = i64::try_from(TOKEN_LEEWAY_SECONDS).unwrap_or(i64::MAX);
    let life_max = i64::try_from(TOKEN_TTL_SECONDS_MAX).unwrap_or(i64::MAX);
    let expires = seconds_at(payload, "exp", TokenFault::Invalid)?.ok_or(TokenFault::Invalid)?;
    if expires <= now {
        return Err(TokenFault::Expired);
    }
    let not_before = seconds_at(payload, "nbf", TokenFault::NotYetValid)?;
    let issued = seconds_at(payload, "iat", TokenFault::Invalid)?;
    // A token from the future would also outlive a revocation by issue time.
    if [not_before, issued].into_iter().flatten().any(|it| now.saturating_add(leeway) < it) {
        return Err(TokenFault::NotYetValid);
    }
    let named = match payload.get("jti") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => name.rsplit_once('-').and_then(|it| it.1.parse().ok()),
        Some(_) => return Err(TokenFault::Invalid),
    };
    let issued = issued.or(not_before).or(named);
    let start = issued.unwrap_or(now).min(now.saturating_add(leeway));
    if life_max < expires.saturating_sub(start) {
        return Err(TokenFault::TooLong);
    }
    Ok((Timestamp::from_seconds(issued.map_or(0, |_| start)), Timestamp::from_seconds(expires)))
}

fn identity(grants: &Map<String, Value>) -> Result<Identity, TokenFault> {
    let text = match grants.get("identity") {
        Some(Value::String(text)) => text.clone(),
        // twilio-python does not turn an integer into text (sync-rest, section 13).
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => return Err(TokenFault::Grants),
    };
    Identity::try_from(text).map_err(|_| TokenFault::Grants)
}

fn service(sync: &Map<String, Value>) -> Result<String, TokenFault> {
    match sync.get("service_sid") {
        None | Some(Value::Null) => Ok(DEFAULT_SERVICE.to_owned()),
        Some(Value::String(text)) if text == DEFAULT_SERVICE || text.parse::<ServiceSid>().is_ok() => {
            Ok(text.clone())
        }
        Some(_) => Err(TokenFault::Grants),
    }
}

fn endpoint(sync: &Map<String, Value>) -> Result<Option<String>, TokenFault> {
    match sync.get("endpoint_id") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= IDENTITY_CHARS_MAX => Ok(Some(text.clone())),
        Some(_) => Err(TokenFault::Grants),
    }
}

fn claims(grants: &Map<String, Value>) -> Result<Value, TokenFault> {
    match grants.get("airlock") {
        None => Ok(Value::Object(Map::new())),
        Some(value @ Value::Object(_)) if value.to_string().len() <= CLAIMS_BYTES_MAX => Ok(value.clone()),
        Some(_) => Err(TokenFault::Grants),
    }
}
