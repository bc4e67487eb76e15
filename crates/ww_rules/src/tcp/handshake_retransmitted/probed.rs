//! The same cause at a live endpoint: a connection that opened when the kernel repeats SYNs.

use crate::tcp::attempts::{Attempt, attempts};
use crate::tcp::hosts::{count, median};
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::Span;
use ww_evidence::transcript::ConnectOutcome;
use ww_finding::{Severity, Support};

/// The kernel's timer is late by up to a fiftieth, measured on Linux 6.18 (19.41 s in place of 19 s).
const LATE: i64 = 50;

/// An answer to a repeated SYN takes as long as any other; on a busy host a little longer.
const ANSWER: Span = Span::from_millis(120);

/// With a round trip of a second and more, SYNs are repeated although nothing was lost (RFC 6298 section 2.1).
const SLOW_PATH: Span = Span::from_millis(900);

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for attempt in attempts(walk) {
        let Some(repeats) = repeated(walk, &attempt) else {
            continue;
        };
        let took = attempt.step.took;
        sightings.add(
            Sighting::new(Subject::Step(attempt.step.number), "")
                .lost(took)
                .show(walk.at(
                    attempt.step,
                    format!(
                        "{} opened after {took}: its SYN was sent {} times",
                        attempt.to,
                        repeats + 1
                    ),
                )),
        );
    }
}

/// How often the SYN of a connection that opened was repeated; none when it was not.
fn repeated(walk: &Walk<'_>, attempt: &Attempt<'_>) -> Option<u32> {
    let connect = attempt.connect;
    if connect.outcome != ConnectOutcome::Open {
        return None;
    }
    let took = attempt.step.took;
    let on_atom = walk
        .transcript
        .head
        .syn_repeats
        .iter()
        .zip(1..)
        .filter(|(at, _)| **at <= took)
        .last()
        .filter(|(at, _)| took <= **at + Span(at.0 / LATE) + usual(walk) + ANSWER)
        .map(|(_, nth)| nth);
    match connect.info {
        Some(info) if info.retransmits == 0 || info.rtt >= SLOW_PATH => None,
        Some(info) => Some(info.retransmits),
        None => on_atom,
    }
}

/// How long a connection takes here where nothing is repeated.
fn usual(walk: &Walk<'_>) -> Span {
    let first = walk.transcript.head.syn_repeats.first().copied();
    median(
        attempts(walk)
            .filter(|attempt| attempt.connect.outcome == ConnectOutcome::Open)
            .map(|attempt| attempt.step.took)
            .filter(|took| first.is_none_or(|first| *took < first))
            .collect(),
    )
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let open: Vec<_> = attempts(walk)
        .filter(|attempt| attempt.connect.outcome == ConnectOutcome::Open)
        .collect();
    let cases: Vec<_> = open
        .iter()
        .filter(|attempt| repeated(walk, attempt).is_some())
        .collect();
    let took = median(cases.iter().map(|attempt| attempt.step.took).collect());
    let usual = usual(walk);
    let others = if usual > Span::ZERO {
        format!(" in place of {usual}")
    } else {
        String::new()
    };
    let support = if cases.iter().any(|attempt| attempt.connect.info.is_some()) {
        Support::Observed
    } else {
        Support::Heuristic
    };
    Story::observed(
        format!(
            "{} to {} of {} opened only after the SYN was repeated, {took}{others}: a SYN or its answer was lost, or the server's queue was full",
            count(sightings.len(), "connection"),
            walk.target().host,
            open.len()
        ),
        "a capture at the server: it shows whether each SYN arrived and was answered",
    )
    .support(support)
    .severity(if sightings.len() > 1 {
        Severity::Medium
    } else {
        Severity::Low
    })
    .advise("See whether it happens often: wirewise diagnose --repeat 60")
    .advise("On the server, see whether its queues drop SYNs: nstat -az TcpExtListenDrops TcpExtListenOverflows TcpExtTCPReqQFullDrop")
    .advise("Look for loss on the path (interface errors and drops), and for firewalls with full connection tables")
}
