//! `one-way-capture`: of the talk between two hosts only one direction is in the file.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};
use std::collections::BTreeMap;
use std::net::IpAddr;
use ww_base::Order;
use ww_evidence::TcpFlow;

rule! {
    name: "one-way-capture",
    family: "capture",
    layer: Capture,
    class: Capture,
    severity: Low,
    owner: Capture,
    summary: "Only one direction of connections was captured; answers are missing here, not in the network",
    needs: [Tcp],
    explains: [
        "accept-queue-overflow",
        "half-open-connection",
        "handshake-retransmitted",
        "request-unanswered",
        "syn-unanswered",
    ],
    page: "one_way_capture.md",
    detect: detect,
    tell: tell,
}

/// Of a pair's connections that made progress, at least this share must lack a direction.
const SHARE: f64 = 0.8;

/// The connections of one pair of hosts.
#[derive(Default)]
struct Pair<'a> {
    with_progress: u32,
    one_way: Vec<(Subject, &'a TcpFlow)>,
    /// Without progress, and without a frame of one side: nothing by itself.
    mute: Vec<(Subject, &'a TcpFlow)>,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    if view.trust.one_way_share == 0.0 {
        return;
    }
    let mut pairs: BTreeMap<(IpAddr, IpAddr), Pair<'_>> = BTreeMap::new();
    for (subject, flow) in view.flows() {
        let (a, b) = (flow.client.addr, flow.server.addr);
        let pair = pairs.entry((a.min(b), a.max(b))).or_default();
        let [client, server] = [&flow.sent_by_client, &flow.sent_by_server];
        if flow.one_way() {
            pair.with_progress += 1;
            pair.one_way.push((subject, flow));
        } else if client.ack_advances + server.ack_advances > 0 {
            pair.with_progress += 1;
        } else if client.frames == 0 || server.frames == 0 {
            pair.mute.push((subject, flow));
        }
    }
    for pair in pairs.values().filter(|pair| !pair.one_way.is_empty()) {
        if f64::from(pair.with_progress) * SHARE > pair.one_way.len() as f64 {
            continue;
        }
        for &(subject, flow) in &pair.one_way {
            let says = format!(
                "only packets from {} are here, yet their acknowledgements move on",
                heard(flow)
            );
            let (first, last) = (flow.first.frame(), flow.last.frame());
            sightings.add(Sighting::new(subject, "").show(view.in_flow(flow, first, last, says)));
        }
        for &(subject, flow) in &pair.mute {
            let says = format!(
                "only packets from {} are here; other connections of the two hosts show why",
                heard(flow)
            );
            sightings.add(Sighting::new(subject, "").show(view.at(flow, flow.first, says)));
        }
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let flows = group
        .iter()
        .filter_map(|sighting| view.flow(*sighting.subjects.first()?));
    let mut hosts: Vec<IpAddr> = flows.map(heard).collect();
    hosts.put_in_order();
    hosts.dedup();
    let side = match hosts.as_slice() {
        [only] => format!("only packets from {only}"),
        _ => "packets of one direction only".to_owned(),
    };
    Story::observed(
        format!(
            "{side} were captured of {} of {} connections; losses, delays and missing answers of the other direction cannot be judged",
            group.len(),
            view.capture.tcp.len()
        ),
        "packets of the missing direction elsewhere in the file, for instance inside a tunnel that is not read",
    )
    .advise("Capture at one of the two hosts, or mirror both directions (\"both\", not only \"rx\" or \"tx\")")
    .advise("Where routes differ by direction, capture on both paths at once and merge the files (mergecap)")
}

/// The host whose packets were captured.
fn heard(flow: &TcpFlow) -> IpAddr {
    if flow.sent_by_server.frames == 0 {
        flow.client.addr
    } else {
        flow.server.addr
    }
}
