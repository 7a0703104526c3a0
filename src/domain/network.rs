//! What counts as one address at the other end of a connection, and blocks of addresses.

use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// Of IPv6 the first 64 bits, since whoever has one of the rest has all of them.
pub fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// A block of addresses in CIDR notation (RFC 4632, section 3.1): `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressBlock {
    first: IpAddr,
    prefix_bits: u8,
}

/// The text is no block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a block of addresses; expected `10.0.0.0/8`, `fd00::/8` or one address")]
pub struct NotAnAddressBlock;

impl AddressBlock {
    /// Whether the address is in the block. An IPv4 address in IPv6 form counts as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address.to_canonical(), self.prefix_bits) == Some(self.first)
    }
}

impl FromStr for AddressBlock {
    type Err = NotAnAddressBlock;

    fn from_str(text: &str) -> Result<Self, NotAnAddressBlock> {
        let (address, prefix_bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().map_err(|_| NotAnAddressBlock)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotAnAddressBlock)?;
        // No peer has such an address once it is canonical: the block would never match.
        if address != address.to_canonical() {
            return Err(NotAnAddressBlock);
        }
        let prefix_bits = prefix_bits.unwrap_or(if address.is_ipv4() { 32 } else { 128 });
        let first = masked(address, prefix_bits).ok_or(NotAnAddressBlock)?;
        Ok(Self { first, prefix_bits })
    }
}

/// The address with all bits after the prefix cleared; `None` when the address has fewer bits.
fn masked(address: IpAddr, prefix_bits: u8) -> Option<IpAddr> {
    let cleared = |bits: u8| bits.checked_sub(prefix_bits).map(u32::from);
    Some(match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(cleared(32)?).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(cleared(128)?).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_contain_what_they_say() {
        for (block, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3/8", "10.0.0.0", "9.255.255.255"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("192.0.2.1/32", "::ffff:192.0.2.1", "192.0.2.0"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("fd00::/8", "fdff::1", "fe00::"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
            ("2001:db8::1/128", "2001:db8::1", "2001:db8::2"),
        ] {
            let parsed: AddressBlock = block.parse().unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{block} {inside}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{block} {outside}");
        }
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "localhost",
            "::ffff:10.0.0.1",
            "1.2.3.4/-1",
        ] {
            assert_eq!(text.parse::<AddressBlock>(), Err(NotAnAddressBlock), "{text}");
        }
    }
}
