//! `overlapping-networks`: a network that is attached here is also said to be somewhere else.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::SourceSpan;
use ww_finding::Severity;
use ww_model::net::{Interface, InterfaceAddress, Prefix, Route, RouteKind, Stack, TableId};

rule! {
    name: "overlapping-networks",
    family: "routes",
    layer: Ip,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "The same addresses are said to be in two places: hosts in one of them are not reached",
    needs: [Routes],
    explains: [],
    page: "overlapping_networks.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for device in &declared.model.devices {
        let attached = attached(&device.stack);
        for (place, (interface, own)) in attached.iter().enumerate() {
            for (other, theirs) in attached.iter().skip(place + 1) {
                if other.name != interface.name && overlap(own.network, theirs.network) {
                    reports.add(twice((interface, own), (other, theirs)));
                }
            }
            if let Some((route, way)) = taken_away(&device.stack, interface, own) {
                reports.add(elsewhere((interface, own), route, way));
            }
        }
    }
}

/// The networks that interfaces are in: those that are up, and networks of more than two hosts.
fn attached(stack: &Stack) -> Vec<(&Interface, &InterfaceAddress)> {
    let interfaces = stack.interfaces.iter();
    interfaces
        .filter(|interface| interface.up && interface.name != "lo")
        .flat_map(|interface| interface.addresses.iter().map(move |own| (interface, own)))
        .filter(|(_, own)| is_wide(own.network))
        .collect()
}

/// Whether a network holds more than the two ends of a link; link-local networks are on every
/// interface.
fn is_wide(network: Prefix) -> bool {
    let is_link_local = match network.address() {
        std::net::IpAddr::V4(address) => address.is_link_local(),
        std::net::IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let longest = if network.is_ip4() { 30 } else { 126 };
    !is_link_local && (1..=longest).contains(&network.length())
}

fn overlap(one: Prefix, other: Prefix) -> bool {
    one.is_ip4() == other.is_ip4()
        && (one.contains(other.address()) || other.contains(one.address()))
}

/// A route that sends packets for an attached network, or for a part of it, another way.
fn taken_away<'s>(
    stack: &'s Stack,
    interface: &Interface,
    own: &InterfaceAddress,
) -> Option<(&'s Route, &'s str)> {
    stack.routes.iter().find_map(|route| {
        let within = route.destination.length() >= own.network.length()
            && overlap(own.network, route.destination);
        let way = route.hops.iter().find_map(|hop| hop.interface.as_deref())?;
        let attached_there = stack.interfaces.iter().any(|one| {
            one.name == way
                && one
                    .addresses
                    .iter()
                    .any(|known| known.network == route.destination)
        });
        let is_elsewhere = way != interface.name && !attached_there;
        let counts = route.table == TableId::MAIN && route.kind == RouteKind::Unicast;
        (counts && within && is_elsewhere && is_wide(route.destination)).then_some((route, way))
    })
}

/// Two interfaces in networks that overlap.
fn twice(
    (one, own): (&Interface, &InterfaceAddress),
    (other, theirs): (&Interface, &InterfaceAddress),
) -> Story {
    let same = own.network == theirs.network;
    let headline = if same {
        format!(
            "{} is attached twice, at {} and {}: the route of one of them decides",
            own.network, one.name, other.name
        )
    } else {
        format!(
            "{} at {} and {} at {} overlap: hosts in both are looked for in one of them only",
            own.network, one.name, theirs.network, other.name
        )
    };
    let severity = if same {
        Severity::Low
    } else {
        Severity::Medium
    };
    told(
        headline,
        one,
        own.at,
        &format!("{} is at {}", own.network, one.name),
    )
    .severity(severity)
    .show(at(
        theirs.at,
        format!("{} is at {}", theirs.network, other.name),
    ))
}

/// A route that leads away from an attached network.
fn elsewhere((interface, own): (&Interface, &InterfaceAddress), route: &Route, way: &str) -> Story {
    told(
        format!(
            "{} is attached at {}, and packets for {} go to {way}: hosts at {} may not be reached",
            own.network, interface.name, route.destination, interface.name
        ),
        interface,
        route.at,
        &format!("{} goes to {way}", route.destination),
    )
    .show(at(
        own.at,
        format!("{} is at {}", own.network, interface.name),
    ))
}

fn told(headline: String, interface: &Interface, place: SourceSpan, says: &str) -> Story {
    Story::proved(
        headline,
        format!(
            "ip route get ADDRESS that answers with {} for a host that is there",
            interface.name
        ),
    )
    .show(at(place, says))
    .advise(
        "Number one of the two networks anew, or translate it one to one where they meet (NETMAP)",
    )
}
