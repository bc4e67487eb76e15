//! `retry-storm`: retries keep a server down that had too much to do for a moment.

use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::{Gap, Setting, Span};
use ww_chain::{Chains, Hop, Party};
use ww_finding::Support;
use ww_model::service::RetryOn;

rule! {
    name: "retry-storm",
    family: "retries",
    layer: App,
    class: Performance,
    severity: High,
    owner: Configuration,
    summary: "With every request tried again, a server has more to do than it can, and its queue outlasts its callers: it does not recover",
    needs: [Calls],
    explains: [],
    page: "retry_storm.md",
    check: check,
}

/// Retries at once that bound a storm.
const FEW: u64 = 100;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    for (index, party) in chains.parties.iter().enumerate() {
        let Some(demand) = party.demand else {
            continue;
        };
        let load = each(&demand.per_second).into_iter().next();
        let capacity = each(&demand.most_per_second).into_iter().next();
        let (Some(load), Some(capacity)) = (load, capacity) else {
            continue;
        };
        let hops = chains.hops_to(ww_chain::PartyId(index));
        let Some((hop, tries)) = hops
            .filter_map(|hop| Some((hop, tries(hop)?)))
            .max_by_key(|(_, tries)| tries.value)
        else {
            continue;
        };
        let retried = load.value * tries.value as f64;
        // Where the load alone is too much, retries are not the cause.
        if load.value > capacity.value || retried <= capacity.value {
            continue;
        }
        let Some(patience) = patience(hop) else {
            continue;
        };
        let storm = Storm {
            load,
            capacity,
            tries,
            patience,
        };
        match queue(party) {
            Queue::Of(places) => {
                let wait = places.value as f64 / storm.capacity.value;
                if wait * 1e9 > storm.patience.value.0 as f64 {
                    reports.add(story(chains, (party, hop), &storm, Some(&places)));
                }
            }
            Queue::Unbounded => reports.add(story(chains, (party, hop), &storm, None)),
            Queue::Unknown => reports.gap(Gap::new(
                format!(
                    "how many requests wait at {}: with {:.0} or more, retries may keep it down",
                    party.name,
                    storm.capacity.value * storm.patience.value.0 as f64 / 1e9
                ),
                "its `queue` in wirewise.toml, or the file that sets its backlog",
            )),
        }
    }
}

struct Storm {
    load: Known<f64>,
    capacity: Known<f64>,
    tries: Known<u64>,
    patience: Known<Span>,
}

/// How often a call is tried when it is slow, without anything that bounds the retries.
fn tries(hop: &Hop<'_>) -> Option<Known<u64>> {
    let retry = &hop.call.side.retry;
    let tries = each(&retry.attempts).into_iter().next()?;
    let is_bounded = retry.budget_percent.value().is_some()
        || retry.at_once.value().is_some_and(|count| *count <= FEW);
    // What is slow ends in a timeout, here or at the server.
    let repeats_slow = retry.on.value().is_none_or(|on| {
        on.iter().any(|one| {
            matches!(
                one,
                RetryOn::Timeout | RetryOn::ServerError | RetryOn::Status(503 | 504)
            )
        })
    });
    (tries.value > 1 && repeats_slow && !is_bounded).then_some(tries)
}

/// How long the caller waits for one try.
fn patience(hop: &Hop<'_>) -> Option<Known<Span>> {
    let side = &hop.call.side;
    let bounds = [&side.retry.per_try, &side.first_byte, &side.total];
    let known = bounds.into_iter().flat_map(each);
    known.min_by_key(|known| known.value)
}

/// Where requests wait until they are worked on.
enum Queue {
    Of(Known<u64>),
    Unbounded,
    Unknown,
}

fn queue(party: &Party<'_>) -> Queue {
    let Some(program) = party.program else {
        return Queue::Unknown;
    };
    let capacity = &program.capacity;
    for places in [&capacity.queue, &capacity.backlog] {
        match places {
            Setting::Off(_) => return Queue::Unbounded,
            other => {
                if let Some(known) = each(other).into_iter().next() {
                    return Queue::Of(known);
                }
            }
        }
    }
    Queue::Unknown
}

fn story(
    chains: &Chains<'_>,
    (party, hop): (&Party<'_>, &Hop<'_>),
    storm: &Storm,
    places: Option<&Known<u64>>,
) -> Story {
    let name = &party.name;
    let caller = chains
        .caller(hop)
        .map_or("its caller", |caller| &caller.name);
    let (load, capacity, tries) = (storm.load.value, storm.capacity.value, storm.tries.value);
    let patience = said(storm.patience.value);
    let at = party.at().unwrap_or(hop.call.at);
    let waits = match places {
        Some(places) => format!(
            "a full queue of {} is {:.1} s of work, longer than the {patience} that {caller} waits",
            places.value,
            places.value as f64 / capacity
        ),
        None => format!("its queue has no bound, and {caller} waits {patience}"),
    };
    let most = capacity / tries as f64;
    let story = Story::proved(
        format!(
            "{name} can do {capacity}/s, and with every request tried again {load}/s × {tries} = {:.0}/s arrive; {waits}: \
             once overloaded, it works on requests that were given up, and does not recover",
            load * tries as f64
        ),
        format!("a burst at {name} that fills its queue, after which it recovers without anybody's help"),
    )
    .support(Support::Declared)
    .show(storm.tries.show(hop.call.at, &format!("{caller} tries {tries} times")))
    .show(storm.load.show(at, &format!("{load} requests/s at the peak")))
    .show(storm.capacity.show(at, &format!("{name} can do {capacity} requests/s")))
    .show(storm.patience.show(hop.call.at, &format!("{caller} gives a try up after {patience}")));
    let story = match places {
        Some(places) => story.show(places.show(at, &format!("{} requests wait", places.value))),
        None => story,
    };
    let fitting = (capacity * storm.patience.value.0 as f64 / 1e9 * 0.8).floor();
    story
        .advise(format!("Let fewer requests wait than {name} can do while callers do: {fitting:.0}, and refuse the rest at once"))
        .advise(format!("Or bound retries by a budget of 10 to 20 %: without one, {name} is safe below {most:.0} requests/s only"))
}
