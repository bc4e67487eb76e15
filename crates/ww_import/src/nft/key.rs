//! Keys: what a packet has that rules ask for, what its numbers mean, and which packets have it.

use ww_model::filter::{AddressKind, Field, UnknownReason, Way};
use ww_model::packet::{CtState, protocol};

/// Something about a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    /// How words beside it are read.
    pub(super) datatype: Datatype,
    /// What it is in the model.
    pub(super) subject: Subject,
    /// What nft demands of the packet before it loads the key.
    pub(super) needs: Needs,
}

/// What must hold before a key is loaded; a rule ends where it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// IP version 4 or 6.
    pub(super) version: Option<u8>,
    /// Transport protocol.
    pub(super) protocol: Option<u8>,
    /// ICMP or ICMPv6 types, by `version`; all where none is named.
    pub(super) icmp_types: &'static [u8],
    /// A link header, which only frames of some interfaces have.
    pub(super) link: bool,
}

/// How the values of a key are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Datatype {
    Address4,
    Address6,
    Port,
    Protocol,
    IcmpType,
    IcmpCode,
    Icmp6Type,
    Icmp6Code,
    TcpFlags,
    CtState,
    CtStatus,
    NfProto,
    EtherType,
    AddressKind,
    Dscp,
    Interface,
    /// A number of so many bits.
    Number(u8),
    /// Values are not read.
    Opaque,
}

impl Datatype {
    /// The largest value.
    pub(super) fn most(self) -> u128 {
        let bits = match self {
            Datatype::Address6 | Datatype::Interface | Datatype::Opaque => 128,
            Datatype::Address4 | Datatype::CtState | Datatype::CtStatus | Datatype::AddressKind => {
                32
            }
            Datatype::Port | Datatype::EtherType => 16,
            Datatype::Protocol
            | Datatype::IcmpType
            | Datatype::IcmpCode
            | Datatype::Icmp6Type
            | Datatype::Icmp6Code
            | Datatype::TcpFlags
            | Datatype::NfProto => 8,
            Datatype::Dscp => 6,
            Datatype::Number(bits) => bits.into(),
        };
        if bits >= 128 {
            u128::MAX
        } else {
            (1 << bits) - 1
        }
    }

    /// Whether values are flags, so that a bare value is a bit test.
    pub(super) fn is_flags(self) -> bool {
        matches!(
            self,
            Datatype::TcpFlags | Datatype::CtState | Datatype::CtStatus
        )
    }
}

/// What a key is in the model.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject {
    /// A field with the same numbers.
    Number(Field),
    /// A field whose number is this much larger.
    Shifted(Field, u128),
    /// A field with other numbers: (the model's, nft's).
    Coded(Field, &'static [(u128, u128)]),
    /// Status bits of a connection, of which two are modelled.
    NatStatus,
    /// Flags and offset of a fragment, of which only "not the first" is modelled.
    Fragment,
    /// A port, read without asking for a protocol that has ports.
    BarePort(Field),
    /// The first protocol number behind the IPv6 header.
    NextHeader,
    /// An interface; by its index where the flag is set.
    Interface(Way, bool),
    /// The same for all packets.
    Constant(u128),
    /// Nothing.
    Opaque(UnknownReason),
}

const NFPROTO: &[(u128, u128)] = &[(4, 2), (6, 10)];
const ETHER_TYPE: &[(u128, u128)] = &[(4, 0x0800), (6, 0x86dd)];
const CT_STATE: &[(u128, u128)] = &[
    (CtState::New as u128, 8),
    (CtState::Established as u128, 2),
    (CtState::Related as u128, 4),
    (CtState::Invalid as u128, 1),
    (CtState::Untracked as u128, 64),
];
const ADDRESS_KIND: &[(u128, u128)] = &[
    (AddressKind::Unicast as u128, 1),
    (AddressKind::Local as u128, 2),
    (AddressKind::Broadcast as u128, 3),
    (AddressKind::Multicast as u128, 5),
];

impl Key {
    fn new(datatype: Datatype, subject: Subject) -> Key {
        Key {
            datatype,
            subject,
            needs: Needs::default(),
        }
    }

    /// A key that is read but not modelled.
    pub(super) fn opaque(reason: UnknownReason) -> Key {
        Key::new(Datatype::Opaque, Subject::Opaque(reason))
    }

