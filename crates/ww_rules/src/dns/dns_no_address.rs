//! `dns-no-address`: the name exists and has no address.

use super::servers::{alias, answer, is_found, lookup, named, resolvers};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::Answer;

rule! {
    name: "dns-no-address",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "The name exists and has no address of the family that is asked for",
    needs: [Endpoint],
    explains: [],
    page: "dns_no_address.md",
    sight: sight,
    say: say,
}

/// The types that lead to an address.
const KINDS: [&str; 3] = ["A", "AAAA", "SRV"];

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    if is_found(walk) {
        return;
    }
    for server in resolvers(walk) {
        let told: Vec<_> = KINDS
            .iter()
            .filter(|kind| server.asked(kind).next().is_some())
            .map(|kind| server.answer(kind))
            .collect();
        // A type that failed may be the one that has an address.
        let all_empty = told
            .iter()
            .all(|told| told.is_some_and(|(_, said)| is_empty(said)));
        if !all_empty {
            continue;
        }
        for (step, said) in told.into_iter().flatten() {
            let kind = lookup(step).map_or("", |lookup| lookup.kind.as_str());
            let says = format!(
                "{} answers {kind} with no record{}",
                named(server.at),
                instead(said)
            );
            sightings.add(Sighting::new(Subject::Step(step.number), "").show(walk.at(step, says)));
        }
    }
}

/// It exists, and there is nothing of the type asked for.
fn is_empty(said: &Answer) -> bool {
    said.rcode == "NOERROR"
        && !said.truncated
        && !said
            .records
            .iter()
            .any(|record| KINDS.contains(&record.kind.as_str()))
}

fn instead(said: &Answer) -> String {
    alias(said).map_or_else(String::new, |alias| format!(" but the alias to {alias}"))
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let host = &walk.target().host;
    let mut kinds: Vec<String> = Vec::new();
    let mut end = None;
    for step in sightings
        .iter()
        .flat_map(|sighting| &sighting.subjects)
        .filter_map(|&subject| walk.step(subject))
    {
        if let Some(lookup) = lookup(step) {
            if !kinds.contains(&lookup.kind) {
                kinds.push(lookup.kind.clone());
            }
            end = end.or_else(|| answer(lookup).and_then(alias));
        }
    }
    kinds.sort();
    let records = match kinds.as_slice() {
        [one] => format!("no {one} record"),
        _ => format!("no record of type {}", kinds.join(" or ")),
    };
    let headline = match end {
        Some(end) => format!("{host} is an alias of {end}, which exists and has {records}"),
        None => format!("{host} exists and has {records}"),
    };
    let owner = end.unwrap_or(host);
    Story::observed(
        headline,
        format!("dig {owner} A and dig {owner} AAAA, one of which prints an address"),
    )
    .advise(format!("Create the address record of {owner}, or use the name under which the service is published"))
    .advise("If it had one a moment ago, look at what writes the zone: a health check that withdrew every target, a deleted load balancer, a Service without ready endpoints")
}
