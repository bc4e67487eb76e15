//! `probe-port-not-declared`: a probe names a port that its container does not have.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Locus;
use ww_finding::{Severity, Support};
use ww_model::service::{Probe, ProbeKind, Unit, UnitKind};

rule! {
    name: "probe-port-not-declared",
    family: "references",
    layer: App,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A probe asks a port by a name that its container does not give to any port",
    needs: [Workloads],
    explains: [],
    page: "probe_port_not_declared.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for unit in &declared.model.services.units {
        for probe in unit
            .probes
            .iter()
            .filter(|_| unit.kind == UnitKind::Container)
        {
            let Some(name) = probe.port.as_ref().filter(|_| probe.port_number.is_none()) else {
                continue;
            };
            let is_template = name.value.contains(['{', '$']);
            let is_number = name.value.parse::<u64>().is_ok();
            if !is_template && !is_number && told.insert(probe.at) {
                reports.add(story(unit, probe, &name.value, &name.at));
            }
        }
    }
}

fn story(unit: &Unit, probe: &Probe, port: &str, place: &Locus) -> Story {
    let name = &unit.name;
    let (what, consequence, severity) = match probe.kind {
        ProbeKind::Readiness => (
            "readiness",
            "it is never ready and gets no requests",
            Severity::High,
        ),
        ProbeKind::Startup => (
            "startup",
            "it never counts as started, so that it is never ready",
            Severity::High,
        ),
        ProbeKind::Liveness | ProbeKind::Health => (
            "liveness",
            "nothing is asked, and a hung process is never started anew",
            Severity::Medium,
        ),
    };
    let ports: Vec<String> = unit.ports.iter().map(u16::to_string).collect();
    let known = match ports.as_slice() {
        [] => "none".to_owned(),
        _ => ports.join(", "),
    };
    let place = match place {
        Locus::Text(span) => *span,
        _ => probe.at,
    };
    Story::proved(
        format!("The {what} probe of {name} asks port `{port}`, but its container has none of that name: {consequence}"),
        format!("kubectl describe pod: no event of {name} with `couldn't find port`"),
    )
    .support(Support::Declared)
    .severity(severity)
    .show(at(place, format!("asks port `{port}`")))
    .show(at(unit.at, format!("declares the ports: {known}, none of them as `{port}`")))
    .advise(format!("Give the port its name (`ports: - name: {port}`), or write its number into the probe"))
}
