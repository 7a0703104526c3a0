//! A socket that gives up: on a head that does not come, and on a peer that does not read.
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

use crate::domain::limits::{HEAD_SECONDS_MAX, OUTBOX_SECONDS_MAX};

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
    phase: Phase,
    head: Pin<Box<Sleep>>,
    unread: Option<Pin<Box<Sleep>>>,
}

impl Timed {
    /// The socket that was accepted just now.
    pub fn new(stream: TcpStream) -> Self {
        Self {
            socket: stream,
            phase: Phase(Arc::new(AtomicU8::new(HEAD))),
            head: Box::pin(tokio::time::sleep(Duration::from_secs(HEAD_SECONDS_MAX))),
            unread: None,
        }
    }

    /// What it is doing.
    pub fn phase(&self) -> Phase {
        self.phase.clone()
    }

    /// The bare socket of an upgraded connection, and what was read of the next protocol.
    pub fn reclaim(upgraded: Upgraded) -> Option<(TcpStream, Bytes)> {
        let parts = upgraded.downcast::<TokioIo<Self>>().ok()?;
        Some((parts.io.into_inner().socket, parts.read_buf))
    }

    /// Fails once the peer has taken nothing for too long.
    fn poll_unread<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.unread = None;
            return written;
        }
        let patience = Duration::from_secs(OUTBOX_SECONDS_MAX);
        let timer = self.unread.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
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
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.socket).poll_read(context, buffer))?;
        let begins = before < buffer.filled().len()
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
        self.poll_unread(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.poll_unread(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
