//! `hairpin-unreachable`: a forwarded port works from outside, and not from the server's own network.

use super::probe;
use crate::declared::at;
use crate::rule::rule;
use crate::shared::is_public;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use ww_base::{Gap, Limits, Order, SourceSpan};
use ww_finding::Support;
use ww_model::filter::{
    Action, Chain, ChainKind, Condition, Family, Field, Hook, Nat, NatKind, Rule, Ruleset, Step,
    Verdict, Way,
};
use ww_model::net::{Interface, InterfaceAddress, Prefix, RouteKind, Stack};
use ww_model::packet::protocol;
use ww_model::{Device, Packet};
use ww_reach::walk::{self, Outcome, Walker};

rule! {
    name: "hairpin-unreachable",
    family: "filters",
    layer: Ip,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A forwarded port cannot be used from the server's own network: the server answers around the translation",
    needs: [FilterRules],
    explains: [],
    page: "hairpin_unreachable.md",
    check: check,
}

/// Services named in a headline.
const NAMED: usize = 3;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for device in &declared.model.devices {
        let forwards = forwards(&device.filter);
        if forwards.is_empty() {
            continue;
        }
        match walk::Device::of(&device.stack) {
            None if forwards.iter().all(|one| one.from_outside) => {}
            None => reports.gap(addresses_missing()),
            Some(known) => {
                let lost = lost(device, &known, &forwards, declared.limits);
                for (network, lost) in by_network(lost) {
                    reports.add_all(lost.len() as u64, story(network, &lost));
                }
            }
        }
    }
}

fn addresses_missing() -> Gap {
    Gap::new(
        "the addresses of the device's interfaces, which say whose own network a forwarded port leads to",
        "ip -j addr on the device, beside its packet filter",
    )
}

/// A rule that sends what comes for some port on to one host.
struct Forward<'m> {
    rule: &'m Rule,
    server: Ipv4Addr,
    /// Only for packets that come in by an interface which is named.
    from_outside: bool,
}

/// A forward that hosts in the server's network cannot use.
struct Lost<'m> {
    at: SourceSpan,
    interface: &'m Interface,
    network: Prefix,
    /// What the clients ask for.
    asked: Packet,
    /// The rule is about some ports.
    names_port: bool,
    server: Ipv4Addr,
}

/// The rules that translate destinations to one private IPv4 address. IPv6 has no need for them.
fn forwards(ruleset: &Ruleset) -> Vec<Forward<'_>> {
    let mut forwards = Vec::new();
    for (rule, from_outside) in translating(ruleset) {
        let actions = rule.steps.iter().filter_map(|step| match step {
            Step::Do(Action::Nat(nat)) => Some(vec![nat]),
            Step::Do(Action::NatMap(entries)) => Some(entries.iter().map(|(_, nat)| nat).collect()),
            _ => None,
        });
        for nat in actions.flatten() {
            if let Some(server) = single_host(nat).filter(Ipv4Addr::is_private) {
                forwards.push(Forward {
                    rule,
                    server,
                    from_outside,
                });
            }
        }
    }
    forwards
}

fn single_host(nat: &Nat) -> Option<Ipv4Addr> {
    let (first, last) = nat.addresses?;
    let is_one = nat.kind == NatKind::Destination && first == last;
    let number = u32::try_from(first).ok().filter(|_| is_one)?;
    Some(Ipv4Addr::from_bits(number))
}

/// The rules of chains that translate IPv4 packets before they are routed, and of those they call;
/// and whether packets get there by a named interface only.
fn translating(ruleset: &Ruleset) -> Vec<(&Rule, bool)> {
    let is_base = |chain: &&Chain| {
        chain.base.as_ref().is_some_and(|base| {
            base.kind == ChainKind::Nat
                && base.hook == Hook::Prerouting
                && base.family != Family::Ip6
        })
    };
    let bases = ruleset.chains.iter().filter(is_base);
    let mut waiting: Vec<(&Chain, bool)> = bases.map(|chain| (chain, false)).collect();
    let mut seen = BTreeSet::new();
    let mut rules = Vec::new();
    while let Some((chain, by_interface)) = waiting.pop() {
        for rule in &chain.rules {
            let by_interface = by_interface || asks_for_interface(rule);
            rules.push((rule, by_interface));
            for verdict in probe::verdicts(rule) {
                if let Verdict::Jump(id) | Verdict::Goto(id) = verdict
                    && seen.insert((id, by_interface))
                {
                    let called = ruleset.chains.get(id.0 as usize);
                    waiting.extend(called.map(|chain| (chain, by_interface)));
                }
            }
        }
    }
    rules.put_in_order_by_key(|(rule, by_interface)| (rule.at, *by_interface));
    rules.dedup_by_key(|(rule, _)| *rule);
    rules
}

