//! What the API leaves open about a cluster's policies, and the ways to read it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ww_base::SourceSpan;
use ww_model::kube::{Cidr, Cluster, Peer, Tier, Who};

use super::connections::Connections;
use super::endpoints::{EndpointId, number, range_of};
use super::rules::{Assumptions, Direction, PolicyId};
use super::{Reach, rows::Rows};

/// How many policies of one priority are each taken for the first; of more, only so many.
const MOST_TURNS: usize = 8;

/// Something that the API leaves to the network plug-in, or to what happens at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// A block of a NetworkPolicy holds the address of a pod. Some plug-ins match pods by it,
    /// others know pods by identity.
    BlockHoldsPods {
        /// The policy.
        policy: PolicyId,
        /// Where the block is written.
        at: SourceSpan,
    },
    /// Two policies of one tier have the same priority; which is asked first is not specified.
    EqualPriority {
        /// The one that is written first.
        first: PolicyId,
        /// The other.
        second: PolicyId,
    },
    /// A rule is about DNS names; which addresses they stand for is known at run time.
    Names {
        /// The policy.
        policy: PolicyId,
        /// Where the names are written.
        at: SourceSpan,
    },
}

/// What is possible whatever the doubts turn out to be, and what may be possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Possible in every reading.
    pub least: Connections,
    /// Possible in some reading.
    pub most: Connections,
}

/// One way to read what is left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) blocks_match_pods: bool,
    /// Whether DNS names stand for every address outside, or for none.
    pub(super) names_match_outside: bool,
    /// How far policies of equal priority are turned against the order in which they are written.
    pub(super) turn: usize,
}

/// Everything about a cluster's policies that is left open.
pub(super) fn doubts(cluster: &Cluster) -> Vec<Doubt> {
    let mut doubts = blocks_with_pods(cluster);
    for sharing in equal_priorities(cluster).values() {
        let mut ids = sharing.iter().map(|index| PolicyId::Cluster(*index));
        if let Some(first) = ids.next() {
            doubts.extend(ids.map(|second| Doubt::EqualPriority { first, second }));
        }
    }
    for (index, policy) in cluster.cluster_policies.iter().enumerate() {
        let rules = policy.ingress.iter().chain(&policy.egress);
        let named = rules.flat_map(|rule| &rule.peers);
        let named = named.filter(|peer| matches!(peer.who, Who::Names(_)));
        let policy = PolicyId::Cluster(index as u32);
        doubts.extend(named.map(|peer| Doubt::Names {
            policy,
            at: peer.at,
        }));
    }
    doubts
}

/// Blocks of NetworkPolicies that hold an address of a pod.
fn blocks_with_pods(cluster: &Cluster) -> Vec<Doubt> {
    let own = cluster
        .workloads
        .iter()
        .filter(|workload| !workload.host_network);
    let mut addresses: Vec<IpAddr> = own
        .flat_map(|workload| &workload.addresses)
        .copied()
        .collect();
    addresses.sort_unstable();
    let mut doubts = Vec::new();
    for (index, policy) in cluster.network_policies.iter().enumerate() {
        let sides = [&policy.ingress, &policy.egress].into_iter().flatten();
        let rules = sides.flat_map(|allowed| &allowed.rules);
        for peer in rules.flat_map(|rule| rule.peers.iter().flatten()) {
            if holds_any(peer, &addresses) {
                let policy = PolicyId::Network(index as u32);
                doubts.push(Doubt::BlockHoldsPods {
                    policy,
                    at: peer.at,
                });
            }
        }
    }
    doubts
}

/// Whether a block holds one of the sorted addresses.
fn holds_any(peer: &Peer, addresses: &[IpAddr]) -> bool {
    let Who::Addresses { block, except } = &peer.who else {
        return false;
    };
    let is_in = |cidr: &Cidr, address: &IpAddr| {
        let (first, last) = range_of(*cidr);
        address.is_ipv6() == cidr.address.is_ipv6() && (first..=last).contains(&number(*address).0)
    };
    let from = addresses.partition_point(|address| *address < block.address);
    let inside = addresses
        .iter()
        .skip(from)
        .take_while(|address| is_in(block, address));
    { inside }.any(|address| !except.iter().any(|cidr| is_in(cidr, address)))
}

/// Cluster policies of one tier that share a priority, where there are several.
fn equal_priorities(cluster: &Cluster) -> BTreeMap<(Tier, i64), Vec<u32>> {
    let mut places: BTreeMap<(Tier, i64), Vec<u32>> = BTreeMap::new();
    for (index, policy) in cluster.cluster_policies.iter().enumerate() {
        places
            .entry((policy.tier, policy.priority))
            .or_default()
            .push(index as u32);
    }
    places.retain(|_, sharing| sharing.len() > 1);
    places
}

/// Every way to read the doubts; the first is what is assumed.
pub(super) fn readings(
    cluster: &Cluster,
    assumptions: Assumptions,
    doubts: &[Doubt],
) -> Vec<Reading> {
    let either = |is_open: bool, assumed: bool| {
        if is_open {
            vec![assumed, !assumed]
        } else {
            vec![assumed]
        }
    };
    let is_block = |doubt: &Doubt| matches!(doubt, Doubt::BlockHoldsPods { .. });
    let blocks = either(doubts.iter().any(is_block), assumptions.blocks_match_pods);
    let is_names = |doubt: &Doubt| matches!(doubt, Doubt::Names { .. });
    let names = either(doubts.iter().any(is_names), false);
    let sharing = equal_priorities(cluster);
    let turns = sharing
        .values()
        .map(Vec::len)
        .max()
        .unwrap_or(1)
        .min(MOST_TURNS);
    let mut readings = Vec::new();
    for blocks_match_pods in blocks {
        for names_match_outside in names.iter().copied() {
            for turn in 0..turns {
                readings.push(Reading {
                    blocks_match_pods,
                    names_match_outside,
                    turn,
                });
            }
        }
    }
    readings
}

impl Reach<'_> {
    /// What the API leaves open about the cluster's policies. Whether it matters for a connection
    /// is for [`Reach::bounds`] to say.
    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// What is possible from an endpoint to another in every reading of the doubts, and in some.
    pub fn bounds(&self, from: EndpointId, to: EndpointId) -> Bounds {
        let assumed = self.connections(from, to);
        let mut bounds = Bounds {
            least: assumed.clone(),
            most: assumed,
        };
        for rows in &self.other_rows {
            let side = |endpoint: EndpointId, direction, other: EndpointId| {
                let row = Rows::row(rows, endpoint, direction);
                row.map(|row| self.interner.get(rows.allowed(row, other.0 as usize)))
            };
            let out = side(from, Direction::Egress, to);
            if let (Some(out), Some(into)) = (out, side(to, Direction::Ingress, from)) {
                let possible = out.and(into);
                bounds.least = bounds.least.and(&possible);
                bounds.most = bounds.most.or(&possible);
            }
        }
        bounds
    }
}
