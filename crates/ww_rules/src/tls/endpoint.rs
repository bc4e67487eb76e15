//! What hellos and handshakes with a live endpoint say, address by address.

use crate::{Sighting, Subject, Walk};
use std::net::SocketAddr;
use ww_evidence::transcript::{
    HelloProbe, HelloReply, Seen, Step, TlsHandshake, TlsOutcome, TlsSurvey, address_of,
};

/// A hello and its step.
pub(super) type Hello<'w> = (&'w Step, &'w HelloProbe);

/// The addresses to which hellos or handshakes went, each once, in order.
pub(super) fn addresses(walk: &Walk<'_>) -> Vec<SocketAddr> {
    let mut all = Vec::new();
    for step in &walk.transcript.steps {
        if let Seen::Hello(_) | Seen::Handshake(_) | Seen::TlsSurvey(_) = step.seen
            && let Some(to) = address_of(&step.seen)
            && !all.contains(&to)
        {
            all.push(to);
        }
    }
    all
}

/// Hellos to an address.
pub(super) fn hellos<'w>(
    walk: &'w Walk<'_>,
    to: SocketAddr,
) -> impl Iterator<Item = Hello<'w>> + use<'w> {
    walk.transcript
        .hellos()
        .filter(move |(_, hello)| hello.to == Some(to))
}

/// Handshakes with an address.
pub(super) fn handshakes<'w>(
    walk: &'w Walk<'_>,
    to: SocketAddr,
) -> impl Iterator<Item = (&'w Step, &'w TlsHandshake)> + use<'w> {
    walk.transcript
        .handshakes()
        .filter(move |(_, handshake)| handshake.to == Some(to))
}

/// The survey of an address.
pub(super) fn survey<'w>(walk: &'w Walk<'_>, to: SocketAddr) -> Option<(&'w Step, &'w TlsSurvey)> {
    walk.transcript
        .tls_surveys()
        .find(|(_, survey)| survey.to == Some(to))
}

/// The first survey that a group of sightings is about.
pub(super) fn surveyed<'w>(walk: &Walk<'w>, sightings: &[Sighting]) -> Option<&'w TlsSurvey> {
    sightings
        .iter()
        .flat_map(|sighting| &sighting.subjects)
        .find_map(|&subject| match &walk.step(subject)?.seen {
            Seen::TlsSurvey(survey) => Some(survey),
            _ => None,
        })
}

/// TLS was answered, if only by an alert.
pub(super) fn is_tls_answer(reply: &HelloReply) -> bool {
    matches!(reply, HelloReply::Accepted | HelloReply::Alert(_))
}

/// What became of a hello, as the end of "the server …".
pub(super) fn became(reply: &HelloReply) -> String {
    match reply {
        HelloReply::Accepted => "accepts it".to_owned(),
        HelloReply::Alert(number) => format!("answers with alert {number}"),
        HelloReply::Closed => "closes the connection".to_owned(),
        HelloReply::Reset => "resets the connection".to_owned(),
        HelloReply::Silence => "does not answer".to_owned(),
        HelloReply::NotTls(line) => format!("answers `{line}`, which is not TLS"),
        HelloReply::NotSent(error) => format!("could not be asked: {error}"),
    }
}

/// A handshake with the right name was completed at this address.
pub(super) fn completes(walk: &Walk<'_>, to: SocketAddr) -> bool {
    handshakes(walk, to).any(|(_, handshake)| {
        handshake.server_name == walk.target().server_name()
            && handshake.outcome == TlsOutcome::Done
    })
}

/// The endpoint in words: with its address where it has one only, or how many of them it is about.
pub(super) fn whom(walk: &Walk<'_>, sightings: &[Sighting]) -> String {
    let target = walk.target();
    let mut meant = Vec::new();
    for sighting in sightings {
        for &subject in &sighting.subjects {
            if let Some(to) = walk.step(subject).and_then(|step| address_of(&step.seen))
                && !meant.contains(&to)
            {
                meant.push(to);
            }
        }
    }
    let open = addresses(walk).len().max(meant.len());
    match (meant.as_slice(), open) {
        ([to], 1) if target.is_address() => to.to_string(),
        (_, 0 | 1) => format!("{}:{}", target.host, target.port),
        ([to], _) => format!("{} at {to}, one of {open} addresses,", target.host),
        (meant, open) if meant.len() == open => {
            format!("{}:{} at all {open} addresses", target.host, target.port)
        }
        (meant, _) => format!("{} at {} of {open} addresses", target.host, meant.len()),
    }
}

/// The subject of a step.
pub(super) fn subject(step: &Step) -> Subject {
    Subject::Step(step.number)
}

/// Words in a row: "a", "a and b", "a, b and c".
pub(super) fn listed<S: AsRef<str>>(words: &[S]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
