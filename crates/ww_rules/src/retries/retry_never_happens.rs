//! `retry-never-happens`: the first try may take all the time that there is.

use super::ways::{self, Way};
use crate::mend::set_time;
use crate::operand::{Answer, Known, ask, ask_two, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Span;
use ww_finding::Support;

rule! {
    name: "retry-never-happens",
    family: "retries",
    layer: Http,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "One try may take all the time that a request has: a slow one is never tried again",
    needs: [Programs],
    explains: [],
    page: "retry_never_happens.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for way in ways::all(declared)
        .into_iter()
        .filter(Way::repeats_slow_tries)
    {
        let what = format!("how often {} tries", way.name);
        let attempts = match ask(&way.side.retry.attempts, &what, |attempts| *attempts > 1) {
            Answer::Yes(attempts) => attempts,
            Answer::No | Answer::Open(_) => continue,
        };
        let side = &way.side;
        let pairs = [
            (&side.retry.per_try, &side.total, "no try outlives it"),
            (
                &side.first_byte,
                &side.retry.until,
                "no try is begun after it",
            ),
        ];
        for (one, all, effect) in pairs {
            // Without a bound of its own that is written, nobody asked for a second try of a slow one.
            if !one.is_written() && !all.is_written() {
                continue;
            }
            let names = (
                format!("the bound of one try of {}", way.name),
                format!("the bound of all tries of {}", way.name),
            );
            match ask_two((one, &names.0), (all, &names.1), |one, all| one >= all) {
                Answer::Yes((one, all)) if told.insert((one.at, all.at)) => {
                    reports.add(story(declared, &way, &attempts, (&one, &all), effect));
                }
                _ => {}
            }
        }
    }
}

fn story(
    declared: &Declared<'_>,
    way: &Way<'_>,
    attempts: &Known<u64>,
    (one, all): (&Known<Span>, &Known<Span>),
    effect: &str,
) -> Story {
    let tries = attempts.value;
    let (each, whole) = (said(one.value), said(all.value));
    let share = share_of(all.value, tries);
    let story = Story::proved(
        format!(
            "{}: one try may take {each} and all {tries} together {whole}: a slow try is never repeated",
            way.name
        ),
        "a capture in which a request that got no answer is sent a second time",
    )
    .support(Support::Declared)
    .show(one.show(way.at, &format!("one try may take {each}")))
    .show(all.show(way.at, &format!("all tries have {whole}: {effect}")))
    .show(attempts.show(way.at, &format!("up to {tries} tries")));
    if share <= Span::ZERO {
        return story;
    }
    story.fix(set_time(
        declared,
        (one, way.at),
        share,
        format!(
            "Bound one try so that {tries} fit into {whole}: {}",
            said(share)
        ),
    ))
}

/// What each of so many tries may take, with some time left for the pauses between them: in whole
/// seconds, or tenths of a second where that is less than one.
fn share_of(all: Span, tries: u64) -> Span {
    let share = all.0 / i64::try_from(tries.saturating_add(1)).unwrap_or(i64::MAX);
    let grain = if share >= 1_000_000_000 {
        1_000_000_000
    } else {
        100_000_000
    };
    Span(share / grain * grain)
}
