//! `syn-unanswered`: nobody says anything to a client that wants to connect.

mod probed;

use super::hosts::{self, count};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};
use std::collections::BTreeSet;
use ww_base::{Gap, Span};
use ww_evidence::TcpFlow;
use ww_finding::{Owner, Severity};

rule! {
    name: "syn-unanswered",
    family: "tcp",
    layer: Tcp,
    class: Connectivity,
    severity: High,
    owner: Network,
    summary: "Connection attempts get no answer at all: neither accepted nor refused",
    needs: [Tcp],
    explains: [],
    page: "syn_unanswered.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

/// A single SYN counts once it has gone unanswered this long: every stack repeats it by then.
const ALONE: Span = Span::from_secs(3);

/// Share of connections with one direction missing above which silence proves nothing.
const ONE_WAY_SHARE: f64 = 0.5;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let reported: BTreeSet<u32> = view
        .capture
        .icmp
        .iter()
        .filter_map(|error| error.stream)
        .collect();
    for (subject, flow) in view.flows() {
        let Some(syn) = flow.handshake.syn else {
            continue;
        };
        if !is_unanswered(flow) || answers(view, subject) || reported.contains(&flow.stream) {
            continue;
        }
        if view.trust.one_way_share > ONE_WAY_SHARE {
            sightings.gap(Gap::new(
                "answers to connection attempts: the capture holds only one direction",
                "a capture that sees both directions, such as on the client itself",
            ));
            continue;
        }
        if syn.count < 2 && view.capture.last - syn.last.at < ALONE {
            sightings.gap(Gap::new(
                "what became of connection attempts in the last seconds of the capture",
                "a capture that goes on for 3 s after the attempt",
            ));
            continue;
        }
        let waited = syn.last.at - syn.first.at;
        sightings.add(
            Sighting::new(subject, flow.server.to_string())
                .lost(waited)
                .show(view.in_flow(
                    flow,
                    syn.first.frame(),
                    syn.last.frame(),
                    match syn.count {
                        1 => "a SYN that nobody answers".to_owned(),
                        n => format!("{n} SYNs within {waited}, none answered"),
                    },
                )),
        );
    }
}

/// Nothing came back, and the client did not take it back itself.
fn is_unanswered(flow: &TcpFlow) -> bool {
    let handshake = &flow.handshake;
    handshake.syn_ack.is_none()
        && handshake.refused.is_none()
        && handshake.foreign_ack.is_none()
        && flow.sent_by_server.frames == 0
        && flow.sent_by_client.ack_advances == 0
}

/// The service of a connection took at least one, or refused it.
pub(super) fn answers(view: &View<'_>, subject: Subject) -> bool {
    let roster = view.roster();
    let row = roster.connection(subject);
    let service = row.and_then(|row| roster.services.listed().get(row.service as usize));
    service.is_some_and(|(_, service)| service.answers)
}

/// Whoever does not repeat a SYN did not wait for an answer: a probe, a scan, a program that gave up
/// within the second.
fn severity(attempts: usize, syns: u32) -> Severity {
    match (attempts, syns as usize) {
        (1, 1) => Severity::Low,
        (attempts, syns) if syns <= attempts => Severity::Medium,
        _ => Severity::High,
    }
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let flows = hosts::seen(view, sightings);
    let Some(server) = flows.first().map(|flow| flow.server) else {
        return Story::observed("", "");
    };
    let syns: u32 = flows
        .iter()
        .filter_map(|flow| flow.handshake.syn)
        .map(|syn| syn.count)
        .sum();
    let services = view.roster().services.listed().iter();
    let other_port = services
        .filter(|(other, service)| other.addr == server.addr && service.answers)
        .map(|(other, _)| other)
        .min();
    let at_server = hosts::taken_at_server(view, server.addr);
    let attempts = format!(
        "{server} never answered {} ({})",
        count(flows.len(), "connection attempt"),
        count(syns as usize, "SYN")
    );
    let story = match other_port {
        Some(other) if at_server => Story::observed(
            format!("{attempts}; the SYNs reach the server, whose port {} works", other.port),
            "a capture on the server behind its packet filter that shows a SYN-ACK leaving",
        )
        .owner(Owner::Server)
        .advise(format!(
            "Look for a rule on the server that drops port {}: nft list ruleset, or iptables -nvL and its counters",
            server.port
        )),
        Some(other) => Story::observed(
            format!(
                "{attempts}, though the same host answers on port {}: a filter drops port {} in silence",
                other.port, server.port
            ),
            "a capture at the server: if the SYNs arrive and SYN-ACKs leave, the way back is broken instead",
        )
        .advise(format!(
            "Allow port {} in the firewalls between, the cloud security group or the server's own packet filter",
            server.port
        )),
        None => Story::observed(
            format!(
                "{attempts}; nothing in this capture comes from that host: it is down, unreachable, or a filter drops everything"
            ),
            "a capture at the server: if the SYNs arrive and SYN-ACKs leave, the way back is broken instead",
        )
        .advise(format!(
            "Check that {} is the right address, is up, and that both ways are routed: traceroute -T -p {} {}",
            server.addr, server.port, server.addr
        ))
        .advise("Check firewalls and security groups on the path for a rule that drops without answering"),
    };
    story.severity(severity(flows.len(), syns)).advise(
        "Where dropping is intended, reject instead (nft: reject with tcp reset), so that clients fail at once",
    )
}
