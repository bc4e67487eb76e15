//! `tls-weak-cipher`: a server accepts suites that protect nothing, or little.

use super::endpoint::{listed, subject, surveyed, whom};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Walk};
use std::collections::{BTreeMap, BTreeSet};
use ww_base::Gap;
use ww_evidence::tls::{Suite, Weakness};
use ww_evidence::transcript::TlsSurvey;
use ww_finding::Severity;

rule! {
    name: "tls-weak-cipher",
    family: "tls",
    layer: Tls,
    class: Security,
    severity: Medium,
    owner: Configuration,
    summary: "A server accepts suites without encryption or authentication, or with ciphers that can be broken",
    needs: [Endpoint],
    explains: [],
    page: "tls_weak_cipher.md",
    sight: sight,
    say: say,
}

/// Weak suites with the versions in which they are accepted.
type Weak = BTreeMap<Weakness, BTreeMap<&'static str, BTreeSet<String>>>;

fn weak(survey: &TlsSurvey) -> Weak {
    let mut all = Weak::new();
    for version in &survey.versions {
        for suite in version
            .suites
            .iter()
            .filter_map(|name| Suite::from_name(name))
        {
            if let Some(weakness) = suite.weakness() {
                all.entry(weakness)
                    .or_default()
                    .entry(suite.name)
                    .or_default()
                    .insert(version.version.clone());
            }
        }
    }
    all
}

/// Whether suites are accepted that protect nothing, or little.
pub(crate) fn has_weak(survey: &TlsSurvey) -> bool {
    !weak(survey).is_empty()
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, survey) in walk.transcript.tls_surveys() {
        let weak = weak(survey);
        if weak.is_empty() {
            if survey.versions_only && !survey.versions.is_empty() {
                sightings.gap(Gap::new(
                    "suites beyond those that the server chose of many",
                    "--depth deep, which asks for every suite",
                ));
            }
            continue;
        }
        let words: Vec<&str> = weak.keys().map(|weakness| weakness.says()).collect();
        let mut sighting = Sighting::new(subject(step), words.join(" "));
        for (weakness, suites) in &weak {
            let names: Vec<&str> = suites.keys().copied().take(MOST_NAMES).collect();
            let more = suites.len().saturating_sub(MOST_NAMES);
            let more = if more == 0 {
                String::new()
            } else {
                format!(" and {more} more")
            };
            let versions: BTreeSet<&str> = suites.values().flatten().map(String::as_str).collect();
            let versions: Vec<&str> = versions.into_iter().collect();
            sighting = sighting.show(walk.at(
                step,
                format!(
                    "{} in {}: {}{more}",
                    weakness.says(),
                    listed(&versions),
                    names.join(", ")
                ),
            ));
        }
        sightings.add(sighting);
    }
}

/// So many suites of one kind are named.
const MOST_NAMES: usize = 4;

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let Some(survey) = surveyed(walk, sightings) else {
        return Story::observed("", "");
    };
    let weak = weak(survey);
    let words: Vec<&str> = weak.keys().map(|weakness| weakness.says()).collect();
    let verb = if survey.versions_only {
        "chooses of many"
    } else {
        "accepts"
    };
    let severity = match weak.keys().next() {
        Some(Weakness::NoEncryption | Weakness::Anonymous | Weakness::Export | Weakness::Des) => {
            Severity::High
        }
        Some(Weakness::Rc2 | Weakness::Rc4) => Severity::Medium,
        Some(Weakness::SmallBlocks) | None => Severity::Low,
    };
    Story::observed(
        format!("{} {verb} suites {}", whom(walk, sightings), listed(&words)),
        "openssl s_client with -cipher NAME:@SECLEVEL=0 for each of them, refused by the server",
    )
    .severity(severity)
    .advise("Allow strong suites only: nginx ssl_ciphers, HAProxy ssl-default-bind-ciphers and Apache SSLCipherSuite with ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM, or the words HIGH:!aNULL:!eNULL:!3DES:!RC4")
    .advise("In the access log, look for clients that still use them (nginx $ssl_cipher)")
}
