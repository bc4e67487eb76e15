//! `retransmission-timeout-stall`: the end of an answer is lost, and only a timer repairs it.

use super::losses::{Losses, can_judge_repetitions, concerned, direction_key, directions};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use std::collections::BTreeMap;
use ww_base::Span;
use ww_evidence::SymptomKind;

rule! {
    name: "retransmission-timeout-stall",
    family: "tcp",
    layer: Tcp,
    class: Performance,
    severity: Medium,
    owner: Network,
    summary: "The last segments of an answer are lost and the connection stands still until a timer fires",
    needs: [Tcp],
    explains: ["packet-loss", "slow-application"],
    page: "retransmission_timeout_stall.md",
    detect: detect,
    tell: tell,
}

/// Stalls between two hosts below which a single one must be long.
const STALLS_MIN: u64 = 2;

/// A single stall of this length is told.
const STALL_LONG: Span = Span::from_secs(1);

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    if !can_judge_repetitions(view) {
        return;
    }
    let mut paths: BTreeMap<String, Vec<Sighting>> = BTreeMap::new();
    for (subject, flow) in view.flows() {
        for (side, _) in directions(flow) {
            let losses = Losses::of(flow, side);
            if !losses.mostly_at_tails() {
                continue;
            }
            let Some(symptom) = flow.symptom(SymptomKind::TailTimeout, side) else {
                continue;
            };
            let key = direction_key(flow, side);
            let sighting = Sighting::new(subject, key.clone())
                .count(u64::from(losses.tail_timeouts))
                .lost(losses.tail_lost)
                .show(view.in_flow(
                    flow,
                    symptom.worst_frame,
                    symptom.worst_frame,
                    format!("sent again after {} of silence", symptom.worst),
                ));
            paths.entry(key).or_default().push(sighting);
        }
    }
    for seen in paths.into_values() {
        let count: u64 = seen.iter().map(|sighting| sighting.count).sum();
        let lost: Span = seen.iter().map(|sighting| sighting.lost).sum();
        if count >= STALLS_MIN || lost >= STALL_LONG {
            sightings.extend(seen);
        }
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let (headline, refuter) = what_stood_still(view, group);
    Story::observed(headline, refuter)
        .advise("Mend the loss: a few percent of loss cost short answers far more than long transfers, because only a timer repairs their end")
        .advise("Let the sender probe the tail instead of waiting: RACK-TLP (RFC 8985; Linux: net.ipv4.tcp_recovery=1 and tcp_early_retrans=3, the defaults) needs SACK on both sides")
}

/// What was lost, how long the timer took, and what would refute it.
fn what_stood_still(view: &View<'_>, group: &[Sighting]) -> (String, &'static str) {
    let mut total = Losses::default();
    let mut in_vain = 0;
    let mut heard = false;
    let mut ends = None;
    for (flow, side) in concerned(view, group) {
        let sent = flow.side(side);
        total += Losses::of(flow, side);
        let arrived = sent.standstills.iter().filter(|one| one.arrived);
        in_vain += arrived.map(|standstill| standstill.repeats).sum::<u32>();
        heard |= flow.side(side.other()).frames > 0;
        ends.get_or_insert((flow.endpoint(side).addr, flow.endpoint(side.other()).addr));
    }
    let Some((from, to)) = ends else {
        return (String::new(), "");
    };
    let lost = total.tail_lost;
    let timers = match total.tail_timeouts {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    if !heard {
        return (
            format!(
                "{from} to {to}: the retransmission timer fired {timers} over {lost} and no packet ever came back: the other end, or the way back, is gone"
            ),
            "a capture at the sender in which the segment was first sent only after the silence",
        );
    }
    if total.tail_timeouts <= in_vain {
        return (
            format!(
                "What {from} sent to {to} had arrived, but the retransmission timer fired {timers} over {lost} before anything came back: the answer and what was repeated meanwhile were lost"
            ),
            "a capture at the other end in which the answer first leaves after the silence",
        );
    }
    let each = Span(lost.0 / i64::from(total.tail_timeouts.max(1)));
    (
        format!(
            "The end of what {from} sent to {to} was lost {timers}, and nothing followed that could have shown it: {each} each time until the retransmission timer fired"
        ),
        "a capture at the sender in which the segment was first sent only after the silence",
    )
}
