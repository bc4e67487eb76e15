//! Points of the universe and packets.

use super::layout::{Place, Universe, Version};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ww_model::Packet;
use ww_model::filter::Field;
use ww_model::packet::{CtState, protocol};
use ww_packetset::Set;

impl Universe<'_> {
    /// The smallest packet of a set; fields that its protocol does not have are 0.
    pub fn packet(&self, set: Set) -> Option<Packet> {
        self.space.witness(set).map(|point| self.packet_at(&point))
    }

    /// The packet at a point.
    pub fn packet_at(&self, point: &[u128]) -> Packet {
        let read = |field: Field| self.read(field, point);
        let address = |source: bool| {
            let number = read(self.address_field(source));
            match self.version {
                Version::V4 => IpAddr::V4(Ipv4Addr::from_bits(number as u32)),
                Version::V6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
            }
        };
        let proto = read(Field::Protocol) as u8;
        let has_ports = protocol::WITH_PORTS.contains(&proto);
        let port = |field: Field| if has_ports { read(field) as u16 } else { 0 };
        let is_icmp = [protocol::ICMP, protocol::ICMPV6].contains(&proto);
        let icmp = |field: Field| if is_icmp { read(field) as u8 } else { 0 };
        let state = read(Field::CtState);
        let interface = |level: ww_packetset::LevelId| {
            let class = point.get(level.index()).copied().unwrap_or_default();
            self.names.get(class).to_owned()
        };
        Packet {
            iif: interface(self.iif),
            oif: interface(self.oif),
            src: address(true),
            dst: address(false),
            proto,
            sport: port(Field::SrcPort),
            dport: port(Field::DstPort),
            tcp_flags: if proto == protocol::TCP {
                read(Field::TcpFlags) as u8
            } else {
                0
            },
            icmp_type: icmp(Field::IcmpType),
            icmp_code: icmp(Field::IcmpCode),
            ct_state: CtState::ALL
                .into_iter()
                .find(|candidate| candidate.number() == state)
                .unwrap_or_default(),
            mark: read(Field::Mark) as u32,
        }
    }

    /// The point of a packet, with 0 for all that is hidden; nothing for a packet of the other
    /// version of IP.
    pub fn point(&self, packet: &Packet) -> Option<Vec<u128>> {
        let is_v4 = self.version == Version::V4;
        if packet.src.is_ipv4() != is_v4 || packet.dst.is_ipv4() != is_v4 {
            return None;
        }
        let number = |address: IpAddr| match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let mut point = vec![0; self.space.levels().len()];
        for (field, value) in [
            (self.address_field(true), number(packet.src)),
            (self.address_field(false), number(packet.dst)),
            (Field::Protocol, packet.proto.into()),
            (Field::SrcPort, packet.sport.into()),
            (Field::DstPort, packet.dport.into()),
            (Field::IcmpType, packet.icmp_type.into()),
            (Field::IcmpCode, packet.icmp_code.into()),
            (Field::TcpFlags, packet.tcp_flags.into()),
            (Field::CtState, packet.ct_state.number()),
            (Field::Mark, packet.mark.into()),
        ] {
            self.write(field, value, &mut point);
        }
        for (level, name) in [(self.iif, &packet.iif), (self.oif, &packet.oif)] {
            if let Some(place) = point.get_mut(level.index()) {
                *place = self
                    .names
                    .class_of(name, &self.patterns)
                    .unwrap_or_default();
            }
        }
        Some(point)
    }

    /// The class of interfaces that no rule tells from this one.
    pub(super) fn class_of(&self, name: &str) -> Option<u128> {
        self.names.class_of(name, &self.patterns)
    }

    fn read(&self, field: Field, point: &[u128]) -> u128 {
        let at = |level: &ww_packetset::LevelId| point.get(level.index()).copied().unwrap_or(0);
        match self.place(field) {
            Some(Place::Whole(level)) => at(level),
            Some(Place::Bits(bits)) => bits.iter().fold(0, |number, level| {
                number << 1 | level.as_ref().map_or(0, at)
            }),
            Some(Place::Fixed(number)) => *number,
            None => 0,
        }
    }

    fn write(&self, field: Field, value: u128, point: &mut [u128]) {
        let mut put = |level: &ww_packetset::LevelId, value: u128| {
            if let Some(place) = point.get_mut(level.index()) {
                *place = value;
            }
        };
        match self.place(field) {
            Some(Place::Whole(level)) => put(level, value),
            Some(Place::Bits(bits)) => {
                for (place, level) in bits.iter().rev().enumerate() {
                    if let Some(level) = level {
                        put(level, value >> place & 1);
                    }
                }
            }
            _ => {}
        }
    }
}
