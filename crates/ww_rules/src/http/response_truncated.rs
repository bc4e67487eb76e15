//! `response-truncated`: an answer begins well and breaks off.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{Body, HttpExchange};

rule! {
    name: "response-truncated",
    family: "http",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Server,
    summary: "Answers break off before their end, after a status that says all is well",
    needs: [Endpoint],
    explains: [],
    page: "response_truncated.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, exchange) in walk.transcript.exchanges() {
        let (Some(reply), Some(to)) = (exchange.reply(), exchange.to) else {
            continue;
        };
        let body = &reply.body;
        if body.complete || body.cut || body.fault.is_empty() {
            continue;
        }
        sightings.add(
            Sighting::new(Subject::Step(step.number), kind(body)).show(walk.at(
                step,
                format!(
                    "{to} answered {} to {} {}, then {} of the body: {}",
                    reply.status,
                    exchange.method,
                    exchange.url,
                    amount(body),
                    body.fault
                ),
            )),
        );
    }
}

/// How a body broke off.
fn kind(body: &Body) -> &'static str {
    let fault = body.fault.as_str();
    if fault.contains("chunk") {
        "chunks"
    } else if fault.contains("nothing more came") {
        "stalled"
    } else if fault.contains("reset") {
        "reset"
    } else {
        "closed"
    }
}

fn amount(body: &Body) -> String {
    match body.announced {
        Some(all) => format!("{} of {all} bytes", body.received),
        None => format!("{} bytes", body.received),
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let told = sightings.first().and_then(|sighting| {
        let subject = *sighting.subjects.first()?;
        let (_, exchange): (_, &HttpExchange) = walk
            .transcript
            .exchanges()
            .find(|(step, _)| Subject::Step(step.number) == subject)?;
        Some((exchange, &exchange.reply()?.body))
    });
    let Some((exchange, body)) = told else {
        return Story::observed("", "");
    };
    let host = if exchange.redirect > 0 {
        &exchange.url
    } else {
        &walk.target().host
    };
    let what = match kind(body) {
        "chunks" => format!("sends a body whose chunks cannot be read: {}", body.fault),
        "stalled" => format!(
            "stops in the middle of an answer, after {}, and keeps the connection open",
            amount(body)
        ),
        "reset" => format!(
            "resets the connection in the middle of an answer, after {}",
            amount(body)
        ),
        _ => format!(
            "closes the connection in the middle of an answer, after {}",
            amount(body)
        ),
    };
    Story::observed(
        format!("{host} {what}"),
        "the same request asked directly behind each proxy, answered in full",
    )
    .advise("Ask behind each proxy on the way, from the outside in: the first that answers in full stands before the culprit")
    .advise("In the proxy's log look for an answer that ended early: nginx `upstream prematurely closed connection while reading upstream`, HAProxy termination state SD, Envoy response flag UPE or UC; in the application's, for a crash or a worker killed at that time")
    .advise("If it is always the same length, compare it with buffers and limits: nginx proxy_max_temp_file_size and its disk's space, the application's Content-Length")
}
