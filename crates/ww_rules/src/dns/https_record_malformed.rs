//! `https-record-malformed`: an HTTPS record that clients leave out.

use super::servers::{every, is_found, named};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{BindingFault, Lookup, LookupOutcome, ServiceBinding};
use ww_finding::Severity;

rule! {
    name: "https-record-malformed",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "An HTTPS record is not formed as RFC 9460 has it, so that clients leave it out",
    needs: [Endpoint],
    explains: [],
    page: "https_record_malformed.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, lookup) in every(walk) {
        for record in faulty(lookup) {
            let by = super::servers::Place::of(&lookup.via)
                .map_or_else(|| "the system".to_owned(), named);
            let says = format!(
                "{by} answers with an HTTPS record of priority {} for {}: {}",
                record.priority,
                target(record),
                record.fault.as_ref().map_or("", BindingFault::says)
            );
            sightings.add(
                Sighting::new(Subject::Step(step.number), record.owner.as_str())
                    .show(walk.at(step, says)),
            );
        }
    }
}

fn faulty(lookup: &Lookup) -> impl Iterator<Item = &ServiceBinding> {
    let records = match &lookup.outcome {
        LookupOutcome::Answered(answer) if lookup.kind == "HTTPS" => answer.bindings.as_slice(),
        _ => &[],
    };
    records.iter().filter(|record| record.fault.is_some())
}

fn target(record: &ServiceBinding) -> &str {
    match record.target.as_str() {
        "" | "." => &record.owner,
        target => target,
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let owner = sightings.first().map_or("", |one| one.group.as_str());
    let records: Vec<&ServiceBinding> = every(walk)
        .flat_map(|(_, lookup)| faulty(lookup))
        .filter(|record| record.owner == owner)
        .collect();
    let Some(fault) = records.iter().find_map(|record| record.fault.as_ref()) else {
        return Story::observed("", "");
    };
    let consequence = match fault {
        BindingFault::Malformed(_) => "clients leave out all HTTPS records of the name",
        BindingFault::Inconsistent(_) => "clients leave the record out",
    };
    let lost = "and with them what they promise: HTTP/3 from the first request, Encrypted ClientHello, other endpoints";
    let story = Story::observed(
        format!(
            "the HTTPS record of {owner} is malformed, {}: {consequence}, {lost}",
            fault.says()
        ),
        format!("dig {owner} HTTPS with a current dig, which shows every parameter by name and no error"),
    )
    .advise("Write the record in the presentation form of RFC 9460 (alpn=\"h3,h2\" port=8443) and let the name server encode it; keys belong in the order of their numbers, each once")
    .advise("Check it before it is published: named-checkzone of BIND 9.18 or later, or the zone editor of the provider without raw (TYPE65) data");
    if is_found(walk) {
        story.severity(Severity::Low)
    } else {
        story
    }
}
