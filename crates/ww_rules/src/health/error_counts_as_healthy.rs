//! `error-counts-as-healthy`: a check takes an error for the answer of a healthy server.

use crate::declared::at;
use crate::many::{Groups, SHOWN, listed};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_chain::Party;
use ww_finding::{Severity, Support};
use ww_model::service::{Call, CheckKind, HealthCheck};

rule! {
    name: "error-counts-as-healthy",
    family: "health",
    layer: Http,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "A health check takes an error for the answer of a healthy server: it proves only that something answers",
    needs: [Programs],
    explains: [],
    page: "error_counts_as_healthy.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for party in &declared.chains().parties {
        let calls = party.program.iter().flat_map(|program| &program.calls);
        let mut groups: Groups<u16, (&Call, &HealthCheck)> = Groups::new();
        let mut told = Vec::new();
        for call in calls {
            for check in &call.checks {
                let Some(worst) = worst(check).filter(|_| !told.contains(&check.at)) else {
                    continue;
                };
                told.push(check.at);
                groups.add(worst, (call, check));
            }
        }
        for cases in groups.into_groups() {
            if let Some(story) = story(party, &cases) {
                reports.add_all(cases.len() as u64, story);
            }
        }
    }
}

/// The highest status that is an error and counts as healthy.
fn worst(check: &HealthCheck) -> Option<u16> {
    let errors = check.statuses.iter().filter(|(_, last)| *last >= 400);
    errors.map(|(_, last)| *last).max()
}

fn story(party: &Party<'_>, cases: &[(&Call, &HealthCheck)]) -> Option<Story> {
    let (_, check) = cases.first()?;
    let worst = worst(check)?;
    let name = &party.name;
    let groups = listed(cases.iter().map(|(call, _)| call.name.as_str()));
    let path = match &check.kind {
        CheckKind::Http { path, .. } => path.as_str(),
        _ => "/",
    };
    let statuses: Vec<String> = check
        .statuses
        .iter()
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first} to {last}")
            }
        })
        .collect();
    let statuses = statuses.join(", ");
    let effect = if worst >= 500 {
        "a server that fails every request stays in"
    } else {
        "a server without the application, which answers 404 to everything, stays in"
    };
    let story = Story::proved(
        format!("{name} takes {statuses} for healthy when it asks the servers of {groups} for {path}: {effect}"),
        "a path that a working server answers with an error, and a broken one does not",
    )
    .support(Support::Declared);
    let story = cases
        .iter()
        .take(SHOWN)
        .fold(story, |story, (call, check)| {
            story.show(at(
                check.at,
                format!("{}: {statuses} are taken for healthy", call.name),
            ))
        });
    let story = story
        .advise("Ask for a path that a healthy server answers with 200, and take nothing else");
    Some(if worst >= 500 {
        story.severity(Severity::Medium)
    } else {
        story
    })
}
