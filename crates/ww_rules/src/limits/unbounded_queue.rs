//! `unbounded-queue`: more requests may wait in a server than it can answer before they are given
//! up.

use crate::load::{patience, plain, processes, written};
use crate::operand::{Answer, Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::{Gap, SourceSpan, Span};
use ww_chain::{Chains, Hop, Party, PartyId};
use ww_finding::{Severity, Support};

rule! {
    name: "unbounded-queue",
    family: "limits",
    layer: App,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "More requests may wait in a server than it answers before their callers give up: a burst leaves it working for nobody",
    needs: [Programs],
    explains: [],
    page: "unbounded_queue.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    for (index, party) in chains.parties.iter().enumerate() {
        let Some(queue) = Queue::of(party) else {
            continue;
        };
        let Some((able, able_at)) = party
            .demand
            .and_then(|demand| written(&demand.most_per_second))
            .filter(|(able, _)| *able > 0.0)
        else {
            reports.gap(Gap::new(
                format!(
                    "how many requests per second {} can do, which tells how long its queue of {} lasts",
                    party.name, queue.length
                ),
                format!("`most_per_second` of {} under [[demands]] in wirewise.toml", party.name),
            ));
            continue;
        };
        let Some(caller) = caller(chains, PartyId(index), party) else {
            reports.gap(Gap::new(
                format!("how long callers of {} wait for an answer", party.name),
                format!(
                    "`target` of {} under [[demands]] in wirewise.toml",
                    party.name
                ),
            ));
            continue;
        };
        let lasts = Span::from_millis((queue.length as f64 * 1000.0 / able) as i64);
        if lasts > caller.waits.value {
            let load = Load {
                able,
                able_at,
                lasts,
            };
            reports.add(story(party, &queue, &load, &caller));
        }
    }
}

/// Requests that may wait in a server.
struct Queue {
    length: u64,
    shown: Vec<(Known<u64>, &'static str)>,
}

impl Queue {
    /// The queue of a server of which it is known: what the team states, the backlog of workers that
    /// do one request at a time, or connections beyond the threads.
    fn of(party: &Party<'_>) -> Option<Queue> {
        let capacity = &party.program?.capacity;
        let fewest = |setting| {
            let values = each(setting).into_iter();
            values.min_by_key(|known: &Known<u64>| known.value)
        };
        if let Some(stated) = fewest(&capacity.queue) {
            return Some(Queue {
                length: stated.value,
                shown: vec![(stated, "requests may wait")],
            });
        }
        if capacity.one_at_a_time {
            let backlog = fewest(&capacity.backlog)?;
            return Some(Queue {
                length: backlog.value,
                shown: vec![(backlog, "connections may wait to be accepted")],
            });
        }
        let threads = fewest(&capacity.threads).filter(|known| known.value > 1)?;
        let connections = fewest(&capacity.connections)?;
        let working = threads.value.saturating_mul(processes(party).value);
        let length = connections.value.checked_sub(working)?;
        Some(Queue {
            length,
            shown: vec![
                (connections, "connections are accepted"),
                (threads, "threads work on requests"),
            ],
        })
    }
}

/// Who gives up first.
struct Caller {
    name: String,
    waits: Known<Span>,
    otherwise: SourceSpan,
    /// How often it tries, where that is more than once.
    tries: Option<(Known<u64>, f64)>,
}

fn caller(chains: &Chains<'_>, id: PartyId, party: &Party<'_>) -> Option<Caller> {
    let per_second = party.demand.and_then(|demand| written(&demand.per_second));
    let tries = |hop: &Hop<'_>| {
        let tries = each(&hop.call.side.retry.attempts).into_iter().next();
        let tries = tries.filter(|tries| tries.value > 1)?;
        Some((tries, per_second?.0))
    };
    let calling = chains.hops_to(id).filter(|hop| hop.caller != id);
    let calling = calling.filter_map(|hop| match patience(hop) {
        Answer::Yes(waits) => Some(Caller {
            name: chains.caller(hop)?.name.clone(),
            waits,
            otherwise: hop.call.at,
            tries: tries(hop),
        }),
        _ => None,
    });
    let stated = party.demand.and_then(|demand| {
        let (value, at) = written(&demand.target)?;
        Some(Caller {
            name: format!("whoever asks {}", party.name),
            waits: Known {
                value,
                at: Some(at),
                because: None,
                default: None,
                versions: None,
            },
            otherwise: at,
            tries: None,
        })
    });
    let first = calling.min_by_key(|caller| caller.waits.value);
    first.or(stated)
}

/// What the team states of a server, and how long its full queue lasts.
struct Load {
    able: f64,
    able_at: SourceSpan,
    lasts: Span,
}

fn story(party: &Party<'_>, queue: &Queue, load: &Load, caller: &Caller) -> Story {
    let name = &party.name;
    let (length, able) = (queue.length, plain(load.able));
    let (lasts, waits) = (said(load.lasts), said(caller.waits.value));
    let place = party.at().unwrap_or(load.able_at);
    let fitting = (load.able * caller.waits.value.as_secs() / 2.0) as u64;
    let stuck = caller
        .tries
        .as_ref()
        .filter(|(tries, per_second)| tries.value as f64 * per_second > load.able);
    let consequence = match stuck {
        Some((tries, per_second)) => format!(
            "and as {} asks again, {} × {} per second keep it full also when the burst is over",
            caller.name,
            tries.value,
            plain(*per_second)
        ),
        None => "once it is full, every answer comes too late".to_owned(),
    };
    let story = Story::proved(
        format!(
            "{length} requests may wait in {name}, which does {able} per second: the last one is answered after \
             {lasts}, while {} waits {waits}; {consequence}",
            caller.name
        ),
        format!("a burst after which {name} answers in time again by itself"),
    )
    .support(Support::Declared);
    let story = queue.shown.iter().fold(story, |story, (known, what)| {
        story.show(known.show(place, &format!("{} {what}", known.value)))
    });
    let story = story
        .show(crate::declared::at(load.able_at, format!("{name} can do {able} per second")))
        .show(caller.waits.show(
            caller.otherwise,
            &format!("{} waits {waits} for an answer", caller.name),
        ))
        .advise(format!(
            "Let no more wait than are answered in time, some {}: refuse the rest at once, with 503 or by a bound in the proxy before it",
            fitting.max(1)
        ))
        .advise("Or drop requests whose callers are gone: pass deadlines on, and look at them before the work begins");
    match stuck {
        Some(_) => story.severity(Severity::High),
        None => story,
    }
}
