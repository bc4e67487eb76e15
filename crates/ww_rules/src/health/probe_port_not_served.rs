//! `probe-port-not-served`: a probe asks a port on which nobody listens.

use super::probes::word;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_chain::Party;
use ww_finding::Support;
use ww_model::service::{Probe, ProbeKind, Unit};

rule! {
    name: "probe-port-not-served",
    family: "health",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A probe asks a port on which the program of its container does not listen: it never succeeds",
    needs: [Workloads],
    explains: [],
    page: "probe_port_not_served.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for party in &declared.chains().parties {
        for unit in &party.units {
            for probe in &unit.probes {
                let Some(story) = judge(party, unit, probe) else {
                    continue;
                };
                if told.insert(probe.at) {
                    reports.add(story);
                }
            }
        }
    }
}

fn judge(party: &Party<'_>, unit: &Unit, probe: &Probe) -> Option<Story> {
    let number = probe.port_number?;
    let listens = listens(party)?;
    if unit.ports.contains(&number) || listens.iter().any(|(port, _)| *port == number) {
        return None;
    }
    let ports: Vec<String> = listens.iter().map(|(port, _)| port.to_string()).collect();
    let ports = ports.join(", ");
    let (_, place) = listens.first()?;
    let story = Story::proved(
        format!(
            "The {} of {} asks port {number}, but its program listens on {ports}: {}",
            word(probe.kind),
            unit.name,
            consequence(probe.kind)
        ),
        format!(
            "a connection to port {number} of {} that is accepted",
            unit.name
        ),
    )
    .support(Support::Declared)
    .show(at(probe.at, format!("asks port {number}")))
    .show(at(*place, format!("listens on {ports}")));
    Some(story.advise("Ask a port on which the program listens"))
}

/// The ports that a program listens on; none when one of them is not known.
fn listens(party: &Party<'_>) -> Option<Vec<(u16, SourceSpan)>> {
    let listeners = &party.program?.listeners;
    let ports = listeners.iter().map(|it| Some((it.port?, it.at)));
    let ports: Option<Vec<(u16, SourceSpan)>> = ports.collect();
    ports.filter(|ports| !ports.is_empty())
}

fn consequence(kind: ProbeKind) -> &'static str {
    match kind {
        ProbeKind::Startup | ProbeKind::Liveness => "it is killed again and again",
        ProbeKind::Readiness => "it never gets a request",
        ProbeKind::Health => "it is never healthy",
    }
}
