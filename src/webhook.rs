//! Sync's webhooks: what has changed in a service, posted to its URL, signed, in order per object, and never in a write's way.
//!
//! The queue is in the state (`relay/store/pending.rs`), so nothing of a logged change is lost; a hook may come twice after a crash.
//! Messages of streams are told from memory, once, as far as it goes.

mod address;
mod connect;
mod deliver;
mod form;
mod lanes;
mod post;
mod sign;

use std::time::Duration;

use tokio::{sync::watch, task::JoinHandle};

use crate::{
    domain::limits::{HOOK_PAUSE_MS, HOOKS_STOP_SECONDS_MAX},
    relay::Relay,
};
use deliver::Deliverer;

/// What a sender of webhooks needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Receivers on the internet only.
    Public,
    /// Receivers on this machine and inside the network, too.
    Private,
}

/// The sender, until it is stopped.
pub struct Webhooks {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Webhooks {
    /// Starts sending. `key` is the account's auth token: the official validators know no other.
    ///
    /// Nothing is sent by a second sender of one relay.
    pub fn start(relay: &Relay, key: &str, reach: Reach) -> Self {
        let (stop, stopping) = watch::channel(false);
        let (relay, key) = (relay.clone(), key.to_owned());
        let task = tokio::spawn(async move {
            if let Some(hooks) = relay.hooks() {
                Deliverer::new(&hooks, relay, &key, reach, pause()).run(stopping).await;
            }
        });
        Self { stop, task }
    }

    /// Waits a moment for what is on its way and has it marked. The rest is sent after the next start.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let patience = Duration::from_secs(3 * HOOKS_STOP_SECONDS_MAX);
        match tokio::time::timeout(patience, &mut self.task).await {
            Ok(Ok(())) => (),
            Ok(Err(_)) => tracing::error!("the sender of webhooks ended in a panic"),
            Err(_) => self.task.abort(),
        }
    }
}

/// The pause after the first attempt; tests with debug assertions may shorten it.
fn pause() -> Duration {
    let shorter = cfg!(debug_assertions)
        .then(|| std::env::var("AIRLOCK_WEBHOOK_PAUSE_MS").ok()?.parse().ok())
        .flatten();
    Duration::from_millis(shorter.unwrap_or(HOOK_PAUSE_MS))
}
