//! What is said on one connection: `init` first, then requests, token updates and signs of life.

use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    domain::limits::{
        FRAME_BYTES_MAX, INIT_FRAME_BYTES_MAX, INIT_OUTBOX_BYTES_PAUSE, INIT_SECONDS_MAX, OUTBOX_BYTES_PAUSE,
        PING_SECONDS, REQUESTS_IN_FLIGHT_MAX, TOKEN_NOTICE_SECONDS,
    },
    realtime::{
        Door,
        frame::{self, Frame, Header},
        notification::{self, AccountDescriptor, Refused},
        outbox::Outbox,
        pace::Pace,
        tunnel::{Exchange, Tunnel},
        websocket::{Opcode, Received, encode},
    },
    relay::{Caller, Credential, Error, Reason, Watcher as _},
    token::TokenFault,
    wire::{
        connection::Connection,
        problem::{Plane, Problem},
    },
};

/// Whether the connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It does.
    Continue,
    /// It does, and nothing was asked or answered: there is nothing to do but to wait for more.
    Quiet,
    /// It ends with a close frame.
    Close(Option<u16>),
    /// It ends, or has ended, without one.
    Gone,
}

/// The state of one connection, without its bytes.
pub struct Conversation {
    door: Arc<Door>,
    outbox: Arc<Outbox>,
    peer: IpAddr,
    connection: Arc<Connection>,
    state: State,
    heard: Instant,
    next_ping: Instant,
    pace: Pace,
    tunnel: Tunnel,
}

enum State {
    /// `init` is awaited, so long.
    Fresh(Instant),
    /// Somebody is behind it.
    Open(Open),
    /// It was refused: the client may read why, so long.
    Closing(Instant),
}

struct Open {
    caller: Caller,
    /// When the token must next be looked at; nothing when it never ends.
    look: Option<Instant>,
    notice: Notice,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Notice {
    Owed,
    Given,
}

/// How much longer a token lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    ForEver,
    Some(Duration),
    Nothing,
}

/// How often a connection that waits for its last answers looks whether they were given.
const CLOSING_LOOK: Duration = Duration::from_millis(50);
/// The close code of a server that goes away.
const GOING_AWAY: u16 = 1001;

impl Conversation {
    /// A connection on which nothing was said yet.
    pub fn new(door: Arc<Door>, outbox: Arc<Outbox>, connection: Arc<Connection>) -> Self {
        let now = Instant::now();
        Self {
            pace: Pace::new(door.rates(), now),
            door,
            outbox,
            peer: connection.peer(),
            connection,
            state: State::Fresh(now + Duration::from_secs(INIT_SECONDS_MAX)),
            heard: now,
            next_ping: now + Duration::from_secs(PING_SECONDS),
            tunnel: Tunnel::default(),
        }
    }

    /// Its outlet.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// Whether `init` was accepted.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Bytes of the next message, at the most: before `init` was accepted, what an `init` needs.
    pub fn message_bytes_max(&self) -> usize {
        if self.is_open() { FRAME_BYTES_MAX } else { INIT_FRAME_BYTES_MAX }
    }

    /// Whether nothing more may be begun until something has left.
    pub fn paused(&self) -> bool {
        let waiting_max = if self.is_open() { OUTBOX_BYTES_PAUSE } else { INIT_OUTBOX_BYTES_PAUSE };
        self.pace.until().is_some()
            || REQUESTS_IN_FLIGHT_MAX <= self.outbox.in_flight()
            || waiting_max <= self.outbox.waiting_bytes() + self.tunnel.waiting_bytes()
            || self.tunnel.subscriptions.is_full()
            || self.door.is_closing()
    }

    /// The peer gave a sign of life, of so many bytes.
    pub fn heard(&mut self, read: usize, now: Instant) {
        self.heard = now;
        self.pace.bytes(read, now);
    }

    /// When [`Self::tick`] is next due.
    pub fn deadline(&self) -> Instant {
        let mut next = match &self.state {
            State::Fresh(until) | State::Closing(until) => *until,
            State::Open(open) => open.look.map_or(self.next_ping, |it| it.min(self.next_ping)),
        };
        if let Some(until) = self.pace.until() {
            next = next.min(until);
        }
        if let Some(since) = self.outbox.blocked_since() {
            next = next.min(Outbox::patience(since));
        }
        if self.door.is_closing() { next.min(Instant::now() + CLOSING_LOOK) } else { next }
    }

