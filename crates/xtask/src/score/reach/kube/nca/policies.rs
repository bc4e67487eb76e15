//! Policies one by one: which say nothing, which are the same, and what is left without a rule.

use ww_model::kube::{
    AllowRule, Allowed, Cluster, Labels, NamespaceMatch, NetworkPolicy, PodMatch, Selector, Who,
    Workload,
};
use ww_reach::kube::Direction;

/// Whether a policy selects no pod.
pub(super) fn is_empty(cluster: &Cluster, policy: &NetworkPolicy) -> bool {
    let selected = |workload: &Workload| {
        workload.name.namespace == policy.name.namespace && meets(&policy.pods, &workload.labels)
    };
    !cluster.workloads.iter().any(selected)
}

/// The rules of a policy whose peers are nobody, by direction.
pub(super) fn empty_rules(cluster: &Cluster, policy: &NetworkPolicy) -> [Vec<usize>; 2] {
    [&policy.ingress, &policy.egress].map(|allowed| {
        let rules = allowed
            .iter()
            .flat_map(|allowed| &allowed.rules)
            .enumerate();
        let empty = rules.filter(|(_, rule)| is_rule_empty(cluster, policy, rule));
        empty.map(|(index, _)| index).collect()
    })
}

fn is_rule_empty(cluster: &Cluster, policy: &NetworkPolicy, rule: &AllowRule) -> bool {
    let is_anybody = |who: &Who| match who {
        Who::Pods(pods) => {
            let mut workloads = cluster.workloads.iter();
            workloads.any(|workload| is_peer(cluster, policy, pods, workload))
        }
        _ => true,
    };
    rule.peers
        .as_ref()
        .is_some_and(|peers| !peers.iter().any(|peer| is_anybody(&peer.who)))
}

fn is_peer(
    cluster: &Cluster,
    policy: &NetworkPolicy,
    pods: &PodMatch,
    workload: &Workload,
) -> bool {
    let namespace = &workload.name.namespace;
    let is_in_namespace = match &pods.namespaces {
        NamespaceMatch::Own => *namespace == policy.name.namespace,
        NamespaceMatch::Labelled(selector) => {
            let declared = cluster
                .namespaces
                .iter()
                .find(|known| known.name == *namespace);
            declared.map_or(selector.requirements.is_empty(), |known| {
                meets(selector, &known.labels)
            })
        }
    };
    is_in_namespace
        && pods
            .pods
            .as_ref()
            .is_none_or(|selector| meets(selector, &workload.labels))
}

fn meets(selector: &Selector, labels: &Labels) -> bool {
    ww_reach::kube::meets(labels, &selector.requirements)
}

/// Whether two clusters have the same policies, wherever they are written.
pub(super) fn same_policies(first: &Cluster, second: &Cluster) -> bool {
    let texts = |cluster: &Cluster| -> Vec<String> {
        let policies = cluster.network_policies.iter();
        let mut texts: Vec<String> = policies
            .map(|policy| without_places(&format!("{policy:?}")))
            .collect();
        texts.sort();
        texts
    };
    texts(first) == texts(second)
}

/// A printed value without its spans.
fn without_places(text: &str) -> String {
    let mut parts = text.split("SourceSpan {");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        rest.push_str(part.split_once('}').map_or("", |(_, behind)| behind));
    }
    rest
}

/// The cluster with a policy that lacks a rule, and all rules that are the same.
pub(super) fn without_rule(
    cluster: &Cluster,
    policy: usize,
    direction: Direction,
    rule: usize,
) -> Cluster {
    let mut without = cluster.clone();
    let allowed: Option<&mut Allowed> =
        without
            .network_policies
            .get_mut(policy)
            .and_then(|policy| match direction {
                Direction::Ingress => policy.ingress.as_mut(),
                Direction::Egress => policy.egress.as_mut(),
            });
    if let Some(allowed) = allowed
        && rule < allowed.rules.len()
    {
        allowed.rules.remove(rule);
    }
    without
}
