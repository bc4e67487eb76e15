//! `liveness-asks-dependency`: a container is restarted for what another program does.

use super::identical_probes::acts_with_readiness;
use super::probes::question;
use crate::declared::at;
use crate::many::{Groups, SHOWN, listed};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_finding::{Severity, Support};
use ww_model::service::{CheckKind, Probe, ProbeKind, Unit};

rule! {
    name: "liveness-asks-dependency",
    family: "health",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "Liveness asks for more than the process itself: when a dependency fails, every container is restarted",
    needs: [Workloads],
    explains: [],
    page: "liveness_asks_dependency.md",
    check: check,
}

/// Endpoints that are healthy only when everything is that the application depends on: Spring
/// Boot's health endpoint, under the usual names of its base path.
const OVER_ALL: [&str; 3] = ["/actuator/health", "/manage/health", "/management/health"];

/// Last parts of paths that by convention say whether requests can be served now.
const READINESS: [&str; 3] = ["ready", "readyz", "readiness"];

/// What liveness asks beyond the process itself.
#[derive(Clone, PartialEq)]
enum More {
    /// An endpoint over all dependencies.
    All,
    /// Whether requests can be served.
    Ready,
    /// Another host, by its name.
    Host(String),
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    let mut groups = Groups::new();
    for unit in &declared.model.services.units {
        let probes = unit.probes.iter();
        for probe in probes.filter(|probe| probe.kind == ProbeKind::Liveness) {
            let Some(more) = more(declared, unit, probe) else {
                continue;
            };
            if told.insert(probe.at) {
                groups.add((more.clone(), question(probe)), (unit, probe, more));
            }
        }
    }
    for cases in groups.into_groups() {
        if let Some(story) = story(&cases) {
            reports.add_all(cases.len() as u64, story);
        }
    }
}

/// Whether a probe asks an endpoint that includes dependencies.
pub(super) fn includes_others(probe: &Probe) -> bool {
    path(probe).is_some_and(|path| OVER_ALL.contains(&path))
}

fn path(probe: &Probe) -> Option<&str> {
    match &probe.check {
        Some(CheckKind::Http { path, .. }) => {
            let path = path.split(['?', '#']).next()?;
            Some(path.trim_end_matches('/'))
        }
        _ => None,
    }
}

fn more(declared: &Declared<'_>, unit: &Unit, probe: &Probe) -> Option<More> {
    if includes_others(probe) {
        return Some(More::All);
    }
    let last = path(probe).and_then(|path| path.rsplit('/').next());
    if last.is_some_and(|last| READINESS.contains(&last)) && !acts_with_readiness(unit) {
        return Some(More::Ready);
    }
    let other = other_host(declared, unit, &probe.command)?;
    Some(More::Host(other))
}

/// The Service that a command asks, when that is not the container's own.
fn other_host(declared: &Declared<'_>, unit: &Unit, command: &[String]) -> Option<String> {
    let words: Vec<&str> = command
        .iter()
        .flat_map(|word| word.split([' ', '\n', ';', '"', '\'']))
        .filter(|word| !word.is_empty())
        .collect();
    let mut hosts = words.windows(2).filter_map(|pair| match pair {
        [option, host] if matches!(*option, "-h" | "--host") => Some(*host),
        [_, word] => of_address(word),
        _ => None,
    });
    hosts.find_map(|host| {
        let name = host.split('.').next()?;
        let services = &declared.model.cluster.services;
        let service = services
            .iter()
            .find(|service| service.name.name == name && service.name.namespace == unit.group)?;
        let selector = service.selector.as_ref()?;
        let is_own = selector.iter().all(|(key, value)| {
            let mut labels = unit.labels.iter();
            labels.any(|(own, its)| own == key && its == value)
        });
        (!is_own).then(|| host.to_owned())
    })
}

/// The host of an address: `db` in `http://db:8080/health`, or in `--host=db`.
fn of_address(word: &str) -> Option<&str> {
    if let Some(host) = word.strip_prefix("--host=") {
        return Some(host);
    }
    let (_, rest) = word.split_once("://")?;
    rest.split([':', '/']).next()
}

fn story(cases: &[(&Unit, &Probe, More)]) -> Option<Story> {
    let (unit, probe, more) = cases.first()?;
    let names = listed(cases.iter().map(|(unit, _, _)| unit.name.as_str()));
    let asked = question(probe);
    let asks = match more {
        More::All => format!(
            "Liveness of {names} asks {asked}, which fails when a dependency does: its failure restarts every instance"
        ),
        More::Ready => format!(
            "Liveness of {names} asks {asked}, which tells whether requests can be served now: what should rest is killed"
        ),
        More::Host(host) => format!(
            "Liveness of {names} asks {host}, which is another program: its failure restarts every instance"
        ),
    };
    let refuter = match more {
        More::All => format!(
            "{asked} that stays healthy while a database of {} is away",
            unit.name
        ),
        More::Ready => format!("{asked} that answers while {} takes no requests", unit.name),
        More::Host(host) => format!("{host} that is part of {}", unit.name),
    };
    let story = Story::proved(asks, refuter).support(Support::Declared);
    let story = cases
        .iter()
        .take(SHOWN)
        .fold(story, |story, (_, probe, _)| {
            story.show(at(probe.at, format!("killed when {asked} fails")))
        });
    let story = match more {
        More::All => story.advise("Ask /actuator/health/liveness, which is about the process only (Spring Boot 2.3 and newer)"),
        More::Ready => story
            .severity(Severity::Low)
            .advise("Ask an endpoint that only tells whether the process is stuck; leave this one to readiness"),
        More::Host(_) => story.advise("Ask the container itself; what it depends on belongs to readiness, if anywhere"),
    };
    Some(story)
}
