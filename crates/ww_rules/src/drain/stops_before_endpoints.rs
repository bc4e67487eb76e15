//! `stops-before-endpoints`: a pod is told to stop while requests are still sent to it.

use crate::declared::at;
use crate::many::{SHOWN, listed};
use crate::operand::each;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::Span;
use ww_finding::Support;
use ww_model::service::{ProbeKind, Unit, UnitKind};

rule! {
    name: "stops-before-endpoints",
    family: "drain",
    layer: App,
    class: Connectivity,
    severity: Info,
    owner: Configuration,
    summary: "Pods behind Services are told to stop at the moment at which others are told to send them nothing more",
    needs: [KubernetesObjects],
    explains: [],
    page: "stops_before_endpoints.md",
    check: check,
}

/// Below this a grace is the greater trouble, and told of.
const SHORT: Span = Span::from_secs(5);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let units = declared.model.services.units.iter();
    let units: Vec<&Unit> = units
        .filter(|unit| stops_at_once(unit) && is_rolled(unit) && is_behind(declared, unit))
        .collect();
    if let Some(story) = story(&units) {
        reports.add_all(units.len() as u64, story);
    }
}

/// Whether nothing stands between the order to stop and the program: no pause, and no proxy beside
/// it that goes on for a while.
fn stops_at_once(unit: &Unit) -> bool {
    let grace = each(&unit.grace).into_iter().next();
    unit.kind == UnitKind::Container
        && unit.pre_stop.is_off()
        && unit.has_sidecar.value() != Some(&true)
        && grace.is_some_and(|grace| grace.value > SHORT)
}

/// Whether requests are expected to go on during a rollout: there are several, and readiness says
/// which of them get some.
fn is_rolled(unit: &Unit) -> bool {
    let scaling = &unit.scaling;
    let counts = [&scaling.replicas, &scaling.fewest, &scaling.most];
    let is_several = counts
        .into_iter()
        .any(|count| count.value().is_some_and(|count| *count > 1));
    let mut probes = unit.probes.iter();
    is_several && probes.any(|probe| probe.kind == ProbeKind::Readiness)
}

fn is_behind(declared: &Declared<'_>, unit: &Unit) -> bool {
    let services = &declared.model.cluster.services;
    services.iter().any(|service| {
        service.name.namespace == unit.group
            && service.selector.as_ref().is_some_and(|selector| {
                selector.iter().all(|(key, value)| {
                    let mut labels = unit.labels.iter();
                    labels.any(|(own, its)| own == key && its == value)
                })
            })
    })
}

fn story(units: &[&Unit]) -> Option<Story> {
    let first = units.first()?;
    let names = listed(units.iter().map(|unit| unit.name.as_str()));
    let (is, its) = if units.iter().all(|unit| unit.name == first.name) {
        ("is", "its")
    } else {
        ("are", "their")
    };
    let story = Story::proved(
        format!(
            "{names} {is} told to stop at once, and {its} Services send requests for some seconds more: \
             a program that stops listening refuses them"
        ),
        "programs that go on accepting connections for some seconds after SIGTERM",
    )
    .support(Support::Declared);
    let story = units.iter().take(SHOWN).fold(story, |story, unit| {
        story.show(at(unit.at, format!("{}: no preStop", unit.name)))
    });
    Some(story.advise("Let the pod wait before it is told: lifecycle.preStop with a sleep of 5 to 10 s, within the grace"))
}
