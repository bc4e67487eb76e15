//! `caller-gives-up-first`: a caller stops waiting while the one that it calls still may.

use crate::declared::at;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Locus, Span};
use ww_chain::{Bound, Chains, Hop, Part, worst_case};
use ww_finding::{Exhibit, Support};

rule! {
    name: "caller-gives-up-first",
    family: "timeouts",
    layer: Http,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A caller stops waiting before the one that it calls has stopped waiting for its own callee",
    needs: [Calls],
    explains: [],
    page: "caller_gives_up_first.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for outer in chains.hops.iter().filter(|hop| hop.call.protocol.is_http()) {
        let Some(waits) = patience(outer) else {
            continue;
        };
        for inner in inner(chains, outer) {
            let Bound::Within(_, parts) = worst_case(inner.call) else {
                continue;
            };
            // The last part is the wait itself; connecting comes on top of it only when it is slow too.
            let Some(longest) = parts.last() else {
                continue;
            };
            let is_written = waits.at.is_some() || matches!(longest.at, Locus::Text(_));
            let key = (waits.at, outer.call.at, inner.call.at);
            if is_written && waits.value < longest.span && told.insert(key) {
                reports.add(story(chains, (outer, inner), &waits, &parts));
            }
        }
    }
}

/// How long a caller waits for an answer at most, when that is sure.
fn patience(hop: &Hop<'_>) -> Option<Known<Span>> {
    let side = &hop.call.side;
    if hop.call.streams.value() == Some(&true)
        || side.total.is_unknown() && side.first_byte.is_unknown()
    {
        return None;
    }
    let mut bounds = Vec::new();
    for setting in [&side.total, &side.first_byte] {
        match each(setting).as_slice() {
            [] => {}
            [one] => bounds.push(one.clone()),
            _ => return None,
        }
    }
    bounds.into_iter().min_by_key(|known| known.value)
}

/// The calls that the callee makes for such a request, as far as that is known.
fn inner<'a, 'm>(chains: &'a Chains<'m>, outer: &'a Hop<'m>) -> Vec<&'a Hop<'m>> {
    let Some(callee) = outer.callee.filter(|callee| *callee != outer.caller) else {
        return Vec::new();
    };
    let program = chains.parties.get(callee.0).and_then(|party| party.program);
    let index = program.and_then(|program| {
        let mut listeners = program.listeners.iter();
        listeners.position(|one| outer.listener.is_some_and(|it| std::ptr::eq(it, one)))
    });
    let takes = |hop: &&Hop<'_>| {
        let from = &hop.call.from;
        hop.call.protocol.is_http()
            && hop.call.streams.value() != Some(&true)
            && (from.is_empty() || index.is_some_and(|index| from.contains(&index)))
    };
    chains.hops_from(callee).filter(takes).collect()
}

fn story(
    chains: &Chains<'_>,
    (outer, inner): (&Hop<'_>, &Hop<'_>),
    waits: &Known<Span>,
    parts: &[Part],
) -> Story {
    let name = |party: Option<&ww_chain::Party<'_>>| {
        party.map_or_else(String::new, |party| party.name.clone())
    };
    let caller = name(chains.caller(outer));
    let middle = name(chains.caller(inner));
    let target = &inner.call.name;
    let longest = parts.last().map_or(Span::ZERO, |part| part.span);
    let (short, long) = (said(waits.value), said(longest));
    let story = Story::proved(
        format!(
            "{caller} gives {middle} up after {short}, while {middle} waits for {target} up to {long}: \
             it works on for nobody"
        ),
        format!("{middle} never waits that long for {target} in requests of {caller}"),
    )
    .support(Support::Declared)
    .show(waits.show(outer.call.at, &format!("{caller} waits {short} for an answer")));
    let story = parts.iter().fold(story, |story, part| {
        let says = format!("{middle} to {target}, {}: {}", part.what, said(part.span));
        story.show(match &part.at {
            Locus::Text(span) => at(*span, says),
            Locus::Assumed { by } => at(inner.call.at, format!("{says}, by default: {by}")),
            other => Exhibit {
                at: other.clone(),
                says,
            },
        })
    });
    story.advise(format!(
        "Let {middle} give up on {target} before {short} are over, or let {caller} wait longer than {long}"
    ))
}
