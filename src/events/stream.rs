//! One stream from its first block to its end: catching up in rounds, then live.

use std::{collections::VecDeque, convert::Infallible, mem, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::Stream;
use tokio::{sync::watch, time::Instant};

use crate::{
    domain::{
        limits::HEARTBEAT_SECONDS,
        name::UniqueName,
        object::{EventId, Head},
        sid::ObjectSid,
    },
    events::{
        BEGINNING, Door,
        outbox::{Caught, Next, Outbox},
    },
    relay::{Caller, Error, Reason, Watch, Watched, Watcher},
    token::TokenFault,
    wire::{
        event_stream::{self, Established, Remember},
        problem::{Plane, Problem},
    },
};

/// An object that a stream is about.
pub struct Subject {
    /// The object.
    pub object: ObjectSid,
    unique_name: Option<UniqueName>,
    /// As the client named it.
    asked: String,
    /// Its newest event when the stream began.
    begun: EventId,
    /// Its newest event that was told.
    told: EventId,
}

impl Subject {
    /// The object with this head, which the client named so.
    pub fn new(asked: String, head: Head) -> Self {
        let (object, unique_name, begun) = (head.sid, head.unique_name, head.last_event_id);
        Self { object, unique_name, asked, begun, told: begun }
    }
}

/// Whoever reads one stream.
pub struct Subscriber {
    door: Arc<Door>,
    caller: Caller,
    outbox: Arc<Outbox>,
    stopping: watch::Receiver<bool>,
    /// Empty once all of them are live.
    subjects: Vec<Subject>,
    /// What is told of all of them; at first, what the client says.
    since: EventId,
    /// An event of ours up to which everything is told once they are live.
    known: EventId,
    start: Start,
    /// When the last block left.
    sent: Instant,
}

/// What the client knew when it came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Nothing that counts here.
    Anew,
    /// Everything up to some event.
    Resumed,
}

impl Subscriber {
    /// A reader of these objects that knows everything up to `since`.
    pub fn new(
        door: Arc<Door>,
        caller: Caller,
        outbox: Arc<Outbox>,
        subjects: Vec<Subject>,
        since: EventId,
    ) -> Self {
        let start = if since == BEGINNING { Start::Anew } else { Start::Resumed };
        let stopping = door.stopping.clone();
        let known = subjects.iter().map(|it| it.begun).max().unwrap_or(BEGINNING);
        Self { door, caller, outbox, stopping, subjects, since, known, start, sent: Instant::now() }
    }

    /// The blocks of the stream; it ends when this ends, and the subscriptions with it.
    pub fn into_blocks(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Sync + 'static {
        futures::stream::unfold(self, async |mut this| Some((Ok(this.next().await?), this)))
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.outbox.next() {
                Next::Block(block) => {
                    self.sent = Instant::now();
                    return Some(block);
                }
                Next::End => return None,
                Next::Round => self.round().await,
                Next::Wait => {
                    let heartbeat = self.sent + Duration::from_secs(HEARTBEAT_SECONDS);
                    let look = self.left().map_or(heartbeat, |it| heartbeat.min(Instant::now() + it));
                    tokio::select! {
                        () = self.outbox.changed() => continue,
                        _stopped_or_alone = self.stopping.wait_for(|it| *it) => return None,
                        () = tokio::time::sleep_until(look) => {}
                    }
                    if self.left().is_some_and(|it| it.is_zero()) {
                        self.expire();
                    } else if heartbeat <= Instant::now() {
                        self.sent = Instant::now();
                        return Some(Bytes::from_static(event_stream::HEARTBEAT));
                    }
                }
            }
        }
    }

    /// Asks for the next piece of what was missed of each object. What is refused of it is one line of the log.
    async fn round(&mut self) {
        let (outbox, relay) = (Arc::clone(&self.outbox), self.door.relay.clone());
        let watcher: Arc<dyn Watcher> = Arc::clone(&outbox) as _;
        let mut batch = relay.watch_batch(&self.caller);
        outbox.gather();
        let mut subjects: VecDeque<Subject> = mem::take(&mut self.subjects).into();
        while !subjects.is_empty() {
            let watches: Vec<Watch> = subjects.iter().map(|it| self.watch(it)).collect();
            let outcomes = relay.watch(&self.caller, &mut batch, &watches, &watcher, &mut |_, _| None);
            for (mut subject, outcome) in subjects.drain(..outcomes.len()).zip(outcomes) {
                match outcome {
                    Ok(Watched::Established(told)) => subject.told = told,
                    Ok(Watched::Interrupted { at, .. }) => outbox.interrupted(at),
                    Err(Error::Refused(refusal)) if matches!(refusal.reason, Reason::Credential(_)) => {
                        return self.expire();
                    }
                    Err(Error::Refused(refusal)) => {
                        let remember = match refusal.reason {
                            Reason::BelowFloor => Remember::Nothing,
                            _ => Remember::AsBefore,
                        };
                        let problem = Problem::of_error(&Error::Refused(refusal), Plane::Sdk);
                        let kind = subject.object.kind;
                        outbox.push(event_stream::failed(kind, &subject.asked, &problem, remember));
                        continue;
                    }
                    // The client comes again.
                    Err(Error::Failed(_)) => return outbox.finish(None),
                }
                self.subjects.push(subject);
            }
            // Others have their turn between two slices.
            tokio::task::yield_now().await;
        }
        if self.subjects.is_empty() {
            return outbox.finish(None);
        }
        match outbox.release(|newest| self.established(newest)) {
            Caught::Behind(horizon) => {
                if horizon < self.since {
                    // It came with an id from another history, and was told everything from the beginning.
                    self.start = Start::Anew;
                }
                self.since = horizon;
                self.known = self.known.max(horizon);
            }
            Caught::Up => self.subjects = Vec::new(),
        }
    }

    fn watch(&self, subject: &Subject) -> Watch {
        let anew = (self.start == Start::Anew).then_some(subject.begun);
        Watch { object: subject.object, since: Some(self.since), anew }
    }

    /// The notice behind the last piece. What a client remembers of it is an id of ours, not one that it
    /// brought: that may be from another history.
    fn established(&self, newest: Option<EventId>) -> Bytes {
        let at = newest.unwrap_or(self.known).max(self.known);
        let told = |it: &Subject| if at < it.told { it.begun } else { it.told };
        let objects: Vec<Established<'_>> = self
            .subjects
            .iter()
            .map(|it| Established {
                object: it.object,
                unique_name: it.unique_name.as_ref(),
                last_event_id: told(it),
            })
            .collect();
        event_stream::established(&objects, at)
    }

    /// How much longer the token lives; `None` for ever.
    fn left(&self) -> Option<Duration> {
        let millis =
            self.caller.until()?.as_millis().saturating_sub(self.door.relay.wall_clock().as_millis());
        Some(u64::try_from(millis).map_or(Duration::ZERO, Duration::from_millis))
    }

    fn expire(&self) {
        let problem = Problem::of_error(&Reason::Credential(TokenFault::Expired).into(), Plane::Sdk);
        self.outbox.finish(Some(event_stream::expired(&problem)));
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.door.relay.unwatch_all(self.outbox.id());
        tracing::debug!(conn.id = self.outbox.id(), "event stream ended");
    }
}

#[cfg(test)]
mod tests;
