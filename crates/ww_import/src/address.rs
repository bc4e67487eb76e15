//! Addresses, prefixes and masks as Linux tools write them, as numbers.

use std::net::{Ipv4Addr, Ipv6Addr};
use ww_model::filter::Family;

/// An address and the bits of it that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The address; bits that do not count are zero.
    pub(crate) address: u128,
    /// The bits that count.
    pub(crate) mask: u128,
    /// The width of the family's addresses, all ones.
    pub(crate) most: u128,
}

impl Block {
    /// The block of this prefix length.
    pub(crate) fn of(address: u128, length: u32, family: Family) -> Block {
        let most = most(family);
        let host = most.checked_shr(length).unwrap_or(0);
        Block {
            address: address & !host,
            mask: most & !host,
            most,
        }
    }

    /// The first and last address, when the mask is that of a prefix.
    pub(crate) fn range(self) -> Option<(u128, u128)> {
        let host = self.most & !self.mask;
        (host & host.wrapping_add(1) == 0).then_some((self.address, self.address | host))
    }

    /// The number of bits that count.
    pub(crate) fn length(self) -> u32 {
        self.mask.count_ones()
    }
}

/// The largest address.
pub(crate) fn most(family: Family) -> u128 {
    match family {
        Family::Ip4 => u128::from(u32::MAX),
        Family::Ip6 | Family::Inet => u128::MAX,
    }
}

/// The number of bits of an address.
pub(crate) fn width(family: Family) -> u32 {
    most(family).count_ones()
}

/// One address of the family.
pub(crate) fn address(text: &str, family: Family) -> Option<u128> {
    match family {
        Family::Ip4 => text
            .parse::<Ipv4Addr>()
            .ok()
            .map(|address| u128::from(address.to_bits())),
        Family::Ip6 | Family::Inet => text.parse::<Ipv6Addr>().ok().map(Ipv6Addr::to_bits),
    }
}

/// `ADDRESS`, `ADDRESS/LENGTH` or `ADDRESS/MASK`; missing octets of an IPv4 network are zero
/// (`10/8`).
pub(crate) fn block(text: &str, family: Family) -> Option<Block> {
    let (host, mask) = match text.split_once('/') {
        Some((host, mask)) => (host, Some(mask)),
        None => (text, None),
    };
    let number = address(host, family).or_else(|| padded(host, family))?;
    let width = width(family);
    let Some(mask) = mask else {
        return Some(Block::of(number, width, family));
    };
    if mask.len() <= 3 && mask.bytes().all(|byte| byte.is_ascii_digit()) {
        let length: u32 = mask.parse().ok()?;
        return (length <= width).then(|| Block::of(number, length, family));
    }
    let mask = address(mask, family)?;
    Some(Block {
        address: number & mask,
        mask,
        most: most(family),
    })
}

/// An IPv4 network with fewer than four octets.
fn padded(text: &str, family: Family) -> Option<u128> {
    if family != Family::Ip4 {
        return None;
    }
    let octets: Vec<u8> = text
        .split('.')
        .map(|octet| octet.parse::<u8>().ok())
        .collect::<Option<_>>()?;
    if octets.len() > 4 {
        return None;
    }
    let number = (0..4).fold(0_u128, |number, place| {
        number << 8 | u128::from(octets.get(place).copied().unwrap_or(0))
    });
    Some(number)
}

/// `ADDRESS` or `ADDRESS-ADDRESS`, both ends included.
pub(crate) fn span(text: &str, family: Family) -> Option<(u128, u128)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (address(first, family)?, address(last, family)?);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_in_every_spelling() {
        let range = |text, family| block(text, family).and_then(Block::range);
        assert_eq!(range("10/8", Family::Ip4), Some((10 << 24, (11 << 24) - 1)));
        assert_eq!(
            range("10.0.0.1", Family::Ip4),
            Some(((10 << 24) + 1, (10 << 24) + 1))
        );
        assert_eq!(
            range("192.168.1.77/255.255.255.0", Family::Ip4),
            range("192.168.1/24", Family::Ip4)
        );
        assert_eq!(range("::/0", Family::Ip6), Some((0, u128::MAX)));
        assert_eq!(
            range("0.0.0.0/0", Family::Ip4),
            Some((0, u128::from(u32::MAX)))
        );
        assert_eq!(range("10.0.0.1/255.0.0.255", Family::Ip4), None);
        assert_eq!(
            block("10.9.8.1/255.0.0.255", Family::Ip4).map(|block| block.address),
            Some((10 << 24) + 1)
        );
        for text in [
            "10.0.0.0/33",
            "10.0.0.0/",
            "1.2.3.4.5",
            "x",
            "2001:db8::/32",
            "",
        ] {
            assert_eq!(block(text, Family::Ip4), None);
        }
    }
}
