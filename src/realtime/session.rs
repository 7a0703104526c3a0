//! One connection from its upgrade to its end: fresh → open → closing.
//!
//! The future holds no buffer while it waits: it reads into the stack, and keeps only what is left of an
//! unfinished message, or what arrived while too many requests were in flight.

mod conversation;

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    domain::limits::{BODY_DRAIN_BYTES_MAX, INIT_FRAME_BYTES_MAX, INIT_READ_BYTES, READ_BYTES},
    realtime::{
        Door,
        outbox::Outbox,
        session::conversation::{Conversation, Flow},
        websocket::{Reader, encode_close},
    },
    relay::Watcher,
    wire::connection::Connection,
};

/// How long the peer's last bytes are read and dropped, so that a reset does not eat our last frame.
const LINGER: Duration = Duration::from_secs(1);

/// Serves one upgraded connection until it ends.
pub async fn serve(door: Arc<Door>, outbox: Arc<Outbox>, connection: Arc<Connection>, read_ahead: Vec<u8>) {
    let mut session = Session {
        reader: Reader::new(INIT_FRAME_BYTES_MAX),
        unread: read_ahead,
        conversation: Conversation::new(Arc::clone(&door), Arc::clone(&outbox), connection),
    };
    let end = session.run().await;
    drop(session);
    if let Flow::Close(code) = end
        && outbox.finish(encode_close(code).into())
    {
        linger(&outbox).await;
    }
    outbox.cut();
}

struct Session {
    reader: Reader,
    unread: Vec<u8>,
    conversation: Conversation,
}

impl Session {
    async fn run(&mut self) -> Flow {
        let outbox = Arc::clone(self.conversation.outbox());
        let sleep = tokio::time::sleep_until(self.conversation.deadline());
        let changed = outbox.changed();
        tokio::pin!(sleep, changed);
        loop {
            match self.work() {
                Flow::Continue | Flow::Quiet => {}
                end => return end,
            }
            if outbox.is_cut() {
                return Flow::Gone;
            }
            let deadline = self.conversation.deadline();
            if deadline != sleep.deadline() {
                sleep.as_mut().reset(deadline);
            }
            let (blocked, paused) = (outbox.blocked_since().is_some(), self.conversation.paused());
            let can_serve = self.conversation.can_serve_subscriptions();
            let flow = tokio::select! {
                flow = poll_fn(|context| self.poll_receive(context)), if !paused => flow,
                ready = outbox.stream().writable(), if blocked => match ready {
                    Ok(()) => {
                        outbox.resume();
                        Flow::Continue
                    }
                    Err(_) => Flow::Gone,
                },
                () = &mut changed => {
                    changed.set(outbox.changed());
                    Flow::Continue
                }
                // Others have their turn between two slices.
                () = tokio::task::yield_now(), if can_serve => Flow::Continue,
                () = &mut sleep => self.conversation.tick(Instant::now()),
            };
            if !matches!(flow, Flow::Continue | Flow::Quiet) {
                return flow;
            }
            // A peer that always has more to say must not keep the thread to itself.
            tokio::task::coop::consume_budget().await;
        }
    }

    /// Does what can be done without the peer: messages that are here already, a slice of subscriptions, a flush.
    fn work(&mut self) -> Flow {
        loop {
            let before = (self.unread.len(), self.conversation.paused());
            if !self.unread.is_empty() && !self.conversation.paused() {
                let mut unread = std::mem::take(&mut self.unread);
                let (used, flow) = converse(&mut self.reader, &mut self.conversation, &mut unread);
                if !matches!(flow, Flow::Continue | Flow::Quiet) {
                    return flow;
                }
                if used < unread.len() {
                    unread.drain(..used);
                    self.unread = unread;
                }
            }
            self.conversation.serve_waiting();
            self.conversation.outbox().flush();
            // The flush may have made the room for which the rest had to wait.
            if self.conversation.paused() || before == (self.unread.len(), false) {
                return Flow::Continue;
            }
        }
    }

    /// Waits for bytes, reads and hears what is complete. What owes nothing, and most of what a subscriber sends are
    /// acknowledgements, does not end the wait.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Flow> {
        loop {
            if ready!(self.conversation.outbox().stream().poll_read_ready(context)).is_err() {
                return Poll::Ready(Flow::Gone);
            }
            match self.receive() {
                Some(Flow::Quiet) | None => {}
                Some(flow) => return Poll::Ready(flow),
            }
        }
    }

    /// Reads once and hears what is complete; `None` when there was nothing to read.
    fn receive(&mut self) -> Option<Flow> {
        let mut buffer = [const { MaybeUninit::uninit() }; READ_BYTES];
        // Before `init` little is read at once: what is left of it is kept.
        let open = self.conversation.is_open();
        let room = if open { READ_BYTES } else { INIT_READ_BYTES };
        let buffer = buffer.get_mut(..room).unwrap_or_default();
        let fresh = match self.conversation.outbox().read(buffer) {
            Ok([]) => return Some(Flow::Gone),
            Ok(fresh) => fresh,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            Err(_) => return Some(Flow::Gone),
        };
        self.conversation.heard(fresh.len(), Instant::now());
        if !open {
            // Never more than is needed: a vector that doubles would hold twice the frame.
            self.unread.reserve_exact(fresh.len());
        }
        if !self.unread.is_empty() {
            // The next round of work hears it.
            self.unread.extend_from_slice(fresh);
            return Some(Flow::Continue);
        }
        let (used, flow) = converse(&mut self.reader, &mut self.conversation, fresh);
        self.unread.extend_from_slice(fresh.get(used..).unwrap_or_default());
        Some(flow)
    }
}

/// Hears one message after the other, until one is incomplete or no more may be begun.
fn converse(reader: &mut Reader, conversation: &mut Conversation, bytes: &mut [u8]) -> (usize, Flow) {
    let (mut used, mut flow) = (0, Flow::Quiet);
    while !conversation.paused() {
        let rest = bytes.get_mut(used..).unwrap_or_default();
        reader.set_message_bytes_max(conversation.message_bytes_max());
        match reader.take(rest, |received| conversation.hear(received)) {
            Ok(Some((taken, Flow::Quiet))) => used += taken,
            Ok(Some((taken, Flow::Continue))) => (used, flow) = (used + taken, Flow::Continue),
            Ok(Some((taken, end))) => return (used + taken, end),
            Ok(None) => return (used, flow),
            Err(violation) => return (used, Flow::Close(Some(violation.code()))),
        }
    }
    // The rest waits until there is room.
    (used, Flow::Continue)
}

async fn linger(outbox: &Outbox) {
    let until_the_end = async {
        let mut read = 0;
        while read < BODY_DRAIN_BYTES_MAX && outbox.stream().readable().await.is_ok() {
            let mut buffer = [0; 1024];
            match outbox.stream().try_read(&mut buffer) {
                Ok(0) => return,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    };
    // Whether the peer ended in time does not matter: the socket is closed now.
    let _elapsed = tokio::time::timeout(LINGER, until_the_end).await;
}
