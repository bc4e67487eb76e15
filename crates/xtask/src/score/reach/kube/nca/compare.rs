//! Two clusters over the same pods and addresses.

use std::collections::BTreeSet;

use ww_model::kube::{Cidr, Cluster, Who, Workload};
use ww_reach::kube::{Assumptions, Connections, Direction, Endpoint, EndpointId, Reach};

/// A cluster with what its policies decide.
pub(super) struct World<'c> {
    pub(super) cluster: &'c Cluster,
    pub(super) reach: Reach<'c>,
}

/// The name of a pod in its namespace.
pub(super) fn name(workload: &Workload) -> (String, String) {
    (workload.name.namespace.clone(), workload.name.name.clone())
}

impl<'c> World<'c> {
    pub(super) fn of(cluster: &'c Cluster) -> World<'c> {
        World {
            cluster,
            reach: Reach::of(cluster, Assumptions::default(), &[]),
        }
    }

    pub(super) fn pods(&self) -> BTreeSet<(String, String)> {
        self.cluster.workloads.iter().map(name).collect()
    }

    fn endpoint(&self, pod: &(String, String)) -> Option<EndpointId> {
        let index = self
            .cluster
            .workloads
            .iter()
            .position(|workload| name(workload) == *pod)?;
        self.reach.endpoint_of_workload(index as u32)
    }

    /// Whether a policy selects a pod, in a direction.
    pub(super) fn is_captured(&self, pod: &(String, String), direction: Direction) -> bool {
        let endpoint = self.endpoint(pod);
        endpoint
            .is_some_and(|endpoint| self.reach.policies_of(endpoint, direction).next().is_some())
    }

    /// What rules of policies allow, and not only the absence of policies.
    fn explicit(&self, from: EndpointId, to: EndpointId) -> Connections {
        let side = |endpoint, direction, other| {
            let allowed = self.reach.allowed(endpoint, direction, other);
            let is_captured = self.reach.policies_of(endpoint, direction).next().is_some();
            (allowed, is_captured)
        };
        match (
            side(from, Direction::Egress, to),
            side(to, Direction::Ingress, from),
        ) {
            ((_, false), (_, false)) => Connections::none(),
            ((out, _), (into, _)) => out.and(into),
        }
    }
}

/// What a pair of peers is in both worlds.
pub(super) struct Pair {
    pub(super) from: Peer,
    pub(super) to: Peer,
    pub(super) possible: [Connections; 2],
    pub(super) explicit: [Connections; 2],
}

/// A peer of either world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Pod((String, String)),
    Outside,
}

/// A peer with its endpoint in each world.
struct Place {
    peer: Peer,
    endpoints: [Option<EndpointId>; 2],
}

/// Every pair of different peers of two worlds; addresses of IPv6 only if a policy mentions one.
pub(super) fn pairs(worlds: [&World<'_>; 2]) -> Vec<Pair> {
    let places = places(worlds);
    let mut pairs = Vec::new();
    for from in &places {
        for to in &places {
            if from.peer == to.peer {
                continue;
            }
            let both = |is_explicit: bool| {
                [0, 1].map(|index: usize| {
                    let end = |place: &Place| place.endpoints.get(index).copied().flatten();
                    let ends = end(from).zip(end(to));
                    match worlds.get(index).zip(ends) {
                        Some((world, (from, to))) if is_explicit => world.explicit(from, to),
                        Some((world, (from, to))) => world.reach.connections(from, to),
                        None => Connections::none(),
                    }
                })
            };
            pairs.push(Pair {
                from: from.peer.clone(),
                to: to.peer.clone(),
                possible: both(false),
                explicit: both(true),
            });
        }
    }
    pairs
}

fn places(worlds: [&World<'_>; 2]) -> Vec<Place> {
    let pods: BTreeSet<_> = worlds.iter().flat_map(|world| world.pods()).collect();
    let mut places: Vec<Place> = Vec::new();
    for pod in pods {
        let endpoints = worlds.map(|world| world.endpoint(&pod));
        places.push(Place {
            peer: Peer::Pod(pod),
            endpoints,
        });
    }
    let with_v6 = worlds.iter().any(|world| mentions_v6(world.cluster));
    let starts: BTreeSet<(bool, u128)> = worlds
        .iter()
        .flat_map(|world| starts(&world.reach))
        .collect();
    for (is_v6, start) in starts.into_iter().filter(|(is_v6, _)| with_v6 || !is_v6) {
        let endpoints = worlds.map(|world| outside(&world.reach, is_v6, start));
        places.push(Place {
            peer: Peer::Outside,
            endpoints,
        });
    }
    places
}

fn starts(reach: &Reach<'_>) -> Vec<(bool, u128)> {
    let mut starts = Vec::new();
    for (_, endpoint) in reach.endpoints() {
        if let Endpoint::Addresses { is_v6, ranges } = endpoint {
            starts.extend(ranges.iter().map(|(first, _)| (*is_v6, *first)));
        }
    }
    starts
}

fn outside(reach: &Reach<'_>, wanted_v6: bool, address: u128) -> Option<EndpointId> {
    let holds = |endpoint: &Endpoint| match endpoint {
        Endpoint::Addresses { is_v6, ranges } => {
            *is_v6 == wanted_v6
                && ranges
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&address))
        }
        _ => false,
    };
    reach
        .endpoints()
        .find(|(_, endpoint)| holds(endpoint))
        .map(|(id, _)| id)
}

fn mentions_v6(cluster: &Cluster) -> bool {
    let sides = cluster
        .network_policies
        .iter()
        .flat_map(|policy| [&policy.ingress, &policy.egress]);
    let rules = sides.flatten().flat_map(|allowed| &allowed.rules);
    let peers = rules.flat_map(|rule| rule.peers.iter().flatten());
    let is_v6 = |cidr: &Cidr| cidr.address.is_ipv6();
    { peers }.any(|peer| matches!(&peer.who, Who::Addresses { block, .. } if is_v6(block)))
}