    fn number(datatype: Datatype, field: Field) -> Key {
        Key::new(datatype, Subject::Number(field))
    }

    fn of_version(mut self, version: u8) -> Key {
        self.needs.version = Some(version);
        self
    }

    fn of_link(mut self) -> Key {
        self.needs.link = true;
        self
    }

    fn of_protocol(mut self, protocol: u8) -> Key {
        self.needs.protocol = Some(protocol);
        self
    }

    /// `protocol field` of a header: `tcp dport`, `ip saddr`. `None` when nft has no such field.
    pub(super) fn payload(header: &str, field: &str) -> Option<Key> {
        match header {
            "ip" => Some(ip(field)?.of_version(4)),
            "ip6" => Some(ip6(field)?.of_version(6)),
            "tcp" => Some(tcp(field)?.of_protocol(protocol::TCP)),
            "udp" => Some(ports_or(field, &["length", "checksum"])?.of_protocol(protocol::UDP)),
            "udplite" => {
                Some(ports_or(field, &["csumcov", "checksum"])?.of_protocol(protocol::UDPLITE))
            }
            "sctp" => Some(ports_or(field, &["vtag", "checksum"])?.of_protocol(protocol::SCTP)),
            "dccp" => Some(ports_or(field, &["type"])?.of_protocol(protocol::DCCP)),
            "th" => bare_port(field),
            "icmp" => Some(icmp(field)?.of_version(4).of_protocol(protocol::ICMP)),
            "icmpv6" => Some(icmp6(field)?.of_version(6).of_protocol(protocol::ICMPV6)),
            "igmp" => one_of(field, &["type", "mrt", "checksum", "group"])
                .map(|key| key.of_version(4).of_protocol(2)),
            "esp" => one_of(field, &["spi", "sequence"]).map(|key| key.of_protocol(50)),
            "ah" => one_of(
                field,
                &["nexthdr", "hdrlength", "reserved", "spi", "sequence"],
            )
            .map(|key| key.of_protocol(51)),
            "comp" => one_of(field, &["nexthdr", "flags", "cpi"]).map(|key| key.of_protocol(108)),
            "ether" => ether(field),
            "vlan" => one_of(field, &["id", "cfi", "dei", "pcp", "type"]),
            "arp" => one_of(field, &["htype", "ptype", "hlen", "plen", "operation"]),
            "gre" | "vxlan" | "geneve" => Some(Key::opaque(UnknownReason::NotModelled)),
            _ => None,
        }
    }

    /// `meta KEY`.
    pub(super) fn meta(name: &str) -> Option<Key> {
        Some(match name {
            "l4proto" => Key::number(Datatype::Protocol, Field::Protocol),
            "nfproto" => Key::new(Datatype::NfProto, Subject::Coded(Field::IpVersion, NFPROTO)),
            "protocol" => ether_type(),
            "mark" => Key::number(Datatype::Number(32), Field::Mark),
            "length" => Key::number(Datatype::Number(32), Field::Length),
            "iifname" => interface(Way::In, false),
            "oifname" => interface(Way::Out, false),
            "iif" => interface(Way::In, true),
            "oif" => interface(Way::Out, true),
            "random" | "time" | "day" | "hour" | "cpu" => Key::opaque(UnknownReason::Dynamic),
            _ if META_NOT_MODELLED.contains(&name) => Key::opaque(UnknownReason::NotModelled),
            _ => return None,
        })
    }

    /// Whether `meta` may be left out before this word.
    pub(super) fn is_bare_meta(name: &str) -> bool {
        BARE_META.contains(&name)
    }

    /// `ct KEY`; the key of one direction when `directed`.
    pub(super) fn ct(name: &str, directed: bool) -> Option<Key> {
        let not_modelled = Key::opaque(UnknownReason::NotModelled);
        Some(match name {
            "bytes" | "packets" | "avgpkt" | "expiration" | "count" | "id" => {
                Key::opaque(UnknownReason::Dynamic)
            }
            _ if directed => return CT_DIRECTED.contains(&name).then_some(not_modelled),
            "state" => Key::new(Datatype::CtState, Subject::Coded(Field::CtState, CT_STATE)),
            "status" => Key::new(Datatype::CtStatus, Subject::NatStatus),
            "mark" => Key::number(Datatype::Number(32), Field::CtMark),
            _ if CT_NOT_MODELLED.contains(&name) || CT_DIRECTED.contains(&name) => not_modelled,
            _ => return None,
        })
    }

