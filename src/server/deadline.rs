//! A socket that gives up: on a head that does not come, and on a peer that reads an answer too slowly.
//!
//! It also keeps the pace of the bytes that it reads. While bytes of an answer wait, the peer must take them at a
//! least rate; a timer that any progress resets would let it keep an answer for hours.
//!
//! hyper's own timer for heads must also cover the idle time between two requests, so it is long. This one
//! starts when the socket is accepted, and again with the first byte of each further head.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};

use crate::{
    domain::limits::{ANSWER_BYTES_PER_SECOND_MIN, ANSWER_RATE_SECONDS, HEAD_SECONDS_MAX, UNSENT_BYTES_MAX},
    realtime::pace::{Pace, Rates},
};

const HEAD: u8 = 0;
const BUSY: u8 = 1;
const IDLE: u8 = 2;

/// What the connection is doing; the socket and the service behind it share it.
#[derive(Clone)]
pub struct Phase(Arc<AtomicU8>);

impl Phase {
    /// A head is complete: its request is being answered.
    pub fn begin(&self) {
        self.0.store(BUSY, Ordering::Release);
    }

    /// The answer is ready: what comes next begins a head.
    pub fn end(&self) {
        self.0.store(IDLE, Ordering::Release);
    }
}

/// A socket with deadlines.
pub struct Timed {
    socket: TcpStream,
    /// What was read before it came here.
    ahead: Bytes,
    phase: Phase,
    head: Pin<Box<Sleep>>,
    pace: Pace,
    /// Until more may be read.
    rest: Option<Pin<Box<Sleep>>>,
    /// What was written since bytes wait.
    window: Option<Box<Window>>,
}

/// Bytes that were written within a time.
struct Window {
    bytes: u64,
    end: Pin<Box<Sleep>>,
}

const WINDOW: Duration = Duration::from_secs(ANSWER_RATE_SECONDS);
/// Bytes that a peer must take within a window.
const WINDOW_BYTES_MIN: u64 = ANSWER_BYTES_PER_SECOND_MIN * ANSWER_RATE_SECONDS;

impl Timed {
    /// The socket that was accepted just now, of which `ahead` was read already.
    pub fn new(socket: TcpStream, ahead: Bytes) -> Self {
        bound_unsent(&socket, UNSENT_BYTES_MAX);
        Self {
            socket,
            ahead,
            phase: Phase(Arc::new(AtomicU8::new(HEAD))),
            head: Box::pin(tokio::time::sleep(Duration::from_secs(HEAD_SECONDS_MAX))),
            pace: Pace::new(Rates::new(0), Instant::now()),
            rest: None,
            window: None,
        }
    }

    /// What it is doing.
    pub fn phase(&self) -> Phase {
        self.phase.clone()
    }

    /// The bare socket of an upgraded connection, and what was read of the next protocol.
    pub fn reclaim(upgraded: Upgraded) -> Option<(TcpStream, Bytes)> {
        let parts = upgraded.downcast::<TokioIo<Self>>().ok()?;
        let socket = parts.io.into_inner().socket;
        // Its outbox has a bound of its own, and writes many events at once.
        bound_unsent(&socket, u32::MAX);
        Some((socket, parts.read_buf))
    }

    /// Waits until the bytes that were read are paid for.
    fn poll_pace(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(until) = self.pace.until() {
            let rest = self.rest.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
            if rest.deadline() != until {
                rest.as_mut().reset(until);
            }
            ready!(rest.as_mut().poll(context));
            self.pace.resume(Instant::now());
        }
        self.rest = None;
        Poll::Ready(())
    }

    /// Counts what was written, and fails when the peer took too little of it within a window.
    fn poll_rate(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let open = || Box::new(Window { bytes: 0, end: Box::pin(tokio::time::sleep(WINDOW)) });
        match written {
            Poll::Ready(Ok(bytes)) => {
                if let Some(window) = &mut self.window {
                    window.bytes = window.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
                }
                written
            }
            Poll::Ready(Err(_)) => written,
            Poll::Pending => {
                let window = self.window.get_or_insert_with(open);
                while window.end.as_mut().poll(context).is_ready() {
                    if window.bytes < WINDOW_BYTES_MIN {
                        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                    }
                    window.bytes = 0;
                    window.end.as_mut().reset(Instant::now() + WINDOW);
                }
                Poll::Pending
            }
        }
    }
}

/// Bounds what the system takes of an answer before it is sent. Without the option more is held, and no more is lost.
fn bound_unsent(socket: &TcpStream, bytes: u32) {
    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    let _no_such_option = (socket, bytes);
    #[cfg(any(target_os = "android", target_os = "linux"))]
    if let Err(error) = socket2::SockRef::from(socket).set_tcp_notsent_lowat(bytes) {
        tracing::trace!(%error, "the bytes that are not sent yet have no bound");
    }
}

impl AsyncRead for Timed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.phase.0.load(Ordering::Acquire) == HEAD && this.head.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        ready!(this.poll_pace(context));
        let before = buffer.filled().len();
        if this.ahead.is_empty() {
            ready!(Pin::new(&mut this.socket).poll_read(context, buffer))?;
        } else {
            let part = this.ahead.split_to(this.ahead.len().min(buffer.remaining()));
            buffer.put_slice(&part);
        }
        let read = buffer.filled().len() - before;
        this.pace.bytes(read, Instant::now());
        let begins = 0 < read
            && this.phase.0.compare_exchange(IDLE, HEAD, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if begins {
            this.head.as_mut().reset(Instant::now() + Duration::from_secs(HEAD_SECONDS_MAX));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Timed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.poll_rate(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.poll_rate(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// hyper flushes once nothing waits in its buffers.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.window = None;
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
