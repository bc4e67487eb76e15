//! `port-scan`: one host tries many doors, most of them closed.

use super::about::{self, Errors};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use ww_base::{Gap, Moment, Span};
use ww_evidence::{Endpoint, IcmpMeaning, Mark, TcpFlow};
use ww_finding::{Exhibit, Support};

rule! {
    name: "port-scan",
    family: "net",
    layer: Tcp,
    class: Security,
    severity: Medium,
    owner: Client,
    summary: "One host tries many ports of a host, or one port of many hosts, most of them in vain",
    needs: [Ip],
    explains: [
        "aborted-by-application",
        "connection-refused",
        "half-open-connection",
        "handshake-retransmitted",
        "icmp-rejected",
        "syn-unanswered",
        "udp-port-unreachable",
    ],
    page: "port_scan.md",
    detect: detect,
    tell: tell,
}

/// So many ports of one host within [`SHORT`].
const PORTS: usize = 15;
/// So many hosts on one port within [`SHORT`].
const HOSTS: usize = 20;
const SHORT: Span = Span::from_secs(60);
/// Of the targets, at least this share is closed or silent.
const CLOSED_SHARE: f64 = 0.6;
/// A scanner tries a target once or twice; a client that needs it, or a health checker, goes on.
const TRIES: usize = 3;

/// One try of a door.
#[derive(Clone)]
struct Try {
    target: Endpoint,
    protocol: u8,
    mark: Mark,
    /// It was refused, or never answered.
    closed: bool,
    subjects: Vec<Subject>,
}

/// How the tries of a source hang together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sweep {
    Ports(IpAddr),
    Hosts(u8, u16),
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    if view.trust.one_way_share > 0.5 {
        sightings.gap(Gap::new(
            "whether unanswered openings are a scan: most connections were captured in one direction only",
            "a capture of both directions",
        ));
        return;
    }
    for (source, tries) in tries(view) {
        let mut sweeps: BTreeMap<Sweep, Vec<&Try>> = BTreeMap::new();
        for one in &tries {
            let host = Sweep::Ports(one.target.addr);
            let port = Sweep::Hosts(one.protocol, one.target.port);
            sweeps.entry(host).or_default().push(one);
            sweeps.entry(port).or_default().push(one);
        }
        for (sweep, tries) in sweeps {
            if is_scan(sweep, &tries) {
                sightings.add(sighting(view, source, sweep, &tries));
            }
        }
    }
}

fn tell(_: &View<'_>, group: &[Sighting]) -> Story {
    let source = group.first().map_or("", |sighting| sighting.group.as_str());
    let what = match group {
        [only] => only
            .exhibits
            .first()
            .map_or(String::new(), |exhibit| exhibit.says.clone()),
        several => {
            let targets: u64 = several.iter().map(|sighting| sighting.count).sum();
            format!("{targets} targets in {} sweeps", several.len())
        }
    };
    Story::observed(
        format!("{source} scans {what}"),
        "an inventory or monitoring system that is meant to do this from that address",
    )
    .support(Support::Heuristic)
    .advise(format!("Ask who runs {source}; if nobody does, isolate it and look at what it found open"))
    .advise("Nothing is wrong with the targets: refusals and silence towards a scanner are what they should show")
}

fn sighting(view: &View<'_>, source: IpAddr, sweep: Sweep, tries: &[&Try]) -> Sighting {
    let targets = targets(tries);
    let closed: Vec<&&Try> = tries.iter().filter(|one| one.closed).collect();
    let mut sighting =
        Sighting::new(Subject::Capture, source.to_string()).count(targets.len() as u64);
    sighting.subjects = closed.iter().flat_map(|one| one.subjects.clone()).collect();
    sighting.show(exhibit(view, source, sweep, tries, targets.len()))
}

fn exhibit(
    view: &View<'_>,
    source: IpAddr,
    sweep: Sweep,
    tries: &[&Try],
    targets: usize,
) -> Exhibit {
    let ip = if source.is_ipv4() { "ip" } else { "ipv6" };
    let marks = tries.iter().map(|one| one.mark);
    let (first, last) = (
        marks.clone().min().unwrap_or_default(),
        marks.max().unwrap_or_default(),
    );
    let open = match targets - closed_targets(tries) {
        0 => "none of them open".to_owned(),
        open => format!("{open} of them open"),
    };
    let took = last.at - first.at;
    let (filter, says) = match sweep {
        Sweep::Ports(host) => (
            format!("{ip}.src == {source} && {ip}.dst == {host}"),
            format!("{targets} ports of {host} in {took}, {open}"),
        ),
        Sweep::Hosts(protocol, port) => {
            let name = if protocol == about::UDP { "udp" } else { "tcp" };
            (
                format!("{ip}.src == {source} && {name}.dstport == {port}"),
                format!("{name} port {port} of {targets} hosts in {took}, {open}"),
            )
        }
    };
    view.frames(first.frame(), last.frame(), filter, says)
}

