//! `retry-amplification`: several layers try again, and their tries multiply.

use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_chain::{Chains, Hop};
use ww_finding::{Severity, Support};
use ww_model::service::{Call, RetryOn};

rule! {
    name: "retry-amplification",
    family: "retries",
    layer: Http,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "Several layers try again: one request becomes the product of their tries at the last server",
    needs: [Calls],
    explains: [],
    page: "retry_amplification.md",
    check: check,
}

/// More than one layer alone would usually try.
const MUCH: u64 = 3;

/// Enough to keep a server down that was only slow.
const VERY_MUCH: u64 = 9;

/// The longest chain that is followed.
const LONGEST: usize = 8;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in &chains.hops {
        let Some(tries) = tries(hop.call) else {
            continue;
        };
        follow(chains, &mut vec![(hop, tries)], &mut |path| {
            let product = path
                .iter()
                .fold(1_u64, |all, (_, tries)| all.saturating_mul(tries.value));
            let key: Vec<_> = path.iter().map(|(hop, _)| hop.call.at).collect();
            if path.len() > 1 && product > MUCH && told.insert(key) {
                reports.add(story(chains, path, product));
            }
        });
    }
}

type Path<'a, 'm> = Vec<(&'a Hop<'m>, Known<u64>)>;

/// Goes on from the last hop of a path as long as callees try again too, and reports its end.
fn follow<'a, 'm>(
    chains: &'a Chains<'m>,
    path: &mut Path<'a, 'm>,
    tell: &mut dyn FnMut(&Path<'a, 'm>),
) {
    let mut is_end = true;
    if let Some((last, _)) = path.last().filter(|_| path.len() < LONGEST) {
        let last = *last;
        for next in last
            .callee
            .into_iter()
            .flat_map(|callee| chains.hops_from(callee))
        {
            let is_new = path.iter().all(|(hop, _)| hop.caller != next.caller);
            let is_taken = next.call.from.is_empty() || comes_in_by(chains, last, next);
            let is_taken = is_taken && repeats_failures_of(last.call, next.call);
            if let Some(tries) = tries(next.call).filter(|_| is_new && is_taken) {
                is_end = false;
                path.push((next, tries));
                follow(chains, path, tell);
                path.pop();
            }
        }
    }
    if is_end {
        tell(path);
    }
}

/// Whether requests of a hop come in by a listener whose requests take the next one.
fn comes_in_by(chains: &Chains<'_>, last: &Hop<'_>, next: &Hop<'_>) -> bool {
    let program = chains.caller(next).and_then(|party| party.program);
    let mut listeners = program
        .iter()
        .flat_map(|program| &program.listeners)
        .enumerate();
    listeners.any(|(index, one)| {
        next.call.from.contains(&index) && last.listener.is_some_and(|it| std::ptr::eq(it, one))
    })
}

/// Whether a call is tried again for what the callee answers when its own tries are used up: the
/// status that it got, 504 for a timeout, 502 for a broken connection. A caller that only looks at
/// connections and timeouts takes such an answer as it is.
fn repeats_failures_of(outer: &Call, inner: &Call) -> bool {
    let (Some(outer), Some(inner)) = (outer.side.retry.on.value(), inner.side.retry.on.value())
    else {
        return outer.side.retry.on.is_unknown();
    };
    let repeats = |status: u16| {
        outer.contains(&RetryOn::Status(status))
            || (status >= 500 && outer.contains(&RetryOn::ServerError))
    };
    inner.iter().any(|one| match one {
        RetryOn::Status(status) => repeats(*status),
        RetryOn::Timeout => repeats(504),
        RetryOn::Reset => repeats(502),
        RetryOn::ServerError => [500, 502, 503, 504].into_iter().any(repeats),
        RetryOn::Connect | RetryOn::Refused | RetryOn::Grpc(_) => false,
    })
}

/// How often a call is tried, when it is more than once and for more than failed connections, which
/// cost a server nothing.
fn tries(call: &Call) -> Option<Known<u64>> {
    let on = call.side.retry.on.value();
    let costs = on.is_none_or(|on| {
        on.iter()
            .any(|one| !matches!(one, RetryOn::Connect | RetryOn::Refused))
    });
    let mut values = each(&call.side.retry.attempts);
    let all = values.iter().all(|known| known.value > 1);
    if costs && all { values.pop() } else { None }
}

fn story(chains: &Chains<'_>, path: &Path<'_, '_>, product: u64) -> Story {
    let factors: Vec<String> = path
        .iter()
        .map(|(_, tries)| tries.value.to_string())
        .collect();
    let name = |hop: &Hop<'_>| {
        chains
            .caller(hop)
            .map_or_else(String::new, |party| party.name.clone())
    };
    let names: Vec<String> = path.iter().map(|(hop, _)| name(hop)).collect();
    let target = path.last().map_or("", |(hop, _)| hop.call.name.as_str());
    let story = Story::proved(
        format!(
            "{} each try again: one request may reach {target} {} = {product} times",
            names.join(" and "),
            factors.join(" × ")
        ),
        "only one of them retries for the failures that the last server makes",
    )
    .support(Support::Declared)
    .severity(if product > VERY_MUCH {
        Severity::High
    } else {
        Severity::Medium
    });
    path.iter()
        .fold(story, |story, (hop, tries)| {
            let says = format!("{} tries {} times", name(hop), tries.value);
            story.show(tries.show(hop.call.at, &says))
        })
        .advise(
            "Retry at one layer only, the one next to the server that fails, and pass its error on",
        )
        .advise("Bound retries to a share of requests (a budget of 10 to 20 %)")
}
