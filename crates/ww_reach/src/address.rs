//! Sets of addresses: the internet, and addresses as people write them.

use std::net::{Ipv4Addr, Ipv6Addr};

use ww_model::Ranges;
use ww_model::net::Prefix;

/// Blocks that are not on the internet (IANA's special-purpose address registry for IPv4).
const NOT_INTERNET: [&str; 9] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// What IANA has given out for global unicast of IPv6.
const INTERNET_6: &str = "2000::/3";

/// All addresses of the internet.
pub(crate) fn internet(is_v6: bool) -> Ranges {
    let block = |text: &str| text.parse::<Prefix>().ok().map(|prefix| prefix.range());
    if is_v6 {
        return Ranges::of(block(INTERNET_6));
    }
    let special = Ranges::of(NOT_INTERNET.iter().filter_map(|text| block(text)));
    special.not(u128::from(u32::MAX))
}

/// Addresses that no host has: those of this network and of loops, of groups, and of all hosts (RFC
/// 6890), and in IPv6 also those of a link alone.
pub(crate) fn nobodys(is_v6: bool) -> Ranges {
    let blocks: &[&str] = if is_v6 {
        &["::/127", "fe80::/10", "ff00::/8"]
    } else {
        &[
            "0.0.0.0/8",
            "127.0.0.0/8",
            "224.0.0.0/4",
            "255.255.255.255/32",
        ]
    };
    let blocks = blocks.iter().filter_map(|text| text.parse::<Prefix>().ok());
    Ranges::of(blocks.map(|prefix| prefix.range()))
}

/// A range of addresses: one address, a block where it is one, else both ends.
pub(crate) fn text(is_v6: bool, first: u128, last: u128) -> String {
    let one = |number: u128| {
        if is_v6 {
            Ipv6Addr::from_bits(number).to_string()
        } else {
            Ipv4Addr::from_bits(number as u32).to_string()
        }
    };
    let size = last - first;
    let is_block = (size == u128::MAX || (size + 1).is_power_of_two()) && first & size == 0;
    match (size, is_block) {
        (0, _) => one(first),
        (_, true) => {
            let bits = if is_v6 { 128 } else { 32 };
            format!("{}/{}", one(first), bits - size.count_ones())
        }
        _ => format!("{}-{}", one(first), one(last)),
    }
}

#[cfg(test)]
mod tests {
    use super::{internet, text};

    #[test]
    fn the_internet_is_what_is_left_without_special_blocks() {
        let number = |text: &str| u128::from(text.parse::<std::net::Ipv4Addr>().unwrap().to_bits());
        let v4 = internet(false);
        for outside in [
            "0.0.0.1",
            "10.1.2.3",
            "100.64.0.0",
            "172.31.255.255",
            "239.1.1.1",
        ] {
            assert!(!v4.contains(number(outside)), "{outside}");
        }
        for inside in ["1.1.1.1", "100.128.0.0", "172.32.0.0", "192.167.255.255"] {
            assert!(v4.contains(number(inside)), "{inside}");
        }
        assert!(internet(true).contains(0x2001_0db8 << 96));
        assert!(!internet(true).contains(0xfd00 << 112));
    }

    #[test]
    fn ranges_are_written_as_short_as_they_are() {
        assert_eq!(text(false, 1, 1), "0.0.0.1");
        assert_eq!(text(false, 0, u128::from(u32::MAX)), "0.0.0.0/0");
        assert_eq!(text(false, 4, 7), "0.0.0.4/30");
        assert_eq!(text(false, 5, 7), "0.0.0.5-0.0.0.7");
        assert_eq!(text(true, 0, u128::MAX), "::/0");
    }
}
