//! An HTTPS record that gives its name an address which the name does not have, and where it is not served.

use crate::dns::bound::{gap, probe, trouble};
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::BindingOutcome;
use ww_finding::{Owner, Severity};

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    if !is_served(walk) {
        return;
    }
    for (step, probe) in walk.transcript.bindings().filter(|(_, probe)| probe.hint) {
        if let Some(gap) = gap(walk, probe) {
            sightings.gap(gap);
        }
        let (Some(why), Some(to)) = (trouble(walk, step, probe), probe.to) else {
            continue;
        };
        let says = format!(
            "{to}, a hint of the record ({}) that {} does not have: {why}",
            probe.record, probe.name
        );
        sightings.add(
            Sighting::new(Subject::Step(step.number), probe.record.as_str())
                .lost(step.took)
                .show(walk.at(step, says)),
        );
    }
}

/// The service is somewhere, so that a dead address is not the service's own trouble.
fn is_served(walk: &Walk<'_>) -> bool {
    let at_endpoint = walk.transcript.bindings().any(|(step, probe)| {
        let is_shaken = matches!(probe.outcome, BindingOutcome::Shaken(_));
        !probe.hint && is_shaken && trouble(walk, step, probe).is_none()
    });
    at_endpoint || !walk.open_addresses().is_empty()
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let first = sightings
        .first()
        .and_then(|one| probe(walk, *one.subjects.first()?));
    let Some((step, probe)) = first else {
        return Story::observed("", "");
    };
    let hint = probe.to.map_or(String::new(), |to| to.ip().to_string());
    let key = if hint.contains(':') {
        "ipv6hint"
    } else {
        "ipv4hint"
    };
    let kind = if hint.contains(':') { "AAAA" } else { "A" };
    let why = trouble(walk, step, probe).unwrap_or_default();
    let name = &probe.name;
    Story::observed(
        format!("the HTTPS record of {} says {key} {hint}, an address that {name} does not have, and {why}: clients that try hints first fail or wait", walk.target().host),
        format!("dig {name} {kind} that prints {hint}, or a connection to it that is answered with the service's certificate"),
    )
    .severity(Severity::Medium)
    .owner(Owner::Configuration)
    .advise(format!("Set {key} to the addresses of {name}, or take it out: address records serve as well, and hints save one question at most"))
    .advise("Let the same tool write address records and hints; a hint that is kept by hand is forgotten at the next move")
}
