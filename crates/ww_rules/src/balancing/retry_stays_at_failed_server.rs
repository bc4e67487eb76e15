//! `retry-stays-at-failed-server`: all tries of a request go to the server that was picked first.

use crate::declared::at;
use crate::operand::{Answer, Known, ask, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{SourceSpan, Span};
use ww_finding::{Severity, Support};
use ww_model::service::{Call, Picking, Program};

rule! {
    name: "retry-stays-at-failed-server",
    family: "balancing",
    layer: App,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "Further tries of a request go to the same server, although others would answer",
    needs: [Programs],
    explains: [],
    page: "retry_stays_at_failed_server.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let programs = declared.model.services.programs.iter();
    for program in programs.filter(|program| program.product.component == "haproxy") {
        let mut told: BTreeSet<SourceSpan> = BTreeSet::new();
        let mut cases: Vec<(&Call, Known<u64>)> = Vec::new();
        for call in &program.calls {
            match judge(program, call) {
                Answer::Yes(tries) if told.insert(call.at) => cases.push((call, tries)),
                Answer::Open(gap) => reports.gap(gap),
                _ => {}
            }
        }
        let (checked, unchecked): (Vec<_>, Vec<_>) =
            cases.into_iter().partition(|(call, _)| is_checked(call));
        for group in [unchecked, checked] {
            if let Some((call, tries)) = group.first() {
                let others = group.len().saturating_sub(1);
                reports.add_all(group.len() as u64, story(program, call, tries, others));
            }
        }
    }
}

fn is_checked(call: &Call) -> bool {
    !call.checks.is_empty()
}

/// Whether a request is tried more than once, at one of several servers only: the number of tries.
fn judge(program: &Program, call: &Call) -> Answer<Known<u64>> {
    let servers = call.to.iter().filter(|target| !target.is_backup).count();
    let moves = &call.side.retry.elsewhere;
    if servers < 2 || moves.is_unknown() || each(moves).iter().any(|known| known.value) {
        return Answer::No;
    }
    let what = format!("how often {} tries to reach {}", program.name, call.name);
    ask(&call.side.retry.attempts, &what, |tries| *tries > 1)
}

fn story(program: &Program, call: &Call, tries: &Known<u64>, others: usize) -> Story {
    let (proxy, group, count) = (&program.name, &call.name, tries.value);
    let group_and_more = match others {
        0 => group.clone(),
        1 => format!("{group} and of another backend"),
        more => format!("{group} and of {more} more backends"),
    };
    let until = noticed(call).map_or(
        "as long as it is down, because nothing checks it".to_owned(),
        |(time, _)| format!("until checks notice, after {}", said(time)),
    );
    let story = Story::proved(
        format!(
            "{proxy} makes all {count} tries of a request at the same server of {group_and_more}: \
             requests for one that does not answer fail although others would, {until}"
        ),
        format!("a capture in which {proxy} goes on to another server of {group} after a failed connection"),
    )
    .support(Support::Declared)
    .show(tries.show(call.at, &format!("{count} tries to connect")))
    .show(at(
        call.side.retry.elsewhere.span().unwrap_or(call.at),
        "none of them goes to another server: no `option redispatch`",
    ));
    let story = match noticed(call) {
        Some((_, place)) => story.show(at(place, "what takes a server out, in the end")),
        None => story,
    };
    let story = match (call.picking.value(), call.picking.span()) {
        (Some(Picking::Cookie), Some(cookie)) => {
            story.show(at(cookie, "and a session comes back to it again and again"))
        }
        _ => story,
    };
    story
        .severity(if is_checked(call) {
            Severity::Low
        } else {
            Severity::Medium
        })
        .advise("Let the last try go to another server: `option redispatch`, or `option redispatch 1` for each try")
}

/// How long checks take until they notice at the latest, with their place.
fn noticed(call: &Call) -> Option<(Span, SourceSpan)> {
    let check = call.checks.first()?;
    let interval = check.interval.value()?;
    let fall = i64::try_from(*check.fall.value()?).ok()?;
    Some((interval.times(fall), check.at))
}
