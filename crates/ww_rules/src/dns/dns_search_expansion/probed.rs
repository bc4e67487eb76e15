//! The same cause at a live endpoint: what search lists make of the target's name was asked for.

use super::super::servers::{addresses, all, answer, is_found, listed, resolvers, setup};
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::collections::BTreeSet;
use ww_base::Span;
use ww_evidence::transcript::{Answer, Lookup, Step};
use ww_finding::Severity;

/// Below this nobody notices what the questions in vain cost.
const NOTICEABLE: Span = Span::from_millis(200);

/// What a search list does to the target's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Questions in vain before the one that counts.
    Waste,
    /// A suffix answers in place of the name, which exists as it is.
    Shadow,
    /// One library finds the name and another does not.
    Split,
}

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let tried: Vec<(&Step, &Lookup, &Answer)> = all(walk)
        .filter(|(_, lookup)| !lookup.expanded_by.is_empty())
        .filter_map(|(step, lookup)| Some((step, lookup, answer(lookup)?)))
        .collect();
    let names: BTreeSet<&str> = tried
        .iter()
        .map(|(_, lookup, _)| lookup.name.as_str())
        .collect();
    let as_it_is = resolvers(walk).iter().any(|server| {
        ["A", "AAAA"]
            .iter()
            .any(|kind| server.finds(kind) == Some(true))
    });
    let hit = |answer: &Answer| addresses(answer).next().is_some();
    let found_by_suffix = tried.iter().any(|(_, _, answer)| hit(answer));
    // A suffix that only glibc tries comes after the name itself, which is not found then.
    let by_one_alone = tried
        .iter()
        .all(|(_, lookup, answer)| !hit(answer) || lookup.expanded_by.len() == 1);
    let effect = match (as_it_is, found_by_suffix) {
        (true, true) => Effect::Shadow,
        (true, false) if names.len() >= 2 && is_found(walk) => Effect::Waste,
        (false, true) if by_one_alone => Effect::Split,
        // A short name that was meant to be completed, or one that is nowhere.
        _ => return,
    };
    let group = match effect {
        Effect::Waste => "waste",
        Effect::Shadow => "shadow",
        Effect::Split => "split",
    };
    for (step, lookup, answer) in tried {
        if effect != Effect::Waste && !hit(answer) {
            continue;
        }
        let told: Vec<String> = addresses(answer)
            .map(|record| record.data.clone())
            .collect();
        let says = match (answer.rcode.as_str(), told.is_empty()) {
            (_, false) => format!(
                "{} {} answered with {}",
                lookup.kind,
                lookup.name,
                listed(&told)
            ),
            ("NOERROR", _) => format!("{} {} has no address", lookup.kind, lookup.name),
            (rcode, _) => format!("{} {} tried: {rcode}", lookup.kind, lookup.name),
        };
        sightings.add(
            Sighting::new(Subject::Step(step.number), group)
                .lost(if effect == Effect::Waste {
                    step.took
                } else {
                    Span::ZERO
                })
                .show(walk.at(step, says)),
        );
    }
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let host = &walk.target().host;
    let group = sightings
        .first()
        .map_or("", |sighting| sighting.group.as_str());
    let names: Vec<String> = sightings
        .iter()
        .flat_map(|sighting| &sighting.subjects)
        .filter_map(|&subject| super::super::servers::lookup(walk.step(subject)?))
        .map(|lookup| lookup.name.clone())
        .collect::<BTreeSet<String>>()
        .into_iter()
        .collect();
    let name = names.first().map_or("", String::as_str);
    match group {
        "shadow" => Story::observed(
            format!("{name} exists, and programs on this host are given its addresses when they ask for {host}"),
            format!("getent ahosts {host} that prints the addresses of {host} itself"),
        )
        .severity(Severity::Medium)
        .advise(format!("Write the name with a final dot (`{host}.`), or take the suffix out of the search list"))
        .advise("A wildcard record (`*`) in the suffix's zone answers for every name: remove it, or lower ndots"),
        "split" => Story::observed(
            format!("{host} is found as {name} by the search list of glibc; musl (Alpine) does not try a suffix for a name with this many dots, and finds nothing"),
            format!("getent ahosts {host} in a container of Alpine that prints the address"),
        )
        .severity(Severity::Low)
        .advise(format!("Write the name in full: {name}"))
        .advise("Or raise ndots above the number of dots in the name, which costs a question in vain for every other name"),
        _ => waste(walk, &names, sightings),
    }
}

fn waste(walk: &Walk<'_>, names: &[String], sightings: &[Sighting]) -> Story {
    let host = &walk.target().host;
    let lost: Span = sightings.iter().map(|sighting| sighting.lost).sum();
    let ndots = setup(walk).map_or_else(String::new, |setup| format!(" (ndots:{})", setup.ndots));
    let severity = match lost {
        lost if lost >= Span::from_secs(1) => Severity::Medium,
        lost if lost >= NOTICEABLE => Severity::Low,
        _ => Severity::Info,
    };
    Story::observed(
        format!(
            "programs ask for {host} with {} search suffixes first{ndots}: {} questions can only fail before the one that counts, {lost} for one type alone",
            names.len(),
            names.len() * 2,
        ),
        "this host's /etc/resolv.conf without a search line, or with ndots no greater than the dots in the name, would rule this out",
    )
    .severity(severity)
    .advise(format!("Write the name with a final dot (`{host}.`): it is then asked as it is"))
    .advise("Lower ndots: `options ndots:1` in /etc/resolv.conf; in Kubernetes dnsConfig: {options: [{name: ndots, value: \"1\"}]} in the pod, where names of services are written in full")
}
