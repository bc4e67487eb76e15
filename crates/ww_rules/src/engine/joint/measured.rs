//! What walks measured of servers that files may tell about too.

use crate::app::websocket_upgrade_refused;
use crate::http::http_gateway_timeout::{GivenUp, given_up};
use crate::http::{event_stream_buffered, http_server_errors};
use crate::tls::{quoted, tls_weak_cipher};
use std::net::SocketAddr;
use ww_base::{Locus, Span};
use ww_evidence::Endpoint;
use ww_evidence::transcript::{
    Certificate, KeepAliveProbe, Seen, Step, Target, TlsHandshake, TlsSurvey, Transcript,
    address_of,
};
use ww_finding::Exhibit;

/// Something that was measured of the server at an address.
pub(super) struct Measure<'w> {
    pub(super) walk: &'w Transcript,
    /// The step that shows it.
    pub(super) step: u32,
    /// The server.
    pub(super) to: SocketAddr,
    pub(super) what: Measured,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Measured {
    /// An idle connection was ended after this time.
    IdleEnd(Span),
    /// An idle connection was still open after this time.
    IdleKept(Span),
    /// A connection was ended with this answer, counted from 1.
    Requests(u64),
    /// A connection was still open after so many answers.
    RequestsKept(u64),
    /// The versions of TLS that are accepted, by their names.
    Versions(Vec<String>),
    /// Suites are accepted that protect nothing, or little.
    WeakSuites,
    /// A certificate of the client is asked for.
    CertificateDemanded,
    /// This certificate is shown to who asks in the target's name.
    Certificate(Box<Certificate>),
    /// A proxy's timer ended before there was an answer.
    GivenUp(GivenUp),
    /// This product, a proxy, could not get an answer from what is behind it.
    NotReached(&'static str),
    /// A WebSocket handshake was answered with this status.
    UpgradeRefused(u16),
    /// Events of a stream came in bursts.
    Collected,
}

impl Measured {
    /// What the server does, behind its name.
    pub(super) fn words(&self) -> String {
        match self {
            Measured::IdleEnd(idle) => format!("ends an idle connection after {idle}"),
            Measured::IdleKept(waited) => {
                format!("has not ended an idle connection after {waited}")
            }
            Measured::Requests(count) => format!("ends a connection with answer {count}"),
            Measured::RequestsKept(count) => {
                format!("has not ended a connection after {count} answers")
            }
            Measured::Versions(names) => format!("accepts {}", names.join(", ")),
            Measured::WeakSuites => "accepts weak suites".to_owned(),
            Measured::CertificateDemanded => "asks for a certificate of the client".to_owned(),
            Measured::Certificate(shown) => format!("shows {}", certificate(shown)),
            Measured::GivenUp(given_up) => {
                format!("gives up after {} ({})", given_up.after, given_up.by)
            }
            Measured::NotReached(by) => format!("cannot get an answer from behind it ({by})"),
            Measured::UpgradeRefused(status) => {
                format!("answers a WebSocket handshake with {status}")
            }
            Measured::Collected => "sends events in bursts".to_owned(),
        }
    }
}

impl Measure<'_> {
    /// Points at the step.
    pub(super) fn show(&self) -> Exhibit {
        Exhibit {
            at: Locus::Probe {
                source: self.walk.source,
                step: self.step,
            },
            says: format!("measured: {} {}", self.to, self.what.words()),
        }
    }

    /// The server.
    pub(super) fn server(&self) -> Endpoint {
        Endpoint {
            addr: self.to.ip(),
            port: self.to.port(),
        }
    }

    /// Who says that it answers there: the last `Server` field; empty when none says so.
    pub(super) fn answering(&self) -> &str {
        let replies = self
            .walk
            .exchanges()
            .filter_map(|(_, exchange)| exchange.reply().filter(|_| exchange.to == Some(self.to)));
        let fields = replies.filter_map(|reply| reply.header("server"));
        fields.last().unwrap_or_default()
    }
}

/// Everything of that kind in all walks. What a redirect led to is another server.
pub(super) fn all(walks: &[Transcript]) -> Vec<Measure<'_>> {
    let mut measures = Vec::new();
    for walk in walks {
        for step in &walk.steps {
            let Some(to) = address_of(&step.seen).filter(|_| !is_elsewhere(step)) else {
                continue;
            };
            measures.extend(
                of(&walk.head.target, &step.seen)
                    .into_iter()
                    .map(|what| Measure {
                        walk,
                        step: step.number,
                        to,
                        what,
                    }),
            );
        }
    }
    measures
}

fn is_elsewhere(step: &Step) -> bool {
    matches!(&step.seen, Seen::Http(exchange) if exchange.redirect > 0)
}

/// A certificate in words: its subject, its serial number and its end.
pub(super) fn certificate(one: &Certificate) -> String {
    let serial: String = one.serial.chars().take(16).collect();
    format!(
        "{}, serial {serial}, valid until {}",
        quoted(&one.subject),
        one.not_after.date()
    )
}

fn of(target: &Target, seen: &Seen) -> Vec<Measured> {
    match seen {
        Seen::KeepAlive(probe) => kept(probe),
        Seen::TlsSurvey(survey) => surveyed(survey),
        Seen::Handshake(handshake) => shaken(target, handshake),
        Seen::Http(exchange) => {
            let late = given_up(exchange).map(Measured::GivenUp);
            let failed = || http_server_errors::not_reached(exchange).map(Measured::NotReached);
            late.or_else(failed).into_iter().collect()
        }
        Seen::WebSocket(call) => {
            let refused = websocket_upgrade_refused::refused(call);
            refused.map(Measured::UpgradeRefused).into_iter().collect()
        }
        Seen::Arrivals(arrivals) if event_stream_buffered::is_collected(arrivals) => {
            vec![Measured::Collected]
        }
        _ => Vec::new(),
    }
}

fn shaken(target: &Target, handshake: &TlsHandshake) -> Vec<Measured> {
    let demanded = handshake
        .client_certificate
        .is_some()
        .then_some(Measured::CertificateDemanded);
    let in_its_name =
        target.is_address() || handshake.server_name.eq_ignore_ascii_case(&target.host);
    let own = handshake.certificates.first();
    let shown = own
        .filter(|one| in_its_name && !handshake.quic && !one.fingerprint.is_empty())
        .map(|one| Measured::Certificate(Box::new(one.clone())));
    demanded.into_iter().chain(shown).collect()
}

fn kept(probe: &KeepAliveProbe) -> Vec<Measured> {
    let idle = match probe.idle {
        Some(idle) => Some(Measured::IdleEnd(idle)),
        None if probe.waited > Span::ZERO => Some(Measured::IdleKept(probe.waited)),
        None => None,
    };
    let requests = match probe.requests {
        Some(count) => Some(Measured::Requests(u64::from(count))),
        None if probe.tried > 0 => Some(Measured::RequestsKept(u64::from(probe.tried))),
        None => None,
    };
    idle.into_iter().chain(requests).collect()
}

fn surveyed(survey: &TlsSurvey) -> Vec<Measured> {
    let names: Vec<String> = survey
        .versions
        .iter()
        .map(|one| one.version.clone())
        .collect();
    let versions = (!names.is_empty()).then_some(Measured::Versions(names));
    let weak = tls_weak_cipher::has_weak(survey).then_some(Measured::WeakSuites);
    versions.into_iter().chain(weak).collect()
}
