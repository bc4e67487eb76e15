//! `routing-loop`: packets go in circles between routers until their hop limit runs out.

use super::about::{self, Errors, Fate, Told, flow_words};
use crate::rule::rule;
use crate::shared::some;
use crate::{Sighting, Sightings, Story, Subject, View};
use std::collections::BTreeMap;
use std::net::IpAddr;
use ww_base::Gap;
use ww_evidence::{IcmpMeaning, LoopSighting};
use ww_finding::Severity;

rule! {
    name: "routing-loop",
    family: "net",
    layer: Ip,
    class: Connectivity,
    severity: High,
    owner: Network,
    summary: "Packets go in circles between routers until their hop limit runs out",
    needs: [Ip],
    explains: [
        "dns-unanswered",
        "duplicated-capture",
        "fragment-lost",
        "handshake-retransmitted",
        "icmp-rejected",
        "network-duplication",
        "packet-loss",
        "retransmission-timeout-stall",
        "spurious-retransmission",
        "syn-unanswered",
    ],
    page: "routing_loop.md",
    detect: detect,
    tell: tell,
}

/// One machine that captures all its interfaces shows a routed packet on each of them. So many
/// passes are a loop all the same.
const PASSES_ON_MANY_INTERFACES: u32 = 6;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    passes(view, sightings);
    expiries(view, sightings);
}

/// The same packet came by again and again.
fn passes(view: &View<'_>, sightings: &mut Sightings) {
    let flows = looping(view);
    let enough = if view.capture.quality.interfaces > 1 {
        PASSES_ON_MANY_INTERFACES
    } else {
        3
    };
    for seen in view
        .capture
        .loops
        .iter()
        .filter(|seen| seen.passes >= enough)
    {
        let exhibit = view.frames(
            seen.first.frame(),
            seen.last.frame(),
            between(seen.src, seen.dst),
            format!(
                "one packet passes {} times, its hop limit falls from {} to {}",
                seen.passes, seen.ttl_first, seen.ttl_last
            ),
        );
        let mut sighting = Sighting::new(Subject::Capture, "").show(exhibit);
        if let Some(flows) = flows.get(&pair(seen.src, seen.dst)) {
            sighting.subjects.extend(flows);
        }
        sightings.add(sighting);
    }
}

/// The connections between hosts whose packets loop.
fn looping(view: &View<'_>) -> BTreeMap<(IpAddr, IpAddr), Vec<Subject>> {
    let mut flows: BTreeMap<(IpAddr, IpAddr), Vec<Subject>> = view
        .capture
        .loops
        .iter()
        .map(|seen| (pair(seen.src, seen.dst), Vec::new()))
        .collect();
    if flows.is_empty() {
        return flows;
    }
    for (subject, flow) in view.flows() {
        if let Some(flows) = flows.get_mut(&pair(flow.client.addr, flow.server.addr)) {
            flows.push(subject);
        }
    }
    flows
}

fn pair(a: IpAddr, b: IpAddr) -> (IpAddr, IpAddr) {
    (a.min(b), a.max(b))
}

/// A router reports that a packet's hop limit ran out, and the packet had a usual one when it passed.
fn expiries(view: &View<'_>, sightings: &mut Sightings) {
    let errors = Errors::of(view);
    for (icmp, error, quoted) in errors.quoting() {
        if error.meaning != IcmpMeaning::TimeExceeded || errors.is_traced(&quoted) {
            continue;
        }
        match errors.had_usual_ttl(error, &quoted) {
            Some(true) => {}
            Some(false) => continue,
            None => {
                sightings.gap(Gap::new(
                    "the hop limit with which some packets set out that expired on the way",
                    "a capture that holds these packets as well as the ICMP errors about them",
                ));
                continue;
            }
        }
        let says = format!(
            "{} reports that the hop limit ran out: {}, which passed here with a usual one",
            error.from,
            flow_words(&quoted)
        );
        let mut sighting = Sighting::new(icmp, "")
            .count(u64::from(error.count))
            .show(about::show(view, error, says));
        sighting.subjects = errors.subjects(icmp, error, &quoted);
        sightings.add(sighting);
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let icmp = Told::all(view, group);
    let passing: Vec<&LoopSighting> = view.capture.loops.iter().collect();
    let loops: &[&LoopSighting] = if group.len() > icmp.len() {
        &passing
    } else {
        &[]
    };
    let destinations = some(
        icmp.iter()
            .map(|told| told.quoted.dst.addr)
            .chain(loops.iter().map(|seen| seen.dst)),
        "destinations",
    );
    let routers = some(icmp.iter().map(|told| told.error.from), "routers");
    let headline = match loops.iter().max_by_key(|seen| seen.passes) {
        Some(worst) => format!(
            "packets to {destinations} go in circles: one passed here {} times, {} apart, until its hop limit was {}",
            worst.passes, worst.turn, worst.ttl_last
        ),
        None => format!(
            "packets to {destinations} go in circles until their hop limit runs out at {routers}"
        ),
    };
    let fate = icmp.iter().map(Told::fate).max();
    let story = Story::observed(
        headline,
        format!("a traceroute to {destinations} in which no router appears twice"),
    )
    .advise(format!("Run traceroute to {destinations}: the routers that alternate at the end point at one another"))
    .advise("On the nearer of the two, add the missing more specific route, or a discard route for the unused part of the prefix");
    if fate == Some(Fate::Worked) && loops.is_empty() {
        story.severity(Severity::Medium)
    } else {
        story
    }
}

fn between(src: IpAddr, dst: IpAddr) -> String {
    let ip = if src.is_ipv4() { "ip" } else { "ipv6" };
    format!("{ip}.src == {src} && {ip}.dst == {dst}")
}
