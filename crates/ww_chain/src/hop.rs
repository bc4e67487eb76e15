//! Where two programs meet.

use crate::mesh::{self, Way};
use crate::names::Names;
use crate::{Party, PartyId};
use std::collections::BTreeSet;
use ww_model::Model;
use ww_model::kube::Service;
use ww_model::service::{Call, Listener, Middlebox, Target, UnitKind};

/// One target of one call, with who answers there.
#[derive(Clone, Debug)]
pub struct Hop<'m> {
    /// Who calls.
    pub caller: PartyId,
    /// The call.
    pub call: &'m Call,
    /// Which of its targets.
    pub target: &'m Target,
    /// Who answers; none when that is not known.
    pub callee: Option<PartyId>,
    /// The Service of Kubernetes by whose name the target is called.
    pub service: Option<&'m Service>,
    /// Where it accepts the connection, where that is known.
    pub listener: Option<&'m Listener>,
    /// Devices between them that watch connections.
    pub middleboxes: Vec<&'m Middlebox>,
    /// What a mesh does with its requests; several are alternatives, of which it is not known which
    /// one is in force.
    pub mesh: Vec<Way<'m>>,
}

/// Every call with every target, and with everybody that answers there.
pub(crate) fn all<'m>(model: &'m Model, parties: &[Party<'m>], names: &Names) -> Vec<Hop<'m>> {
    let mut hops = Vec::new();
    for (index, party) in parties.iter().enumerate() {
        let group = party.units.first().map(|unit| unit.group.as_str());
        for call in party.program.iter().flat_map(|program| &program.calls) {
            // Targets of one line that are the same are one hop.
            let mut met = BTreeSet::new();
            let is_new = |target: &&'m Target| {
                let port = (target.port, target.subset.as_deref());
                met.insert((target.at, target.host.as_str(), port))
            };
            for target in call.to.iter().filter(is_new) {
                let mesh = mesh::ways(model, party, call, target);
                let service = service(model, party, target);
                let mut callees: Vec<Option<PartyId>> =
                    names.callees(target, group).into_iter().map(Some).collect();
                if callees.is_empty() {
                    callees.push(None);
                }
                for callee in callees {
                    let answering = callee.and_then(|id| parties.get(id.0));
                    hops.push(Hop {
                        caller: PartyId(index),
                        call,
                        target,
                        callee,
                        service,
                        listener: answering.and_then(|party| listener(party, names.port(target))),
                        middleboxes: between(model, party, answering, target),
                        mesh: mesh.clone(),
                    });
                }
            }
        }
    }
    hops
}

/// The Service that a target's host names. A short name is one of the caller's own namespace.
fn service<'m>(model: &'m Model, caller: &Party<'m>, target: &Target) -> Option<&'m Service> {
    let mut units = caller.units.iter();
    let own = units.find(|unit| unit.kind == UnitKind::Container);
    let own = own.map(|unit| unit.group.as_str());
    let host = target.host.trim_end_matches('.');
    let mut services = model.cluster.services.iter();
    services.find(|service| {
        let (namespace, name) = (service.name.namespace.as_str(), &service.name.name);
        let whole = format!("{name}.{namespace}");
        let is_whole = host
            .strip_prefix(&whole)
            .is_some_and(|rest| rest.is_empty() || rest == ".svc" || rest.starts_with(".svc."));
        is_whole || (host == name && own == Some(namespace))
    })
}

/// Where a party accepts connections to a port; its only place when the port is not known.
fn listener<'m>(party: &Party<'m>, port: Option<u16>) -> Option<&'m Listener> {
    let listeners = &party.program?.listeners;
    let by_port = listeners
        .iter()
        .find(|listener| listener.port.is_some() && listener.port == port);
    by_port.or_else(|| match listeners.as_slice() {
        [one] if one.port.is_none() || port.is_none() => Some(one),
        _ => None,
    })
}

/// The devices that the team says are between a caller and a target.
fn between<'m>(
    model: &'m Model,
    caller: &Party<'m>,
    callee: Option<&Party<'m>>,
    target: &Target,
) -> Vec<&'m Middlebox> {
    let is_one = |names: &[String], of: &[&str]| {
        names.is_empty() || names.iter().any(|name| of.contains(&name.as_str()))
    };
    let callee = callee.map_or("", |party| party.name.as_str());
    let boxes = model.services.facts.middleboxes.iter();
    boxes
        .filter(|one| is_one(&one.from, &[&caller.name]))
        .filter(|one| is_one(&one.to, &[callee, &target.host]))
        .collect()
}
