//! `worker-killed-before-timeout`: the server kills a worker that its caller would still wait for.

use super::patience::{caller, patience};
use crate::mend::set_time;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{SourceSpan, Span};
use ww_chain::{Chains, Hop};
use ww_finding::{Severity, Support};

rule! {
    name: "worker-killed-before-timeout",
    family: "timeouts",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A server kills the worker of a long request while its caller would still wait",
    needs: [Calls],
    explains: [],
    page: "worker_killed_before_timeout.md",
    check: check,
}

/// How much longer than the caller's the fix makes the server's time.
const FIX_MARGIN: Span = Span::from_secs(5);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told: BTreeSet<(Option<SourceSpan>, Option<SourceSpan>)> = BTreeSet::new();
    for hop in &chains.hops {
        let Some((waits, kills)) = patience(hop.call).zip(kill(chains, hop)) else {
            continue;
        };
        let is_written = waits.at.is_some() || kills.at.is_some();
        if is_written && kills.value < waits.value && told.insert((waits.at, kills.at)) {
            reports.add(story(declared, chains, hop, (&waits, &kills)));
        }
    }
}

/// After what time the callee kills the worker of a request, when that is sure. Workers that do
/// several requests at once say that they are alive whatever one of these does.
fn kill<'m>(chains: &Chains<'m>, hop: &Hop<'m>) -> Option<Known<Span>> {
    let program = chains.callee(hop)?.program?;
    match each(&program.capacity.worker_kill).as_slice() {
        [one] if program.capacity.one_at_a_time => Some(one.clone()),
        _ => None,
    }
}

fn story<'m>(
    declared: &Declared<'_>,
    chains: &Chains<'m>,
    hop: &Hop<'m>,
    (waits, kills): (&Known<Span>, &Known<Span>),
) -> Story {
    let client = caller(chains, hop);
    let callee = chains.callee(hop);
    let server = callee.map_or("", |party| &party.name);
    let place = callee.and_then(ww_chain::Party::at).unwrap_or(hop.call.at);
    let (long, short) = (said(waits.value), said(kills.value));
    let wanted = waits.value + FIX_MARGIN;
    let story = Story::proved(
        format!(
            "{server} kills a worker whose request takes {short}, {client} would wait {long}: it gets \
             a closed connection (502), no late answer and no timeout (504)"
        ),
        format!("no request to {server} that takes longer than {short}"),
    )
    .support(Support::Declared)
    .show(kills.show(
        place,
        &format!("{server} kills a worker that is busy with one request for {short}"),
    ))
    .show(waits.show(
        hop.call.at,
        &format!("{client} waits {long} for an answer"),
    ))
    .fix(set_time(
        declared,
        (kills, place),
        wanted,
        format!("If requests may take so long, let workers live longer: {}", said(wanted)),
    ))
    .fix(set_time(
        declared,
        (waits, hop.call.at),
        kills.value,
        format!("Or let {client} give up first, no later than after {short}"),
    ));
    // Somebody who made the caller wait longer expects requests that last longer.
    if waits.at.is_some() {
        story
    } else {
        story.severity(Severity::Low)
    }
}
