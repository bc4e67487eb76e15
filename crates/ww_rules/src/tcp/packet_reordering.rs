//! `packet-reordering`: packets overtake one another.

use super::losses::{
    at_sender, between, can_judge_repetitions, concerned, direction_key, directions, show,
};
use crate::roster::Trait;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_evidence::SymptomKind;
use ww_finding::Severity;

rule! {
    name: "packet-reordering",
    family: "tcp",
    layer: Ip,
    class: Performance,
    severity: Low,
    owner: Network,
    summary: "Packets overtake one another on the way; nothing is lost",
    needs: [Tcp],
    explains: ["spurious-retransmission"],
    page: "packet_reordering.md",
    detect: detect,
    tell: tell,
}

/// Late packets of a direction below which nothing is said.
const LATE_MIN: u32 = 5;

/// Share of its segments below which nothing is said.
const SHARE_MIN: f64 = 0.001;

/// Needless retransmissions above which it hurts.
const NEEDLESS_MANY: u32 = 20;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    if !can_judge_repetitions(view) || view.trust.clock_unsteady {
        return;
    }
    for (subject, flow) in view.flows_that_are(Trait::Troubled) {
        for (side, sent) in directions(flow) {
            let late = flow.count(SymptomKind::Late, side);
            let share = f64::from(late) / sent.data_segments.max(1) as f64;
            // What leaves the sender out of order was not reordered by the network.
            if late < LATE_MIN || share < SHARE_MIN || at_sender(flow, side) {
                continue;
            }
            let mut sighting =
                Sighting::new(subject, direction_key(flow, side)).count(u64::from(late));
            sighting.exhibits.extend(show(
                view,
                flow,
                SymptomKind::Late,
                side,
                "arrives after later data, too soon or with too old an IP-ID or timestamp to be a retransmission",
            ));
            sighting.exhibits.extend(show(
                view,
                flow,
                SymptomKind::Needless,
                side,
                "retransmitted needlessly: its receiver had it",
            ));
            sightings.add(sighting);
        }
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let (mut late, mut needless, mut segments) = (0, 0, 0);
    let between = between(view, group);
    for (flow, side) in concerned(view, group) {
        late += flow.count(SymptomKind::Late, side);
        needless += flow.count(SymptomKind::Needless, side);
        segments += flow.side(side).data_segments;
    }
    let harm = match needless {
        0 => "no retransmission came of it".to_owned(),
        n => format!("{n} needless retransmissions came of it"),
    };
    let severity = if needless >= NEEDLESS_MANY {
        Severity::Medium
    } else {
        Severity::Low
    };
    Story::observed(
        format!(
            "{:.1} % of the segments from {between} arrive late, overtaken by others ({late} of {segments}); {harm}",
            f64::from(late) * 100.0 / segments.max(1) as f64,
        ),
        "IP-IDs or timestamps that show the late segments to be sent later than those they follow",
    )
    .severity(severity)
    .advise("Look for paths used in turn for one connection: per-packet load balancing, link bundles hashing by packet, multi-queue devices; hash by flow (5-tuple) instead")
    .advise("Where it cannot be mended, keep SACK and RACK on at the sender (Linux: net.ipv4.tcp_recovery=1), so that it does not take lateness for loss")
}
