//! Credential → [`Caller`]: the only file that makes one.

use std::{fmt, net::IpAddr, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::{
    domain::{
        name::Identity,
        sid::{AccountSid, ServiceSid},
        time::Timestamp,
    },
    relay::veil::{LogIdentities, Veil},
    token::{self, Keys, TokenFault},
};

/// What a request brings to prove who is behind it.
pub enum Credential<'a> {
    /// An access token, on the clients' doors.
    Token(&'a str),
    /// Basic credentials, on the backends' door.
    Basic {
        /// Account SID or API key SID.
        user: &'a str,
        /// Auth token or the key's secret.
        password: &'a str,
    },
}

/// Whoever is behind a request, once the credential was verified. It lives as long as its token.
#[derive(Clone)]
pub struct Caller {
    inner: Arc<Inner>,
}

struct Inner {
    who: Who,
    until: Option<Timestamp>,
    peer: IpAddr,
    /// What the log may not name, it calls by an alias: the identity by this one.
    alias: Option<Box<str>>,
    veil: Option<Veil>,
}

enum Who {
    Client {
        identity: Identity,
        digest: [u8; 4],
        service: ServiceSid,
        endpoint: Option<Arc<str>>,
        claims: Claims,
    },
    Backend,
}

/// `grants.airlock` of a token, and its text: the log keeps it with each private object.
struct Claims {
    value: Value,
    text: Arc<str>,
}

impl Claims {
    fn of(value: Value) -> Self {
        Self { text: value.to_string().into(), value }
    }
}

impl Caller {
    /// The identity of a client; `None` for a backend.
    pub fn identity(&self) -> Option<&Identity> {
        match &self.inner.who {
            Who::Client { identity, .. } => Some(identity),
            Who::Backend => None,
        }
    }

    /// The first bytes of the SHA-256 of the identity; zeros for a backend. Made once for each credential.
    pub(super) fn identity_digest(&self) -> [u8; 4] {
        match &self.inner.who {
            Who::Client { digest, .. } => *digest,
            Who::Backend => [0; 4],
        }
    }

    /// The one service that a client may use; `None` for a backend.
    pub fn service(&self) -> Option<ServiceSid> {
        match &self.inner.who {
            Who::Client { service, .. } => Some(*service),
            Who::Backend => None,
        }
    }

    /// `grants.airlock` of the token; null for a backend.
    pub fn claims(&self) -> &Value {
        match &self.inner.who {
            Who::Client { claims, .. } => &claims.value,
            Who::Backend => &Value::Null,
        }
    }

    /// The same as JSON; `None` for a backend.
    pub(super) fn claims_text(&self) -> Option<&Arc<str>> {
        match &self.inner.who {
            Who::Client { claims, .. } => Some(&claims.text),
            Who::Backend => None,
        }
    }

    /// The endpoint that a client's token names, if it does.
    pub fn endpoint(&self) -> Option<&Arc<str>> {
        match &self.inner.who {
            Who::Client { endpoint, .. } => endpoint.as_ref(),
            Who::Backend => None,
        }
    }

    /// The caller of a rehearsal: no credential, no network, no store that lasts.
    pub(super) fn rehearsed(identity: Option<Identity>, service: ServiceSid, claims: Value) -> Self {
        let client = |identity: Identity| {
            let (digest, claims) = (digest_of(&identity), Claims::of(claims));
            Who::Client { identity, digest, service, endpoint: None, claims }
        };
        let who = identity.map_or(Who::Backend, client);
        let (until, peer, alias, veil) = (None, IpAddr::from([127, 0, 0, 1]), None, None);
        Self { inner: Arc::new(Inner { who, until, peer, alias, veil }) }
    }

    /// What the log calls this caller: its identity, or a hash of it; empty for a backend.
    pub fn logged(&self) -> &str {
        self.inner.alias.as_deref().or_else(|| self.identity().map(Identity::as_str)).unwrap_or_default()
    }

    /// An object's name as the log shows it to whom names are hidden, too.
    pub fn logged_name(&self, name: &str) -> String {
        self.inner.veil.as_ref().map_or_else(|| name.to_owned(), |it| it.name(name))
    }

    /// When the credential ends; `None` never.
    pub fn until(&self) -> Option<Timestamp> {
        self.inner.until
    }

    /// The address at the other end of the connection.
    pub fn peer(&self) -> IpAddr {
        self.inner.peer
    }
}

fn digest_of(identity: &Identity) -> [u8; 4] {
    let whole = digest(&SHA256, identity.as_str().as_bytes());
    let mut bytes = [0; 4];
    bytes.iter_mut().zip(whole.as_ref()).for_each(|(to, from)| *to = *from);
    bytes
}

impl fmt::Debug for Caller {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Caller({})", self.identity().map_or("backend", Identity::as_str))
    }
}

/// The credentials that are accepted.
pub(super) struct Authn {
    pub(super) account: AccountSid,
    pub(super) auth_token: String,
    pub(super) keys: Keys,
    pub(super) log_identities: LogIdentities,
}

impl Authn {
    /// Verifies a credential; `default_service` is what the alias in a token means, `secret` the
    /// store's key for what the log shows.
    pub(super) fn authenticate(
        &self,
        credential: &Credential<'_>,
        peer: IpAddr,
        default_service: Option<ServiceSid>,
        secret: &[u8; 32],
        now: Timestamp,
    ) -> Result<Caller, TokenFault> {
        match credential {
            Credential::Token(text) => {
                let claims = token::verify(text, &self.keys, self.account, now)?;
                let service = match claims.service.as_str() {
                    "default" => default_service.ok_or(TokenFault::Grants)?,
                    sid => sid.parse().map_err(|_| TokenFault::Grants)?,
                };
                let veil = Veil::of(self.log_identities, secret);
                let alias = veil.as_ref().map(|it| it.alias(claims.identity.as_str()).into());
                let (identity, endpoint) = (claims.identity, claims.endpoint_id.map(Into::into));
                let (until, claims) = (Some(claims.expires), Claims::of(claims.claims));
                let digest = digest_of(&identity);
                let who = Who::Client { identity, digest, service, endpoint, claims };
                Ok(Caller { inner: Arc::new(Inner { who, until, peer, alias, veil }) })
            }
            Credential::Basic { user, password } => {
                let right_token = bool::from(self.auth_token.as_bytes().ct_eq(password.as_bytes()));
                let account = !self.auth_token.is_empty() && *user == self.account.to_string() && right_token;
                if account || self.keys.judge(user, password).is_some() {
                    let (who, until, alias) = (Who::Backend, None, None);
                    let veil = Veil::of(self.log_identities, secret);
                    Ok(Caller { inner: Arc::new(Inner { who, until, peer, alias, veil }) })
                } else {
                    Err(TokenFault::Basic)
                }
            }
        }
    }
}
