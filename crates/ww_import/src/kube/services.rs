//! Services, the addresses behind them, and the ways in from outside.

use ww_base::Order;
use ww_model::kube::{
    Backend, BackendPort, Cidr, ContainerPort, EndpointSlice, Ingress, PortRef, Service,
    ServicePort,
};

use super::selectors::{cidr, parse_cidr};
use super::workloads::{address, port_number, protocol};
use super::{Intake, objects};
use crate::document::View;

pub(super) fn service(intake: &mut Intake<'_>, object: View<'_>) {
    let name = objects::name(intake, object);
    let spec = object.get("spec");
    let get = |key| spec.and_then(|spec| spec.get(key));
    let many = get("clusterIPs").into_iter().flat_map(View::items);
    let mut addresses: Vec<_> = get("clusterIP")
        .into_iter()
        .chain(many)
        .filter_map(address)
        .collect();
    addresses.put_in_order();
    addresses.dedup();
    let selector = get("selector").map(|labels| objects::string_map(intake, labels));
    let annotations = object.get("metadata").and_then(|it| it.get("annotations"));
    let kind = get("type");
    let source_ranges = source_ranges(intake, get("loadBalancerSourceRanges"), annotations);
    let mut ports = Vec::new();
    for port in get("ports").into_iter().flat_map(View::items) {
        ports.extend(service_port(intake, port));
    }
    intake.cluster.services.push(Service {
        name,
        at: object.at(),
        selector: selector.filter(|labels| !labels.is_empty()),
        selector_at: get("selector").map(View::at),
        ports,
        kind: kind.and_then(View::text).unwrap_or("ClusterIP").to_owned(),
        kind_at: kind.map(View::at),
        is_internal: annotations.is_some_and(asks_for_internal),
        source_ranges,
        addresses,
        headless_at: get("clusterIP")
            .filter(|it| it.text() == Some("None"))
            .map(View::at),
        affinity_at: get("sessionAffinity")
            .filter(|affinity| affinity.text() == Some("ClientIP"))
            .map(View::at),
        external_name: get("externalName").and_then(View::text).map(str::to_owned),
    });
}

/// The sources that a load balancer takes connections from: the field, or else the annotation that
/// came before it.
fn source_ranges(
    intake: &mut Intake<'_>,
    field: Option<View<'_>>,
    annotations: Option<View<'_>>,
) -> Vec<Cidr> {
    if let Some(field) = field {
        return field
            .items()
            .filter_map(|entry| cidr(intake, entry))
            .collect();
    }
    let old = annotations
        .and_then(|it| it.get("service.beta.kubernetes.io/load-balancer-source-ranges"))
        .and_then(View::text);
    old.into_iter()
        .flat_map(|list| list.split(','))
        .filter_map(|text| parse_cidr(text.trim()))
        .collect()
}

/// Whether annotations ask for a load balancer inside the cloud's own network. The clouds have
/// different words for it, all of them with `internal`, `intranet` or `private` in key or value:
/// `service.beta.kubernetes.io/aws-load-balancer-internal: "true"`,
/// `networking.gke.io/load-balancer-type: Internal`, …
fn asks_for_internal(annotations: View<'_>) -> bool {
    annotations.entries().any(|(key, value)| {
        let key = key.to_ascii_lowercase();
        let value = value.text().unwrap_or_default().to_ascii_lowercase();
        let balances = key.contains("load-balancer") || key.contains("loadbalancer");
        let named = |text: &str| {
            ["internal", "intranet", "private"]
                .iter()
                .any(|word| text.contains(word))
        };
        let refused = ["false", "", "0.0.0.0/0"].contains(&value.as_str());
        balances && (named(&value) || (named(&key) && !refused))
    })
}

fn service_port(intake: &mut Intake<'_>, port: View<'_>) -> Option<ServicePort> {
    let Some(number) = port.get("port").and_then(port_number) else {
        intake.malformed(port.at(), "port is a number from 1 to 65535");
        return None;
    };
    Some(ServicePort {
        at: port.at(),
        name: port.get("name").and_then(View::text).map(str::to_owned),
        number,
        target: port
            .get("targetPort")
            .and_then(port_ref)
            .unwrap_or(PortRef::Number(number)),
        protocol: protocol(intake, port.get("protocol"))?,
        node_port: port.get("nodePort").and_then(port_number),
    })
}

/// A port by number or name.
fn port_ref(scalar: View<'_>) -> Option<PortRef> {
    match scalar.integer() {
        Some(_) => port_number(scalar).map(PortRef::Number),
        None => scalar.text().map(|name| PortRef::Name(name.to_owned())),
    }
}

pub(super) fn endpoint_slice(intake: &mut Intake<'_>, object: View<'_>) {
    let labels = objects::labels(intake, object.get("metadata"));
    let mut slice = EndpointSlice {
        name: objects::name(intake, object),
        at: object.at(),
        service: labels.get("kubernetes.io/service-name").cloned(),
        addresses: Vec::new(),
        pods: Vec::new(),
        ports: Vec::new(),
    };
    for endpoint in object.get("endpoints").into_iter().flat_map(View::items) {
        let addresses = endpoint.get("addresses").into_iter().flat_map(View::items);
        slice.addresses.extend(addresses.filter_map(address));
        slice.pods.extend(pod(endpoint));
    }
    endpoint_ports(intake, object, &mut slice);
    intake.cluster.endpoint_slices.push(slice);
}

