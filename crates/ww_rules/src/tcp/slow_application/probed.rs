//! The same cause at a live endpoint: the connection opens at once, and the answer takes long to begin.

use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::Span;
use ww_evidence::transcript::{HttpExchange, HttpVersion};
use ww_finding::Severity;

/// What was asked of an endpoint before anything was warm counts when it took longer.
const FIRST_MIN: Span = Span::from_secs(1);

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, exchange) in walk.transcript.exchanges() {
        let (Some(reply), Some(to)) = (exchange.reply(), exchange.to) else {
            continue;
        };
        if exchange.version != HttpVersion::One || reply.status >= 500 || !is_slow(walk, exchange) {
            continue;
        }
        let thought = thinking(exchange);
        sightings.add(
            Sighting::new(Subject::Step(step.number), exchange.url.clone())
                .lost(thought)
                .show(walk.at(
                    step,
                    if exchange.reused {
                        format!("{to} began its answer {} after a second request over the same connection", exchange.phases.wait)
                    } else {
                        format!(
                            "{to} opened the connection in {} and began its answer to {} {} after {}",
                            exchange.phases.connect, exchange.method, exchange.url, exchange.phases.wait
                        )
                    },
                )),
        );
    }
}

/// How long the server itself took: opening a connection is one round trip.
fn thinking(exchange: &HttpExchange) -> Span {
    (exchange.phases.wait - exchange.phases.connect).or_zero()
}

fn is_slow(walk: &Walk<'_>, exchange: &HttpExchange) -> bool {
    let thought = thinking(exchange);
    let warm = second(walk, exchange).is_none_or(|second| thinking(second) >= super::THINKING_MIN);
    let least = if warm { super::THINKING_MIN } else { FIRST_MIN };
    thought >= least && thought >= exchange.phases.connect.times(10)
}

/// The second request over the connection of this one.
fn second<'w>(walk: &Walk<'w>, exchange: &HttpExchange) -> Option<&'w HttpExchange> {
    walk.transcript
        .exchanges()
        .map(|(_, other)| other)
        .find(|other| {
            !exchange.reused
                && other.reused
                && other.to == exchange.to
                && other.url == exchange.url
                && other.reply().is_some()
        })
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let told: Vec<&HttpExchange> = walk
        .transcript
        .exchanges()
        .filter(|(step, _)| {
            sightings
                .iter()
                .any(|sighting| sighting.subjects.contains(&Subject::Step(step.number)))
        })
        .map(|(_, exchange)| exchange)
        .collect();
    let Some(&worst) = told.iter().max_by_key(|exchange| thinking(exchange)) else {
        return Story::observed("", "");
    };
    let quick = second(walk, worst).filter(|second| thinking(second) < super::THINKING_MIN);
    let longest = thinking(worst);
    let refuter = "a capture at the server that shows the answer leaving early, or the server's log with a shorter time for this request";
    if let Some(quick) = quick {
        return Story::observed(
            format!(
                "{} takes {longest} to begin its first answer and {} for a second one: something is made ready, or cached, by the first",
                worst.url, quick.phases.wait
            ),
            refuter,
        )
        .severity(Severity::Low)
        .advise("Look for what happens once: a process or function that starts cold, connections that are opened, a cache that is filled");
    }
    Story::observed(
        format!(
            "{} takes {longest} to begin an answer, though the connection opens in {}",
            worst.url,
            told.iter()
                .map(|exchange| exchange.phases.connect)
                .max()
                .unwrap_or(Span::ZERO)
        ),
        refuter,
    )
    .advise("Trace the slow request inside the server: time in its queue, in its own code, in the database and in calls to other services (nginx: log $request_time and $upstream_response_time)")
    .advise("If all requests are slow at the same time, look for exhaustion: workers, pool, CPU, garbage collection, a lock")
}
