//! `rate-limit-counts-the-proxy`: a limit by address behind a proxy takes all clients for one.

use super::bounds::{self, Bound, Kind};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{Setting, SourceSpan};
use ww_chain::{Hop, Party};
use ww_finding::Support;
use ww_model::service::Protocol;

rule! {
    name: "rate-limit-counts-the-proxy",
    family: "limits",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A rate limit counts by the connection's address behind a proxy: all clients share one allowance",
    needs: [Calls],
    explains: [],
    page: "rate_limit_counts_the_proxy.md",
    check: check,
}

/// Places of counters that are shown.
const MOST: usize = 3;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut found: BTreeMap<usize, (&Hop<'_>, Vec<Bound<'_>>)> = BTreeMap::new();
    for hop in &chains.hops {
        let (Some(caller), Some(callee)) = (chains.caller(hop), chains.callee(hop)) else {
            continue;
        };
        if !is_proxied(hop, caller) || std::ptr::eq(caller, callee) {
            continue;
        }
        let mut limits = bounds::all(callee);
        limits.retain(counts_the_proxy);
        if let (Some(id), false) = (hop.callee, limits.is_empty()) {
            found.entry(id.0).or_insert((hop, limits));
        }
    }
    // That the address is the proxy's is one cause, however many limits take it.
    for (hop, limits) in found.values() {
        if let (Some(caller), Some(callee), Some(first)) =
            (chains.caller(hop), chains.callee(hop), limits.first())
        {
            reports.add(story(hop, (caller, callee), first, limits));
        }
    }
}

/// Whether requests of others come by this hop: the caller passes on what comes in.
fn is_proxied(hop: &Hop<'_>, caller: &Party<'_>) -> bool {
    let speaks = hop.call.protocol.is_http() && hop.call.protocol != Protocol::Grpc;
    let accepts = caller
        .program
        .is_some_and(|program| !program.listeners.is_empty());
    speaks && accepts && !hop.call.from.is_empty()
}

/// Whether a limit takes the address of the connection, and knows no other.
fn counts_the_proxy(limit: &Bound<'_>) -> bool {
    let is_translated = match &limit.counter.real_address {
        Setting::Off(_) => false,
        Setting::Unknown(_) => true,
        known => known.value() != Some(&false),
    };
    limit.counter.is_peer_address && !is_translated
}

fn story(
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, &Party<'_>),
    first: &Bound<'_>,
    limits: &[Bound<'_>],
) -> Story {
    let (proxy, name) = (&caller.name, &callee.name);
    let kinds: BTreeSet<Kind> = limits.iter().map(|limit| limit.kind).collect();
    let kinds: Vec<&str> = kinds.into_iter().map(Kind::of_what).collect();
    let places: BTreeSet<(SourceSpan, Kind)> = limits
        .iter()
        .map(|limit| (limit.key_place(), limit.kind))
        .collect();
    let key = first
        .counter
        .key
        .value()
        .map_or("the connection's address", String::as_str);
    let story = Story::proved(
        format!(
            "{name} limits {} by {key}, which is the address of {proxy} for everybody who comes \
             by it: all clients share one allowance",
            kinds.join(" and ")
        ),
        format!("requests that reach {name} without passing {proxy}, or a PROXY protocol header that says whose they are"),
    )
    .support(Support::Declared);
    let story = places
        .iter()
        .take(MOST)
        .fold(story, |story, (place, kind)| {
            story.show(at(
                *place,
                format!("{} are counted by {key}", kind.of_what()),
            ))
        });
    story.show(at(hop.target.at, format!("{proxy} passes requests on to {name}")))
    .advise(format!(
        "Take the client's address from what {proxy} says, and only from there: in nginx `set_real_ip_from` \
         with the address of {proxy} and `real_ip_header X-Forwarded-For`"
    ))
    .advise(format!("Or put the limit into {proxy}, where clients connect"))
}
