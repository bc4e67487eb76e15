//! `queueing-delay`: a queue on the way fills up and makes everything wait.

use super::losses::{
    Losses, Queue, at_sender, between, bit_rate, concerned, direction_key, directions,
};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_base::Span;
use ww_evidence::{Bulk, SideId, TcpFlow};
use ww_finding::Severity;

rule! {
    name: "queueing-delay",
    family: "tcp",
    layer: Ip,
    class: Performance,
    severity: Medium,
    owner: Network,
    summary: "A full link queues packets: the round trip swells under load (bufferbloat)",
    needs: [Tcp],
    explains: ["packet-loss", "receive-window-limited", "spurious-retransmission"],
    page: "queueing_delay.md",
    detect: detect,
    tell: tell,
}

/// Delay added by the queue above which people notice.
const NOTICED: Span = Span::from_millis(100);

/// A shorter transfer may swell the round trip by its own first burst.
const LASTING: Span = Span::from_secs(1);

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for (subject, flow) in view.flows() {
        for (side, sent) in directions(flow) {
            let Some(bulk) = &sent.bulk else { continue };
            let Some(queue) = queue(flow, side, bulk) else {
                continue;
            };
            let first = sent.first_data.unwrap_or(bulk.first);
            let last = sent.last_data.unwrap_or(bulk.last);
            sightings.add(
                Sighting::new(subject, direction_key(flow, side))
                    .lost(queue.added())
                    .show(view.in_flow(
                        flow,
                        first.frame(),
                        last.frame(),
                        format!(
                            "the round trip grows from {} to {} while the transfer runs (nine in ten samples)",
                            queue.base, queue.loaded
                        ),
                    )),
            );
        }
    }
}

/// The queue that a transfer fills: the round trip swells, follows the load where that shows, and
/// delivery stays steady.
fn queue(flow: &TcpFlow, side: SideId, bulk: &Bulk) -> Option<Queue> {
    let queue = Queue::of(flow, side)?;
    if !queue.swollen() || bulk.pauses > 20 {
        return None;
    }
    let deep = queue.added() >= NOTICED;
    let losses = Losses::of(flow, side);
    if losses.count() >= 3 && !deep {
        // A short queue that overflows is told by its losses.
        return None;
    }
    let follows_load = match bulk.rtt_flight_correlation {
        Some(correlation) if at_sender(flow, side) => correlation >= 0.4,
        _ => true,
    };
    let bins = if at_sender(flow, side) {
        &bulk.acknowledged
    } else {
        &bulk.arrivals
    };
    let steady = bins.variation().is_some_and(|variation| variation <= 0.35);
    // Cumulative acknowledgements stall and jump while a deep queue's overflow is repaired.
    let overflows = losses.count() >= 3
        && bulk
            .rtt_flight_correlation
            .is_some_and(|correlation| at_sender(flow, side) && correlation >= 0.6);
    let lasting = bulk.last.at - bulk.first.at >= LASTING;
    (lasting && follows_load && (steady || overflows)).then_some(queue)
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let mut worst: Option<(Queue, f64)> = None;
    let between = between(view, group);
    for (flow, side) in concerned(view, group) {
        let rate = flow
            .side(side)
            .bulk
            .as_ref()
            .and_then(|bulk| bulk.arrivals.mean());
        if let (Some(queue), Some(rate)) = (Queue::of(flow, side), rate)
            && worst.is_none_or(|(known, _)| queue.added() > known.added())
        {
            worst = Some((queue, rate));
        }
    }
    let (queue, rate) = worst.unwrap_or((
        Queue {
            base: Span::ZERO,
            loaded: Span::ZERO,
        },
        0.0,
    ));
    let severity = if queue.added() >= NOTICED {
        Severity::Medium
    } else {
        Severity::Low
    };
    Story::observed(
        format!(
            "Transfers from {between} fill a queue: the round trip grows from {} to {} at {}, and everything else on that link waits as long",
            queue.base,
            queue.loaded,
            bit_rate(rate),
        ),
        "round trips that stay as long when the link carries nothing else",
    )
    .severity(severity)
    .advise("Shape a little below the link's rate where you control the sending side, with a fair and short queue (Linux: tc qdisc … cake bandwidth RATE, or fq_codel), or turn on active queue management on the router")
    .advise("Let bulk senders use BBR, or limit their rate, so that they do not fill the queue")
}
