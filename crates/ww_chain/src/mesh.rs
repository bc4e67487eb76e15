//! What a mesh does with the calls of programs that have its proxy beside them.

use crate::{Bound, Party, worst_case};
use ww_base::Span;
use ww_model::Model;
use ww_model::service::{
    Call, ClientSide, MeshPolicy, MeshRoute, Passive, Protocol, Target, TlsClient,
};

/// What one object of a mesh does with the requests of a call: the proxy beside the caller sends
/// them on, with timers and retries of its own.
#[derive(Clone, Debug)]
pub struct Way<'m> {
    /// The routes of the object, each for some of the requests.
    pub routes: Vec<&'m MeshRoute>,
    /// What holds for connections to the host; none where several objects say it.
    pub policy: Option<&'m MeshPolicy>,
}

impl Way<'_> {
    /// The calls that the proxy makes, one for each route.
    pub fn calls(&self) -> Vec<Call> {
        let calls = self.routes.iter();
        calls.map(|route| call(route, self.policy)).collect()
    }

    /// The longest that the proxy takes for a request on any of the routes; none when one of them has
    /// no bound that is known.
    pub fn longest(&self) -> Option<Span> {
        let bounds = self
            .calls()
            .into_iter()
            .map(|call| match worst_case(&call) {
                Bound::Within(span, _) => Some(span),
                Bound::Unbounded | Bound::Unknown(_) => None,
            });
        let bounds: Option<Vec<Span>> = bounds.collect();
        bounds?.into_iter().max()
    }
}

/// What a mesh does with the requests of a party to a target: one for each object that could be in
/// force. Objects of one host in several files are alternatives, as a cluster merges them only in
/// part.
pub(crate) fn ways<'m>(
    model: &'m Model,
    party: &Party<'m>,
    call: &Call,
    target: &Target,
) -> Vec<Way<'m>> {
    let mesh = &model.services.mesh;
    let Some(unit) = party.units.first().filter(|_| call.protocol.is_http()) else {
        return Vec::new();
    };
    if unit.has_sidecar.value() == Some(&false) {
        return Vec::new();
    }
    let host = Host {
        name: &target.host,
        namespace: &unit.group,
    };
    let is_meant = |route: &&MeshRoute| {
        let is_inside = route.gateways.is_empty() || route.gateways.iter().any(|it| it == "mesh");
        let mut hosts = route.hosts.iter();
        is_inside
            && route.protocol == Protocol::Http
            && hosts.any(|written| host.is(written, &route.namespace))
    };
    let mut ways: Vec<Way<'m>> = Vec::new();
    for route in mesh.routes.iter().filter(is_meant) {
        let same = |way: &&mut Way<'m>| {
            let mut routes = way.routes.iter();
            routes.any(|its| its.at.source == route.at.source && its.name == route.name)
        };
        match ways.iter_mut().find(same) {
            Some(way) => way.routes.push(route),
            None => ways.push(Way {
                routes: vec![route],
                policy: None,
            }),
        }
    }
    let policies = mesh.policies.iter().filter(|policy| {
        let is_port = policy.port.is_none() || policy.port == target.port;
        policy.subset.is_none() && is_port && host.is(&policy.host, &policy.namespace)
    });
    let policies: Vec<&MeshPolicy> = policies.collect();
    if let [policy] = policies.as_slice() {
        for way in &mut ways {
            way.policy = Some(policy);
        }
    }
    ways
}

/// A host as a caller in a namespace names it.
struct Host<'a> {
    name: &'a str,
    namespace: &'a str,
}

impl Host<'_> {
    /// Whether an object of a namespace means it: names without dots are of the namespace in which
    /// they are written.
    fn is(&self, written: &str, namespace: &str) -> bool {
        parts(self.name, self.namespace) == parts(written, namespace)
    }
}

/// The first part of a host's name, and the rest: its namespace in the cluster, or the domain.
fn parts<'n>(name: &'n str, namespace: &'n str) -> (&'n str, &'n str) {
    let short = name.strip_suffix(".cluster.local").unwrap_or(name);
    let short = short.strip_suffix(".svc").unwrap_or(short);
    short.split_once('.').unwrap_or((short, namespace))
}

/// The call that a proxy makes by a route: bounds and retries of the route, connections as the
/// policy has them.
fn call(route: &MeshRoute, policy: Option<&MeshPolicy>) -> Call {
    let of_policy = policy.map(|policy| policy.side.clone()).unwrap_or_default();
    let of_route = route.side.clone();
    let tls: Option<TlsClient> = policy.and_then(|policy| policy.client.clone());
    Call {
        at: route.at,
        name: format!("mesh route {}", route.name),
        matches: route.matches.clone(),
        from: Vec::new(),
        to: route.to.clone(),
        protocol: route.protocol,
        streams: ww_base::Setting::default(),
        side: ClientSide {
            total: of_route.total,
            retry: of_route.retry,
            on_stale: of_route.on_stale,
            passes_upgrade: of_route.passes_upgrade,
            ..of_policy
        },
        picking: policy
            .map(|policy| policy.picking.clone())
            .unwrap_or_default(),
        checks: Vec::new(),
        passive: Passive::default(),
        tls,
    }
}

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn a_host_has_several_names() {
        let stock = Host {
            name: "stock",
            namespace: "shop",
        };
        assert!(stock.is("stock", "shop") && stock.is("stock.shop", "other"));
        assert!(stock.is("stock.shop.svc.cluster.local", "istio-system"));
        assert!(!stock.is("stock", "other") && !stock.is("stock.other.svc", "shop"));
        let outside = Host {
            name: "api.example.com",
            namespace: "shop",
        };
        assert!(outside.is("api.example.com", "other") && !outside.is("api", "shop"));
    }
}
