//! The same cause at a live endpoint: what the server answers, and what changes its answer.

use super::super::alerts::{self, READ_LOG};
use super::super::endpoint::{
    addresses, became, completes, handshakes, hellos, listed, subject, survey, whom,
};
use crate::{Sighting, Sightings, Story, Walk};
use std::net::SocketAddr;
use ww_base::Gap;
use ww_evidence::transcript::{HelloReply, Step, TlsOutcome, address_of};
use ww_evidence::{Mark, SideId, TlsAlert};
use ww_finding::{Exhibit, Owner};

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Alert(u8),
    Closed,
    Reset,
    Silence,
    /// Before it began: the server offers TLS and does not go on to it.
    Refused(String),
    /// By us, for what the server sent.
    Ours(String),
}

impl End {
    fn of_hello(reply: &HelloReply) -> Option<End> {
        match reply {
            HelloReply::Alert(number) => Some(End::Alert(*number)),
            HelloReply::Closed => Some(End::Closed),
            HelloReply::Reset => Some(End::Reset),
            HelloReply::Silence => Some(End::Silence),
            HelloReply::Accepted | HelloReply::NotTls(_) | HelloReply::NotSent(_) => None,
        }
    }

    fn of_handshake(outcome: &TlsOutcome) -> Option<End> {
        match outcome {
            TlsOutcome::Alert(number) | TlsOutcome::LateAlert(number) => Some(End::Alert(*number)),
            TlsOutcome::Closed => Some(End::Closed),
            TlsOutcome::Reset => Some(End::Reset),
            TlsOutcome::TimedOut => Some(End::Silence),
            TlsOutcome::Refused(why) => Some(End::Refused(why.clone())),
            TlsOutcome::Broken(why) => Some(End::Ours(why.clone())),
            TlsOutcome::Done | TlsOutcome::NotTls(_) | TlsOutcome::Failed(_) => None,
        }
    }

    fn says(&self) -> String {
        match self {
            End::Alert(number) => {
                let name = alerts::meaning(by_server(*number)).map_or("", |meaning| meaning.name);
                format!("fatal alert {number} {name}").trim_end().to_owned()
            }
            End::Closed => "the server closes the connection without an alert".to_owned(),
            End::Reset => "a reset ends the connection".to_owned(),
            End::Silence => "nothing answers".to_owned(),
            End::Refused(why) => why.clone(),
            End::Ours(why) => format!("what the server sends cannot be accepted: {why}"),
        }
    }
}

fn by_server(number: u8) -> TlsAlert {
    TlsAlert {
        by: SideId::Server,
        number,
        mark: Mark::default(),
    }
}

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for to in addresses(walk) {
        if completes(walk, to) {
            continue;
        }
        let Some((step, end)) = failure(walk, to) else {
            continue;
        };
        if end == End::Silence {
            sightings.gap(Gap::new(
                format!("why {to} does not answer a ClientHello"),
                "a capture on the server: does the hello arrive, and does an answer leave?",
            ));
            continue;
        }
        let sighting = Sighting::new(subject(step), format!("{end:?}"))
            .show(walk.at(step, format!("{to}: {}", end.says())));
        sightings.add(
            compared(walk, to)
                .into_iter()
                .fold(sighting, Sighting::show),
        );
    }
}

