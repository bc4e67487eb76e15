//! `retry-without-budget`: nothing bounds how much of the traffic may be retries.

use super::ways::{self, Way, costs};
use crate::many::{Groups, SHOWN, listed};
use crate::mesh_hosts::policies;
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_finding::{Severity, Support};
use ww_model::service::{ClientSide, RetryOn};

rule! {
    name: "retry-without-budget",
    family: "retries",
    layer: Http,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "Failed requests are tried several times and nothing bounds the retries: an outage multiplies its load",
    needs: [Programs],
    explains: [],
    page: "retry_without_budget.md",
    check: check,
}

/// As many tries as one layer alone should make at most (Google, Site Reliability Engineering,
/// chapter 21: three attempts).
const USUAL: u64 = 3;

/// So many that one slow server is kept down by one layer alone.
const MANY: u64 = 5;

/// Retries at once that are no bound: the largest number that there is.
const UNBOUNDED: u64 = 1_000_000;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let ways = ways::all(declared);
    let mut groups: Groups<u64, (&Way<'_>, Known<u64>)> = Groups::new();
    for way in &ways {
        let retry = &way.side.retry;
        let tries = each(&retry.attempts).into_iter().next();
        let Some(tries) = tries.filter(|tries| tries.at.is_some() && tries.value > USUAL) else {
            continue;
        };
        if costs(retry) && is_written_for_load(way) && is_unbounded(declared, way) {
            groups.add(tries.value, (way, tries));
        }
    }
    for cases in groups.into_groups() {
        if let Some(story) = story(&cases) {
            reports.add_all(cases.len() as u64, story);
        }
    }
}

/// Whether the failures of a server under load are tried again: timeouts and answers of the server.
/// A connection that broke says little of it.
fn is_written_for_load(way: &Way<'_>) -> bool {
    let on = way.side.retry.on.value();
    on.is_none_or(|on| {
        on.iter().any(|one| {
            matches!(
                one,
                RetryOn::Timeout | RetryOn::Status(_) | RetryOn::ServerError | RetryOn::Grpc(_)
            )
        })
    })
}

/// Whether nothing bounds the retries of a way: no budget, no number of them at once, no bound of
/// the requests at once at a server.
fn is_unbounded(declared: &Declared<'_>, way: &Way<'_>) -> bool {
    if let Some(namespace) = way.namespace {
        let mut targets = way.to.iter();
        return targets.all(|target| {
            let mut about = policies(declared.model, &target.host, namespace);
            !about.any(|policy| bounds(&policy.side))
        });
    }
    let retry = &way.side.retry;
    let is_known = |is_off: bool, known: bool| is_off || known;
    let says_so = is_known(
        retry.budget_percent.is_off(),
        retry.budget_percent.value().is_some(),
    ) && is_known(retry.at_once.is_off(), retry.at_once.value().is_some());
    says_so && !bounds(way.side) && way.side.breaker.at.is_none()
}

fn bounds(side: &ClientSide) -> bool {
    let retry = &side.retry;
    retry.budget_percent.value().is_some()
        || retry
            .at_once
            .value()
            .is_some_and(|count| *count < UNBOUNDED)
        || side.pool_per_target.is_written()
}

fn story(cases: &[(&Way<'_>, Known<u64>)]) -> Option<Story> {
    let (_, tries) = cases.first()?;
    let names = listed(cases.iter().map(|(way, _)| way.name.as_str()));
    let count = tries.value;
    let story = Story::proved(
        format!(
            "{names}: each request may be sent {count} times and no budget bounds the retries: servers that \
             fail get up to {count} times their load"
        ),
        "a bound of retries that these files do not show: in the program's own code, or at the server",
    )
    .support(Support::Declared)
    .severity(if count > MANY {
        Severity::Medium
    } else {
        Severity::Low
    });
    let story = cases.iter().take(SHOWN).fold(story, |story, (way, tries)| {
        story.show(tries.show(way.at, &format!("{}: up to {count} tries", way.name)))
    });
    let is_mesh = cases.iter().any(|(way, _)| way.namespace.is_some());
    let story = if is_mesh {
        story.advise("Bound retries in the DestinationRule of the host: retryBudget (percent: 20), or connectionPool.http.maxRetries")
    } else {
        story
    };
    Some(story.advise("Try twice at most, and once where a layer above tries again"))
}
