//! `retry-without-backoff`: the next try follows at once, or after the same pause for everybody.

use super::ways::{self, Way, costs};
use crate::declared::at;
use crate::many::{Groups, SHOWN, listed};
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::Span;
use ww_finding::Support;
use ww_model::service::Backoff;

rule! {
    name: "retry-without-backoff",
    family: "retries",
    layer: Http,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "Failed calls are tried again at once, or all after the same pause: the tries arrive in one burst",
    needs: [Programs],
    explains: [],
    page: "retry_without_backoff.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let ways = ways::all(declared);
    let mut groups: Groups<(u64, Pause), Case<'_, '_>> = Groups::new();
    for way in &ways {
        let retry = &way.side.retry;
        let tries = each(&retry.attempts).into_iter().next();
        // A second try at once is usual; another server may be asked without a pause.
        let Some(tries) = tries.filter(|tries| tries.value > 2) else {
            continue;
        };
        if !costs(retry) || retry.elsewhere.value() == Some(&true) {
            continue;
        }
        if let Some((pause, known)) = pause(way) {
            groups.add((tries.value, pause), Case { way, tries, known });
        }
    }
    for cases in groups.into_groups() {
        if let Some(story) = story(&cases) {
            reports.add_all(cases.len() as u64, story);
        }
    }
}

/// How long the next try waits.
#[derive(Clone, Copy, PartialEq)]
enum Pause {
    /// Not at all.
    None,
    /// As long each time, and for everybody.
    Same(Span),
}

struct Case<'w, 'm> {
    way: &'w Way<'m>,
    tries: Known<u64>,
    known: Option<Known<Backoff>>,
}

fn pause(way: &Way<'_>) -> Option<(Pause, Option<Known<Backoff>>)> {
    let backoff = &way.side.retry.backoff;
    if backoff.is_off() {
        return Some((Pause::None, None));
    }
    let known = each(backoff).into_iter().next()?;
    let Backoff {
        first,
        factor,
        jitter,
        ..
    } = known.value;
    match (first, jitter) {
        (Span::ZERO, _) => Some((Pause::None, Some(known))),
        (_, false) if factor <= 1.0 => Some((Pause::Same(first), Some(known))),
        _ => None,
    }
}

fn story(cases: &[Case<'_, '_>]) -> Option<Story> {
    let first = cases.first()?;
    let (pause, _) = pause(first.way)?;
    let names = listed(cases.iter().map(|case| case.way.name.as_str()));
    let tries = first.tries.value;
    let (how, effect) = match pause {
        Pause::None => (
            format!("{tries} tries without a pause between them"),
            "a server that needs a second to recover has all of them behind it by then",
        ),
        Pause::Same(wait) => (
            format!("{tries} tries, {} apart each time", said(wait)),
            "calls that failed together are tried again together",
        ),
    };
    let story = Story::proved(
        format!("{names}: {how}: {effect}"),
        "pauses that the program's own code makes longer or spreads by chance",
    )
    .support(Support::Declared);
    let story = cases.iter().take(SHOWN).fold(story, |story, case| {
        let story = story.show(
            case.tries
                .show(case.way.at, &format!("up to {tries} tries")),
        );
        match &case.known {
            Some(known) => story.show(known.show(case.way.at, "the pause between them")),
            None => story.show(at(case.way.at, "no pause is written")),
        }
    });
    Some(story.advise(
        "Double the pause each time and let chance spread it (exponential backoff with jitter)",
    ))
}
