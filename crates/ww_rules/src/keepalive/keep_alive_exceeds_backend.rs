//! `keep-alive-exceeds-backend`: idle connections of a proxy's processes fill the places of a server.

use crate::operand::{Answer, Known, ask_two, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_chain::{Hop, Party};
use ww_finding::{Fix, Safety, Severity, Support};

rule! {
    name: "keep-alive-exceeds-backend",
    family: "keepalive",
    layer: Http,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "Idle connections of all processes of a caller are more than the server accepts",
    needs: [Calls],
    explains: [],
    page: "keep_alive_exceeds_backend.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told: BTreeSet<(Option<SourceSpan>, String)> = BTreeSet::new();
    for hop in chains.hops.iter().filter(|hop| hop.call.protocol.is_http()) {
        let (Some(caller), Some(callee)) = (chains.caller(hop), chains.callee(hop)) else {
            continue;
        };
        match judge(hop, caller, callee) {
            Answer::Yes(crowd) => {
                if told.insert((crowd.kept.at, callee.name.clone())) {
                    reports.add(story(hop, (caller, callee), &crowd));
                }
            }
            Answer::Open(gap) => reports.gap(gap),
            Answer::No => {}
        }
    }
}

/// Idle connections of each process, the processes, and the connections that the server accepts.
struct Crowd {
    kept: Known<u64>,
    processes: u64,
    accepted: Known<u64>,
}

/// One process alone uses its idle connections before it opens others, and so cannot take places
/// from itself: several have to be known.
fn judge(hop: &Hop<'_>, caller: &Party<'_>, callee: &Party<'_>) -> Answer<Crowd> {
    let reuses = each(&hop.call.side.reuses);
    if reuses.is_empty() || reuses.iter().any(|known| !known.value) {
        return Answer::No;
    }
    let processes = processes(caller).saturating_mul(instances(caller));
    let share = hop.call.to.len().max(1) as u64;
    let places = processes_of_callee(callee).saturating_mul(instances(callee));
    let Some(capacity) = callee.program.map(|program| &program.capacity) else {
        return Answer::No;
    };
    if processes < 2 || capacity.connections.is_unknown() {
        return Answer::No;
    }
    let answer = ask_two(
        (
            &hop.call.side.keepalive_connections,
            &format!("how many idle connections {} keeps", caller.name),
        ),
        (
            &capacity.connections,
            &format!("how many connections {} accepts", callee.name),
        ),
        |kept, accepted| kept.saturating_mul(processes) / share > accepted.saturating_mul(places),
    );
    match answer {
        Answer::Yes((kept, accepted)) => Answer::Yes(Crowd {
            kept,
            processes,
            accepted,
        }),
        Answer::No => Answer::No,
        Answer::Open(gap) => Answer::Open(gap),
    }
}

/// The fewest processes of a program that files let one believe in.
fn processes(party: &Party<'_>) -> u64 {
    let workers = party.program.map(|program| each(&program.capacity.workers));
    let fewest = workers.and_then(|all| all.iter().map(|known| known.value).min());
    fewest.unwrap_or(1).max(1)
}

/// The most processes of a server, each of which has a bound of its own.
fn processes_of_callee(party: &Party<'_>) -> u64 {
    let workers = party.program.map(|program| each(&program.capacity.workers));
    let most = workers.and_then(|all| all.iter().map(|known| known.value).max());
    most.unwrap_or(1).max(1)
}

/// How many instances of it are asked for.
fn instances(party: &Party<'_>) -> u64 {
    let units = party.units.iter();
    let replicas = units.map(|unit| unit.scaling.replicas.value().copied().unwrap_or(1));
    replicas.sum::<u64>().max(1)
}

fn story(hop: &Hop<'_>, (caller, callee): (&Party<'_>, &Party<'_>), crowd: &Crowd) -> Story {
    let (client, server) = (&caller.name, &callee.name);
    let (kept, processes, accepted) = (crowd.kept.value, crowd.processes, crowd.accepted.value);
    let all = kept.saturating_mul(processes);
    let place = callee.at().unwrap_or(hop.call.at);
    let fitting = (accepted / 2 / processes).max(1);
    Story::proved(
        format!(
            "{client} keeps up to {kept} × {processes} processes = {all} idle connections, {server} \
             accepts {accepted}: idle connections of one process keep out the requests of another"
        ),
        format!("a capture at {server} in which {client} closes idle connections before they are as many"),
    )
    .support(Support::Declared)
    .severity(Severity::Medium)
    .show(crowd.kept.show(
        hop.call.at,
        &format!("each process of {client} keeps {kept} idle connections"),
    ))
    .show(crowd.accepted.show(
        place,
        &format!("{server} accepts {accepted} connections"),
    ))
    .fix(Fix {
        title: format!("Let each process of {client} keep fewer idle connections: {fitting}"),
        safety: Safety::Review,
        edits: Vec::new(),
    })
    .advise(format!("Or let {server} accept more than {all} connections"))
}
