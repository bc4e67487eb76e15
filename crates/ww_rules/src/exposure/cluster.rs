//! What a Kubernetes cluster lets everybody reach.

use std::collections::BTreeSet;

use ww_base::SourceSpan;
use ww_finding::{Edit, Severity, Support};
use ww_model::kube::{
    BackendPort, Cidr, Cluster, PortRef, Protocol, Service as KubeService, ServicePort, Workload,
};
use ww_model::packet::protocol::{TCP, UDP};
use ww_reach::kube::{Connections, Direction, Endpoint, PolicyId};

use super::ports::{self, Service};
use super::told::{self, Opening};
use crate::kube::pods;
use crate::{Declared, Reports};

/// The share of IPv4 that counts as everybody: one half.
const EVERYBODY: u128 = 1 << 31;

/// Reports the services and pods of the cluster through which everybody reaches one of these.
pub(crate) fn report(declared: &Declared<'_>, list: &'static [Service], reports: &mut Reports) {
    let cluster = &declared.model.cluster;
    if let Some(gap) = pods::other_policies(cluster) {
        return reports.gap(gap);
    }
    for service in &cluster.services {
        for port in &service.ports {
            if let Some(opening) = through_service(declared, list, service, port) {
                reports.add(told::story(opening));
            }
        }
    }
    for workload in &cluster.workloads {
        if let Some(opening) = on_the_node(list, workload) {
            reports.add(told::story(opening));
        }
    }
    for opening in through_ingress(declared, list) {
        reports.add(told::story(opening));
    }
}

/// A way into the cluster.
struct Way {
    /// What it is called after the port's name.
    how: &'static str,
    severity: Severity,
    refuter: &'static str,
    advice: &'static str,
}

const BALANCER: Way = Way {
    how: "open to the internet, by a load balancer",
    severity: Severity::High,
    refuter: "a firewall of the cloud before the load balancer, or an address that is not public (kubectl get service)",
    advice: "Let clients inside the cluster use a ClusterIP Service; name those outside in loadBalancerSourceRanges",
};

const NODE_PORT: Way = Way {
    how: "open to everybody who can reach a node",
    severity: Severity::Medium,
    refuter: "a firewall before the nodes that stops the port, or nodes with private addresses only",
    advice: "Let clients inside the cluster use a ClusterIP Service, and people kubectl port-forward",
};

fn through_service(
    declared: &Declared<'_>,
    list: &'static [Service],
    service: &KubeService,
    port: &ServicePort,
) -> Option<Opening> {
    let cluster = &declared.model.cluster;
    let way = match service.kind.as_str() {
        "LoadBalancer" if !service.is_internal && is_everybody(&service.source_ranges) => BALANCER,
        "NodePort" => NODE_PORT,
        _ => return None,
    };
    let (index, workload, number) = behind(cluster, service, port).next()?;
    let known = ports::find(list, number_of(port.protocol)?, number)?;
    let reached = world_reaches(declared, index, port.protocol, number)?;
    let name = &service.name;
    let mut places = vec![(
        service.kind_at.unwrap_or(service.at),
        format!(
            "Service {}/{} is open to the outside",
            name.namespace, name.name
        ),
    )];
    places.push((
        port.at,
        format!(
            "port {} leads to port {number} of {}",
            port.number,
            pods::called(workload)
        ),
    ));
    places.push(match reached.policy {
        Some(policy) => (
            policy,
            "the policy that selects its pods lets everybody in".to_owned(),
        ),
        None => (
            workload.at,
            format!("no policy restricts {}", pods::called(workload)),
        ),
    });
    let closing = service
        .kind_at
        .filter(|_| service.ports.len() == 1 && port.node_port.is_none());
    Some(Opening {
        services: vec![known],
        whose: format!("Service {}/{}", name.namespace, name.name),
        how: way.how.to_owned(),
        support: Support::Proved,
        places,
        severity: way.severity,
        refuter: way.refuter.to_owned(),
        closing: closing.map(|span| {
            let edit = Edit {
                span,
                replace_with: "ClusterIP".to_owned(),
            };
            ("Keep the Service inside the cluster".to_owned(), edit)
        }),
        advice: way.advice.to_owned(),
    })
}

/// Pods in the node's own network, which no policy restricts.
fn on_the_node(list: &'static [Service], workload: &Workload) -> Option<Opening> {
    if !workload.host_network || pods::is_system(&workload.name.namespace) {
        return None;
    }
    let known = workload
        .ports
        .iter()
        .find_map(|port| ports::find(list, number_of(port.protocol)?, port.number))?;
    Some(Opening {
        services: vec![known],
        whose: pods::called(workload),
        how: NODE_PORT.how.to_owned(),
        support: Support::Proved,
        places: vec![(
            workload.at,
            "uses the node's own network, where network policies do not apply".to_owned(),
        )],
        severity: NODE_PORT.severity,
        refuter: NODE_PORT.refuter.to_owned(),
        closing: None,
        advice:
            "Leave out hostNetwork, or bind the server to an address that only the cluster reaches"
                .to_owned(),
    })
}

