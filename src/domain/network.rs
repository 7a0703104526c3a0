//! What counts as one address at the other end of a connection.

use std::net::{IpAddr, Ipv6Addr};

/// Of IPv6 the first 64 bits, since whoever has one of the rest has all of them.
pub fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}