    /// Does what time asks for.
    pub fn tick(&mut self, now: Instant) -> Flow {
        if self.pace.until().is_some() {
            // It is we who do not listen.
            self.heard = now;
        }
        self.pace.resume(now);
        if self.door.is_closing() && self.outbox.in_flight() == 0 {
            return Flow::Close(Some(GOING_AWAY));
        }
        if self.outbox.blocked_since().is_some_and(|since| Outbox::patience(since) <= now) {
            tracing::debug!(peer.addr = %self.peer, "subscriber too slow, connection cut");
            return Flow::Gone;
        }
        match &mut self.state {
            State::Fresh(until) | State::Closing(until) => {
                if *until <= now {
                    Flow::Close(None)
                } else {
                    Flow::Continue
                }
            }
            State::Open(open) => {
                if open.look.is_some_and(|it| it <= now)
                    && look(open, &self.door, &self.outbox, now) == Left::Nothing
                {
                    // A `close` message would leave the client disconnected for ever.
                    return Flow::Close(None);
                }
                if self.next_ping <= now {
                    if self.heard + 2 * Duration::from_secs(PING_SECONDS) <= now {
                        return Flow::Gone;
                    }
                    self.next_ping = now + Duration::from_secs(PING_SECONDS);
                    self.outbox.push(notification::ping());
                }
                Flow::Continue
            }
        }
    }

    /// Does what waited for room in the outbox, or for the end of writes: a slice of the subscription requests, then
    /// reads.
    pub fn serve_waiting(&mut self) {
        let State::Open(open) = &self.state else { return };
        let (relay, caller, outbox) = (self.door.relay(), &open.caller, &self.outbox);
        self.tunnel.subscriptions.serve(relay, caller, outbox);
        self.tunnel.answer_reads(Exchange { relay, caller, outbox });
    }

    /// Whether a slice of them can be served now.
    pub fn can_serve_subscriptions(&self) -> bool {
        matches!(self.state, State::Open(_)) && self.tunnel.subscriptions.can_serve(&self.outbox)
    }

    /// Takes what the peer sent.
    pub fn hear(&mut self, received: Received<'_>) -> Flow {
        // One acknowledgement comes for each event that we send: it is no wish of the peer's.
        if !matches!(received, Received::Binary(message) if frame::is_acknowledgement(message)) {
            self.pace.requests(1, Instant::now());
        }
        let message = match received {
            Received::Binary(message) => message,
            Received::Ping(payload) => {
                self.outbox.push(encode(Opcode::Pong, payload).into());
                return Flow::Continue;
            }
            Received::Pong | Received::Fragment => return Flow::Quiet,
            Received::Close(code) => return Flow::Close(code),
            Received::Text(_) => return Flow::Close(Some(1003)),
        };
        match frame::decode(message) {
            Ok(Frame::Acknowledgement) => Flow::Quiet,
            Ok(Frame::Request(header, payload)) => self.request(*header, payload),
            Err(fault) => {
                tracing::debug!(peer.addr = %self.peer, error = %fault, "connection closed");
                Flow::Close(Some(1002))
            }
        }
    }

    fn request(&mut self, header: Header<'_>, payload: &[u8]) -> Flow {
        let id = &*header.id;
        match (&*header.method, &mut self.state) {
            ("close", _) => return Flow::Close(None),
            ("telemetry.v1", _) => {}
            ("init", State::Fresh(_)) => return self.init(id, header.token.as_deref().unwrap_or("")),
            ("update", State::Open(_)) => return self.update(id, header.token.as_deref().unwrap_or("")),
            ("message", State::Open(open)) => match header.http_request {
                Some(request) => {
                    let (relay, caller, outbox) = (self.door.relay(), &open.caller, &self.outbox);
                    self.tunnel.forward(Exchange { relay, caller, outbox }, id, request, payload);
                    // Each entry is a request's worth; the first was paid for with the request.
                    let entries = self.tunnel.subscriptions.take_uncharged();
                    self.pace.requests(entries.saturating_sub(1), Instant::now());
                }
                None => self.refuse(id, &BAD_REQUEST),
            },
            ("put_notification_ctx" | "delete_notification_ctx", State::Open(_)) => {
                self.outbox.push(notification::done(id));
            }
            (_, State::Open(_)) | ("init", State::Closing(_)) => self.refuse(id, &BAD_REQUEST),
            (_, State::Fresh(_) | State::Closing(_)) => self.refuse(id, &NOT_INITIALIZED),
        }
        Flow::Continue
    }

    fn init(&mut self, id: &str, token: &str) -> Flow {
        let now = Instant::now();
        let verdict =
            self.door.relay().authenticate(Credential::Token(token), self.peer).and_then(|caller| {
                let mut open = Open { caller, look: Some(now), notice: Notice::Owed };
                // The opening must be the first thing that the client reads, so only look at the time here.
                match left(&open.caller, &self.door) {
                    Left::Nothing => Err(Reason::Credential(TokenFault::Expired).into()),
                    left => {
                        open.look = (left != Left::ForEver).then_some(now);
                        Ok(open)
                    }
                }
            });
        match verdict {
            Ok(open) => {
                self.connection.set_authenticated();
                self.door.relay().arrived(self.outbox_id(), &open.caller);
                name_in_log(&open.caller);
                let account = self.door.relay().account();
                let descriptor = open
                    .caller
                    .service()
                    .zip(open.caller.identity())
                    .map(|(service, identity)| AccountDescriptor { account, service, identity });
                self.outbox.push(notification::opened(id, self.outbox_id(), descriptor));
                self.next_ping = now + Duration::from_secs(PING_SECONDS);
                self.state = State::Open(open);
                self.tick(now)
            }
            Err(error) => {
                let flow = self.refuse_credential(id, &error);
                self.state = State::Closing(now + Duration::from_secs(INIT_SECONDS_MAX));
                flow
            }
        }
    }

