//! The client whose writes are told: all its requests have one length, so that a program can count them by bytes.

use serde_json::json;

use super::{frame, socket::Socket};

/// A client that sets its private object.
pub struct Publisher {
    socket: Socket,
    path: String,
    number: u64,
}

impl Publisher {
    /// Makes the private object, and with it the shared one.
    pub fn new(mut socket: Socket, name: &str) -> Self {
        let made = socket.call("POST", "/v3/Documents", &json!({ "unique_name": name, "data": data(0) }));
        Self { socket, path: format!("/v3/Documents/{}", made["sid"].as_str().unwrap()), number: 0 }
    }

    /// One that sends the same bytes to a program that does not look at them.
    pub fn like(&self, socket: Socket) -> Self {
        Self { socket, path: self.path.clone(), number: 0 }
    }

    /// Its socket.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Sends so many writes at once, and answers their length.
    pub fn send(&mut self, count: usize) -> usize {
        let mut bytes = Vec::new();
        for _ in 0..count {
            self.number += 1;
            let body = format!(r#"{{"data":{}}}"#, data(self.number));
            bytes.extend(frame::request(self.number, "POST", &self.path, &body));
        }
        self.socket.send(&bytes);
        bytes.len()
    }

    /// Sends `total` writes, `window` of them in flight; `pace` is told how many were answered before more are sent.
    pub fn stream(&mut self, total: usize, window: usize, mut pace: impl FnMut(usize)) {
        let (mut sent, mut answered) = (window.min(total), 0);
        self.send(sent);
        while answered < total {
            let fresh = self.socket.count();
            answered += fresh;
            pace(answered);
            let more = fresh.min(total - sent);
            if 0 < more {
                self.send(more);
                sent += more;
            }
        }
    }
}

/// Data that differs from write to write and always has the same length.
fn data(number: u64) -> serde_json::Value {
    json!({ "x": 1_000 + number % 9_000, "y": 1_000 + number / 9_000 % 9_000, "color": "#a0b1c2", "tool": "brush" })
}
