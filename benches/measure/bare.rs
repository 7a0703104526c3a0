//! The bare TCP program: one thread, one epoll, one write for each subscriber, nothing else.
//!
//! It moves the same bytes as the server does: a request from the publisher, its answer, an event of the
//! same length to each subscriber, and their acknowledgements back. It does not look at any of them.
//! There is a second one on the runtime that the server uses, with a task for each connection: between the
//! two lies what the runtime costs.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use rustix::event::epoll;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frame;

/// Lengths of what is sent, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Lengths {
    pub request: usize,
    pub answer: usize,
    pub event: usize,
}

/// What drives the sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// One thread and its epoll.
    Epoll,
    /// The runtime of the server.
    Tokio,
}

/// The program as a child; it is killed when this is dropped.
pub struct Bare {
    child: Child,
    pub address: SocketAddr,
}

const NAME: &str = "bare-tcp";
/// Messages that are joined at most.
const JOINED_MAX: usize = 256;

impl Bare {
    /// Starts it. The first connection that it takes is the publisher's, the next `subscribers` are the others.
    pub fn start(driver: Driver, subscribers: usize, lengths: Lengths) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([NAME, if driver == Driver::Tokio { "tokio" } else { "epoll" }])
            .args([subscribers, lengths.request, lengths.answer, lengths.event].map(|it| it.to_string()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().unwrap() }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended with its connections.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// Runs the program if this process was started as it. Each `main` of a bench that needs it begins so.
pub fn run_if_asked() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_none_or(|it| it != NAME) {
        return false;
    }
    let numbers: Vec<usize> = arguments[3..7].iter().map(|it| it.parse().unwrap()).collect();
    let lengths = Lengths { request: numbers[1], answer: numbers[2], event: numbers[3] };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    if arguments[2] == "tokio" {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(on_tokio(listener, numbers[0], lengths));
    } else {
        on_epoll(&listener, numbers[0], lengths);
    }
    true
}

fn on_epoll(listener: &TcpListener, subscribers: usize, lengths: Lengths) {
    let ready = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let mut streams: Vec<TcpStream> = Vec::new();
    while streams.len() <= subscribers {
        let (stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let place = epoll::EventData::new_u64(streams.len() as u64);
        epoll::add(&ready, &stream, place, epoll::EventFlags::IN).unwrap();
        streams.push(stream);
    }
    let joined_answers = message(lengths.answer, "reply").repeat(JOINED_MAX);
    let joined_events = message(lengths.event, "notification").repeat(JOINED_MAX);
    let mut buffer = vec![0; 64 * 1024];
    let mut events = Vec::with_capacity(1024);
    let mut received = 0;
    loop {
        events.clear();
        epoll::wait(&ready, rustix::buffer::spare_capacity(&mut events), None).unwrap();
        for event in &events {
            let at = usize::try_from(event.data.u64()).unwrap();
            let read = (&streams[at]).read(&mut buffer).unwrap_or(0);
            if read == 0 {
                return;
            }
            if at != 0 {
                continue;
            }
            received += read;
            let count = (received / lengths.request).min(JOINED_MAX);
            received -= count * lengths.request;
            if count == 0 {
                continue;
            }
            (&streams[0]).write_all(&joined_answers[..count * lengths.answer]).unwrap();
            for mut stream in &streams[1..] {
                stream.write_all(&joined_events[..count * lengths.event]).unwrap();
            }
        }
    }
}

async fn on_tokio(listener: TcpListener, subscribers: usize, lengths: Lengths) {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let (mut publisher, _) = listener.accept().await.unwrap();
    publisher.set_nodelay(true).unwrap();
    let mut writers = Vec::new();
    while writers.len() < subscribers {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut read, write) = stream.into_split();
        writers.push(write);
        tokio::spawn(async move {
            let mut buffer = [0; 4 * 1024];
            while read.read(&mut buffer).await.unwrap_or(0) != 0 {}
        });
    }
    let joined_answers = message(lengths.answer, "reply").repeat(JOINED_MAX);
    let joined_events = message(lengths.event, "notification").repeat(JOINED_MAX);
    let mut buffer = vec![0; 64 * 1024];
    let mut received = 0;
    loop {
        let read = publisher.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        received += read;
        let count = (received / lengths.request).min(JOINED_MAX);
        received -= count * lengths.request;
        if count != 0 {
            publisher.write_all(&joined_answers[..count * lengths.answer]).await.unwrap();
            for writer in &mut writers {
                writer.write_all(&joined_events[..count * lengths.event]).await.unwrap();
            }
        }
    }
}

/// A frame of this length that a subscriber takes for a message of this kind.
fn message(length: usize, method: &str) -> Vec<u8> {
    let text = format!(r#"TWILSOCK V3.0 0{{"method":"{method}""#);
    let mut out = vec![0x82];
    if length <= 127 {
        out.push(u8::try_from(length - 2).unwrap());
    } else {
        out.push(126);
        out.extend(u16::try_from(length - 4).unwrap().to_be_bytes());
    }
    out.extend(text.bytes());
    assert!(out.len() <= length && frame::first(&[0x82, 0]).is_some());
    out.resize(length, b' ');
    out
}
