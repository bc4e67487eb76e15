//! `client-hash-sees-the-proxy`: servers are picked by an address that all clients have in common.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_chain::{Hop, Party};
use ww_finding::{Severity, Support};
use ww_model::service::{Call, Picking, Protocol};

rule! {
    name: "client-hash-sees-the-proxy",
    family: "balancing",
    layer: Http,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "Servers are picked by the connection's address behind a proxy: one of them gets all clients",
    needs: [Calls],
    explains: [],
    page: "client_hash_sees_the_proxy.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told: BTreeSet<SourceSpan> = BTreeSet::new();
    for hop in &chains.hops {
        let (Some(caller), Some(callee)) = (chains.caller(hop), chains.callee(hop)) else {
            continue;
        };
        if !passes_on(hop) || std::ptr::eq(caller, callee) {
            continue;
        }
        for call in callee.program.iter().flat_map(|program| &program.calls) {
            let method = call.picking.span().unwrap_or(call.at);
            if by_address(call) && told.insert(method) {
                reports.add(story(hop, (caller, callee), call, method));
            }
        }
    }
}

/// Whether requests of others come by this hop: the caller passes on what comes in.
fn passes_on(hop: &Hop<'_>) -> bool {
    hop.call.protocol.is_http() && hop.call.protocol != Protocol::Grpc && !hop.call.from.is_empty()
}

/// Whether one of several servers is picked by the address of the connection's other end.
fn by_address(call: &Call) -> bool {
    let servers = call.to.iter().filter(|target| !target.is_backup).count();
    call.picking.value() == Some(&Picking::PeerAddress) && servers > 1
}

fn story(
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, &Party<'_>),
    call: &Call,
    method: SourceSpan,
) -> Story {
    let (proxy, name, group) = (&caller.name, &callee.name, &call.name);
    let servers = call.to.iter().filter(|target| !target.is_backup).count();
    Story::proved(
        format!(
            "{name} picks one of {servers} servers of {group} by the connection's address, which is that of \
             {proxy} for everybody who comes by it: one server gets all of them"
        ),
        format!("requests that reach {name} without passing {proxy}, or more instances of {proxy} than servers"),
    )
    .support(Support::Declared)
    .severity(Severity::Medium)
    .show(at(method, "a server is picked by the address of the connection's other end"))
    .show(at(hop.target.at, format!("{proxy} passes requests on to {name}")))
    .advise(format!(
        "Take the client's address from what {proxy} says, and only from there: in nginx `set_real_ip_from` \
         with the address of {proxy} and `real_ip_header X-Forwarded-For`"
    ))
    .advise("Or pick by something that clients differ in: a cookie, a header, or `least_conn` where it does not matter")
}
