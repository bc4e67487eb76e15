//! `streams-exceed-server-limit`: more requests are under way than one connection may carry.

use crate::operand::{Answer, Known, ask, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Span;
use ww_chain::{Hop, Party};
use ww_finding::{Severity, Support};
use ww_model::service::Protocol;

rule! {
    name: "streams-exceed-server-limit",
    family: "balancing",
    layer: Http,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "At the stated load, more requests are under way than the server allows on one connection",
    needs: [Calls],
    explains: [],
    page: "streams_exceed_server_limit.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in chains.hops.iter().filter(|hop| shares_one_connection(hop)) {
        let (Some(caller), Some(callee), Some(id)) =
            (chains.caller(hop), chains.callee(hop), hop.callee)
        else {
            continue;
        };
        let is_only_caller = chains.hops_to(id).all(|other| other.caller == hop.caller);
        if !is_only_caller {
            continue;
        }
        match judge(hop, (caller, callee)) {
            Answer::Yes(crowd) => {
                if told.insert((crowd.most.at, callee.name.clone())) {
                    reports.add(story(hop, (caller, callee), &crowd));
                }
            }
            Answer::Open(gap) => reports.gap(gap),
            Answer::No => {}
        }
    }
}

/// Whether requests share a connection, and nothing makes further ones: proxies do.
fn shares_one_connection(hop: &Hop<'_>) -> bool {
    hop.call.protocol == Protocol::Grpc && hop.call.from.is_empty()
}

/// The load, how long a request takes, and the bound.
struct Crowd {
    load: Known<f64>,
    mean: Known<Span>,
    callers: u64,
    under_way: f64,
    most: Known<u64>,
}

/// Little's law: requests under way are their rate times how long each takes.
fn judge(hop: &Hop<'_>, (caller, callee): (&Party<'_>, &Party<'_>)) -> Answer<Crowd> {
    let Some(demand) = callee.demand else {
        return Answer::No;
    };
    let load = each(&demand.per_second).into_iter().next();
    let mean = each(&demand.mean).into_iter().next();
    let (Some(load), Some(mean), Some(listener)) = (load, mean, hop.listener) else {
        return Answer::No;
    };
    let instances = caller.units.iter();
    let instances = instances.map(|unit| unit.scaling.replicas.value().copied().unwrap_or(1));
    let callers = instances.sum::<u64>().max(1);
    let connections = hop.call.side.pool.value().copied().unwrap_or(1).max(1);
    let under_way = load.value * mean.value.0 as f64 / 1e9 / callers as f64 / connections as f64;
    let what = format!("how many streams {} allows on a connection", callee.name);
    match ask(&listener.side.max_streams, &what, |most| {
        under_way > *most as f64
    }) {
        Answer::Yes(most) => Answer::Yes(Crowd {
            load,
            mean,
            callers,
            under_way,
            most,
        }),
        Answer::No => Answer::No,
        Answer::Open(gap) => Answer::Open(gap),
    }
}

fn story(hop: &Hop<'_>, (caller, callee): (&Party<'_>, &Party<'_>), crowd: &Crowd) -> Story {
    let (client, server) = (&caller.name, &callee.name);
    let (load, mean, most) = (crowd.load.value, said(crowd.mean.value), crowd.most.value);
    let share = match crowd.callers {
        1 => String::new(),
        many => format!(" / {many} instances"),
    };
    let place = callee.at().unwrap_or(hop.call.at);
    Story::proved(
        format!(
            "{load:.0} requests a second × {mean}{share} = {:.0} of {client}'s requests are under way at the \
             peak, {server} allows {most} on a connection: the others wait at {client}",
            crowd.under_way
        ),
        format!("a capture at the peak in which {client} has several connections to {server}"),
    )
    .support(Support::Declared)
    .severity(Severity::Medium)
    .show(crowd.most.show(place, &format!("{most} streams at once on a connection")))
    .show(crowd.load.show(place, &format!("{load:.0} requests a second at the peak")))
    .show(crowd.mean.show(place, &format!("each takes {mean} in the mean")))
    .advise(format!("Let {client} make several channels, each with a connection of its own"))
    .advise(format!("Or let {server} allow more streams than {:.0}", crowd.under_way))
}
