//! ClientHellos that lead to no handshake, or not whatever their form.

use super::Case;
use crate::{Control, Reading, Readings, Symptom};
use std::net::SocketAddr;
use ww_evidence::transcript::{
    HelloProbe, HelloReply, Seen, Service, Step, Target, TlsHandshake, TlsOutcome, TlsSurvey,
    address_of,
};

/// Versions of today (RFC 8996 deprecates those before).
const OF_TODAY: [&str; 2] = ["TLS 1.2", "TLS 1.3"];

/// One address, and what was asked there.
struct Place<'s> {
    to: SocketAddr,
    name: &'s str,
    handshakes: Vec<(&'s Step, &'s TlsHandshake)>,
    hellos: Vec<(&'s Step, &'s HelloProbe)>,
    survey: Option<&'s TlsSurvey>,
    steps: &'s [Step],
}

pub(super) fn cases(target: &Target, steps: &[Step]) -> Vec<Case> {
    let mut places: Vec<SocketAddr> = Vec::new();
    for step in steps {
        if let Seen::Handshake(_) | Seen::Hello(_) = step.seen
            && let Some(to) = address_of(&step.seen)
            && !places.contains(&to)
        {
            places.push(to);
        }
    }
    places
        .into_iter()
        .flat_map(|to| Place::of(target, steps, to).cases(target.service))
        .collect()
}

impl<'s> Place<'s> {
    fn of(target: &'s Target, steps: &'s [Step], to: SocketAddr) -> Place<'s> {
        let mut place = Place {
            to,
            name: target.server_name(),
            handshakes: Vec::new(),
            hellos: Vec::new(),
            survey: None,
            steps,
        };
        for step in steps
            .iter()
            .filter(|step| address_of(&step.seen) == Some(to))
        {
            match &step.seen {
                Seen::Handshake(one) if !one.quic => place.handshakes.push((step, one)),
                Seen::Hello(one) => place.hellos.push((step, one)),
                Seen::TlsSurvey(one) => place.survey = Some(one),
                _ => {}
            }
        }
        place
    }

    fn cases(&self, service: Service) -> Vec<Case> {
        let failure = self.failure(service);
        let mut cases: Vec<Case> = failure
            .or_else(|| self.ignored(service))
            .into_iter()
            .collect();
        let mut usual = self.usual();
        // Only where the usual hello is taken is it the other one that fails.
        if usual.any(|(_, hello)| hello.reply == HelloReply::Accepted) || cases.is_empty() {
            cases.extend(self.large());
            cases.extend(self.split());
        }
        cases
    }

    fn case(&self, symptom: Symptom, step: &Step, readings: Readings) -> Case {
        Case {
            symptom,
            at: Some(self.to),
            step: step.number,
            readings,
        }
    }

    /// How handshakes with the right name fail, where none is completed.
    fn failure(&self, service: Service) -> Option<Case> {
        let right = || {
            self.handshakes
                .iter()
                .filter(|(_, one)| one.server_name == self.name)
        };
        if right().any(|(_, one)| one.outcome == TlsOutcome::Done) {
            return None;
        }
        let (step, symptom) = match right().next() {
            Some((step, one)) => (*step, of_handshake(one)?),
            // Where clear text is spoken, a hello asks whether TLS would be; that it is not is no failure.
            None if !service.is_tls() => return None,
            None => self
                .usual()
                .find_map(|(step, one)| Some((step, of_hello(&one.reply)?)))?,
        };
        Some(self.case(symptom, step, self.of_failure(symptom, step)))
    }

    fn of_failure(&self, symptom: Symptom, failed: &Step) -> Readings {
        let mut readings = Readings::default();
        if self.name.is_empty() {
            // The hello that failed had no name.
            readings.note(Control::WithoutName, Reading::Fails);
        }
        for (step, hello) in &self.hellos {
            if hello.clear_text || hello.split || hello.is_large() || step.number == failed.number {
                continue;
            }
            let control = match (hello.server_name.as_str(), hello.mss) {
                (name, Some(_)) if name == self.name => Control::SmallSegments,
                (name, None) if name == self.name => Control::SameAgain,
                ("", None) => Control::WithoutName,
                (_, None) => Control::OtherName,
                _ => continue,
            };
            if let Some(reading) = reading(&hello.reply, symptom) {
                readings.note(control, reading);
            }
        }
        if let Some(survey) = self.survey {
            readings.note(Control::AnyVersion, of_today(survey));
        }
        for (step, handshake) in &self.handshakes {
            if step.number != failed.number {
                let works = handshake.outcome == TlsOutcome::Done;
                let reading = Reading::from(works);
                readings.note(Control::OtherProtocols, reading);
            }
        }
        readings
    }

    /// A handshake that is completed without the protocol that gRPC needs.
    fn ignored(&self, service: Service) -> Option<Case> {
        let mut done = self
            .handshakes
            .iter()
            .filter(|(_, one)| one.outcome == TlsOutcome::Done && !one.alpn_offered.is_empty());
        let (step, _) = done
            .next()
            .filter(|(_, one)| service == Service::Grpcs && one.alpn.is_empty())?;
        let mut readings = Readings::default();
        for (_, other) in done {
            let reading = if other.alpn.is_empty() {
                Reading::Fails
            } else {
                Reading::Works
            };
            readings.note(Control::OtherProtocols, reading);
        }
        Some(self.case(Symptom::ProtocolIgnored, step, readings))
    }

    /// The usual hellos: the right name, in one write, in segments of usual size.
    fn usual(&self) -> impl Iterator<Item = (&'s Step, &'s HelloProbe)> {
        let name = self.name;
        self.hellos
            .iter()
            .copied()
            .filter(move |(_, hello)| hello.is_usual(name))
    }

    /// The large hello fails, and the usual one does not.
    fn large(&self) -> Option<Case> {
        let large = |hello: &HelloProbe| hello.is_large() && !hello.clear_text && !hello.split;
        let (failed, _) =
            self.hellos.iter().copied().find(|(_, hello)| {
                large(hello) && hello.mss.is_none() && hello.reply.is_failure()
            })?;
        let mut readings = self.usual_after(failed);
        for (_, hello) in &self.hellos {
            if large(hello) && hello.mss.is_some() {
                note(&mut readings, Control::SmallSegments, &hello.reply);
            } else if hello.clear_text {
                let reading = Reading::from(hello.reply.has_arrived());
                if !matches!(hello.reply, HelloReply::NotSent(_)) {
                    readings.note(Control::ClearText, reading);
                }
            }
        }
        for step in self.steps {
            if let Seen::SegmentSizes(sizes) = &step.seen
                && sizes.to == Some(self.to)
                && !sizes.from_server
            {
                let helps = sizes.usable.is_some();
                let reading = Reading::from(helps);
                readings.note(Control::OwnSmallSegments, reading);
            }
        }
        Some(self.case(Symptom::LargeHelloLost, failed, readings))
    }

    /// The hello in two segments fails, and the usual one does not.
    fn split(&self) -> Option<Case> {
        let mut split = self.hellos.iter().copied().filter(|(_, hello)| hello.split);
        let (failed, _) = split.find(|(_, hello)| hello.reply.is_failure())?;
        let mut readings = self.usual_after(failed);
        for (_, hello) in split {
            note(&mut readings, Control::SameAgain, &hello.reply);
        }
        Some(self.case(Symptom::SplitHelloLost, failed, readings))
    }

    /// Whether the usual hello is answered still, after another one failed.
    fn usual_after(&self, failed: &Step) -> Readings {
        let mut readings = Readings::default();
        for (_, hello) in self.usual().filter(|(step, _)| step.number > failed.number) {
            note(&mut readings, Control::UsualHello, &hello.reply);
        }
        readings
    }
}

