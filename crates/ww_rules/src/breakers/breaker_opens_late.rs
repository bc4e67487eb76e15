//! `breaker-opens-late`: a breaker needs longer to open than a failure may stay unnoticed.

use super::guards::{self, Guard};
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Span;
use ww_finding::Support;

rule! {
    name: "breaker-opens-late",
    family: "breakers",
    layer: App,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "A breaker counts over so many calls that it opens later than the team wants a failure to be noticed",
    needs: [Programs],
    explains: [],
    page: "breaker_opens_late.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for guard in guards::all(declared) {
        let breaker = &guard.side.breaker;
        let Some(late) = judge(&guard) else {
            continue;
        };
        if late.time > late.wanted.value && told.insert(breaker.at) {
            reports.add(story(&guard, &late));
        }
    }
}

/// What a breaker that counts calls needs to open.
struct Late {
    window: Known<u64>,
    percent: Known<u64>,
    rate: Known<f64>,
    callers: u64,
    failures: f64,
    time: Span,
    wanted: Known<Span>,
}

/// All calls fail from some moment on: the breaker opens when their share of its window is reached.
fn judge(guard: &Guard<'_>) -> Option<Late> {
    let breaker = &guard.side.breaker;
    let window = each(&breaker.window).into_iter().next()?;
    let percent = each(&breaker.failure_percent).into_iter().next()?;
    let demand = guard.demand?;
    let rate = each(&demand.per_second).into_iter().next()?;
    let wanted = each(&demand.detect).into_iter().next()?;
    let callers = guard.callers.unwrap_or(1).max(1);
    let failures = (window.value as f64 * percent.value as f64 / 100.0).ceil();
    let seconds = failures / (rate.value / callers as f64);
    let is_time = seconds.is_finite() && seconds < 1e9;
    is_time.then_some(Late {
        window,
        percent,
        rate,
        callers,
        failures,
        time: Span((seconds * 1e9) as i64),
        wanted,
    })
}

fn story(guard: &Guard<'_>, late: &Late) -> Story {
    let seconds = Span::from_secs(late.time.0 / 1_000_000_000);
    let among = match late.callers {
        1 => String::new(),
        count => format!(" / {count} instances"),
    };
    let place = guard.side.breaker.at.unwrap_or(guard.at);
    let fitting = late.wanted.value.0 as f64 / late.time.0.max(1) as f64 * late.window.value as f64;
    Story::proved(
        format!(
            "{}: the breaker opens after {:.0} failures, {} % of {} calls: at {}/s{among} that takes {}, and {} is wanted",
            guard.name,
            late.failures,
            late.percent.value,
            late.window.value,
            late.rate.value,
            said(seconds),
            said(late.wanted.value),
        ),
        "an outage of who is called in which the breaker opened in time",
    )
    .support(Support::Declared)
    .show(late.window.show(place, &format!("{} calls are looked at", late.window.value)))
    .show(late.percent.show(place, &format!("{} % of them have to fail", late.percent.value)))
    .show(late.rate.show(place, &format!("{} calls a second at the peak", late.rate.value)))
    .show(late.wanted.show(place, &format!("a failure is to be noticed within {}", said(late.wanted.value))))
    .advise(format!("Look at fewer calls: {:.0}, or at a time", fitting.floor().max(1.0)))
}
