//! `http3-advertised-unreachable`: Alt-Svc or an HTTPS record promises HTTP/3 where nobody speaks QUIC, or no request is answered.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::net::SocketAddr;
use ww_evidence::transcript::{
    HttpExchange, HttpOutcome, HttpVersion, QuicOutcome, QuicProbe, TlsOutcome,
};
use ww_finding::{Owner, Severity, Support};

rule! {
    name: "http3-advertised-unreachable",
    family: "http",
    layer: Udp,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "Answers (Alt-Svc) or an HTTPS record promise HTTP/3, and nobody answers QUIC, or a request, there",
    needs: [Endpoint],
    explains: [],
    page: "http3_advertised_unreachable.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    sight_requests(walk, sightings);
    for (step, probe) in walk.transcript.quics() {
        let (Some(to), Some(promise)) = (probe.to, promise(probe)) else {
            continue;
        };
        let answer = match probe.outcome {
            QuicOutcome::Refused => "with ICMP port unreachable".to_owned(),
            QuicOutcome::Silence => format!("nothing in {} tries", probe.tries),
            QuicOutcome::Answered | QuicOutcome::Failed(_) => continue,
        };
        sightings.add(
            Sighting::new(Subject::Step(step.number), to.to_string()).show(walk.at(
                step,
                format!("{to} over UDP answered {answer} to a QUIC packet; {promise}"),
            )),
        );
    }
}

/// Who promises HTTP/3, and how.
fn promise(probe: &QuicProbe) -> Option<String> {
    match (probe.advertised.as_str(), probe.record.as_str()) {
        ("", "") => None,
        ("", record) => Some(format!("the record says {record}")),
        (field, _) => Some(format!("Alt-Svc says {field}")),
    }
}

/// How a promise is taken back.
fn withdrawal(probe: &QuicProbe) -> &'static str {
    if probe.advertised.is_empty() {
        "take h3 out of the HTTPS record"
    } else {
        "take the Alt-Svc field out"
    }
}

/// The question whether QUIC is spoken at an address.
fn asked<'a>(walk: &Walk<'a>, to: SocketAddr) -> Option<&'a QuicProbe> {
    let mut probes = walk.transcript.quics().map(|(_, probe)| probe);
    probes.find(|probe| probe.to == Some(to))
}

/// A request over HTTP/3 that came to nothing: why.
fn unanswered(walk: &Walk<'_>, exchange: &HttpExchange) -> Option<String> {
    if exchange.version != HttpVersion::Three {
        return None;
    }
    match &exchange.outcome {
        HttpOutcome::Replied(_) => None,
        HttpOutcome::NotConnected(why) => Some(
            exchange
                .to
                .and_then(|to| handshake_failure(walk, to))
                .unwrap_or_else(|| why.clone()),
        ),
        HttpOutcome::TimedOut => Some("the request is not answered".to_owned()),
        HttpOutcome::Closed | HttpOutcome::Reset => Some("the connection ends".to_owned()),
        HttpOutcome::NotHttp(why) | HttpOutcome::Broken(why) | HttpOutcome::Failed(why) => {
            Some(format!("the request fails: {why}"))
        }
    }
}

/// How the handshake within QUIC failed.
fn handshake_failure(walk: &Walk<'_>, to: SocketAddr) -> Option<String> {
    let (_, handshake) = walk
        .transcript
        .quic_handshakes()
        .find(|(_, handshake)| handshake.to == Some(to))?;
    Some(match &handshake.outcome {
        TlsOutcome::Done => return None,
        TlsOutcome::Alert(number) | TlsOutcome::LateAlert(number) => {
            format!("the server ends the QUIC handshake with TLS alert {number}")
        }
        TlsOutcome::TimedOut => "the QUIC handshake does not end".to_owned(),
        TlsOutcome::Closed | TlsOutcome::Reset => "the server ends the QUIC handshake".to_owned(),
        TlsOutcome::NotTls(why)
        | TlsOutcome::Refused(why)
        | TlsOutcome::Broken(why)
        | TlsOutcome::Failed(why) => {
            format!("the QUIC handshake fails: {why}")
        }
    })
}

fn sight_requests(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, exchange) in walk.transcript.exchanges() {
        if let Some(why) = unanswered(walk, exchange)
            && let Some(to) = exchange.to
        {
            sightings.add(
                Sighting::new(Subject::Step(step.number), format!("request {to}"))
                    .show(walk.at(step, format!("{to} over QUIC: {why}"))),
            );
        }
    }
}

/// The sentence about a request that came to nothing.
fn of_request(walk: &Walk<'_>, sightings: &[Sighting]) -> Option<Story> {
    let subject = *sightings.first()?.subjects.first()?;
    let (_, exchange) = walk
        .transcript
        .exchanges()
        .find(|(step, _)| Subject::Step(step.number) == subject)?;
    let why = unanswered(walk, exchange)?;
    let host = &walk.target().host;
    let withdrawal = exchange
        .to
        .and_then(|to| asked(walk, to))
        .map_or("take the promise back", withdrawal);
    Some(
        Story::observed(
            format!("{host} promises HTTP/3 and speaks QUIC, and no request comes through: {why}"),
            "curl --http3-only to the same address, answered",
        )
        .owner(Owner::Server)
        .advise("Compare what the server is set up to do over QUIC with what it does over TCP: names and certificates, ALPN h3, and who listens on the UDP port at all")
        .advise(format!("Until it works, {withdrawal}: clients try HTTP/3 first for as long as they remember the promise")),
    )
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    if let Some(story) = of_request(walk, sightings) {
        return story;
    }
    let probe: Option<&QuicProbe> = sightings.first().and_then(|sighting| {
        let subject = *sighting.subjects.first()?;
        walk.transcript
            .quics()
            .find(|(step, _)| Subject::Step(step.number) == subject)
            .map(|(_, probe)| probe)
    });
    let Some((probe, to)) = probe.and_then(|probe| Some((probe, probe.to?))) else {
        return Story::observed("", "");
    };
    let host = &walk.target().host;
    let port = to.port();
    let withdrawal = withdrawal(probe);
    let refuter = "curl --http3-only to the same address, answered";
    if probe.outcome == QuicOutcome::Refused {
        return Story::observed(
            format!("{host} promises HTTP/3 on UDP port {port}, where nobody listens: clients try it in vain before they fall back"),
            refuter,
        )
        .advise(format!("Let the server listen for QUIC (nginx: listen {port} quic; in containers and load balancers, map the port for UDP too), or {withdrawal}"));
    }
    Story::observed(
        format!("{host} promises HTTP/3 on UDP port {port}, and nothing answers there from here: clients wait before they fall back"),
        refuter,
    )
    .severity(Severity::Low)
    .support(Support::Heuristic)
    .owner(Owner::Unknown)
    .advise(format!("Ask from another network: if QUIC is answered there, this network blocks UDP port {port}, which is its owner's choice"))
    .advise(format!("If it is not, let the firewall and the load balancer before the server pass UDP port {port}, or {withdrawal}"))
}
