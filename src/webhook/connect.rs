//! Connects to a receiver: looks its name up once, judges the addresses, and connects to one of those that it has judged.
//!
//! A name that changes between two look-ups leads nowhere else, since there is no second look-up. Nothing here follows a
//! redirect, reads a proxy from the environment, or knows of cookies.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::Uri;
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, lookup_host},
    sync::OnceCell,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName},
};
use tower_service::Service;

use super::{Reach, address};
use crate::domain::limits::{HOOK_ADDRESSES_MAX, HOOK_CONNECT_SECONDS_MAX};

/// Makes connections for the client; cheap to clone.
#[derive(Clone)]
pub(super) struct Connector {
    reach: Reach,
    tls: Arc<OnceCell<TlsConnector>>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("the URL names no host")]
    Host,
    #[error("the name cannot be looked up")]
    Name(#[source] io::Error),
    #[error("the address is private (`--webhook-allow-private` allows it)")]
    Private,
    #[error("nobody answers at the address")]
    Connect(#[source] io::Error),
    #[error("the roots of the system cannot be read")]
    Roots,
    #[error("no TLS with the receiver")]
    Tls(#[source] io::Error),
}

impl Connector {
    pub(super) fn new(reach: Reach) -> Self {
        Self { reach, tls: Arc::default() }
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<Stream>, ConnectError> {
        let https = uri.scheme_str() == Some("https");
        let host = uri.host().ok_or(ConnectError::Host)?;
        // An IPv6 address stands in brackets in a URL, and nowhere else.
        let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host).to_owned();
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let found = lookup_host((host.as_str(), port)).await.map_err(ConnectError::Name)?;
        let addresses: Vec<SocketAddr> = found
            .filter(|it| self.reach == Reach::Private || address::is_public(it.ip()))
            .take(HOOK_ADDRESSES_MAX)
            .collect();
        let stream = first_of(&addresses).await?;
        if !https {
            return Ok(TokioIo::new(Stream::Plain(stream)));
        }
        let tls = self.tls.get_or_try_init(tls).await?;
        let name = ServerName::try_from(host).map_err(|_| ConnectError::Host)?;
        let stream = tls.connect(name, stream).await.map_err(ConnectError::Tls)?;
        Ok(TokioIo::new(Stream::Tls(Box::new(stream))))
    }
}

/// The first address that answers.
async fn first_of(addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
    let mut failed = ConnectError::Private;
    for address in addresses {
        let patience = Duration::from_secs(HOOK_CONNECT_SECONDS_MAX);
        match tokio::time::timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(ConnectError::Connect)?;
                return Ok(stream);
            }
            Ok(Err(error)) => failed = ConnectError::Connect(error),
            Err(_) => failed = ConnectError::Connect(io::ErrorKind::TimedOut.into()),
        }
    }
    Err(failed)
}

/// Reads the roots of the system: at the first receiver behind TLS, and once.
async fn tls() -> Result<TlsConnector, ConnectError> {
    let config = tokio::task::spawn_blocking(|| {
        let mut roots = RootCertStore::empty();
        let (taken, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if taken == 0 {
            return Err(ConnectError::Roots);
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| ConnectError::Tls(io::Error::other(error)))?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    });
    let config = config.await.map_err(|_| ConnectError::Roots)??;
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// A connection, with TLS or without.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(it) => Pin::new(it).poll_read(context, buffer),
            Self::Tls(it) => Pin::new(it).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(it) => Pin::new(it).poll_write(context, bytes),
            Self::Tls(it) => Pin::new(it).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(it) => Pin::new(it).poll_flush(context),
            Self::Tls(it) => Pin::new(it).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(it) => Pin::new(it).poll_shutdown(context),
            Self::Tls(it) => Pin::new(it).poll_shutdown(context),
        }
    }
}
