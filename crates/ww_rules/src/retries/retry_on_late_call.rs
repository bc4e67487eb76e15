//! `retry-on-late-call`: a gRPC call whose deadline is over is made again.

use super::ways::{self, Way};
use crate::declared::at;
use crate::many::{Groups, SHOWN, listed};
use crate::operand::{Answer, Known, ask, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::SourceSpan;
use ww_finding::Support;
use ww_model::service::RetryOn;

rule! {
    name: "retry-on-late-call",
    family: "retries",
    layer: Http,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "A gRPC call that missed its deadline is made again: the caller has given up, the server works for nobody",
    needs: [Programs],
    explains: [],
    page: "retry_on_late_call.md",
    check: check,
}

/// `DEADLINE_EXCEEDED` by its number (gRPC, "Status codes").
const LATE: RetryOn = RetryOn::Grpc(4);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let ways = ways::all(declared);
    let mut groups: Groups<SourceSpan, (&Way<'_>, Known<u64>)> = Groups::new();
    for way in &ways {
        let retry = &way.side.retry;
        let is_late = retry.on.value().is_some_and(|on| on.contains(&LATE));
        let Some(written) = retry.on.span().filter(|_| is_late) else {
            continue;
        };
        // A try with a bound of its own is late before the whole call is.
        if retry.per_try.value().is_some() {
            continue;
        }
        let what = format!("how often {} tries", way.name);
        match ask(&retry.attempts, &what, |attempts| *attempts > 1) {
            Answer::Yes(attempts) => groups.add(written, (way, attempts)),
            Answer::Open(gap) => reports.gap(gap),
            Answer::No => {}
        }
    }
    for cases in groups.into_groups() {
        if let Some(story) = story(&cases) {
            reports.add_all(cases.len() as u64, story);
        }
    }
}

fn story(cases: &[(&Way<'_>, Known<u64>)]) -> Option<Story> {
    let (way, attempts) = cases.first()?;
    let names = listed(cases.iter().map(|(way, _)| way.name.as_str()));
    let tries = attempts.value;
    let story = Story::proved(
        format!(
            "{names}: a call whose deadline is over is made up to {tries} times, and nobody waits for the answer any more"
        ),
        "servers whose own deadlines are shorter than those of the calls, so that DEADLINE_EXCEEDED leaves time for another try",
    )
    .support(Support::Declared);
    let story = cases
        .iter()
        .take(SHOWN)
        .fold(story, |story, (way, attempts)| {
            let story = match way.side.retry.on.span() {
                Some(span) => story.show(at(span, "tries again after DEADLINE_EXCEEDED")),
                None => story,
            };
            story.show(attempts.show(way.at, &format!("up to {} tries", attempts.value)))
        });
    let whole = way.side.total.value().map_or_else(String::new, |total| {
        format!(" shorter than {}", said(*total))
    });
    Some(
        story
            .advise("Leave deadline-exceeded out, and retry what was refused or not begun: unavailable, connect-failure")
            .advise(format!("Or bound one try by a time{whole}, so that a late try is one that can still be repeated")),
    )
}
