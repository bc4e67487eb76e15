//! `namespace-without-default-deny`: where policies are in use, pods that none of them selects.

use super::pods;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeMap;
use ww_base::Gap;
use ww_finding::{Exhibit, Severity};
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
    if cluster.network_policies.is_empty() {
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
    namespaces.retain(|name, namespace| !namespace.open.is_empty() && !pods::is_system(name));
    let mut without = Vec::new();
    for (name, namespace) in namespaces {
        match namespace.policy {
            Some(policy) => reports.add(of_some(name, &namespace, policy)),
            None => without.push((name, namespace)),
        }
    }
    if !without.is_empty() {
        reports.add_all(without.len() as u64, of_all(&without));
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

/// Policies here select some pods and leave others.
fn of_some(name: &str, namespace: &Namespace<'_>, policy: &NetworkPolicy) -> Story {
    let open = namespace.open.len();
    let mut story = Story::proved(
        format!(
            "Namespace {name}: no policy selects {} ({open} of {} workloads), so that everybody may connect",
            named(
                namespace
                    .open
                    .iter()
                    .map(|workload| workload.name.name.as_str())
            ),
            namespace.pods
        ),
        format!(
            "kubectl get networkpolicies -n {name} that lists a policy which is not in these files"
        ),
    );
    for workload in namespace.open.iter().take(NAMED) {
        story = story.show(open_workload(workload));
    }
    story
        .show(at(
            policy.pods.at,
            format!("NetworkPolicy {} selects others only", policy.name.name),
        ))
        .advise(advice(name))
}

/// Namespaces without a policy, where others have some.
fn of_all(namespaces: &[(&str, Namespace<'_>)]) -> Story {
    let names = named(namespaces.iter().map(|(name, _)| *name));
    let (word, have) = match namespaces {
        [_] => ("Namespace", "has"),
        _ => ("Namespaces", "have"),
    };
    let mut story = Story::proved(
        format!(
            "{word} {names} {have} no policy, as other namespaces do: everybody may connect to the pods there"
        ),
        "kubectl get networkpolicies -A that lists policies which are not in these files",
    )
    .severity(Severity::Low);
    for (_, namespace) in namespaces {
        story.exhibits.extend(
            namespace
                .open
                .first()
                .map(|workload| open_workload(workload)),
        );
    }
    story.advise(advice(namespaces.first().map_or("each", |(name, _)| *name)))
}

fn open_workload(workload: &Workload) -> Exhibit {
    at(
        workload.at,
        format!("no policy selects {}", pods::called(workload)),
    )
}

fn advice(namespace: &str) -> String {
    format!(
        "Allow by policy what these workloads need, then add to {namespace} a NetworkPolicy with podSelector {{}}, policyTypes [Ingress] and no rules"
    )
}

/// The first few names.
fn named<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut names: Vec<&str> = names.take(NAMED + 1).collect();
    if let Some(last) = names.get_mut(NAMED) {
        *last = "…";
    }
    names.join(", ")
}
