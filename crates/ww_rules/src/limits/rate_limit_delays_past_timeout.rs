//! `rate-limit-delays-past-timeout`: a rate limit lets requests wait longer than their callers do.

use crate::load::{patience, plain, written};
use crate::operand::{Answer, Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Gap, SourceSpan, Span};
use ww_chain::{Chains, Party};
use ww_finding::Support;
use ww_model::service::RateLimit;

rule! {
    name: "rate-limit-delays-past-timeout",
    family: "limits",
    layer: Http,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "A rate limit lets requests of a burst wait longer than their callers wait for an answer",
    needs: [Programs],
    explains: [],
    page: "rate_limit_delays_past_timeout.md",
    check: check,
}

/// From this wait on the question how long clients wait is worth asking.
const LONG: Span = Span::from_secs(2);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for party in &chains.parties {
        let program = party.program.iter();
        for limit in program.flat_map(|program| &program.rate_limits) {
            let Some(wait) = Wait::of(limit) else {
                continue;
            };
            match caller(chains, party) {
                Some(caller)
                    if wait.longest >= caller.waits.value
                        && told.insert((limit.at, caller.waits.at)) =>
                {
                    reports.add(story(limit, party, &wait, &caller));
                }
                None if wait.longest >= LONG => reports.gap(Gap::new(
                    format!(
                        "how long clients of {} wait, as its rate limit delays requests by up to {}",
                        party.name,
                        said(wait.longest)
                    ),
                    format!("`target` of {} under [[demands]] in wirewise.toml", party.name),
                )),
                _ => {}
            }
        }
    }
}

/// How long the last request of a burst waits.
struct Wait {
    longest: Span,
    queued: u64,
    rate: Known<f64>,
}

impl Wait {
    /// The longest wait, where each request is passed on at the rate; nothing where none waits.
    fn of(limit: &RateLimit) -> Option<Wait> {
        let waits = limit.delays.value() == Some(&true);
        let burst = *limit.burst.value()?;
        let queued = burst.saturating_sub(limit.at_once.value().copied().unwrap_or_default());
        let rate = each(&limit.per_second).into_iter().next()?;
        let is_sure = waits && queued > 0 && rate.value > 0.0;
        is_sure.then(|| Wait {
            longest: Span::from_millis((queued as f64 * 1000.0 / rate.value) as i64),
            queued,
            rate,
        })
    }
}

/// Who gives up first.
struct Caller {
    name: String,
    waits: Known<Span>,
    otherwise: SourceSpan,
}

/// The least patient of those who call a party: by their timeouts, or by what the team states.
fn caller(chains: &Chains<'_>, party: &Party<'_>) -> Option<Caller> {
    let hops = chains.hops.iter().filter(|hop| {
        let callee = chains.callee(hop);
        let is_other = chains.parties.get(hop.caller.0).map(std::ptr::from_ref) != Some(party);
        is_other && callee.is_some_and(|callee| std::ptr::eq(callee, party))
    });
    let calling = hops.filter_map(|hop| match patience(hop) {
        Answer::Yes(waits) => Some(Caller {
            name: chains.caller(hop)?.name.clone(),
            waits,
            otherwise: hop.call.at,
        }),
        _ => None,
    });
    let stated = party.demand.and_then(|demand| {
        let (value, at) = written(&demand.target)?;
        Some(Caller {
            name: format!("whoever asks {}", party.name),
            waits: Known {
                value,
                at: Some(at),
                because: None,
                default: None,
                versions: None,
            },
            otherwise: at,
        })
    });
    calling
        .chain(stated)
        .min_by_key(|caller| caller.waits.value)
}

fn story(limit: &RateLimit, party: &Party<'_>, wait: &Wait, caller: &Caller) -> Story {
    let name = &party.name;
    let rate = plain(wait.rate.value);
    let (long, short) = (said(wait.longest), said(caller.waits.value));
    let fitting = (wait.rate.value * caller.waits.value.as_secs() / 2.0) as u64;
    Story::proved(
        format!(
            "{name} lets {} requests wait for their turn at {rate} per second, the last one {long}, while {} \
             waits {short}: those at the end are given up before they are served",
            wait.queued, caller.name
        ),
        format!("no more than {} requests of one key waiting at once", fitting.max(1)),
    )
    .support(Support::Declared)
    .show(crate::declared::at(
        limit.at,
        format!("{} requests may wait: {} ÷ {rate} per second = {long}", wait.queued, wait.queued),
    ))
    .show(wait.rate.show(limit.at, &format!("{rate} requests per second pass")))
    .show(caller.waits.show(
        caller.otherwise,
        &format!("{} waits {short} for an answer", caller.name),
    ))
    .advise(
        "Let the burst pass at once and refuse the rest (in nginx `nodelay`): an early 429 is better than a late nothing",
    )
    .advise(format!("Or let fewer requests wait: {} at this rate", fitting.max(1)))
}
