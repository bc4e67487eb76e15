//! Namespaces, nodes, pods and what makes pods.

use std::net::IpAddr;

use ww_base::Order;
use ww_model::kube::{ContainerPort, Labels, Namespace, Node, Owner, Protocol, Workload};

use super::{Intake, objects};
use crate::document::View;

/// The label by which the API server tells every namespace its own name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

pub(super) fn namespace(intake: &mut Intake<'_>, object: View<'_>) {
    let name = objects::name(intake, object).name;
    let mut labels = objects::labels(intake, object.get("metadata"));
    labels.insert(NAME_LABEL.to_owned(), name.clone());
    intake.cluster.namespaces.push(Namespace {
        name,
        labels,
        at: object.at(),
    });
}

pub(super) fn node(intake: &mut Intake<'_>, object: View<'_>) {
    let name = objects::name(intake, object).name;
    let labels = objects::labels(intake, object.get("metadata"));
    let addresses = object
        .get("status")
        .and_then(|status| status.get("addresses"));
    let addresses = addresses.into_iter().flat_map(View::items);
    let addresses = addresses
        .filter_map(|entry| address(entry.get("address")?))
        .collect();
    intake.cluster.nodes.push(Node {
        name,
        labels,
        addresses,
        at: object.at(),
    });
}

pub(super) fn pod(intake: &mut Intake<'_>, object: View<'_>) {
    let metadata = object.get("metadata");
    let labels = objects::labels(intake, metadata);
    let mut pod = workload(intake, "Pod", object, labels, object.get("spec"));
    pod.owner = metadata.and_then(owner);
    pod.addresses = object.get("status").map(pod_addresses).unwrap_or_default();
    intake.cluster.workloads.push(pod);
}

/// The controller among the owners that a pod names, or else the first of them.
fn owner(metadata: View<'_>) -> Option<Owner> {
    let owners = metadata.get("ownerReferences")?;
    let is_controller = |owner: &View<'_>| owner.get("controller").is_some_and(View::is_true);
    let owner = owners
        .items()
        .find(is_controller)
        .or_else(|| owners.items().next())?;
    let text = |key| owner.get(key).and_then(View::text).map(str::to_owned);
    Some(Owner {
        kind: text("kind").unwrap_or_default(),
        name: text("name")?,
    })
}

fn pod_addresses(status: View<'_>) -> Vec<IpAddr> {
    let many = status.get("podIPs").into_iter().flat_map(View::items);
    let many = many.filter_map(|entry| address(entry.get("ip")?));
    let mut addresses: Vec<IpAddr> = status
        .get("podIP")
        .and_then(address)
        .into_iter()
        .chain(many)
        .collect();
    addresses.put_in_order();
    addresses.dedup();
    addresses
}

/// An address, when a scalar is one.
pub(super) fn address(scalar: View<'_>) -> Option<IpAddr> {
    scalar.text()?.parse().ok()
}

/// Reads what makes pods from a template.
pub(super) fn controller(intake: &mut Intake<'_>, kind: &str, object: View<'_>) {
    let spec = object.get("spec");
    let job = if kind == "CronJob" {
        spec.and_then(|spec| spec.get("jobTemplate")?.get("spec"))
    } else {
        spec
    };
    let template = match kind {
        "VirtualMachineInstance" => Some(object),
        _ => job.and_then(|job| job.get("template")),
    };
    let Some(template) = template else {
        return intake.malformed(object.at(), format!("a {kind} without a pod template"));
    };
    let labels = objects::labels(intake, template.get("metadata"));
    let mut made = workload(intake, kind, object, labels, template.get("spec"));
    let count = |key| spec.and_then(|spec| spec.get(key)?.integer());
    let replicas = count("replicas").or_else(|| count("parallelism"));
    made.replicas = replicas
        .and_then(|count| u32::try_from(count).ok())
        .unwrap_or(1);
    intake.cluster.workloads.push(made);
}

fn workload(
    intake: &mut Intake<'_>,
    kind: &str,
    object: View<'_>,
    labels: Labels,
    spec: Option<View<'_>>,
) -> Workload {
    let text = |key| spec.and_then(|spec| spec.get(key)).and_then(View::text);
    Workload {
        name: objects::name(intake, object),
        kind: kind.to_owned(),
        at: object.at(),
        owner: None,
        labels,
        ports: spec.map(|spec| ports(intake, spec)).unwrap_or_default(),
        host_network: spec
            .and_then(|spec| spec.get("hostNetwork"))
            .is_some_and(View::is_true),
        addresses: Vec::new(),
        node: text("nodeName").map(str::to_owned),
        replicas: 1,
    }
}

/// Ports of the containers, and of init containers that go on running beside them.
fn ports(intake: &mut Intake<'_>, spec: View<'_>) -> Vec<ContainerPort> {
    let containers = spec.get("containers").into_iter().flat_map(View::items);
    let stays = |container: &View<'_>| {
        container.get("restartPolicy").and_then(View::text) == Some("Always")
    };
    let beside = spec
        .get("initContainers")
        .into_iter()
        .flat_map(View::items)
        .filter(stays);
    let mut ports = Vec::new();
    for container in containers.chain(beside) {
        for port in container.get("ports").into_iter().flat_map(View::items) {
            ports.extend(container_port(intake, port));
        }
    }
    ports
}

fn container_port(intake: &mut Intake<'_>, port: View<'_>) -> Option<ContainerPort> {
    let number = port.get("containerPort").and_then(port_number);
    let Some(number) = number else {
        intake.malformed(port.at(), "containerPort is a number from 1 to 65535");
        return None;
    };
    let name = port.get("name").and_then(View::text).map(str::to_owned);
    let protocol = protocol(intake, port.get("protocol"))?;
    Some(ContainerPort {
        name,
        number,
        protocol,
    })
}

/// A port's number.
pub(super) fn port_number(scalar: View<'_>) -> Option<u16> {
    scalar
        .integer()
        .and_then(|number| u16::try_from(number).ok())
        .filter(|number| *number > 0)
}

/// The protocol, TCP when none is written; none and a problem for one that there is not.
pub(super) fn protocol(intake: &mut Intake<'_>, written: Option<View<'_>>) -> Option<Protocol> {
    let Some(written) = written else {
        return Some(Protocol::Tcp);
    };
    match written.text() {
        Some("TCP") => Some(Protocol::Tcp),
        Some("UDP") => Some(Protocol::Udp),
        Some("SCTP") => Some(Protocol::Sctp),
        _ => {
            intake.malformed(written.at(), "protocol is TCP, UDP or SCTP");
            None
        }
    }
}
