//! The reasons that netpol-analyzer gives for connections, against ours: who decides about every
//! port of every protocol, on both sides, by the names of policies.

use std::collections::{BTreeMap, BTreeSet};

use ww_model::kube::Protocol;
use ww_reach::kube::{Connections, Decider, Direction, EndpointId, PolicyId, Reason};

use super::connectivity::{Analysis, Peer};

const PROTOCOLS: [(&str, Protocol); 3] = [
    ("TCP", Protocol::Tcp),
    ("UDP", Protocol::Udp),
    ("SCTP", Protocol::Sctp),
];

/// A pair of peers with what is said about its connections.
#[derive(Debug, Default)]
struct Block {
    from: String,
    to: String,
    groups: Vec<Group>,
}

/// Connections that are decided alike.
#[derive(Debug)]
struct Group {
    ports: Vec<(Protocol, u16, u16)>,
    allowed: bool,
    /// What is said of the sides; where it is left out, nothing is.
    egress: Option<Side>,
    ingress: Option<Side>,
}

/// What one side's policies say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Side {
    allowed: bool,
    /// `Kind 'name'` of those that decide; of NetworkPolicies that allow, one or all of them. None
    /// where no policy says anything.
    by: BTreeSet<String>,
}

/// What differs; `all` when the text is about every pair and every connection.
pub(super) fn differences(analysis: &Analysis<'_>, expected: &str, all: bool) -> Vec<String> {
    let blocks = blocks(expected);
    let mut differences = Vec::new();
    for block in &blocks {
        let pair = format!("{} => {}", block.from, block.to);
        let found = if block.from == Peer::IngressController.text() {
            through_ingress(analysis, block)
        } else {
            match ends(analysis, block) {
                Some((from, to)) => by_policies(analysis, block, from, to, all),
                None => vec!["no such pair".to_owned()],
            }
        };
        differences.extend(found.into_iter().map(|what| format!("{pair}: {what}")));
    }
    if all {
        let listed: BTreeSet<(&str, &str)> = blocks
            .iter()
            .map(|block| (block.from.as_str(), block.to.as_str()))
            .collect();
        for from in analysis.workloads.keys() {
            let others = analysis.workloads.keys().filter(|to| *to != from);
            let missing = others.filter(|to| !listed.contains(&(from.as_str(), to.as_str())));
            differences.extend(missing.map(|to| format!("{from} => {to}: not listed")));
        }
    }
    differences
}

fn ends(analysis: &Analysis<'_>, block: &Block) -> Option<(EndpointId, EndpointId)> {
    Some((
        analysis.peer(&block.from, Direction::Ingress)?,
        analysis.peer(&block.to, Direction::Egress)?,
    ))
}

/// Compares both sides of a pair at every border of what either of us says.
fn by_policies(
    analysis: &Analysis<'_>,
    block: &Block,
    from: EndpointId,
    to: EndpointId,
    all: bool,
) -> Vec<String> {
    let reach = &analysis.reach;
    let asked = Connections::all();
    let egress = reach.reasons(from, Direction::Egress, to, &asked);
    let ingress = reach.reasons(to, Direction::Ingress, from, &asked);
    let mut found = Vec::new();
    for (protocol, port) in borders(block, &[&egress, &ingress]) {
        let Some(group) = block
            .groups
            .iter()
            .find(|group| group.holds(protocol, port))
        else {
            if all {
                found.push(format!("{protocol:?} {port} is not listed"));
            }
            continue;
        };
        let out = side(analysis, &egress, protocol, port);
        let into = side(analysis, &ingress, protocol, port);
        if group.allowed != (out.allowed && into.allowed) {
            found.push(format!(
                "{protocol:?} {port}: expected {}",
                if group.allowed { "allowed" } else { "denied" }
            ));
        }
        for (theirs, ours) in [(&group.egress, out), (&group.ingress, into)] {
            if let Some(theirs) = theirs.as_ref().filter(|theirs| !theirs.agrees(&ours)) {
                found.push(format!(
                    "{protocol:?} {port}: expected {theirs:?}, found {ours:?}"
                ));
            }
        }
    }
    found
}

