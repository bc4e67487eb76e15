//! `route-to-nowhere`: packets for a route's destinations cannot leave by it.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::net::IpAddr;
use ww_base::SourceSpan;
use ww_finding::Severity;
use ww_model::net::{Interface, NextHop, Prefix, Route, RouteKind, Stack, Tunnel};

rule! {
    name: "route-to-nowhere",
    family: "routes",
    layer: Ip,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A route leads to a router or an interface that is not there, or to a tunnel without a peer for it",
    needs: [Routes],
    explains: [],
    page: "route_to_nowhere.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for device in &declared.model.devices {
        let stack = &device.stack;
        let forwarding = stack.routes.iter().filter(|route| {
            route.kind == RouteKind::Unicast && !is_link_local(route.destination.address())
        });
        for route in forwarding {
            let mut troubles = route
                .hops
                .iter()
                .filter_map(|hop| trouble(stack, route, hop));
            if let Some(trouble) = troubles.next() {
                reports.add(story(stack, route, &trouble));
            }
        }
    }
}

/// Why a next hop leads nowhere.
enum Trouble<'m> {
    /// The interface is not among those of the device.
    Missing(&'m str),
    /// The interface is switched off.
    Down(&'m Interface),
    /// The router is in no network of the interface; where one of another interface holds it, that.
    NotThere(IpAddr, Option<(&'m Interface, SourceSpan)>),
    /// No peer of the tunnel takes any address of the destination.
    NoPeer(&'m Tunnel),
}

fn trouble<'m>(stack: &'m Stack, route: &Route, hop: &'m NextHop) -> Option<Trouble<'m>> {
    let way = hop.interface.as_deref();
    let known = way.and_then(|way| stack.interfaces.iter().find(|one| one.name == way));
    let tunnel = way.and_then(|way| stack.tunnels.iter().find(|one| one.interface == way));
    match (way, known) {
        (Some(way), None) if tunnel.is_none() && lists_all_interfaces(stack) => {
            return Some(Trouble::Missing(way));
        }
        (_, Some(interface)) if !interface.up => return Some(Trouble::Down(interface)),
        _ => {}
    }
    if let Some(tunnel) = tunnel {
        let has_peer = attached(known, route.destination) || may_take(tunnel, route.destination);
        return (!has_peer).then_some(Trouble::NoPeer(tunnel));
    }
    let gateway = hop.gateway.filter(|gateway| {
        !hop.on_link && !is_link_local(*gateway) && lists_all_addresses(stack, *gateway)
    })?;
    (!is_on_link(stack, gateway, way))
        .then(|| Trouble::NotThere(gateway, holder(stack, gateway, way)))
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Whether the device's interfaces are all known: `ip addr` lists the loopback interface, unless it
/// was asked for some interfaces only.
fn lists_all_interfaces(stack: &Stack) -> bool {
    stack.interfaces.iter().any(|one| one.name == "lo")
}

/// Whether the addresses of a family are all known, which the one for loopback shows.
fn lists_all_addresses(stack: &Stack, like: IpAddr) -> bool {
    let loopback = stack.interfaces.iter().filter(|one| one.name == "lo");
    loopback
        .flat_map(|one| &one.addresses)
        .any(|own| own.address.is_loopback() && own.address.is_ipv4() == like.is_ipv4())
}

/// Whether a network is that of the interface itself, or in it.
fn attached(interface: Option<&Interface>, network: Prefix) -> bool {
    let addresses = interface.into_iter().flat_map(|one| &one.addresses);
    let mut networks = addresses.map(|own| own.network);
    networks.any(|own| own == network)
}

/// Whether a peer may take packets to some address of the network. A tunnel whose peers have no
/// networks at all gets them from somebody else.
fn may_take(tunnel: &Tunnel, network: Prefix) -> bool {
    let mut allowed = tunnel
        .peers
        .iter()
        .flat_map(|peer| &peer.allowed)
        .peekable();
    allowed.peek().is_none()
        || allowed
            .any(|(held, _)| held.contains(network.address()) || network.contains(held.address()))
}

/// Whether a router is reached without another router in between, as Linux asks when a route is
/// added: by a network of the interface, or by a route without a router.
fn is_on_link(stack: &Stack, gateway: IpAddr, way: Option<&str>) -> bool {
    let is_way = |name: &str| way.is_none_or(|way| way == name);
    let mut interfaces = stack.interfaces.iter().filter(|one| is_way(&one.name));
    let in_network = interfaces.any(|one| {
        let mut addresses = one.addresses.iter();
        addresses.any(|own| own.network.contains(gateway))
    });
    let direct = |route: &Route| {
        let mut hops = route.hops.iter();
        let leads_there =
            hops.any(|hop| hop.gateway.is_none() && hop.interface.as_deref().is_some_and(is_way));
        route.kind == RouteKind::Unicast && route.destination.contains(gateway) && leads_there
    };
    in_network || stack.routes.iter().any(direct)
}

/// Another interface, in whose network a router is.
fn holder<'m>(
    stack: &'m Stack,
    gateway: IpAddr,
    way: Option<&str>,
) -> Option<(&'m Interface, SourceSpan)> {
    let others = stack
        .interfaces
        .iter()
        .filter(|one| Some(&*one.name) != way);
    let mut addresses = others.flat_map(|one| one.addresses.iter().map(move |own| (one, own)));
    let (interface, own) = addresses.find(|(_, own)| own.network.contains(gateway))?;
    Some((interface, own.at))
}

/// What the lost way means: less where another one of the route works, or another route.
fn severity(stack: &Stack, route: &Route) -> Option<Severity> {
    let works = |one: &Route| {
        let mut hops = one.hops.iter();
        hops.any(|hop| trouble(stack, one, hop).is_none())
    };
    let same = |other: &Route| {
        other.at != route.at
            && (other.table, other.destination) == (route.table, route.destination)
            && other.source == route.source
    };
    if works(route) {
        return Some(Severity::Medium);
    }
    let mut routes = stack.routes.iter();
    routes
        .any(|other| same(other) && works(other))
        .then_some(Severity::Low)
}

fn story(stack: &Stack, route: &Route, trouble: &Trouble<'_>) -> Story {
    let to = match route.destination.length() {
        0 if route.destination.is_ip4() => "all other addresses (IPv4)".to_owned(),
        0 => "all other addresses (IPv6)".to_owned(),
        _ => route.destination.to_string(),
    };
    let subject = if route.hops.len() > 1 {
        format!("One of several ways to {to}")
    } else {
        format!("The route to {to}")
    };
    let (headline, place, says, advice) = match trouble {
        Trouble::Missing(way) => (
            format!("{subject} leads to interface {way}, which this device does not have"),
            None,
            format!("leads to {way}"),
            "Name the interface that is meant, or create it before the route is added",
        ),
        Trouble::Down(interface) => (
            format!(
                "{subject} leads to interface {}, which is switched off",
                interface.name
            ),
            Some((interface.at, format!("{} is not UP", interface.name))),
            format!("leads to {}", interface.name),
            "Switch the interface on (ip link set dev INTERFACE up), or remove the route",
        ),
        Trouble::NotThere(gateway, None) => (
            format!("{subject} leads to router {gateway}, which is in no network of this device"),
            None,
            format!("leads to {gateway}"),
            "Name a router in a network of this device, or give an interface the address that it lost",
        ),
        Trouble::NotThere(gateway, Some((interface, attached_at))) => (
            format!(
                "{subject} looks for router {gateway} at the wrong interface: its network is at {}",
                interface.name
            ),
            Some((
                *attached_at,
                format!("{gateway} is in the network of {}", interface.name),
            )),
            format!("looks for {gateway} elsewhere"),
            "Name the interface that the router's network is at, or none",
        ),
        Trouble::NoPeer(tunnel) => (
            format!(
                "{subject} leads to tunnel {}, and no peer there has it in AllowedIPs",
                tunnel.interface
            ),
            Some((tunnel.at, "no peer takes it".to_owned())),
            format!("leads to {}", tunnel.interface),
            "Add the network to AllowedIPs of the peer that it is behind",
        ),
    };
    let mut story = Story::proved(headline, "an answer from a host there, over this route")
        .show(at(route.at, says));
    if let Some((place, says)) = place {
        story = story.show(at(place, says));
    }
    if let Some(severity) = severity(stack, route) {
        story = story.severity(severity);
    }
    story.advise(advice)
}
