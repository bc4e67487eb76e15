//! An HTTPS record that promises protocols which the endpoint does not choose.

use super::NO_APPLICATION_PROTOCOL;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{BindingOutcome, BindingProbe, Seen, TlsOutcome};
use ww_finding::Severity;

/// What the endpoint makes of the offer that the record makes clients put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// It rejects every protocol.
    Rejects,
    /// It completes the handshake with another one, or none.
    Another,
}

fn choice(probe: &BindingProbe) -> Option<Choice> {
    let BindingOutcome::Shaken(handshake) = &probe.outcome else {
        return None;
    };
    match handshake.outcome {
        TlsOutcome::Alert(NO_APPLICATION_PROTOCOL) => Some(Choice::Rejects),
        TlsOutcome::Done | TlsOutcome::LateAlert(_) => {
            let promises_two = probe.offered.iter().any(|one| one == "h2");
            (promises_two && handshake.alpn != "h2").then_some(Choice::Another)
        }
        _ => None,
    }
}

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, probe) in walk.transcript.bindings() {
        let (Some(choice), Some(to)) = (choice(probe), probe.to) else {
            continue;
        };
        let offered = probe.offered.join(", ");
        let says = match choice {
            Choice::Rejects => format!("{to} rejects {offered} with alert 120"),
            Choice::Another => format!("{to} is offered {offered} and does not choose h2"),
        };
        let says = format!("{says} ({})", probe.record);
        sightings.add(
            Sighting::new(Subject::Step(step.number), probe.record.as_str())
                .show(walk.at(step, says)),
        );
    }
}

/// The story of sightings at an endpoint of a record; nothing for others.
pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Option<Story> {
    let step = walk.step(*sightings.first()?.subjects.first()?)?;
    let Seen::Binding(probe) = &step.seen else {
        return None;
    };
    let host = &walk.target().host;
    let may_fall_back = !probe.no_default_alpn || probe.offered.iter().any(|one| one == "http/1.1");
    let left_alone = !may_fall_back || choice(probe)? == Choice::Rejects;
    let consequence = if left_alone {
        "clients that go by it have no protocol left and give up"
    } else {
        "clients fall back to HTTP/1.1"
    };
    let place = if probe.name == *host {
        host.clone()
    } else {
        format!("{host} at {}", probe.name)
    };
    let (promised, choice) = match choice(probe)? {
        Choice::Rejects => (probe.offered.join(" and "), "takes none of it"),
        Choice::Another => ("h2".to_owned(), "does not choose it"),
    };
    let story = Story::observed(
        format!("the HTTPS record of {host} promises {promised}, and {place} {choice} by ALPN: {consequence}"),
        "openssl s_client -alpn h2 that prints ALPN protocol: h2",
    )
    .advise("Switch HTTP/2 on where TLS ends (nginx http2 on, HAProxy alpn h2,http/1.1), or take h2 out of the record")
    .advise("Leave no-default-alpn out of the record as long as the endpoint speaks HTTP/1.1");
    Some(if left_alone {
        story
    } else {
        story.severity(Severity::Low)
    })
}
