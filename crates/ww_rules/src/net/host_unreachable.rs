//! `host-unreachable`: there is no way to the host, or no host at its end.

use crate::rule::rule;
use crate::tcp::attempts::{
    Attempt, Failure, at_whom, attempts, failures, icmp_words, path, shows, verb, whom,
};
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::net::SocketAddr;
use ww_base::{Gap, Span};
use ww_evidence::transcript::IcmpReport;
use ww_finding::{Exhibit, Owner};

rule! {
    name: "host-unreachable",
    family: "net",
    layer: Ip,
    class: Connectivity,
    severity: High,
    owner: Network,
    summary: "There is no way to the host: no route, or nobody answers on the last link",
    needs: [Endpoint],
    explains: ["syn-unanswered"],
    page: "host_unreachable.md",
    sight: sight,
    say: say,
}

/// A router asks a neighbour three times, a second apart, before it gives up (RFC 4861 section 7.3.3, and
/// ARP on Linux); what comes earlier comes from a table or a rule.
const NEIGHBOUR_GIVEN_UP: Span = Span::from_millis(2_500);

/// Why there is no way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// The last router got no answer of its neighbour.
    RouterFoundNobody(IcmpReport),
    /// A router says so at once: a rule, or a route that leads nowhere.
    RouterSays(IcmpReport),
    /// This host got no answer of its neighbour.
    NobodyHere,
    /// This host has no route.
    NoRoute,
    /// This host forbids it.
    Forbidden,
}

impl Why {
    fn of(walk: &Walk<'_>, attempt: &Attempt<'_>, failure: Failure) -> Option<Why> {
        let own = |icmp: IcmpReport| {
            attempts(walk)
                .filter_map(|attempt| attempt.connect.from)
                .any(|own| own.ip() == icmp.from)
        };
        let slow = attempt.step.took >= NEIGHBOUR_GIVEN_UP;
        Some(match failure {
            Failure::Unreachable(icmp) if own(icmp) && slow => Why::NobodyHere,
            Failure::Unreachable(icmp) if slow => Why::RouterFoundNobody(icmp),
            Failure::Unreachable(icmp) => Why::RouterSays(icmp),
            Failure::NoNeighbour => Why::NobodyHere,
            // Most hosts have no IPv6; where another address works, that is no fault.
            Failure::NoRoute if walk.open_addresses().is_empty() => Why::NoRoute,
            Failure::Forbidden => Why::Forbidden,
            _ => return None,
        })
    }

    fn group(self) -> String {
        match self {
            Why::RouterFoundNobody(icmp) => format!("nobody behind {}", icmp.from),
            Why::RouterSays(icmp) => format!("{} {}", icmp.from, icmp_words(icmp)),
            Why::NobodyHere => "nobody".to_owned(),
            Why::NoRoute => "no route".to_owned(),
            Why::Forbidden => "forbidden".to_owned(),
        }
    }
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let failures = failures(walk);
    let only_no_route = failures
        .iter()
        .all(|(_, failure)| *failure == Failure::NoRoute);
    for (attempt, failure) in failures {
        if failure == Failure::Other {
            sightings.gap(Gap::new(
                format!(
                    "why connections to {} fail with {}",
                    attempt.to, attempt.connect.errno
                ),
                "the system's log, or strace -e connect of the program",
            ));
        }
        let Some(why) = Why::of(walk, &attempt, failure) else {
            continue;
        };
        // That one family has no route tells nothing while the other fails in its own way.
        if why == Why::NoRoute && !only_no_route {
            continue;
        }
        let mut sighting = Sighting::new(Subject::Step(attempt.step.number), why.group())
            .lost(attempt.step.took)
            .show(walk.at(attempt.step, shows(&attempt, failure)));
        sighting.exhibits.extend(hop(walk, &attempt));
        sightings.add(sighting);
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let cases: Vec<(Attempt<'_>, Why)> = failures(walk)
        .into_iter()
        .filter(|(attempt, _)| {
            sightings
                .iter()
                .any(|one| one.subjects.contains(&Subject::Step(attempt.step.number)))
        })
        .filter_map(|(attempt, failure)| Some((attempt, Why::of(walk, &attempt, failure)?)))
        .collect();
    let Some(&(first, why)) = cases.first() else {
        return Story::observed("there is no way to the host", "a connection that opens");
    };
    let addresses: Vec<SocketAddr> = cases.iter().map(|(attempt, _)| attempt.to).collect();
    let whom = whom(walk, &addresses);
    let be = verb(&addresses, "is", "are");
    let host = first.to.ip();
    let took = first.step.took;
    match why {
        Why::RouterFoundNobody(icmp) => Story::observed(
            format!(
                "{whom} {be} down or not where the route leads: {}, the last router, waited {took} for an answer on its link and got none",
                icmp.from
            ),
            format!("ip neigh show {host} on {} that is REACHABLE", icmp.from),
        )
        .owner(Owner::Server)
        .advise(format!("Check that {host} is up and has this address and prefix length: ip addr on the host"))
        .advise(format!(
            "On {}, see whether the host answers ARP or neighbour discovery: ip neigh show {host}, and whether it is in the right VLAN",
            icmp.from
        )),
        Why::RouterSays(icmp) => Story::observed(
                format!(
                    "There is no way to {}: {} says \"{}\" at once",
                    at_whom(walk, &addresses),
                    icmp.from,
                    icmp_words(icmp)
                ),
                format!("ip route get {host} on {} that shows a route with a next hop", icmp.from),
            )
            .advise(format!(
                "On {}, look up the route: ip route get {host}; add the missing one, or remove an unreachable or blackhole route",
                icmp.from
            ))
            .advise(format!(
                "If there is a route, look for a filter rule on {} that answers so (nft: reject with icmp type host-unreachable)",
                icmp.from
            )),
        Why::NobodyHere => Story::observed(
            format!(
                "{whom} {be} down or not on this link: this host asked for the neighbour and got no answer for {took}"
            ),
            format!("ip neigh show {host} that is REACHABLE"),
        )
        .owner(Owner::Unknown)
        .advise(format!("Check that {host} is up, has this address, and is on the same link: ip neigh show {host}"))
        .advise(format!("If it is not meant to be on this link, correct the prefix length or the route: ip route get {host}")),
        Why::NoRoute => Story::observed(
            format!(
                "This host has no route to {} ({})",
                at_whom(walk, &addresses),
                first.connect.errno
            ),
            format!("ip route get {host} that shows a route"),
        )
        .owner(Owner::Client)
        .advise(format!("Look up the route: ip route get {host}; add the missing one, or the default route"))
        .advise("If a VPN should lead there, see whether it is up"),
        Why::Forbidden => Story::observed(
            format!(
                "This host forbids connections to {} ({})",
                at_whom(walk, &addresses),
                first.connect.errno
            ),
            "the same connection by another program of this host that opens",
        )
        .owner(Owner::Client)
        .advise(format!("Look for a prohibiting route (ip route get {host}), an outgoing filter (nft list ruleset), and a policy on sockets (cgroup, SELinux, AppArmor)")),
    }
}

/// Where on the way the router stands that says so.
fn hop(walk: &Walk<'_>, attempt: &Attempt<'_>) -> Option<Exhibit> {
    let (step, path) = path(walk, attempt.to)?;
    let router = attempt.connect.icmp?.from;
    let hop = path.hops.iter().find(|hop| hop.from == Some(router))?;
    Some(walk.at(step, format!("{router} is hop {} on the way", hop.ttl)))
}
