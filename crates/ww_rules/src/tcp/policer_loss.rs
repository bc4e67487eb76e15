//! `policer-loss`: something drops whatever exceeds a rate.

use super::losses::{
    Losses, Queue, between, bit_rate, can_judge_repetitions, concerned, direction_key, directions,
    plateau, show, window_rate,
};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_base::Span;
use ww_evidence::{Bulk, SideId, SymptomKind, TcpFlow};

rule! {
    name: "policer-loss",
    family: "tcp",
    layer: Ip,
    class: Performance,
    severity: Medium,
    owner: Network,
    summary: "A rate limit without a queue to speak of drops whatever exceeds it",
    needs: [Tcp],
    explains: ["packet-loss", "retransmission-timeout-stall"],
    page: "policer_loss.md",
    detect: detect,
    tell: tell,
}

/// Losses of a transfer below which no rate limit is claimed.
const LOSSES_MIN: u32 = 8;

/// A queue that adds this much is no policer's.
const QUEUE_DEEP: Span = Span::from_millis(100);

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    if !can_judge_repetitions(view) {
        return;
    }
    for (subject, flow) in view.flows() {
        for (side, sent) in directions(flow) {
            let Some(bulk) = &sent.bulk else { continue };
            let losses = Losses::of(flow, side);
            if losses.count() < LOSSES_MIN || limit(flow, side, bulk, &losses).is_none() {
                continue;
            }
            let mut sighting = Sighting::new(subject, direction_key(flow, side))
                .count(u64::from(losses.count()))
                .lost(losses.lost);
            for kind in [SymptomKind::LossBefore, SymptomKind::LossAfter] {
                sighting.exhibits.extend(show(
                    view,
                    flow,
                    kind,
                    side,
                    "the first of the losses; they come in bursts whenever the rate is exceeded",
                ));
            }
            sightings.add(sighting);
        }
    }
}

/// The rate at which a transfer is held, if its losses are a rate limit's: delivery is steady at a
/// plateau that no better moment exceeds, losses come in bursts and only near it, and the delay stays
/// short.
fn limit(flow: &TcpFlow, side: SideId, bulk: &Bulk, losses: &Losses) -> Option<f64> {
    let rate = plateau(flow, side, bulk)?;
    let best = bulk.arrivals.max.min(bulk.acknowledged.max.max(rate));
    let bursts = f64::from(losses.count()) / f64::from(bulk.loss_episodes.max(1)) >= 2.0;
    let deep =
        Queue::of(flow, side).is_some_and(|queue| queue.added() >= QUEUE_DEEP && queue.swollen());
    let by_window = window_rate(flow, side).is_some_and(|window| rate >= window * 0.8);
    let only_at_the_top = bulk
        .arrivals
        .lossy_mean()
        .is_some_and(|lossy| lossy >= bulk.arrivals.max * 0.8);
    (best <= rate * 1.45 && bursts && only_at_the_top && !deep && !by_window).then_some(rate)
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let mut total = Losses::default();
    let mut rates = Vec::new();
    let between = between(view, group);
    for (flow, side) in concerned(view, group) {
        total += Losses::of(flow, side);
        rates.extend(
            flow.side(side)
                .bulk
                .as_ref()
                .and_then(|bulk| plateau(flow, side, bulk)),
        );
    }
    let rate = rates.iter().copied().fold(0.0, f64::max);
    Story::observed(
        format!(
            "Data from {between} is held at {} and what exceeds it is dropped: {} of {} segments, in bursts, with no long queue before it",
            bit_rate(rate),
            total.count(),
            total.segments,
        ),
        "losses that come just as often when the transfer runs well below that rate",
    )
    .advise("Find who limits at this rate: a provider's contract, a cloud instance's bandwidth allowance, a policer on a router (policing drops, shaping queues), a CNI bandwidth annotation; raise it or shape instead")
    .advise("Shape at the sender a little below the limit (tc qdisc … tbf or fq with maxrate), or use BBR, which finds such limits with few losses")
}
