//! `short-termination-grace`: what serves requests is killed a few seconds after being told to stop.

use super::grace_shorter_than_shutdown::judge;
use crate::many::{Groups, SHOWN, listed};
use crate::mend::set_times;
use crate::operand::{Answer, Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Span;
use ww_chain::Party;
use ww_finding::{Severity, Support};
use ww_model::service::{ProbeKind, Unit, UnitKind};

rule! {
    name: "short-termination-grace",
    family: "drain",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "What serves requests is killed within 5 s: there is no time to hear of its end and to finish",
    needs: [Programs],
    explains: [],
    page: "short_termination_grace.md",
    check: check,
}

/// Endpoints need this long to be taken out of every node's tables under load; a grace that is no
/// longer leaves nothing for requests.
const SHORT: Span = Span::from_secs(5);

/// What Kubernetes grants by default.
const USUAL: Span = Span::from_secs(30);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    let mut groups = Groups::new();
    for party in &declared.chains().parties {
        for unit in party.units.iter().filter(|unit| serves(unit)) {
            let Some(grace) = each(&unit.grace).into_iter().next() else {
                continue;
            };
            let is_told_elsewhere = matches!(judge(party, unit), Answer::Yes(_));
            let Some(at) = grace
                .at
                .filter(|_| grace.value <= SHORT && !is_told_elsewhere)
            else {
                continue;
            };
            if !is_enough(party, grace.value) && told.insert(at) {
                let is_container = unit.kind == UnitKind::Container;
                groups.add((grace.value, is_container), (*unit, grace));
            }
        }
    }
    for cases in groups.into_groups() {
        if let Some(story) = story(declared, &cases) {
            reports.add_all(cases.len() as u64, story);
        }
    }
}

/// Whether others connect to a unit, as far as its declaration tells.
fn serves(unit: &Unit) -> bool {
    let is_asked = unit
        .probes
        .iter()
        .any(|probe| probe.kind == ProbeKind::Readiness);
    unit.kind != UnitKind::Dockerfile && (!unit.ports.is_empty() || is_asked)
}

/// Whether the longest request that the team states is over in time.
fn is_enough(party: &Party<'_>, grace: Span) -> bool {
    let longest = party.demand.and_then(|demand| demand.longest.value());
    longest.is_some_and(|longest| *longest <= grace)
}

fn story(declared: &Declared<'_>, cases: &[(&Unit, Known<Span>)]) -> Option<Story> {
    let (unit, grace) = cases.first()?;
    let killed = said(grace.value);
    let names = listed(cases.iter().map(|(unit, _)| unit.name.as_str()));
    let is = if cases.iter().all(|(it, _)| it.name == unit.name) {
        "is"
    } else {
        "are"
    };
    let story = Story::proved(
        format!(
            "{names} {is} killed {killed} after being told to stop: requests that arrive until everybody \
             knows, and longer ones, are cut off"
        ),
        format!(
            "a rollout of {} under load without a failed request",
            unit.name
        ),
    )
    .support(Support::Declared);
    let shown = cases.iter().take(SHOWN);
    let story = shown.fold(story, |story, (unit, grace)| {
        story.show(grace.show(unit.at, &format!("killed after {killed}")))
    });
    let story = story.fix(set_times(
        declared,
        cases.iter().map(|(unit, grace)| (grace, unit.at)),
        USUAL,
        format!(
            "Grant {}; a program that is done earlier ends earlier",
            said(USUAL)
        ),
    ));
    Some(if unit.kind == UnitKind::Container {
        story.advise("Add a pause before the stop (lifecycle.preStop, sleep of 5 s or more) for endpoints to be taken out")
    } else {
        story.severity(Severity::Low)
    })
}
