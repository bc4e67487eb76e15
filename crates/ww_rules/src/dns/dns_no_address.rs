//! `dns-no-address`: the name exists and has no address.

use super::servers::{
    ServiceHost, alias, answer, is_found, lookup, named, resolvers, service_hosts,
};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::Order;
use ww_evidence::transcript::{Answer, Lookup};
use ww_finding::Severity;

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
    for host in service_hosts(walk) {
        host_without(walk, &host, sightings);
    }
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

/// A host of a service that exists and to which nobody gives an address, or none at all: a record that names the root
/// says that the service is not offered (RFC 2782).
fn host_without(walk: &Walk<'_>, host: &ServiceHost<'_>, sightings: &mut Sightings) {
    let is_refusal = host.is_refusal();
    let is_told = |lookup: &Lookup| answer(lookup).is_some_and(is_empty);
    if !is_refusal && !host.lookups.iter().all(|(_, lookup)| is_told(lookup)) {
        return;
    }
    let of_service = || {
        resolvers(walk)
            .iter()
            .filter_map(|server| server.answer("SRV"))
            .map(|(step, _)| step)
            .collect()
    };
    let steps: Vec<_> = if is_refusal {
        of_service()
    } else {
        host.lookups.iter().map(|&(step, _)| step).collect()
    };
    for step in steps {
        let says = if is_refusal {
            "the SRV record names no host (.)".to_owned()
        } else {
            let kind = lookup(step).map_or("", |lookup| lookup.kind.as_str());
            format!("{} has no {kind} record", host.name)
        };
        sightings
            .add(Sighting::new(Subject::Step(step.number), host.name).show(walk.at(step, says)));
    }
}

fn say_of_host(walk: &Walk<'_>, name: &str) -> Story {
    let service = &walk.target().host;
    let severity = if is_found(walk) {
        Severity::Medium
    } else {
        Severity::High
    };
    if name == "." {
        return Story::observed(
            format!("the zone says that the service {service} is not offered: its SRV record names no host"),
            format!("dig {service} SRV that names a host"),
        )
        .severity(severity)
        .advise("Use the name under which the service is published; if it shall be offered here, name its host in the SRV record");
    }
    Story::observed(
        format!("the service {service} leads to {name}, which exists and has no address"),
        format!("dig {name} A and dig {name} AAAA, one of which prints an address"),
    )
    .severity(severity)
    .advise(format!(
        "Create the address record of {name}, or take it out of the SRV records of {service}"
    ))
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
    if let Some(group) = sightings.first().map(|one| one.group.as_str())
        && !group.is_empty()
    {
        return say_of_host(walk, group);
    }
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
    kinds.put_in_order();
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
