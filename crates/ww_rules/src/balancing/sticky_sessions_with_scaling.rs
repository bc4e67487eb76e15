//! `sticky-sessions-with-scaling`: sessions are tied to pods that an autoscaler takes away.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_chain::Party;
use ww_finding::{Severity, Support};
use ww_model::service::Picking;

rule! {
    name: "sticky-sessions-with-scaling",
    family: "balancing",
    layer: Http,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "Sessions stay at the pod where they began, and an autoscaler takes pods away",
    needs: [Calls],
    explains: [],
    page: "sticky_sessions_with_scaling.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told: BTreeSet<(SourceSpan, String)> = BTreeSet::new();
    for hop in &chains.hops {
        let (Some(caller), Some(callee)) = (chains.caller(hop), chains.callee(hop)) else {
            continue;
        };
        let Some(method) = hop
            .call
            .picking
            .span()
            .filter(|_| hop.call.picking.value() == Some(&Picking::Cookie))
        else {
            continue;
        };
        if let Some(scaling) = scaling(callee)
            && told.insert((method, callee.name.clone()))
        {
            reports.add(story((caller, callee), method, &scaling));
        }
    }
}

/// The fewest and the most pods, and where the most are written.
struct Range {
    fewest: u64,
    most: u64,
    at: SourceSpan,
}

fn scaling(callee: &Party<'_>) -> Option<Range> {
    let mut units = callee.units.iter().map(|unit| &unit.scaling);
    units.find_map(|scaling| {
        let most = *scaling.most.value()?;
        let fewest = scaling.fewest.value().copied().unwrap_or(1);
        (most > fewest).then_some(Range {
            fewest,
            most,
            at: scaling.most.span()?,
        })
    })
}

fn story((caller, callee): (&Party<'_>, &Party<'_>), method: SourceSpan, range: &Range) -> Story {
    let (proxy, server) = (&caller.name, &callee.name);
    let (fewest, most) = (range.fewest, range.most);
    Story::proved(
        format!(
            "{proxy} keeps sessions at the pod of {server} where they began, and the autoscaler moves between \
             {fewest} and {most} pods: what a pod keeps of a session is lost when it goes, and new pods get \
             new sessions only"
        ),
        format!("sessions of {server} that live in a store which all its pods share"),
    )
    .support(Support::Declared)
    .severity(Severity::Low)
    .show(at(method, "a session stays where it began"))
    .show(at(range.at, format!("up to {most} pods, and {fewest} when there is little to do")))
    .advise("Keep sessions in a store that all pods share, and let every request go to any pod")
}
