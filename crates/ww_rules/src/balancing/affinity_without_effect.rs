//! `affinity-without-effect`: a Service keeps clients at their pods, and requests do not pass it.

use super::service;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_chain::{Hop, Party};
use ww_finding::{Severity, Support};
use ww_model::kube::Service;
use ww_model::service::Picking;

rule! {
    name: "affinity-without-effect",
    family: "balancing",
    layer: Http,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A Service is to keep clients at their pods, but ingress-nginx goes to the pods past it",
    needs: [Calls],
    explains: [],
    page: "affinity_without_effect.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told: BTreeSet<SourceSpan> = BTreeSet::new();
    for hop in &chains.hops {
        let Some(caller) = chains
            .caller(hop)
            .filter(|party| party.component() == "ingress-nginx")
        else {
            continue;
        };
        let Some(service) = service::of(declared.model, hop, caller) else {
            continue;
        };
        let keeps = [Picking::Cookie, Picking::Hash, Picking::ConsistentHash];
        let picking = &hop.call.picking;
        let has_own = picking.value().is_some_and(|it| keeps.contains(it));
        let has_own = has_own || picking.is_off();
        let is_single = chains
            .callee(hop)
            .is_some_and(|callee| service::several_pods(callee).is_none());
        if let Some(affinity) = service.affinity_at
            && !has_own
            && !is_single
            && told.insert(affinity)
        {
            reports.add(story(hop, caller, service, affinity));
        }
    }
}

fn story(hop: &Hop<'_>, caller: &Party<'_>, service: &Service, affinity: SourceSpan) -> Story {
    let (proxy, name) = (&caller.name, &service.name.name);
    let place = hop.call.matches.as_ref().map_or(hop.call.at, |it| it.at);
    Story::proved(
        format!(
            "Service {name} is to keep each client at its pod, but {proxy} picks pods itself and does not \
             pass the Service: requests of one session go to different pods"
        ),
        format!("the annotation `service-upstream: \"true\"` of {proxy}, or clients that reach {name} without it"),
    )
    .support(Support::Declared)
    .severity(Severity::Medium)
    .show(at(affinity, "clients are kept at their pods by their address"))
    .show(at(place, format!("{proxy} sends these requests to the pods of {name}, in turn")))
    .advise("Let the ingress keep sessions: `nginx.ingress.kubernetes.io/affinity: cookie`")
}
