//! The same cause at a live endpoint. A walk asks few questions, so that there is no habit to compare with.

use super::super::servers::{Place, all, answer, lookup, named, resolvers};
use super::{LONG, SLOW_ALONE};
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::Span;
use ww_evidence::transcript::{DnsVia, Lookup, Step};
use ww_finding::Severity;

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let asked = resolvers(walk);
    for server in &asked {
        for (step, lookup) in &server.lookups {
            if !matches!(lookup.via, DnsVia::Tcp(_)) && answer(lookup).is_some() {
                let says = format!(
                    "{} {} answered after {}",
                    lookup.kind, lookup.name, step.took
                );
                add(walk, sightings, step, named(server.at), says);
            }
        }
    }
    // A server that is slow or silent explains why the system waits.
    let explains =
        |(step, lookup): &(&Step, &Lookup)| step.took >= SLOW_ALONE || answer(lookup).is_none();
    if asked
        .iter()
        .any(|server| server.lookups.iter().any(explains))
    {
        return;
    }
    let by_system = all(walk).filter(|(_, lookup)| lookup.via == DnsVia::System);
    for (step, lookup) in by_system.filter(|(_, lookup)| answer(lookup).is_some()) {
        let says = format!(
            "the system's resolver gave the addresses of {} after {}",
            lookup.name, step.took
        );
        add(
            walk,
            sightings,
            step,
            "the system's resolver".to_owned(),
            says,
        );
    }
}

fn add(walk: &Walk<'_>, sightings: &mut Sightings, step: &Step, group: String, says: String) {
    if step.took >= SLOW_ALONE {
        sightings.add(
            Sighting::new(Subject::Step(step.number), group)
                .lost(step.took)
                .show(walk.at(step, says)),
        );
    }
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let who = sightings
        .first()
        .map_or("", |sighting| sighting.group.as_str());
    let late = sightings.len();
    let worst = sightings
        .iter()
        .map(|sighting| sighting.lost)
        .max()
        .unwrap_or(Span::ZERO);
    let is_of_it = |via: &DnsVia| match Place::of(via) {
        Some(server) => named(server) == who,
        None => who.starts_with("the system"),
    };
    let answered = walk
        .transcript
        .steps
        .iter()
        .filter_map(lookup)
        .filter(|lookup| is_of_it(&lookup.via) && answer(lookup).is_some())
        .count();
    let always = late > 1 && late == answered;
    let headline = match (late, answered) {
        (1, 1) => format!("{who} answered late: after {worst}"),
        _ if always => {
            format!("{who} is slow throughout: its {answered} answers took up to {worst}")
        }
        _ => format!("{who} gave {late} of {answered} answers late, the slowest after {worst}"),
    };
    let story = Story::observed(
        headline,
        "the same questions answered at once from another host put the delay on the path from here",
    )
    .severity(match (worst >= LONG, always) {
        (true, true) => Severity::Medium,
        (true, false) | (false, true) => Severity::Low,
        (false, false) => Severity::Info,
    });
    if always {
        return story
            .advise("Use a resolver that is nearer, or cache on the host (systemd-resolved, dnsmasq, unbound, NodeLocal DNSCache)")
            .advise("Measure server against path: ping the server; if ping is as slow, it is distance, not the server");
    }
    story
        .advise(format!("Ask again: a name that is quick the second time was not in the resolver's cache; dig +trace {} shows which of its name servers is slow or dead", walk.target().host))
        .advise("Let the resolver answer from expired records while it asks (unbound serve-expired: yes, BIND stale-answer-enable yes)")
}
