//! A packet as rules see it at one point of its walk.

use super::{Device, Missing, device::kind_by_value};
use crate::mutants::{Bug, planted};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ww_model::Packet;
use ww_model::filter::{AddressKind, Field, Hook, Way};
use ww_model::packet::{CtState, protocol};

/// One of the numbers from the first to the last.
pub(super) type Span = (u128, u128);

/// What is known of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// The packet does not have it.
    Absent,
    /// It is one of these.
    Within(u128, u128),
    /// These bits are known, the first number under the mask of the second.
    Bits(u128, u128),
    /// It could be anything.
    Hidden(Missing),
}

/// A number of which only some bits may be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bits {
    value: u32,
    known: u32,
}

impl Bits {
    pub(super) fn of(value: u32) -> Bits {
        Bits {
            value,
            known: u32::MAX,
        }
    }

    pub(super) const UNKNOWN: Bits = Bits { value: 0, known: 0 };

    /// `value & keep ^ flip`: bits that do not stay are known afterwards.
    pub(super) fn set(self, keep: u32, flip: u32) -> Bits {
        let known = self.known | !keep;
        Bits {
            value: ((self.value & keep) ^ flip) & known,
            known,
        }
    }

    /// With this bit set.
    pub(super) fn raise(self, bit: u32) -> Bits {
        Bits {
            value: self.value | bit,
            known: self.known | bit,
        }
    }

    /// With this bit not known.
    pub(super) fn blur(self, bit: u32) -> Bits {
        Bits {
            value: self.value & !bit,
            known: self.known & !bit,
        }
    }

    /// The number, when every bit is known.
    pub(super) fn exact(self) -> Option<u32> {
        (self.known == u32::MAX).then_some(self.value)
    }

    fn reading(self) -> Reading {
        match self.exact() {
            Some(value) => one(u128::from(value)),
            None => Reading::Bits(u128::from(self.value), u128::from(self.known)),
        }
    }
}

/// What of a packet, and of its place, can change on the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen<'a> {
    pub(super) src: Span,
    pub(super) dst: Span,
    pub(super) sport: Span,
    pub(super) dport: Span,
    pub(super) mark: Bits,
    pub(super) dscp: Bits,
    /// What tracking makes of the packet once it has been tracked.
    pub(super) ct: CtState,
    pub(super) ct_mark: Bits,
    /// Translations of the connection: source 1, destination 2.
    pub(super) ct_nat: Bits,
    /// Connection tracking has seen the packet.
    pub(super) tracked: bool,
    /// Exempt from tracking, or from what tracking thought of it.
    pub(super) untracked: bool,
    /// A rule has translated the destination to this device itself.
    pub(super) redirected: bool,
    /// Where the packet goes: `Input`, `Forward` or `Output`.
    pub(super) route: Hook,
    /// Where it is now.
    pub(super) hook: Hook,
    /// By which interface it leaves, by the device's routes; the packet's own when absent.
    pub(super) out: Option<&'a str>,
}

impl<'a> Seen<'a> {
    /// The packet before its first hook; `route` is `Input`, `Forward` or `Output`.
    pub(super) fn new(packet: &Packet, route: Hook, hook: Hook) -> Seen<'a> {
        let span = |value: u128| (value, value);
        // A connection that begins has no mark and no translation; another may have any.
        let fresh = match packet.ct_state {
            CtState::Established | CtState::Related => Bits::UNKNOWN,
            CtState::New | CtState::Invalid | CtState::Untracked => Bits::of(0),
        };
        Seen {
            src: span(number(packet.src)),
            dst: span(number(packet.dst)),
            sport: span(u128::from(packet.sport)),
            dport: span(u128::from(packet.dport)),
            mark: Bits::of(packet.mark),
            dscp: Bits::of(0),
            ct: packet.ct_state,
            ct_mark: fresh,
            ct_nat: fresh,
            tracked: false,
            untracked: packet.ct_state == CtState::Untracked,
            redirected: false,
            route,
            hook,
            out: None,
        }
    }

    /// What tracking thinks of the packet here. Before tracking has seen it, it counts as invalid.
    pub(super) fn ct_state(&self) -> CtState {
        match (self.untracked, self.tracked) {
            (true, _) => CtState::Untracked,
            (false, false) => CtState::Invalid,
            (false, true) => self.ct,
        }
    }

    /// Whether the packet belongs to a connection here.
    pub(super) fn has_connection(&self) -> bool {
        matches!(
            self.ct_state(),
            CtState::New | CtState::Established | CtState::Related
        )
    }
}

/// A packet with all that is needed to read its fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'v, 'a> {
    pub(super) packet: &'a Packet,
    pub(super) device: Option<&'a Device>,
    pub(super) seen: &'v Seen<'a>,
}

