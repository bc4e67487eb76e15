//! `threads-exceed-pool`: many more threads work on requests than a pool has connections for.

use crate::operand::{Answer, Known, ask_two, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_chain::{Hop, Party};
use ww_finding::Support;

rule! {
    name: "threads-exceed-pool",
    family: "pools",
    layer: App,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "More than ten times as many threads work on requests as the database pool has connections",
    needs: [Calls],
    explains: [],
    page: "threads_exceed_pool.md",
    check: check,
}

/// So many threads may share a connection: requests do more than wait for the database.
const FEW: u64 = 10;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in chains
        .hops
        .iter()
        .filter(|hop| hop.call.protocol.is_database())
    {
        let Some(party) = chains.caller(hop) else {
            continue;
        };
        let Some(program) = party.program else {
            continue;
        };
        if each(&program.capacity.threads).is_empty() {
            continue;
        }
        let answer = ask_two(
            (
                &program.capacity.threads,
                &format!("how many threads of {} work on requests", party.name),
            ),
            (
                &hop.call.side.pool,
                &format!("how many connections the pool of {} has", party.name),
            ),
            |threads, pool| *pool > 0 && *threads > FEW.saturating_mul(*pool),
        );
        match answer {
            Answer::Yes((threads, pool))
                if (threads.at.is_some() || pool.at.is_some())
                    && told.insert((hop.call.at, threads.at)) =>
            {
                reports.add(story(party, hop, &threads, &pool));
            }
            Answer::Open(gap) => reports.gap(gap),
            _ => {}
        }
    }
}

fn story(party: &Party<'_>, hop: &Hop<'_>, threads: &Known<u64>, pool: &Known<u64>) -> Story {
    let (name, target) = (&party.name, &hop.call.name);
    let (many, few) = (threads.value, pool.value);
    let place = party.at().unwrap_or(hop.call.at);
    Story::proved(
        format!(
            "{many} threads of {name} share {few} connections to {target}, {} to each: under load \
             requests queue inside {name}, where nobody sees them",
            many / few.max(1)
        ),
        format!("most requests of {name} need no query"),
    )
    .support(Support::Declared)
    .show(threads.show(place, &format!("{many} threads of {name} work on requests")))
    .show(pool.show(hop.call.at, &format!("its pool has {few} connections")))
    .advise(format!(
        "Use fewer threads, some {} for {few} connections: what does not fit waits where a proxy can count it",
        few.saturating_mul(4)
    ))
    .advise("Watch the pool's queue (time to get a connection, threads that wait), and enlarge the pool only if the database has room")
}
