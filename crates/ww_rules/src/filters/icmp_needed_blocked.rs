//! `icmp-needed-blocked`: ICMP messages that TCP/IP cannot do without are thrown away.

use super::probe::{self, Prober, Version};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::net::{IpAddr, Ipv6Addr};
use ww_finding::Support;
use ww_model::Packet;
use ww_model::filter::Hook;
use ww_model::net::Stack;
use ww_model::packet::{CtState, protocol};
use ww_reach::walk::{By, Walk};

rule! {
    name: "icmp-needed-blocked",
    family: "filters",
    layer: Ip,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A packet filter throws away ICMP messages that path MTU discovery or IPv6 itself needs",
    needs: [FilterRules],
    explains: [],
    page: "icmp_needed_blocked.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for device in &declared.model.devices {
        let prober = Prober::new(device, declared.limits);
        for version in Version::BOTH {
            for hook in [Hook::Input, Hook::Forward] {
                if !prober.filters(hook, version) {
                    continue;
                }
                let of_tcp = walks(&prober, hook, version, &established(version));
                let of_icmp = walks(&prober, hook, version, &too_big(version));
                if let Some(by) = stopped_where_passing(&of_tcp, &of_icmp) {
                    reports
                        .stories
                        .extend(path_mtu(&prober, hook, version, by).map(|it| (1, it)));
                }
            }
        }
        let mut messages = NEIGHBOUR_MESSAGES.iter();
        if may_use_ip6(&device.stack)
            && let Some((message, by)) = messages
                .find_map(|message| Some((message, stops_neighbours(&prober, message.icmp_type)?)))
        {
            let told = neighbours(&prober, message, by);
            reports.stories.extend(told.map(|it| (1, it)));
        }
    }
}

fn walks(prober: &Prober<'_>, hook: Hook, version: Version, packet: &Packet) -> Vec<Walk> {
    match hook {
        Hook::Forward => prober.through_device(packet),
        _ => prober.to_device(version, packet),
    }
}

/// A packet of a connection that has been answered.
fn established(version: Version) -> Packet {
    probe::reply(version, protocol::TCP, (443, 40_000))
}

/// The error of a router on the way: this packet is too big for the next link.
fn too_big(version: Version) -> Packet {
    let (proto, icmp_type, icmp_code) = match version {
        Version::V4 => (protocol::ICMP, 3, 4),
        Version::V6 => (protocol::ICMPV6, 2, 0),
    };
    Packet {
        icmp_type,
        icmp_code,
        ct_state: CtState::Related,
        ..probe::reply(version, proto, (0, 0))
    }
}

/// Who stops one packet wherever the other passes, if it passes anywhere.
fn stopped_where_passing(passing: &[Walk], stopped: &[Walk]) -> Option<By> {
    let mut by = None;
    for (one, other) in passing.iter().zip(stopped) {
        if !probe::passes(one) {
            continue;
        }
        if !probe::is_stopped(other) {
            return None;
        }
        by = by.or(Some(other.by));
    }
    by
}

/// Whether the device may have an IPv6 address, for all that is known of its interfaces.
fn may_use_ip6(stack: &Stack) -> bool {
    let mut addresses = stack.interfaces.iter().flat_map(|one| &one.addresses);
    stack.interfaces.is_empty()
        || addresses.any(|own| own.address.is_ipv6() && !own.address.is_loopback())
}

/// A message by which neighbours find one another.
struct NeighbourMessage {
    icmp_type: u8,
    /// What it is, of many hosts.
    name: &'static str,
    /// What comes of it when it is stopped.
    so: &'static str,
}

/// The question for a neighbour's address, and the answer. Routers are asked for by hosts that
/// configure themselves only, which rules do not show.
const NEIGHBOUR_MESSAGES: [NeighbourMessage; 2] = [
    NeighbourMessage {
        icmp_type: 135,
        name: "neighbour solicitations",
        so: "they do not find this device",
    },
    NeighbourMessage {
        icmp_type: 136,
        name: "neighbour advertisements",
        so: "this device does not find them",
    },
];

/// Who stops a message of neighbour discovery wherever IPv6 is in use.
fn stops_neighbours(prober: &Prober<'_>, icmp_type: u8) -> Option<By> {
    if !prober.filters(Hook::Input, Version::V6) {
        return None;
    }
    let mut by = None;
    for iif in prober.interfaces() {
        let over = |packet: Packet| Packet {
            iif: iif.clone(),
            oif: String::new(),
            ..packet
        };
        let connection = over(Packet {
            dst: Version::V6.anywhere(),
            ..established(Version::V6)
        });
        if !probe::passes(&prober.decide(Hook::Input, &connection)) {
            continue;
        }
        // Connection tracking leaves neighbour discovery alone.
        let from = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));
        // Who asks does not know the address yet, and sends to a group; who answers does.
        let to = match icmp_type {
            136 => Version::V6.anywhere(),
            _ => IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0x1724)),
        };
        let message = over(Packet {
            icmp_type,
            ct_state: CtState::Untracked,
            ..probe::packet(from, to, protocol::ICMPV6, (0, 0))
        });
        let walk = prober.decide(Hook::Input, &message);
        if !probe::is_stopped(&walk) {
            return None;
        }
        by = by.or(Some(walk.by));
    }
    by
}

fn path_mtu(prober: &Prober<'_>, hook: Hook, version: Version, by: By) -> Option<Story> {
    let (words, place) = prober.decider(by)?;
    let (message, way) = match version {
        Version::V4 => (
            "ICMP fragmentation needed (type 3, code 4)",
            "-p icmp --icmp-type fragmentation-needed",
        ),
        Version::V6 => (
            "ICMPv6 packet too big (type 2)",
            "-p ipv6-icmp --icmpv6-type packet-too-big",
        ),
    };
    let whose = match hook {
        Hook::Forward => "of hosts behind this device",
        _ => "of this device",
    };
    Some(
        Story::proved(
            format!(
                "Connections {whose} pass, but {words} stops {message} of routers that no rule names: transfers stall where a link on the way is smaller"
            ),
            "ping with the don't-fragment bit over the smallest link (ping -M do -s 1472) that reports the smaller MTU",
        )
        .support(Support::Declared)
        .show(at(place, format!("stops {message}")))
        .advise(format!(
            "Accept related packets with the established ones, or {way} by itself (nft: icmp type destination-unreachable, icmpv6 type packet-too-big)"
        )),
    )
}

fn neighbours(prober: &Prober<'_>, message: &NeighbourMessage, by: By) -> Option<Story> {
    let (words, place) = prober.decider(by)?;
    Some(
        Story::proved(
            format!(
                "{words} stops ICMPv6 {} of hosts that no rule names: {}, so that IPv6 does not work",
                message.name, message.so,
            ).replacen("the policy", "The policy", 1).replacen("a rule", "A rule", 1),
            "ip -6 neigh on a neighbour that lists this device as REACHABLE",
        )
        .support(Support::Declared)
        .show(at(place, format!("stops ICMPv6 type {}", message.icmp_type)))
        .advise("Accept ICMPv6 types 133 to 136 with hop limit 255 before all else, or all of ICMPv6"),
    )
}
