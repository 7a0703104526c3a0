//! The door of the SDK: a WebSocket, upgraded here and read and written without any layer between.

mod deferred_reads;
mod frame;
mod notification;
mod outbox;
pub mod pace;
mod session;
mod subscriber;
mod subscriptions;
mod tunnel;
mod upgrade;
pub mod websocket;

use std::{
    any::Any,
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use tokio::{net::TcpStream, sync::Notify};
use tracing::{Instrument, field::Empty};

use crate::{
    realtime::{outbox::Outbox, pace::Rates},
    relay::Relay,
    wire::{connection::Connection, origins::Origins},
};

pub use upgrade::routes;

/// Parses one message of a socket as a frame. Only fuzz targets see this.
#[cfg(fuzzing)]
pub fn fuzz_frame(bytes: &[u8]) {
    let _outcome = frame::decode(bytes);
}

/// What the server knows of the connection on which a request arrived; it puts it among the extensions.
#[derive(Clone)]
pub struct Arrival {
    /// The client's connection.
    pub connection: Arc<Connection>,
    /// Kept as long as the connection is: it counts among the caps.
    pub held: Arc<dyn Any + Send + Sync>,
    /// Gives the socket back after the upgrade, with the bytes that were read too far.
    pub reclaim: fn(Upgraded) -> Option<(TcpStream, Bytes)>,
}

/// What all connections of this door share.
pub struct Door {
    relay: Relay,
    base_url: Arc<str>,
    origins: Origins,
    rates: Rates,
    closing: AtomicBool,
    next_id: AtomicU64,
    open: Mutex<HashMap<u64, Weak<Outbox>>>,
    one_less: Notify,
}

impl Door {
    /// A door to this relay. Pages of other origins than our own may enter only if they are listed. A connection
    /// may make so many requests per second; 0 is no limit.
    pub fn new(relay: Relay, base_url: Arc<str>, origins: Origins, requests_per_second: u32) -> Arc<Self> {
        Arc::new(Self {
            relay,
            base_url,
            origins,
            rates: Rates::new(requests_per_second),
            closing: AtomicBool::new(false),
            next_id: AtomicU64::new(1),
            open: Mutex::default(),
            one_less: Notify::new(),
        })
    }

    /// The relay behind it.
    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    /// How fast each connection may speak.
    fn rates(&self) -> Rates {
        self.rates
    }

    /// Whether connections are to end.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Ends all connections, each after its last answers, and returns when none is left.
    pub async fn close(&self) {
        self.closing.store(true, Ordering::Release);
        let open: Vec<_> = self.lock().values().filter_map(Weak::upgrade).collect();
        open.iter().for_each(|it| it.wake());
        drop(open);
        loop {
            // Asked for before the look, so that nothing is missed in between.
            let less = self.one_less.notified();
            if self.lock().is_empty() {
                return;
            }
            less.await;
        }
    }

    /// Serves one connection until it ends.
    async fn serve(self: Arc<Self>, stream: TcpStream, connection: Arc<Connection>, read_ahead: Vec<u8>) {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let outbox = Outbox::new(id, stream, Arc::clone(&self.base_url));
        let _listed = Listed::new(Arc::clone(&self), id, &outbox);
        let span = tracing::info_span!(
            parent: None, "connection", conn.id = id, peer.addr = %connection.peer(),
            caller.identity = Empty, service.sid = Empty
        );
        span.in_scope(|| tracing::debug!("connection opened"));
        session::serve(self, outbox, connection, read_ahead).instrument(span.clone()).await;
        span.in_scope(|| tracing::debug!("connection ended"));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Weak<Outbox>>> {
        // Insertions and removals are whole, whoever panicked beside them.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place in the door's list, left when its task ends in whatever way.
struct Listed {
    door: Arc<Door>,
    id: u64,
}

impl Listed {
    fn new(door: Arc<Door>, id: u64, outbox: &Arc<Outbox>) -> Self {
        door.lock().insert(id, Arc::downgrade(outbox));
        Self { door, id }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.door.lock().remove(&self.id);
        self.door.relay.unwatch_all(self.id);
        self.door.relay.left(self.id);
        self.door.one_less.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The future of a connection is most of what an idle one costs.
    #[tokio::test]
    async fn a_connection_is_small() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let relay = Relay::start(crate::relay::Settings {
            account: crate::domain::sid::Sid::new([1; 16]),
            auth_token: String::new(),
            keys: format!("SK{}:{}", "1".repeat(32), "s".repeat(32)).parse().unwrap(),
            data: None,
            code_of: |_| 0,
            log_identities: crate::relay::LogIdentities::Plain,
            hosted_limits: false,
            policies: crate::policy::PolicySet::empty().into(),
            plain_objects_max: 1,
            plain_bytes_max: 1,
            memory_max_bytes: 0,
            disk_min_free_bytes: 0,
            erase_within: std::time::Duration::from_secs(24 * 3600),
        });
        let door = Door::new(relay.unwrap(), "".into(), Origins::default(), 1);
        let future = door.serve(stream, Connection::new([127, 0, 0, 1].into()), Vec::new());
        assert!(size_of_val(&future) <= 1536);
    }
}
