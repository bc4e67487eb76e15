//! `retransmission-timeout-stall`: the end of an answer is lost, and only a timer repairs it.

use super::losses::{
    Losses, can_judge_repetitions, client_key, concerned, direction_key, directions, side_of_key,
};
use crate::roster::Trait;
use crate::rule::rule;
use crate::shared::some;
use crate::{Sighting, Sightings, Story, View};
use std::collections::{BTreeMap, BTreeSet};
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

/// So many servers do not fail a client each on its own: what they share is the client's end of the way.
const SERVERS_MANY: usize = 4;

/// What would refute most of it.
const REFUTER: &str =
    "a capture at the sender in which the segment was first sent only after the silence";

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    if !can_judge_repetitions(view) {
        return;
    }
    let mut paths: BTreeMap<String, Vec<Sighting>> = BTreeMap::new();
    for (subject, flow) in view.flows_that_are(Trait::Troubled) {
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
    paths.retain(|_, seen| {
        let count: u64 = seen.iter().map(|sighting| sighting.count).sum();
        let lost: Span = seen.iter().map(|sighting| sighting.lost).sum();
        count >= STALLS_MIN || lost >= STALL_LONG
    });
    let mut seen: Vec<Sighting> = paths.into_values().flatten().collect();
    unite_servers(view, &mut seen);
    sightings.extend(seen);
}

/// Stalls of one client with many servers are one thing.
fn unite_servers(view: &View<'_>, seen: &mut [Sighting]) {
    let key = |sighting: &Sighting| {
        let flow = view.flow(*sighting.subjects.first()?)?;
        Some(client_key(flow, side_of_key(&sighting.group)))
    };
    let mut servers: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for sighting in &*seen {
        if let Some(key) = key(sighting) {
            servers.entry(key).or_default().insert(&sighting.group);
        }
    }
    let many: BTreeSet<String> = servers
        .into_iter()
        .filter(|(_, servers)| servers.len() >= SERVERS_MANY)
        .map(|(key, _)| key)
        .collect();
    for sighting in seen {
        if let Some(key) = key(sighting).filter(|key| many.contains(key)) {
            sighting.group = key;
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
    let (mut senders, mut receivers) = (BTreeSet::new(), BTreeSet::new());
    for (flow, side) in concerned(view, group) {
        let sent = flow.side(side);
        total += Losses::of(flow, side);
        let arrived = sent.standstills.iter().filter(|one| one.arrived);
        in_vain += arrived.map(|standstill| standstill.repeats).sum::<u32>();
        heard |= flow.side(side.other()).frames > 0;
        senders.insert(flow.endpoint(side).addr);
        receivers.insert(flow.endpoint(side.other()).addr);
    }
    let (from, to) = (
        some(senders.into_iter(), "hosts"),
        some(receivers.into_iter(), "hosts"),
    );
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
            REFUTER,
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
        REFUTER,
    )
}
