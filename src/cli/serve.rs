//! `airlock serve`: a server with the credentials of the environment.

use anyhow::Context;
use warp::{filters::BoxedFilter, reply::Response};

use crate::{
    cli::{Exit, tell_faults},
    config::{Credentials, Options, SyncLimits},
    policy,
    relay::{self, Relay},
    server::Server,
    token::Keys,
    webhook::Webhooks,
    wire::problem::{Plane, Problem},
};

/// Serves until a signal ends it.
///
/// # Errors
/// Without credentials, with faulty policies, or when the relay or a socket fails.
pub fn run(options: &Options) -> Result<(), Exit> {
    let credentials = Credentials::read(|name| std::env::var(name).ok()).map_err(|error| {
        Exit::Usage(format!(
            "{error}\nhelp: `serve` takes AIRLOCK_ACCOUNT_SID, AIRLOCK_AUTH_TOKEN and AIRLOCK_API_KEYS \
             (`SK…:secret`, comma separated) from the environment; `airlock dev` makes its own"
        ))
    })?;
    with_relay(options, &credentials, |_relay, _server| async { Ok(None) })
}

/// Starts relay and server, lets `prepare` do what must be done between them, and serves. What `prepare` returns
/// are routes that only this command has.
pub fn with_relay<P, F>(options: &Options, credentials: &Credentials, prepare: P) -> Result<(), Exit>
where
    P: FnOnce(Relay, Ready) -> F,
    F: Future<Output = anyhow::Result<Option<BoxedFilter<(Response,)>>>>,
{
    let policies = policy::folder::load(&options.policies).map_err(|faults| {
        tell_faults(options, &faults);
        Exit::Fault
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot start")?;
    let served: anyhow::Result<()> = runtime.block_on(async {
        // Bound first: an address that is taken is a quicker answer than an opened store.
        let server = Server::bind(options.server()).await?;
        let relay = Relay::start(relay::Settings {
            account: credentials.account,
            auth_token: credentials.auth_token.expose().to_owned(),
            keys: keys(credentials)?,
            data: Some(options.data.clone()),
            code_of: |error| Problem::code_of_error(error, Plane::Sdk),
            log_identities: options.log_identities.into(),
            hosted_limits: options.sync_limits == SyncLimits::Hosted,
            policies: policies.into(),
            plain_objects_max: options.objects_per_identity,
            plain_bytes_max: options.bytes_per_identity,
            memory_max_bytes: options.memory_max_mb.saturating_mul(1024 * 1024),
            disk_min_free_bytes: options.disk_min_free_mb.saturating_mul(1024 * 1024),
            erase_within: options.erase_within,
        })
        .context("the relay cannot start")?;
        if options.accept_clock {
            relay.accept_clock();
        }
        let ready = Ready { base_url: server.base_url().to_string() };
        let webhooks = Webhooks::start(&relay, credentials.auth_token.expose(), options.webhook_reach());
        let more = prepare(relay.clone(), ready).await?;
        let served = server.run(relay.clone(), more).await;
        webhooks.stop().await;
        relay.stop().await;
        // The store's word comes last: what it could not do outlives an orderly end of the sockets.
        relay.ready().context("the store had failed while the server ran")?;
        Ok(served?)
    });
    // Nothing is left that could be waited for.
    runtime.shutdown_background();
    Ok(served?)
}

/// What is known once the sockets are bound.
pub struct Ready {
    /// The start of all URLs.
    pub base_url: String,
}

/// The keys, as the relay takes them.
///
/// # Errors
/// When a secret is too short to sign with.
pub fn keys(credentials: &Credentials) -> anyhow::Result<Keys> {
    let keys = credentials.keys.iter().map(|(sid, secret)| format!("{sid}:{}", secret.expose()));
    keys.collect::<Vec<_>>().join(",").parse().context("an API key cannot be used")
}
