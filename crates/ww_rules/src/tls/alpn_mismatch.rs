//! `alpn-mismatch`: client and server agree on no protocol within TLS.

mod bound;

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{Seen, Service, TlsHandshake, TlsOutcome};

rule! {
    name: "alpn-mismatch",
    family: "tls",
    layer: Tls,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "The server chooses none of the protocols that the client offers by ALPN, as when HTTP/2 is off before gRPC",
    needs: [Endpoint],
    explains: ["tls-handshake-rejected"],
    page: "alpn_mismatch.md",
    sight: sight,
    say: say,
}

/// RFC 7301 section 3.2: no_application_protocol.
const NO_APPLICATION_PROTOCOL: u8 = 120;

fn is_rejected(handshake: &TlsHandshake) -> bool {
    handshake.outcome == TlsOutcome::Alert(NO_APPLICATION_PROTOCOL)
        && !handshake.alpn_offered.is_empty()
}

/// gRPC clients offer h2 alone and need it chosen; others fall back to HTTP/1.1 when nothing is chosen.
fn is_ignored(walk: &Walk<'_>, handshake: &TlsHandshake) -> bool {
    walk.target().service == Service::Grpcs
        && matches!(
            handshake.outcome,
            TlsOutcome::Done | TlsOutcome::LateAlert(_)
        )
        && handshake.session_from.is_none()
        && handshake.alpn_offered.iter().any(|offered| offered == "h2")
        && handshake.alpn.is_empty()
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, handshake) in walk.transcript.handshakes() {
        let Some(to) = handshake.to else { continue };
        let offered = handshake.alpn_offered.join(", ");
        let says = if is_rejected(handshake) {
            format!("{to} answers the offer of {offered} with alert 120 no_application_protocol")
        } else if is_ignored(walk, handshake) {
            format!("{to} completes the handshake and does not choose {offered}")
        } else {
            continue;
        };
        sightings.add(Sighting::new(Subject::Step(step.number), "").show(walk.at(step, says)));
    }
    bound::sight(walk, sightings);
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    if let Some(story) = bound::say(walk, sightings) {
        return story;
    }
    let host = &walk.target().host;
    let first = sightings
        .first()
        .and_then(|sighting| walk.step(*sighting.subjects.first()?));
    let Some(Seen::Handshake(handshake)) = first.map(|step| &step.seen) else {
        return Story::observed("", "");
    };
    let offered = handshake.alpn_offered.join(", ");
    let chosen = walk
        .transcript
        .handshakes()
        .map(|(_, other)| other.alpn.as_str())
        .find(|alpn| !alpn.is_empty())
        .map(|alpn| format!("; it chooses {alpn} when that is offered"))
        .unwrap_or_default();
    let story = if is_rejected(handshake) {
        Story::observed(
            format!(
                "{host} speaks none of the protocols that were offered by ALPN ({offered}), and rejects the handshake{chosen}"
            ),
            format!(
                "openssl s_client -alpn {} that completes",
                handshake.alpn_offered.join(",")
            ),
        )
    } else {
        Story::observed(
            format!(
                "{host} does not choose h2 by ALPN, which gRPC needs: clients give up, or wait until their deadline{chosen}"
            ),
            "openssl s_client -alpn h2 that prints ALPN protocol: h2",
        )
    };
    if handshake.alpn_offered.iter().any(|offered| offered == "h2") {
        story
            .advise("Switch HTTP/2 on where TLS ends: nginx http2 on, HAProxy alpn h2,http/1.1, Envoy alpn_protocols, AWS: a target group with protocol version gRPC")
            .advise("If a device before the server ends TLS without ALPN, let it pass TLS through, or end TLS at one that knows ALPN")
    } else {
        story.advise("Let the server offer http/1.1 as well: a WebSocket handshake over TLS needs it where HTTP/2 has no extended CONNECT")
    }
}
