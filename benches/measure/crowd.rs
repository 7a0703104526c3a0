//! Many subscribers on one thread: each counts what it is told and acknowledges it as the SDK does.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::event::{Timespec, epoll};

use super::frame;

/// Subscribers that are read by a thread of their own.
pub struct Crowd {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    delivered: AtomicU64,
    gone: AtomicUsize,
    stop: AtomicBool,
}

/// How the acknowledgements of what came in one read are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// In one write: what a client's network layer makes of them when they come together.
    Together,
    /// Each in a write of its own.
    Apart,
    /// Only the server's pings, and no events: as those who read server-sent events.
    Never,
}

impl Crowd {
    /// Takes the streams over.
    pub fn new(streams: Vec<TcpStream>, how: Acknowledge) -> Self {
        let shared = Arc::new(Shared {
            delivered: AtomicU64::new(0),
            gone: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || run(&shared, streams, how)
        });
        Self { shared, thread: Some(thread) }
    }

    /// Notifications that were told to any of them.
    pub fn delivered(&self) -> u64 {
        self.shared.delivered.load(Ordering::Acquire)
    }

    /// Connections that the server ended.
    pub fn gone(&self) -> usize {
        self.shared.gone.load(Ordering::Acquire)
    }

    /// Waits until so many notifications were told in all.
    pub fn wait(&self, delivered: u64) {
        let until = Instant::now() + Duration::from_secs(60);
        while self.delivered() < delivered {
            assert!(
                Instant::now() < until,
                "{} of {delivered} deliveries, {} gone",
                self.delivered(),
                self.gone()
            );
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn run(shared: &Shared, mut streams: Vec<TcpStream>, how: Acknowledge) {
    let ready = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    for (at, stream) in streams.iter().enumerate() {
        stream.set_nonblocking(true).unwrap();
        epoll::add(&ready, stream, epoll::EventData::new_u64(at as u64), epoll::EventFlags::IN).unwrap();
    }
    let acknowledgement = frame::acknowledgement("EV1234567");
    let mut unread: Vec<Vec<u8>> = vec![Vec::new(); streams.len()];
    let (mut buffer, mut answer) = (vec![0; 256 * 1024], Vec::new());
    let mut events = Vec::with_capacity(1024);
    let patience = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    while !shared.stop.load(Ordering::Acquire) {
        events.clear();
        epoll::wait(&ready, rustix::buffer::spare_capacity(&mut events), Some(&patience)).unwrap();
        for event in &events {
            let at = usize::try_from(event.data.u64()).unwrap();
            let read = match streams[at].read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Ok(read @ 1..) => read,
                _ => {
                    epoll::delete(&ready, &streams[at]).unwrap();
                    shared.gone.fetch_add(1, Ordering::AcqRel);
                    continue;
                }
            };
            let heard = if unread[at].is_empty() {
                let (heard, used) = heard(&buffer[..read]);
                unread[at].extend_from_slice(&buffer[used..read]);
                heard
            } else {
                unread[at].extend_from_slice(&buffer[..read]);
                let (heard, used) = heard(&unread[at]);
                unread[at].drain(..used);
                heard
            };
            answer.clear();
            let events = if how == Acknowledge::Never { 0 } else { heard.events };
            for _ in 0..events + heard.pings {
                answer.extend_from_slice(&acknowledgement);
            }
            let piece = if how == Acknowledge::Apart { acknowledgement.len() } else { answer.len() };
            // What does not fit is lost, and nobody misses it: an acknowledgement owes nothing.
            let written = answer.chunks(piece.max(1)).try_for_each(|it| streams[at].write_all(it));
            assert!(written.is_ok() || shared.gone.load(Ordering::Acquire) != 0, "{written:?}");
            shared.delivered.fetch_add(heard.events, Ordering::AcqRel);
        }
    }
}

/// What wants an acknowledgement.
#[derive(Default)]
struct Heard {
    events: u64,
    pings: u64,
}

/// What these frames are, and how many bytes the whole ones have.
fn heard(bytes: &[u8]) -> (Heard, usize) {
    let (mut heard, mut used) = (Heard::default(), 0);
    while let Some((payload, length)) = frame::first(&bytes[used..]) {
        heard.events += u64::from(frame::is(payload, "notification"));
        heard.pings += u64::from(frame::is(payload, "ping"));
        used += length;
    }
    (heard, used)
}