/// The step that shows how handshakes with an address fail: one of a library, else our usual hello. A
/// handshake that a demand for our certificate ended is another cause.
fn failure<'w>(walk: &'w Walk<'_>, to: SocketAddr) -> Option<(&'w Step, End)> {
    let mut tried = false;
    for (step, handshake) in handshakes(walk, to) {
        if handshake.server_name != walk.target().server_name() {
            continue;
        }
        tried = true;
        let unmet = handshake
            .client_certificate
            .as_ref()
            .is_some_and(|demand| !demand.sent);
        if let Some(end) = End::of_handshake(&handshake.outcome).filter(|_| !unmet) {
            return Some((step, end));
        }
    }
    // Where clear text is spoken, a hello asks whether TLS would be; that it is not is no failure.
    if tried || !walk.target().service.is_tls() {
        return None;
    }
    hellos(walk, to)
        .filter(|(_, hello)| hello.is_usual(walk.target().server_name()))
        .find_map(|(step, hello)| Some((step, End::of_hello(&hello.reply)?)))
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let found = sightings
        .first()
        .and_then(|sighting| sighting.subjects.first())
        .and_then(|&subject| address_of(&walk.step(subject)?.seen))
        .and_then(|to| Some((to, failure(walk, to)?.1)));
    let Some((to, end)) = found else {
        return Story::observed("", "");
    };
    let whom = whom(walk, sightings);
    match end {
        End::Alert(number) => of_alert(walk, to, &whom, number),
        End::Refused(_) => Story::observed(
            format!("TLS with {whom} does not come about: {}", end.says()),
            "the log of the server, if it tells of another client's handshake at the same time",
        )
        .owner(Owner::Server)
        .advise("Read the server's log: most servers that offer TLS and then refuse it could not load their certificate or its key (file, permissions, a key that does not fit)")
        .advise("Until then clients that insist on TLS are locked out, and those that do not go on in clear text"),
        End::Ours(_) => Story::observed(
            format!("The TLS handshake with {whom} fails: {}", end.says()),
            "openssl s_client that completes a handshake with it: then it is a matter of what clients bear",
        )
        .owner(Owner::Server)
        .advise("See what is served there: openssl s_client -showcerts lists the certificates; a chain has two or three, and roots need not be sent")
        .advise("Look for a device between that answers in the server's place, or changes what passes"),
        End::Closed | End::Reset | End::Silence => Story::observed(
            format!(
                "The TLS handshake with {whom} fails at the ClientHello: {}",
                end.says()
            ),
            "the server's log, if it tells of a hello that it could not accept",
        )
        .owner(Owner::Unknown)
        .advise(READ_LOG)
        .advise("Look for a device between that ends connections by the name in the hello: compare the answers from another network"),
    }
}

fn of_alert(walk: &Walk<'_>, to: SocketAddr, whom: &str, number: u8) -> Story {
    let alert = by_server(number);
    let accepted = survey(walk, to).map(|(_, survey)| {
        survey
            .versions
            .iter()
            .map(|one| one.version.clone())
            .collect::<Vec<_>>()
    });
    let versions = match accepted.as_deref() {
        None => String::new(),
        Some([]) => "; it accepts none of SSL 3.0 to TLS 1.3".to_owned(),
        Some(versions) => format!("; it accepts {}", listed(versions)),
    };
    let named = other_name_accepted(walk, to).map_or(String::new(), |name| {
        if name.is_empty() {
            "; without a name it goes on".to_owned()
        } else {
            "; under a wrong name it goes on".to_owned()
        }
    });
    let Some(meaning) = alerts::meaning(alert) else {
        return Story::observed(
            format!("The TLS handshake with {whom} fails: the server sends fatal alert {number}{versions}{named}"),
            "the log of the server, if it gives another reason for its alert",
        )
        .owner(Owner::Unknown)
        .advise(READ_LOG);
    };
    let story = Story::observed(
        format!(
            "The TLS handshake with {whom} fails: the server sends fatal alert {number} {}; it says that {}{versions}{named}",
            meaning.name,
            meaning.says(alert)
        ),
        "the log of the server, if it gives another reason for its alert",
    );
    meaning
        .advice(alert)
        .iter()
        .fold(story.owner(meaning.owner(alert)), |story, &advice| {
            story.advise(advice)
        })
}

/// Another name, or none, with which the server goes on.
fn other_name_accepted<'w>(walk: &'w Walk<'_>, to: SocketAddr) -> Option<&'w str> {
    hellos(walk, to)
        .find(|(_, hello)| {
            hello.server_name != walk.target().server_name() && hello.reply == HelloReply::Accepted
        })
        .map(|(_, hello)| hello.server_name.as_str())
}

/// The steps to compare with: other names, and the versions that are accepted.
fn compared(walk: &Walk<'_>, to: SocketAddr) -> Vec<Exhibit> {
    let mut all = Vec::new();
    for (step, hello) in hellos(walk, to) {
        if hello.server_name != walk.target().server_name() {
            let name = if hello.server_name.is_empty() {
                "without a name"
            } else {
                hello.server_name.as_str()
            };
            let became = became(&hello.reply);
            all.push(walk.at(step, format!("{name}: the server {became}")));
        }
    }
    if let Some((step, survey)) = survey(walk, to) {
        let versions: Vec<&str> = survey
            .versions
            .iter()
            .map(|one| one.version.as_str())
            .collect();
        let says = if versions.is_empty() {
            "no version from SSL 3.0 to TLS 1.3 is accepted".to_owned()
        } else {
            format!("accepted: {}", listed(&versions))
        };
        all.push(walk.at(step, says));
    }
    all
}
