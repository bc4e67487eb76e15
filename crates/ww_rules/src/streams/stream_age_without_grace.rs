//! `stream-age-without-grace`: a server ends connections for their age, and long streams with them.

use crate::mend::set_time;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Span;
use ww_chain::{Hop, Party};
use ww_finding::{Severity, Support};
use ww_model::service::Protocol;

rule! {
    name: "stream-age-without-grace",
    family: "streams",
    layer: Http,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A server ends old connections after a grace that is shorter than its longest requests",
    needs: [Calls],
    explains: [],
    page: "stream_age_without_grace.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    let speaks = |hop: &&Hop<'_>| hop.call.protocol == Protocol::Grpc;
    for hop in chains.hops.iter().filter(speaks) {
        if let Some(callee) = chains.callee(hop)
            && let Some(cut) = judge(hop, callee)
            && told.insert((cut.grace.at, callee.name.clone()))
        {
            reports.add(story(declared, hop, callee, &cut));
        }
    }
}

/// When connections are old, how long requests may still run, and how long the longest one does.
struct Cut {
    age: Known<Span>,
    grace: Known<Span>,
    longest: Known<Span>,
}

fn judge(hop: &Hop<'_>, callee: &Party<'_>) -> Option<Cut> {
    let side = &hop.listener?.side;
    let one = |mut known: Vec<Known<Span>>| (known.len() == 1).then(|| known.pop()).flatten();
    let cut = Cut {
        age: one(each(&side.max_age))?,
        grace: one(each(&side.max_age_grace))?,
        longest: one(each(&callee.demand?.longest))?,
    };
    (cut.longest.value > cut.grace.value).then_some(cut)
}

fn story(declared: &Declared<'_>, hop: &Hop<'_>, callee: &Party<'_>, cut: &Cut) -> Story {
    let server = &callee.name;
    let (age, grace, longest) = (
        said(cut.age.value),
        said(cut.grace.value),
        said(cut.longest.value),
    );
    let place = callee.at().unwrap_or(hop.call.at);
    let wanted = cut.longest.value + Span::from_secs(5);
    Story::proved(
        format!(
            "{server} ends connections that are {age} old and lets their requests run for {grace} more, \
             but requests take up to {longest}: longer ones are cut off"
        ),
        format!("a capture at {server} in which no request runs for longer than {grace}"),
    )
    .support(Support::Declared)
    .severity(Severity::Medium)
    .show(cut.grace.show(place, &format!("requests have {grace} once their connection is too old")))
    .show(cut.age.show(place, &format!("connections are too old after {age}")))
    .show(cut.longest.show(place, &format!("requests take up to {longest}")))
    .fix(set_time(
        declared,
        (&cut.grace, hop.listener.map_or(place, |listener| listener.at)),
        wanted,
        format!("Let requests end: {} of grace", said(wanted)),
    ))
}
