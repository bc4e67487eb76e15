//! `identical-probes`: liveness asks what readiness asks, and acts no later.

use super::probes::{Patience, of, question};
use crate::declared::at;
use crate::operand::said;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Gap;
use ww_finding::Support;
use ww_model::service::{CheckKind, Probe, ProbeKind, Unit};

rule! {
    name: "identical-probes",
    family: "health",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "Liveness asks the same as readiness and fails no later: what should rest is killed",
    needs: [Workloads],
    explains: [],
    page: "identical_probes.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for unit in &declared.model.services.units {
        let probes = (
            of(unit, ProbeKind::Readiness),
            of(unit, ProbeKind::Liveness),
        );
        let (Some(ready), Some(live)) = probes else {
            continue;
        };
        if !ask_the_same(ready, live) || !told.insert(live.at) {
            continue;
        }
        let (Some(rests), Some(dies)) = (Patience::of(ready), Patience::of(live)) else {
            reports.gap(Gap::new(
                format!("how many failures of its probes {} is granted", unit.name),
                "periodSeconds and failureThreshold as numbers",
            ));
            continue;
        };
        if dies.all <= rests.all && live.timeout.value() <= ready.timeout.value() {
            reports.add(story(unit, (ready, &rests), (live, &dies)));
        }
    }
}

/// Whether two probes ask one question that a busy process may fail. That a port accepts
/// connections is the kernel's answer: load does not change it, and a dead process is to be killed.
fn ask_the_same(ready: &Probe, live: &Probe) -> bool {
    let port = |probe: &Probe| match (probe.port_number, &probe.port) {
        (Some(number), _) => Some(number.to_string()),
        (None, named) => named.as_ref().map(|port| port.value.clone()),
    };
    let is_question = match &ready.check {
        Some(CheckKind::Connect) => false,
        Some(_) => true,
        None => !ready.command.is_empty(),
    };
    is_question
        && ready.check == live.check
        && ready.command == live.command
        && port(ready) == port(live)
}

fn story(
    unit: &Unit,
    (ready, rests): (&Probe, &Patience),
    (live, dies): (&Probe, &Patience),
) -> Story {
    let name = &unit.name;
    let later = (dies.failures.max(rests.failures)).saturating_mul(3);
    Story::proved(
        format!(
            "{name} is killed as soon as it is not ready: liveness asks the same as readiness ({}) and \
             acts after {} = {}, readiness after {} = {}",
            question(live),
            dies.said(),
            said(dies.all),
            rests.said(),
            said(rests.all),
        ),
        format!(
            "a handler behind {} that tells the two probes apart, or an overload of {name} without restarts",
            question(live)
        ),
    )
    .support(Support::Declared)
    .show(at(
        live.at,
        format!("killed and started anew after {} = {}", dies.said(), said(dies.all)),
    ))
    .show(at(
        ready.at,
        format!("gets no requests after {} = {}", rests.said(), said(rests.all)),
    ))
    .advise(format!(
        "Give liveness more time than readiness, so that it can rest first: failureThreshold: {later}"
    ))
    .advise("Or let liveness ask only what a restart mends: whether the process itself still answers")
}