/// The object that came before slices: one for a Service, of the Service's name. Each subset is as a
/// slice.
pub(super) fn endpoints(intake: &mut Intake<'_>, object: View<'_>) {
    for subset in object.get("subsets").into_iter().flat_map(View::items) {
        let name = objects::name(intake, object);
        let mut slice = EndpointSlice {
            at: object.at(),
            service: Some(name.name.clone()),
            name,
            addresses: Vec::new(),
            pods: Vec::new(),
            ports: Vec::new(),
        };
        let keys = ["addresses", "notReadyAddresses"].into_iter();
        let entries = keys.filter_map(|key| subset.get(key));
        for entry in entries.flat_map(View::items) {
            slice.addresses.extend(entry.get("ip").and_then(address));
            slice.pods.extend(pod(entry));
        }
        endpoint_ports(intake, subset, &mut slice);
        intake.cluster.endpoint_slices.push(slice);
    }
}

/// The pod that an endpoint is, when it says so.
fn pod(endpoint: View<'_>) -> Option<String> {
    let target = endpoint.get("targetRef")?;
    let is_pod = target.get("kind").and_then(View::text) == Some("Pod");
    let name = target.get("name").and_then(View::text);
    name.filter(|_| is_pod).map(str::to_owned)
}

fn endpoint_ports(intake: &mut Intake<'_>, holder: View<'_>, slice: &mut EndpointSlice) {
    for port in holder.get("ports").into_iter().flat_map(View::items) {
        if let (Some(number), Some(protocol)) = (
            port.get("port").and_then(port_number),
            protocol(intake, port.get("protocol")),
        ) {
            let name = port.get("name").and_then(View::text).map(str::to_owned);
            slice.ports.push(ContainerPort {
                name,
                number,
                protocol,
            });
        }
    }
}

pub(super) fn ingress(intake: &mut Intake<'_>, object: View<'_>) {
    let name = objects::name(intake, object);
    let spec = object.get("spec");
    let get = |key| spec.and_then(|spec| spec.get(key));
    let mut backends = Vec::new();
    let default = get("defaultBackend").or_else(|| get("backend"));
    backends.extend(default.and_then(|entry| backend(intake, entry, None, None)));
    for rule in get("rules").into_iter().flat_map(View::items) {
        let host = rule.get("host").and_then(View::text);
        let paths = rule.get("http").and_then(|http| http.get("paths"));
        for entry in paths.into_iter().flat_map(View::items) {
            let path = entry.get("path").and_then(View::text);
            let target = entry.get("backend");
            backends.extend(target.and_then(|target| backend(intake, target, host, path)));
        }
    }
    let kind = "Ingress".to_owned();
    intake.cluster.ingresses.push(Ingress {
        name,
        kind,
        at: object.at(),
        backends,
    });
}

/// A backend in the form of networking.k8s.io/v1 (`service.name`) or of its betas (`serviceName`).
fn backend(
    intake: &mut Intake<'_>,
    entry: View<'_>,
    host: Option<&str>,
    path: Option<&str>,
) -> Option<Backend> {
    let service = entry.get("service");
    let old_name = entry.get("serviceName").and_then(View::text);
    let Some(name) = service
        .and_then(|service| service.get("name")?.text())
        .or(old_name)
    else {
        intake.unsupported(entry.at(), "a backend that is no service is not followed");
        return None;
    };
    let port = service.and_then(|service| service.get("port"));
    let number = port.and_then(|port| port.get("number").or_else(|| port.get("name")));
    let port = number
        .or_else(|| entry.get("servicePort"))
        .and_then(port_ref);
    Some(Backend {
        at: entry.at(),
        host: host.map(str::to_owned),
        path: path.map(str::to_owned),
        service: name.to_owned(),
        port: port.map(BackendPort::Service),
    })
}

pub(super) fn route(intake: &mut Intake<'_>, object: View<'_>) {
    let name = objects::name(intake, object);
    let spec = object.get("spec");
    let get = |key| spec.and_then(|spec| spec.get(key));
    let text = |key| get(key).and_then(View::text).map(str::to_owned);
    let port = get("port")
        .and_then(|port| port.get("targetPort"))
        .and_then(port_ref);
    let others = get("alternateBackends").into_iter().flat_map(View::items);
    let mut backends = Vec::new();
    for target in get("to").into_iter().chain(others) {
        let kind = target.get("kind").and_then(View::text).unwrap_or("Service");
        let Some(service) = target
            .get("name")
            .and_then(View::text)
            .filter(|_| kind == "Service")
        else {
            intake.malformed(target.at(), "a route leads to a service by its name");
            continue;
        };
        backends.push(Backend {
            at: target.at(),
            host: text("host"),
            path: text("path"),
            service: service.to_owned(),
            port: port.clone().map(BackendPort::Target),
        });
    }
    let kind = "Route".to_owned();
    intake.cluster.ingresses.push(Ingress {
        name,
        kind,
        at: object.at(),
        backends,
    });
}
