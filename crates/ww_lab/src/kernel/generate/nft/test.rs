//! Tests of nftables rules.

use super::super::super::router::INTERFACES;
use super::super::Part;
use super::{Kind, Maker, Position, SetKind, port_words};
use ww_model::packet::protocol;

/// Stands for one of several protocols.
const OTHERS: u8 = 255;

const FLAGS: [&str; 6] = ["fin", "syn", "rst", "psh", "ack", "urg"];

impl Maker<'_> {
    /// A test; `proto` is the protocol that tests before it have made sure of.
    pub(super) fn test(&mut self, at: Position, proto: &mut Option<u8>) -> String {
        let (tcp, udp) = (Some(protocol::TCP), Some(protocol::UDP));
        match self.draw.between(3, 18) {
            3 => self.masked_address_test(),
            4 | 5 => self.protocol_test(proto),
            6..8 if *proto == udp => self.port_test("udp"),
            6..9 if proto.is_none() || *proto == tcp => {
                *proto = tcp;
                self.draw.edge(Part::Proto, [6]);
                self.port_test("tcp")
            }
            9 if proto.is_none() || *proto == tcp => {
                *proto = tcp;
                self.draw.edge(Part::Proto, [6]);
                self.flag_test()
            }
            10 => self.icmp_test(proto),
            11 => self.interface_test(),
            12 => self.state_test(at),
            13 => self.mark_test(at),
            14 => self.tuple_test(proto),
            15 if at.kind != Kind::Raw => {
                let which = self.draw.one(&["saddr", "daddr"]);
                let kind = self.draw.one(&["local", "unicast"]);
                format!("fib {which} type {}{kind}", self.not())
            }
            _ => self.address_test(),
        }
    }

    fn not(&mut self) -> &'static str {
        if self.draw.once_in(4) { "!= " } else { "" }
    }

    fn side(&mut self) -> (&'static str, Part) {
        if self.draw.once_in(2) {
            ("saddr", Part::Src)
        } else {
            ("daddr", Part::Dst)
        }
    }

    pub(super) fn ip(&self) -> &'static str {
        if self.draw.v6 { "ip6" } else { "ip" }
    }

    fn address_test(&mut self) -> String {
        let (side, part) = self.side();
        let not = self.not();
        let ip = self.ip();
        let value = match self.draw.rng.below(4) {
            0 => {
                let (first, last) = self.draw.address_range();
                self.draw.range_edges(part, first, last);
                format!("{}-{}", self.draw.text(first), self.draw.text(last + 1))
            }
            1 => {
                let mut words = Vec::new();
                for _ in 0..self.draw.between(1, 3) {
                    let address = super::super::values::number(self.draw.address());
                    self.draw.range_edges(part, address, address);
                    words.push(self.draw.text(address));
                }
                format!("{{ {} }}", words.join(", "))
            }
            2 => match self.named_set(SetKind::Addresses, part) {
                Some(name) => format!("@{name}"),
                None => self.prefix(part),
            },
            _ => self.prefix(part),
        };
        format!("{ip} {side} {not}{value}")
    }

    /// A test of an address of the other IP version, which no packet of the case has.
    pub(super) fn test_of_other_version(&mut self) -> String {
        let (side, _) = self.side();
        let (ip, address) = if self.draw.v6 {
            ("ip", "10.0.0.0/8")
        } else {
            ("ip6", "2001:db8::/32")
        };
        format!("{ip} {side} {}{address}", self.not())
    }

    fn prefix(&mut self, part: Part) -> String {
        let (text, first, last) = self.draw.prefix();
        self.draw.range_edges(part, first, last);
        text
    }

    /// The name of a set of the kind, with the edges of one of its members.
    fn named_set(&mut self, kind: SetKind, part: Part) -> Option<String> {
        let set = self.sets.iter().find(|set| set.kind == kind)?;
        let name = set.name.clone();
        let members = set.members.clone();
        for ((first, last), ports) in members {
            if kind != SetKind::Ports {
                self.draw.range_edges(part, first, last);
            }
            if kind != SetKind::Addresses {
                let port_part = if kind == SetKind::Ports {
                    part
                } else {
                    Part::Dport
                };
                self.draw
                    .range_edges(port_part, ports.0.into(), ports.1.into());
            }
            if self.draw.once_in(2) {
                break;
            }
        }
        Some(name)
    }

    fn masked_address_test(&mut self) -> String {
        let (side, part) = self.side();
        let address = super::super::values::number(self.draw.address());
        let ip = self.ip();
        let bits: u128 = self.draw.one(&[0xff, 0x0f, 0xff00, 0x1]);
        let (mask, value) = (self.draw.text(bits), self.draw.text(address & bits));
        self.draw.range_edges(part, address, address);
        let relation = if self.draw.once_in(3) { "!=" } else { "==" };
        format!("{ip} {side} & {mask} {relation} {value}")
    }

    fn protocol_test(&mut self, proto: &mut Option<u8>) -> String {
        if proto.is_some() {
            return self.address_test();
        }
        let number = self.draw.protocol();
        self.draw.edge(Part::Proto, [number.into()]);
        let word = protocol_word(number);
        match self.draw.rng.below(5) {
            0 => {
                // No header of a transport protocol can be asked for after this.
                *proto = Some(OTHERS);
                format!("meta l4proto != {word}")
            }
            1 => {
                *proto = Some(OTHERS);
                self.draw.edge(Part::Proto, [6, 17]);
                let (first, last) = self.draw.ports();
                self.draw
                    .range_edges(Part::Dport, first.into(), last.into());
                let not = self.not();
                let ports = port_words((first, last));
                format!("meta l4proto {{ tcp, udp }} th dport {not}{ports}")
            }
            2 if !self.inet => {
                *proto = Some(number);
                let header = if self.draw.v6 {
                    "ip6 nexthdr"
                } else {
                    "ip protocol"
                };
                format!("{header} {word}")
            }
            _ => {
                *proto = Some(number);
                format!("meta l4proto {word}")
            }
        }
    }

    fn port_test(&mut self, proto: &str) -> String {
        let (side, part) = if self.draw.once_in(3) {
            ("sport", Part::Sport)
        } else {
            ("dport", Part::Dport)
        };
        let (first, last) = self.draw.ports();
        let words = |maker: &mut Self| {
            maker.draw.range_edges(part, first.into(), last.into());
            port_words((first, last))
        };
        let value = match self.draw.rng.below(6) {
            0 => {
                let relation = self.draw.one(&["<", ">", "<=", ">="]);
                let port = first.clamp(1, 65_534);
                self.draw.range_edges(part, port.into(), port.into());
                return format!("{proto} {side} {relation} {port}");
            }
            1 => {
                let ports: Vec<u16> = (0..3).map(|_| self.draw.ports().0).collect();
                for port in &ports {
                    self.draw.range_edges(part, (*port).into(), (*port).into());
                }
                let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
                format!("{{ {} }}", ports.join(", "))
            }
            2 => match self.named_set(SetKind::Ports, part) {
                Some(name) => format!("@{name}"),
                None => words(self),
            },
            _ => words(self),
        };
        let not = self.not_in_transport();
        format!("{proto} {side} {not}{value}")
    }

    /// A negation, once in a rule, of a test of ports or of the type or code of ICMP: nft 1.0.6 makes one test of
    /// two negated ones that stand beside one another in the header, and so lets either alone satisfy both.
    fn not_in_transport(&mut self) -> &'static str {
        let not = if self.negates_transport {
            ""
        } else {
            self.not()
        };
        self.negates_transport |= !not.is_empty();
        not
    }

    fn flag_test(&mut self) -> String {
        let word = |maker: &mut Self| maker.draw.one(&FLAGS);
        let (one, other) = (word(self), word(self));
        let bit = |name: &str| {
            FLAGS
                .iter()
                .position(|known| *known == name)
                .map_or(0, |at| 1 << at)
        };
        let (a, b): (u128, u128) = (bit(one), bit(other));
        self.draw
            .edge(Part::Flags, [a, b, a | b, 2, 16, 0x12, a | 2, 0]);
        match self.draw.rng.below(7) {
            0 => format!("tcp flags {one}"),
            1 => format!("tcp flags != {one}"),
            2 => format!("tcp flags & (syn | {one}) == {one}"),
            3 => format!("tcp flags & (syn | ack | {one}) != {other}"),
            4 if one != other => format!("tcp flags {{ {one}, {other} }}"),
            5 => format!("tcp flags & {one} == 0"),
            _ => format!("tcp flags ! {one}"),
        }
    }

    fn icmp_test(&mut self, proto: &mut Option<u8>) -> String {
        let (name, number) = if self.draw.v6 {
            ("icmpv6", protocol::ICMPV6)
        } else {
            ("icmp", protocol::ICMP)
        };
        if proto.is_some_and(|known| known != number) {
            return self.address_test();
        }
        *proto = Some(number);
        self.draw.edge(Part::Proto, [number.into()]);
        let (kind, code) = self.draw.icmp();
        self.draw.edge(
            Part::IcmpType,
            [kind.into(), u128::from(kind) + 1, kind.into()],
        );
        let not = self.not_in_transport();
        if self.draw.once_in(3) {
            self.draw
                .edge(Part::IcmpCode, [code.into(), u128::from(code) + 1]);
            return format!("{name} type {kind} {name} code {not}{code}");
        }
        format!("{name} type {not}{kind}")
    }

    fn interface_test(&mut self) -> String {
        let inward = self.draw.once_in(2);
        let field = if inward { "iifname" } else { "oifname" };
        let not = self.not();
        let (name, wild) = self.draw.interface_pattern();
        if inward {
            let fitting = INTERFACES
                .iter()
                .zip(0..)
                .filter(|(candidate, _)| candidate.starts_with(&name));
            let values: Vec<u128> = fitting.map(|(_, number)| number).collect();
            self.draw.edge(Part::Entry, values);
        }
        match self.draw.rng.below(3) {
            0 => format!(
                "{field} {not}{{ \"{}\", \"wan0\" }}",
                if wild { "eth1" } else { name.as_str() }
            )
            .replace("{ \"wan0\", \"wan0\" }", "\"wan0\""),
            1 if !wild => format!("{} {not}\"{name}\"", &field.replace("name", "")),
            _ => format!("{field} {not}\"{name}{}\"", if wild { "*" } else { "" }),
        }
    }

    fn state_test(&mut self, at: Position) -> String {
        let not = self.not();
        if self.translates && at.kind == Kind::Filter && self.draw.once_in(2) {
            let status = self.draw.one(&["dnat", "snat"]);
            return format!("ct status {status}");
        }
        let states = self.draw.one(&[
            "new",
            "invalid",
            "untracked",
            "established,related",
            "new,untracked",
            "{ new, invalid }",
            "{ established, new }",
        ]);
        format!("ct state {not}{states}")
    }

    pub(super) fn mark_test(&mut self, at: Position) -> String {
        let (value, mask) = self.draw.mark();
        let field = if at.kind == Kind::Filter && self.draw.once_in(2) {
            "ct mark"
        } else {
            "meta mark"
        };
        let not = self.not();
        if mask == u32::MAX {
            format!("{field} {not}{value:#x}")
        } else {
            let relation = if not.is_empty() { "==" } else { "!=" };
            format!("{field} & {mask:#x} {relation} {value:#x}")
        }
    }

    /// A test of two fields together.
    fn tuple_test(&mut self, proto: &mut Option<u8>) -> String {
        if proto.is_some_and(|known| known != protocol::TCP) {
            return self.address_test();
        }
        *proto = Some(protocol::TCP);
        self.draw.edge(Part::Proto, [6]);
        let (side, part) = self.side();
        let not = self.not();
        let ip = self.ip();
        if self.draw.once_in(2)
            && let Some(name) = self.named_set(SetKind::Both, part)
        {
            return format!("{ip} {side} . tcp dport {not}@{name}");
        }
        let mut words = Vec::new();
        for _ in 0..self.draw.between(1, 3) {
            let (text, first, last) = self.draw.prefix();
            let ports = self.draw.ports();
            self.draw.range_edges(part, first, last);
            self.draw
                .range_edges(Part::Dport, ports.0.into(), ports.1.into());
            words.push(format!("{text} . {}", port_words(ports)));
        }
        format!("{ip} {side} . tcp dport {not}{{ {} }}", words.join(", "))
    }
}

/// How nftables calls a protocol.
pub(super) fn protocol_word(number: u8) -> String {
    match number {
        protocol::TCP => "tcp".into(),
        protocol::UDP => "udp".into(),
        protocol::ICMP => "icmp".into(),
        protocol::ICMPV6 => "ipv6-icmp".into(),
        protocol::SCTP => "sctp".into(),
        protocol::UDPLITE => "udplite".into(),
        other => other.to_string(),
    }
}
