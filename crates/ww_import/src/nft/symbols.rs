//! Words that nft knows, as numbers.

use super::key::Datatype;
use crate::{names, text};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The number that a word stands for beside a key of this datatype.
pub(super) fn number(datatype: Datatype, word: &str) -> Option<u128> {
    let value = match datatype {
        Datatype::Address4 => word
            .parse()
            .map(|address: Ipv4Addr| u32::from(address).into())
            .ok()
            .or_else(|| plain(word))?,
        Datatype::Address6 => word
            .parse()
            .map(|address: Ipv6Addr| address.into())
            .ok()
            .or_else(|| plain(word))?,
        _ => plain(word).or_else(|| symbol(datatype, word))?,
    };
    (value <= datatype.most()).then_some(value)
}

/// A number as C reads it.
pub(super) fn plain(word: &str) -> Option<u128> {
    text::number(word).map(u128::from)
}

/// The (ICMP, ICMPv6) codes of `reject with icmpx`.
pub(super) fn icmpx_codes(word: &str) -> Option<(u8, u8)> {
    Some(match word {
        "no-route" | "0" => (0, 0),
        "port-unreachable" | "1" => (3, 4),
        "host-unreachable" | "2" => (1, 3),
        "admin-prohibited" | "3" => (13, 1),
        _ => return None,
    })
}

/// The priority of this name; bridges have their own.
pub(super) fn priority(name: &str, bridge: bool) -> Option<i32> {
    let table = if bridge {
        BRIDGE_PRIORITIES
    } else {
        PRIORITIES
    };
    table
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, priority)| *priority)
}

const PRIORITIES: &[(&str, i32)] = &[
    ("raw", -300),
    ("mangle", -150),
    ("dstnat", -100),
    ("filter", 0),
    ("security", 50),
    ("srcnat", 100),
];

const BRIDGE_PRIORITIES: &[(&str, i32)] = &[
    ("dstnat", -300),
    ("filter", -200),
    ("out", 100),
    ("srcnat", 300),
];

fn symbol(datatype: Datatype, word: &str) -> Option<u128> {
    let table = match datatype {
        Datatype::Port => return names::port(word).map(u128::from),
        Datatype::Protocol if word == "comp" => return Some(108),
        Datatype::Protocol => return names::protocol(word).map(u128::from),
        Datatype::IcmpType => ICMP_TYPES,
        Datatype::IcmpCode => ICMP_CODES,
        Datatype::Icmp6Type => ICMP6_TYPES,
        Datatype::Icmp6Code => ICMP6_CODES,
        Datatype::Dscp => DSCP,
        Datatype::TcpFlags => TCP_FLAGS,
        Datatype::CtState => CT_STATES,
        Datatype::CtStatus => CT_STATUS,
        Datatype::NfProto => NFPROTOS,
        Datatype::EtherType => ETHER_TYPES,
        Datatype::AddressKind => ADDRESS_KINDS,
        _ => return None,
    };
    table
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, value)| *value)
}

/// ICMP types (RFC 792, 950, 1256).
const ICMP_TYPES: &[(&str, u128)] = &[
    ("echo-reply", 0),
    ("destination-unreachable", 3),
    ("source-quench", 4),
    ("redirect", 5),
    ("echo-request", 8),
    ("router-advertisement", 9),
    ("router-solicitation", 10),
    ("time-exceeded", 11),
    ("parameter-problem", 12),
    ("timestamp-request", 13),
    ("timestamp-reply", 14),
    ("info-request", 15),
    ("info-reply", 16),
    ("address-mask-request", 17),
    ("address-mask-reply", 18),
];

/// ICMP codes of unreachable destinations (RFC 792, 1812).
const ICMP_CODES: &[(&str, u128)] = &[
    ("net-unreachable", 0),
    ("host-unreachable", 1),
    ("prot-unreachable", 2),
    ("port-unreachable", 3),
    ("net-prohibited", 9),
    ("host-prohibited", 10),
    ("admin-prohibited", 13),
    ("frag-needed", 4),
];

