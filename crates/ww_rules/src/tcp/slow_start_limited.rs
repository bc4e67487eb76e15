//! `slow-start-limited`: answers end before the connection is up to speed.

use super::waits::{about_endpoint, counted};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use std::collections::BTreeMap;
use ww_base::Span;
use ww_evidence::{SideId, Symptom, SymptomKind, TcpFlow};

rule! {
    name: "slow-start-limited",
    family: "tcp",
    layer: Tcp,
    class: Performance,
    severity: Low,
    owner: Network,
    summary: "Answers far away spend their time in slow start: connections are too short or rest too long",
    needs: [TcpHandshake],
    explains: [],
    page: "slow_start_limited.md",
    detect: detect,
    tell: tell,
}

/// Time lost to one server from which on it matters.
const LOST_MIN: Span = Span::from_secs(1);

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let mut servers: BTreeMap<String, (Span, Span, Vec<Sighting>)> = BTreeMap::new();
    for (subject, flow) in view.flows() {
        for side in [SideId::Client, SideId::Server] {
            let Some(starts) = flow.symptom(SymptomKind::SlowStart, side) else {
                continue;
            };
            let group = format!("{} {}", flow.server, side.word());
            let sighting = Sighting::new(subject, group.clone())
                .count(u64::from(starts.count))
                .lost(starts.lost)
                .show(view.in_flow(
                    flow,
                    starts.worst_frame,
                    starts.worst_frame,
                    says(flow, side, starts),
                ));
            let (lost, busy, seen) = servers.entry(group).or_default();
            *lost += starts.lost;
            *busy += transfer_time(flow, side);
            seen.push(sighting);
        }
    }
    for (lost, busy, seen) in servers.into_values() {
        if lost >= LOST_MIN && lost.times(2) >= busy {
            sightings.extend(seen);
        }
    }
}

fn says(flow: &TcpFlow, side: SideId, starts: &Symptom) -> String {
    let flights: Vec<String> = flow
        .side(side)
        .flights
        .bytes
        .iter()
        .take_while(|&&bytes| bytes > 0)
        .map(|bytes| format!("{:.0}", f64::from(*bytes) / 1e3))
        .collect();
    format!(
        "a transfer begins here that takes {} longer than one round trip; the last one came in flights of {} kB, one per round trip",
        starts.worst,
        flights.join(", ")
    )
}

/// Time in which the side had something to send: all but the longest rest, when it restarted after
/// one.
fn transfer_time(flow: &TcpFlow, side: SideId) -> Span {
    let sent = flow.side(side);
    let span = match (sent.first_data, sent.last_data) {
        (Some(first), Some(last)) => last.at - first.at,
        _ => Span::ZERO,
    };
    if flow.count(SymptomKind::RestartAfterIdle, side) > 0 {
        flow.lost(SymptomKind::SlowStart, side).min(span)
    } else {
        span
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let flows = about_endpoint(view, group);
    let key = group.first().map_or("", |sighting| sighting.group.as_str());
    let (server, word) = key.rsplit_once(' ').unwrap_or((key, "server"));
    let side = if word == SideId::Client.word() {
        SideId::Client
    } else {
        SideId::Server
    };
    let lost: Span = group.iter().map(|sighting| sighting.lost).sum();
    let transfers: u64 = group.iter().map(|sighting| sighting.count).sum();
    let rtt = flows
        .iter()
        .filter_map(|flow| flow.rtt)
        .max()
        .unwrap_or(Span::ZERO);
    let restarts: u32 = flows
        .iter()
        .map(|flow| flow.count(SymptomKind::RestartAfterIdle, side))
        .sum();
    let (noun, preposition) = match side {
        SideId::Server => ("answer", "of"),
        SideId::Client => ("upload", "to"),
    };
    let restarted = if restarts > 0 {
        format!("; {restarts} of them on connections that had rested and began anew")
    } else {
        String::new()
    };
    let story = Story::observed(
        format!(
            "{} {preposition} {server} spent {lost} in slow start, one round trip of {rtt} after the other, ending before full speed was reached{restarted}",
            counted(transfers, noun),
        ),
        "transfers of the same size that take as long on a connection that is up to speed",
    )
    .advise("Reuse connections (HTTP keep-alive, HTTP/2, a pool): one that has carried data sends far more per round trip")
    .advise("Bring the data nearer to its readers (a CDN, a cache in their region), or send less of it (compression)")
    .advise("Where the path is known to bear it, start larger: ip route change … initcwnd 32 on the sender");
    if restarts > 0 {
        story.advise("Keep the window of resting connections: net.ipv4.tcp_slow_start_after_idle=0 on the sender")
    } else {
        story
    }
}
