//! `egress-unrestricted`: what holds data or faces the outside may connect to anything.

use super::pods;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Gap;
use ww_finding::Severity;
use ww_model::kube::{Cluster, Protocol, Workload};
use ww_model::packet::protocol::{TCP, UDP};
use ww_reach::kube::Direction;

use crate::exposure::ports;
use crate::filters::egress;

rule! {
    name: "egress-unrestricted",
    family: "kube",
    layer: Policy,
    class: Security,
    severity: Info,
    owner: Configuration,
    summary: "The way into what holds data or faces the outside is guarded, and not the way out",
    needs: [FilterRulesOrKubernetes],
    explains: [],
    page: "egress_unrestricted.md",
    check: check,
}

/// Workloads shown.
const SHOWN: usize = 5;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    egress::report(declared, reports);
    if has_objects(&declared.model.cluster) {
        of_pods(declared, reports);
    }
}

fn has_objects(cluster: &Cluster) -> bool {
    !(cluster.workloads.is_empty()
        && cluster.namespaces.is_empty()
        && cluster.services.is_empty()
        && cluster.network_policies.is_empty())
}

fn of_pods(declared: &Declared<'_>, reports: &mut Reports) {
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
    let with_policies: BTreeSet<&str> = cluster
        .network_policies
        .iter()
        .map(|policy| policy.name.namespace.as_str())
        .collect();
    let mut open: Vec<(&Workload, &str)> = Vec::new();
    for (index, workload) in (0..).zip(&cluster.workloads) {
        let namespace = workload.name.namespace.as_str();
        let is_guarded = with_policies.contains(namespace) && !pods::is_system(namespace);
        let lives = !workload.host_network && workload.replicas > 0;
        if is_guarded
            && lives
            && !is_restricted(declared, index)
            && let Some(why) = why(cluster, workload)
        {
            open.push((workload, why));
        }
    }
    if !open.is_empty() {
        reports.add_all(open.len() as u64, story(&open));
    }
}

/// Whether some policy says where the pods may connect to.
fn is_restricted(declared: &Declared<'_>, workload: u32) -> bool {
    let policies = declared.policies();
    let Some(endpoint) = policies.endpoint_of_workload(workload) else {
        return true;
    };
    policies
        .policies_of(endpoint, Direction::Egress)
        .next()
        .is_some()
}

/// Why it matters where a workload may connect to; nothing where it is one like any other.
fn why(cluster: &Cluster, workload: &Workload) -> Option<&'static str> {
    let holds_data = workload.ports.iter().any(|port| {
        let protocol = match port.protocol {
            Protocol::Tcp => TCP,
            Protocol::Udp => UDP,
            Protocol::Sctp => return false,
        };
        ports::find(ports::DATABASES, protocol, port.number).is_some()
    });
    let faces_outside = cluster.services.iter().any(|service| {
        ["LoadBalancer", "NodePort"].contains(&service.kind.as_str())
            && !service.is_internal
            && service.name.namespace == workload.name.namespace
            && service
                .selector
                .as_ref()
                .is_some_and(|wanted| !wanted.is_empty() && pods::has(workload, wanted))
    });
    if holds_data {
        Some("holds data")
    } else {
        faces_outside.then_some("faces the outside")
    }
}

fn story(open: &[(&Workload, &str)]) -> Story {
    let headline = match open {
        [(workload, why)] => format!(
            "{}, which {why}, is selected by no egress policy: whoever takes it over may connect to anything",
            pods::called(workload)
        ),
        all => format!(
            "{} workloads that hold data or face the outside are selected by no egress policy: whoever takes one over may connect to anything",
            all.len()
        ),
    };
    let mut story = Story::proved(
        headline,
        "kubectl get networkpolicies -A that lists an egress policy which is not in these files, or a filter outside the cluster",
    )
    .severity(Severity::Info);
    for (workload, why) in open.iter().take(SHOWN) {
        story = story.show(at(workload.at, format!("{} {why}", pods::called(workload))));
    }
    story.advise("Add policyTypes [Egress] with what these pods need: DNS (port 53 of kube-system) and the services they call")
}
