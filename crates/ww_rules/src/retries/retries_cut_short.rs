//! `retries-cut-short`: the bound of the whole ends the last tries.

use super::ways::{self, Way};
use crate::operand::{Answer, Known, ask, ask_two, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Span;
use ww_finding::Support;

rule! {
    name: "retries-cut-short",
    family: "retries",
    layer: Http,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "The bound of all tries is shorter than the tries together: the last ones are cut off",
    needs: [Programs],
    explains: [],
    page: "retries_cut_short.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for way in ways::all(declared)
        .into_iter()
        .filter(Way::repeats_slow_tries)
    {
        let retry = &way.side.retry;
        if !retry.per_try.is_written() {
            continue;
        }
        let what = format!("how often {} tries", way.name);
        let attempts = match ask(&retry.attempts, &what, |attempts| *attempts > 1) {
            Answer::Yes(attempts) => attempts,
            Answer::No => continue,
            Answer::Open(gap) => {
                reports.gap(gap);
                continue;
            }
        };
        let count = i64::try_from(attempts.value).unwrap_or(i64::MAX);
        let names = (
            format!("the bound of one try of {}", way.name),
            format!("the bound of all tries of {}", way.name),
        );
        // The pauses between tries are left out, as chance may make them next to nothing.
        let is_cut = |one: &Span, all: &Span| one < all && one.0.saturating_mul(count) > all.0;
        match ask_two(
            (&retry.per_try, &names.0),
            (&way.side.total, &names.1),
            is_cut,
        ) {
            Answer::Yes((one, all)) if told.insert((one.at, all.at)) => {
                reports.add(story(&way, &attempts, &one, &all));
            }
            Answer::Open(gap) => reports.gap(gap),
            Answer::Yes(_) | Answer::No => {}
        }
    }
}

fn story(way: &Way<'_>, attempts: &Known<u64>, one: &Known<Span>, all: &Known<Span>) -> Story {
    let tries = attempts.value;
    let (each, whole) = (said(one.value), said(all.value));
    let sum = said(Span(
        one.value
            .0
            .saturating_mul(i64::try_from(tries).unwrap_or(i64::MAX)),
    ));
    let fitting = all.value.0 / one.value.0.max(1);
    let asked = match fitting {
        0 | 1 => "1 try".to_owned(),
        more => format!("{more} tries"),
    };
    Story::proved(
        format!(
            "{}: {tries} tries of {each} are {sum}, but all of them have {whole}: {fitting} run to their end",
            way.name
        ),
        format!("a capture in which a request is tried {tries} times, each for {each}"),
    )
    .support(Support::Declared)
    .show(one.show(way.at, &format!("one try may take {each}")))
    .show(attempts.show(way.at, &format!("up to {tries} tries")))
    .show(all.show(way.at, &format!("all tries have {whole}")))
    .advise(format!(
        "Ask for {asked}, bound each by less, or give all of them more than {sum} where callers wait that long"
    ))
}
