//! `service-selects-nothing`: a Service whose selector fits no workload of its namespace.

use super::pods;
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
        match gap(cluster, service, wanted) {
            Some(gap) => reports.gap(gap),
            None => reports.add(story(cluster, service, wanted)),
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

/// Why nothing can be said about a service that fits none of the workloads in the files.
fn gap(cluster: &Cluster, service: &Service, wanted: &Labels) -> Option<Gap> {
    let namespace = &service.name.namespace;
    if pods::in_namespace(cluster, namespace).next().is_none() {
        return Some(pods::of_namespace(namespace));
    }
    let unnamed =
        |workload: &&Workload| workload.name.namespace == "default" || namespace == "default";
    if let Some(other) = elsewhere(cluster, wanted).find(unnamed) {
        return Some(Gap::new(
            format!(
                "the namespace of Service {} or of {}, one of which names none",
                service.name.name,
                pods::called(other)
            ),
            "metadata.namespace in both",
        ));
    }
    pods::unseen(cluster)
}

/// Workloads that fit, in whatever namespace.
fn elsewhere<'c>(cluster: &'c Cluster, wanted: &Labels) -> impl Iterator<Item = &'c Workload> {
    let workloads = cluster.workloads.iter();
    workloads.filter(move |workload| pods::has(workload, wanted))
}

fn story(cluster: &Cluster, service: &Service, wanted: &Labels) -> Story {
    let (namespace, name) = (&service.name.namespace, &service.name.name);
    let labels = pods::listed(wanted);
    let mut story = Story::proved(
        format!("Service {namespace}/{name} selects no pod: none in {namespace} has {labels}"),
        format!(
            "kubectl get endpointslices -n {namespace} -l kubernetes.io/service-name={name} that lists an address"
        ),
    )
    .show(at(
        service.selector_at.unwrap_or(service.at),
        format!("asks for {labels}"),
    ));
    if let Some(other) = elsewhere(cluster, wanted).next() {
        story = story
            .show(at(
                other.at,
                format!("{} has them, in another namespace", pods::called(other)),
            ))
            .advise("A Service selects pods of its own namespace only: move it there");
    } else if let Some(near) = pods::nearest(pods::in_namespace(cluster, namespace), wanted) {
        story = story.show(pods::show_nearest(&near));
        if let (workload, key, Some(value)) = &near {
            story = story.advise(format!(
                "If {} is meant, select {key}: {value}",
                workload.name.name
            ));
        }
    }
    story.advise("Make the selector and the labels of the pods (spec.template.metadata.labels of a Deployment) the same")
}
