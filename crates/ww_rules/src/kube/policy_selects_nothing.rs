//! `policy-selects-nothing`: a NetworkPolicy whose selector fits no workload of its namespace.

use super::pods;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
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
            None => reports.add(story(declared, policy)),
        }
    }
}

/// Whether the policy means every pod, or pods whose labels are not all given by their templates.
fn may_select(cluster: &Cluster, policy: &NetworkPolicy) -> bool {
    let mut wanted = Labels::new();
    for requirement in &policy.pods.requirements {
        let LabelTest::Is(value) = &requirement.test else {
            return false;
        };
        wanted.insert(requirement.key.clone(), value.clone());
    }
    wanted.is_empty()
        || pods::in_namespace(cluster, &policy.name.namespace)
            .any(|workload| pods::has(workload, &wanted))
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

fn story(declared: &Declared<'_>, policy: &NetworkPolicy) -> Story {
    let namespace = &policy.name.namespace;
    let wanted: Vec<String> = policy.pods.requirements.iter().map(words).collect();
    let mut story = Story::proved(
        format!(
            "NetworkPolicy {namespace}/{} selects no workload: none in {namespace} has {}",
            policy.name.name,
            wanted.join(" and ")
        ),
        format!(
            "kubectl get pods -n {namespace} --show-labels that lists a pod with these labels, made by something that is not in these files"
        ),
    )
    .show(at(policy.pods.at, format!("asks for {}", wanted.join(" and "))));
    if let Some(near) = nearly(declared, policy) {
        story = story.show(near.exhibit).advise(near.advice);
    }
    story.advise("Make the selector and the labels of the pods (spec.template.metadata.labels of a Deployment) the same, and try the policy: a connection that it forbids must time out")
}

/// A workload that has the label with another value.
struct Near {
    exhibit: ww_finding::Exhibit,
    advice: String,
}

fn nearly(declared: &Declared<'_>, policy: &NetworkPolicy) -> Option<Near> {
    let workloads = declared.model.cluster.workloads.iter();
    let mut own = workloads.filter(|workload| workload.name.namespace == policy.name.namespace);
    own.find_map(|workload| {
        let (requirement, has) =
            policy.pods.requirements.iter().find_map(|requirement| {
                Some((requirement, workload.labels.get(&requirement.key)?))
            })?;
        let key = &requirement.key;
        Some(Near {
            exhibit: at(
                workload.at,
                format!("{} {} has {key}={has}", workload.kind, workload.name.name),
            ),
            advice: format!("If {} is meant, select {key}: {has}", workload.name.name),
        })
    })
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
