//! The same cause at a live endpoint: a resolver says that it could not find out.

use super::super::common::extended_error;
use super::super::servers::{
    Place, Server, addresses, answer, is_completed, is_found, listed, lookup, named, resolvers,
};
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::Order;
use ww_evidence::transcript::{Answer, Lookup, SecurityVerdict, Step};
use ww_finding::Severity;

/// What a server says that cannot or does not want to understand.
const CODES: [&str; 3] = ["SERVFAIL", "FORMERR", "NOTIMP"];

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    if is_completed(walk) {
        return;
    }
    for server in resolvers(walk) {
        for (step, lookup) in &server.lookups {
            let Some(said) = answer(lookup).filter(|_| !lookup.checking_disabled) else {
                continue;
            };
            if CODES.contains(&said.rcode.as_str()) {
                let mended = server
                    .answer(&lookup.kind)
                    .is_some_and(|(_, last)| !CODES.contains(&last.rcode.as_str()));
                let group = format!("{}{}", said.rcode, if mended { " mended" } else { "" });
                let says = format!(
                    "{} says {} for {} {}{}",
                    named(server.at),
                    said.rcode,
                    lookup.kind,
                    lookup.name,
                    reason(said)
                );
                let mut sighting = Sighting::new(Subject::Step(step.number), group)
                    .lost(step.took)
                    .show(walk.at(step, says));
                if let Some((step, told)) = unchecked(&server, &lookup.kind) {
                    let says = format!("the same without validation (CD): {told}");
                    sighting = sighting.show(walk.at(step, says));
                }
                sightings.add(sighting);
            }
        }
    }
}

/// What the server says for a type when it does not judge signatures.
fn unchecked<'a>(server: &Server<'a>, kind: &str) -> Option<(&'a Step, String)> {
    server.lookups.iter().find_map(|&(step, lookup)| {
        let said = answer(lookup).filter(|_| lookup.checking_disabled && lookup.kind == kind)?;
        let address = addresses(said).next();
        Some((
            step,
            address.map_or(said.rcode.clone(), |record| record.data.clone()),
        ))
    })
}

