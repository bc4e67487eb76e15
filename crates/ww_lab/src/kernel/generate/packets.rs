//! Packets that touch the edges of a rule set.

use super::super::router::{INTERFACES, OWN_ADDRESSES, is_ordinary, own_address};
use super::values::{Draw, number};
use super::{Case, Edge, Part};
use crate::rng::Rng;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ww_model::Packet;
use ww_model::filter::Hook;
use ww_model::packet::{CtState, protocol};

/// Tries for each packet that is wanted.
const TRIES: usize = 20;

/// Up to `count` packets, each the first of a connection of its own.
pub fn packets(case: &Case, seed: u64, count: usize) -> Vec<Packet> {
    let mut rng = Rng::new(seed);
    let mut draw = Draw::new(&mut rng, case.v6);
    let mut connections = BTreeSet::new();
    let mut packets = Vec::with_capacity(count);
    for _ in 0..count * TRIES {
        if packets.len() == count {
            break;
        }
        let packet = one_packet(case, &mut draw);
        if is_possible(case, &packet) && connections.insert(connection(case, &packet)) {
            packets.push(packet);
        }
    }
    packets
}

fn one_packet(case: &Case, draw: &mut Draw) -> Packet {
    let mut packet = random_packet(case, draw);
    let rule = draw.rng.below(case.edges.len().max(1) as u64) as usize;
    let ours = case.edges.get(rule).map(Vec::as_slice).unwrap_or_default();
    for edge in ours {
        if !draw.once_in(7) {
            apply(&mut packet, edge, draw);
        }
    }
    if draw.once_in(3) {
        let other = draw.rng.below(case.edges.len().max(1) as u64) as usize;
        let theirs = case.edges.get(other).map(Vec::as_slice).unwrap_or_default();
        for edge in theirs {
            if draw.once_in(2) {
                apply(&mut packet, edge, draw);
            }
        }
    }
    clean(&mut packet, case.v6);
    packet.ct_state = first_state(&packet);
    packet
}

fn random_packet(case: &Case, draw: &mut Draw) -> Packet {
    let own = own_address(draw.between(1, OWN_ADDRESSES.into()) as u8, case.v6);
    let (icmp_type, icmp_code) = draw.icmp();
    let iif = INTERFACES
        .get(draw.interface())
        .copied()
        .unwrap_or_default();
    let (_, high) = draw.ports();
    Packet {
        iif: if case.hook == Hook::Output {
            String::new()
        } else {
            iif.into()
        },
        oif: String::new(),
        src: draw.address(),
        dst: if case.hook == Hook::Input {
            own
        } else {
            draw.address()
        },
        proto: draw.protocol(),
        sport: draw.rng.next_u64() as u16,
        dport: if draw.once_in(3) {
            high
        } else {
            draw.rng.next_u64() as u16
        },
        tcp_flags: draw.flags(),
        icmp_type,
        icmp_code,
        ct_state: CtState::New,
        mark: 0,
    }
}

fn apply(packet: &mut Packet, edge: &Edge, draw: &mut Draw) {
    let index = draw.rng.below(edge.values.len() as u64) as usize;
    let Some(value) = edge.values.get(index).copied() else {
        return;
    };
    let address = |value: u128| -> IpAddr {
        if packet.src.is_ipv6() {
            Ipv6Addr::from_bits(value).into()
        } else {
            Ipv4Addr::from_bits(value as u32).into()
        }
    };
    match edge.part {
        Part::Src => packet.src = address(value),
        Part::Dst => packet.dst = address(value),
        Part::Proto => packet.proto = value as u8,
        Part::Sport => packet.sport = value as u16,
        Part::Dport => packet.dport = value as u16,
        Part::Flags => packet.tcp_flags = value as u8,
        Part::IcmpType => packet.icmp_type = value as u8,
        Part::IcmpCode => packet.icmp_code = value as u8,
        Part::Entry if packet.iif.is_empty() => {}
        Part::Entry => {
            if let Some(name) = INTERFACES.get(value as usize) {
                packet.iif = (*name).into();
            }
        }
    }
}

/// Takes away what the packet's protocol does not have.
fn clean(packet: &mut Packet, v6: bool) {
    if !protocol::WITH_PORTS.contains(&packet.proto) {
        (packet.sport, packet.dport) = (0, 0);
    }
    if packet.proto != protocol::TCP {
        packet.tcp_flags = 0;
    }
    let icmp = if v6 { protocol::ICMPV6 } else { protocol::ICMP };
    if packet.proto != icmp {
        (packet.icmp_type, packet.icmp_code) = (0, 0);
    }
}

/// Whether the kernel handles the packet by its rules alone.
fn is_possible(case: &Case, packet: &Packet) -> bool {
    let known = [
        protocol::TCP,
        protocol::UDP,
        protocol::SCTP,
        protocol::UDPLITE,
        50,
        if case.v6 {
            protocol::ICMPV6
        } else {
            protocol::ICMP
        },
    ];
    let own = (1..=OWN_ADDRESSES).any(|number| own_address(number, case.v6) == packet.dst);
    let right_way = match case.hook {
        Hook::Input => own,
        _ => is_ordinary(packet.dst),
    };
    // Without ports nothing but the addresses tells connections apart, and translated ones would be one.
    let clash = case.translates && packet.proto == 50;
    // Neighbour discovery and group membership have rules of their own.
    let special = packet.proto == protocol::ICMPV6 && (130..=137).contains(&packet.icmp_type);
    known.contains(&packet.proto) && is_ordinary(packet.src) && right_way && !clash && !special
}

/// What tells the packet's connection from others; where addresses are translated, from any that could become equal.
fn connection(case: &Case, packet: &Packet) -> (u8, u128, u128, u16, u16) {
    let (src, dst) = (number(packet.src), number(packet.dst));
    match packet.proto {
        protocol::ICMP | protocol::ICMPV6 => (
            packet.proto,
            src,
            dst,
            packet.icmp_type.into(),
            packet.icmp_code.into(),
        ),
        50 => (packet.proto, src, dst, 0, 0),
        _ if case.translates => (packet.proto, 0, 0, packet.sport, 0),
        _ => (packet.proto, src, dst, packet.sport, packet.dport),
    }
}

/// What Linux thinks of the first packet that it sees of a connection.
pub fn first_state(packet: &Packet) -> CtState {
    /// ECE, CWR and PSH may go with any others.
    const IRRELEVANT: u8 = 0x40 | 0x80 | 0x08;
    let begins = match packet.proto {
        // SYN, or ACK alone: the middle of a connection is taken for its beginning; URG may go with both.
        protocol::TCP => matches!(packet.tcp_flags & !IRRELEVANT, 0x02 | 0x22 | 0x10 | 0x30),
        protocol::ICMP => matches!(packet.icmp_type, 8 | 13 | 15 | 17),
        protocol::ICMPV6 => matches!(packet.icmp_type, 128 | 139),
        _ => true,
    };
    if begins {
        CtState::New
    } else {
        CtState::Invalid
    }
}
