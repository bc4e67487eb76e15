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
    let layers: Vec<Vec<Layer>> = chains.hops.iter().map(|hop| layers(chains, hop)).collect();
    let mut told = BTreeSet::new();
    for first in 0..chains.hops.len() {
        if tail(&layers, first, &[]).is_empty() {
            continue;
        }
        follow(chains, &layers, &mut vec![first], &mut |path| {
            let path = joined(&layers, path);
            let product = path
                .iter()
                .fold(1_u64, |all, layer| all.saturating_mul(layer.tries.value));
            let key: Vec<_> = path.iter().map(|layer| layer.call.at).collect();
            if path.len() > 1 && product > MUCH && told.insert(key) {
                reports.add(story(&path, product));
            }
        });
    }
}

/// Somebody who tries again: a program, or the proxy of a mesh beside it.
struct Layer {
    name: String,
    call: Call,
    tries: Known<u64>,
}

/// Those who try again on a hop, from the outside inwards. Of a mesh it has to be sure which routes
/// are in force; of several routes the one that tries the least counts.
fn layers(chains: &Chains<'_>, hop: &Hop<'_>) -> Vec<Layer> {
    let name = chains.caller(hop).map_or("", |party| &party.name);
    let own = tries(hop.call).map(|tries| Layer {
        name: name.to_owned(),
        call: hop.call.clone(),
        tries,
    });
    let routes = match hop.mesh.as_slice() {
        [way] => way.calls(),
        _ => Vec::new(),
    };
    let all = routes.len();
    let routes = routes.into_iter().filter_map(|call| {
        let tries = tries(&call)?;
        let name = call.name.clone();
        Some(Layer { name, call, tries })
    });
    let routes: Vec<Layer> = routes.collect();
    let is_sure = routes.len() == all;
    let least = routes.into_iter().min_by_key(|layer| layer.tries.value);
    own.into_iter().chain(least.filter(|_| is_sure)).collect()
}

/// The layers of a hop that try again for what fails behind the layers before.
fn tail<'l>(layers: &'l [Vec<Layer>], hop: usize, before: &[&'l Layer]) -> Vec<&'l Layer> {
    let mut found: Vec<&Layer> = Vec::new();
    for layer in layers.get(hop).into_iter().flatten() {
        let last = found.last().or(before.last());
        if last.is_none_or(|last| repeats_failures_of(&last.call, &layer.call)) {
            found.push(layer);
        }
    }
    found
}

/// All layers of a path.
fn joined<'l>(layers: &'l [Vec<Layer>], path: &[usize]) -> Vec<&'l Layer> {
    path.iter().fold(Vec::new(), |mut all, hop| {
        let more = tail(layers, *hop, &all);
        all.extend(more);
        all
    })
}

/// Goes on from the last hop of a path as long as callees try again too, and reports its end.
fn follow(
    chains: &Chains<'_>,
    layers: &[Vec<Layer>],
    path: &mut Vec<usize>,
    tell: &mut dyn FnMut(&[usize]),
) {
    let mut is_end = true;
    let last = path.last().filter(|_| path.len() < LONGEST);
    if let Some(last) = last.and_then(|index| chains.hops.get(*index)) {
        for (index, next) in chains.hops.iter().enumerate() {
            if Some(next.caller) != last.callee {
                continue;
            }
            let mut before = path.iter().filter_map(|index| chains.hops.get(*index));
            let is_new = before.all(|hop| hop.caller != next.caller);
            let is_taken = next.call.from.is_empty() || comes_in_by(chains, last, next);
            let so_far = joined(layers, path);
            if is_new && is_taken && !tail(layers, index, &so_far).is_empty() {
                is_end = false;
                path.push(index);
                follow(chains, layers, path, tell);
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

fn story(path: &[&Layer], product: u64) -> Story {
    let factors: Vec<String> = path
        .iter()
        .map(|layer| layer.tries.value.to_string())
        .collect();
    let names: Vec<&str> = path.iter().map(|layer| layer.name.as_str()).collect();
    let target = path.last().map_or("", |layer| {
        let own = &layer.call.name;
        let host = layer.call.to.first().map_or(own, |target| &target.host);
        if own == &layer.name { host } else { own }
    });
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
        .fold(story, |story, layer| {
            let says = format!("{} tries {} times", layer.name, layer.tries.value);
            story.show(layer.tries.show(layer.call.at, &says))
        })
        .advise(
            "Retry at one layer only, the one next to the server that fails, and pass its error on",
        )
        .advise("Bound retries to a share of requests (a budget of 10 to 20 %)")
}