impl<'a> View<'_, 'a> {
    /// What is known of a field.
    pub(super) fn read(&self, field: Field) -> Reading {
        let original;
        let seen = if planted(Bug::TranslationUnseen) {
            original = self.untranslated();
            &original
        } else {
            self.seen
        };
        let (v6, proto) = (self.packet.src.is_ipv6(), self.packet.proto);
        let when = |has: bool, (first, last): Span| {
            if has {
                Reading::Within(first, last)
            } else {
                Reading::Absent
            }
        };
        let byte = |has: bool, value: u8| when(has, (u128::from(value), u128::from(value)));
        let connection = |bits: Bits| {
            if seen.has_connection() {
                bits.reading()
            } else {
                Reading::Absent
            }
        };
        let ports = protocol::WITH_PORTS.contains(&proto);
        match field {
            Field::IpVersion => one(if v6 { 6 } else { 4 }),
            Field::Src4 => when(!v6, seen.src),
            Field::Dst4 => when(!v6, seen.dst),
            Field::Src6 => when(v6, seen.src),
            Field::Dst6 => when(v6, seen.dst),
            Field::Protocol => one(u128::from(proto)),
            Field::SrcPort => when(ports, seen.sport),
            Field::DstPort => when(ports, seen.dport),
            Field::IcmpType => byte(proto == protocol::ICMP, self.packet.icmp_type),
            Field::IcmpCode => byte(proto == protocol::ICMP, self.packet.icmp_code),
            Field::Icmp6Type => byte(proto == protocol::ICMPV6, self.packet.icmp_type),
            Field::Icmp6Code => byte(proto == protocol::ICMPV6, self.packet.icmp_code),
            Field::TcpFlags => byte(proto == protocol::TCP, self.packet.tcp_flags),
            Field::CtState => one(seen.ct_state().number()),
            Field::CtNat => connection(seen.ct_nat),
            Field::CtMark => connection(seen.ct_mark),
            Field::Mark => seen.mark.reading(),
            Field::SrcKind => self.source_kind(),
            Field::DstKind => self.destination_kind(),
            Field::LaterFragment => one(0),
            Field::Dscp => seen.dscp.reading(),
            Field::HopLimit | Field::Length => Reading::Hidden(Missing::Field(field)),
        }
    }

    /// The name of the interface; empty where a rule sees none.
    pub(super) fn interface(&self, way: Way) -> Result<&'a str, Missing> {
        let seen = self.seen;
        let (visible, name) = match way {
            Way::In => (
                seen.route != Hook::Output
                    && !(planted(Bug::EntryForgottenAfterRouting)
                        && seen.hook == Hook::Postrouting),
                self.packet.iif.as_str(),
            ),
            Way::Out => (
                matches!(seen.hook, Hook::Forward | Hook::Output | Hook::Postrouting),
                self.oif(),
            ),
        };
        match (visible, name) {
            (false, _) => Ok(""),
            (true, "") => Err(Missing::Interface(way)),
            (true, name) => Ok(name),
        }
    }

    /// The name of the interface by which the packet leaves; empty when it is not known.
    pub(super) fn oif(&self) -> &'a str {
        self.seen.out.unwrap_or(&self.packet.oif)
    }

    /// The packet as it is seen, with the addresses and ports with which it came.
    fn untranslated(&self) -> Seen<'a> {
        let fresh = Seen::new(self.packet, self.seen.route, self.seen.hook);
        Seen {
            src: fresh.src,
            dst: fresh.dst,
            sport: fresh.sport,
            dport: fresh.dport,
            ..*self.seen
        }
    }

    /// Packets from the outside that claim an address of the device itself never get as far as a rule that sees
    /// their route.
    fn source_kind(&self) -> Reading {
        let assumed = match self.seen.route {
            Hook::Output => AddressKind::Local,
            _ => AddressKind::Unicast,
        };
        self.kind(self.seen.src, Some((assumed, assumed)))
            .unwrap_or(Reading::Hidden(Missing::Field(Field::SrcKind)))
    }

    /// Routing has decided by the destination: what is forwarded is not for this device, what is not is.
    fn destination_kind(&self) -> Reading {
        let assumed = match self.seen.hook {
            Hook::Input => Some((AddressKind::Local, AddressKind::Broadcast)),
            Hook::Forward | Hook::Postrouting if self.seen.route == Hook::Forward => {
                Some((AddressKind::Unicast, AddressKind::Unicast))
            }
            _ => None,
        };
        self.kind(self.seen.dst, assumed)
            .unwrap_or(Reading::Hidden(Missing::Field(Field::DstKind)))
    }

    /// The kind of an address: by its value, by the device, or as routing must have seen it.
    fn kind(&self, span: Span, assumed: Option<(AddressKind, AddressKind)>) -> Option<Reading> {
        let v6 = self.packet.src.is_ipv6();
        let (first, last) = (address(span.0, v6), address(span.1, v6));
        match self.device {
            Some(device) if first == last => Some(one(device.kind_of(first) as u128)),
            Some(device) if !device.listens_in(first, last) => {
                Some(one(AddressKind::Unicast as u128))
            }
            None if first == last && kind_by_value(first).is_some() => {
                kind_by_value(first).map(|kind| one(kind as u128))
            }
            None => assumed.map(|(first, last)| Reading::Within(first as u128, last as u128)),
            Some(_) => None,
        }
    }
}

fn one(value: u128) -> Reading {
    Reading::Within(value, value)
}

/// An address as a number.
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// A number as an address.
pub(super) fn address(number: u128, v6: bool) -> IpAddr {
    if v6 {
        Ipv6Addr::from_bits(number).into()
    } else {
        Ipv4Addr::from_bits(number as u32).into()
    }
}