fn asks_for_interface(rule: &Rule) -> bool {
    let mut conditions = probe::conditions(rule).into_iter();
    conditions.any(|condition| matches!(condition, Condition::Interface(Way::In, _)))
}

/// The forwards that a client in the server's network cannot use, by what becomes of its packets.
fn lost<'m>(
    device: &'m Device,
    known: &walk::Device,
    forwards: &[Forward<'m>],
    limits: &Limits,
) -> Vec<Lost<'m>> {
    let walker = Walker::new(&device.filter, Some(known), limits);
    let mut lost: Vec<Lost<'m>> = Vec::new();
    for forward in forwards {
        let Some((interface, own)) = home(&device.stack, forward.server) else {
            continue;
        };
        let Some(client) = client(&device.stack, own.network, forward.server) else {
            continue;
        };
        for public in public_addresses(&device.stack, interface) {
            let asked = first_packet(forward.rule, client, public, &interface.name);
            if is_lost(&walker, &asked, forward.server) {
                lost.push(Lost {
                    at: forward.rule.at,
                    interface,
                    network: own.network,
                    asked,
                    names_port: names_port(forward.rule),
                    server: forward.server,
                });
                break;
            }
        }
    }
    lost
}

/// Whether the client's packet reaches the server with the client's own address, which the server
/// then answers without this device in between.
fn is_lost(walker: &Walker<'_>, asked: &Packet, server: Ipv4Addr) -> bool {
    let walk = walker.decide(Hook::Input, asked);
    let stays = walk.after.src == (asked.src, asked.src);
    let server = IpAddr::V4(server);
    walk.outcome == Outcome::Accept && walk.after.dst == (server, server) && stays
}

/// The interface in whose network a server is. Not one that leads to the internet, whose other hosts
/// are neighbours and no clients, and not one of a network inside this device, whose packets its
/// bridge may show to connection tracking.
fn home(stack: &Stack, server: Ipv4Addr) -> Option<(&Interface, &InterfaceAddress)> {
    let server = IpAddr::V4(server);
    let inside = stack.interfaces.iter().filter(|interface| {
        interface.up && !is_virtual(&interface.name) && !leads_everywhere(stack, &interface.name)
    });
    let mut addresses =
        inside.flat_map(|interface| interface.addresses.iter().map(move |own| (interface, own)));
    addresses.find(|(_, own)| {
        own.network.contains(server) && own.network.length() <= 30 && own.address != server
    })
}

/// Beginnings of the names that engines for containers and virtual machines give their bridges.
const VIRTUAL: [&str; 14] = [
    "docker", "br-", "cni", "cbr", "veth", "virbr", "vmbr", "vnet", "cali", "flannel", "weave",
    "lxc", "lxdbr", "podman",
];

fn is_virtual(name: &str) -> bool {
    // OpenWrt calls the bridge of its switch br-lan.
    let is_switch = name.starts_with("br-lan");
    !is_switch && VIRTUAL.iter().any(|beginning| name.starts_with(beginning))
}

fn leads_everywhere(stack: &Stack, name: &str) -> bool {
    stack.routes.iter().any(|route| {
        let mut hops = route.hops.iter();
        route.kind == RouteKind::Unicast
            && route.destination.is_ip4()
            && route.destination.length() == 0
            && hops.any(|hop| hop.interface.as_deref() == Some(name))
    })
}

/// A host of the network that is neither the server nor this device.
fn client(stack: &Stack, network: Prefix, server: Ipv4Addr) -> Option<Ipv4Addr> {
    let IpAddr::V4(base) = network.address() else {
        return None;
    };
    let own = |address: Ipv4Addr| {
        let mut all = stack.interfaces.iter().flat_map(|one| &one.addresses);
        all.any(|own| own.address == IpAddr::V4(address))
    };
    let size = 1u32.checked_shl(32 - u32::from(network.length()))?;
    (1..size - 1)
        .rev()
        .map(|host| Ipv4Addr::from_bits(base.to_bits() | host))
        .find(|address| *address != server && !own(*address))
}

