//! All connections of a cluster between workloads and the outside, as netpol-analyzer counts them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ww_model::kube::{Cidr, Cluster, Who};
use ww_reach::kube::{
    Assumptions, Connections, Direction, Endpoint, EndpointId, Reach, UnknownMatch, UnknownPods,
    ways_in,
};

use super::world::npguard_name;

/// One side of a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    /// Addresses outside.
    Outside(u32, u32),
    /// A workload.
    Workload(String),
    /// Whatever answers for Ingress and Route objects.
    IngressController,
}

impl Peer {
    /// The peer as netpol-analyzer prints it.
    pub(super) fn text(&self) -> String {
        match self {
            Peer::Outside(first, last) => {
                let (first, last) = (Ipv4Addr::from_bits(*first), Ipv4Addr::from_bits(*last));
                format!("{first}-{last}[External]")
            }
            Peer::Workload(name) => name.clone(),
            Peer::IngressController => "{ingress-controller}".to_owned(),
        }
    }
}

/// Every pair of peers that have a connection.
pub(super) type Connectivity = BTreeMap<(Peer, Peer), Connections>;

/// A cluster with what policies decide about it.
pub(super) struct Analysis<'c> {
    pub(super) reach: Reach<'c>,
    /// Workloads by name with their endpoint; pods with one owner are one.
    pub(super) workloads: BTreeMap<String, (EndpointId, u32)>,
    /// Addresses outside as ingress rules cut them.
    sources: Vec<(EndpointId, u32, u32)>,
    /// Addresses outside as egress rules cut them.
    destinations: Vec<(EndpointId, u32, u32)>,
}

impl<'c> Analysis<'c> {
    /// `unknown` are the pods that are not declared, anybody first.
    pub(super) fn of(cluster: &'c Cluster, unknown: &[UnknownPods]) -> Analysis<'c> {
        let assumptions = Assumptions {
            unknown_pods: UnknownMatch::Named,
            ..Assumptions::default()
        };
        let reach = Reach::of(cluster, assumptions, unknown);
        let mut workloads = BTreeMap::new();
        for (index, workload) in cluster.workloads.iter().enumerate() {
            if let Some(endpoint) = reach.endpoint_of_workload(index as u32) {
                workloads
                    .entry(npguard_name(workload))
                    .or_insert((endpoint, index as u32));
            }
        }
        let sources = outside(&reach, Direction::Ingress);
        let destinations = outside(&reach, Direction::Egress);
        Analysis {
            reach,
            workloads,
            sources,
            destinations,
        }
    }

    /// The pods of which something is assumed: the first assumption is that nothing is known.
    pub(super) fn unknown(&self, assumption: usize) -> Option<EndpointId> {
        let is_it = |endpoint: &Endpoint| *endpoint == Endpoint::Unknown(assumption as u32);
        self.reach
            .endpoints()
            .find(|(_, endpoint)| is_it(endpoint))
            .map(|(id, _)| id)
    }

    /// The endpoint of a workload, or of addresses outside as rules of a direction cut them, by the
    /// name that netpol-analyzer prints.
    pub(super) fn peer(&self, name: &str, direction: Direction) -> Option<EndpointId> {
        if let Some((endpoint, _)) = self.workloads.get(name) {
            return Some(*endpoint);
        }
        let outside = match direction {
            Direction::Ingress => &self.sources,
            Direction::Egress => &self.destinations,
        };
        let is_it = |(_, first, last): &&(EndpointId, u32, u32)| {
            Peer::Outside(*first, *last).text() == name
        };
        outside.iter().find(is_it).map(|(endpoint, ..)| *endpoint)
    }

    /// All pairs as netpol-analyzer lists them.
    pub(super) fn connectivity(&self) -> Connectivity {
        let mut all = Connectivity::new();
        let mut put = |from: Peer, to: Peer, connections: Connections| {
            if !connections.is_empty() {
                all.insert((from, to), connections);
            }
        };
        for (name, (endpoint, _)) in &self.workloads {
            let peer = Peer::Workload(name.clone());
            for (other_name, (other, _)) in &self.workloads {
                if name != other_name {
                    let other_peer = Peer::Workload(other_name.clone());
                    put(
                        peer.clone(),
                        other_peer,
                        self.reach.connections(*endpoint, *other),
                    );
                }
            }
            for (outside, first, last) in &self.destinations {
                let allowed = self.reach.connections(*endpoint, *outside);
                put(peer.clone(), Peer::Outside(*first, *last), allowed);
            }
            for (outside, first, last) in &self.sources {
                let allowed = self.reach.connections(*outside, *endpoint);
                put(Peer::Outside(*first, *last), peer.clone(), allowed);
            }
        }
        for (name, connections) in self.through_ingress() {
            put(Peer::IngressController, Peer::Workload(name), connections);
        }
        all
    }

    /// What Ingress and Route objects lead to, as far as policies let an unknown pod there.
    pub(super) fn through_ingress(&self) -> BTreeMap<String, Connections> {
        let mut ways: BTreeMap<String, Connections> = BTreeMap::new();
        let Some(anybody) = self.unknown(0) else {
            return ways;
        };
        for way in ways_in(self.reach.cluster()) {
            let workload = self.reach.cluster().workloads.get(way.workload as usize);
            let (Some(workload), Some(endpoint)) =
                (workload, self.reach.endpoint_of_workload(way.workload))
            else {
                continue;
            };
            let allowed = self
                .reach
                .connections(anybody, endpoint)
                .and(&way.connections);
            let all = ways
                .entry(npguard_name(workload))
                .or_insert_with(Connections::none);
            *all = all.or(&allowed);
        }
        ways
    }
}

/// The IPv4 addresses outside, cut where a rule of one direction mentions a block, with their
/// endpoints.
fn outside(reach: &Reach<'_>, direction: Direction) -> Vec<(EndpointId, u32, u32)> {
    let mut starts = vec![0_u32];
    for block in blocks(reach.cluster(), direction) {
        if let IpAddr::V4(address) = block.address {
            let first = address.to_bits();
            let hosts = u32::MAX.checked_shr(u32::from(block.prefix)).unwrap_or(0);
            starts.push(first);
            starts.extend((first | hosts).checked_add(1));
        }
    }
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).map(|next| next - 1).chain([u32::MAX]);
    let pieces = starts.iter().zip(ends);
    let with_endpoint = |(first, last): (&u32, u32)| {
        let address = IpAddr::V4(Ipv4Addr::from_bits(*first));
        Some((reach.endpoint_of_address(address)?, *first, last))
    };
    pieces.filter_map(with_endpoint).collect()
}

