//! `proxy-connections-exceed-server`: a proxy's bound for a server is above what that one takes.

use crate::load::{Number, instances, processes};
use crate::mend::set_number;
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_chain::{Hop, Party};
use ww_finding::{Exhibit, Severity, Support};

rule! {
    name: "proxy-connections-exceed-server",
    family: "pools",
    layer: App,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "A proxy's bound on connections to a server is above what the server works on at once: the bound protects nothing",
    needs: [Calls],
    explains: [],
    page: "proxy_connections_exceed_server.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told: BTreeSet<(SourceSpan, Option<SourceSpan>)> = BTreeSet::new();
    for hop in &chains.hops {
        let (Some(caller), Some(callee)) = (chains.caller(hop), chains.callee(hop)) else {
            continue;
        };
        let passes_on = !hop.call.from.is_empty() && hop.call.protocol.is_http();
        let caps = each(&hop.call.side.pool_per_target);
        let Some(cap) = caps
            .into_iter()
            .find(|cap| cap.at.is_some() && cap.value > 0)
        else {
            continue;
        };
        let Some(room) = Places::of(callee).filter(|_| passes_on) else {
            continue;
        };
        let copies = instances(caller).value;
        if cap.value.saturating_mul(copies) > room.total()
            && told.insert((hop.call.at, callee.at()))
        {
            reports.add(story(
                declared,
                hop,
                (caller, callee),
                &cap,
                (copies, &room),
            ));
        }
    }
}

/// What a server works on at once.
struct Places {
    /// Of each process.
    each: u64,
    instances: Number,
    processes: Number,
    shown: Vec<Known<u64>>,
    /// Whether it refuses what is too much, in place of letting it wait.
    refuses: bool,
}

impl Places {
    /// The places of a server whose number is known: its connections, or its workers where each does
    /// one request at a time.
    fn of(party: &Party<'_>) -> Option<Places> {
        let capacity = &party.program?.capacity;
        let instances = instances(party);
        let processes = processes(party);
        if capacity.one_at_a_time {
            let workers = each(&capacity.workers)
                .into_iter()
                .max_by_key(|known| known.value)?;
            return Some(Places {
                each: 1,
                processes: Number {
                    value: workers.value.max(1),
                    is_sure: true,
                    known: None,
                },
                instances,
                shown: vec![workers],
                refuses: false,
            });
        }
        let most = each(&capacity.connections)
            .into_iter()
            .max_by_key(|known| known.value)?;
        (most.value > 0).then(|| Places {
            each: most.value,
            instances,
            processes,
            shown: vec![most],
            refuses: party.component() == "uvicorn",
        })
    }

    fn total(&self) -> u64 {
        self.each
            .saturating_mul(self.instances.value)
            .saturating_mul(self.processes.value)
    }
}

fn story(
    declared: &Declared<'_>,
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, &Party<'_>),
    cap: &Known<u64>,
    (copies, room): (u64, &Places),
) -> Story {
    let (proxy, name) = (&caller.name, &callee.name);
    let total = room.total();
    let place = callee.at().unwrap_or(hop.call.at);
    let consequence = if room.refuses {
        format!("what is too much is refused by {name}")
    } else {
        format!("what is too much waits inside {name}, where {proxy} does not see it")
    };
    let sends = if copies > 1 {
        format!("{copies} × {}", cap.value)
    } else {
        cap.value.to_string()
    };
    let shown = room.shown.iter().map(|known| -> Exhibit {
        let says = if room.each == 1 {
            format!(
                "{name} has {} workers, each with one request at a time",
                known.value
            )
        } else {
            format!("{name} takes {} connections at once", known.value)
        };
        known.show(place, &says)
    });
    let story = Story::proved(
        format!(
            "{proxy} sends up to {sends} requests at once to {name}, which works on {total}: {consequence}"
        ),
        format!("never more than {total} connections from {proxy} to {name} at once"),
    )
    .support(Support::Declared)
    .show(cap.show(hop.call.at, &format!("{proxy} opens up to {} connections to it", cap.value)));
    let story = shown.fold(story, Story::show).fix(set_number(
        declared,
        (cap, hop.call.at),
        (total / copies.max(1)).max(1),
        format!(
            "Let {proxy} hold back what {name} cannot take: at most {}",
            (total / copies.max(1)).max(1)
        ),
    ));
    if room.refuses {
        story.severity(Severity::Medium)
    } else {
        story
    }
}
