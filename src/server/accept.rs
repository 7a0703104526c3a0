//! The loop that takes connections in, and does not stop for whatever goes wrong with one of them.

use std::{io, sync::Arc, time::Duration};

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
        caps::Caps,
        connection,
        connects::{Connects, Entry, Notice},
    },
};

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    retry-after: 5\r\nconnection: close\r\ncontent-length: 60\r\n\r\n\
    {\"status\":503,\"code\":20503,\"message\":\"too many connections\"}";
/// How often a fault of accepting is logged, and what there is to say of connects that came too fast.
const LOG_PAUSE: Duration = Duration::from_secs(10);

/// Takes connections in until told to stop, then waits for those it has, but not for long.
pub async fn run(
    listener: TcpListener,
    mut connects: Connects,
    caps: Caps,
    requests: Arc<connection::Requests>,
    routes: BoxedFilter<(Response,)>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut logged: Option<Instant> = None;
    let mut look = tokio::time::interval(LOG_PAUSE);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            now = look.tick() => {
                connects.notices(now).iter().for_each(tell);
                continue;
            }
            Some(_ended) = connections.join_next() => continue,
            () = connection::stopped(&mut stopping) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Entry::Closed(notice) = connects.enter(peer.ip(), Instant::now()) {
                    drop(stream);
                    notice.iter().for_each(tell);
                    continue;
                }
                let Some(place) = caps.enter(peer.ip()) else {
                    turn_away(&stream);
                    continue;
                };
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(peer.addr = %peer, %error, "peer was gone when it was taken in");
                    continue;
                }
                let served = connection::serve(
                    stream,
                    peer,
                    place,
                    Arc::clone(&requests),
                    routes.clone(),
                    stopping.clone(),
                );
                connections.spawn(served);
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

/// Logs connections that were closed because they came too fast.
fn tell(notice: &Notice) {
    let address = notice.address.map_or_else(|| "others".to_owned(), |it| it.to_string());
    tracing::info!(peer.addr = %address, connections = notice.connections, "connections closed: they come too fast");
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
