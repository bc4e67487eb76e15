//! Who can reach whom inside a Kubernetes cluster, and across its edge.
//!
//! Pods that every policy treats alike are one endpoint; addresses outside are cut where a policy
//! mentions a block. For each endpoint and direction the policies are asked once, in the order that
//! the API demands: cluster policies of the Admin tier by priority, NetworkPolicies, cluster policies
//! of the Baseline tier; what nobody decides is allowed. A connection is possible when its source's
//! egress and its destination's ingress both allow it; replies need no rule.
//!
//! Semantics: networking.k8s.io/v1 NetworkPolicy, and policy.networking.k8s.io v1alpha1
//! (AdminNetworkPolicy, BaselineAdminNetworkPolicy) and v1alpha2 (ClusterNetworkPolicy).

mod ask;
mod bits;
mod connections;
mod diff;
mod endpoints;
mod exposure;
mod labels;
mod matchers;
mod pairs;
mod readings;
mod reasons;
mod rows;
mod rules;
mod unfollowed;
mod ways_in;

pub use ask::changes;
pub use connections::Connections;
pub use diff::{Change, Diff, Members, Party, Side, diff};
pub use endpoints::{Endpoint, EndpointId, UnknownNamespace, UnknownPods};
pub use exposure::{Exposure, exposure, unknown_pods};
pub use matchers::meets;
pub use pairs::{Pairs, SetId};
pub use readings::{Bounds, Doubt};
pub use reasons::{Decider, Reason};
pub use rules::{Assumptions, Direction, PolicyId, UnknownMatch};
pub use unfollowed::unfollowed;
pub use ways_in::{WayIn, at_pod, selects, ways_in};

use std::net::IpAddr;

use ww_model::kube::Cluster;

use connections::Interner;
use endpoints::Endpoints;
use rows::Rows;
use rules::{Policies, Policy};

/// Everything that policies decide about a cluster.
pub struct Reach<'c> {
    cluster: &'c Cluster,
    policies: Policies<'c>,
    endpoints: Endpoints,
    interner: Interner,
    rows: Rows,
    doubts: Vec<Doubt>,
    /// What the policies decide in other readings of the doubts.
    other_rows: Vec<Rows>,
}

impl<'c> Reach<'c> {
    /// Asks all policies of a cluster about its workloads, the addresses outside, and pods that
    /// are not declared.
    pub fn of(
        cluster: &'c Cluster,
        assumptions: Assumptions,
        unknown: &[UnknownPods],
    ) -> Reach<'c> {
        let mut interner = Interner::new();
        let doubts = readings::doubts(cluster);
        let readings = readings::readings(cluster, assumptions, &doubts);
        let policies = Policies::of(cluster, &readings, &mut interner);
        let unknown_match = assumptions.unknown_pods;
        let endpoints = Endpoints::of(cluster, &policies.matchers, unknown, unknown_match);
        let mut rows = |list: &[Policy]| Rows::of(&policies, list, &endpoints, &mut interner);
        let (rows, other_rows) = {
            let others = policies.other_lists.iter();
            (
                rows(&policies.list),
                others.map(|list| rows(list)).collect(),
            )
        };
        Reach {
            cluster,
            policies,
            endpoints,
            interner,
            rows,
            doubts,
            other_rows,
        }
    }

    /// The cluster that was asked about.
    pub fn cluster(&self) -> &'c Cluster {
        self.cluster
    }

    /// All endpoints.
    pub fn endpoints(&self) -> impl ExactSizeIterator<Item = (EndpointId, &Endpoint)> {
        let list = self.endpoints.list.iter().enumerate();
        list.map(|(index, endpoint)| (EndpointId(index as u32), endpoint))
    }

    /// The endpoint that a workload belongs to: index into the cluster's `workloads`.
    pub fn endpoint_of_workload(&self, workload: u32) -> Option<EndpointId> {
        self.endpoints.of_workload.get(workload as usize).copied()
    }

    /// The endpoint of an address outside.
    pub fn endpoint_of_address(&self, address: IpAddr) -> Option<EndpointId> {
        let (number, _) = endpoints::number(address);
        let holds = |endpoint: &Endpoint| match endpoint {
            Endpoint::Addresses { is_v6, ranges } => {
                let mut ranges = ranges.iter();
                *is_v6 == address.is_ipv6()
                    && ranges.any(|(first, last)| (*first..=*last).contains(&number))
            }
            _ => false,
        };
        self.endpoints()
            .find(|(_, endpoint)| holds(endpoint))
            .map(|(id, _)| id)
    }

    /// The connections that are possible from an endpoint to another; from one to itself, between
    /// two different pods of it.
    pub fn connections(&self, from: EndpointId, to: EndpointId) -> Connections {
        self.allowed(from, Direction::Egress, to)
            .and(self.allowed(to, Direction::Ingress, from))
    }

    /// What an endpoint's own policies allow in one direction with another endpoint.
    pub fn allowed(
        &self,
        endpoint: EndpointId,
        direction: Direction,
        other: EndpointId,
    ) -> &Connections {
        let row = self.rows.row(endpoint, direction);
        let id = row.map_or(connections::NONE, |row| {
            self.rows.allowed(row, other.0 as usize)
        });
        self.interner.get(id)
    }

    /// The policies that select an endpoint and say something about a direction, in the order in
    /// which they are asked.
    pub fn policies_of(
        &self,
        endpoint: EndpointId,
        direction: Direction,
    ) -> impl Iterator<Item = PolicyId> {
        let selecting = self
            .rows
            .policies_of
            .get(endpoint.0 as usize)
            .into_iter()
            .flatten();
        let policies = selecting.filter_map(|index| self.policies.list.get(*index as usize));
        policies
            .filter(move |policy| policy.rules(direction).is_some())
            .map(|policy| policy.id)
    }
}

#[cfg(test)]
mod tests;