/// What Ingress and Route objects lead to: the connections alone.
fn through_ingress(analysis: &Analysis<'_>, block: &Block) -> Vec<String> {
    let ways = analysis.through_ingress();
    let none = Connections::none();
    let ours = ways.get(&block.to).unwrap_or(&none);
    let at = borders(block, &[]);
    let differs = at.filter(|(protocol, port)| {
        let group = block
            .groups
            .iter()
            .find(|group| group.holds(*protocol, *port));
        group.is_some_and(|group| group.allowed != ours.contains(*protocol, *port))
    });
    differs
        .map(|(protocol, port)| format!("{protocol:?} {port} is decided otherwise"))
        .collect()
}

/// Every port at which something changes, in any of the texts.
fn borders(block: &Block, reasons: &[&[Reason]]) -> impl Iterator<Item = (Protocol, u16)> + use<> {
    let mut ports: BTreeSet<(Protocol, u16)> = BTreeSet::new();
    let theirs = block.groups.iter().flat_map(|group| &group.ports);
    for (protocol, first, last) in theirs {
        let around = [
            first.saturating_sub(1),
            *first,
            *last,
            last.saturating_add(1),
        ];
        ports.extend(around.map(|port| (*protocol, port)));
    }
    for reason in reasons.iter().copied().flatten() {
        for (_, protocol) in PROTOCOLS {
            for (first, last) in reason.connections.ports(protocol).iter() {
                ports.extend([first, last].map(|port| (protocol, port as u16)));
            }
        }
    }
    ports.into_iter().filter(|(_, port)| *port > 0)
}

impl Group {
    fn holds(&self, protocol: Protocol, port: u16) -> bool {
        let mut ports = self.ports.iter();
        ports.any(|(of, first, last)| *of == protocol && (*first..=*last).contains(&port))
    }
}

impl Side {
    /// No policy says anything.
    fn open() -> Side {
        Side {
            allowed: true,
            by: BTreeSet::new(),
        }
    }

    /// Whether ours, which names one of the NetworkPolicies that allow, says the same.
    fn agrees(&self, ours: &Side) -> bool {
        let by = if self.allowed {
            ours.by.is_subset(&self.by) && ours.by.is_empty() == self.by.is_empty()
        } else {
            ours.by == self.by
        };
        by && self.allowed == ours.allowed
    }
}

fn side(analysis: &Analysis<'_>, reasons: &[Reason], protocol: Protocol, port: u16) -> Side {
    let mut reasons = reasons.iter();
    let Some(reason) = reasons.find(|reason| reason.connections.contains(protocol, port)) else {
        return Side::default();
    };
    let name = |id: &PolicyId| policy_name(analysis, *id);
    Side {
        allowed: reason.allowed,
        by: match &reason.decider {
            Decider::Rule { policy, .. } => BTreeSet::from([name(policy)]),
            Decider::Isolated(policies) => policies.iter().map(name).collect(),
            Decider::Default => BTreeSet::new(),
        },
    }
}

fn policy_name(analysis: &Analysis<'_>, id: PolicyId) -> String {
    let cluster = analysis.reach.cluster();
    let name = match id {
        PolicyId::Network(index) => cluster.network_policies.get(index as usize).map(|policy| {
            format!(
                "NetworkPolicy '{}/{}'",
                policy.name.namespace, policy.name.name
            )
        }),
        PolicyId::Cluster(index) => cluster
            .cluster_policies
            .get(index as usize)
            .map(|policy| format!("{} '{}'", policy.kind, policy.name)),
    };
    name.unwrap_or_default()
}

/// The pairs of a text: those with reasons of their own, and those that no policy says anything
/// about.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut by_default = false;
    let mut direction = Direction::Egress;
    for line in text.lines().map(str::trim) {
        if line.starts_with("Exposure Analysis Result") {
            break;
        }
        if line.starts_with("# All Connections due to the system default") {
            by_default = true;
        } else if let Some(pair) = line.strip_prefix("Connections between ") {
            blocks.extend(block(pair.trim_end_matches(':')));
        } else if by_default && line.contains(" => ") {
            let mut all = block(line);
            if let Some(block) = &mut all {
                block
                    .groups
                    .push(group("TCP, UDP, SCTP", true, Some(Side::open())));
            }
            blocks.extend(all);
        } else if let Some(block) = blocks.last_mut() {
            reason(line, block, &mut direction);
        }
    }
    blocks
}

fn block(pair: &str) -> Option<Block> {
    let (from, to) = pair.split_once(" => ")?;
    Some(Block {
        from: from.to_owned(),
        to: to.to_owned(),
        groups: Vec::new(),
    })
}

