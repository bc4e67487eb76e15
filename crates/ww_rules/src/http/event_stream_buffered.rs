//! `event-stream-buffered`: events of a stream arrive in bursts, as something on the way collects them.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::Span;
use ww_evidence::transcript::{Arrivals, HttpReply};
use ww_finding::Support;

rule! {
    name: "event-stream-buffered",
    family: "http",
    layer: Http,
    class: Performance,
    severity: Medium,
    owner: Middlebox,
    summary: "Events of a stream arrive late and together: a proxy collects them before it passes them on",
    needs: [Endpoint],
    explains: ["slow-application"],
    page: "event_stream_buffered.md",
    sight: sight,
    say: say,
}

/// Events of one burst are no further apart.
const TOGETHER: Span = Span::from_millis(30);

/// Fewer events tell nothing.
const BURST_MIN: usize = 3;

/// A burst was collected when this much time went by before it.
const COLLECTED: Span = Span::from_millis(800);

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, arrivals) in walk.transcript.arrivals() {
        let Some(burst) = collected(arrivals) else {
            continue;
        };
        let (Some(to), Some(&first)) = (arrivals.to, burst.first()) else {
            continue;
        };
        let mut sighting = Sighting::new(Subject::Step(step.number), to.to_string())
            .lost(first)
            .show(walk.at(
                step,
                format!(
                    "{} events of {to} arrived together, {first} after the request; the header fields after {}",
                    burst.len(),
                    arrivals.headers
                ),
            ));
        // The request of this stream is told by the same finding.
        sighting.subjects.extend(
            walk.transcript
                .exchanges()
                .filter(|(request, exchange)| {
                    exchange.to == arrivals.to && request.number < step.number
                })
                .map(|(request, _)| Subject::Step(request.number)),
        );
        sightings.add(sighting);
    }
}

/// Whether something collected the events of a stream.
pub(crate) fn is_collected(arrivals: &Arrivals) -> bool {
    collected(arrivals).is_some()
}

/// The burst that was collected: the whole stream at once with its header fields after a wait, or two bursts with
/// quiet between. A stream that begins with what was missed and then goes on is none.
fn collected(arrivals: &Arrivals) -> Option<&[Span]> {
    let bursts: Vec<&[Span]> = arrivals
        .events
        .chunk_by(|earlier, later| *later - *earlier <= TOGETHER)
        .collect();
    let is_burst = |burst: &&[Span]| burst.len() >= BURST_MIN;
    match bursts.as_slice() {
        [only] => {
            let at = *only.first()?;
            let late = arrivals.headers >= COLLECTED && at - arrivals.headers <= TOGETHER;
            (late && is_burst(only)).then_some(*only)
        }
        // The last may be cut off by the end of the watch.
        [.., before, last] if bursts.iter().rev().skip(1).all(is_burst) => {
            let quiet = *last.first()? - *before.last()?;
            (quiet >= COLLECTED && (bursts.len() > 2 || is_burst(last))).then_some(*before)
        }
        _ => None,
    }
}

fn say(walk: &Walk<'_>, _: &[Sighting]) -> Story {
    let reply: Option<&HttpReply> = walk
        .transcript
        .exchanges()
        .filter_map(|(_, exchange)| exchange.reply())
        .find(|reply| {
            reply
                .header("content-type")
                .is_some_and(|kind| kind.contains("event-stream"))
        });
    let server = reply
        .and_then(|reply| reply.header("server"))
        .unwrap_or_default();
    let by = if server.starts_with("nginx") || server.starts_with("openresty") {
        "nginx before it, which buffers answers unless told otherwise"
    } else {
        "a proxy on the way, most likely"
    };
    Story::observed(
        format!(
            "{} sends its events in bursts: something collects them, {by}",
            walk.target().host
        ),
        "the same bursts from the application when it is asked without any proxy",
    )
    .support(Support::Heuristic)
    .advise("Let the application send `X-Accel-Buffering: no` with the stream, or set `proxy_buffering off` in nginx for this location; answers that are compressed are collected too (gzip off for text/event-stream)")
    .advise("If the application itself writes in bursts, let it flush after each event")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_are_told_from_streams() {
        let burst = |headers: i64, events: &[i64]| {
            collected(&Arrivals {
                headers: Span::from_millis(headers),
                events: events.iter().copied().map(Span::from_millis).collect(),
                ..Arrivals::default()
            })
            .map(<[Span]>::len)
        };
        assert_eq!(burst(2010, &[2010, 2010, 2010, 2011]), Some(4));
        assert_eq!(burst(5, &[1000, 1000, 1001, 2000, 2000, 2000]), Some(3));
        // A backlog at once, a slow and a quick stream, one late event, little in all.
        assert_eq!(burst(5, &[6, 6, 6, 6, 6]), None);
        assert_eq!(burst(5, &[6, 6, 6, 1000, 2000]), None);
        assert_eq!(burst(0, &[0, 250, 510, 760]), None);
        assert_eq!(burst(0, &[10, 20, 30, 40, 50, 60]), None);
        assert_eq!(burst(2000, &[2000, 2001]), None);
        assert_eq!(burst(5, &[6, 6, 6, 1500]), None);
        assert_eq!(burst(5, &[]), None);
    }
}
