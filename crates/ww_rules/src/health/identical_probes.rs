//! `identical-probes`: liveness asks what readiness asks, and acts no later.

use super::liveness_asks_dependency::includes_others;
use super::probes::{Patience, of, question};
use crate::declared::at;
use crate::many::{Groups, SHOWN, listed};
use crate::mend::{set_number, together};
use crate::operand::{each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Gap;
use ww_finding::{Fix, Support};
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

/// Two probes of one container that act at the same moment.
struct Case<'m> {
    unit: &'m Unit,
    ready: &'m Probe,
    rests: Patience,
    live: &'m Probe,
    dies: Patience,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    let mut groups = Groups::new();
    for unit in &declared.model.services.units {
        let probes = (
            of(unit, ProbeKind::Readiness),
            of(unit, ProbeKind::Liveness),
        );
        let (Some(ready), Some(live)) = probes else {
            continue;
        };
        // What an endpoint over all dependencies does as liveness is a finding of its own.
        if !ask_the_same(ready, live) || includes_others(live) || !told.insert(live.at) {
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
            let key = (dies.said(), rests.said());
            let case = Case {
                unit,
                ready,
                rests,
                live,
                dies,
            };
            groups.add(key, case);
        }
    }
    for cases in groups.into_groups() {
        if let Some(story) = story(declared, &cases) {
            reports.add_all(cases.len() as u64, story);
        }
    }
}

/// Whether liveness of a container asks what readiness asks and fails no later.
pub(super) fn acts_with_readiness(unit: &Unit) -> bool {
    let probes = (
        of(unit, ProbeKind::Readiness),
        of(unit, ProbeKind::Liveness),
    );
    let (Some(ready), Some(live)) = probes else {
        return false;
    };
    let both = Patience::of(ready).zip(Patience::of(live));
    ask_the_same(ready, live)
        && both.is_some_and(|(rests, dies)| dies.all <= rests.all)
        && live.timeout.value() <= ready.timeout.value()
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

/// After how many failures liveness acts late enough for readiness to act first.
fn later(case: &Case<'_>) -> u64 {
    case.dies
        .failures
        .max(case.rests.failures)
        .saturating_mul(3)
}

/// The fix of one unit.
fn longer(declared: &Declared<'_>, case: &Case<'_>) -> Fix {
    match each(&case.live.failures).first() {
        Some(known) => set_number(declared, (known, case.live.at), later(case), ""),
        None => Fix::advice(""),
    }
}

fn story(declared: &Declared<'_>, cases: &[Case<'_>]) -> Option<Story> {
    let first = cases.first()?;
    let (rests, dies) = (&first.rests, &first.dies);
    let names = listed(cases.iter().map(|case| case.unit.name.as_str()));
    let is_one = cases.iter().all(|case| case.unit.name == first.unit.name);
    let asked = question(first.live);
    let is_one_question = cases.iter().all(|case| question(case.live) == asked);
    let asked = if is_one_question {
        format!(" ({asked})")
    } else {
        String::new()
    };
    let is = if is_one {
        "is killed as soon as it is not ready"
    } else {
        "are killed as soon as they are not ready"
    };
    let later = later(first);
    let story = Story::proved(
        format!(
            "{names} {is}: liveness asks the same as readiness{asked} and acts after {} = {}, \
             readiness after {} = {}",
            dies.said(),
            said(dies.all),
            rests.said(),
            said(rests.all),
        ),
        format!(
            "a handler behind {} that tells the two probes apart, or an overload of {} without restarts",
            question(first.live),
            first.unit.name
        ),
    )
    .support(Support::Declared);
    let shown = |story: Story, case: &Case<'_>| {
        story
            .show(at(
                case.live.at,
                format!(
                    "killed and started anew after {} = {}",
                    case.dies.said(),
                    said(case.dies.all)
                ),
            ))
            .show(at(
                case.ready.at,
                format!(
                    "gets no requests after {} = {}",
                    case.rests.said(),
                    said(case.rests.all)
                ),
            ))
    };
    let story = cases.iter().take(SHOWN).fold(story, shown);
    Some(
        story
            .fix(together(
                cases.iter().map(|case| longer(declared, case)),
                format!(
                    "Give liveness more time than readiness, so that it can rest first: failureThreshold: {later}"
                ),
            ))
            .advise("Or let liveness ask only what a restart mends: whether the process itself still answers"),
    )
}
