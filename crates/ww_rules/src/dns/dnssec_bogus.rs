//! `dnssec-bogus`: signatures must lead to the name's answer, and do not.

mod told;

use super::servers::{Server, address_of, answer, is_found, listed, named, resolvers};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::Gap;
use ww_evidence::transcript::{ChainReasonKind, SecurityVerdict, Step, Validation};
use ww_finding::Severity;

rule! {
    name: "dnssec-bogus",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "The chain of DNSSEC signatures to the name does not hold, so that resolvers that validate give no answer",
    needs: [Endpoint],
    explains: ["dns-server-failure", "dns-slow"],
    page: "dnssec_bogus.md",
    sight: sight,
    say: say,
}

/// A chain that does not hold.
struct Bogus<'a> {
    step: &'a Step,
    validation: &'a Validation,
}

fn all<'a>(walk: &Walk<'a>) -> impl Iterator<Item = Bogus<'a>> {
    walk.transcript
        .validations()
        .filter(|(_, validation)| validation.verdict == SecurityVerdict::Bogus)
        .map(|(step, validation)| Bogus { step, validation })
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let servers = resolvers(walk);
    for bogus in all(walk) {
        let Some(reason) = &bogus.validation.reason else {
            continue;
        };
        let failed = failures(&servers, bogus.validation);
        if failed.is_empty() && vouches(walk, &servers, bogus.validation) {
            sightings.gap(Gap::new(
                format!(
                    "DNSSEC of {}: the resolver vouches for the answer (AD), and its signatures do not hold here",
                    bogus.validation.name
                ),
                bogus.step.command.clone(),
            ));
            continue;
        }
        if failed.is_empty() && may_be_left_out(reason.kind) {
            sightings.gap(Gap::new(
                format!(
                    "DNSSEC of {}: {}; this resolver does not validate, and may leave out what the zone has",
                    bogus.validation.name,
                    told::reason(reason, now(walk, bogus.step))
                ),
                format!("delv {} at another resolver", bogus.validation.name),
            ));
            continue;
        }
        // A cache that does not validate keeps what was good when it was fetched.
        let over = reason
            .expires
            .map(|expires| now(walk, bogus.step) - expires);
        let is_stale = reason.kind == ChainReasonKind::SignatureExpired
            && over.is_some_and(|over| over <= reason.cached_for);
        if failed.is_empty() && is_stale {
            continue;
        }
        let group = format!("{} {:?}", reason.zone, reason.kind);
        let mut sighting = Sighting::new(Subject::Step(bogus.step.number), group)
            .show(walk.at(bogus.step, told::chain(bogus.validation)));
        for (step, says) in failed {
            sighting.subjects.push(Subject::Step(step.number));
            sighting.lost += step.took;
            sighting = sighting.show(walk.at(step, says));
        }
        sightings.add(sighting);
    }
}

/// What is missing may be missing on the way alone: forwarders leave proofs out, and views inside a company
/// have unsigned copies of zones.
fn may_be_left_out(kind: ChainReasonKind) -> bool {
    matches!(
        kind,
        ChainReasonKind::SignatureMissing
            | ChainReasonKind::DenialMissing
            | ChainReasonKind::KeysMissing
    )
}

/// When a step was over.
fn now(walk: &Walk<'_>, step: &Step) -> ww_base::Moment {
    walk.transcript.head.began + step.began + step.took
}

/// The lookups of this name and type that a resolver does not answer because of it, in words.
fn failures<'a>(servers: &[Server<'a>], validation: &Validation) -> Vec<(&'a Step, String)> {
    let mut failures = Vec::new();
    for server in servers {
        for (step, lookup) in server.asked(&validation.kind) {
            if let Some(said) = answer(lookup).filter(|said| said.rcode == "SERVFAIL") {
                let why = said
                    .extended_errors
                    .first()
                    .map(|error| format!(", {}", super::common::extended_error(error.code)));
                let says = format!(
                    "{} says SERVFAIL for {} {}{}",
                    named(server.at),
                    lookup.kind,
                    lookup.name,
                    why.unwrap_or_default()
                );
                failures.push((step, says));
            }
        }
    }
    failures
}

/// The resolver that was asked says that it has validated the same answer.
fn vouches(walk: &Walk<'_>, servers: &[Server<'_>], validation: &Validation) -> bool {
    let is_asked = |server: &&Server<'_>| {
        validation.server.is_some() && address_of(walk, server.at) == validation.server
    };
    servers
        .iter()
        .filter(is_asked)
        .filter_map(|server| server.answer(&validation.kind))
        .any(|(_, said)| said.authentic)
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let is_told = |bogus: &Bogus<'_>| {
        sightings.iter().any(|sighting| {
            sighting
                .subjects
                .contains(&Subject::Step(bogus.step.number))
        })
    };
    let Some((bogus, reason)) = all(walk)
        .filter(is_told)
        .find_map(|bogus| Some((bogus.step, bogus.validation.reason.as_ref()?)))
    else {
        return Story::observed("", "");
    };
    let host = &walk.target().host;
    let servers: Vec<String> = resolvers(walk)
        .iter()
        .filter(|server| {
            let failed = |(_, lookup)| answer(lookup).is_some_and(|said| said.rcode == "SERVFAIL");
            ["A", "AAAA"]
                .iter()
                .any(|kind| server.asked(kind).any(failed))
        })
        .map(|server| named(server.at))
        .collect();
    let found = is_found(walk);
    let effect = match (servers.is_empty(), found) {
        (true, _) => format!("resolvers that validate give no answer for {host}"),
        (false, false) => format!("{} gives no answer for {host} (SERVFAIL)", listed(&servers)),
        (false, true) => format!(
            "{} gives no answer for {host} (SERVFAIL), another resolver does not check",
            listed(&servers)
        ),
    };
    let at = now(walk, bogus);
    let mut story = Story::observed(
        format!("DNSSEC does not hold in {}: {}; {effect}", reason.zone, told::reason(reason, at)),
        "delv with the same question that says “fully validated”; then the resolver has old keys or signatures in its cache, or a wrong clock",
    )
    .severity(if servers.is_empty() || found {
        Severity::Medium
    } else {
        Severity::High
    });
    for advice in told::advice(reason) {
        story = story.advise(advice);
    }
    if !servers.is_empty() {
        let server = servers.first().cloned().unwrap_or_default();
        story = story.advise(format!(
            "See the answer that is held back: {} {host} +cd +dnssec; until it is mended, a negative trust anchor for {} on the resolver brings it back (unbound domain-insecure, rndc nta)",
            super::servers::dig(&server),
            reason.zone
        ));
    }
    story
}
