//! `service-selects-nothing`: a Service whose selector fits no workload of its namespace.

use super::pods::{self, Meant};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::Gap;
use ww_model::kube::{Cluster, Labels, Service, Workload};

rule! {
    name: "service-selects-nothing",
    family: "kube",
    layer: Ip,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A Service fits no pod: whoever connects to it is refused or waits",
    needs: [KubernetesObjects],
    explains: [],
    page: "service_selects_nothing.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let cluster = &declared.model.cluster;
    for service in &cluster.services {
        let Some(wanted) = &service.selector else {
            continue;
        };
        if is_served(cluster, service, wanted) {
            continue;
        }
        match judge(cluster, service, wanted) {
            Ok(meant) => reports.add(story(service, wanted, &meant)),
            Err(gap) => reports.gap(gap),
        }
    }
}

/// Whether there is somebody behind the service, or cannot be.
fn is_served(cluster: &Cluster, service: &Service, wanted: &Labels) -> bool {
    let name = &service.name;
    let has_endpoints = cluster.endpoint_slices.iter().any(|slice| {
        slice.name.namespace == name.namespace
            && slice.service.as_ref() == Some(&name.name)
            && !slice.addresses.is_empty()
    });
    has_endpoints
        || service.kind == "ExternalName"
        || pods::in_namespace(cluster, &name.namespace).any(|workload| pods::has(workload, wanted))
}

/// The pods that a service was meant for.
enum Pods<'c> {
    /// Pods in another namespace.
    Elsewhere(&'c Workload),
    /// Pods with other labels.
    Labelled(Meant<'c>),
}

/// The pods that a service which fits nobody was meant for, or what is missing to tell: a service
/// unlike anything in its namespace is one whose pods are not in these files.
fn judge<'c>(cluster: &'c Cluster, service: &Service, wanted: &Labels) -> Result<Pods<'c>, Gap> {
    let (namespace, name) = (&service.name.namespace, &service.name.name);
    if pods::in_namespace(cluster, namespace).next().is_none() {
        return Err(pods::of_namespace(namespace));
    }
    let mut workloads = cluster.workloads.iter();
    if let Some(other) = workloads.find(|workload| pods::has(workload, wanted)) {
        if other.name.namespace == "default" || namespace == "default" {
            let which = pods::called(other);
            return Err(Gap::new(
                format!("the namespace of Service {name} or of {which}, one of which names none"),
                "metadata.namespace in both",
            ));
        }
        return Ok(Pods::Elsewhere(other));
    }
    if let Some(gap) = pods::unseen(cluster) {
        return Err(gap);
    }
    let meant = pods::meant(cluster, namespace, wanted, name);
    meant.map(Pods::Labelled).ok_or_else(|| {
        Gap::new(
            format!("the pods behind Service {namespace}/{name}"),
            format!("kubectl get pods -n {namespace} -o yaml"),
        )
    })
}

fn story(service: &Service, wanted: &Labels, meant: &Pods<'_>) -> Story {
    let (namespace, name) = (&service.name.namespace, &service.name.name);
    let labels = pods::listed(wanted);
    let story = Story::proved(
        format!("Service {namespace}/{name} selects no pod: none in {namespace} has {labels}"),
        format!(
            "kubectl get endpointslices -n {namespace} -l kubernetes.io/service-name={name} that lists an address"
        ),
    )
    .show(at(
        service.selector_at.unwrap_or(service.at),
        format!("asks for {labels}"),
    ));
    match meant {
        Pods::Elsewhere(other) => story
            .show(at(
                other.at,
                format!("{} has them, in another namespace", pods::called(other)),
            ))
            .advise("A Service selects pods of its own namespace only: move it there"),
        Pods::Labelled(meant) => {
            let story = story.show(meant.exhibit());
            match meant.advice() {
                Some(advice) => story.advise(advice),
                None => story.advise("Make the selector and the labels of the pods (spec.template.metadata.labels of a Deployment) the same"),
            }
        }
    }
}
