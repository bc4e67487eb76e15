//! The same cause at a live endpoint: the connection opens, the request goes out, and no answer comes.

use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::net::SocketAddr;
use ww_base::Span;
use ww_evidence::transcript::{HelloReply, HttpOutcome, HttpVersion, TlsOutcome};
use ww_finding::{Owner, Support};

/// Shorter waits than this tell of an impatient walk, not of a server.
const WAITED_MIN: Span = Span::from_secs(1);

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, exchange) in walk.transcript.exchanges() {
        // What becomes of HTTP/3 tells of UDP, and is another rule's.
        let Some(to) = exchange
            .to
            .filter(|_| !exchange.reused && exchange.version != HttpVersion::Three)
        else {
            continue;
        };
        let what = match exchange.outcome {
            HttpOutcome::TimedOut if exchange.phases.wait >= WAITED_MIN => {
                format!("said nothing for {}", exchange.phases.wait)
            }
            HttpOutcome::Closed => format!("closed the connection after {}", exchange.phases.wait),
            HttpOutcome::Reset => format!("reset the connection after {}", exchange.phases.wait),
            _ => continue,
        };
        if is_another_matter(walk, to) {
            continue;
        }
        let kind = kind(&exchange.outcome);
        sightings.add(
            Sighting::new(
                Subject::Step(step.number),
                format!("{kind} {}", exchange.redirect),
            )
            .lost(exchange.phases.wait)
            .show(walk.at(
                step,
                format!("{to} took {} {} and {what}", exchange.method, exchange.url),
            )),
        );
    }
}

/// The port wants TLS, or a certificate of ours: servers that get neither close like this.
fn is_another_matter(walk: &Walk<'_>, to: SocketAddr) -> bool {
    let tls = walk.target().service.is_tls();
    walk.transcript.handshakes().any(|(_, handshake)| {
        handshake.to == Some(to)
            && (handshake
                .client_certificate
                .as_ref()
                .is_some_and(|demand| !demand.sent)
                || (!tls && handshake.outcome == TlsOutcome::Done))
    }) || walk.transcript.hellos().any(|(_, hello)| {
        !tls && hello.to == Some(to)
            && matches!(hello.reply, HelloReply::Accepted | HelloReply::Alert(_))
    })
}

fn kind(outcome: &HttpOutcome) -> &'static str {
    match outcome {
        HttpOutcome::Closed => "closed",
        HttpOutcome::Reset => "reset",
        _ => "silent",
    }
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
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
        &exchange.url
    } else {
        &walk.target().host
    };
    let asked: Vec<SocketAddr> = walk
        .transcript
        .exchanges()
        .filter(|(_, other)| other.redirect == exchange.redirect && !other.reused)
        .filter_map(|(_, other)| other.to)
        .collect();
    let host = if sightings.len() < asked.len() {
        format!(
            "{} of the {} addresses of {host}",
            sightings.len(),
            asked.len()
        )
    } else {
        host.clone()
    };
    let kind = kind(&exchange.outcome);
    if kind == "silent" {
        return Story::observed(
            format!(
                "{host} accepted the connection and the request, and answered nothing in {}",
                exchange.phases.wait
            ),
            "an answer to the same request that comes later than was waited for",
        )
        .advise("On the server, see whether the connection was taken: ss -tn state established; a Recv-Q that is not 0 means that no program reads it (workers busy, deadlock, queue full)")
        .advise("If a proxy took it, its timer towards what is behind it is longer than the wait here: ask behind it directly, or wait longer with --max-time and --depth deep");
    }
    Story::observed(
        format!(
            "{host} accepts connections and {} without an answer to the request",
            if kind == "reset" { "resets them" } else { "closes them" }
        ),
        "the server's access log with an answer to this request",
    )
    .support(Support::Observed)
    .owner(Owner::Application)
    .advise("Look into the server's log at this time for a crash, or a worker that was killed, while it handled the request")
    .advise("If other paths are answered, look at what is special to this one; if none is, whether the port speaks HTTP at all, or wants the PROXY protocol (nginx: listen … proxy_protocol; HAProxy: accept-proxy)")
}