/// A line below a pair: connections, a side of them, or a policy.
fn reason(line: &str, block: &mut Block, direction: &mut Direction) {
    for (word, allowed) in [("Allowed ", true), ("Denied ", false)] {
        let connections = line
            .strip_prefix(word)
            .and_then(|rest| rest.split_once(" due to"));
        if let Some((connections, why)) = connections {
            let side = why.contains("system default").then(Side::open);
            block.groups.push(group(connections, allowed, side));
            return;
        }
    }
    let Some(group) = block.groups.last_mut() else {
        return;
    };
    for (word, of) in [
        ("Egress (", Direction::Egress),
        ("Ingress (", Direction::Ingress),
    ] {
        if let Some(rest) = line.strip_prefix(word) {
            *direction = of;
            let side = Side {
                allowed: rest.starts_with("Allowed"),
                by: BTreeSet::new(),
            };
            *group.side(of) = Some(side);
            return;
        }
    }
    let line = line.trim_start_matches("- ");
    let mut quoted = line.split('\'');
    if let (Some(kind), Some(name), Some(rest)) = (quoted.next(), quoted.next(), quoted.next()) {
        let Some(side) = group.side(*direction) else {
            return;
        };
        let decides = if side.allowed {
            rest.starts_with(" allows")
        } else {
            rest.starts_with(" denies") || rest.starts_with(" selects")
        };
        if decides {
            side.by.insert(format!("{kind}'{name}'"));
        }
    }
}

impl Group {
    fn side(&mut self, direction: Direction) -> &mut Option<Side> {
        match direction {
            Direction::Egress => &mut self.egress,
            Direction::Ingress => &mut self.ingress,
        }
    }
}

/// `TCP:[80,443-444], UDP`: connections, and what is said of both sides.
fn group(connections: &str, allowed: bool, side: Option<Side>) -> Group {
    let mut ports = Vec::new();
    let parts: BTreeMap<&str, &str> = connections
        .split(", ")
        .map(|part| part.split_once(":[").unwrap_or((part, "1-65535")))
        .collect();
    for (name, protocol) in PROTOCOLS {
        let Some(ranges) = parts.get(name) else {
            continue;
        };
        for range in ranges.trim_end_matches(']').split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            if let (Ok(first), Ok(last)) = (first.parse(), last.parse()) {
                ports.push((protocol, first, last));
            }
        }
    }
    Group {
        ports,
        allowed,
        egress: side.clone(),
        ingress: side,
    }
}

#[cfg(test)]
mod tests {
    use super::{Protocol, blocks};

    #[test]
    fn reasons_are_read() {
        let text = "\
Connections between a/x[Pod] => a/y[Pod]:

Denied connections:
\tDenied TCP:[1-79,81-65535], UDP due to the following policies and rules:
\t\tEgress (Allowed) due to the system default (Allow all)
\t\tIngress (Denied)
\t\t\tAdminNetworkPolicy 'first' passes connections by Ingress rule r
\t\t\tNetworkPolicy list:
\t\t\t\t- NetworkPolicy 'a/one' selects a/y[Pod], but a/x[Pod] is not allowed by any Ingress rule
\t\t\t\t- NetworkPolicy 'a/two' selects a/y[Pod], but a/x[Pod] is not allowed by any Ingress rule

# All Connections due to the system default (Allow all) #
a/y[Pod] => a/x[Pod]
";
        let blocks = blocks(text);
        let [one, two] = blocks.as_slice() else {
            panic!("{blocks:?}");
        };
        let group = &one.groups[0];
        let egress = group.egress.as_ref().unwrap();
        let ingress = group.ingress.as_ref().unwrap();
        assert!(group.holds(Protocol::Tcp, 81) && !group.holds(Protocol::Tcp, 80));
        assert!(group.holds(Protocol::Udp, 9) && !group.holds(Protocol::Sctp, 9));
        let by: Vec<&str> = ingress.by.iter().map(String::as_str).collect();
        assert_eq!(by, ["NetworkPolicy 'a/one'", "NetworkPolicy 'a/two'"]);
        assert!(egress.allowed && !ingress.allowed && !group.allowed);
        assert!(two.groups[0].allowed && two.groups[0].holds(Protocol::Sctp, 1));
    }
}