fn of_handshake(handshake: &TlsHandshake) -> Option<Symptom> {
    let unmet = handshake
        .client_certificate
        .as_ref()
        .is_some_and(|demand| !demand.sent);
    Some(match &handshake.outcome {
        TlsOutcome::Done
        | TlsOutcome::Refused(_)
        | TlsOutcome::Broken(_)
        | TlsOutcome::Failed(_) => return None,
        _ if unmet => Symptom::CertificateDemanded,
        TlsOutcome::Alert(number) | TlsOutcome::LateAlert(number) => of_alert(*number),
        TlsOutcome::Closed => Symptom::HelloClosed,
        TlsOutcome::Reset => Symptom::HelloReset,
        TlsOutcome::TimedOut => Symptom::HelloSilent,
        TlsOutcome::NotTls(_) => Symptom::ClearTextAnswers,
    })
}

fn of_hello(reply: &HelloReply) -> Option<Symptom> {
    Some(match reply {
        HelloReply::Accepted | HelloReply::NotSent(_) => return None,
        HelloReply::Alert(number) => of_alert(*number),
        HelloReply::Closed => Symptom::HelloClosed,
        HelloReply::Reset => Symptom::HelloReset,
        HelloReply::Silence => Symptom::HelloSilent,
        HelloReply::NotTls(_) => Symptom::ClearTextAnswers,
    })
}

/// Alerts by what they tell of (RFC 8446 section 6.2, RFC 7301 section 3.2, RFC 6066 section 3).
fn of_alert(number: u8) -> Symptom {
    match number {
        70 | 86 => Symptom::AlertVersion,
        112 => Symptom::AlertName,
        116 => Symptom::CertificateDemanded,
        120 => Symptom::AlertProtocol,
        _ => Symptom::AlertOther,
    }
}

/// What another hello says where the usual one shows this symptom. An alert is an answer where there was silence or
/// an end, and no better than an alert.
fn reading(reply: &HelloReply, symptom: Symptom) -> Option<Reading> {
    let was_silent = symptom == Symptom::HelloSilent;
    let was_ended = matches!(symptom, Symptom::HelloClosed | Symptom::HelloReset);
    Some(match reply {
        HelloReply::Accepted => Reading::Works,
        HelloReply::Alert(_) if was_silent || was_ended => Reading::Degraded,
        HelloReply::NotTls(_) | HelloReply::Closed | HelloReply::Reset if was_silent => {
            Reading::Degraded
        }
        HelloReply::NotSent(_) => return None,
        _ => Reading::Fails,
    })
}

/// What became of a hello where the usual one is accepted.
fn note(readings: &mut Readings, control: Control, reply: &HelloReply) {
    let reading = match reply {
        HelloReply::Accepted => Reading::Works,
        HelloReply::Alert(_) => Reading::Degraded,
        HelloReply::NotSent(_) => return,
        _ => Reading::Fails,
    };
    readings.note(control, reading);
}

fn of_today(survey: &TlsSurvey) -> Reading {
    let mut versions = survey.versions.iter().map(|one| one.version.as_str());
    if versions.clone().any(|version| OF_TODAY.contains(&version)) {
        Reading::Works
    } else if versions.next().is_some() {
        Reading::Degraded
    } else {
        Reading::Fails
    }
}
