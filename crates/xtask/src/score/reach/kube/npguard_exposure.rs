//! The exposure block of netpol-analyzer's cases.

use std::collections::{BTreeMap, BTreeSet};

use ww_model::kube::{LabelTest, Requirement};
use ww_reach::kube::{Direction, EndpointId, Exposure, UnknownNamespace, UnknownPods};

use super::connectivity::{Analysis, Peer, text};

/// The lines of the block.
pub(super) fn lines(analysis: &Analysis<'_>, unknown: &[UnknownPods]) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    let connectivity = analysis.connectivity();
    for direction in [Direction::Egress, Direction::Ingress] {
        let arrow = if direction == Direction::Egress {
            "=>"
        } else {
            "<="
        };
        let mut block = BTreeSet::new();
        let mut exposed = BTreeSet::new();
        for (name, (endpoint, _)) in &analysis.workloads {
            for (other, connections) in undeclared(analysis, unknown, *endpoint, direction) {
                exposed.insert(name);
                block.insert(format!("{name} {arrow} {other} : {connections}"));
            }
        }
        for ((from, to), connections) in &connectivity {
            let pair = match (from, to) {
                (Peer::Workload(name), Peer::Outside(..)) if direction == Direction::Egress => {
                    (name, to)
                }
                (Peer::Outside(..), Peer::Workload(name)) if direction == Direction::Ingress => {
                    (name, from)
                }
                _ => continue,
            };
            if exposed.contains(pair.0) {
                let (name, other) = (pair.0, pair.1.text());
                block.insert(format!("{name} {arrow} {other} : {}", text(connections)));
            }
        }
        if !block.is_empty() {
            lines.insert(format!("{direction:?} Exposure:"));
        }
        lines.extend(block);
    }
    let unprotected = unprotected(analysis);
    if !unprotected.is_empty() {
        lines.insert("Workloads not protected by network policies:".to_owned());
    }
    lines.extend(unprotected);
    if !lines.is_empty() {
        lines.insert("Exposure Analysis Result:".to_owned());
    }
    lines
}

/// What a workload has with pods that are not declared, by their printed name.
fn undeclared(
    analysis: &Analysis<'_>,
    unknown: &[UnknownPods],
    endpoint: EndpointId,
    direction: Direction,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for exposure in ww_reach::kube::exposure(&analysis.reach) {
        let other = unknown
            .iter()
            .enumerate()
            .find(|(index, _)| analysis.unknown(*index) == Some(exposure.other));
        if let Some((_, other)) = other
            && (exposure.endpoint, exposure.direction) == (endpoint, direction)
        {
            found.insert(name(other), with_names(&exposure));
        }
    }
    found
}

/// Connections with the ports that have only a name.
fn with_names(exposure: &Exposure) -> String {
    let names = exposure
        .named_ports
        .iter()
        .map(|(name, protocol)| match protocol {
            Some(protocol) => format!("{} {name}", format!("{protocol:?}").to_uppercase()),
            None => name.clone(),
        });
    let numbers = Some(text(&exposure.connections));
    let numbers =
        numbers.filter(|_| !exposure.connections.is_empty() || exposure.named_ports.is_empty());
    numbers
        .into_iter()
        .chain(names)
        .collect::<Vec<_>>()
        .join(",")
}

/// Workloads that no policy selects, by direction.
fn unprotected(analysis: &Analysis<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, (endpoint, _)) in &analysis.workloads {
        for direction in [Direction::Egress, Direction::Ingress] {
            if analysis
                .reach
                .policies_of(*endpoint, direction)
                .next()
                .is_none()
            {
                lines.push(format!("{name} is not protected on {direction:?}"));
            }
        }
    }
    lines
}

/// Pods that are not declared, as netpol-analyzer prints them.
fn name(unknown: &UnknownPods) -> String {
    if unknown.is_anybody() {
        return "entire-cluster".to_owned();
    }
    let namespace = match &unknown.namespace {
        UnknownNamespace::Named(name) => name.clone(),
        UnknownNamespace::Labelled(requirements) if requirements.is_empty() => {
            "[all namespaces]".to_owned()
        }
        UnknownNamespace::Labelled(requirements) => {
            format!("[namespace with {{{}}}]", selector(requirements))
        }
    };
    match unknown.labels.as_slice() {
        [] => format!("{namespace}/[all pods]"),
        labels => format!("{namespace}/[pod with {{{}}}]", selector(labels)),
    }
}

fn selector(requirements: &[Requirement]) -> String {
    let is_label = |requirement: &&Requirement| matches!(requirement.test, LabelTest::Is(_));
    let labels = requirements.iter().filter(is_label);
    let expressions = requirements
        .iter()
        .filter(|requirement| !is_label(requirement));
    let parts: Vec<String> = labels.chain(expressions).map(requirement).collect();
    parts.join(",")
}

fn requirement(requirement: &Requirement) -> String {
    let (operator, values) = match &requirement.test {
        LabelTest::Is(value) => return format!("{}={value}", requirement.key),
        LabelTest::In(values) => ("In", values.join(" ")),
        LabelTest::NotIn(values) => ("NotIn", values.join(" ")),
        LabelTest::Exists => ("Exists", String::new()),
        LabelTest::DoesNotExist => ("DoesNotExist", String::new()),
    };
    format!(
        "{{Key:{},Operator:{operator},Values:[{values}],}}",
        requirement.key
    )
}
