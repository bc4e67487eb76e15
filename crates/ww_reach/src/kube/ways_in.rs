//! Which pods Ingress and Route objects lead to, and at which ports.

use ww_base::SourceSpan;
use ww_model::kube::{
    Backend, BackendPort, Cluster, Ingress, PortRef, Service, ServicePort, Workload,
};

use super::connections::Connections;

/// A pod that an Ingress or Route leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayIn {
    /// The object: index into the cluster's `ingresses`.
    pub ingress: u32,
    /// Where its backend is written.
    pub backend_at: SourceSpan,
    /// The service between: index into the cluster's `services`.
    pub service: u32,
    /// The pod: index into the cluster's `workloads`.
    pub workload: u32,
    /// The ports at the pod.
    pub connections: Connections,
}

/// Every pod that an Ingress or Route leads to; a backend whose service is not declared, or has no
/// such port, leads nowhere.
pub fn ways_in(cluster: &Cluster) -> Vec<WayIn> {
    let mut ways = Vec::new();
    for (index, ingress) in cluster.ingresses.iter().enumerate() {
        for backend in &ingress.backends {
            let services = cluster.services.iter().enumerate();
            let meant = |service: &Service| is_meant(ingress, backend, service);
            for (service_index, service) in services.filter(|(_, service)| meant(service)) {
                for (workload, connections) in behind(cluster, service, backend.port.as_ref()) {
                    ways.push(WayIn {
                        ingress: index as u32,
                        backend_at: backend.at,
                        service: service_index as u32,
                        workload,
                        connections,
                    });
                }
            }
        }
    }
    ways
}

fn is_meant(ingress: &Ingress, backend: &Backend, service: &Service) -> bool {
    service.name.namespace == ingress.name.namespace && service.name.name == backend.service
}

/// The pods behind a service, with the ports that the service's ports lead to there.
fn behind<'c>(
    cluster: &'c Cluster,
    service: &'c Service,
    port: Option<&'c BackendPort>,
) -> impl Iterator<Item = (u32, Connections)> + 'c {
    let ports = move || {
        service
            .ports
            .iter()
            .filter(move |candidate| is_port(candidate, port))
    };
    let workloads = cluster.workloads.iter().enumerate();
    let selected = workloads.filter(move |(_, workload)| selects(service, workload));
    selected.filter_map(move |(index, workload)| {
        let sets = ports().map(|port| at_pod(port, workload));
        let connections = sets.fold(Connections::none(), |all, one| all.or(&one));
        (!connections.is_empty()).then_some((index as u32, connections))
    })
}

/// Whether a service's selector selects a workload.
pub fn selects(service: &Service, workload: &Workload) -> bool {
    service.name.namespace == workload.name.namespace
        && service.selector.as_ref().is_some_and(|selector| {
            selector
                .iter()
                .all(|(key, value)| workload.labels.get(key) == Some(value))
        })
}

/// Whether a backend means a port of its service.
fn is_port(candidate: &ServicePort, wanted: Option<&BackendPort>) -> bool {
    match wanted {
        None => true,
        Some(BackendPort::Service(PortRef::Number(number))) => candidate.number == *number,
        Some(BackendPort::Service(PortRef::Name(name))) => candidate.name.as_ref() == Some(name),
        Some(BackendPort::Target(target)) => {
            let by_name =
                matches!(target, PortRef::Name(name) if candidate.name.as_ref() == Some(name));
            by_name || candidate.target == *target
        }
    }
}

/// The ports of a pod that a port of a service leads to.
pub fn at_pod(port: &ServicePort, workload: &Workload) -> Connections {
    match &port.target {
        PortRef::Number(number) => Connections::one(port.protocol, *number),
        PortRef::Name(name) => {
            let named = workload.ports.iter();
            let named = named
                .filter(|own| own.name.as_ref() == Some(name) && own.protocol == port.protocol);
            let sets = named.map(|own| Connections::one(own.protocol, own.number));
            sets.fold(Connections::none(), |all, one| all.or(&one))
        }
    }
}
