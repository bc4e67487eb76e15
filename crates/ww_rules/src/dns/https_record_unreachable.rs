//! `https-record-unreachable`: an HTTPS record sends clients where the service is not.

use super::bound::{gap, probe, trouble};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{BindingOutcome, BindingProbe, Step};
use ww_finding::Severity;

rule! {
    name: "https-record-unreachable",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "An HTTPS record sends clients to a name, port or server where the service is not",
    needs: [Endpoint],
    explains: [],
    page: "https_record_unreachable.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, probe) in walk.transcript.bindings().filter(|(_, probe)| !probe.hint) {
        if let Some(gap) = gap(walk, probe) {
            sightings.gap(gap);
        }
        if let Some(why) = dead_end(probe).or_else(|| trouble(walk, step, probe)) {
            let place = probe.to.map_or(String::new(), |to| format!("{to}: "));
            let says = format!("{place}{why} ({})", probe.record);
            sightings.add(
                Sighting::new(Subject::Step(step.number), probe.record.as_str())
                    .lost(step.took)
                    .show(walk.at(step, says)),
            );
        }
    }
}

/// Why a record leads to no place at all.
fn dead_end(probe: &BindingProbe) -> Option<String> {
    let name = &probe.name;
    Some(match probe.outcome {
        BindingOutcome::NoAddress => format!("{name} has no address"),
        BindingOutcome::NoService => "it says that there is no such service".to_owned(),
        BindingOutcome::AliasLoop => format!("aliases lead back to {name}"),
        BindingOutcome::TooManyAliases => "there are more aliases than clients follow".to_owned(),
        BindingOutcome::NotOpen(_) | BindingOutcome::Shaken(_) => return None,
    })
}

/// A client of this record, or of another one, is served.
fn serves(walk: &Walk<'_>, (step, probe): (&Step, &BindingProbe)) -> bool {
    matches!(probe.outcome, BindingOutcome::Shaken(_)) && trouble(walk, step, probe).is_none()
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let first = sightings
        .first()
        .and_then(|one| probe(walk, *one.subjects.first()?));
    let Some((step, probe)) = first else {
        return Story::observed("", "");
    };
    let host = &walk.target().host;
    let mut others = walk.transcript.bindings();
    let story = match dead_end(probe) {
        Some(why) => nowhere(host, probe, &why),
        None => elsewhere(walk, step, probe),
    };
    if others.any(|one| serves(walk, one)) {
        story.severity(Severity::Low)
    } else {
        story
    }
}

/// A record that leads to no address.
fn nowhere(host: &str, probe: &BindingProbe, why: &str) -> Story {
    let owner = probe.record.split(' ').next().unwrap_or_default();
    let story = Story::observed(
        format!(
            "the HTTPS record of {host} leads nowhere, {why}: clients that go by it fail, or fall back late"
        ),
        format!(
            "dig {} A or AAAA that prints an address, or dig {owner} HTTPS with another record",
            probe.name
        ),
    );
    match probe.outcome {
        BindingOutcome::NoAddress if probe.name.starts_with('_') => story.advise(format!(
            "Write the target out ({host}) in place of the dot, which stands for the record's own name {}",
            probe.name
        )),
        BindingOutcome::NoAddress => story.advise(format!(
            "Create the address records of {}, or let the HTTPS record of {owner} name the host that serves it",
            probe.name
        )),
        BindingOutcome::NoService => story.advise(format!(
            "Take the HTTPS record of {owner} out: a dot in AliasMode says that nothing is served here"
        )),
        _ => story.advise("Let the first alias name the endpoint itself; an alias chain has eight links at most"),
    }
}

/// A record that leads to a place where the service is not.
fn elsewhere(walk: &Walk<'_>, step: &Step, probe: &BindingProbe) -> Story {
    let host = &walk.target().host;
    let why = trouble(walk, step, probe).unwrap_or_default();
    let port = probe.to.map_or(0, |to| to.port());
    Story::observed(
        format!(
            "the HTTPS record of {host} sends clients to {} port {port}, and {why}: those that go by it fail, or fall back late",
            probe.name
        ),
        format!(
            "curl --connect-to {host}:{}:{}:{port} https://{host}:{}/, answered",
            walk.target().port,
            probe.name,
            walk.target().port
        ),
    )
    .advise(format!(
        "Let {} port {port} serve {host}, with its certificate, or take the endpoint out of the HTTPS record ({})",
        probe.name, probe.record
    ))
    .advise("Where a record was copied from another service, look at target and port again: both are used as they stand, whatever the address records say")
}
