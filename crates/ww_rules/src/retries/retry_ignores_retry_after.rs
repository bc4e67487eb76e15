//! `retry-ignores-retry-after`: who was told to come back later comes back at once.

use super::ways::{self, Way};
use crate::declared::at;
use crate::many::{Groups, SHOWN, listed};
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::SourceSpan;
use ww_finding::Support;
use ww_model::service::RetryOn;

rule! {
    name: "retry-ignores-retry-after",
    family: "retries",
    layer: Http,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "Requests refused with 429 are tried again without heeding Retry-After: the limit gets its refusals back as load",
    needs: [Programs],
    explains: [],
    page: "retry_ignores_retry_after.md",
    check: check,
}

/// Too Many Requests (RFC 6585, section 4).
const TOO_MANY: RetryOn = RetryOn::Status(429);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let ways = ways::all(declared);
    let mut groups: Groups<SourceSpan, (&Way<'_>, Known<u64>)> = Groups::new();
    for way in &ways {
        let retry = &way.side.retry;
        let is_repeated = retry.on.value().is_some_and(|on| on.contains(&TOO_MANY));
        let Some(written) = retry.on.span().filter(|_| is_repeated) else {
            continue;
        };
        let heeds = &retry.heeds_retry_after;
        let ignores = heeds.is_off() || heeds.value() == Some(&false);
        // A proxy that asks each of its servers once may find one with room left.
        let asks_each_once = retry.backoff.is_off() && retry.elsewhere.value() == Some(&true);
        let tries = each(&retry.attempts).into_iter().next();
        if let Some(tries) = tries.filter(|tries| tries.value > 1)
            && ignores
            && !asks_each_once
        {
            groups.add(written, (way, tries));
        }
    }
    for cases in groups.into_groups() {
        if let Some(story) = story(&cases) {
            reports.add_all(cases.len() as u64, story);
        }
    }
}

fn story(cases: &[(&Way<'_>, Known<u64>)]) -> Option<Story> {
    let (way, tries) = cases.first()?;
    let names = listed(cases.iter().map(|(way, _)| way.name.as_str()));
    let pause = each(&way.side.retry.backoff).into_iter().next();
    let pause = match &pause {
        Some(known) => format!("after {}", said(known.value.first)),
        None => "at once".to_owned(),
    };
    let story = Story::proved(
        format!(
            "{names}: a request refused with 429 is sent again {pause}, up to {} times, whatever Retry-After says: \
             refusals come back as load",
            tries.value
        ),
        "a limit whose next place is free within milliseconds",
    )
    .support(Support::Declared);
    let story = cases.iter().take(SHOWN).fold(story, |story, (way, tries)| {
        let story = match way.side.retry.on.span() {
            Some(span) => story.show(at(span, "tries again after 429")),
            None => story,
        };
        story.show(tries.show(way.at, &format!("up to {} tries", tries.value)))
    });
    Some(story.advise("Pass 429 on to the client, or wait as long as it asks for (Envoy: rate_limited_retry_back_off)"))
}
