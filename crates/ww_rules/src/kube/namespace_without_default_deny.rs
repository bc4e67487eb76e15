//! `namespace-without-default-deny`: where policies are in use, pods that none of them selects.

use super::pods;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeMap;
use ww_base::Gap;
use ww_finding::Severity;
use ww_model::kube::{NetworkPolicy, Workload};
use ww_reach::kube::{Direction, EndpointId, PolicyId};

rule! {
    name: "namespace-without-default-deny",
    family: "kube",
    layer: Policy,
    class: Security,
    severity: Medium,
    owner: Configuration,
    summary: "Policies protect some pods of a namespace; the others accept everything from everybody",
    needs: [KubernetesObjects],
    explains: [],
    page: "namespace_without_default_deny.md",
    check: check,
}

/// Workloads named in the headline.
const NAMED: usize = 3;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let cluster = &declared.model.cluster;
    if cluster.network_policies.is_empty() && cluster.cluster_policies.is_empty() {
        return reports.gap(Gap::new(
            "the network policies of the cluster",
            "kubectl get networkpolicies -A -o yaml",
        ));
    }
    if let Some(gap) = pods::other_policies(cluster) {
        return reports.gap(gap);
    }
    let mut namespaces: BTreeMap<&str, Namespace<'_>> = BTreeMap::new();
    for (index, workload) in (0..).zip(&cluster.workloads) {
        if !is_served(workload) {
            continue;
        }
        let namespace = namespaces.entry(&workload.name.namespace).or_default();
        namespace.pods += 1;
        if is_open(declared, index) {
            namespace.open.push(workload);
        }
    }
    for policy in &cluster.network_policies {
        let name = policy.name.namespace.as_str();
        if let Some(namespace) = namespaces
            .get_mut(name)
            .filter(|_| policy.ingress.is_some())
        {
            namespace.policy.get_or_insert(policy);
        }
    }
    for (name, namespace) in namespaces {
        if !namespace.open.is_empty() && !pods::is_system(name) {
            reports.add(story(name, &namespace));
        }
    }
}

/// A namespace with pods.
#[derive(Default)]
struct Namespace<'c> {
    /// How many workloads policies could protect.
    pods: usize,
    /// Those that accept everything.
    open: Vec<&'c Workload>,
    /// A policy about connections to pods here.
    policy: Option<&'c NetworkPolicy>,
}

/// Whether policies apply to the pods and somebody may connect to them: not to those in the node's
/// network, nor to jobs that serve nothing.
fn is_served(workload: &Workload) -> bool {
    let is_job = ["Job", "CronJob"].contains(&workload.kind.as_str());
    !workload.host_network && workload.replicas > 0 && !(is_job && workload.ports.is_empty())
}

/// Whether no policy says a word about who may connect to the pods of a workload.
fn is_open(declared: &Declared<'_>, workload: u32) -> bool {
    let policies = declared.policies();
    let Some(endpoint) = policies.endpoint_of_workload(workload) else {
        return false;
    };
    let is_selected = policies
        .policies_of(endpoint, Direction::Ingress)
        .any(|policy| matches!(policy, PolicyId::Network(_)));
    let accepts = |other: EndpointId| {
        policies
            .allowed(endpoint, Direction::Ingress, other)
            .is_all_ports()
    };
    !is_selected && policies.endpoints().all(|(other, _)| accepts(other))
}

fn story(name: &str, namespace: &Namespace<'_>) -> Story {
    let open = namespace.open.len();
    let names: Vec<&str> = namespace
        .open
        .iter()
        .take(NAMED)
        .map(|workload| workload.name.name.as_str())
        .collect();
    let more = if open > NAMED { ", …" } else { "" };
    let names = names.join(", ") + more;
    let headline = match namespace.policy {
        Some(_) => format!(
            "Namespace {name}: no policy selects {names} ({open} of {} workloads), so that everybody may connect",
            namespace.pods
        ),
        None => format!(
            "Namespace {name} has no policy: everybody may connect to {names}, also from other namespaces"
        ),
    };
    let severity = match namespace.policy {
        Some(_) => Severity::Medium,
        None => Severity::Low,
    };
    let mut story = Story::proved(
        headline,
        format!(
            "kubectl get networkpolicies -n {name} that lists a policy which is not in these files"
        ),
    )
    .severity(severity);
    for workload in namespace.open.iter().take(NAMED) {
        story = story.show(at(
            workload.at,
            format!("no policy selects {}", pods::called(workload)),
        ));
    }
    if let Some(policy) = namespace.policy {
        story = story.show(at(
            policy.pods.at,
            format!("NetworkPolicy {} selects others only", policy.name.name),
        ));
    }
    story.advise(format!("Allow by policy what these workloads need, then add to {name} a NetworkPolicy with podSelector {{}}, policyTypes [Ingress] and no rules"))
}