/// The device's IPv4 addresses by which the outside knows the server: those of another interface that
/// leads to the internet, or that are good there.
fn public_addresses<'m>(
    stack: &'m Stack,
    home: &'m Interface,
) -> impl Iterator<Item = Ipv4Addr> + 'm {
    let others = stack
        .interfaces
        .iter()
        .filter(|interface| interface.up && interface.name != home.name);
    others.flat_map(|interface| {
        let leads_out = leads_everywhere(stack, &interface.name);
        let addresses = interface.addresses.iter();
        addresses.filter_map(move |own| match own.address {
            IpAddr::V4(address) if leads_out || is_public(own.address) => Some(address),
            _ => None,
        })
    })
}

/// A client's first packet to the port that a rule forwards.
fn first_packet(rule: &Rule, client: Ipv4Addr, public: Ipv4Addr, interface: &str) -> Packet {
    let (mut proto, mut port) = (protocol::TCP, 443);
    for condition in probe::conditions(rule) {
        match condition {
            Condition::In(Field::Protocol, wanted) if !wanted.contains(proto.into()) => {
                let first = wanted.iter().next().map(|(first, _)| first);
                proto = first
                    .and_then(|first| u8::try_from(first).ok())
                    .unwrap_or(proto);
            }
            Condition::In(Field::DstPort, wanted) => {
                let first = wanted.iter().next().map(|(first, _)| first);
                port = first
                    .and_then(|first| u16::try_from(first).ok())
                    .unwrap_or(port);
            }
            _ => {}
        }
    }
    let mut packet = probe::packet(client.into(), public.into(), proto, (50_123, port));
    interface.clone_into(&mut packet.iif);
    packet.oif = String::new();
    packet
}

fn names_port(rule: &Rule) -> bool {
    let mut conditions = probe::conditions(rule).into_iter();
    conditions.any(|condition| matches!(condition, Condition::In(Field::DstPort, _)))
}

/// The forwards by the network of their server, in order of appearance.
fn by_network(lost: Vec<Lost<'_>>) -> Vec<(&Interface, Vec<Lost<'_>>)> {
    let mut networks: Vec<(&Interface, Vec<Lost<'_>>)> = Vec::new();
    for one in lost {
        match networks
            .iter_mut()
            .find(|(interface, _)| interface.name == one.interface.name)
        {
            Some((_, list)) => list.push(one),
            None => networks.push((one.interface, vec![one])),
        }
    }
    networks
}

fn story(interface: &Interface, lost: &[Lost<'_>]) -> Story {
    let mut services: Vec<String> = Vec::new();
    for one in lost {
        let service = service(one);
        if !services.contains(&service) {
            services.push(service);
        }
    }
    let more = services.len() > NAMED;
    services.truncate(NAMED);
    let services = services.join(", ") + if more { ", …" } else { "" };
    let name = &interface.name;
    let network = lost
        .first()
        .map_or_else(String::new, |one| one.network.to_string());
    let mut story = Story::proved(
        format!(
            "Hosts in {network} at {name} cannot use {services}: the server is in their own network and answers them directly, from an address that they did not ask"
        ),
        format!(
            "a name server that gives hosts at {name} the server's own address (split DNS), or a connection of theirs to the public address that is set up"
        ),
    )
    .support(Support::Declared);
    for one in lost.iter().take(NAMED) {
        story = story.show(at(
            one.at,
            format!(
                "sends {} on to {}, without a restriction to outside",
                service(one),
                one.server
            ),
        ));
    }
    if let Some(own) = lost.first().and_then(|one| {
        let mut own = interface.addresses.iter();
        own.find(|own| own.network == one.network)
    }) {
        story = story.show(at(
            own.at,
            format!("{name} is in the network of the server"),
        ));
    }
    let server = lost
        .first()
        .map_or_else(String::new, |one| one.server.to_string());
    story.advise(format!(
        "Translate the source of such connections too: iptables -t nat -A POSTROUTING -s {network} -d {server} -o {name} -j MASQUERADE; or let the name of the service mean {server} inside"
    ))
}

/// `198.51.100.2:443/tcp`; the address alone where all ports are forwarded.
fn service(lost: &Lost<'_>) -> String {
    let asked = &lost.asked;
    match asked.proto {
        _ if !lost.names_port => asked.dst.to_string(),
        protocol::TCP => format!("{}:{}/tcp", asked.dst, asked.dport),
        protocol::UDP => format!("{}:{}/udp", asked.dst, asked.dport),
        other => format!("{} (protocol {other})", asked.dst),
    }
}