    fn update(&mut self, id: &str, token: &str) -> Flow {
        let State::Open(open) = &mut self.state else { return Flow::Continue };
        let now = Instant::now();
        let verdict =
            self.door.relay().authenticate(Credential::Token(token), self.peer).and_then(|caller| {
                let same =
                    caller.identity() == open.caller.identity() && caller.service() == open.caller.service();
                match left(&caller, &self.door) {
                    _ if !same => Err(Reason::Credential(TokenFault::OtherIdentity).into()),
                    Left::Nothing => Err(Reason::Credential(TokenFault::Expired).into()),
                    left => Ok((caller, left)),
                }
            });
        match verdict {
            Ok((caller, left)) => {
                let look = (left != Left::ForEver).then_some(now);
                self.door.relay().renew(self.outbox.id(), &caller);
                // Each of them was judged, like one that is made.
                self.pace.requests(u32::try_from(self.tunnel.subscriptions.len()).unwrap_or(u32::MAX), now);
                *open = Open { caller, look, notice: Notice::Owed };
                self.outbox.push(notification::done(id));
                self.tick(now)
            }
            Err(error) => self.refuse_credential(id, &error),
        }
    }

    /// Says why a token is not taken. Failures of ours close the socket instead: the client comes again, and
    /// what it has queued is not lost.
    fn refuse_credential(&self, id: &str, error: &Error) -> Flow {
        let Error::Refused(refusal) = error else { return Flow::Gone };
        let problem = Problem::of_error(error, Plane::Sdk);
        let (status, word) = match refusal.reason {
            Reason::Credential(_) => (401, "UNAUTHORIZED"),
            Reason::Limit => (429, "TOO_MANY_REQUESTS"),
            _ => (403, "FORBIDDEN"),
        };
        self.door.relay().log_refused_connection(self.peer, problem.code);
        self.refuse(id, &Refused { status, word, description: &problem.message, code: problem.code });
        Flow::Continue
    }

    fn refuse(&self, id: &str, refusal: &Refused<'_>) {
        self.outbox.push(notification::refused(id, refusal));
    }

    fn outbox_id(&self) -> u64 {
        self.outbox.id()
    }
}

const BAD_REQUEST: Refused<'static> =
    Refused { status: 400, word: "BAD_REQUEST", description: "the request is not understood", code: 0 };
const NOT_INITIALIZED: Refused<'static> =
    Refused { status: 401, word: "UNAUTHORIZED", description: "no token was accepted yet", code: 0 };

/// From here on the connection's lines say who is behind it.
fn name_in_log(caller: &Caller) {
    let span = tracing::Span::current();
    if let Some(service) = caller.service() {
        span.record("caller.identity", caller.logged());
        span.record("service.sid", tracing::field::display(service));
    }
}

/// Looks at the token's time: gives notice when it is due, and sets when to look again.
fn look(open: &mut Open, door: &Door, outbox: &Outbox, now: Instant) -> Left {
    let left = left(&open.caller, door);
    match left {
        Left::ForEver | Left::Nothing => open.look = None,
        Left::Some(left) => {
            let notice = Duration::from_secs(TOKEN_NOTICE_SECONDS);
            if left <= notice && open.notice == Notice::Owed {
                open.notice = Notice::Given;
                outbox.push(notification::token_about_to_expire());
            }
            let wait = if left <= notice { left } else { left - notice };
            open.look = Some(now + wait + Duration::from_millis(1));
        }
    }
    left
}

fn left(caller: &Caller, door: &Door) -> Left {
    let Some(until) = caller.until() else { return Left::ForEver };
    let millis = until.as_millis().saturating_sub(door.relay().wall_clock().as_millis());
    match u64::try_from(millis) {
        Ok(millis) if 0 < millis => Left::Some(Duration::from_millis(millis)),
        _ => Left::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{realtime::subscriptions::tests::line, wire::origins::Origins};

    #[tokio::test]
    async fn a_peer_that_is_not_read_is_not_silent() {
        let (outbox, _peer, relay, caller) = line().await;
        let door = Door::new(relay, "".into(), Origins::default(), 1);
        let [read, paused] = [0, 1_000].map(|entries| {
            let mut conversation =
                Conversation::new(Arc::clone(&door), Arc::clone(&outbox), Connection::unknown());
            conversation.state =
                State::Open(Open { caller: caller.clone(), look: None, notice: Notice::Given });
            let now = Instant::now();
            conversation.pace.requests(entries, now);
            let later = now + 2 * Duration::from_secs(PING_SECONDS) + Duration::from_secs(1);
            conversation.tick(later)
        });
        assert_eq!((read, paused), (Flow::Gone, Flow::Continue));
        door.relay().stop().await;
    }
}
