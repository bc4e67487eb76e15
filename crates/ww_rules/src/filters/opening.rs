//! Rules that open ports, and the packets that they ask for.

use super::probe::{self, Prober, Version};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ww_model::Packet;
use ww_model::filter::{Condition, Field, Hook, Rule, Verdict, Way};
use ww_model::packet::protocol;

/// The rules that accept connections to ports they name.
pub(crate) fn rules<'a>(
    prober: &Prober<'a>,
    hook: Hook,
    version: Version,
) -> impl Iterator<Item = &'a Rule> {
    let chains = prober.base_chains(hook, version);
    let rules: Vec<&Rule> = chains.flat_map(|chain| prober.rules_from(chain)).collect();
    rules.into_iter().filter(|rule| {
        let is_about_ports = |one: &&Condition| matches!(one, Condition::In(Field::DstPort, _));
        probe::verdicts(rule).any(|verdict| verdict == Verdict::Accept)
            && probe::conditions(rule).iter().any(is_about_ports)
    })
}

/// A first packet that the conditions of a rule ask for, as far as they say.
pub(crate) fn first_packet(
    prober: &Prober<'_>,
    rule: &Rule,
    hook: Hook,
    version: Version,
) -> Option<Packet> {
    let [from, to] = version.world();
    let mut packet = probe::packet(from, to, protocol::TCP, (prober.quiet_port(), 0));
    for condition in probe::conditions(rule) {
        match condition {
            Condition::Interface(way, name) => {
                let name = probe::example(name);
                match way {
                    Way::In => packet.iif = name,
                    Way::Out => packet.oif = name,
                }
            }
            Condition::In(field, wanted) => {
                let (first, _) = wanted.iter().next()?;
                match field {
                    Field::Src4 | Field::Src6 => packet.src = host(first, version),
                    Field::Dst4 | Field::Dst6 => packet.dst = host(first, version),
                    Field::Protocol if !wanted.contains(protocol::TCP.into()) => {
                        packet.proto = u8::try_from(first).ok()?;
                        packet.tcp_flags = 0;
                    }
                    Field::DstPort => packet.dport = u16::try_from(first).ok()?,
                    Field::SrcPort if !wanted.contains(packet.sport.into()) => {
                        packet.sport = u16::try_from(first).ok()?;
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    if hook == Hook::Input {
        packet.oif = String::new();
    }
    let is_connection = [protocol::TCP, protocol::UDP].contains(&packet.proto);
    let is_own = packet.iif == "lo" || packet.oif == "lo" || packet.src.is_loopback();
    (is_connection && !is_own).then_some(packet)
}

fn host(number: u128, version: Version) -> IpAddr {
    match version {
        Version::V4 => IpAddr::V4(Ipv4Addr::from_bits(number as u32)),
        Version::V6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
    }
}
