//! `spurious-retransmission`: data is sent again that had arrived.

use super::losses::{
    between, can_judge_repetitions, concerned, direction_key, directions, of_servers_with, show,
};
use crate::rule::rule;
use crate::shared::Tally;
use crate::{Sighting, Sightings, Story, View};
use std::net::IpAddr;
use ww_evidence::{SideId, SymptomKind, TcpFlow};

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

/// Needless repetitions between two hosts below which nothing is said: one tail loss probe
/// (RFC 8985) per transfer is how senders work.
const NEEDLESS_MIN: u64 = 4;

/// Share of the segments below which nothing is said.
const SHARE_MIN: f64 = 0.002;

/// What one direction to or from a host adds up to: segments, needless repetitions, and where.
type Path = (u64, u64, Vec<Sighting>);

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    if !can_judge_repetitions(view) {
        return;
    }
    let mut hosts: Tally<IpAddr, [Path; 2]> = Tally::new();
    for (subject, flow) in of_servers_with(view, |flow, side| needless(flow, side) > 0) {
        let paths = hosts.of(flow.server.addr);
        for ((side, sent), path) in directions(flow).into_iter().zip(paths) {
            let (segments, total, seen) = path;
            *segments += sent.data_segments;
            let needless = needless(flow, side);
            if needless == 0 {
                continue;
            }
            *total += u64::from(needless);
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
            seen.push(sighting);
        }
    }
    let paths = hosts.into_sorted(|_| true).into_iter();
    for (segments, total, seen) in paths.flat_map(|(_, paths)| paths) {
        // More repetitions than segments are no transfer: a capture without its beginning, or noise.
        let plausible = total <= segments;
        if plausible && total >= NEEDLESS_MIN && total as f64 >= SHARE_MIN * segments as f64 {
            sightings.extend(seen);
        }
    }
}

/// Needless repetitions of a side; none where it lost more than that.
fn needless(flow: &TcpFlow, side: SideId) -> u32 {
    let needless = flow.count(SymptomKind::Needless, side);
    let lost = flow.count(SymptomKind::LossBefore, side) + flow.count(SymptomKind::LossAfter, side);
    if lost > needless { 0 } else { needless }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let (mut needless, mut segments) = (0, 0);
    let between = between(view, group);
    for (flow, side) in concerned(view, group) {
        needless += flow.count(SymptomKind::Needless, side);
        segments += flow.side(side).data_segments;
    }
    let title = if u64::from(needless) <= segments {
        format!(
            "{needless} of {segments} segments from {between} were sent again although they had arrived"
        )
    } else {
        format!("data from {between} was sent again {needless} times although it had arrived")
    };
    Story::observed(
        title,
        "a capture at the receiver in which the first copies are missing",
    )
    .advise("Look for what holds packets up now and then for longer than the sender's timer (200 ms and up): Wi-Fi or mobile links, overloaded virtual machines, a bufferbloated queue; or for a reverse path that loses ACKs")
    .advise("Keep timestamps and SACK on: with them the sender notices (Eifel, D-SACK) and does not slow down")
}
