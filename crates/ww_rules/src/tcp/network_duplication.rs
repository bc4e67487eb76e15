//! `network-duplication`: the network delivers packets twice.

use super::losses::{between, can_judge_repetitions, concerned, direction_key, directions, show};
use crate::roster::Trait;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_evidence::{SideId, SymptomKind, TcpFlow};

rule! {
    name: "network-duplication",
    family: "tcp",
    layer: Ip,
    class: Performance,
    severity: Low,
    owner: Network,
    summary: "The network delivers packets twice",
    needs: [Tcp],
    explains: ["spurious-retransmission"],
    page: "network_duplication.md",
    detect: detect,
    tell: tell,
}

/// Doubled packets of a direction below which nothing is said.
const COPIES_MIN: u32 = 5;

/// Share of its frames below which nothing is said.
const SHARE_MIN: f64 = 0.001;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    if !can_judge_repetitions(view) {
        return;
    }
    for (subject, flow) in view.flows_that_are(Trait::Troubled) {
        for (side, sent) in directions(flow) {
            let (copies, reported) = doubled(flow, side);
            let count = copies.max(reported);
            if count < COPIES_MIN
                || f64::from(count) < SHARE_MIN * sent.frames as f64
                || reported == 0
            {
                continue;
            }
            let mut sighting =
                Sighting::new(subject, direction_key(flow, side)).count(u64::from(count));
            sighting.exhibits.extend(show(
                view,
                flow,
                SymptomKind::Copy,
                side,
                "the same packet once more: same IP-ID, checksum and timestamps",
            ));
            sighting.exhibits.extend(show(
                view,
                flow,
                SymptomKind::DuplicateReported,
                side.other(),
                "the receiver reports by D-SACK that it got the data twice",
            ));
            sightings.add(sighting);
        }
    }
}

/// Copies seen of a side's packets, and those its receiver reported beyond what retransmissions
/// explain.
fn doubled(flow: &TcpFlow, side: SideId) -> (u32, u32) {
    let copies = flow.count(SymptomKind::Copy, side);
    let repeated = flow.count(SymptomKind::Needless, side)
        + flow.count(SymptomKind::LossAfter, side)
        + flow.count(SymptomKind::LossBefore, side);
    let reported = flow.count(SymptomKind::DuplicateReported, side.other());
    (copies, reported.saturating_sub(repeated))
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let (mut copies, mut reported, mut frames) = (0, 0, 0);
    let between = between(view, group);
    for (flow, side) in concerned(view, group) {
        let (seen, told) = doubled(flow, side);
        copies += seen;
        reported += told;
        frames += flow.side(side).frames;
    }
    let headline = if copies > 0 {
        format!(
            "{copies} of {frames} packets from {between} pass twice; their receiver reports {reported} of them by D-SACK"
        )
    } else {
        format!(
            "{reported} packets from {between} arrive twice at their receiver, which reports it by D-SACK; they were sent once"
        )
    };
    Story::observed(
        headline,
        "a second capture point at the receiver where each packet arrives once: then only the capture saw it twice",
    )
    .advise("Look for a loop or a bridge with two paths (spanning tree off), a link bundle or mirror that re-injects, or a wireless link that repeats frames whose acknowledgement it lost")
}
