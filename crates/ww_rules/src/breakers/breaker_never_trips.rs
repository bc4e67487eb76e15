//! `breaker-never-trips`: a breaker waits for more calls than its window ever holds.

use super::guards::{self, Guard};
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Gap, Span};
use ww_finding::Support;

rule! {
    name: "breaker-never-trips",
    family: "breakers",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A breaker needs more calls within its window than are made: it never opens, whatever fails",
    needs: [Programs],
    explains: [],
    page: "breaker_never_trips.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for guard in guards::all(declared) {
        let breaker = &guard.side.breaker;
        let window = each(&breaker.window_time).into_iter().next();
        let least = each(&breaker.least_calls).into_iter().next();
        let (Some(window), Some(least)) = (window, least) else {
            continue;
        };
        let seconds = window.value.0 as f64 / 1e9;
        let needed = least.value as f64 / seconds.max(1e-9);
        let rate = guard.demand.map(|demand| each(&demand.per_second));
        let Some(rate) = rate.and_then(|all| all.into_iter().next()) else {
            reports.gap(Gap::new(
                format!(
                    "whether each instance makes {needed:.1} calls a second ({}), which its breaker needs to open",
                    guard.name
                ),
                "per_second of who is called, in [[demands]] of wirewise.toml",
            ));
            continue;
        };
        // What others call is not known here; all of it is the most that this caller can make.
        let callers = guard.callers.unwrap_or(1).max(1);
        let own = rate.value / callers as f64;
        if own < needed && told.insert(breaker.at) {
            reports.add(story(&guard, (&window, &least), &rate, callers));
        }
    }
}

fn story(
    guard: &Guard<'_>,
    (window, least): (&Known<Span>, &Known<u64>),
    rate: &Known<f64>,
    callers: u64,
) -> Story {
    let seconds = window.value.0 as f64 / 1e9;
    let seen = rate.value / callers as f64 * seconds;
    let among = match callers {
        1 => String::new(),
        count => format!(" / {count} instances"),
    };
    let place = guard.side.breaker.at.unwrap_or(guard.at);
    let fitting = (seen / 2.0).floor().max(1.0);
    Story::proved(
        format!(
            "{}: the breaker opens only after {} calls within {}, and there are {}/s{among} × {} = {seen:.0}: it never opens",
            guard.name,
            least.value,
            said(window.value),
            rate.value,
            said(window.value),
        ),
        "a breaker of this name that has opened: resilience4j_circuitbreaker_state of `open` above 0",
    )
    .support(Support::Declared)
    .show(least.show(place, &format!("{} calls have to be seen", least.value)))
    .show(window.show(place, &format!("within {}", said(window.value))))
    .show(rate.show(place, &format!("{} calls a second at the peak, of all callers", rate.value)))
    .advise(format!("Ask for fewer calls, {fitting:.0} or less, or count over a longer time"))
}
