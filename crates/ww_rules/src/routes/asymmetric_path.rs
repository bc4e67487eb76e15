//! `asymmetric-path`: what comes in by one uplink is answered by another.

use crate::declared::at;
use crate::filters::probe;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ww_base::Gap;
use ww_finding::Support;
use ww_model::Device;
use ww_model::filter::{Condition, Family, Field, Rule, Verdict, Way};
use ww_model::net::{
    Decision, Interface, InterfaceAddress, Question, Route, RouteKind, RuleAction, Stack,
};
use ww_model::packet::protocol;

rule! {
    name: "asymmetric-path",
    family: "routes",
    layer: Ip,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "What comes in by one uplink is answered by another, where it is likely to be thrown away",
    needs: [Routes],
    explains: [],
    page: "asymmetric_path.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for device in &declared.model.devices {
        let stack = &device.stack;
        for uplink in &stack.interfaces {
            for own in uplink.addresses.iter().filter(|own| is_asked(own.address)) {
                let ways = default_by(stack, uplink, own).zip(other_way(stack, uplink, own));
                let Some((own_way, taken)) = ways else {
                    continue;
                };
                if asks_for_marks(stack, own) {
                    reports.gap(marks_decide());
                } else if is_meant_to_answer(device, uplink, own, own_way) {
                    reports.add(story(uplink, own, own_way, taken));
                }
            }
        }
    }
}

/// Whether hosts elsewhere can send to an address.
fn is_asked(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_link_local() && !address.is_loopback(),
        IpAddr::V6(address) => !address.is_unicast_link_local() && !address.is_loopback(),
    }
}

/// The route to everywhere by this interface, in whatever table.
fn default_by<'s>(
    stack: &'s Stack,
    uplink: &Interface,
    own: &InterfaceAddress,
) -> Option<&'s Route> {
    stack.routes.iter().find(|route| {
        is_default(route)
            && route.destination.is_ip4() == own.address.is_ipv4()
            && leads_by(route, &uplink.name)
    })
}

fn is_default(route: &Route) -> bool {
    route.kind == RouteKind::Unicast && route.destination.length() == 0
}

fn leads_by(route: &Route, interface: &str) -> bool {
    let mut hops = route.hops.iter();
    hops.any(|hop| hop.interface.as_deref() == Some(interface))
}

/// The route to everywhere that answers of an uplink's address take, where that is another uplink
/// to another network. A tunnel that takes all packets is meant to.
fn other_way<'s>(
    stack: &'s Stack,
    uplink: &Interface,
    own: &InterfaceAddress,
) -> Option<&'s Route> {
    let answer = Question {
        source: Some(own.address),
        destination: somebody(stack, own.address)?,
        in_interface: "lo",
        out_interface: None,
        mark: 0,
        protocol: protocol::TCP,
        source_port: 443,
        destination_port: 50_123,
    };
    let Decision::Route(taken) = stack.decide(&answer) else {
        return None;
    };
    let is_tunnel = stack
        .tunnels
        .iter()
        .any(|one| leads_by(taken, &one.interface));
    let same_network = stack
        .interfaces
        .iter()
        .filter(|one| leads_by(taken, &one.name))
        .flat_map(|one| &one.addresses)
        .any(|theirs| theirs.network == own.network);
    let is_other = is_default(taken) && !leads_by(taken, &uplink.name);
    (is_other && !is_tunnel && !same_network).then_some(taken)
}

/// A host that only the routes to everywhere lead to.
fn somebody(stack: &Stack, like: IpAddr) -> Option<IpAddr> {
    let candidates: [IpAddr; 3] = match like {
        IpAddr::V4(_) => [[198, 51, 100, 77], [192, 0, 2, 77], [203, 0, 113, 77]]
            .map(|octets| Ipv4Addr::from(octets).into()),
        IpAddr::V6(_) => [0x7701, 0x7702, 0x7703]
            .map(|network| Ipv6Addr::new(0x2001, 0xdb8, network, 0, 0, 0, 0, 77).into()),
    };
    candidates.into_iter().find(|address| {
        let mut named = stack.routes.iter();
        !named.any(|route| !is_default(route) && route.destination.contains(*address))
    })
}

/// Whether marks choose the table: what marks an answer has is not followed.
fn asks_for_marks(stack: &Stack, own: &InterfaceAddress) -> bool {
    let family = family(own.address);
    let mut rules = stack.rules.iter().filter(|rule| rule.family == family);
    rules.any(|rule| rule.mark.is_some())
}

fn family(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::Ip4,
        IpAddr::V6(_) => Family::Ip6,
    }
}

fn marks_decide() -> Gap {
    Gap::new(
        "the marks of answers, by which routing rules choose their way",
        "ip route get HOST from ADDRESS mark MARK on the device",
    )
}

/// Whether the uplink is more than one that stands by: a routing rule chooses its table, or the
/// packet filter lets connections in that come by it.
fn is_meant_to_answer(
    device: &Device,
    uplink: &Interface,
    own: &InterfaceAddress,
    own_way: &Route,
) -> bool {
    let family = family(own.address);
    let mut choosing = device.stack.rules.iter().filter(|rule| {
        let has_test = rule.source.is_some() || rule.in_interface.is_some();
        rule.family == family && has_test
    });
    let chosen = choosing.any(|rule| match rule.action {
        RuleAction::Table { table, .. } => table == own_way.table,
        _ => false,
    });
    let chains = device.filter.chains.iter();
    let mut rules = chains.flat_map(|chain| &chain.rules);
    chosen || rules.any(|rule| lets_in(rule, &uplink.name))
}

/// Whether a rule accepts connections to some port that come in by the interface.
fn lets_in(rule: &Rule, interface: &str) -> bool {
    let conditions = probe::conditions(rule);
    let by_it = |condition: &&Condition| matches!(condition, Condition::Interface(Way::In, name) if name.fits(interface));
    let of_ports = |condition: &&Condition| matches!(condition, Condition::In(Field::DstPort, _));
    probe::verdicts(rule).any(|verdict| verdict == Verdict::Accept)
        && conditions.iter().any(by_it)
        && conditions.iter().any(of_ports)
}

fn story(uplink: &Interface, own: &InterfaceAddress, own_way: &Route, taken: &Route) -> Story {
    let (address, name) = (own.address, &uplink.name);
    let hops = taken.hops.iter().filter_map(|hop| hop.interface.as_deref());
    let other = hops.collect::<Vec<_>>().join(" or ");
    let bits = if address.is_ipv4() { 32 } else { 128 };
    Story::proved(
        format!("Connections to {address} come in by {name}, and their answers leave by {other}"),
        format!("ip route get HOST from {address} that answers with {name}"),
    )
    .support(Support::Heuristic)
    .show(at(own.at, format!("{address} is at {name}")))
    .show(at(taken.at, "answers to hosts elsewhere take this route"))
    .show(at(own_way.at, format!("the way back by {name}, which they do not take")))
    .advise(format!(
        "Choose the table by the source: ip route add default via ROUTER dev {name} table 100; ip rule add from {address}/{bits} lookup 100"
    ))
}
