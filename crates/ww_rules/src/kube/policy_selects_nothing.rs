//! `policy-selects-nothing`: a NetworkPolicy whose selector fits no workload of its namespace.

use super::pods;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_finding::Severity;
use ww_model::kube::{Cluster, LabelTest, Labels, NetworkPolicy, Requirement};
use ww_reach::kube::{Direction, PolicyId};

rule! {
    name: "policy-selects-nothing",
    family: "kube",
    layer: Policy,
    class: Security,
    severity: High,
    owner: Configuration,
    summary: "A NetworkPolicy fits no workload: what it was meant to protect is open",
    needs: [KubernetesObjects],
    explains: [],
    page: "policy_selects_nothing.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let cluster = &declared.model.cluster;
    let selecting = selecting(declared);
    let inhabited: BTreeSet<&str> = cluster
        .workloads
        .iter()
        .map(|workload| workload.name.namespace.as_str())
        .collect();
    for (index, policy) in (0..).zip(&cluster.network_policies) {
        if selecting.contains(&index) || may_select(cluster, policy) {
            continue;
        }
        let gap = if inhabited.contains(policy.name.namespace.as_str()) {
            pods::unseen(cluster)
        } else {
            Some(pods::of_namespace(&policy.name.namespace))
        };
        match gap {
            Some(gap) => reports.gap(gap),
            None => reports.add(story(cluster, policy)),
        }
    }
}

/// Whether the policy means every pod, every pod that lacks a label (which it waits for), or pods
/// whose labels are not all given by their templates.
fn may_select(cluster: &Cluster, policy: &NetworkPolicy) -> bool {
    let mut requirements = policy.pods.requirements.iter();
    let waits = requirements.any(|requirement| {
        matches!(
            requirement.test,
            LabelTest::DoesNotExist | LabelTest::NotIn(_)
        )
    });
    let wanted = wanted(policy);
    let is_exact = wanted.len() == policy.pods.requirements.len();
    waits
        || is_exact
            && (wanted.is_empty()
                || pods::in_namespace(cluster, &policy.name.namespace)
                    .any(|workload| pods::has(workload, &wanted)))
}

/// The labels with the values that the policy asks for.
fn wanted(policy: &NetworkPolicy) -> Labels {
    let requirements = policy.pods.requirements.iter();
    requirements
        .filter_map(|requirement| match &requirement.test {
            LabelTest::Is(value) => Some((requirement.key.clone(), value.clone())),
            _ => None,
        })
        .collect()
}

/// The policies that select at least one workload.
fn selecting(declared: &Declared<'_>) -> BTreeSet<u32> {
    let policies = declared.policies();
    let mut selecting = BTreeSet::new();
    for (endpoint, _) in policies.endpoints() {
        for direction in [Direction::Ingress, Direction::Egress] {
            for policy in policies.policies_of(endpoint, direction) {
                if let PolicyId::Network(index) = policy {
                    selecting.insert(index);
                }
            }
        }
    }
    selecting
}

fn story(cluster: &Cluster, policy: &NetworkPolicy) -> Story {
    let namespace = &policy.name.namespace;
    let requirements: Vec<String> = policy.pods.requirements.iter().map(words).collect();
    let requirements = requirements.join(" and ");
    let mut story = Story::proved(
        format!(
            "NetworkPolicy {namespace}/{} selects no workload: none in {namespace} has {requirements}",
            policy.name.name,
        ),
        format!(
            "kubectl get pods -n {namespace} --show-labels that lists a pod with these labels, made by something that is not in these files"
        ),
    )
    .show(at(policy.pods.at, format!("asks for {requirements}")));
    let Some(meant) = pods::meant(cluster, namespace, &wanted(policy), &policy.name.name) else {
        return story
            .severity(Severity::Low)
            .advise("Remove the policy if the pods that it was for are gone");
    };
    story = story.show(meant.exhibit());
    if let Some(advice) = meant.advice() {
        story = story.advise(advice);
    }
    story.advise("Make the selector and the labels of the pods (spec.template.metadata.labels of a Deployment) the same, and try the policy: a connection that it forbids must time out")
}

/// A requirement as `kubectl get -l` takes it.
fn words(requirement: &Requirement) -> String {
    let key = &requirement.key;
    match &requirement.test {
        LabelTest::Is(value) => format!("{key}={value}"),
        LabelTest::In(values) => format!("{key} in ({})", values.join(", ")),
        LabelTest::NotIn(values) => format!("{key} notin ({})", values.join(", ")),
        LabelTest::Exists => format!("the label {key}"),
        LabelTest::DoesNotExist => format!("no label {key}"),
    }
}
