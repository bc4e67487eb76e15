//! Services of Kubernetes by the names that callers use.

use ww_chain::{Hop, Party};
use ww_model::Model;
use ww_model::kube::Service;

/// The Service whose name a hop calls; none when it is not one, or when several have that name.
pub(super) fn of<'m>(model: &'m Model, hop: &Hop<'_>, caller: &Party<'_>) -> Option<&'m Service> {
    let host = hop.target.host.trim_end_matches('.');
    let host = host.trim_end_matches(".cluster.local");
    let mut parts = host.split('.');
    let name = parts.next().unwrap_or_default();
    let own = caller.units.first().map(|unit| unit.group.as_str());
    let namespace = match (parts.next(), parts.next(), parts.next()) {
        (Some(namespace), None | Some("svc"), None) => Some(namespace),
        (None, None, None) => own,
        _ => return None,
    };
    let services = model.cluster.services.iter();
    let mut named = services.filter(|service| {
        let there = namespace.is_none_or(|namespace| service.name.namespace == namespace);
        service.name.name == name && there
    });
    let first = named.next()?;
    named.next().is_none().then_some(first)
}

/// How many pods of a party there are at least twice over: those asked for, or those that an
/// autoscaler may make; none when it is one, or not known.
pub(super) fn several_pods(party: &Party<'_>) -> Option<(u64, Option<ww_base::SourceSpan>)> {
    let unit = party.units.first()?;
    let counts = [
        &unit.scaling.replicas,
        &unit.scaling.fewest,
        &unit.scaling.most,
    ];
    let known = counts
        .into_iter()
        .filter_map(|count| Some((*count.value()?, count.span())));
    known
        .filter(|(count, _)| *count > 1)
        .max_by_key(|(count, _)| *count)
}
