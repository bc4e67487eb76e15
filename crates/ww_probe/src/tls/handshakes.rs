//! Handshakes with every address: what is shown, and to whom.

use super::handshake::{self, Offer, Tried};
use super::together::together;
use super::trust::Roots;
use super::{certificate, resumption, witness};
use crate::recorder::Asked;
use crate::walk::Walker;
use crate::{Depth, apply, tcp};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use ww_base::Gap;
use ww_evidence::transcript::{Seen, Service, TlsHandshake, TlsOutcome, TrustVerdict, server_name};

/// A server that has something to say about our certificate says it in this time at the latest.
pub(super) const LATE: Duration = Duration::from_millis(500);

/// A handshake with each address, and what its outcome makes one ask.
pub(super) async fn probe_each(walker: &Walker<'_>, open: &[SocketAddr]) {
    let (roots, gap) = Roots::of(walker.options);
    if let Some(gap) = gap.filter(|_| !open.is_empty()) {
        walker.recorder.gap(gap);
    }
    let alpn = offered(walker.target.service);
    together(open.iter().map(|&to| probe(walker, &roots, to, alpn))).await;
    if walker.options.depth >= Depth::Deep && walker.target.service.is_tls() {
        resumption::probe(walker, open, alpn).await;
    }
}

async fn probe(walker: &Walker<'_>, roots: &Roots, to: SocketAddr, alpn: &[&str]) {
    let offer = Offer {
        host: &walker.target.host,
        alpn,
        sessions: None,
    };
    let Some(seen) = ask(walker, roots, to, &offer, "").await else {
        return;
    };
    if let Some((alpn, why)) = next_offer(walker.target.service, &seen) {
        let offer = Offer { alpn, ..offer };
        ask(walker, roots, to, &offer, why).await;
    }
}

/// What a client of a service offers by ALPN.
fn offered(service: Service) -> &'static [&'static str] {
    match service {
        Service::Https => &["h2", "http/1.1"],
        Service::Grpcs => &["h2"],
        Service::Wss => &["http/1.1"],
        _ => &[],
    }
}

/// What is offered next, and why, when the server wants none of the protocols.
fn next_offer(
    service: Service,
    seen: &TlsHandshake,
) -> Option<(&'static [&'static str], &'static str)> {
    match seen.outcome {
        TlsOutcome::Alert(NO_APPLICATION_PROTOCOL) => Some((
            &[],
            "the server rejects every protocol that was offered; what it shows without an offer",
        )),
        TlsOutcome::Done if service == Service::Grpcs && seen.alpn.is_empty() => Some((
            &["http/1.1"],
            "the server did not choose h2; whether it chooses anything",
        )),
        _ => None,
    }
}

/// RFC 7301 section 3.2.
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// One handshake, judged and written down; none when the time is up.
async fn ask(
    walker: &Walker<'_>,
    roots: &Roots,
    to: SocketAddr,
    offer: &Offer<'_>,
    why: &str,
) -> Option<TlsHandshake> {
    let patience = walker.patience()?;
    let (opened, stream) = tcp::connect(to, patience).await;
    let Some(mut stream) = stream else {
        let asked = Asked::now(format!("nc -vz {} {}", to.ip(), to.port())).because(why);
        walker.recorder.answer(asked, Seen::Connect(opened));
        return Some(TlsHandshake::default());
    };
    let asked = Asked::now(command(walker, to, offer)).because(why);
    if !walker.target.service.is_tls()
        && let Err(refusal) = apply::enter(&mut stream, walker.target.service, patience).await
    {
        let seen = TlsHandshake {
            to: Some(to),
            server_name: server_name(offer.host).to_owned(),
            outcome: TlsOutcome::Refused(refusal),
            ..TlsHandshake::default()
        };
        walker.recorder.answer(asked, Seen::Handshake(seen.clone()));
        return Some(seen);
    }
    let began = Instant::now();
    let Tried {
        mut seen,
        shown,
        stream,
    } = handshake::shake(walker.options, stream, to, offer, patience).await;
    let took = began.elapsed();
    if let Some(mut stream) = stream {
        if shown.demand.is_some() && seen.version == "TLS 1.3" {
            let while_waiting = LATE.max(took * 4).min(patience);
            handshake::linger(&mut seen, &mut stream, while_waiting).await;
        }
        handshake::end(stream).await;
    }
    judge(walker, roots, &walker.target.host, &mut seen, &shown);
    walker
        .recorder
        .answer_after(asked, took, Seen::Handshake(seen.clone()));
    Some(seen)
}

/// Whose certificate it is and whether it is trusted.
pub(super) fn judge(
    walker: &Walker<'_>,
    roots: &Roots,
    host: &str,
    seen: &mut TlsHandshake,
    shown: &witness::Shown,
) {
    let Some(own) = shown.certificates.first() else {
        return;
    };
    seen.name_matches = certificate::parse(own).is_some_and(|own| certificate::is_for(&own, host));
    let judgement = roots.judge(&shown.certificates, unix_seconds());
    seen.path = judgement.path;
    seen.trust = judgement.verdict;
    let small = seen
        .certificates
        .first()
        .is_some_and(|own| own.key.algorithm == "RSA" && own.key.bits < 2048);
    if shown.proof_failed && !small {
        seen.trust = TrustVerdict::Broken(
            "the server signed the handshake with another key than that of its certificate"
                .to_owned(),
        );
    }
    if seen.trust == TrustVerdict::Unknown {
        walker.recorder.gap(Gap::new(
            "whether the certificate is trusted: it is signed in a way that cannot be checked here, or no roots are known",
            "openssl s_client -verify_return_error with the same roots",
        ));
    }
}

fn unix_seconds() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}

/// The same handshake with OpenSSL.
pub(super) fn command(walker: &Walker<'_>, to: SocketAddr, offer: &Offer<'_>) -> String {
    let service = walker.target.service;
    let mut more = String::new();
    if !service.is_tls() {
        more.push_str(" -starttls ");
        more.push_str(apply::starttls_name(service));
    }
    let mut command = s_client(to, offer, &more);
    if walker.options.client_certificate.is_some() {
        command.push_str(" -cert CERT -key KEY");
    }
    command.push_str(" </dev/null");
    command
}

/// The words of a handshake with OpenSSL, with more of them behind the address.
pub(super) fn s_client(to: SocketAddr, offer: &Offer<'_>, more: &str) -> String {
    let name = match server_name(offer.host) {
        "" => " -noservername".to_owned(),
        name => format!(" -servername {name}"),
    };
    let alpn = match offer.alpn {
        [] => String::new(),
        alpn => format!(" -alpn {}", alpn.join(",")),
    };
    format!("openssl s_client -connect {to} -showcerts{more}{name}{alpn}")
}
