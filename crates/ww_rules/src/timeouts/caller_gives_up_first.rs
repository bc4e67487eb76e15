//! `caller-gives-up-first`: a caller stops waiting while the one that it calls still may.

use super::patience::{inner, patience};
use crate::declared::at;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Locus, SourceSpan, Span};
use ww_chain::{Bound, Chains, Hop, Part, Party, worst_case};
use ww_finding::{Exhibit, Support};
use ww_model::service::Call;

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
    for hop in chains.hops.iter().filter(|hop| hop.call.protocol.is_http()) {
        let caller = name(chains.caller(hop));
        let routes = match hop.mesh.as_slice() {
            [one] => one.calls(),
            _ => Vec::new(),
        };
        let outers = std::iter::once((hop.call, caller.clone()))
            .chain(routes.iter().map(|route| (route, route.name.clone())));
        for (outer, waiting) in outers {
            let Some(waits) = patience(outer) else {
                continue;
            };
            for inner in inner(chains, hop) {
                let Some(work) = Work::of(chains, inner) else {
                    continue;
                };
                let key = (waits.at, outer.at, inner.call.at);
                if work.is_longer_than(&waits) && told.insert(key) {
                    reports.add(story((outer, &waiting), &waits, &work));
                }
            }
        }
        // The proxy of a mesh beside the caller tries for longer than the caller waits.
        for route in &routes {
            let Some(waits) = patience(hop.call) else {
                continue;
            };
            let Some(work) = Work::of_route(route, &hop.target.host) else {
                continue;
            };
            let key = (waits.at, hop.call.at, route.at);
            if work.is_longer_than(&waits) && told.insert(key) {
                reports.add(story((hop.call, &caller), &waits, &work));
            }
        }
    }
}

/// A call that may go on for some time.
struct Work {
    /// Who makes it.
    by: String,
    /// Whom it reaches.
    target: String,
    /// Where it is written.
    at: SourceSpan,
    /// What its time is made of; the last part is the whole.
    parts: Vec<Part>,
    longest: Span,
}

impl Work {
    /// A call of a program; none when it is not known to go on for long, or when a mesh may cut it off
    /// before.
    fn of(chains: &Chains<'_>, hop: &Hop<'_>) -> Option<Work> {
        let by = name(chains.caller(hop));
        let work = Work::by(by, hop.call.name.clone(), hop.call)?;
        let is_cut = |way: &ww_chain::Way<'_>| way.longest().is_some_and(|all| all < work.longest);
        (!hop.mesh.iter().any(is_cut)).then_some(work)
    }

    fn of_route(route: &Call, host: &str) -> Option<Work> {
        Work::by(route.name.clone(), host.to_owned(), route)
    }

    fn by(by: String, target: String, call: &Call) -> Option<Work> {
        let Bound::Within(_, parts) = worst_case(call) else {
            return None;
        };
        // The last part is the wait itself; connecting comes on top of it only when it is slow too.
        let longest = parts.last()?.span;
        Some(Work {
            by,
            target,
            at: call.at,
            parts,
            longest,
        })
    }

    /// Whether it may go on when its caller is gone; of two defaults nobody has chosen one.
    fn is_longer_than(&self, waits: &Known<Span>) -> bool {
        let last = self.parts.last().map(|part| &part.at);
        let is_written = waits.at.is_some() || matches!(last, Some(Locus::Text(_)));
        is_written && waits.value < self.longest
    }
}

fn name(party: Option<&Party<'_>>) -> String {
    party.map_or_else(String::new, |party| party.name.clone())
}

fn story((outer, caller): (&Call, &str), waits: &Known<Span>, work: &Work) -> Story {
    let (middle, target) = (&work.by, &work.target);
    let (short, long) = (said(waits.value), said(work.longest));
    let tries = each(&outer.side.retry.attempts);
    let tries = match tries.as_slice() {
        [one] if one.value > 1 => Some(one),
        _ => None,
    };
    let after = match tries {
        Some(tries) => {
            let count = i64::try_from(tries.value).unwrap_or(i64::MAX);
            let all = said(Span(waits.value.0.saturating_mul(count)));
            format!("{short} ({} tries: {all} in all)", tries.value)
        }
        None => short.clone(),
    };
    let mut story = Story::proved(
        format!(
            "{caller} gives {middle} up after {after}, while {middle} waits for {target} up to {long}: \
             it works on for nobody"
        ),
        format!("{middle} never waits that long for {target} in requests of {caller}"),
    )
    .support(Support::Declared)
    .show(waits.show(outer.at, &format!("{caller} waits {short} for an answer")));
    if let Some(tries) = tries {
        story = story.show(tries.show(outer.at, &format!("{caller} tries {} times", tries.value)));
    }
    // The wait itself first, as it is what the sentence is about.
    let story = work.parts.iter().rev().fold(story, |story, part| {
        let says = format!("{middle} to {target}, {}: {}", part.what, said(part.span));
        story.show(match &part.at {
            Locus::Text(span) => at(*span, says),
            Locus::Assumed { by } => at(work.at, format!("{says}, by default: {by}")),
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
