//! What waits for webhooks, for the one who sends them: news from the pump, the queue in the durable view, and the mark that
//! something was sent.
//!
//! The queue is state (`store/pending.rs`); what stands here is only word of it, and the hooks of messages, which nobody keeps.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use super::{
    Relay,
    error::{Error, Failure},
    rewrite,
    store::{committed::Noted, view::View},
    ticket::Ticket,
};
use crate::domain::{
    hook::Hook,
    limits::HOOKS_PASSING_MAX,
    sid::{ObjectSid, ServiceSid},
};

/// Between the pump and the sender.
pub(super) struct Desk {
    inbox: Mutex<News>,
    wake: Notify,
    taken: AtomicBool,
}

/// What is new since it was asked for last.
#[derive(Debug, Default)]
pub struct News {
    /// Services with hooks that were not there before.
    pub services: BTreeSet<ServiceSid>,
    /// Hooks that are not in the state, in order.
    pub passing: VecDeque<Passing>,
    /// How many of those had to make room.
    pub dropped: u64,
}

/// A hook that is not in the state.
#[derive(Clone, Debug)]
pub struct Passing {
    /// Its service.
    pub service: ServiceSid,
    /// It comes behind all hooks of its service with smaller numbers.
    pub before: u64,
    /// The hook.
    pub hook: Arc<Hook>,
}

/// The hooks of one service that wait.
#[derive(Debug)]
pub struct Waiting {
    /// Number and object of those that were asked for, in order.
    pub hooks: Vec<(u64, ObjectSid)>,
    /// The number of the first that waits, asked for or not.
    pub first: u64,
    /// The number of the next.
    pub next: u64,
    /// How many had to make room, over the life of the service.
    pub overflowed: u64,
}

/// The sender's hold on what waits: there is one, so that nothing is sent twice while the process lives.
pub struct Hooks {
    relay: Relay,
}

impl Desk {
    /// Begins with what was waiting when the store was opened.
    pub(super) fn new(view: &View) -> Self {
        let waits = view.services.iter().filter(|(_, it)| it.pending.from(0).next().is_some());
        let services = waits.map(|(service, _)| *service).collect();
        Self {
            inbox: Mutex::new(News { services, ..News::default() }),
            wake: Notify::new(),
            taken: AtomicBool::new(false),
        }
    }

    /// Takes what a group has noted. Called when its view is published.
    pub(super) fn put(&self, noted: Vec<Noted>) {
        if noted.is_empty() {
            return;
        }
        let mut inbox = self.lock();
        for Noted { service, passing } in noted {
            inbox.services.insert(service);
            let passing = passing.into_iter().map(|(before, hook)| Passing { service, before, hook });
            inbox.passing.extend(passing);
        }
        while HOOKS_PASSING_MAX < inbox.passing.len() {
            inbox.passing.pop_front();
            inbox.dropped = inbox.dropped.saturating_add(1);
        }
        drop(inbox);
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, News> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Relay {
    /// The hold on what waits for webhooks; `None` when somebody has it already.
    pub fn hooks(&self) -> Option<Hooks> {
        let taken = self.inner.desk.taken.swap(true, Ordering::AcqRel);
        (!taken).then(|| Hooks { relay: self.clone() })
    }
}

impl Hooks {
    /// Waits until there is something new, and takes it. Whoever reads `waiting` afterwards sees every hook that was
    /// committed before a message that is in these news.
    pub async fn news(&self) -> News {
        let desk = &self.relay.inner.desk;
        loop {
            let news = std::mem::take(&mut *desk.lock());
            if !news.services.is_empty() || !news.passing.is_empty() {
                return news;
            }
            desk.wake.notified().await;
        }
    }

    /// The hooks of a service from a number on; `None` when there is no such service.
    pub fn waiting(&self, service: ServiceSid, from: u64) -> Option<Waiting> {
        let view = self.relay.inner.hub.view();
        let pending = &view.tenant(service)?.pending;
        Some(Waiting {
            hooks: pending.from(from).map(|(number, hook)| (number, hook.object)).collect(),
            first: pending.from(0).next().map_or(pending.next(), |it| it.0),
            next: pending.next(),
            overflowed: pending.overflowed(),
        })
    }

    /// The hook of a number, while it waits.
    pub fn hook(&self, service: ServiceSid, number: u64) -> Option<Arc<Hook>> {
        self.relay.inner.hub.view().tenant(service)?.pending.get(number).cloned()
    }

    /// Where the hooks of a service go now.
    pub fn url(&self, service: ServiceSid) -> Option<Arc<str>> {
        self.relay.inner.hub.view().tenant(service)?.head.settings.webhook_url.clone()
    }

    /// Marks hooks as sent or given up on, in one batch; they are gone from the state when this returns.
    ///
    /// # Errors
    /// When the batch could not be written. A hook that is not marked is sent again after a restart.
    pub async fn settle(&self, service: ServiceSid, hooks: Vec<u64>) -> Result<(), Error> {
        let relay = &self.relay;
        let batch = rewrite::settlement(service, hooks, relay.decision(), relay.now());
        let (tell, told) = tokio::sync::oneshot::channel();
        let ticket = Ticket::Own(Box::new(move |result| {
            // Whoever asked may have stopped waiting.
            let _gone = tell.send(result);
        }));
        relay.inner.writer.commit(batch, ticket).map_err(|(_, failure)| Error::from(failure))?;
        told.await.unwrap_or_else(|_| Err(Failure::Stopping.into()))
    }
}