/// Every try, by source. Sources with few tries are left out.
fn tries(view: &View<'_>) -> BTreeMap<IpAddr, Vec<Try>> {
    let errors = Errors::of(view);
    // An error about a connection is told with the connection.
    let mut about_tcp: BTreeMap<Subject, Vec<Subject>> = BTreeMap::new();
    for (icmp, error, _) in errors.quoting() {
        if let Some((subject, _)) = errors.tcp(error) {
            about_tcp.entry(subject).or_default().push(icmp);
        }
    }
    let suspects = suspects(view);
    let mut by_source: BTreeMap<IpAddr, Vec<Try>> = BTreeMap::new();
    for (subject, flow) in view.flows().filter(|_| !suspects.is_empty()) {
        let closed = is_closed(flow);
        let counts = flow.handshake.syn.is_some() || closed;
        if !counts || !suspects.contains(&flow.client.addr) {
            continue;
        }
        by_source.entry(flow.client.addr).or_default().push(Try {
            target: flow.server,
            protocol: about::TCP,
            mark: flow.first,
            closed,
            subjects: std::iter::once(subject)
                .chain(about_tcp.remove(&subject).into_iter().flatten())
                .collect(),
        });
    }
    for (icmp, error, quoted) in errors.quoting() {
        let refuses = error.meaning == IcmpMeaning::PortUnreachable
            || error.meaning == IcmpMeaning::Prohibited;
        if !refuses || quoted.protocol != about::UDP || errors.is_traced(&quoted) {
            continue;
        }
        let Some((_, flow)) = errors
            .udp(&quoted)
            .filter(|(_, flow)| flow.client == quoted.src)
        else {
            continue;
        };
        by_source.entry(quoted.src.addr).or_default().push(Try {
            target: quoted.dst,
            protocol: about::UDP,
            mark: flow.first,
            closed: true,
            subjects: errors.subjects(icmp, error, &quoted),
        });
    }
    by_source.retain(|_, tries| tries.len() >= PORTS);
    by_source
}

/// Sources with enough closed connections to be a scanner: hardly ever any.
fn suspects(view: &View<'_>) -> BTreeSet<IpAddr> {
    let mut closed: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for (_, flow) in view.flows().filter(|(_, flow)| is_closed(flow)) {
        *closed.entry(flow.client.addr).or_default() += 1;
    }
    let enough = (PORTS as f64 * CLOSED_SHARE) as usize;
    closed.retain(|_, closed| *closed >= enough);
    closed.into_keys().collect()
}

/// Refused or never answered. Also an odd segment, without SYN, that only a reset answers: how
/// scanners look for filters.
fn is_closed(flow: &TcpFlow) -> bool {
    let handshake = &flow.handshake;
    if handshake.syn.is_some() {
        return handshake.refused.is_some() || flow.sent_by_server.frames == 0;
    }
    let lone = flow.sent_by_client.frames <= 2 && flow.sent_by_client.data_segments == 0;
    lone && handshake.syn_ack.is_none()
        && flow.sent_by_server.reset.is_some()
        && flow.sent_by_server.frames <= 2
}

fn is_scan(sweep: Sweep, tries: &[&Try]) -> bool {
    let enough = match sweep {
        Sweep::Ports(_) => PORTS,
        Sweep::Hosts(..) => HOSTS,
    };
    let targets = targets(tries);
    let mut times: Vec<Moment> = targets.values().map(|mark| mark.at).collect();
    times.sort_unstable();
    super::densest(&times, SHORT) >= enough
        && tries.len() <= TRIES * targets.len()
        && closed_targets(tries) as f64 >= CLOSED_SHARE * targets.len() as f64
}

/// The different targets, each with its first try.
fn targets(tries: &[&Try]) -> BTreeMap<(u8, Endpoint), Mark> {
    let mut targets: BTreeMap<(u8, Endpoint), Mark> = BTreeMap::new();
    for one in tries {
        targets
            .entry((one.protocol, one.target))
            .or_insert(one.mark);
    }
    targets
}

/// Targets that never opened.
fn closed_targets(tries: &[&Try]) -> usize {
    let mut open: BTreeMap<(u8, Endpoint), bool> = BTreeMap::new();
    for one in tries {
        *open.entry((one.protocol, one.target)).or_default() |= !one.closed;
    }
    open.values().filter(|open| !**open).count()
}
