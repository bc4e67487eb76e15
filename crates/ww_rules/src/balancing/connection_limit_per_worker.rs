//! `connection-limit-per-worker`: each worker process counts connections to a server for itself.

use super::workers;
use crate::operand::{Answer, Known, ask};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_finding::{Severity, Support};
use ww_model::service::{Call, Program};

rule! {
    name: "connection-limit-per-worker",
    family: "balancing",
    layer: Http,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A bound on the connections to a server holds for each worker process, not for all of them",
    needs: [Programs],
    explains: [],
    page: "connection_limit_per_worker.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told: BTreeSet<SourceSpan> = BTreeSet::new();
    for program in &declared.model.services.programs {
        for call in workers::alone(program) {
            let Some(limit) =
                bound(call).filter(|limit| limit.at.is_some_and(|at| told.insert(at)))
            else {
                continue;
            };
            match workers::several(program) {
                Answer::Yes(count) => reports.add(story(program, call, &limit, &count)),
                Answer::Open(gap) => reports.gap(gap),
                Answer::No => {}
            }
        }
    }
}

/// The bound that a file sets.
pub(super) fn bound(call: &Call) -> Option<Known<u64>> {
    if !call.side.pool_per_target.is_written() {
        return None;
    }
    match ask(&call.side.pool_per_target, "", |bound| *bound > 0) {
        Answer::Yes(limit) => Some(limit),
        _ => None,
    }
}

fn story(program: &Program, call: &Call, limit: &Known<u64>, workers: &Known<u64>) -> Story {
    let (proxy, group) = (&program.name, &call.name);
    let (each, count) = (limit.value, workers.value);
    let all = each.saturating_mul(count);
    let share = (each / count).max(1);
    Story::proved(
        format!(
            "{proxy} may open {each} × {count} workers = {all} connections to a server of {group}, \
             not {each}: each worker counts its own"
        ),
        format!(
            "a load at which no server of {group} ever has more than {each} connections of {proxy}"
        ),
    )
    .support(Support::Declared)
    .severity(Severity::Medium)
    .show(limit.show(
        call.at,
        &format!("at most {each} connections to this server"),
    ))
    .show(workers.show(
        program.at,
        &format!("{count} workers, which share nothing about {group}"),
    ))
    .advise(format!(
        "Let the workers count together: `zone {} 64k;` in the upstream block",
        zone_name(group)
    ))
    .advise(format!(
        "Or give each worker its share: `max_conns={share}`"
    ))
}

/// A name for the memory: that of the group.
pub(super) fn zone_name(group: &str) -> &str {
    let is_name = group
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.'));
    if is_name && !group.is_empty() {
        group
    } else {
        "servers"
    }
}
