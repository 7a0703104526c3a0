//! One client that waits: it opens a socket, says `init`, sends requests and reads their answers.

use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::{Value, json};

use super::frame;

/// A connection to a server, read and written in turn.
pub struct Socket {
    stream: TcpStream,
    unread: Vec<u8>,
    next: u64,
}

/// A frame from the server.
pub struct Received {
    pub bytes: usize,
    pub header: Value,
    pub body: Value,
}

impl Socket {
    /// A TCP connection from this address, and nothing more.
    pub fn bare(to: SocketAddr, from: IpAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
        socket.connect(&to.into()).unwrap();
        socket.set_tcp_nodelay(true).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { stream, unread: Vec::new(), next: 1 }
    }

    /// An open connection behind which somebody is.
    pub fn open(to: SocketAddr, from: IpAddr, token: &str) -> Self {
        let mut socket = Self::bare(to, from);
        let head = format!(
            "GET /v3/wsconnect HTTP/1.1\r\nHost: {to}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        socket.stream.write_all(head.as_bytes()).unwrap();
        let end = loop {
            if let Some(at) = socket.unread.windows(4).position(|it| it == b"\r\n\r\n") {
                break at + 4;
            }
            socket.fill();
        };
        assert!(socket.unread.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&socket.unread));
        socket.unread.drain(..end);
        let init = format!(
            r#"{{"id":"TM{:032}","method":"init","token":"{token}","continuation_token":null,"capabilities":["client_update"]"#,
            0
        );
        socket.send(&frame::masked(&init, ""));
        let answer = socket.receive();
        assert_eq!(answer.header["status"]["code"], 200, "{}", answer.header);
        socket
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// One request and its answer.
    pub fn call(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        // Not among the numbers of requests that a bench makes itself.
        let number = 10_u64.pow(18) + self.next;
        self.next += 1;
        self.send(&frame::request(number, method, path, &body));
        loop {
            let received = self.receive();
            if received.header["method"] == "reply" {
                let status = received.header["http_status"]["code"].as_u64().unwrap_or(0);
                assert!(
                    (200..300).contains(&status),
                    "{method} {path}: {} {}",
                    received.header,
                    received.body
                );
                return received.body;
            }
        }
    }

    /// Watches one object from now on, and returns when that stands.
    pub fn watch(&mut self, sid: &str) {
        let request = json!({
            "event_protocol_version": 4, "action": "establish", "correlation_id": self.next,
            "retried_requests": 0, "ttl_in_s": -1, "requests": [{ "object_sid": sid, "object_type": "map" }],
        });
        self.call("POST", "/v4/Subscriptions", &request);
        while self.receive().body["event_type"] != "subscription_established" {}
    }

    /// The next frame.
    pub fn receive(&mut self) -> Received {
        loop {
            if let Some((payload, bytes)) = frame::first(&self.unread) {
                let text = std::str::from_utf8(payload).unwrap();
                let mut parts = text.splitn(3, "\r\n").skip(1);
                let header = serde_json::from_str(parts.next().unwrap()).unwrap();
                let body = serde_json::from_str(parts.next().unwrap_or("")).unwrap_or(Value::Null);
                self.unread.drain(..bytes);
                return Received { bytes, header, body };
            }
            self.fill();
        }
    }

    /// The length of the next event.
    pub fn event(&mut self) -> usize {
        loop {
            let received = self.receive();
            if received.header["method"] == "notification" {
                return received.bytes;
            }
        }
    }

    /// Waits until an answer came, and counts all that are there; a ping between them is not one.
    pub fn count(&mut self) -> usize {
        let mut count = 0;
        while count == 0 {
            let mut used = 0;
            while let Some((payload, bytes)) = frame::first(&self.unread[used..]) {
                used += bytes;
                count += usize::from(frame::is(payload, "reply"));
            }
            self.unread.drain(..used);
            if count == 0 {
                self.fill();
            }
        }
        count
    }

    /// The stream, for a crowd; nothing may be unread.
    pub fn into_stream(self) -> TcpStream {
        assert!(self.unread.is_empty());
        self.stream
    }

    fn fill(&mut self) {
        let mut buffer = [0; 64 * 1024];
        let read = self.stream.read(&mut buffer).unwrap();
        assert!(read != 0, "the server closed the connection");
        self.unread.extend_from_slice(&buffer[..read]);
    }
}
