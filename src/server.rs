//! The public listener and the operators': binds, joins the routes of all doors, and drains on a signal.

mod accept;
pub mod answer;
mod caps;
mod connection;
mod connects;
mod deadline;
mod entrance;
mod hosts;
mod proxies;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use warp::{Filter, filters::BoxedFilter, reply::Response};

use crate::{
    domain::{
        limits::{ADMIN_CONNECTIONS_MAX, DESCRIPTORS_RESERVED, DRAIN_SECONDS_MAX},
        network::AddressBlock,
    },
    events,
    realtime::{self, Door, pace::Rates},
    relay::Relay,
    rest, sdk,
    server::{
        caps::Caps,
        connection::{Requests, Shared},
        entrance::Entrance,
        hosts::Hosts,
        proxies::TrustedProxies,
    },
    wire::{
        http::BaseUrl,
        origins::{Origins, for_pages},
    },
};

/// Where to listen, and for how many.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The public address; port 0 picks one.
    pub listen: SocketAddr,
    /// The operators' address.
    pub admin_listen: Option<SocketAddr>,
    /// Where the bound public port is written once the server is ready.
    pub port_file: Option<PathBuf>,
    /// The start of all URLs; else the bound address.
    pub public_url: Option<Arc<str>>,
    /// Origins whose pages may use the clients' doors, besides our own.
    pub origins: Origins,
    /// Connections in all.
    pub connections_max: usize,
    /// Connections of one address.
    pub connections_per_address: usize,
    /// Connects per second of one address; 0 is no limit.
    pub connects_per_second: u32,
    /// Requests per second of one connection; 0 is no limit.
    pub requests_per_second: u32,
    /// The proxies that may say for whom they speak.
    pub trusted_proxies: Vec<AddressBlock>,
    /// Which hosts a request may name.
    pub hosts: AdmittedHosts,
    /// Whether the log shows of request paths only what names nobody.
    pub hide_names: bool,
}

/// Which hosts a request may name in `Host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmittedHosts {
    /// All of them.
    All,
    /// The names of this machine and the public URL's host: what `dev` serves is open to whoever reaches it.
    Local,
}

/// Why the server cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The port file cannot be written.
    #[error("cannot write the port to `{}`", path.display())]
    PortFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Signals cannot be heard.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

/// A server whose sockets are bound; nobody is taken in yet.
pub struct Server {
    settings: Settings,
    listener: TcpListener,
    admin: Option<TcpListener>,
    address: SocketAddr,
}

impl Server {
    /// Binds the sockets.
    ///
    /// # Errors
    /// When an address is taken or not ours.
    pub async fn bind(settings: Settings) -> Result<Self, ServerError> {
        let (listener, address) = bind(settings.listen).await?;
        let admin = match settings.admin_listen {
            Some(wanted) => {
                let (listener, address) = bind(wanted).await?;
                tracing::info!(%address, "listening for operators");
                Some(listener)
            }
            None => None,
        };
        Ok(Self { settings, listener, admin, address })
    }

    /// The bound public address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The start of all URLs.
    pub fn base_url(&self) -> Arc<str> {
        let own = || match self.address {
            address if address.ip().is_unspecified() => format!("http://localhost:{}", address.port()),
            address => format!("http://{address}"),
        };
        self.settings.public_url.clone().unwrap_or_else(|| own().into())
    }

