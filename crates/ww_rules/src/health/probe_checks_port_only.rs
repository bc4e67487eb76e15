//! `probe-checks-port-only`: a service that speaks HTTP is asked only whether its port is open.

use super::probes::{of, question, word};
use crate::declared::at;
use crate::many::{Groups, SHOWN, listed};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_chain::Party;
use ww_finding::Support;
use ww_model::service::{Call, CheckKind, Probe, ProbeKind, Unit};

rule! {
    name: "probe-checks-port-only",
    family: "health",
    layer: Http,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "A server of HTTP is asked only whether its port is open: one that hangs or answers 500 stays in",
    needs: [Programs],
    explains: [],
    page: "probe_checks_port_only.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for party in &declared.chains().parties {
        let calls = party.program.iter().flat_map(|program| &program.calls);
        let mut shallow: Vec<&Call> = Vec::new();
        for call in calls.filter(|call| asks_the_port(call)) {
            if !shallow.iter().any(|known| known.to == call.to) {
                shallow.push(call);
            }
        }
        if let Some(story) = of_calls(party, &shallow) {
            reports.add_all(shallow.len() as u64, story);
        }
    }
    let mut groups = Groups::new();
    for unit in &declared.model.services.units {
        let ready = of(unit, ProbeKind::Readiness);
        let ready = ready.filter(|probe| probe.check == Some(CheckKind::Connect));
        if let Some((ready, asked)) =
            ready.and_then(|ready| Some((ready, speaks_http(unit, ready)?)))
        {
            groups.add(question(asked), (unit, ready, asked));
        }
    }
    for cases in groups.into_groups() {
        if let Some(story) = of_units(&cases) {
            reports.add_all(cases.len() as u64, story);
        }
    }
}

/// Whether a call of HTTP to several servers asks them only whether their ports are open, and
/// learns nothing from requests either.
fn asks_the_port(call: &Call) -> bool {
    let is_shallow = call
        .checks
        .iter()
        .all(|check| check.kind == CheckKind::Connect && check.elsewhere.is_none());
    let serving = call.to.iter().filter(|target| !target.is_backup).count();
    call.protocol.is_http()
        && !call.checks.is_empty()
        && is_shallow
        && serving > 1
        && call.side.outlier.at.is_none()
}

/// The probe of another kind that asks the same port by HTTP.
fn speaks_http<'u>(unit: &'u Unit, ready: &Probe) -> Option<&'u Probe> {
    let port = ready.port_number?;
    unit.probes.iter().find(|probe| {
        matches!(probe.check, Some(CheckKind::Http { .. })) && probe.port_number == Some(port)
    })
}

fn of_calls(party: &Party<'_>, calls: &[&Call]) -> Option<Story> {
    let first = calls.first()?;
    let name = &party.name;
    let groups = listed(calls.iter().map(|call| call.name.as_str()));
    let story = Story::proved(
        format!(
            "{name} asks the servers of {groups} only whether their ports are open: one that hangs or \
             answers 500 goes on getting requests"
        ),
        format!("a server of {} that hangs and is taken out by {name}", first.name),
    )
    .support(Support::Declared);
    let shown = calls
        .iter()
        .filter_map(|call| Some((call, call.checks.first()?)));
    let story = shown.take(SHOWN).fold(story, |story, (call, check)| {
        story.show(at(
            check.at,
            format!("{}: a connection is all that is asked for", call.name),
        ))
    });
    Some(story.advise(match party.component() {
        "haproxy" => "Ask for a path that the application answers: `option httpchk` with `http-check send meth GET uri /health`",
        _ => "Ask for a path that the application answers",
    }))
}

fn of_units(cases: &[(&Unit, &Probe, &Probe)]) -> Option<Story> {
    let (unit, _, asked) = cases.first()?;
    let names = listed(cases.iter().map(|(unit, _, _)| unit.name.as_str()));
    let story = Story::proved(
        format!(
            "Readiness of {names} asks only whether the port is open, while its {} asks {}: one that \
             hangs goes on getting requests",
            word(asked.kind),
            question(asked)
        ),
        format!("{} that stops listening when it cannot serve", unit.name),
    )
    .support(Support::Declared);
    let story = cases
        .iter()
        .take(SHOWN)
        .fold(story, |story, (_, ready, asked)| {
            story
                .show(at(ready.at, "a connection is all that readiness asks for"))
                .show(at(asked.at, format!("asks {}", question(asked))))
        });
    Some(story.advise("Let readiness ask for a path that tells whether requests can be served"))
}
