//! What a cluster lets in and out beyond the pods that are declared.

use std::collections::BTreeSet;

use ww_model::kube::{
    Action, Cluster, LabelTest, NamespaceMatch, Peer, PodMatch, Protocol, Requirement, Who,
    Workload,
};

use super::connections::Connections;
use super::endpoints::{Endpoint, EndpointId, UnknownNamespace, UnknownPods};
use super::matchers::{MatcherId, NamespaceTable, Namespaces, meets};
use super::{Direction, Reach};

/// Connections between a declared endpoint and what is not declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Which way.
    pub direction: Direction,
    /// The other side: addresses outside, or pods of which something is assumed.
    pub other: EndpointId,
    /// What the endpoint's own policies allow.
    pub connections: Connections,
    /// Ports that they allow by a name which only the other side could resolve; no protocol means
    /// each.
    pub named_ports: Vec<(String, Option<Protocol>)>,
}

/// Whom the cluster's policies talk of without anybody like that being declared: first anybody, then
/// each pair of selectors of a rule, but those that name labels in certain namespaces and that a
/// declared pod answers to.
pub fn unknown_pods(cluster: &Cluster) -> Vec<UnknownPods> {
    let table = NamespaceTable::of(cluster);
    let mut found = BTreeSet::new();
    for (namespace, peer) in peers(cluster) {
        if let Who::Pods(pods) = &peer.who {
            let unknown = assumption(namespace, pods);
            let is_answered = is_certain(&unknown)
                && cluster
                    .workloads
                    .iter()
                    .any(|workload| answers(&table, workload, &unknown));
            if !is_answered && !unknown.is_anybody() {
                found.insert(unknown);
            }
        }
    }
    std::iter::once(UnknownPods::anybody())
        .chain(found)
        .collect()
}

/// Every peer of every rule, with the namespace of its policy.
fn peers(cluster: &Cluster) -> impl Iterator<Item = (&str, &Peer)> {
    let network = cluster.network_policies.iter().flat_map(|policy| {
        let sides = [&policy.ingress, &policy.egress].into_iter().flatten();
        let rules = sides.flat_map(|allowed| &allowed.rules);
        let peers = rules.flat_map(|rule| rule.peers.iter().flatten());
        peers.map(|peer| (policy.name.namespace.as_str(), peer))
    });
    let tiers = cluster.cluster_policies.iter().flat_map(|policy| {
        let rules = policy.ingress.iter().chain(&policy.egress);
        rules.flat_map(|rule| &rule.peers).map(|peer| ("", peer))
    });
    network.chain(tiers)
}

/// Pods that a rule's selectors select, with nothing else known of them.
fn assumption(own_namespace: &str, pods: &PodMatch) -> UnknownPods {
    let namespaces = match &pods.namespaces {
        NamespaceMatch::Own => Namespaces::Named(own_namespace),
        NamespaceMatch::Labelled(selector) => Namespaces::Labelled(&selector.requirements),
    };
    let labels = pods
        .pods
        .as_ref()
        .map(|selector| selector.requirements.as_slice());
    UnknownPods::named(&namespaces, labels.unwrap_or_default())
}

/// Whether certain labels in certain namespaces are named.
fn is_certain(unknown: &UnknownPods) -> bool {
    let is_label = |requirement: &Requirement| matches!(requirement.test, LabelTest::Is(_));
    let are_labels = !unknown.labels.is_empty() && unknown.labels.iter().all(is_label);
    let are_namespaces = match &unknown.namespace {
        UnknownNamespace::Named(_) => true,
        UnknownNamespace::Labelled(requirements) => {
            !requirements.is_empty() && requirements.iter().all(is_label)
        }
    };
    are_labels && are_namespaces
}

/// Whether a declared workload is one of the assumed pods.
fn answers(table: &NamespaceTable<'_>, workload: &Workload, unknown: &UnknownPods) -> bool {
    let namespaces = match &unknown.namespace {
        UnknownNamespace::Named(name) => Namespaces::Named(name),
        UnknownNamespace::Labelled(requirements) => Namespaces::Labelled(requirements),
    };
    let namespace = table.id(&workload.name.namespace);
    namespace.is_some_and(|id| table.is_in(id, &namespaces))
        && meets(&workload.labels, &unknown.labels)
}

/// Everything that declared endpoints have with addresses outside and with pods that are not
/// declared. Pods of which something is assumed are listed only where they have more or less
/// than anybody; `reach` has to have been asked with [`unknown_pods`].
pub fn exposure(reach: &Reach<'_>) -> Vec<Exposure> {
    let mut found = Vec::new();
    let declared = reach
        .endpoints()
        .filter(|(_, endpoint)| matches!(endpoint, Endpoint::Pods(_)));
    for (endpoint, _) in declared {
        for direction in [Direction::Ingress, Direction::Egress] {
            exposures(reach, endpoint, direction, &mut found);
        }
    }
    found
}

fn exposures(
    reach: &Reach<'_>,
    endpoint: EndpointId,
    direction: Direction,
    found: &mut Vec<Exposure>,
) {
    let mut anybody = (Connections::none(), Vec::new());
    for (other, what) in reach.endpoints() {
        if matches!(what, Endpoint::Pods(_)) {
            continue;
        }
        let connections = reach.allowed(endpoint, direction, other).clone();
        let is_unknown = matches!(what, Endpoint::Unknown(_));
        let named_ports = match direction {
            Direction::Egress if is_unknown => reach.named_ports(endpoint, other),
            _ => Vec::new(),
        };
        let state = (connections, named_ports);
        let says_something = match what {
            Endpoint::Unknown(index) if *index > 0 => state != anybody,
            _ => !state.0.is_empty() || !state.1.is_empty(),
        };
        if *what == Endpoint::Unknown(0) {
            anybody = state.clone();
        }
        if says_something {
            let (connections, named_ports) = state;
            found.push(Exposure {
                endpoint,
                direction,
                other,
                connections,
                named_ports,
            });
        }
    }
}

impl Reach<'_> {
    /// Ports that accepting egress rules name towards pods whose containers are not known.
    fn named_ports(
        &self,
        endpoint: EndpointId,
        other: EndpointId,
    ) -> Vec<(String, Option<Protocol>)> {
        let selecting = self
            .rows
            .policies_of
            .get(endpoint.0 as usize)
            .into_iter()
            .flatten();
        let policies = selecting.filter_map(|index| self.policies.list.get(*index as usize));
        let rules = policies
            .filter_map(|policy| policy.rules(Direction::Egress))
            .flatten();
        let meets = |matcher: &MatcherId| {
            let matched = self.endpoints.matched.get(matcher.0 as usize);
            matched.is_some_and(|bits| bits.contains(other.0 as usize))
        };
        let accepting =
            rules.filter(|rule| rule.action == Action::Accept && rule.peers.iter().any(meets));
        let names = accepting.flat_map(|rule| &rule.names);
        let names = names.filter_map(|name| self.policies.names.get(name.0 as usize));
        let names: BTreeSet<_> = names
            .map(|(name, protocol)| ((*name).to_owned(), *protocol))
            .collect();
        names.into_iter().collect()
    }
}
