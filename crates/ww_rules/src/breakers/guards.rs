//! Every place that bounds calls or leaves targets out: calls of programs, and policies of a mesh.

use crate::Declared;
use crate::mesh_hosts::behind;
use ww_base::SourceSpan;
use ww_chain::{Hop, Party};
use ww_model::service::{Call, ClientSide, Demand, Unit, Version};

/// A place that bounds calls or leaves targets out.
pub(super) struct Guard<'m> {
    /// Who is called by whom, as `envoy to api` or `policy shop/api`.
    pub(super) name: String,
    /// Where it is written.
    pub(super) at: SourceSpan,
    /// Its bounds.
    pub(super) side: &'m ClientSide,
    /// The program that calls, by its component; `istio` for a mesh.
    pub(super) component: String,
    /// Its version.
    pub(super) version: Option<&'m Version>,
    /// How many instances are called, with where that is said.
    pub(super) targets: Option<(u64, SourceSpan)>,
    /// What the team states about who is called.
    pub(super) demand: Option<&'m Demand>,
    /// How many instances call.
    pub(super) callers: Option<u64>,
    /// Whether nobody else calls the same program.
    pub(super) is_only_caller: bool,
}

/// Every such place, those of programs first; of calls that share their bounds, the first.
pub(super) fn all<'m>(declared: &Declared<'m>) -> Vec<Guard<'m>> {
    let model = declared.model;
    let chains = declared.chains();
    let mut guards = Vec::new();
    for party in &chains.parties {
        for call in party.program.iter().flat_map(|program| &program.calls) {
            let hops: Vec<&Hop<'m>> = chains
                .hops
                .iter()
                .filter(|hop| std::ptr::eq(hop.call, call))
                .collect();
            let callee = hops.iter().find_map(|hop| hop.callee);
            let answering = callee.and_then(|id| chains.parties.get(id.0));
            let is_only_caller = callee.is_some_and(|id| {
                let mut others = chains.hops_to(id);
                others.all(|hop| std::ptr::eq(hop.call, call))
            });
            guards.push(Guard {
                name: format!("{} to {}", party.name, call.name),
                at: call.at,
                side: &call.side,
                component: party.component().to_owned(),
                version: version(party),
                targets: targets(call, answering),
                demand: answering
                    .and_then(|party| party.demand)
                    .or_else(|| named(declared, &call.name)),
                callers: instances(&party.units).map(|(count, _)| count),
                is_only_caller,
            });
        }
    }
    for policy in &model.services.mesh.policies {
        let units = behind(model, &policy.host, &policy.namespace);
        let names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
        let short = policy.host.split('.').next().unwrap_or_default();
        let mut demands = model.services.facts.demands.iter();
        guards.push(Guard {
            name: format!("policy {}", policy.name),
            at: policy.at,
            side: &policy.side,
            component: "istio".to_owned(),
            version: None,
            targets: policy.subset.is_none().then(|| instances(&units)).flatten(),
            demand: demands.find(|demand| {
                let name = demand.name.as_str();
                names.contains(&name) || name == short || name == policy.host
            }),
            callers: None,
            is_only_caller: false,
        });
    }
    guards
}

/// What the team states about a name.
fn named<'m>(declared: &Declared<'m>, name: &str) -> Option<&'m Demand> {
    let mut demands = declared.model.services.facts.demands.iter();
    demands.find(|demand| demand.name == name)
}

fn version<'m>(party: &Party<'m>) -> Option<&'m Version> {
    let of_units = || {
        let mut products = party.units.iter().filter_map(|unit| unit.product.as_ref());
        products.find_map(|product| product.version())
    };
    let own = party.program.and_then(|program| program.product.version());
    own.or_else(of_units)
}

/// How many servers a call has: those that are written, or the instances behind its only name.
fn targets(call: &Call, answering: Option<&Party<'_>>) -> Option<(u64, SourceSpan)> {
    let serving: Vec<_> = call.to.iter().filter(|target| !target.is_backup).collect();
    match serving.as_slice() {
        [] => None,
        [one] => {
            let behind = answering.and_then(|party| instances(&party.units));
            let is_address = one.host.parse::<std::net::IpAddr>().is_ok();
            behind.or_else(|| is_address.then_some((1, one.at)))
        }
        [first, ..] => Some((serving.len() as u64, first.at)),
    }
}

/// How many instances units have together at most.
pub(super) fn instances(units: &[&Unit]) -> Option<(u64, SourceSpan)> {
    let first = units.first()?;
    let mut sum: u64 = 0;
    for unit in units {
        let scaling = &unit.scaling;
        let count = scaling.most.value().or_else(|| scaling.replicas.value())?;
        sum = sum.saturating_add(*count);
    }
    let scaling = &first.scaling;
    let written = scaling.most.span().or_else(|| scaling.replicas.span());
    Some((sum, written.unwrap_or(first.at)))
}
