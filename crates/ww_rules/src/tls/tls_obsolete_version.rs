//! `tls-obsolete-version`: a server still speaks SSL 3.0, TLS 1.0 or TLS 1.1, or nothing newer.

use super::endpoint::{handshakes, hellos, listed, subject, surveyed, whom};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::net::SocketAddr;
use ww_evidence::tls::TlsVersion;
use ww_evidence::transcript::{HelloReply, TlsOutcome, TlsSurvey};
use ww_finding::Severity;

rule! {
    name: "tls-obsolete-version",
    family: "tls",
    layer: Tls,
    class: Security,
    severity: Low,
    owner: Configuration,
    summary: "A server accepts SSL 3.0, TLS 1.0 or TLS 1.1, or speaks nothing newer",
    needs: [Endpoint],
    explains: ["tls-handshake-rejected"],
    page: "tls_obsolete_version.md",
    sight: sight,
    say: say,
}

/// Versions that a server accepts, oldest first.
struct Accepted {
    old: Vec<TlsVersion>,
    new: Vec<TlsVersion>,
}

impl Accepted {
    fn of(survey: &TlsSurvey) -> Accepted {
        let known = survey
            .versions
            .iter()
            .filter_map(|one| TlsVersion::from_name(&one.version));
        let (old, new) = known.partition(|version| version.is_obsolete());
        Accepted { old, new }
    }
}

fn names(versions: &[TlsVersion]) -> String {
    let names: Vec<&str> = versions.iter().map(|version| version.name()).collect();
    listed(&names)
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, survey) in walk.transcript.tls_surveys() {
        let Accepted { old, new } = Accepted::of(survey);
        let Some(to) = survey.to.filter(|_| !old.is_empty()) else {
            continue;
        };
        let (old, new) = (names(&old), names(&new));
        let mut sighting = Sighting::new(subject(step), format!("{old} {new}"))
            .show(walk.at(step, format!("{to} accepts {old}")));
        if new.is_empty() {
            sighting.subjects.extend(failures(walk, to));
        }
        sightings.add(sighting);
    }
}

/// Handshakes of today that fail, as there is no version in common.
fn failures(walk: &Walk<'_>, to: SocketAddr) -> Vec<Subject> {
    let handshakes = handshakes(walk, to)
        .filter(|(_, handshake)| handshake.outcome != TlsOutcome::Done)
        .map(|(step, _)| subject(step));
    let hellos = hellos(walk, to)
        .filter(|(_, hello)| {
            hello.is_usual(walk.target().server_name()) && hello.reply != HelloReply::Accepted
        })
        .map(|(step, _)| subject(step));
    handshakes.chain(hellos).collect()
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let Some(survey) = surveyed(walk, sightings) else {
        return Story::observed("", "");
    };
    let Accepted { old, new } = Accepted::of(survey);
    let whom = whom(walk, sightings);
    let option = match old.first() {
        Some(TlsVersion::Ssl3) => "-ssl3",
        Some(TlsVersion::Tls10) => "-tls1",
        _ => "-tls1_1",
    };
    let refuter = format!(
        "openssl s_client -connect {} {option} -cipher ALL:@SECLEVEL=0, refused by the server",
        survey.to.map_or_else(String::new, |to| to.to_string())
    );
    let story = if new.is_empty() {
        Story::observed(
            format!(
                "{whom} speaks {} and nothing newer: clients of today, which begin at TLS 1.2, cannot connect",
                names(&old)
            ),
            refuter,
        )
        .severity(Severity::High)
        .advise("Update the TLS library of the server, or put a proxy before it that speaks TLS 1.2 and 1.3")
    } else {
        let story = Story::observed(
            format!(
                "{whom} still accepts {} beside {}",
                names(&old),
                names(&new)
            ),
            refuter,
        );
        if old.contains(&TlsVersion::Ssl3) {
            story.severity(Severity::Medium)
        } else {
            story
        }
    };
    story.advise(
        "Allow TLS 1.2 and 1.3 only: nginx ssl_protocols TLSv1.2 TLSv1.3; HAProxy ssl-min-ver TLSv1.2; Apache SSLProtocol -all +TLSv1.2 +TLSv1.3; Envoy tls_minimum_protocol_version TLSv1_2",
    )
}
