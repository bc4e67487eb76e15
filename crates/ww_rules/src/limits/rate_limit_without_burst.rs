//! `rate-limit-without-burst`: a rate limit refuses the second of two requests that come together.

use crate::load::plain;
use crate::operand::{Answer, Known, ask, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Span;
use ww_chain::Party;
use ww_finding::Support;
use ww_model::service::RateLimit;

rule! {
    name: "rate-limit-without-burst",
    family: "limits",
    layer: Http,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A rate limit has no burst: of two requests that come together the second is refused",
    needs: [Programs],
    explains: [],
    page: "rate_limit_without_burst.md",
    check: check,
}

/// Slower limits are meant for single steps, as a login, of which the second in a row may well be
/// refused.
const ORDINARY: f64 = 5.0;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for party in &declared.chains().parties {
        let program = party.program.iter();
        for limit in program.flat_map(|program| &program.rate_limits) {
            let Some(rate) = each(&limit.per_second).into_iter().next() else {
                continue;
            };
            let what = format!("the burst of a rate limit of {}", party.name);
            match ask(&limit.burst, &what, |burst| *burst == 0) {
                Answer::Yes(burst) if rate.value >= ORDINARY && told.insert(limit.at) => {
                    reports.add(story(party, limit, &rate, &burst));
                }
                Answer::Open(gap) => reports.gap(gap),
                _ => {}
            }
        }
    }
}

fn story(party: &Party<'_>, limit: &RateLimit, rate: &Known<f64>, burst: &Known<u64>) -> Story {
    let name = &party.name;
    let apart = said(Span::from_millis((1000.0 / rate.value) as i64));
    let per_second = plain(rate.value);
    let key = limit
        .counter
        .key
        .value()
        .map_or("the same key", String::as_str);
    Story::proved(
        format!(
            "{name} refuses a request that comes within {apart} of the one before it (limit {per_second} per \
             second by {key}, no burst): two at once are one too many, though the rate is never reached"
        ),
        format!("clients of {name} that never send two requests within {apart}, as a script that waits"),
    )
    .support(Support::Declared)
    .show(burst.show(limit.at, "no request beyond the rate is let through"))
    .show(rate.show(limit.at, &format!("{per_second} requests per second: one each {apart}")))
    .advise(format!(
        "Allow a burst, as many as a page or a client sends at once: in nginx `burst={} nodelay`",
        (rate.value * 2.0).ceil()
    ))
}