    /// `fib FLAGS RESULT`: the kind of an address where nothing else is asked.
    pub(super) fn fib(flags: &[&str], result: &str) -> Option<Key> {
        let kind = |field| Key::new(Datatype::AddressKind, Subject::Coded(field, ADDRESS_KIND));
        match (flags, result) {
            (["saddr"], "type") => Some(kind(Field::SrcKind)),
            (["daddr"], "type") => Some(kind(Field::DstKind)),
            (_, "type" | "oif" | "oifname" | "check") => {
                Some(Key::opaque(UnknownReason::NotModelled))
            }
            _ => None,
        }
    }

    /// `@base,offset,length` in bits; ports are recognised.
    pub(super) fn raw(base: &str, offset: u32, length: u32) -> Key {
        match (base, offset, length) {
            ("th", 0, 16) => Key::new(Datatype::Port, Subject::BarePort(Field::SrcPort)),
            ("th", 16, 16) => Key::new(Datatype::Port, Subject::BarePort(Field::DstPort)),
            _ => Key::opaque(UnknownReason::NotModelled),
        }
    }

    /// Whether a rule may change it without any effect on where this packet goes.
    pub(super) fn set_is_quiet(header: &str, name: &str) -> bool {
        match header {
            "meta" => matches!(name, "priority" | "pkttype" | "nftrace" | "secmark"),
            "ct" => matches!(
                name,
                "helper" | "timeout" | "expectation" | "event" | "label" | "secmark"
            ),
            _ => false,
        }
    }
}

fn interface(way: Way, by_index: bool) -> Key {
    Key::new(Datatype::Interface, Subject::Interface(way, by_index))
}

fn one_of(field: &str, known: &[&str]) -> Option<Key> {
    known
        .contains(&field)
        .then(|| Key::opaque(UnknownReason::NotModelled))
}

fn ports_or(field: &str, others: &[&str]) -> Option<Key> {
    match field {
        "sport" => Some(Key::number(Datatype::Port, Field::SrcPort)),
        "dport" => Some(Key::number(Datatype::Port, Field::DstPort)),
        _ => one_of(field, others),
    }
}

fn ether_type() -> Key {
    Key::new(
        Datatype::EtherType,
        Subject::Coded(Field::IpVersion, ETHER_TYPE),
    )
}

fn ether(field: &str) -> Option<Key> {
    match field {
        "type" => Some(ether_type().of_link()),
        _ => one_of(field, &["saddr", "daddr"]),
    }
}

fn bare_port(field: &str) -> Option<Key> {
    Some(match field {
        "sport" => Key::raw("th", 0, 16),
        "dport" => Key::raw("th", 16, 16),
        _ => return None,
    })
}

fn ip(field: &str) -> Option<Key> {
    Some(match field {
        "saddr" => Key::number(Datatype::Address4, Field::Src4),
        "daddr" => Key::number(Datatype::Address4, Field::Dst4),
        "protocol" => Key::number(Datatype::Protocol, Field::Protocol),
        "dscp" => Key::number(Datatype::Dscp, Field::Dscp),
        "ttl" => Key::number(Datatype::Number(8), Field::HopLimit),
        "length" => Key::number(Datatype::Number(16), Field::Length),
        "frag-off" => Key::new(Datatype::Number(16), Subject::Fragment),
        "version" => Key::new(Datatype::Number(4), Subject::Constant(4)),
        _ => return one_of(field, &["hdrlength", "ecn", "id", "checksum"]),
    })
}

/// The IPv6 header before the payload, in bytes: `ip6 length` does not count it.
const IP6_HEADER: u128 = 40;

fn ip6(field: &str) -> Option<Key> {
    Some(match field {
        "saddr" => Key::number(Datatype::Address6, Field::Src6),
        "daddr" => Key::number(Datatype::Address6, Field::Dst6),
        "nexthdr" => Key::new(Datatype::Protocol, Subject::NextHeader),
        "dscp" => Key::number(Datatype::Dscp, Field::Dscp),
        "hoplimit" => Key::number(Datatype::Number(8), Field::HopLimit),
        "length" => Key::new(
            Datatype::Number(16),
            Subject::Shifted(Field::Length, IP6_HEADER),
        ),
        "version" => Key::new(Datatype::Number(4), Subject::Constant(6)),
        _ => return one_of(field, &["ecn", "flowlabel"]),
    })
}