/// ICMPv6 types (RFC 4443, 4861, 2710, 3810).
const ICMP6_TYPES: &[(&str, u128)] = &[
    ("destination-unreachable", 1),
    ("packet-too-big", 2),
    ("time-exceeded", 3),
    ("parameter-problem", 4),
    ("echo-request", 128),
    ("echo-reply", 129),
    ("mld-listener-query", 130),
    ("mld-listener-report", 131),
    ("mld-listener-done", 132),
    ("mld-listener-reduction", 132),
    ("nd-router-solicit", 133),
    ("nd-router-advert", 134),
    ("nd-neighbor-solicit", 135),
    ("nd-neighbor-advert", 136),
    ("nd-redirect", 137),
    ("router-renumbering", 138),
    ("ind-neighbor-solicit", 141),
    ("ind-neighbor-advert", 142),
    ("mld2-listener-report", 143),
];

/// ICMPv6 codes of unreachable destinations (RFC 4443).
const ICMP6_CODES: &[(&str, u128)] = &[
    ("no-route", 0),
    ("admin-prohibited", 1),
    ("addr-unreachable", 3),
    ("port-unreachable", 4),
    ("policy-fail", 5),
    ("reject-route", 6),
];

/// Code points (RFC 2474, 2597, 3246, 5865).
const DSCP: &[(&str, u128)] = &[
    ("cs0", 0),
    ("cs1", 8),
    ("cs2", 16),
    ("cs3", 24),
    ("cs4", 32),
    ("cs5", 40),
    ("cs6", 48),
    ("cs7", 56),
    ("df", 0),
    ("be", 0),
    ("lephb", 1),
    ("af11", 10),
    ("af12", 12),
    ("af13", 14),
    ("af21", 18),
    ("af22", 20),
    ("af23", 22),
    ("af31", 26),
    ("af32", 28),
    ("af33", 30),
    ("af41", 34),
    ("af42", 36),
    ("af43", 38),
    ("va", 44),
    ("ef", 46),
];

/// TCP flags (RFC 9293).
const TCP_FLAGS: &[(&str, u128)] = &[
    ("fin", 1),
    ("syn", 2),
    ("rst", 4),
    ("psh", 8),
    ("ack", 16),
    ("urg", 32),
    ("ecn", 64),
    ("cwr", 128),
];

/// Bits of a connection state.
const CT_STATES: &[(&str, u128)] = &[
    ("invalid", 1),
    ("established", 2),
    ("related", 4),
    ("new", 8),
    ("untracked", 64),
];

/// Bits of a connection status.
const CT_STATUS: &[(&str, u128)] = &[
    ("expected", 1),
    ("seen-reply", 2),
    ("assured", 4),
    ("confirmed", 8),
    ("snat", 16),
    ("dnat", 32),
    ("dying", 512),
];

/// Protocol families of Linux.
const NFPROTOS: &[(&str, u128)] = &[("ipv4", 2), ("ipv6", 10)];

/// Ethernet types (IEEE 802).
const ETHER_TYPES: &[(&str, u128)] = &[
    ("ip", 2048),
    ("arp", 2054),
    ("ip6", 34525),
    ("8021q", 33024),
    ("vlan", 33024),
    ("8021ad", 34984),
];

/// Kinds of address of a route lookup.
const ADDRESS_KINDS: &[(&str, u128)] = &[
    ("unspec", 0),
    ("unicast", 1),
    ("local", 2),
    ("broadcast", 3),
    ("anycast", 4),
    ("multicast", 5),
    ("blackhole", 6),
    ("unreachable", 7),
    ("prohibit", 8),
];

#[cfg(test)]
mod tests {
    use super::{number, plain, priority};
    use crate::nft::key::Datatype;

    #[test]
    fn a_service_is_a_port() {
        assert_eq!(number(Datatype::Port, "ssh"), Some(22));
        assert_eq!(number(Datatype::Port, "65536"), None);
    }

    #[test]
    fn numbers_are_read_as_in_c() {
        assert_eq!(plain("0x1F"), Some(31));
        assert_eq!(plain("017"), Some(15));
        assert_eq!(plain("1s"), None);
    }

    #[test]
    fn priorities_differ_on_bridges() {
        assert_eq!(priority("filter", false), Some(0));
        assert_eq!(priority("filter", true), Some(-200));
        assert_eq!(priority("mangle", true), None);
    }
}
