//! `timeouts-equal-along-chain`: a caller and the one that it calls give up at the same moment.

use super::patience::{caller, inner, patience};
use crate::declared::at;
use crate::mend::set_time;
use crate::operand::{Known, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Locus, Span};
use ww_chain::{Bound, Chains, Hop, Part, worst_case};
use ww_finding::{Exhibit, Support};

rule! {
    name: "timeouts-equal-along-chain",
    family: "timeouts",
    layer: Http,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "Two timeouts along a chain are the same: the outer one runs out first, and the inner one says nothing",
    needs: [Calls],
    explains: [],
    page: "timeouts_equal_along_chain.md",
    check: check,
}

/// How much longer than the inner one the fix makes the outer timeout: the inner answer has to be made
/// and sent.
const DISTANCE: Span = Span::from_secs(2);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for outer in chains.hops.iter().filter(|hop| hop.call.protocol.is_http()) {
        let Some(waits) = patience(outer.call).filter(|_| outer.mesh.is_empty()) else {
            continue;
        };
        let inner = inner(chains, outer).into_iter();
        for inner in inner.filter(|inner| inner.mesh.is_empty()) {
            let Bound::Within(_, parts) = worst_case(inner.call) else {
                continue;
            };
            let Some(longest) = parts.last().filter(|part| part.span == waits.value) else {
                continue;
            };
            // Two defaults that are the same are nobody's decision.
            let is_written = waits.at.is_some() || matches!(longest.at, Locus::Text(_));
            if is_written && told.insert((waits.at, outer.call.at, inner.call.at)) {
                reports.add(story(declared, chains, (outer, inner), &waits, longest));
            }
        }
    }
}

fn story<'m>(
    declared: &Declared<'_>,
    chains: &Chains<'m>,
    (outer, inner): (&Hop<'m>, &Hop<'m>),
    waits: &Known<Span>,
    longest: &Part,
) -> Story {
    let (first, middle) = (caller(chains, outer), caller(chains, inner));
    let target = &inner.call.name;
    let time = said(waits.value);
    let wanted = waits.value + DISTANCE;
    let says = format!(
        "{middle} gives {target} up after the same time ({})",
        longest.what
    );
    let of_inner = match &longest.at {
        Locus::Text(span) => at(*span, says),
        Locus::Assumed { by } => at(inner.call.at, format!("{says}, by default: {by}")),
        other => Exhibit {
            at: other.clone(),
            says,
        },
    };
    Story::proved(
        format!(
            "{first} gives {middle} up after {time}, and {middle} gives {target} up after {time}: the \
             outer timer began first, so that {middle} never gets to answer"
        ),
        format!("{middle} answers before it asks {target}, or never waits that long for it"),
    )
    .support(Support::Declared)
    .show(waits.show(
        outer.call.at,
        &format!("{first} waits {time} for an answer"),
    ))
    .show(of_inner)
    .fix(set_time(
        declared,
        (waits, outer.call.at),
        wanted,
        format!(
            "Let {first} wait longer than {middle}, so that who gives up says so: {}",
            said(wanted)
        ),
    ))
    .advise(format!("Or let {middle} give {target} up a few seconds sooner"))
}
