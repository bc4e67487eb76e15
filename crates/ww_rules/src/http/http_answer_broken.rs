//! `http-answer-broken`: what comes back is no HTTP, or breaks its framing.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{HttpExchange, HttpOutcome};

rule! {
    name: "http-answer-broken",
    family: "http",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Server,
    summary: "A request is answered with something that is no HTTP, or that no client can read",
    needs: [Endpoint],
    explains: [],
    page: "http_answer_broken.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, exchange) in walk.transcript.exchanges() {
        let (Some(to), Some(fault)) = (exchange.to, fault(exchange)) else {
            continue;
        };
        sightings.add(
            Sighting::new(Subject::Step(step.number), fault.clone()).show(walk.at(
                step,
                format!(
                    "{to}, asked for {} {}: {fault}",
                    exchange.method, exchange.url
                ),
            )),
        );
    }
}

/// What is wrong with the answer. Records of TLS are another matter: the port wants TLS.
fn fault(exchange: &HttpExchange) -> Option<String> {
    match &exchange.outcome {
        HttpOutcome::NotHttp(line) if !line.starts_with(['\u{15}', '\u{16}']) => {
            Some(format!("the answer begins with `{line}`"))
        }
        HttpOutcome::Broken(why) => Some(why.clone()),
        _ => None,
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let target = walk.target();
    let told = sightings.first().and_then(|sighting| {
        let subject = *sighting.subjects.first()?;
        walk.transcript
            .exchanges()
            .find(|(step, _)| Subject::Step(step.number) == subject)
    });
    let Some((_, exchange)) = told else {
        return Story::observed("", "");
    };
    let host = if exchange.redirect > 0 {
        exchange.url.clone()
    } else {
        format!("{} port {}", target.host, target.port)
    };
    if let HttpOutcome::NotHttp(line) = &exchange.outcome {
        return Story::observed(
            format!("{host} does not speak HTTP: its answer begins with `{line}`"),
            "an answer that begins with HTTP/1 to the same request on this port",
        )
        .advise(format!("Find out which service listens there (on the server: ss -ltnp 'sport = :{}'), and correct the port, or the port mapping", target.port));
    }
    Story::observed(
        format!("{host} sends answers that no client can read: {}", fault(exchange).unwrap_or_default()),
        "the same answer, read without complaint by curl -v --http1.1",
    )
    .advise("Look at the answer byte by byte: curl -v --http1.1 --raw, or a capture at the server; then at what writes these header fields, application or proxy")
}