    /// Serves until SIGTERM or SIGINT, then lets everybody finish, for a few seconds.
    ///
    /// # Errors
    /// Before the first connection: when the port file or the signals do not work.
    pub async fn run(self, relay: Relay, more: Option<BoxedFilter<(Response,)>>) -> Result<(), ServerError> {
        let base = self.base_url();
        let mut terminate = signal(SignalKind::terminate()).map_err(ServerError::Signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ServerError::Signals)?;
        let settings = &self.settings;
        let per_second = settings.requests_per_second;
        let door = Door::new(relay.clone(), Arc::clone(&base), settings.origins.clone(), per_second);
        let urls = settings.public_url.clone().map_or(BaseUrl::OfRequest, BaseUrl::Public);
        let (stop, stopping) = watch::channel(false);
        let streams = events::Door::new(relay.clone(), base, stopping.clone());
        let clients =
            events::routes(streams).or(sdk::http::routes(relay.clone(), urls.clone())).unify().boxed();
        let clients = for_pages("v3", settings.origins.clone(), clients);
        let public = routes(&relay, &door, clients, urls, more);
        let hosts = match settings.hosts {
            AdmittedHosts::All => None,
            AdmittedHosts::Local => Some(Hosts::new(settings.public_url.as_deref())),
        };
        // Both listeners number their requests with it: an id in the log is one request.
        let requests = Arc::new(Requests::new(settings.hide_names, per_second, hosts));
        let proxies = TrustedProxies::new(&settings.trusted_proxies);
        let shared = |all_max, per_address_max| {
            let caps = Caps::new(all_max, per_address_max);
            let rate = Rates::new(per_second).requests();
            let entrance = Entrance::new(caps, settings.connects_per_second, proxies.clone(), rate);
            Arc::new(Shared { entrance, requests: Arc::clone(&requests) })
        };
        let all_max = affordable(settings.connections_max);
        let shared_public = shared(all_max, settings.connections_per_address);
        let public = accept::run(self.listener, shared_public, public, stopping.clone());
        let public = tokio::spawn(public);
        let admin = self.admin.map(|listener| {
            let shared = shared(ADMIN_CONNECTIONS_MAX, ADMIN_CONNECTIONS_MAX);
            tokio::spawn(accept::run(listener, shared, operators(relay.clone()), stopping))
        });
        if let Some(path) = &self.settings.port_file {
            write_port(path, self.address.port())?;
        }
        tracing::info!(address = %self.address, "listening");
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("draining");
        stop.send_replace(true);
        let drained = async {
            tokio::join!(door.close(), public, async {
                match admin {
                    Some(admin) => admin.await,
                    None => Ok(()),
                }
            })
        };
        // The loops cut what they have after the same time; a little more lets them say so.
        let patience = Duration::from_secs(DRAIN_SECONDS_MAX) + Duration::from_millis(200);
        if tokio::time::timeout(patience, drained).await.is_err() {
            tracing::warn!("not everybody left in time");
        }
        Ok(())
    }
}

/// As many connections as there are descriptors for: else the system would refuse them, and whoever came next would
/// wait in its queue. The process may have as many as it is allowed to ask for.
fn affordable(connections_max: usize) -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "no more descriptors were allowed");
        }
    }
    let Some(descriptors) = getrlimit(Resource::Nofile).current else { return connections_max };
    let rest = descriptors.saturating_sub(DESCRIPTORS_RESERVED).max(descriptors / 2);
    let affordable = usize::try_from(rest).unwrap_or(usize::MAX);
    if affordable < connections_max {
        tracing::warn!(
            descriptors,
            connections = affordable,
            "there are too few file descriptors for all connections: raise `ulimit -n` or lower --connections-max"
        );
    }
    affordable.min(connections_max)
}

async fn bind(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), ServerError> {
    let fault = |source| ServerError::Bind { address: wanted, source };
    let listener = TcpListener::bind(wanted).await.map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    Ok((listener, address))
}

/// Written beside and renamed, so that who waits for the file never reads half of it.
fn write_port(path: &Path, port: u16) -> Result<(), ServerError> {
    let fault = |source| ServerError::PortFile { path: path.to_owned(), source };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, format!("{port}\n")).map_err(fault)?;
    std::fs::rename(&beside, path).map_err(fault)
}

fn routes(
    relay: &Relay,
    door: &Arc<Door>,
    clients: BoxedFilter<(Response,)>,
    urls: BaseUrl,
    more: Option<BoxedFilter<(Response,)>>,
) -> BoxedFilter<(Response,)> {
    let none =
        || warp::any().and_then(|| std::future::ready(Err::<Response, _>(warp::reject::not_found()))).boxed();
    answer::probes(relay.clone())
        .or(realtime::routes(Arc::clone(door)))
        .unify()
        .or(clients)
        .unify()
        .or(rest::routes(relay.clone(), urls))
        .unify()
        .or(more.unwrap_or_else(none))
        .unify()
        .recover(answer::recover)
        .unify()
        .boxed()
}

fn operators(relay: Relay) -> BoxedFilter<(Response,)> {
    answer::probes(relay).recover(answer::recover).unify().boxed()
}
