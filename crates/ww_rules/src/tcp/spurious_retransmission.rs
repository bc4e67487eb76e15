//! `spurious-retransmission`: data is sent again that had arrived.

use super::losses::{can_judge_repetitions, concerned, direction_key, directions, path, show};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_evidence::SymptomKind;

rule! {
    name: "spurious-retransmission",
    family: "tcp",
    layer: Tcp,
    class: Performance,
    severity: Low,
    owner: Network,
    summary: "Data is sent again although it had arrived: a delay spike outlasted the timer, or ACKs were lost",
    needs: [Tcp],
    explains: [],
    page: "spurious_retransmission.md",
    detect: detect,
    tell: tell,
}

/// Needless repetitions of a direction below which nothing is said: one tail loss probe
/// (RFC 8985) per transfer is how senders work.
const NEEDLESS_MIN: u32 = 4;

/// Share of its segments below which nothing is said.
const SHARE_MIN: f64 = 0.002;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    if !can_judge_repetitions(view) {
        return;
    }
    for (subject, flow) in view.flows() {
        for (side, sent) in directions(flow) {
            let needless = flow.count(SymptomKind::Needless, side);
            let share = f64::from(needless) / sent.data_segments.max(1) as f64;
            let others = flow.count(SymptomKind::LossBefore, side)
                + flow.count(SymptomKind::LossAfter, side);
            if needless < NEEDLESS_MIN || share < SHARE_MIN || others > needless {
                continue;
            }
            let mut sighting =
                Sighting::new(subject, direction_key(flow, side)).count(u64::from(needless));
            sighting.exhibits.extend(show(
                view,
                flow,
                SymptomKind::Needless,
                side,
                "sent again although the receiver had it",
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

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let (mut needless, mut segments) = (0, 0);
    let mut between = String::new();
    let mut slowest = ww_base::Span::ZERO;
    for (flow, side) in concerned(view, group) {
        needless += flow.count(SymptomKind::Needless, side);
        segments += flow.side(side).data_segments;
        slowest = slowest.max(flow.side(side).ack_rtt.max);
        if between.is_empty() {
            between = path(flow, side);
        }
    }
    Story::observed(
        format!(
            "{needless} of {segments} segments from {between} were sent again although they had arrived; acknowledgements took up to {slowest}",
        ),
        "a capture at the receiver in which the first copies are missing",
    )
    .advise("Look for what holds packets up now and then for longer than the sender's timer (200 ms and up): Wi-Fi or mobile links, overloaded virtual machines, a bufferbloated queue; or for a reverse path that loses ACKs")
    .advise("Keep timestamps and SACK on: with them the sender notices (Eifel, D-SACK) and does not slow down")
}
