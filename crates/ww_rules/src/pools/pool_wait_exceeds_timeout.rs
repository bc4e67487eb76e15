//! `pool-wait-exceeds-timeout`: a request may wait for a connection longer than its caller waits.

use crate::load::{leads_on, patience};
use crate::mend::set_time;
use crate::operand::{Answer, Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Setting, Span};
use ww_chain::{Chains, Hop, Party};
use ww_finding::{Severity, Support};
use ww_model::service::ClientSide;

rule! {
    name: "pool-wait-exceeds-timeout",
    family: "pools",
    layer: App,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "Requests may wait for a connection of a pool longer than their callers wait for an answer",
    needs: [Calls],
    explains: [],
    page: "pool_wait_exceeds_timeout.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for inner in chains.hops.iter().filter(|hop| has_pool(&hop.call.side)) {
        let outer = chains
            .hops
            .iter()
            .filter(|outer| outer.call.protocol.is_http() && leads_on(chains, outer, inner));
        // Of all callers the least patient one is the case to tell.
        let mut worst: Option<(&Hop<'_>, Known<Span>)> = None;
        for outer in outer.filter(|outer| outer.call.streams.value() != Some(&true)) {
            match patience(outer) {
                Answer::Yes(waits) => {
                    if worst
                        .as_ref()
                        .is_none_or(|(_, known)| waits.value < known.value)
                    {
                        worst = Some((outer, waits));
                    }
                }
                Answer::Open(gap) => reports.gap(gap),
                Answer::No => {}
            }
        }
        let Some((outer, waits)) = worst else {
            continue;
        };
        if let Some(queues) = Queue::of(&inner.call.side, &waits)
            && told.insert((inner.call.at, waits.at))
        {
            reports.extend(chains, declared, (outer, inner), &waits, &queues);
        }
    }
}

/// Whether a call takes its connections from a pool that can be used up.
fn has_pool(side: &ClientSide) -> bool {
    side.pool.value().is_some() || side.pool_per_target.value().is_some()
}

/// How long a request may be in a pool's queue.
enum Queue {
    For(Known<Span>),
    /// Nothing bounds it, with whose default that is.
    Ever(Option<String>),
}

impl Queue {
    /// The wait, when it is known to be no shorter than the caller's patience.
    fn of(side: &ClientSide, patience: &Known<Span>) -> Option<Queue> {
        if let Setting::Off(at) = &side.pool_wait {
            let by = match at {
                ww_base::Locus::Assumed { by } => Some(by.clone()),
                _ => None,
            };
            return Some(Queue::Ever(by));
        }
        let shortest = each(&side.pool_wait)
            .into_iter()
            .min_by_key(|known| known.value)?;
        (shortest.value >= patience.value).then_some(Queue::For(shortest))
    }
}

impl Reports {
    fn extend(
        &mut self,
        chains: &Chains<'_>,
        declared: &Declared<'_>,
        (outer, inner): (&Hop<'_>, &Hop<'_>),
        waits: &Known<Span>,
        queue: &Queue,
    ) {
        if let (Some(client), Some(server)) = (chains.caller(outer), chains.caller(inner)) {
            self.add(story(
                declared,
                (client, server),
                (outer, inner),
                waits,
                queue,
            ));
        }
    }
}

fn story(
    declared: &Declared<'_>,
    (client, server): (&Party<'_>, &Party<'_>),
    (outer, inner): (&Hop<'_>, &Hop<'_>),
    waits: &Known<Span>,
    queue: &Queue,
) -> Story {
    let (client, server, target) = (&client.name, &server.name, &inner.call.name);
    let patience = said(waits.value);
    let queued = match queue {
        Queue::For(known) => format!("for up to {}", said(known.value)),
        Queue::Ever(_) => "without a bound".to_owned(),
    };
    let short = Span((waits.value.0 / 3 / 1_000_000_000).max(1) * 1_000_000_000);
    let title = format!(
        "Let {server} give up waiting for a connection long before {client} does: after {}",
        said(short)
    );
    let story = Story::proved(
        format!(
            "when all connections to {target} are taken, requests wait in {server} {queued}, while \
             {client} gives them up after {patience}: {server} then works for nobody"
        ),
        format!("a pool of {server} that is never used up"),
    )
    .support(Support::Declared);
    let story = match queue {
        Queue::For(known) => {
            let says = format!("{server} waits {queued} until it has a connection");
            story.show(known.show(inner.call.at, &says)).fix(set_time(
                declared,
                (known, inner.call.at),
                short,
                title,
            ))
        }
        Queue::Ever(by) => {
            let by = by
                .as_ref()
                .map_or_else(String::new, |by| format!(", by default: {by}"));
            let says = format!("{server} waits for a connection without a bound{by}");
            story
                .show(crate::declared::at(inner.call.at, says))
                .advise(title)
        }
    };
    let story = story.show(waits.show(
        outer.call.at,
        &format!("{client} waits {patience} for an answer"),
    ));
    let is_chosen = waits.at.is_some() || matches!(queue, Queue::For(known) if known.at.is_some());
    if is_chosen {
        story.severity(Severity::Medium)
    } else {
        story
    }
}
