//! Connections on which anything can be sent, from any loopback address.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

/// Longer than anything here takes; beyond it the server hangs, and that is a fault.
const PATIENCE: Duration = Duration::from_secs(40);
/// The address from which nothing special is expected.
pub const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// One connection.
pub struct Raw {
    stream: BufReader<TcpStream>,
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Raw {
    /// Connects from this address.
    pub fn from(address: Ipv4Addr, port: u16) -> Self {
        Self::with_window(address, port, None)
    }

    /// The same, with so many bytes of receive buffer.
    pub fn with_window(address: Ipv4Addr, port: u16, bytes: Option<usize>) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        if let Some(bytes) = bytes {
            socket.set_recv_buffer_size(bytes).expect("a small window");
        }
        socket.bind(&SocketAddr::from((address, 0)).into()).expect("a loopback address");
        socket.connect(&SocketAddr::from((HERE, port)).into()).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        socket.set_tcp_nodelay(true).expect("an option");
        Self { stream: BufReader::with_capacity(1024, socket.into()) }
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Sends a request without a body; `headers` are whole lines.
    pub fn ask(&mut self, method: &str, path: &str, headers: &[&str]) -> io::Result<()> {
        self.send(request(method, path, headers, "").as_bytes())
    }

    /// Reads one answer with a length.
    pub fn answer(&mut self) -> io::Result<Answer> {
        let head = self.head()?;
        let length = head
            .lines()
            .find_map(|it| it.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        self.stream.read_exact(&mut body)?;
        let status =
            head.split(' ').nth(1).and_then(|it| it.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Answer { status, body })
    }

    /// Asks and reads the answer.
    pub fn answer_to(&mut self, method: &str, path: &str, headers: &[&str]) -> io::Result<Answer> {
        self.ask(method, path, headers)?;
        self.answer()
    }

    /// Reads the head of an answer.
    pub fn head(&mut self) -> io::Result<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(head)
    }

    /// Reads one line.
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line)
    }

    /// Reads some bytes; 0 at the end.
    pub fn some(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.read(bytes)
    }

    /// Waits for the end, whatever comes before it. An error is an end as well, but not a timeout.
    pub fn wait_for_end(&mut self) -> bool {
        let mut buffer = [0; 1024];
        loop {
            match self.some(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => {
                    return !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
                }
            }
        }
    }

    /// Upgrades to a WebSocket.
    pub fn upgrade(&mut self, headers: &[&str]) -> io::Result<String> {
        let mut all = vec![
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ];
        all.extend(headers);
        self.ask("GET", "/v3/wsconnect", &all)?;
        self.head()
    }

    /// Sends `init` with this token.
    pub fn init(&mut self, token: &str) -> io::Result<()> {
        let header = format!(r#"{{"method":"init","id":"TMinit","token":"{token}"}}"#);
        let message = format!("TWILSOCK V3.0 {}\r\n{header}\r\n", header.len());
        self.send(&frame(0x82, message.len(), message.as_bytes()))
    }

    /// Reads one frame from the server: its first byte and its payload.
    pub fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head)?;
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.stream.read_exact(&mut length)?;
                usize::from(u16::from_be_bytes(length))
            }
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload)?;
        Ok((head[0], payload))
    }
}

/// A request as it is sent.
pub fn request(method: &str, path: &str, headers: &[&str], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|it| it.to_ascii_lowercase().starts_with("host:")) {
        text += "Host: localhost\r\n";
    }
    for header in headers {
        text += header;
        text += "\r\n";
    }
    if !body.is_empty() {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

/// A masked frame that announces so many bytes of payload, of which these are sent. The mask is 0.
pub fn frame(first: u8, length: usize, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(0x80 | length as u8),
        126..=0xffff => {
            bytes.push(0xfe);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0xff);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}
