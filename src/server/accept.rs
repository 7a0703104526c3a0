//! The loop that takes connections in, and does not stop for whatever goes wrong with one of them.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::Instant,
};
use warp::{filters::BoxedFilter, reply::Response};

use crate::{
    domain::limits::{ACCEPT_PAUSE_MS, DRAIN_SECONDS_MAX},
    server::{
        connection::{self, Client, Shared},
        entrance::TurnedAway,
        proxies::{Opening, read_opening},
    },
    wire::connection::Connection,
};

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    retry-after: 5\r\nconnection: close\r\ncontent-length: 60\r\n\r\n\
    {\"status\":503,\"code\":20503,\"message\":\"too many connections\"}";
/// How often a fault of accepting is logged, and what there is to say of connects that came too fast.
const LOG_PAUSE: Duration = Duration::from_secs(10);
/// How often idle connections are looked for.
const TICK: Duration = Duration::from_secs(1);

/// Takes connections in until told to stop, then waits for those it has, but not for long.
pub async fn run(
    listener: TcpListener,
    shared: Arc<Shared>,
    routes: BoxedFilter<(Response,)>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut logged: Option<Instant> = None;
    let mut notices = tokio::time::interval(LOG_PAUSE);
    let mut tick = tokio::time::interval(TICK);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            now = notices.tick() => {
                shared.entrance.tell_notices(now);
                continue;
            }
            now = tick.tick() => {
                shared.entrance.tick(now);
                continue;
            }
            Some(_ended) = connections.join_next() => continue,
            () = connection::stopped(&mut stopping) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (shared, routes, stopping) = (Arc::clone(&shared), routes.clone(), stopping.clone());
                let peer = peer.ip().to_canonical();
                if shared.entrance.proxies().trust(peer) {
                    connections.spawn(take_in_proxy(stream, peer, shared, routes, stopping));
                } else if let Some(client) = admit(&stream, peer, &shared) {
                    connections.spawn(connection::serve(
                        stream,
                        Bytes::new(),
                        client,
                        shared,
                        routes,
                        stopping,
                    ));
                }
            }
            Err(error) => {
                if logged.is_none_or(|it| LOG_PAUSE <= it.elapsed()) {
                    logged = Some(Instant::now());
                    tracing::warn!(%error, "a connection could not be taken in");
                }
                // Out of descriptors or memory the next attempt would fail at once, and so for ever.
                if !concerns_one(&error) {
                    tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                }
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS_MAX), all).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections cut after the drain");
    }
    connections.shutdown().await;
}

/// A client's own connection, unless it was turned away.
fn admit(stream: &TcpStream, client: IpAddr, shared: &Shared) -> Option<Client> {
    match shared.entrance.admit(client) {
        Ok((connection, place)) => {
            // Without the option small answers may be late; a peer that is gone has no options.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(peer.addr = %client, %error, "peer was gone when it was taken in");
                return None;
            }
            Some(Client::Itself(connection, Arc::new(place)))
        }
        Err(TurnedAway::Full) => {
            turn_away(stream);
            None
        }
        Err(TurnedAway::TooFast) => None,
    }
}

/// Finds out for whom a trusted proxy connects, and serves the connection.
async fn take_in_proxy(
    mut stream: TcpStream,
    peer: IpAddr,
    shared: Arc<Shared>,
    routes: BoxedFilter<(Response,)>,
    stopping: watch::Receiver<bool>,
) {
    let Ok(place) = shared.entrance.admit_proxy() else { return turn_away(&stream) };
    let (client, ahead) = match read_opening(&mut stream).await {
        Ok(Opening::Client(client)) if !shared.entrance.proxies().trust(client) => {
            // From here on the connection is the client's.
            drop(place);
            let Some(client) = admit(&stream, client, &shared) else { return };
            (client, Bytes::new())
        }
        Ok(Opening::Client(proxy)) => (Client::Proxy(Connection::new(proxy), Arc::new(place)), Bytes::new()),
        Ok(Opening::Proxy) => (Client::Proxy(Connection::new(peer), Arc::new(place)), Bytes::new()),
        Ok(Opening::Plain(ahead)) => (Client::Proxy(Connection::new(peer), Arc::new(place)), ahead),
        Err(error) => {
            return tracing::debug!(peer.addr = %peer, %error, "a proxy did not begin its connection");
        }
    };
    if let Err(error) = stream.set_nodelay(true) {
        return tracing::debug!(peer.addr = %peer, %error, "peer was gone when it was taken in");
    }
    connection::serve(stream, ahead, client, shared, routes, stopping).await;
}

/// Whether the fault lies with the one connection that was to be taken in.
fn concerns_one(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Says why, if the socket takes it at once: nobody waits for a peer that is turned away.
fn turn_away(stream: &TcpStream) {
    if let Err(error) = socket2::SockRef::from(stream).send(FULL) {
        tracing::trace!(%error, "turned away without a word");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_too_many_is_well_formed() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
