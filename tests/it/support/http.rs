//! HTTP/1.1 over one kept connection, as much of it as the server's answers need.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Longer than any answer takes: beyond it the server hangs, and that is a fault.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request, with the credential of whoever asks.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub authorization: String,
    /// Name and value of one more header: what names the attempt, or a condition.
    pub attempt: Option<(&'static str, String)>,
    pub content_type: &'static str,
    pub body: String,
}

/// An answer; the body is null when it is no JSON.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    /// The body as it came.
    pub text: String,
    /// The header Content-Type; empty when there is none.
    pub content_type: String,
    /// The header WWW-Authenticate; empty when there is none.
    pub challenge: String,
}

impl Answer {
    /// A revision as the wire writes it.
    pub fn revision(&self) -> Option<u64> {
        revision(&self.body)
    }

    /// Whether the write was acknowledged.
    pub fn acknowledges(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the store has failed.
    pub fn says_store_failed(&self) -> bool {
        self.status == 503 && self.body["code"] == 72_006
    }
}

/// The revision inside a resource.
pub fn revision(resource: &Value) -> Option<u64> {
    resource["revision"].as_str().and_then(|it| u64::from_str_radix(it, 16).ok())
}

/// A text as one segment of a path, or one value of a form.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The header of a backend.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// A connection that is opened when it is needed and kept.
pub struct Http {
    port: u16,
    stream: Option<BufReader<TcpStream>>,
}

impl Http {
    /// Nothing is opened yet.
    pub fn to(port: u16) -> Self {
        Self { port, stream: None }
    }

    /// Sends a request and reads its answer. After an error nobody knows whether it was heard.
    pub fn send(&mut self, request: &Request) -> io::Result<Answer> {
        let answer = self.exchange(request);
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    /// A question without a body.
    pub fn get(&mut self, path: &str, authorization: &str) -> io::Result<Answer> {
        self.send(&Request {
            method: "GET",
            path: path.to_owned(),
            authorization: authorization.to_owned(),
            attempt: None,
            content_type: "",
            body: String::new(),
        })
    }

    fn exchange(&mut self, request: &Request) -> io::Result<Answer> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            self.stream = Some(BufReader::new(stream));
        }
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let Request { method, path, authorization, attempt, content_type, body } = request;
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n", self.port);
        for (name, value) in [("Authorization", authorization.as_str()), ("Content-Type", content_type)] {
            if !value.is_empty() {
                text += &format!("{name}: {value}\r\n");
            }
        }
        if let Some((name, value)) = attempt {
            text += &format!("{name}: {value}\r\n");
        }
        if *method != "GET" {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        text += "\r\n";
        text += body;
        stream.get_mut().write_all(text.as_bytes())?;
        read(stream)
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let status = line(stream)?;
    let status = status.split(' ').nth(1).and_then(|it| it.parse().ok()).ok_or_else(|| broken(&status))?;
    let (mut length, mut content_type, mut challenge) = (0, String::new(), String::new());
    loop {
        let header = line(stream)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(": ").unwrap_or((&header, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().map_err(|_| broken(value))?,
            "content-type" => content_type = value.to_owned(),
            "www-authenticate" => challenge = value.to_owned(),
            "transfer-encoding" => return Err(broken("an answer in chunks")),
            _ => (),
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let text = String::from_utf8(body).map_err(|_| broken("an answer that is no text"))?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, body, text, content_type, challenge })
}

fn line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut text = String::new();
    if stream.read_line(&mut text)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(text.trim_end().to_owned())
}
