//! `probe-outlasts-interval`: one probe may take longer than the time to the next.

use super::probes::{question, word};
use crate::mend::set_time;
use crate::operand::{Answer, Known, ask_two, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Setting, SourceSpan, Span};
use ww_finding::{Severity, Support};
use ww_model::service::ProbeKind;

rule! {
    name: "probe-outlasts-interval",
    family: "health",
    layer: App,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "A probe is given more time than there is between two: what hangs is found later than the interval says",
    needs: [Programs],
    explains: [],
    page: "probe_outlasts_interval.md",
    check: check,
}

/// A probe, whoever makes it.
struct Asked<'m> {
    at: SourceSpan,
    /// Whose probe it is, and what it asks.
    name: String,
    interval: &'m Setting<Span>,
    timeout: &'m Setting<Span>,
    failures: &'m Setting<u64>,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for asked in of_units(declared).chain(of_calls(declared)) {
        let is_written = asked.interval.is_written() || asked.timeout.is_written();
        if !is_written || !told.insert(asked.at) {
            continue;
        }
        let name = &asked.name;
        let answer = ask_two(
            (asked.interval, &format!("the interval of the {name}")),
            (asked.timeout, &format!("the timeout of the {name}")),
            |interval, timeout| timeout > interval,
        );
        match answer {
            Answer::Yes((interval, timeout)) => {
                reports.add(story(declared, &asked, &interval, &timeout));
            }
            Answer::Open(gap) => reports.gap(gap),
            Answer::No => {}
        }
    }
}

/// Probes of orchestrators that count the interval from probe to probe. Docker counts it from the
/// end of one to the begin of the next.
fn of_units<'a>(declared: &'a Declared<'_>) -> impl Iterator<Item = Asked<'a>> {
    let units = declared.model.services.units.iter();
    units.flat_map(|unit| {
        let probes = unit.probes.iter();
        let probes = probes.filter(|probe| probe.kind != ProbeKind::Health);
        probes.map(|probe| Asked {
            at: probe.at,
            name: format!(
                "{} of {} ({})",
                word(probe.kind),
                unit.name,
                question(probe)
            ),
            interval: &probe.period,
            timeout: &probe.timeout,
            failures: &probe.failures,
        })
    })
}

/// Checks that proxies make of their targets.
fn of_calls<'a>(declared: &'a Declared<'_>) -> impl Iterator<Item = Asked<'a>> {
    let programs = declared.model.services.programs.iter();
    let calls = programs.flat_map(|program| program.calls.iter().map(move |call| (program, call)));
    calls.flat_map(|(program, call)| {
        call.checks.iter().map(move |check| Asked {
            at: check.at,
            name: format!("check of {} by {}", call.name, program.name),
            interval: &check.interval,
            timeout: &check.timeout,
            failures: &check.fall,
        })
    })
}

fn story(
    declared: &Declared<'_>,
    asked: &Asked<'_>,
    interval: &Known<Span>,
    timeout: &Known<Span>,
) -> Story {
    let (every, within) = (said(interval.value), said(timeout.value));
    let times = |span: Span, count: u64| {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        said(Span(span.0.saturating_mul(count)))
    };
    let late = asked.failures.value().map_or_else(
        || "what hangs is found later than the interval says".to_owned(),
        |count| {
            format!(
                "a target that hangs is given up after {count} × {within} = {}, not {count} × {every} = {}",
                times(timeout.value, *count),
                times(interval.value, *count),
            )
        },
    );
    let story = Story::proved(
        format!(
            "The {} may take {within} but is due every {every}: {late}",
            asked.name
        ),
        "a prober that gives a probe up when the next is due",
    )
    .support(Support::Declared)
    .show(timeout.show(asked.at, &format!("one probe may take {within}")))
    .show(interval.show(asked.at, &format!("one is due every {every}")))
    .fix(set_time(
        declared,
        (timeout, asked.at),
        shorter(interval.value),
        format!(
            "Give a probe less time than the interval: {}",
            said(shorter(interval.value))
        ),
    ));
    if timeout.value.0 >= interval.value.0.saturating_mul(10) {
        story.severity(Severity::Medium)
    } else {
        story
    }
}

/// Half of an interval, in whole seconds where it is longer than one.
fn shorter(interval: Span) -> Span {
    const SECOND: i64 = 1_000_000_000;
    match interval.0 / 2 {
        half if half >= SECOND => Span(half / SECOND * SECOND),
        _ if interval.0 >= SECOND => Span(SECOND),
        half => Span(half),
    }
}
