//! Requests as steps: the first of a connection, and one more.

use super::exchange::{self, Exchanged, Io, Waits};
use super::open;
use super::request::Request;
use super::two;
use crate::options::Depth;
use crate::recorder::{Asked, span};
use crate::walk::Walker;
use std::net::SocketAddr;
use std::time::Duration;
use ww_evidence::transcript::{Arrivals, HttpExchange, HttpOutcome, HttpVersion, Phases, Seen};

/// How many times the usual wait the first answer is waited for.
const SLOW_PATIENCE: [(Depth, u32); 3] = [(Depth::Quick, 1), (Depth::Normal, 6), (Depth::Deep, 13)];

/// Where a request goes, and how one came there.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    /// The address.
    pub(crate) to: SocketAddr,
    /// Which redirect led there.
    pub(crate) number: u32,
    /// How long finding the address took.
    pub(crate) name: Duration,
    /// Why it is asked.
    pub(crate) why: String,
}

/// How long an answer is waited for: long enough to see a gateway's timer end, which is often 30 or 60 s, where
/// nothing has timed out before.
pub(super) fn waits(walker: &Walker<'_>) -> Option<Waits> {
    let usual = walker.options.patience;
    let waited = walker.recorder.look(|steps| {
        steps.iter().any(|step| {
            matches!(&step.seen, Seen::Http(exchange) if exchange.outcome == HttpOutcome::TimedOut)
        })
    });
    let times = SLOW_PATIENCE
        .iter()
        .find(|(depth, _)| *depth == walker.options.depth && !waited)
        .map_or(1, |(_, times)| *times);
    Some(Waits {
        first: walker.at_most(usual * times)?,
        next: usual,
        whole: walker.at_most(usual * 2)?,
    })
}

/// Opens a connection, puts a request and writes the step; the connection where it can carry another one. `None`
/// when the time is up.
pub(crate) async fn first(
    walker: &Walker<'_>,
    request: &Request,
    hop: &Hop,
) -> Option<(HttpExchange, Option<Box<dyn Io>>)> {
    let waits = waits(walker)?;
    let asked = Asked::now(request.command(hop.to, HttpVersion::One)).because(hop.why.as_str());
    let mut seen = HttpExchange {
        url: request.url.to_string(),
        method: request.method.to_owned(),
        to: Some(hop.to),
        redirect: hop.number,
        phases: Phases {
            name: span(hop.name),
            ..Phases::default()
        },
        ..HttpExchange::default()
    };
    let mut opened = match open::open(walker, &request.url, HttpVersion::One, hop.to).await {
        Ok(opened) => opened,
        Err(why) => {
            seen.outcome = HttpOutcome::NotConnected(why);
            walker.recorder.answer(asked, Seen::Http(seen.clone()));
            return Some((seen, None));
        }
    };
    seen.phases.connect = span(opened.connect);
    seen.phases.handshake = span(opened.handshake);
    let done = exchange::exchange(&mut opened.stream, request, waits).await;
    let kept = done.kept.then_some(opened.stream);
    Some((write(walker, asked, seen, done), kept))
}

/// Puts the request over HTTP/2 and writes the step.
pub(crate) async fn over_two(
    walker: &Walker<'_>,
    request: &Request,
    hop: &Hop,
) -> Option<HttpExchange> {
    let waits = waits(walker)?;
    let asked = Asked::now(request.command(hop.to, HttpVersion::Two)).because(hop.why.as_str());
    let mut seen = HttpExchange {
        url: request.url.to_string(),
        method: request.method.to_owned(),
        to: Some(hop.to),
        version: HttpVersion::Two,
        phases: Phases {
            name: span(hop.name),
            ..Phases::default()
        },
        ..HttpExchange::default()
    };
    match open::open(walker, &request.url, HttpVersion::Two, hop.to).await {
        Ok(opened) => {
            seen.phases.connect = span(opened.connect);
            seen.phases.handshake = span(opened.handshake);
            let done = two::exchange(opened.stream, request, waits).await;
            Some(write(walker, asked, seen, done))
        }
        Err(why) => {
            seen.outcome = HttpOutcome::NotConnected(why);
            walker.recorder.answer(asked, Seen::Http(seen.clone()));
            Some(seen)
        }
    }
}

/// Puts another request over the same connection and writes the step.
pub(crate) async fn again(
    walker: &Walker<'_>,
    request: &Request,
    to: SocketAddr,
    stream: &mut Box<dyn Io>,
) {
    let Some(waits) = waits(walker) else { return };
    let asked =
        Asked::now(String::new()).because("whether the connection carries a second request");
    let seen = HttpExchange {
        url: request.url.to_string(),
        method: request.method.to_owned(),
        to: Some(to),
        reused: true,
        ..HttpExchange::default()
    };
    let done = exchange::exchange(stream, request, waits).await;
    write(walker, asked, seen, done);
}

/// Writes what came of a request as a step, and a stream's events as another one.
pub(super) fn write(
    walker: &Walker<'_>,
    asked: Asked,
    mut seen: HttpExchange,
    done: Exchanged,
) -> HttpExchange {
    seen.phases.wait = span(done.wait);
    seen.phases.transfer = span(done.transfer);
    seen.outcome = done.outcome;
    walker
        .recorder
        .answer(asked.clone(), Seen::Http(seen.clone()));
    if let Some((headers, events)) = done.stream {
        let arrivals = Arrivals {
            to: seen.to,
            headers: span(headers),
            events: events.at.into_iter().map(span).collect(),
            ended: done.ended,
        };
        walker.recorder.answer(
            asked.because("the answer is a stream of events"),
            Seen::Arrivals(arrivals),
        );
    }
    seen
}
