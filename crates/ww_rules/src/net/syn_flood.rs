//! `syn-flood`: one service gets far more openings than it can answer, and nobody completes them.

use crate::rule::rule;
use crate::shared::some;
use crate::shared::{Tally, frequent};
use crate::{Sighting, Sightings, Story, Subject, View};
use std::collections::BTreeSet;
use std::net::IpAddr;
use ww_base::{Moment, Span};
use ww_evidence::{Endpoint, TcpFlow};
use ww_finding::Support;

rule! {
    name: "syn-flood",
    family: "net",
    layer: Tcp,
    class: Security,
    severity: High,
    owner: Client,
    summary: "One service receives a flood of SYNs that nobody means to complete",
    needs: [Tcp],
    explains: [
        "aborted-by-application",
        "accept-queue-overflow",
        "half-open-connection",
        "handshake-retransmitted",
        "syn-unanswered",
    ],
    page: "syn_flood.md",
    detect: detect,
    tell: tell,
}

/// So many openings within [`BURST`] that nobody completes.
const MANY: usize = 100;
const BURST: Span = Span::from_secs(10);

/// Of all openings towards the service, at least this share is not completed.
const SHARE: f64 = 0.5;

/// A host that means it sends its SYN again after a second, RFC 6298.
const REPEAT_DUE: Span = Span::from_secs(3);

/// Of the openings that had the time, at least this share is never repeated.
const UNREPEATED_SHARE: f64 = 0.8;

/// Where no opening had the time to be repeated, so many different senders stand for it.
const SENDERS: usize = 20;

/// The openings towards one service.
#[derive(Default)]
struct Service<'a> {
    openings: usize,
    abandoned: Vec<(Subject, &'a TcpFlow, Moment)>,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let abandoned = view.flows().filter(|(_, flow)| is_abandoned(flow));
    let concerned = frequent(abandoned.map(|(_, flow)| flow.server), MANY);
    if concerned.is_empty() {
        return;
    }
    let mut services: Tally<Endpoint, Service<'_>> = Tally::new();
    for (subject, flow) in view.flows() {
        let Some(syn) = flow
            .handshake
            .syn
            .filter(|_| concerned.contains(&flow.server))
        else {
            continue;
        };
        let service = services.of(flow.server);
        service.openings += 1;
        if is_abandoned(flow) {
            service.abandoned.push((subject, flow, syn.first.at));
        }
    }
    for (server, service) in services.into_sorted(|service| is_flood(view, service)) {
        sightings.add(sighting(view, server, &service));
    }
}

/// Opened and neither completed nor refused.
fn is_abandoned(flow: &TcpFlow) -> bool {
    let handshake = &flow.handshake;
    let opened = handshake.syn.is_some() && !handshake.complete();
    opened && handshake.refused.is_none() && !flow.one_way()
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let Some(flows) = group.first().map(|sighting| flows(view, sighting)) else {
        return Story::observed("a flood of SYNs", "completed handshakes");
    };
    let server = flows
        .first()
        .map_or(String::new(), |flow| flow.server.to_string());
    let senders = some(flows.iter().map(|flow| flow.client.addr), "addresses");
    let answered = flows
        .iter()
        .filter(|flow| flow.handshake.syn_ack.is_some())
        .count();
    let times = flows
        .iter()
        .filter_map(|flow| Some(flow.handshake.syn?.first.at));
    let lasted = match (times.clone().min(), times.max()) {
        (Some(first), Some(last)) => last - first,
        _ => Span::ZERO,
    };
    Story::observed(
        format!(
            "{server} got {} SYNs from {senders} in {lasted} that nobody completed or repeated; {answered} were answered by a SYN-ACK in vain",
            flows.len()
        ),
        "repetitions of these SYNs after 1 s and 3 s: then they are clients that mean it, and the service is down or cut off",
    )
    .support(Support::Heuristic)
    .advise("Switch on SYN cookies (net.ipv4.tcp_syncookies=1) and raise net.ipv4.tcp_max_syn_backlog and the listen backlog")
    .advise("Drop the senders upstream; spoofed addresses call for filtering at the provider (BCP 38) or a scrubbing service")
}

fn sighting(view: &View<'_>, server: Endpoint, service: &Service<'_>) -> Sighting {
    let mut sighting =
        Sighting::new(Subject::Capture, server.to_string()).count(service.abandoned.len() as u64);
    sighting.subjects = service
        .abandoned
        .iter()
        .map(|&(subject, ..)| subject)
        .collect();
    if let (Some((_, first, _)), Some((_, last, _))) =
        (service.abandoned.first(), service.abandoned.last())
    {
        let ip = if server.addr.is_ipv4() { "ip" } else { "ipv6" };
        sighting = sighting.show(view.frames(
            first.first.frame(),
            last.first.frame(),
            format!(
                "tcp.flags.syn == 1 && tcp.flags.ack == 0 && {ip}.dst == {} && tcp.dstport == {}",
                server.addr, server.port
            ),
            "the first and the last SYN of the flood",
        ));
    }
    sighting
}

fn flows<'a>(view: &View<'a>, sighting: &Sighting) -> Vec<&'a TcpFlow> {
    sighting
        .subjects
        .iter()
        .filter_map(|&subject| view.flow(subject))
        .collect()
}

fn is_flood(view: &View<'_>, service: &Service<'_>) -> bool {
    if service.abandoned.len() < MANY
        || (service.abandoned.len() as f64) < SHARE * service.openings as f64
        || densest(service) < MANY
    {
        return false;
    }
    let due: Vec<&TcpFlow> = service
        .abandoned
        .iter()
        .filter(|(_, _, at)| view.capture.last - *at >= REPEAT_DUE)
        .map(|&(_, flow, _)| flow)
        .collect();
    let unrepeated = due
        .iter()
        .filter(|flow| flow.handshake.syn.is_some_and(|syn| syn.count == 1))
        .count();
    let senders: BTreeSet<IpAddr> = service
        .abandoned
        .iter()
        .map(|(_, flow, _)| flow.client.addr)
        .collect();
    if due.len() >= MANY / 2 {
        unrepeated as f64 >= UNREPEATED_SHARE * due.len() as f64
    } else {
        senders.len() >= SENDERS
    }
}

/// The most openings within one burst.
fn densest(service: &Service<'_>) -> usize {
    let mut times: Vec<Moment> = service.abandoned.iter().map(|&(.., at)| at).collect();
    times.sort_unstable();
    super::densest(&times, BURST)
}
