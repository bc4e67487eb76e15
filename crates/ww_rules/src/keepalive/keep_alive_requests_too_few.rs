//! `keep-alive-requests-too-few`: connections are closed after so few requests that new ones are made
//! all the time.

use crate::operand::{Answer, Known, ask, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Setting;
use ww_chain::{Hop, Party, PartyId};
use ww_finding::{Fix, Safety, Severity, Support};
use ww_model::service::Demand;

rule! {
    name: "keep-alive-requests-too-few",
    family: "keepalive",
    layer: Http,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "Connections are closed after few requests: at the stated load, new ones are made all the time",
    needs: [Calls],
    explains: [],
    page: "keep_alive_requests_too_few.md",
    check: check,
}

/// New connections each second from which on handshakes are worth a word.
const CHURN: f64 = 10.0;

/// New connections each second to one address from which on Linux runs out of ports: 28,232 of them
/// rest for 60 s each.
const EXHAUSTED: f64 = 470.0;

/// Requests on one connection that the fix allows.
const WANTED: u64 = 10_000;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in chains.hops.iter().filter(|hop| hop.call.protocol.is_http()) {
        let (Some(caller), Some(callee), Some(id)) =
            (chains.caller(hop), chains.callee(hop), hop.callee)
        else {
            continue;
        };
        let Some(demand) = callee.demand.filter(|_| is_only_caller(declared, hop, id)) else {
            continue;
        };
        match judge(hop, (caller, callee), demand) {
            Answer::Yes(churn) => {
                if told.insert((churn.requests.at, callee.name.clone())) {
                    reports.add(story(hop, (caller, callee), &churn));
                }
            }
            Answer::Open(gap) => reports.gap(gap),
            Answer::No => {}
        }
    }
}

/// Whether all that a program has to bear comes from this caller.
fn is_only_caller(declared: &Declared<'_>, hop: &Hop<'_>, callee: PartyId) -> bool {
    let mut callers = declared.chains().hops_to(callee);
    callers.all(|other| other.caller == hop.caller)
}

/// Requests on one connection, the load, and the connections that are made each second.
struct Churn {
    requests: Known<u64>,
    load: Known<f64>,
    per_second: f64,
}

fn judge(
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, &Party<'_>),
    demand: &Demand,
) -> Answer<Churn> {
    let what = format!(
        "whether {} keeps connections to {}",
        caller.name, callee.name
    );
    match ask(&hop.call.side.reuses, &what, |reuses| *reuses) {
        Answer::Yes(_) => {}
        Answer::No => return Answer::No,
        Answer::Open(gap) => return Answer::Open(gap),
    }
    let Some(load) = each(&demand.per_second).into_iter().next() else {
        return Answer::No;
    };
    let theirs = hop
        .listener
        .map(|listener| &listener.side.keepalive_requests);
    let bounds = [Some(&hop.call.side.keepalive_requests), theirs];
    let least = bounds.into_iter().flatten().filter_map(largest);
    let Some(requests) = least.min_by_key(|known| known.value) else {
        return Answer::No;
    };
    let per_second = load.value / requests.value.max(1) as f64;
    if requests.value <= 1 || per_second < CHURN {
        return Answer::No;
    }
    Answer::Yes(Churn {
        requests,
        load,
        per_second,
    })
}

/// The most requests on one connection that are in force in any version.
fn largest(setting: &Setting<u64>) -> Option<Known<u64>> {
    each(setting).into_iter().max_by_key(|known| known.value)
}

fn story(hop: &Hop<'_>, (caller, callee): (&Party<'_>, &Party<'_>), churn: &Churn) -> Story {
    let (client, server) = (&caller.name, &callee.name);
    let (requests, load) = (churn.requests.value, churn.load.value);
    let encrypts = hop.call.tls.is_some();
    let handshakes = if encrypts {
        ", each with a TLS handshake"
    } else {
        ""
    };
    let severity = match churn.per_second {
        many if many >= EXHAUSTED => Severity::Medium,
        _ if encrypts => Severity::Medium,
        _ => Severity::Low,
    };
    let place = callee.at().unwrap_or(hop.call.at);
    Story::proved(
        format!(
            "{client} and {server} make {load:.0} / {requests} = {:.0} new connections every second at \
             the peak{handshakes}: each ends after {requests} requests",
            churn.per_second
        ),
        format!(
            "a capture at the peak with fewer than {CHURN:.0} SYN a second from {client} to {server}"
        ),
    )
    .support(Support::Declared)
    .severity(severity)
    .show(churn.requests.show(
        hop.call.at,
        &format!("a connection is closed after {requests} requests"),
    ))
    .show(churn.load.show(place, &format!("{load:.0} requests a second at the peak")))
    .fix(Fix {
        title: format!("Let connections carry more requests: {WANTED}"),
        safety: Safety::Review,
        edits: Vec::new(),
    })
}
