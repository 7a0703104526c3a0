//! `airlock dev`: a server that makes its own credentials, hands out tokens, and says what to try.

pub mod credentials;
mod page;

use std::{collections::HashMap, time::Duration};

use anyhow::Context;
use hyper::StatusCode;
use serde_json::json;
use warp::{Filter, filters::BoxedFilter, reply::Response};

use crate::{
    cli::{
        Exit,
        serve::{Ready, keys, with_relay},
        token::now,
    },
    config::{Credentials, Options},
    domain::{
        change::{Change, Operation},
        name::Identity,
        service::SettingsChange,
        sid::ServiceSid,
    },
    relay::{Receipt, Relay},
    server::answer,
    token::{self, ApiKey},
    wire::origins::for_pages,
};

/// How long a token of the token route is valid.
const TTL: Duration = Duration::from_secs(3_600);

/// Serves until a signal ends it.
///
/// # Errors
/// When the credentials cannot be kept, the policies have faults, or the relay or a socket fails.
pub fn run(options: &Options) -> Result<(), Exit> {
    let options = &Options { allow_local_origins: true, local_hosts_only: true, ..options.clone() };
    if !options.listen.ip().is_loopback() {
        tracing::warn!(
            address = %options.listen,
            "dev gives tokens to whoever reaches this address; by name it answers to this machine's and --public-url's only"
        );
    }
    let credentials = credentials::read_or_make(&options.data)?;
    let kept = credentials.clone();
    with_relay(options, &credentials, |relay, ready| async move {
        let service = default_service(&relay, &kept).await?;
        let desk = Desk::new(&kept, service)?;
        println!("{}", desk.invitation(&ready, &kept)?);
        let tokens = for_pages("token", options.origins(), desk.route());
        Ok(Some(page::route(&ready.base_url).or(tokens).unify().boxed()))
    })
}

/// The default service; it is made, with permissions on, at the first start.
async fn default_service(relay: &Relay, credentials: &Credentials) -> anyhow::Result<ServiceSid> {
    if let Some(service) = relay.default_service() {
        return Ok(service);
    }
    let account = credentials.account.to_string();
    let credential =
        crate::relay::Credential::Basic { user: &account, password: credentials.auth_token.expose() };
    let backend = relay.authenticate(credential, std::net::Ipv4Addr::LOCALHOST.into())?;
    let settings = SettingsChange { acl: Some(true), ..SettingsChange::default() };
    let operation = Operation::CreateService { default: true, settings };
    let made = relay.submitted(&backend, Change { operation, if_match: None, idempotency: None }).await?;
    match made {
        Receipt::Service { head, .. } => Ok(head.sid),
        _ => anyhow::bail!("the default service could not be made"),
    }
}

/// Where tokens are handed out to whoever asks: in development only.
#[derive(Clone)]
struct Desk {
    credentials: Credentials,
    key: ApiKey,
    service: ServiceSid,
}

impl Desk {
    fn new(credentials: &Credentials, service: ServiceSid) -> anyhow::Result<Self> {
        let key = keys(credentials)?.first().cloned().context("no key is kept")?;
        Ok(Self { credentials: credentials.clone(), key, service })
    }

    fn token(&self, identity: &Identity, name: Option<&str>) -> anyhow::Result<String> {
        let claims = name.map(|it| json!({ "name": it }));
        let service = self.service.to_string();
        let account = self.credentials.account;
        Ok(token::mint(&self.key, account, &service, identity, claims, now()?, TTL.as_secs()))
    }

    /// `GET /token?identity=ada&name=Ada`.
    fn route(self) -> BoxedFilter<(Response,)> {
        warp::path!("token")
            .and(warp::get())
            .and(warp::query::raw().or(warp::any().map(String::new)).unify())
            .map(move |query: String| self.answer(&query))
            .boxed()
    }

    fn answer(&self, query: &str) -> Response {
        let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
        let identity = query.get("identity").and_then(|it| Identity::try_from(it.as_ref()).ok());
        let Some(identity) = identity else {
            return answer::problem(StatusCode::BAD_REQUEST, "`identity` is expected: /token?identity=ada");
        };
        match self.token(&identity, query.get("name").map(AsRef::as_ref)) {
            Ok(token) => {
                let service = self.service.to_string();
                let text = json!({ "token": token, "identity": identity.as_str(), "service": service });
                answer::json(StatusCode::OK, text.to_string())
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "no token could be made");
                answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "internal server error")
            }
        }
    }

    /// What to try.
    fn invitation(&self, ready: &Ready, credentials: &Credentials) -> anyhow::Result<String> {
        let ada = Identity::try_from("ada")?;
        let url = &ready.base_url;
        let socket = url.replacen("http", "ws", 1);
        Ok(format!(
            r#"
airlock dev is ready at {url}

  token      {token}
  more       {url}/token?identity=ada

  SDK        import {{ SyncClient }} from 'twilio-sync';
             const {{ token }} = await (await fetch('{url}/token?identity=ada')).json();
             const client = new SyncClient(token, {{ Twilsock: {{ uri: '{socket}/v3/wsconnect' }} }});
             const document = await client.document('hello');

  REST       curl -u '{key}:{secret}' '{url}/v1/Services/{service}/Documents' \
               --data-urlencode 'UniqueName=hello' --data-urlencode 'Data={{"n":1}}'
"#,
            token = self.token(&ada, None)?,
            key = self.key.sid,
            secret = credentials.keys.first().map_or("", |it| it.1.expose()),
            service = self.service,
        ))
    }
}
