//! Where a device sends a packet, and by which line.

use std::net::IpAddr;

use ww_base::{Gap, Locus};
use ww_model::net::{Decision, Question, Route, RouteKind, RoutingRule, Stack};
use ww_model::{Device, Packet};

use crate::answer::Step;

/// Where a device sends a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way<'a> {
    /// It is for the device itself.
    Here,
    /// Out by this interface, to this next hop.
    Out(&'a str, IpAddr),
    /// Nowhere.
    Nowhere,
    /// It cannot be told.
    Unclear(Gap),
}

/// A way with the line that decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Routed<'a> {
    pub(super) way: Way<'a>,
    pub(super) step: Step,
}

/// Where the device sends the packet; `came_in` is empty for one of its own.
pub(super) fn of<'a>(device: &'a Device, packet: &Packet, came_in: &str) -> Routed<'a> {
    let decision = device.stack.decide(&question(packet, came_in));
    told(device, packet, &decision)
}

/// The same for a packet to which the device's filter has given a mark that is not known when it is
/// routed: unclear where a routing rule would send it elsewhere for some mark.
pub(super) fn of_marked<'a>(device: &'a Device, packet: &Packet, came_in: &str) -> Routed<'a> {
    let stack = &device.stack;
    let question = question(packet, came_in);
    let decision = stack.decide(&question);
    let Some(rule) = rule_of_marks(stack, &question, &decision) else {
        return told(device, packet, &decision);
    };
    let gap = Gap::new(
        format!(
            "the mark of packets to {} when {} routes them",
            packet.dst, device.name
        ),
        format!("ip route get {} mark … on {}", packet.dst, device.name),
    );
    Routed {
        way: Way::Unclear(gap),
        step: Step {
            at: Locus::Text(rule.at),
            says: "this routing rule chooses by the mark that the filter gives".to_owned(),
        },
    }
}

/// Whether packets from the address may come in by the interface where the device checks that its
/// replies would leave there (`rp_filter`).
pub(super) fn comes_from(device: &Device, packet: &Packet, came_in: &str) -> bool {
    let back = Packet {
        src: packet.dst,
        dst: packet.src,
        ..packet.clone()
    };
    let way = of(device, &back, "").way;
    matches!(way, Way::Out(interface, _) if interface == came_in)
}

fn question<'q>(packet: &Packet, came_in: &'q str) -> Question<'q> {
    Question {
        source: Some(packet.src),
        destination: packet.dst,
        in_interface: if came_in.is_empty() { "lo" } else { came_in },
        out_interface: None,
        mark: packet.mark,
        protocol: packet.proto,
        source_port: packet.sport,
        destination_port: packet.dport,
    }
}

/// The rule for whose mark the packet would go elsewhere.
fn rule_of_marks<'s>(
    stack: &'s Stack,
    question: &Question<'_>,
    decision: &Decision<'_>,
) -> Option<&'s RoutingRule> {
    stack.rules.iter().find(|rule| {
        rule.mark.is_some_and(|(mark, _)| {
            let marked = Question { mark, ..*question };
            stack.decide(&marked) != *decision
        })
    })
}

fn told<'a>(device: &'a Device, packet: &Packet, decision: &Decision<'a>) -> Routed<'a> {
    let text = |at| Locus::Text(at);
    let (way, at, says) = match decision {
        Decision::Route(route) => {
            let (way, says) = by_route(device, packet, route);
            (way, text(route.at), says)
        }
        Decision::Refused(rule) => {
            let says = format!("a routing rule refuses packets to {}", packet.dst);
            (Way::Nowhere, text(rule.at), says)
        }
        Decision::NoRoute => {
            let says = format!("no route to {}", packet.dst);
            (Way::Nowhere, where_routes_are(&device.stack), says)
        }
        Decision::Unknown(rule) => {
            let test = rule.not_modelled.as_deref().unwrap_or_default();
            let gap = Gap::new(
                format!("whether this routing rule of {} holds: {test}", device.name),
                format!("ip route get {} on {}", packet.dst, device.name),
            );
            (
                Way::Unclear(gap),
                text(rule.at),
                "it depends on this routing rule".to_owned(),
            )
        }
    };
    Routed {
        way,
        step: Step { at, says },
    }
}

fn by_route<'a>(device: &'a Device, packet: &Packet, route: &'a Route) -> (Way<'a>, String) {
    let to = route.destination;
    match route.kind {
        RouteKind::Unicast => by_hops(device, packet, route),
        RouteKind::Local => (Way::Here, format!("{} is its own", packet.dst)),
        RouteKind::Blackhole => (Way::Nowhere, format!("the route to {to} is a black hole")),
        RouteKind::Unreachable => (
            Way::Nowhere,
            format!("the route says that {to} is unreachable"),
        ),
        RouteKind::Prohibit => (Way::Nowhere, format!("the route prohibits {to}")),
        RouteKind::Broadcast | RouteKind::Multicast | RouteKind::Throw => {
            let gap = Gap::new(
                format!(
                    "who takes packets to {}, which is no single host",
                    packet.dst
                ),
                "ask about one host",
            );
            (Way::Unclear(gap), format!("{to} is no single host"))
        }
    }
}

fn by_hops<'a>(device: &'a Device, packet: &Packet, route: &'a Route) -> (Way<'a>, String) {
    let to = route.destination;
    let [hop] = route.hops.as_slice() else {
        let gap = Gap::new(
            format!(
                "which of {} next hops {} chooses for {}",
                route.hops.len(),
                device.name,
                packet.dst
            ),
            format!("ip route get {} on {}", packet.dst, device.name),
        );
        return (
            Way::Unclear(gap),
            format!("the route to {to} has several next hops"),
        );
    };
    let next = hop.gateway.unwrap_or(packet.dst);
    let Some(interface) = hop.interface.as_deref().or_else(|| link_of(device, next)) else {
        let gap = Gap::new(
            format!("by which interface {} reaches {next}", device.name),
            format!("ip route get {next} on {}", device.name),
        );
        return (
            Way::Unclear(gap),
            format!("the route to {to} names no interface"),
        );
    };
    let via = hop
        .gateway
        .map_or(String::new(), |gateway| format!(" via {gateway}"));
    (
        Way::Out(interface, next),
        format!("route to {to}{via} by {interface}"),
    )
}

/// The interface on whose network an address is.
pub(super) fn link_of(device: &Device, next: IpAddr) -> Option<&str> {
    let mut interfaces = device.stack.interfaces.iter();
    let found = interfaces.find(|one| one.addresses.iter().any(|own| own.network.contains(next)));
    found.map(|one| one.name.as_str())
}

/// The text that holds the device's routes, for what is not in it.
fn where_routes_are(stack: &Stack) -> Locus {
    let routes = stack.routes.iter().map(|route| route.at);
    let interfaces = stack.interfaces.iter().map(|interface| interface.at);
    let first = routes.chain(interfaces).next();
    first.map_or_else(
        || Locus::Assumed {
            by: "a device without declared routes".to_owned(),
        },
        |at| Locus::Whole(at.source),
    )
}
