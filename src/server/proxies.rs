//! Whose address it is behind a proxy: the PROXY protocol, and the header `X-Forwarded-For`.
//!
//! Both are believed of trusted proxies only. Anybody else could write them.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::HeaderMap;
use proxy_header::{ParseConfig, ProxyHeader};
use tokio::{io::AsyncReadExt, net::TcpStream};

use crate::domain::{
    limits::{HEAD_SECONDS_MAX, PROXY_HEADER_BYTES_MAX},
    network::AddressBlock,
};

/// How a header of version 2 begins; no HTTP request does.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes up to and with the length of the rest.
const FIXED_BYTES: usize = 16;

/// The proxies that may say for whom they speak; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[AddressBlock]>);

/// How a trusted proxy begins its connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Opening {
    /// With a header of the PROXY protocol: the connection is this client's.
    Client(IpAddr),
    /// With a header that names nobody: the proxy itself asks, to see whether we live.
    Proxy,
    /// With these first bytes of something else.
    Plain(Bytes),
}

impl TrustedProxies {
    /// The proxies in these blocks.
    pub fn new(blocks: &[AddressBlock]) -> Self {
        Self(blocks.into())
    }

    /// Whether this peer is one.
    pub fn trust(&self, peer: IpAddr) -> bool {
        self.0.iter().any(|it| it.contains(peer))
    }

    /// The client for which a trusted proxy asks: of the addresses in `X-Forwarded-For`, to which each proxy appends the
    /// one that it saw, the rightmost that is no trusted proxy. `None` when the header names nobody.
    pub fn forwarded(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let mut client = None;
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let entries = lines.flat_map(|it| it.to_str().unwrap_or_default().rsplit(','));
        for entry in entries {
            // What cannot be read was not written by a proxy that is trusted: the last one that was is the client.
            let Some(address) = address(entry) else { break };
            client = Some(address);
            if !self.trust(address) {
                break;
            }
        }
        client
    }
}

/// Reads how a trusted proxy begins its connection.
///
/// # Errors
/// When nothing comes in time, or a header of the PROXY protocol is broken.
pub async fn read_opening(stream: &mut TcpStream) -> io::Result<Opening> {
    let reading = tokio::time::timeout(Duration::from_secs(HEAD_SECONDS_MAX), read(stream));
    reading.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn read(stream: &mut TcpStream) -> io::Result<Opening> {
    let mut fixed = [0; FIXED_BYTES];
    let mut used = 0;
    while used < FIXED_BYTES {
        let read = stream.read(fixed.get_mut(used..).unwrap_or_default()).await?;
        used += read;
        let begun = fixed.get(..used).unwrap_or_default();
        let compared = begun.len().min(SIGNATURE.len());
        // An end of the stream is for whoever reads next.
        if read == 0 || begun.get(..compared) != SIGNATURE.get(..compared) {
            return Ok(Opening::Plain(Bytes::copy_from_slice(begun)));
        }
    }
    let [.., high, low] = fixed;
    let rest = usize::from(u16::from_be_bytes([high, low]));
    if PROXY_HEADER_BYTES_MAX < FIXED_BYTES + rest {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut header = Vec::from(fixed);
    header.resize(FIXED_BYTES + rest, 0);
    stream.read_exact(header.get_mut(FIXED_BYTES..).unwrap_or_default()).await?;
    parse(&header)
}

fn parse(header: &[u8]) -> io::Result<Opening> {
    let config = ParseConfig { include_tlvs: false, allow_v1: false, allow_v2: true };
    match ProxyHeader::parse(header, config) {
        Ok((header, _)) => Ok(header
            .proxied_address()
            .map_or(Opening::Proxy, |it| Opening::Client(it.source.ip().to_canonical()))),
        Err(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// An entry of `X-Forwarded-For`: an address, of which some proxies also tell the port.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let whole = entry.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(entry);
    let with_port = || entry.parse::<std::net::SocketAddr>().ok().map(|it| it.ip());
    whole.parse().ok().or_else(with_port).map(|it: IpAddr| it.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rightmost_that_is_not_trusted_is_the_client() {
        let blocks = ["10.0.0.0/8", "fd00::/8"].map(|it| it.parse().unwrap());
        let proxies = TrustedProxies::new(&blocks);
        for (lines, expected) in [
            (&[][..], None),
            (&["192.0.2.1"], Some("192.0.2.1")),
            (&["203.0.113.9, 192.0.2.1"], Some("192.0.2.1")),
            (&["203.0.113.9, 192.0.2.1,10.0.0.2 , fd00::1"], Some("192.0.2.1")),
            (&["203.0.113.9", "192.0.2.1", "10.0.0.2"], Some("192.0.2.1")),
            (&["10.0.0.3, 10.0.0.2"], Some("10.0.0.3")),
            (&["192.0.2.1:4711"], Some("192.0.2.1")),
            (&["[2001:db8::1]:4711, 10.0.0.1"], Some("2001:db8::1")),
            (&["[2001:db8::1]"], Some("2001:db8::1")),
            (&["::ffff:192.0.2.1"], Some("192.0.2.1")),
            (&["192.0.2.1, unknown, 10.0.0.2"], Some("10.0.0.2")),
            (&["192.0.2.1, "], None),
            (&["203.0.113.9", "_hidden"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            let expected = expected.map(|it| it.parse::<IpAddr>().unwrap());
            assert_eq!(proxies.forwarded(&headers), expected, "{lines:?}");
        }
    }

    #[test]
    fn headers_of_version_2_name_the_client() {
        let header = |command: u8, family: u8, rest: &[u8]| {
            let mut header = SIGNATURE.to_vec();
            header.extend([command, family, 0, u8::try_from(rest.len()).unwrap()]);
            header.extend(rest);
            header
        };
        let four = [192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x67, 0, 80];
        let mut six = [0; 36];
        six[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        six[15] = 1;
        let client = |text: &str| Some(Opening::Client(text.parse().unwrap()));
        for (header, expected) in [
            (header(0x21, 0x11, &four), client("192.0.2.1")),
            (header(0x21, 0x21, &six), client("2001:db8::1")),
            (header(0x20, 0x11, &four), Some(Opening::Proxy)),
            (header(0x21, 0x00, &[]), Some(Opening::Proxy)),
            (header(0x21, 0x31, &[0; 216]), Some(Opening::Proxy)),
            (header(0x21, 0x11, &four[..11]), None),
            (header(0x31, 0x11, &four), None),
            (header(0x22, 0x11, &four), None),
            (header(0x21, 0x41, &four), None),
            (b"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\r\n".to_vec(), None),
        ] {
            assert_eq!(parse(&header).ok(), expected, "{header:?}");
        }
    }
}