/// The reason that the server gives, in the words of RFC 8914 and its own.
fn reason(said: &Answer) -> String {
    let Some(error) = said.extended_errors.first() else {
        return String::new();
    };
    let words = extended_error(error.code);
    let says_more = !words.to_lowercase().contains(&error.text.to_lowercase());
    if says_more {
        format!(", {words} ({})", error.text)
    } else {
        format!(", {words}")
    }
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let told: Vec<(&Step, &Lookup)> = sightings
        .iter()
        .flat_map(|sighting| &sighting.subjects)
        .filter_map(|&subject| walk.step(subject))
        .filter_map(|step| Some((step, lookup(step)?)))
        .collect();
    let host = &walk.target().host;
    let Some(first) = told.first().and_then(|(_, lookup)| answer(lookup)) else {
        return Story::observed(format!("a DNS server failed for {host}"), "");
    };
    let mut servers: Vec<String> = told
        .iter()
        .filter_map(|(_, lookup)| Place::of(&lookup.via))
        .map(named)
        .collect();
    servers.dedup();
    servers.put_in_order();
    servers.dedup();
    let who = listed(&servers);
    let asked = resolvers(walk);
    let kinds: Vec<&str> = told
        .iter()
        .map(|(_, lookup)| lookup.kind.as_str())
        .collect();
    let severity = severity(walk, &kinds, sightings);
    // What is wrong with one type only says nothing of the name's addresses.
    let only = kinds.first().copied().filter(|kind| {
        let is_alone = kinds.iter().all(|other| other == kind);
        is_alone && !is_needed(kind)
    });
    if first.rcode != "SERVFAIL" {
        return not_understood(&who, only, &first.rcode, severity);
    }
    let what = only.map_or_else(|| host.clone(), |kind| format!("{kind} records of {host}"));
    let is_bogus = asked.iter().any(|server| {
        server
            .kinds()
            .iter()
            .any(|kind| unchecked(server, kind).is_some_and(|(_, told)| told != "SERVFAIL"))
    });
    let server = servers.first().cloned().unwrap_or_default();
    let kind = kinds.first().copied().unwrap_or("A");
    let others = asked.len() - servers.len().min(asked.len());
    let end = match (others, is_found(walk)) {
        (0, _) | (_, false) => String::new(),
        _ => "; another resolver can".to_owned(),
    };
    let story = Story::observed(
        format!("{who} could not resolve {what}: SERVFAIL{}{end}", reason(first)),
        "the same question put to another resolver that succeeds puts the fault on these resolvers; one that fails as well, on the name's own servers or signatures",
    )
    .severity(severity);
    if is_bogus && holds(walk, &kinds) {
        let mut story = story
            .advise(format!("Look at the resolver: its clock (date -u), its trust anchor (unbound-anchor, BIND's managed keys), and what it has cached (unbound-control flush_bogus, rndc flushtree {host})"));
        story.headline.push_str(
            "; without validation the answer comes, and its DNSSEC signatures hold here: the resolver is at fault",
        );
        return story;
    }
    if is_bogus {
        let mut story = story
            .advise(format!("The name's servers answer, the signatures do not hold: delv @{server} {host} {kind} names the broken link; the zone's owner must sign again or mend the DS record at the parent"))
            .advise("Until then a negative trust anchor for the zone on the resolver (unbound domain-insecure, rndc nta) brings it back");
        story
            .headline
            .push_str("; without validation the answer comes, so that DNSSEC is broken");
        return story;
    }
    story
        .advise(format!("Follow the delegation with dig +trace {host} and ask each of its name servers directly"))
        .advise("If they answer, look at the resolver's own way out: its log, its forwarders, its firewall")
}

/// The chain of signatures to these answers was walked, and holds.
fn holds(walk: &Walk<'_>, kinds: &[&str]) -> bool {
    let mut chains = walk
        .transcript
        .validations()
        .filter(|(_, validation)| kinds.contains(&validation.kind.as_str()))
        .peekable();
    chains.peek().is_some()
        && chains.all(|(_, validation)| {
            matches!(
                validation.verdict,
                SecurityVerdict::Secure | SecurityVerdict::Insecure
            )
        })
}

/// Everything fails, or only what another server or question mends.
fn severity(walk: &Walk<'_>, kinds: &[&str], sightings: &[Sighting]) -> Severity {
    let all_mended = sightings
        .iter()
        .all(|sighting| sighting.group.ends_with("mended"));
    if all_mended {
        return Severity::Info;
    }
    if !kinds.iter().any(|kind| is_needed(kind)) {
        return Severity::Low;
    }
    if is_found(walk) {
        Severity::Medium
    } else {
        Severity::High
    }
}

/// Without records of this type the service is not found.
fn is_needed(kind: &str) -> bool {
    matches!(kind, "A" | "AAAA" | "SRV")
}

fn not_understood(who: &str, only: Option<&str>, rcode: &str, severity: Severity) -> Story {
    let headline = match (severity, only) {
        (Severity::Info, _) => {
            format!("{who} answers {rcode} to questions with EDNS, and is asked again without it")
        }
        (_, Some(kind)) => {
            format!("{who} does not understand questions for {kind} records: {rcode}")
        }
        (_, None) => format!("{who} does not understand the question: {rcode}"),
    };
    let advice = match (severity, only) {
        (Severity::Info, _) | (_, None) => {
            "Update the server, or switch EDNS off for it alone (BIND: server ADDRESS { edns no; })"
        }
        (_, Some(_)) => {
            "Update the server, or find the filter before it: types that it does not know are answered like others (RFC 3597)"
        }
    };
    Story::observed(
        headline,
        "a repetition of the question with another tool that is answered",
    )
    .severity(severity)
    .advise(advice)
}
