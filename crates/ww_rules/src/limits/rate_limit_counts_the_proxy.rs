//! `rate-limit-counts-the-proxy`: a limit by address behind a proxy takes all clients for one.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Setting;
use ww_chain::{Hop, Party};
use ww_finding::Support;
use ww_model::service::{Protocol, RateLimit};

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

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in &chains.hops {
        let (Some(caller), Some(callee)) = (chains.caller(hop), chains.callee(hop)) else {
            continue;
        };
        if !is_proxied(hop, caller) || std::ptr::eq(caller, callee) {
            continue;
        }
        let limits = callee
            .program
            .iter()
            .flat_map(|program| &program.rate_limits);
        for limit in limits.filter(|limit| counts_the_proxy(limit)) {
            let key = limit.key.span().unwrap_or(limit.at);
            if told.insert(key) {
                reports.add(story(hop, (caller, callee), limit));
            }
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
fn counts_the_proxy(limit: &RateLimit) -> bool {
    let is_translated = match &limit.real_address {
        Setting::Off(_) => false,
        Setting::Unknown(_) => true,
        known => known.value() != Some(&false),
    };
    limit.counts_peer_address && !is_translated
}

fn story(hop: &Hop<'_>, (caller, callee): (&Party<'_>, &Party<'_>), limit: &RateLimit) -> Story {
    let (proxy, name) = (&caller.name, &callee.name);
    let key = limit
        .key
        .value()
        .map_or("the connection's address", String::as_str);
    Story::proved(
        format!(
            "{name} limits requests by {key}, which is the address of {proxy} for everybody who comes \
             by it: all clients share one allowance"
        ),
        format!("requests that reach {name} without passing {proxy}, or a PROXY protocol header that says whose they are"),
    )
    .support(Support::Declared)
    .show(at(limit.key.span().unwrap_or(limit.at), format!("requests are counted by {key}")))
    .show(at(hop.target.at, format!("{proxy} passes requests on to {name}")))
    .advise(format!(
        "Take the client's address from what {proxy} says, and only from there: in nginx `set_real_ip_from` \
         with the address of {proxy} and `real_ip_header X-Forwarded-For`"
    ))
    .advise(format!("Or put the limit into {proxy}, where clients connect"))
}