fn tcp(field: &str) -> Option<Key> {
    match field {
        "flags" => Some(Key::number(Datatype::TcpFlags, Field::TcpFlags)),
        _ => ports_or(
            field,
            &[
                "sequence", "ackseq", "doff", "reserved", "window", "checksum", "urgptr",
            ],
        ),
    }
}

fn icmp(field: &str) -> Option<Key> {
    match field {
        "type" => Some(Key::number(Datatype::IcmpType, Field::IcmpType)),
        "code" => Some(Key::number(Datatype::IcmpCode, Field::IcmpCode)),
        "id" | "sequence" => Some(of_types(&[0, 8])),
        "gateway" => Some(of_types(&[5])),
        "mtu" => Some(of_types(&[3])),
        _ => one_of(field, &["checksum"]),
    }
}

fn icmp6(field: &str) -> Option<Key> {
    match field {
        "type" => Some(Key::number(Datatype::Icmp6Type, Field::Icmp6Type)),
        "code" => Some(Key::number(Datatype::Icmp6Code, Field::Icmp6Code)),
        "id" | "sequence" => Some(of_types(&[128, 129])),
        "mtu" => Some(of_types(&[2])),
        "parameter-problem" => Some(of_types(&[4])),
        _ => one_of(field, &["checksum", "max-delay", "taddr", "daddr"]),
    }
}

/// A field that messages of some types have.
fn of_types(types: &'static [u8]) -> Key {
    let mut key = Key::opaque(UnknownReason::NotModelled);
    key.needs.icmp_types = types;
    key
}

const BARE_META: &[&str] = &[
    "mark",
    "iif",
    "iifname",
    "iiftype",
    "oif",
    "oifname",
    "oiftype",
    "skuid",
    "skgid",
    "nftrace",
    "rtclassid",
    "ibriport",
    "ibrname",
    "obriport",
    "obrname",
    "pkttype",
    "cpu",
    "iifgroup",
    "oifgroup",
    "cgroup",
    "ibrpvid",
    "ibrvproto",
    "ibrhwaddr",
    "time",
    "hour",
    "day",
    "sdif",
    "sdifname",
    "iifkind",
    "oifkind",
    "l4proto",
    "nfproto",
    "protocol",
    "priority",
    "length",
    "random",
    "secmark",
    "secpath",
    "ipsec",
    "broute",
];

const META_NOT_MODELLED: &[&str] = &[
    "iiftype",
    "oiftype",
    "skuid",
    "skgid",
    "nftrace",
    "rtclassid",
    "ibriport",
    "ibrname",
    "obriport",
    "obrname",
    "pkttype",
    "iifgroup",
    "oifgroup",
    "cgroup",
    "ibrpvid",
    "ibrvproto",
    "ibrhwaddr",
    "sdif",
    "sdifname",
    "iifkind",
    "oifkind",
    "priority",
    "secmark",
    "secpath",
    "ipsec",
    "broute",
];

const CT_NOT_MODELLED: &[&str] = &[
    "direction",
    "helper",
    "zone",
    "label",
    "event",
    "secmark",
    "timeout",
    "expectation",
];

const CT_DIRECTED: &[&str] = &[
    "saddr",
    "daddr",
    "ip saddr",
    "ip daddr",
    "ip6 saddr",
    "ip6 daddr",
    "proto-src",
    "proto-dst",
    "protocol",
    "l3proto",
    "zone",
];

#[cfg(test)]
mod tests {
    use super::{Datatype, Key};

    #[test]
    fn every_header_knows_its_fields_and_no_others() {
        assert!(Key::payload("tcp", "dport").is_some());
        assert!(Key::payload("tcp", "length").is_none());
        assert!(Key::payload("quic", "dport").is_none());
        assert!(Key::ct("state", false).is_some());
        assert!(Key::ct("state", true).is_none());
    }

    #[test]
    fn widths_bound_values() {
        assert_eq!(Datatype::Dscp.most(), 63);
        assert_eq!(Datatype::Address4.most(), u128::from(u32::MAX));
        assert_eq!(Datatype::Address6.most(), u128::MAX);
    }
}
