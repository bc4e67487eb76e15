//! `rate-limit-exceeds-capacity`: a rate limit lets through more than those behind it can do.

use crate::load::{plain, written};
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_chain::{Chains, Party, PartyId};
use ww_finding::Support;
use ww_model::service::RateLimit;

rule! {
    name: "rate-limit-exceeds-capacity",
    family: "limits",
    layer: Http,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "A rate limit lets one client through with more than the server behind it can do",
    needs: [Calls],
    explains: [],
    page: "rate_limit_exceeds_capacity.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for (index, party) in chains.parties.iter().enumerate() {
        let Some(able) = Able::behind(chains, PartyId(index)) else {
            continue;
        };
        let program = party.program.iter();
        for limit in program.flat_map(|program| &program.rate_limits) {
            let rate = each(&limit.per_second).into_iter().next();
            let Some(rate) = rate.filter(|rate| rate.value > able.most) else {
                continue;
            };
            if told.insert((rate.at, able.at)) {
                reports.add(story(party, limit, &rate, &able));
            }
        }
    }
}

/// What the ablest of those behind a party can do.
struct Able {
    name: String,
    most: f64,
    at: SourceSpan,
}

impl Able {
    /// Nothing where it is not stated of one of them: requests may go to that one.
    fn behind(chains: &Chains<'_>, id: PartyId) -> Option<Able> {
        let mut ablest: Option<Able> = None;
        for hop in chains.hops_from(id) {
            let callee = chains.callee(hop)?;
            let (most, at) = written(&callee.demand?.most_per_second)?;
            if ablest.as_ref().is_none_or(|able| able.most < most) {
                ablest = Some(Able {
                    name: callee.name.clone(),
                    most,
                    at,
                });
            }
        }
        ablest
    }
}

fn story(party: &Party<'_>, limit: &RateLimit, rate: &Known<f64>, able: &Able) -> Story {
    let (name, server) = (&party.name, &able.name);
    let (much, most) = (plain(rate.value), plain(able.most));
    let whose = match limit.counter.key.value() {
        Some(key) => format!("of one {key}"),
        None => "in all".to_owned(),
    };
    Story::proved(
        format!(
            "{name} lets {much} requests per second {whose} through, while {server} can do {most}: the limit \
             does not protect it"
        ),
        format!("a load test of {server} with more than {much} requests per second"),
    )
    .support(Support::Declared)
    .show(rate.show(limit.at, &format!("{much} requests per second pass")))
    .show(crate::declared::at(able.at, format!("{server} can do {most} per second")))
    .show(crate::declared::at(limit.at, "the limit is applied here"))
    .advise(format!(
        "Limit each client to a share of what {server} can do, and add a limit for all together below {most}"
    ))
}
