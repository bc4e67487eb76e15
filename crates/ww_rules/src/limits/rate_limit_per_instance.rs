//! `rate-limit-per-instance`: each instance counts for itself, and the limit is that many times as
//! high.

use crate::load::{instances, plain};
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::SourceSpan;
use ww_chain::Party;
use ww_finding::Support;
use ww_model::service::RateLimit;

rule! {
    name: "rate-limit-per-instance",
    family: "limits",
    layer: Http,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "Each instance counts requests for itself: together they let through a multiple of the limit",
    needs: [Programs],
    explains: [],
    page: "rate_limit_per_instance.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for party in &declared.chains().parties {
        let copies = instances(party);
        let Some(many) = copies.known.filter(|known| known.value > 1) else {
            continue;
        };
        let program = party.program.iter();
        let limits: Vec<(&RateLimit, Known<f64>)> = program
            .flat_map(|program| &program.rate_limits)
            .filter(|limit| !shares(declared, limit))
            .filter_map(|limit| Some((limit, each(&limit.per_second).into_iter().next()?)))
            .collect();
        if let Some((first, rate)) = limits.first() {
            let count = limits.len() as u64;
            reports.add_all(count, story(party, first, rate, &many));
        }
    }
}

/// Whether the table that counts is sent to other instances, as HAProxy does with `peers`.
fn shares(declared: &Declared<'_>, limit: &RateLimit) -> bool {
    let text = limit.per_second.span().and_then(|at| declared.text(at));
    text.is_some_and(|text| text.split_ascii_whitespace().any(|word| word == "peers"))
}

fn story(party: &Party<'_>, limit: &RateLimit, rate: &Known<f64>, many: &Known<u64>) -> Story {
    let name = &party.name;
    let all = rate.value * many.value as f64;
    let place: SourceSpan = party.units.first().map_or(limit.at, |unit| unit.at);
    Story::proved(
        format!(
            "each of {} instances of {name} counts for itself: {} per second is up to {} × {} = {} for \
             clients whose requests are spread over them",
            many.value,
            plain(rate.value),
            many.value,
            plain(rate.value),
            plain(all)
        ),
        format!("a load balancer that sends all requests of one client to the same instance of {name}"),
    )
    .support(Support::Declared)
    .show(crate::declared::at(
        limit.at,
        format!("{} requests per second, counted in the memory of one instance", plain(rate.value)),
    ))
    .show(many.show(place, &format!("up to {} instances of {name}", many.value)))
    .advise(format!(
        "If {} is meant for all together, give each instance {}, and know that few clients then meet it sooner",
        plain(rate.value),
        plain(rate.value / many.value as f64)
    ))
    .advise("Or count in one place: a rate limit service, or a proxy that runs once")
}
