//! `recycled-without-grace`: workers that are started together are replaced together.

use crate::operand::{Answer, Known, ask, ask_two};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_chain::Party;
use ww_finding::{Fix, Safety, Severity, Support};
use ww_model::service::Capacity;

rule! {
    name: "recycled-without-grace",
    family: "keepalive",
    layer: App,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "Workers are replaced after the same number of requests, so all of them at about the same time",
    needs: [Programs],
    explains: [],
    page: "recycled_without_grace.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told: BTreeSet<Option<SourceSpan>> = BTreeSet::new();
    for party in &declared.chains().parties {
        let Some(program) = party.program else {
            continue;
        };
        match judge(party, &program.capacity) {
            Answer::Yes((requests, workers)) => {
                if told.insert(requests.at) {
                    reports.add(story(party, program.at, &requests, &workers));
                }
            }
            Answer::Open(gap) => reports.gap(gap),
            Answer::No => {}
        }
    }
}

/// Whether several workers end after the same number of requests: the number, and the workers.
fn judge(party: &Party<'_>, capacity: &Capacity) -> Answer<(Known<u64>, Known<u64>)> {
    if !capacity.worker_requests.is_written() || capacity.worker_requests.is_off() {
        return Answer::No;
    }
    let jitter = format!(
        "how much chance spreads the end of {}'s workers",
        party.name
    );
    match ask(&capacity.worker_requests_jitter, &jitter, |jitter| {
        *jitter > 0
    }) {
        Answer::Yes(_) => return Answer::No,
        Answer::Open(gap) => return Answer::Open(gap),
        Answer::No => {}
    }
    ask_two(
        (
            &capacity.worker_requests,
            &format!("after how many requests {}'s workers end", party.name),
        ),
        (
            &capacity.workers,
            &format!("how many workers {} has", party.name),
        ),
        |requests, workers| *requests > 0 && *workers > 1,
    )
}

fn story(
    party: &Party<'_>,
    place: SourceSpan,
    requests: &Known<u64>,
    workers: &Known<u64>,
) -> Story {
    let (server, count, most) = (&party.name, workers.value, requests.value);
    let spread = (most / 10).max(1);
    let requests_at = requests.at.unwrap_or(place);
    Story::proved(
        format!(
            "All {count} workers of {server} end after {most} requests: they are replaced at about \
             the same time, and nobody answers meanwhile"
        ),
        format!(
            "a log of {server} in which workers end one by one, spread over the {} requests that all \
             of them answer",
            most.saturating_mul(count)
        ),
    )
    .support(Support::Declared)
    .severity(Severity::Medium)
    .show(requests.show(
        requests_at,
        &format!("a worker ends after {most} requests, without a spread"),
    ))
    .show(workers.show(place, &format!("{count} workers share the requests")))
    .fix(Fix {
        title: format!("Spread the end of workers: `max_requests_jitter` of {spread}"),
        safety: Safety::Review,
        edits: Vec::new(),
    })
}
