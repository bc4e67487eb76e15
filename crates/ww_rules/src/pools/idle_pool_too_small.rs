//! `idle-pool-too-small`: fewer connections are kept than requests are under way.

use crate::load::{Busy, Number, busy, instances, keeps_none, plain, processes, show_numbers};
use crate::mend::set_number;
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Gap;
use ww_chain::{Chains, Hop, Party};
use ww_finding::Support;
use ww_model::service::{Call, Protocol};

rule! {
    name: "idle-pool-too-small",
    family: "pools",
    layer: Tcp,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "Fewer connections are kept than requests are under way at once: the others are opened and closed all the time",
    needs: [Calls],
    explains: [],
    page: "idle_pool_too_small.md",
    check: check,
}

/// So few kept connections are worth asking for the load.
const FEW: u64 = 10;

/// Requests that are under way on one pool, as a multiple of what it keeps, from which on most
/// connections are used only once.
const MUCH: f64 = 2.0;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in chains.hops.iter().filter(|hop| keeps(hop.call)) {
        let (Some(caller), Some(callee)) = (chains.caller(hop), chains.callee(hop)) else {
            continue;
        };
        let kept = each(&hop.call.side.keepalive_connections);
        let Some(kept) = kept.into_iter().max_by_key(|known| known.value) else {
            continue;
        };
        match judge(chains, hop, caller, callee, &kept) {
            Ok(Some(churn)) if told.insert((hop.call.at, callee.at())) => {
                reports.add(story(declared, hop, (caller, callee), &kept, &churn));
            }
            Ok(_) => {}
            Err(gap) => reports.gap(gap),
        }
    }
}

/// Whether a call keeps connections, each for one request at a time.
fn keeps(call: &Call) -> bool {
    let is_one_at_a_time = matches!(call.protocol, Protocol::Http | Protocol::Gateway);
    // Over TLS the two may agree on HTTP/2, where one connection is enough.
    let may_share = call.tls.is_some() || call.to.iter().any(|target| target.port == Some(443));
    is_one_at_a_time && !may_share && !keeps_none(&call.side)
}

/// More under way than is kept.
struct Churn {
    busy: Busy,
    instances: Number,
    processes: Number,
    each: f64,
}

fn judge(
    chains: &Chains<'_>,
    hop: &Hop<'_>,
    caller: &Party<'_>,
    callee: &Party<'_>,
    kept: &Known<u64>,
) -> Result<Option<Churn>, Gap> {
    let busy = match busy(callee) {
        Ok(busy) => busy,
        Err(gap) if kept.value <= FEW && kept.value > 0 => return Err(gap),
        Err(_) => return Ok(None),
    };
    if kept.value == 0 || busy.at_once < MUCH * kept.value as f64 {
        return Ok(None);
    }
    let callers = chains
        .hops
        .iter()
        .filter(|other| other.callee == hop.callee);
    let is_only_one = callers.into_iter().all(|other| other.caller == hop.caller);
    let (instances, processes) = (instances(caller), processes(caller));
    if !is_only_one || !instances.is_sure || !processes.is_sure {
        return Err(Gap::new(
            format!(
                "how many requests each process of {} has under way to {}",
                caller.name, callee.name
            ),
            "the files that say how many instances and processes call it, and nobody else that does",
        ));
    }
    let each = busy.at_once / (instances.value * processes.value).max(1) as f64;
    Ok((each >= MUCH * kept.value as f64).then_some(Churn {
        busy,
        instances,
        processes,
        each,
    }))
}

fn story(
    declared: &Declared<'_>,
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, &Party<'_>),
    kept: &Known<u64>,
    churn: &Churn,
) -> Story {
    let (client, server) = (&caller.name, &callee.name);
    let wanted = churn.busy.comfortable().ceil() as u64;
    let copies = churn.instances.value * churn.processes.value;
    let whose = if copies > 1 {
        format!("each of {copies} processes of {client}")
    } else {
        client.clone()
    };
    let story = Story::proved(
        format!(
            "{whose} has {} requests to {server} under way at once, but keeps only {} connections: the \
             others are closed behind each answer and opened again",
            plain(churn.each),
            kept.value
        ),
        format!("few SYNs from {client} to {server} at the peak, compared with its requests"),
    )
    .support(Support::Declared)
    .show(kept.show(
        hop.call.at,
        &format!("{client} keeps {} idle connections", kept.value),
    ));
    let numbers = show_numbers(caller, [&churn.instances, &churn.processes]);
    numbers
        .into_iter()
        .chain(churn.busy.show(callee))
        .fold(story, Story::show)
        .fix(set_number(
            declared,
            (kept, hop.call.at),
            wanted.div_ceil(copies.max(1)),
            format!(
                "Keep as many as are used at once: {} in each process",
                wanted.div_ceil(copies.max(1))
            ),
        ))
}
