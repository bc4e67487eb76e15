//! `timeout-below-answer-time`: answers are known to take longer than somebody on the way waits.

use super::patience::{caller, patience};
use crate::declared::at;
use crate::mend::set_time;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{SourceSpan, Span};
use ww_chain::{Chains, Hop, PartyId};
use ww_finding::Support;

rule! {
    name: "timeout-below-answer-time",
    family: "timeouts",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "The team states how long answers take, and somebody on the way gives up sooner",
    needs: [Calls],
    explains: [],
    page: "timeout_below_answer_time.md",
    check: check,
}

/// How much longer than the longest answer the fix makes a timeout.
const MARGIN: Span = Span::from_secs(5);

/// How many callers before one another are looked at.
const MOST_HOPS: usize = 8;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for (index, party) in chains.parties.iter().enumerate() {
        let Some(takes) = party.demand.and_then(answer_time) else {
            continue;
        };
        let answers = Answers {
            declared,
            name: &party.name,
            takes,
        };
        for (bound, place, who) in own_bounds(party) {
            if bound.value < answers.takes.value && told.insert((bound.at, place)) {
                reports.add(answers.story(&bound, place, &who));
            }
        }
        for (waits, hop) in impatient(chains, PartyId(index), answers.takes.value) {
            if told.insert((waits.at, hop.call.at)) {
                let who = format!("{} gives {} up", caller(chains, hop), hop.call.name);
                reports.add(answers.story(&waits, hop.call.at, &who));
            }
        }
    }
}

/// What is stated of the time that answers take.
struct Taken {
    value: Span,
    at: SourceSpan,
    words: &'static str,
}

/// How long answers take, as the team states it: the longest that is honest, or all but one in a
/// hundred.
fn answer_time(demand: &ww_model::service::Demand) -> Option<Taken> {
    let stated = [
        (&demand.longest, "The longest honest answer"),
        (&demand.p99, "One answer in a hundred"),
    ];
    stated.into_iter().find_map(|(setting, words)| {
        Some(Taken {
            value: *setting.value()?,
            at: setting.span()?,
            words,
        })
    })
}

/// What a program itself ends requests after.
fn own_bounds(party: &ww_chain::Party<'_>) -> Vec<(Known<Span>, SourceSpan, String)> {
    let Some(program) = party.program else {
        return Vec::new();
    };
    let mut bounds = Vec::new();
    if let ([kill], true) = (
        each(&program.capacity.worker_kill).as_slice(),
        program.capacity.one_at_a_time,
    ) {
        let who = format!("{} kills the worker", party.name);
        bounds.push((kill.clone(), program.at, who));
    }
    for listener in &program.listeners {
        if let [total] = each(&listener.side.total).as_slice() {
            let who = format!("{} cuts answers off", party.name);
            bounds.push((total.clone(), listener.at, who));
        }
    }
    bounds
}

/// Callers, and callers of these, that never wait long enough. A caller that waits long enough on one
/// of its ways may have made that one for the long requests.
fn impatient<'a, 'm>(
    chains: &'a Chains<'m>,
    callee: PartyId,
    takes: Span,
) -> Vec<(Known<Span>, &'a Hop<'m>)> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([callee]);
    let mut next = vec![callee];
    for _ in 0..MOST_HOPS {
        let mut callers: BTreeMap<PartyId, Vec<&Hop<'m>>> = BTreeMap::new();
        for callee in &next {
            for hop in chains
                .hops_to(*callee)
                .filter(|hop| hop.call.protocol.is_http())
            {
                callers.entry(hop.caller).or_default().push(hop);
            }
        }
        next.clear();
        for (id, hops) in callers {
            let waits: Vec<_> = hops
                .iter()
                .map(|hop| patience(hop.call).zip(Some(*hop)))
                .collect();
            let never = |one: &Option<(Known<Span>, &Hop<'m>)>| {
                one.as_ref().is_some_and(|(waits, _)| waits.value < takes)
            };
            if waits.iter().all(never) {
                found.extend(waits.into_iter().flatten());
            }
            if seen.insert(id) {
                next.push(id);
            }
        }
    }
    found
}

/// Answers of a program that take their time.
struct Answers<'a, 'd> {
    declared: &'a Declared<'d>,
    name: &'a str,
    takes: Taken,
}

impl Answers<'_, '_> {
    fn story(&self, bound: &Known<Span>, place: SourceSpan, who: &str) -> Story {
        let (short, long) = (said(bound.value), said(self.takes.value));
        let (name, words) = (self.name, self.takes.words);
        let wanted = self.takes.value + MARGIN;
        Story::proved(
            format!("{words} of {name} takes {long}, but {who} after {short}: it fails every time"),
            format!("{name} sends something before {short} are over, or never takes that long"),
        )
        .support(Support::Declared)
        .show(bound.show(place, &format!("{who} after {short}")))
        .show(at(self.takes.at, format!("{words} of {name} takes {long}")))
        .fix(set_time(
            self.declared,
            (bound, place),
            wanted,
            format!("Wait longer than the answer takes: {}", said(wanted)),
        ))
        .advise("Or answer at once that the work is taken on (202), and let the client ask for the result")
    }
}
