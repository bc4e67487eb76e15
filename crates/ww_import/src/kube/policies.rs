//! NetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy and ClusterNetworkPolicy.

use ww_base::SourceSpan;
use ww_model::kube::{
    Action, AllowRule, Allowed, ClusterPolicy, NamespaceMatch, NetworkPolicy, Peer, PodMatch,
    PortTest, Ports, Protocol, Tier, TierRule, Who,
};

use super::selectors::{cidr, everything, peer_pods, selector};
use super::workloads::{port_number, protocol};
use super::{Intake, objects};
use crate::document::View;

pub(super) fn network_policy(intake: &mut Intake<'_>, object: View<'_>) {
    let name = objects::name(intake, object);
    let spec = object.get("spec");
    if spec.is_none() {
        intake.malformed(
            object.at(),
            "a NetworkPolicy without a spec selects every pod",
        );
    }
    let get = |key| spec.and_then(|spec| spec.get(key));
    let pods = match get("podSelector") {
        Some(written) => selector(intake, written),
        None => everything(object.at()),
    };
    let ingress = direction(intake, object, spec, ["Ingress", "ingress", "from"]);
    let egress = direction(intake, object, spec, ["Egress", "egress", "to"]);
    let policy = NetworkPolicy {
        name,
        at: object.at(),
        pods,
        ingress,
        egress,
    };
    intake.cluster.network_policies.push(policy);
}

/// Reads one direction: `[policy type, key of its rules, key of their peers]`.
///
/// Without `policyTypes` ingress is isolated always, and egress if there is a rule for it.
fn direction(
    intake: &mut Intake<'_>,
    object: View<'_>,
    spec: Option<View<'_>>,
    [policy_type, rules_key, peers_key]: [&str; 3],
) -> Option<Allowed> {
    let rules = spec.and_then(|spec| spec.get_with_key(rules_key));
    let types = spec.and_then(|spec| spec.get("policyTypes"));
    let types = types.filter(|types| types.items().next().is_some());
    let isolated_at = match types {
        Some(types) => types
            .items()
            .find(|entry| entry.text() == Some(policy_type))
            .map(View::at),
        None if policy_type == "Ingress" => Some(rules.map_or_else(|| object.at(), |(at, _)| at)),
        None => rules
            .filter(|(_, rules)| rules.items().next().is_some())
            .map(|(at, _)| at),
    };
    let at = isolated_at?;
    let mut allowed = Allowed {
        at,
        rules: Vec::new(),
    };
    for rule in rules.into_iter().flat_map(|(_, rules)| rules.items()) {
        allowed.rules.push(allow_rule(intake, rule, peers_key));
    }
    Some(allowed)
}

