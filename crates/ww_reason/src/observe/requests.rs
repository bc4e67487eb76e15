//! Requests and greetings without a proper answer.

use super::Case;
use crate::{Control, Reading, Readings, Symptom};
use std::net::SocketAddr;
use ww_evidence::transcript::{
    GreetingOutcome, HelloReply, HttpOutcome, HttpVersion, QuicOutcome, Seen, SegmentSizes,
    Service, Step, Target, TlsOutcome,
};

pub(super) fn cases(target: &Target, steps: &[Step]) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for step in steps {
        let Some((to, symptom)) = symptom(target, step) else {
            continue;
        };
        let known = cases.iter().any(|case| case.at == Some(to));
        if known || is_answered(steps, to) {
            continue;
        }
        cases.push(Case {
            symptom,
            at: Some(to),
            step: step.number,
            readings: readings(target, steps, to),
        });
    }
    cases.extend(http3(steps));
    cases
}

fn symptom(target: &Target, step: &Step) -> Option<(SocketAddr, Symptom)> {
    match &step.seen {
        Seen::Http(http) if http.version != HttpVersion::Three && !http.reused => {
            let symptom = match &http.outcome {
                HttpOutcome::TimedOut => Symptom::RequestSilent,
                HttpOutcome::Closed | HttpOutcome::Reset => Symptom::RequestEnded,
                HttpOutcome::NotHttp(_) => Symptom::AnswerStrange,
                _ => return None,
            };
            // Where a redirect leads is another place's trouble.
            (http.redirect == 0).then_some((http.to?, symptom))
        }
        Seen::Greeting(greeting) if target.service != Service::Tcp => {
            let missing = !matches!(
                greeting.outcome,
                GreetingOutcome::Fine | GreetingOutcome::Denied(_)
            );
            missing.then_some((greeting.to?, Symptom::GreetingMissing))
        }
        _ => None,
    }
}

/// Some request or greeting was answered there.
fn is_answered(steps: &[Step], to: SocketAddr) -> bool {
    steps.iter().any(|step| match &step.seen {
        Seen::Http(http) => {
            http.to == Some(to) && http.version != HttpVersion::Three && http.reply().is_some()
        }
        Seen::Greeting(greeting) => {
            greeting.to == Some(to)
                && matches!(
                    greeting.outcome,
                    GreetingOutcome::Fine | GreetingOutcome::Denied(_)
                )
        }
        _ => false,
    })
}

fn readings(target: &Target, steps: &[Step], to: SocketAddr) -> Readings {
    let mut readings = Readings::default();
    if target.service.is_tls() {
        // It was spoken all along, and does not help.
        readings.note(Control::Tls, Reading::Fails);
    }
    for step in steps {
        match &step.seen {
            Seen::Hello(hello) if hello.to == Some(to) && !target.service.is_tls() => {
                let reading = match hello.reply {
                    HelloReply::Accepted => Reading::Works,
                    HelloReply::Alert(_) => Reading::Degraded,
                    HelloReply::NotSent(_) => continue,
                    _ => Reading::Fails,
                };
                readings.note(Control::Tls, reading);
            }
            Seen::SegmentSizes(sizes) if sizes.to == Some(to) => {
                note_sizes(&mut readings, sizes, target.service.is_tls());
            }
            _ => {}
        }
    }
    readings
}

/// What a trial of sizes tells. Its first try is the same question again, where that was not asked within TLS: there it is
/// a hello, whose answer in full segments shows as well that they pass.
fn note_sizes(readings: &mut Readings, sizes: &SegmentSizes, within_tls: bool) {
    let helps = sizes.usable.is_some();
    if !sizes.from_server {
        readings.note(Control::OwnSmallSegments, Reading::from(helps));
        return;
    }
    let Some(first) = sizes.tries.first() else {
        return;
    };
    let passes = first.works && !helps;
    if !within_tls {
        readings.note(Control::SameAgain, Reading::from(passes));
    }
    if sizes.tries.len() > 1 || (within_tls && passes) {
        readings.note(Control::SmallSegments, Reading::from(helps));
    }
}

/// HTTP/3 that is promised and does not come about.
fn http3(steps: &[Step]) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for step in steps {
        let Seen::Quic(quic) = &step.seen else {
            continue;
        };
        let fails = steps.iter().any(|other| match &other.seen {
            Seen::Handshake(one) => {
                one.quic && one.to == quic.to && one.outcome != TlsOutcome::Done
            }
            Seen::Http(one) => {
                one.version == HttpVersion::Three && one.to == quic.to && one.reply().is_none()
            }
            _ => false,
        });
        let reading = match quic.outcome {
            QuicOutcome::Answered if fails => Reading::Works,
            QuicOutcome::Refused | QuicOutcome::Silence => Reading::Fails,
            QuicOutcome::Answered | QuicOutcome::Failed(_) => continue,
        };
        if !(quic.advertised.is_empty() && quic.record.is_empty()) {
            cases.push(Case {
                symptom: Symptom::Http3Fails,
                at: quic.to,
                step: step.number,
                readings: Readings::default().with(Control::QuicVersions, reading),
            });
        }
    }
    cases
}