/// Every block that a rule of a direction mentions.
fn blocks(cluster: &Cluster, direction: Direction) -> Vec<Cidr> {
    let network = cluster.network_policies.iter().flat_map(|policy| {
        let allowed = match direction {
            Direction::Ingress => &policy.ingress,
            Direction::Egress => &policy.egress,
        };
        let rules = allowed.iter().flat_map(|allowed| &allowed.rules);
        rules.flat_map(|rule| rule.peers.iter().flatten())
    });
    let tiers = cluster.cluster_policies.iter().flat_map(|policy| {
        let rules = match direction {
            Direction::Ingress => &policy.ingress,
            Direction::Egress => &policy.egress,
        };
        rules.iter().flat_map(|rule| &rule.peers)
    });
    let mut blocks = Vec::new();
    for peer in network.chain(tiers) {
        if let Who::Addresses { block, except } = &peer.who {
            blocks.push(*block);
            blocks.extend_from_slice(except);
        }
    }
    blocks
}

/// Connections as netpol-analyzer prints them.
pub(super) fn text(connections: &Connections) -> String {
    if connections.is_all_ports() {
        return "All Connections".to_owned();
    }
    let protocols = [
        ("SCTP", &connections.sctp),
        ("TCP", &connections.tcp),
        ("UDP", &connections.udp),
    ];
    let mut parts = Vec::new();
    for (name, ports) in protocols {
        if ports.is_empty() {
            continue;
        }
        let ports: Vec<String> = ports
            .iter()
            .map(|(first, last)| range(first, last))
            .collect();
        parts.push(format!("{name} {}", ports.join(",")));
    }
    if parts.is_empty() {
        "No Connections".to_owned()
    } else {
        parts.join(",")
    }
}

fn range(first: u128, last: u128) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}
