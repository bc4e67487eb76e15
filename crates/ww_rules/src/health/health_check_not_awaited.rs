//! `health-check-not-awaited`: a service is started before what it depends on is healthy.

use super::probes::of;
use crate::declared::at;
use crate::many::{SHOWN, listed};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::{Locus, SourceSpan};
use ww_finding::Support;
use ww_model::service::{Probe, ProbeKind, Unit, UnitKind};

rule! {
    name: "health-check-not-awaited",
    family: "health",
    layer: App,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "A service waits only for the start of a container whose health check would tell when it can be used",
    needs: [Programs],
    explains: [],
    page: "health_check_not_awaited.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let units = &declared.model.services.units;
    for awaited in units.iter().filter(|unit| unit.kind == UnitKind::Compose) {
        let Some(probe) = of(awaited, ProbeKind::Health) else {
            continue;
        };
        let waiting: Vec<(&Unit, SourceSpan)> = units
            .iter()
            .filter(|unit| unit.kind == UnitKind::Compose && unit.group == awaited.group)
            .filter_map(|unit| Some((unit, waits(unit, &awaited.name)?)))
            .collect();
        if let Some(story) = story(awaited, probe, &waiting) {
            reports.add_all(waiting.len() as u64, story);
        }
    }
}

/// Where a unit says that it waits for another one, when it does not say what for.
fn waits(unit: &Unit, name: &str) -> Option<SourceSpan> {
    let says_what_for = unit.waits_until.iter().any(|(known, _)| known == name);
    let named = unit.waits_for.iter().find(|known| known.value == name);
    match named.filter(|_| !says_what_for)?.at {
        Locus::Text(span) => Some(span),
        _ => None,
    }
}

fn story(awaited: &Unit, probe: &Probe, waiting: &[(&Unit, SourceSpan)]) -> Option<Story> {
    waiting.first()?;
    let name = &awaited.name;
    let names = listed(waiting.iter().map(|(unit, _)| unit.name.as_str()));
    let is = if waiting.len() == 1 { "is" } else { "are" };
    let story = Story::proved(
        format!(
            "{names} {is} started when the container of {name} is, not when its health check succeeds: \
             the first connections may be refused"
        ),
        format!("programs that try again until {name} answers"),
    )
    .support(Support::Declared);
    let story = waiting
        .iter()
        .take(SHOWN)
        .fold(story, |story, (unit, span)| {
            story.show(at(*span, format!("{} waits for its start only", unit.name)))
        });
    Some(
        story
            .show(at(probe.at, format!("tells when {name} can be used")))
            .advise(format!(
                "Wait for the check: depends_on: {{ {name}: {{ condition: service_healthy }} }}"
            )),
    )
}