/// Databases that speak HTTP, behind an Ingress.
fn through_ingress(declared: &Declared<'_>, list: &'static [Service]) -> Vec<Opening> {
    let cluster = &declared.model.cluster;
    let mut openings = Vec::new();
    let mut told = BTreeSet::new();
    for ingress in &cluster.ingresses {
        for backend in &ingress.backends {
            let namespace = &ingress.name.namespace;
            let mut services = cluster.services.iter().filter(|service| {
                service.name.namespace == *namespace && service.name.name == backend.service
            });
            let Some(service) = services.next() else {
                continue;
            };
            let found = service
                .ports
                .iter()
                .filter(|port| leads_to(backend.port.as_ref(), port))
                .find_map(|port| {
                    let (index, workload, number) = behind(cluster, service, port).next()?;
                    let known = ports::find(list, number_of(port.protocol)?, number)?;
                    world_reaches(declared, index, port.protocol, number)?;
                    Some((known, workload))
                });
            if let Some((known, workload)) = found
                && told.insert((namespace, &service.name.name))
            {
                openings.push(Opening {
                    services: vec![known],
                    whose: format!("Service {namespace}/{}", service.name.name),
                    how: format!("open to everybody who can reach {} {}", ingress.kind, ingress.name.name),
                    support: Support::Proved,
                    places: vec![
                        (backend.at, "leads there".to_owned()),
                        (workload.at, format!("no policy restricts {}", pods::called(workload))),
                    ],
                    severity: Severity::Low,
                    refuter: "an ingress controller that asks for a password, or that only the inside reaches".to_owned(),
                    closing: None,
                    advice: "Ask for authentication at the ingress, or take the backend out of it".to_owned(),
                });
            }
        }
    }
    openings
}

/// Whether an Ingress means this port.
fn leads_to(wanted: Option<&BackendPort>, port: &ServicePort) -> bool {
    let fits = |wanted: &PortRef, number: Option<u16>| match wanted {
        PortRef::Number(wanted) => number == Some(*wanted),
        PortRef::Name(wanted) => port.name.as_ref() == Some(wanted),
    };
    match wanted {
        None => true,
        Some(BackendPort::Service(wanted)) => fits(wanted, Some(port.number)),
        Some(BackendPort::Target(wanted)) => *wanted == port.target || fits(wanted, None),
    }
}

/// The workloads behind a port of a service: place in the list, and the port there.
fn behind<'c>(
    cluster: &'c Cluster,
    service: &'c KubeService,
    port: &'c ServicePort,
) -> impl Iterator<Item = (u32, &'c Workload, u16)> {
    let selected = (0..).zip(&cluster.workloads).filter(|(_, workload)| {
        workload.name.namespace == service.name.namespace
            && service
                .selector
                .as_ref()
                .is_some_and(|wanted| pods::has(workload, wanted))
    });
    selected.filter_map(move |(index, workload)| {
        let number = match &port.target {
            PortRef::Number(number) => Some(*number),
            PortRef::Name(name) => workload
                .ports
                .iter()
                .find(|own| own.name.as_ref() == Some(name) && own.protocol == port.protocol)
                .map(|own| own.number),
        };
        Some((index, workload, number?))
    })
}

fn number_of(protocol: Protocol) -> Option<u8> {
    match protocol {
        Protocol::Tcp => Some(TCP),
        Protocol::Udp => Some(UDP),
        Protocol::Sctp => None,
    }
}

/// Whether source ranges take in at least half of IPv4, or all are taken.
fn is_everybody(ranges: &[Cidr]) -> bool {
    ranges.is_empty()
        || ranges
            .iter()
            .any(|range| range.address.is_ipv4() && range.prefix <= 1)
}

/// A port that the internet reaches, as far as policies are asked.
struct Reached {
    /// The place of the policy that lets it in; none where no policy restricts the pods.
    policy: Option<SourceSpan>,
}

/// Whether the policies let most of the internet reach a port of a workload.
fn world_reaches(
    declared: &Declared<'_>,
    workload: u32,
    protocol: Protocol,
    port: u16,
) -> Option<Reached> {
    let policies = declared.policies();
    let pods = policies.endpoint_of_workload(workload)?;
    let reached: u128 = policies
        .endpoints()
        .filter_map(|(other, endpoint)| match endpoint {
            Endpoint::Addresses {
                is_v6: false,
                ranges,
            } => {
                let allowed: &Connections = policies.allowed(pods, Direction::Ingress, other);
                let size: u128 = ranges.iter().map(|(first, last)| last - first + 1).sum();
                allowed.contains(protocol, port).then_some(size)
            }
            _ => None,
        })
        .sum();
    if reached < EVERYBODY {
        return None;
    }
    let selecting = policies.policies_of(pods, Direction::Ingress);
    let mut places = selecting.filter_map(|policy| {
        let PolicyId::Network(index) = policy else {
            return None;
        };
        let policy = declared
            .model
            .cluster
            .network_policies
            .get(index as usize)?;
        policy.ingress.as_ref().map(|allowed| allowed.at)
    });
    Some(Reached {
        policy: places.next(),
    })
}
