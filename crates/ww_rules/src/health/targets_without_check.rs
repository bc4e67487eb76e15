//! `targets-without-check`: several servers, and nothing that tells whether one of them is dead.

use crate::declared::at;
use crate::many::{SHOWN, listed};
use crate::operand::each;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_chain::Party;
use ww_finding::{Severity, Support};
use ww_model::service::{Call, Target};

rule! {
    name: "targets-without-check",
    family: "health",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A proxy shares requests among servers and never learns that one is dead: its share of them fails",
    needs: [Programs],
    explains: [],
    page: "targets_without_check.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for party in &declared.chains().parties {
        let calls = party.program.iter().flat_map(|program| &program.calls);
        let mut blind: Vec<&Call> = Vec::new();
        for call in calls.filter(|call| learns_nothing(call)) {
            let serving = call.to.iter().filter(|target| !target.is_backup);
            let is_known = blind.iter().any(|known| known.to == call.to);
            if distinct(serving) > 1 && !is_known {
                blind.push(call);
            }
        }
        if let Some(story) = story(party, &blind) {
            reports.add_all(blind.len() as u64, story);
        }
    }
}

/// Whether a call neither probes its targets nor learns from requests.
fn learns_nothing(call: &Call) -> bool {
    call.checks.is_empty() && call.passive.max_fails.is_off() && call.side.outlier.at.is_none()
}

/// How many servers there are; the same name and port twice is one.
fn distinct<'t>(targets: impl Iterator<Item = &'t Target>) -> usize {
    let mut known: Vec<(&str, Option<u16>)> = Vec::new();
    for target in targets.filter(|target| !target.host.is_empty()) {
        let server = (target.host.as_str(), target.port);
        if !known.contains(&server) {
            known.push(server);
        }
    }
    known.len()
}

fn story(party: &Party<'_>, calls: &[&Call]) -> Option<Story> {
    let first = calls.first()?;
    let (name, groups) = (
        &party.name,
        listed(calls.iter().map(|call| call.name.as_str())),
    );
    let tries_elsewhere = calls.iter().all(|call| {
        let side = &call.side.retry;
        side.elsewhere.value() == Some(&true)
            && each(&side.attempts).iter().all(|known| known.value > 1)
    });
    let consequence = if tries_elsewhere {
        "each request to a dead one waits for the retry first"
    } else {
        "a dead one goes on getting its share of the requests"
    };
    let story = Story::proved(
        format!("{name} shares the requests of {groups} and checks no server: {consequence}"),
        format!(
            "a check by {name} of a server of {}, or something else that takes dead ones out",
            first.name
        ),
    )
    .support(Support::Declared);
    let shown = calls
        .iter()
        .filter_map(|call| Some((call, call.to.first()?)));
    let story = shown.take(SHOWN).fold(story, |story, (call, target)| {
        let says = format!("{}: its servers are not checked", call.name);
        story.show(at(target.at, says))
    });
    let story = story.advise(advice(party.component()));
    Some(if tries_elsewhere {
        story.severity(Severity::Low)
    } else {
        story
    })
}

/// How a product is told to check.
fn advice(component: &str) -> &'static str {
    match component {
        "haproxy" => {
            "Add `check` to every server (or to default-server), with `option httpchk` where HTTP is spoken"
        }
        "nginx" => "Let failures count: max_fails=3 fail_timeout=10s",
        "envoy" => "Add health_checks or outlier_detection to the cluster",
        _ => "Let the proxy check its servers, or learn from failed requests",
    }
}
