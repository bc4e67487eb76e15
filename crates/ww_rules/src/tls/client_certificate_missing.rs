//! `client-certificate-missing`: the server wants a certificate of the client, and there was none.

use super::shown::quoted;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{HttpOutcome, Seen, TlsHandshake, TlsOutcome};

rule! {
    name: "client-certificate-missing",
    family: "tls",
    layer: Tls,
    class: Connectivity,
    severity: High,
    owner: Client,
    summary: "The server asks for a client certificate and ends the connection without one",
    needs: [Endpoint],
    explains: ["tls-handshake-rejected"],
    page: "client_certificate_missing.md",
    sight: sight,
    say: say,
}

/// How the server ended a handshake in which it asked in vain.
fn ended(handshake: &TlsHandshake) -> Option<String> {
    let demand = handshake.client_certificate.as_ref()?;
    if demand.sent {
        return None;
    }
    match handshake.outcome {
        // handshake_failure, bad_certificate, certificate_unknown, access_denied, certificate_required.
        TlsOutcome::Alert(number @ (40 | 42 | 46 | 49 | 116)) => Some(format!("alert {number}")),
        TlsOutcome::LateAlert(number) => Some(format!("alert {number} after the handshake")),
        TlsOutcome::Closed => Some("a close".to_owned()),
        TlsOutcome::Reset => Some("a reset".to_owned()),
        _ => None,
    }
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    refused_over_http(walk, sightings);
    for (step, handshake) in walk.transcript.handshakes() {
        let (Some(to), Some(how)) = (handshake.to, ended(handshake)) else {
            continue;
        };
        let accepted = handshake
            .client_certificate
            .iter()
            .flat_map(|demand| &demand.authorities)
            .take(3)
            .map(|name| quoted(name))
            .collect::<Vec<_>>()
            .join(", ");
        let from = if accepted.is_empty() {
            String::new()
        } else {
            format!(" from {accepted}")
        };
        sightings.add(Sighting::new(Subject::Step(step.number), "").show(walk.at(
            step,
            format!("{to} asks for a certificate{from}, gets none, and answers with {how}"),
        )));
    }
}

/// nginx completes the handshake and says it over HTTP (ngx_http_ssl_module, error 496).
fn refused_over_http(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, exchange) in walk.transcript.exchanges() {
        let (Some(to), HttpOutcome::Replied(reply)) = (exchange.to, &exchange.outcome) else {
            continue;
        };
        if reply.status == 400 && reply.body.head.contains(NO_CERTIFICATE) {
            sightings.add(Sighting::new(Subject::Step(step.number), "").show(walk.at(
                step,
                format!("{to} answers with status 400: {NO_CERTIFICATE}"),
            )));
        }
    }
}

const NO_CERTIFICATE: &str = "No required SSL certificate was sent";

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let host = &walk.target().host;
    let how = sightings
        .first()
        .and_then(|sighting| walk.step(*sighting.subjects.first()?))
        .and_then(|step| match &step.seen {
            Seen::Handshake(handshake) => {
                ended(handshake).map(|how| format!("ends the connection with {how}"))
            }
            _ => Some("answers with status 400".to_owned()),
        })
        .unwrap_or_default();
    Story::observed(
        format!("{host} accepts only clients with a certificate (mutual TLS), and none was shown: it {how}"),
        "the same question with --cert and --key that is ended likewise",
    )
    .advise("Give the client its certificate and key, from an authority that the server accepts: --cert and --key here and in curl")
    .advise("If clients should not need one, see who demands it: nginx ssl_verify_client, HAProxy verify required, Envoy require_client_certificate, Istio PeerAuthentication STRICT for callers without a sidecar")
}
