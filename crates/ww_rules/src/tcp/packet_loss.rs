//! `packet-loss`: the network loses packets.

use super::losses::{
    Losses, between, can_judge_repetitions, concerned, direction_key, directions, of_servers_with,
    place, show,
};
use crate::rule::rule;
use crate::shared::Tally;
use crate::{Sighting, Sightings, Story, View};
use std::net::IpAddr;
use ww_base::Gap;
use ww_evidence::SymptomKind;
use ww_finding::Severity;

rule! {
    name: "packet-loss",
    family: "tcp",
    layer: Tcp,
    class: Performance,
    severity: Medium,
    owner: Network,
    summary: "Packets are lost on the way and have to be sent again",
    needs: [Tcp],
    explains: [],
    page: "packet_loss.md",
    detect: detect,
    tell: tell,
}

/// Losses between two hosts below which nothing is said.
const LOSSES_MIN: u32 = 3;

/// Share of segments above which loss slows transfers.
const SHARE_MIN: f64 = 0.005;

/// Share above which transfers crawl.
const SHARE_HIGH: f64 = 0.04;

/// What one direction to or from a host adds up to: losses, their episodes, and where.
type Path = (Losses, u32, Vec<Sighting>);

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    if !can_judge_repetitions(view) {
        sightings.gap(Gap::new(
            "packets are in the capture twice, so repeated ones prove no loss",
            "a capture without copies: one direction of the mirror port, or one interface",
        ));
        return;
    }
    let mut hosts: Tally<IpAddr, [Path; 2]> = Tally::new();
    for (subject, flow) in of_servers_with(view, |flow, side| is_loss(&Losses::of(flow, side))) {
        let paths = hosts.of(flow.server.addr);
        for ((side, sent), path) in directions(flow).into_iter().zip(paths) {
            let losses = Losses::of(flow, side);
            let (total, episodes, seen) = path;
            *total += losses;
            if !is_loss(&losses) {
                continue;
            }
            *episodes += sent
                .bulk
                .as_ref()
                .map_or(losses.count(), |bulk| bulk.loss_episodes);
            let mut sighting = Sighting::new(subject, direction_key(flow, side))
                .count(u64::from(losses.count()))
                .lost(losses.lost);
            sighting.exhibits.extend(show(
                view,
                flow,
                SymptomKind::LossBefore,
                side,
                "a retransmission fills a hole: the segment was lost before the capture point",
            ));
            sighting.exhibits.extend(show(
                view,
                flow,
                SymptomKind::LossAfter,
                side,
                "sent again as a new packet: the first transmission passed here and was lost further on",
            ));
            seen.push(sighting);
        }
    }
    let paths = hosts.into_sorted(|_| true).into_iter();
    for (total, episodes, seen) in paths.flat_map(|(_, paths)| paths) {
        let counted = seen.iter().map(|sighting| sighting.count).sum::<u64>();
        let often = total.share() >= SHARE_MIN || episodes >= LOSSES_MIN;
        if counted >= u64::from(LOSSES_MIN) && often {
            sightings.extend(seen);
        }
    }
}

/// Something was lost, and not just at the tails of transfers.
fn is_loss(losses: &Losses) -> bool {
    losses.count() > 0 && !losses.mostly_at_tails()
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let mut total = Losses::default();
    let between = between(view, group);
    for (flow, side) in concerned(view, group) {
        total += Losses::of(flow, side);
    }
    let timers = total.timeouts + total.tail_timeouts;
    let waits = match timers {
        0 => String::new(),
        n => format!(
            "; {n} had to wait for a timer ({})",
            total.timeout_lost + total.tail_lost
        ),
    };
    let severity = match total.share() {
        share if share >= SHARE_HIGH => Severity::High,
        share if share >= SHARE_MIN => Severity::Medium,
        _ => Severity::Low,
    };
    Story::observed(
        format!(
            "{:.1} % of the segments from {between} are lost {} ({} of {}{waits})",
            total.share() * 100.0,
            place(&total),
            total.count(),
            total.segments,
        ),
        "a capture at the far end that shows the missing segments arriving, or D-SACK blocks for them",
    )
    .severity(severity)
    .advise("Capture at both ends and at hops between, and compare where the segments vanish; read the error and drop counters of the links on the way (ip -s link, ethtool -S, switch ports)")
    .advise("Until it is mended: keep SACK and timestamps on, and choose a congestion control that bears loss (BBR)")
}
