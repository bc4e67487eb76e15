//! The exposure block of netpol-analyzer's cases.

use std::collections::{BTreeMap, BTreeSet};

use ww_model::kube::{LabelTest, Requirement};
use ww_reach::kube::{Connections, Direction, EndpointId, Exposure, UnknownNamespace, UnknownPods};

use super::connectivity::{Analysis, Peer, text};
use super::npguard::Focus;

/// Any pod anywhere.
const EVERYBODY: &str = "entire-cluster";

/// The lines of the block, as far as they are asked for.
pub(super) fn lines(
    analysis: &Analysis<'_>,
    unknown: &[UnknownPods],
    focus: &Focus,
) -> BTreeSet<String> {
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
            if !focus.wants(name, direction) {
                continue;
            }
            let exposures = undeclared(analysis, unknown, *endpoint, direction);
            let everybody = exposures.get(EVERYBODY).map(|all| &all.connections);
            for (other, exposure) in &exposures {
                exposed.insert(name);
                // On one port, everybody says all there is to say.
                let is_open = |all: &Connections| {
                    let asked = focus.port;
                    asked.is_some_and(|(protocol, port)| all.contains(protocol, port))
                };
                if other != EVERYBODY && everybody.is_some_and(is_open) {
                    continue;
                }
                let with = with_names(exposure);
                block.extend(line(
                    name,
                    arrow,
                    other,
                    &exposure.connections,
                    &with,
                    focus,
                ));
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
                let with = text(connections);
                block.extend(line(name, arrow, &other, connections, &with, focus));
            }
        }
        if !block.is_empty() {
            lines.insert(format!("{direction:?} Exposure:"));
        }
        lines.extend(block);
    }
    let unprotected = unprotected(analysis, focus);
    if !unprotected.is_empty() {
        lines.insert("Workloads not protected by network policies:".to_owned());
    }
    lines.extend(unprotected);
    let on = focus
        .port_text()
        .map_or(String::new(), |port| format!(" On {port}"));
    lines.insert(format!("Exposure Analysis Result{on}:"));
    lines
}

/// One line; of one port only whether it is open.
fn line(
    name: &str,
    arrow: &str,
    other: &str,
    connections: &Connections,
    with: &str,
    focus: &Focus,
) -> Option<String> {
    match focus.port {
        None => Some(format!("{name} {arrow} {other} : {with}")),
        Some((protocol, port)) => connections
            .contains(protocol, port)
            .then(|| format!("{name} {arrow} {other}")),
    }
}

/// What a workload has with pods that are not declared, by their printed name.
fn undeclared(
    analysis: &Analysis<'_>,
    unknown: &[UnknownPods],
    endpoint: EndpointId,
    direction: Direction,
) -> BTreeMap<String, Exposure> {
    let mut found = BTreeMap::new();
    for exposure in ww_reach::kube::exposure(&analysis.reach) {
        let other = unknown
            .iter()
            .enumerate()
            .find(|(index, _)| analysis.unknown(*index) == Some(exposure.other));
        if let Some((_, other)) = other
            && (exposure.endpoint, exposure.direction) == (endpoint, direction)
        {
            found.insert(name(other), exposure);
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

/// Workloads that no policy selects, by direction; nothing where one port is asked for.
fn unprotected(analysis: &Analysis<'_>, focus: &Focus) -> Vec<String> {
    let mut lines = Vec::new();
    if focus.port.is_some() {
        return lines;
    }
    for (name, (endpoint, _)) in &analysis.workloads {
        for direction in [Direction::Egress, Direction::Ingress] {
            if focus.wants(name, direction)
                && analysis
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
        return EVERYBODY.to_owned();
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