fn allow_rule(intake: &mut Intake<'_>, rule: View<'_>, peers_key: &str) -> AllowRule {
    let list = |key| {
        rule.get(key)
            .filter(|list: &View<'_>| list.items().next().is_some())
    };
    let peers = list(peers_key);
    let peers = peers.map(|list| {
        list.items()
            .filter_map(|entry| allow_peer(intake, entry))
            .collect()
    });
    let ports = list("ports");
    let ports = ports.map(|list| {
        list.items()
            .filter_map(|entry| allow_port(intake, entry))
            .collect()
    });
    AllowRule {
        at: rule.at(),
        peers,
        ports,
    }
}

fn allow_peer(intake: &mut Intake<'_>, peer: View<'_>) -> Option<Peer> {
    let at = peer.at();
    let pods = peer_pods(intake, peer);
    let block = peer.get("ipBlock");
    let who = match (pods, block) {
        (Some(pods), None) => Who::Pods(pods),
        (None, Some(block)) => {
            let Some(prefix) = block.get("cidr") else {
                intake.malformed(block.at(), "an ipBlock has a cidr");
                return None;
            };
            let block_prefix = cidr(intake, prefix)?;
            let except = block.get("except").into_iter().flat_map(View::items);
            let except = except.filter_map(|entry| cidr(intake, entry)).collect();
            Who::Addresses {
                block: block_prefix,
                except,
            }
        }
        _ => {
            let message =
                "a peer has either an ipBlock, or a podSelector, a namespaceSelector or both";
            intake.malformed(at, message);
            return None;
        }
    };
    Some(Peer { at, who })
}

fn allow_port(intake: &mut Intake<'_>, entry: View<'_>) -> Option<PortTest> {
    let protocol = protocol(intake, entry.get("protocol"))?;
    let port = entry.get("port");
    let ports = match (port, port.and_then(port_number), entry.get("endPort")) {
        (None, _, _) => Ports::All,
        (Some(_), Some(first), None) => Ports::Range(first, first),
        (Some(_), Some(first), Some(end)) => {
            let Some(last) = port_number(end).filter(|last| *last >= first) else {
                intake.malformed(end.at(), "endPort is a number, and not below port");
                return None;
            };
            Ports::Range(first, last)
        }
        (Some(port), None, end) => {
            let name = port
                .text()
                .filter(|_| port.integer().is_none() && end.is_none());
            let Some(name) = name else {
                intake.malformed(
                    entry.at(),
                    "port is a number from 1 to 65535, or a name without endPort",
                );
                return None;
            };
            Ports::Named(name.to_owned())
        }
    };
    Some(PortTest {
        at: entry.at(),
        protocol: Some(protocol),
        ports,
    })
}

pub(super) fn cluster_policy(intake: &mut Intake<'_>, kind: &str, object: View<'_>) {
    let name = objects::name(intake, object).name;
    let Some(spec) = object.get("spec") else {
        return intake.malformed(object.at(), format!("a {kind} without a spec"));
    };
    let is_baseline = match kind {
        "ClusterNetworkPolicy" => spec.get("tier").and_then(View::text) == Some("Baseline"),
        _ => kind == "BaselineAdminNetworkPolicy",
    };
    let priority = spec.get("priority");
    let priority_value = priority.and_then(View::integer);
    if priority_value.is_none() && kind != "BaselineAdminNetworkPolicy" {
        let at = priority.map_or_else(|| object.at(), View::at);
        intake.malformed(at, "priority is a number from 0 to 1000; 1000 is taken");
    }
    let subject = spec.get("subject");
    let subject = subject.and_then(|subject| admin_pods(intake, subject));
    let Some(subject) = subject else {
        return intake.malformed(
            object.at(),
            "subject is namespaces or pods; the policy selects nothing",
        );
    };
    let ingress = tier_rules(intake, spec.get("ingress"), "from");
    let egress = tier_rules(intake, spec.get("egress"), "to");
    intake.cluster.cluster_policies.push(ClusterPolicy {
        name,
        kind: kind.to_owned(),
        at: object.at(),
        tier: if is_baseline {
            Tier::Baseline
        } else {
            Tier::Admin
        },
        priority: priority_value.unwrap_or(if is_baseline { 0 } else { 1000 }),
        subject,
        ingress,
        egress,
    });
}

/// Reads `namespaces` or `pods` of a subject or peer.
fn admin_pods(intake: &mut Intake<'_>, written: View<'_>) -> Option<PodMatch> {
    if let Some(namespaces) = written.get("namespaces") {
        let namespaces = NamespaceMatch::Labelled(selector(intake, namespaces));
        return Some(PodMatch {
            namespaces,
            pods: None,
        });
    }
    let pods = written.get("pods")?;
    let namespaces = match pods.get("namespaceSelector") {
        Some(namespaces) => selector(intake, namespaces),
        None => everything(pods.at()),
    };
    let selected = pods
        .get("podSelector")
        .map(|written| selector(intake, written));
    Some(PodMatch {
        namespaces: NamespaceMatch::Labelled(namespaces),
        pods: selected,
    })
}

fn tier_rules(intake: &mut Intake<'_>, rules: Option<View<'_>>, peers_key: &str) -> Vec<TierRule> {
    let mut read = Vec::new();
    for rule in rules.into_iter().flat_map(View::items) {
        read.push(tier_rule(intake, rule, peers_key));
    }
    read
}

fn tier_rule(intake: &mut Intake<'_>, rule: View<'_>, peers_key: &str) -> TierRule {
    let action = match rule.get("action").and_then(View::text) {
        Some("Allow" | "Accept") => Action::Accept,
        Some("Pass") => Action::Pass,
        Some("Deny") => Action::Deny,
        _ => {
            intake.malformed(
                rule.at(),
                "action is Accept (Allow), Deny or Pass; read as Deny",
            );
            Action::Deny
        }
    };
    let mut peers = Vec::new();
    for peer in rule.get(peers_key).into_iter().flat_map(View::items) {
        tier_peer(intake, peer, &mut peers);
    }
    if peers.is_empty() {
        intake.malformed(
            rule.at(),
            format!("a rule without `{peers_key}` matches nothing"),
        );
    }
    let written = rule.get("ports").or_else(|| rule.get("protocols"));
    let written = written.filter(|list| list.items().next().is_some());
    let ports = written.map(|list| {
        list.items()
            .filter_map(|entry| tier_port(intake, entry, action))
            .collect()
    });
    let name = rule.get("name").and_then(View::text).map(str::to_owned);
    TierRule {
        at: rule.at(),
        name,
        action,
        peers,
        ports,
    }
}

fn tier_peer(intake: &mut Intake<'_>, peer: View<'_>, peers: &mut Vec<Peer>) {
    let at = peer.at();
    if let Some(pods) = admin_pods(intake, peer) {
        peers.push(Peer {
            at,
            who: Who::Pods(pods),
        });
    } else if let Some(nodes) = peer.get("nodes") {
        peers.push(Peer {
            at,
            who: Who::Nodes(selector(intake, nodes)),
        });
    } else if let Some(networks) = peer.get("networks") {
        for network in networks.items() {
            let block = cidr(intake, network);
            let who = block.map_or(Who::Unknown, |block| Who::Addresses {
                block,
                except: Vec::new(),
            });
            peers.push(Peer {
                at: network.at(),
                who,
            });
        }
    } else if let Some(names) = peer.get("domainNames") {
        let names = names
            .items()
            .filter_map(|name| name.text().map(str::to_owned))
            .collect();
        peers.push(Peer {
            at,
            who: Who::Names(names),
        });
    } else {
        intake.unsupported(
            at,
            "unknown peer: an accepting rule matches nobody by it, another everybody",
        );
        peers.push(Peer {
            at,
            who: Who::Unknown,
        });
    }
}

/// Reads an entry of `ports` (v1alpha1) or `protocols` (v1alpha2). One that is unknown matches
/// nothing where the rule accepts, and everything where it does not.
fn tier_port(intake: &mut Intake<'_>, entry: View<'_>, action: Action) -> Option<PortTest> {
    let at = entry.at();
    let read = port_v1alpha1(intake, entry).or_else(|| port_v1alpha2(entry, at));
    if read.is_none() {
        intake.unsupported(
            at,
            "unknown ports: an accepting rule matches none by it, another all",
        );
        return (action != Action::Accept).then_some(PortTest {
            at,
            protocol: None,
            ports: Ports::All,
        });
    }
    read
}

fn port_v1alpha1(intake: &mut Intake<'_>, entry: View<'_>) -> Option<PortTest> {
    let at = entry.at();
    if let Some(port) = entry.get("portNumber") {
        let number = port.get("port").and_then(port_number)?;
        let protocol = protocol(intake, port.get("protocol"))?;
        let ports = Ports::Range(number, number);
        return Some(PortTest {
            at,
            protocol: Some(protocol),
            ports,
        });
    }
    if let Some(range) = entry.get("portRange") {
        let protocol = protocol(intake, range.get("protocol"))?;
        let ports = range_of(range)?;
        return Some(PortTest {
            at,
            protocol: Some(protocol),
            ports,
        });
    }
    let name = entry
        .get("namedPort")
        .or_else(|| entry.get("destinationNamedPort"))?;
    Some(PortTest {
        at,
        protocol: None,
        ports: Ports::Named(name.text()?.to_owned()),
    })
}

fn port_v1alpha2(entry: View<'_>, at: SourceSpan) -> Option<PortTest> {
    let known = [
        ("tcp", Protocol::Tcp),
        ("udp", Protocol::Udp),
        ("sctp", Protocol::Sctp),
    ];
    let (written, protocol) = known
        .iter()
        .find_map(|(key, protocol)| Some((entry.get(key)?, *protocol)))?;
    let ports = match written.get("destinationPort") {
        None => Ports::All,
        Some(port) => match (port.get("number"), port.get("range")) {
            (Some(number), None) => {
                let number = port_number(number)?;
                Ports::Range(number, number)
            }
            (None, Some(range)) => range_of(range)?,
            _ => return None,
        },
    };
    Some(PortTest {
        at,
        protocol: Some(protocol),
        ports,
    })
}

fn range_of(range: View<'_>) -> Option<Ports> {
    let start = range.get("start").and_then(port_number)?;
    let end = range.get("end").and_then(port_number)?;
    (start <= end).then_some(Ports::Range(start, end))
}
