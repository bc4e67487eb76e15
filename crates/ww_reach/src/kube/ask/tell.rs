//! Which lines decide about a connection, in words.

use ww_base::{Gap, Locus};
use ww_model::kube::Who;

use super::Pair;
use super::spots::Spot;
use crate::answer::Step;
use crate::kube::{Connections, Decider, Direction, Doubt, PolicyId, Reach, Reason};

impl Reach<'_> {
    /// Which lines decide about one connection of a pair, on the way out and on the way in.
    pub(super) fn steps(&self, pair: &Pair<'_>, one: &Connections) -> Vec<Step> {
        let mut steps = Vec::new();
        for (whose, direction, other) in [
            (pair.from, Direction::Egress, pair.to),
            (pair.to, Direction::Ingress, pair.from),
        ] {
            if self.is_outside(whose.endpoint) {
                continue;
            }
            for reason in self.reasons(whose.endpoint, direction, other.endpoint, one) {
                self.tell(&reason, whose, direction, other, &mut steps);
            }
        }
        steps
    }

    fn tell(
        &self,
        reason: &Reason,
        whose: &Spot,
        direction: Direction,
        other: &Spot,
        steps: &mut Vec<Step>,
    ) {
        let way = match direction {
            Direction::Egress => format!("out of {} to {}", whose.name, other.name),
            Direction::Ingress => format!("into {} from {}", whose.name, other.name),
        };
        let with = &reason.connections;
        match &reason.decider {
            Decider::Rule { policy, at } => {
                let does = if reason.allowed { "allows" } else { "denies" };
                steps.push(Step {
                    at: Locus::Text(*at),
                    says: format!(
                        "{way}: a rule of {} {does} {with}",
                        self.policy_name(*policy)
                    ),
                });
            }
            Decider::Isolated(policies) => {
                for policy in policies {
                    let Some(at) = self.policy_place(*policy) else {
                        continue;
                    };
                    steps.push(Step {
                        at,
                        says: format!(
                            "{way}: {} selects the pod, and none of its rules allows {with}",
                            self.policy_name(*policy)
                        ),
                    });
                }
            }
            Decider::Default => steps.push(Step {
                at: Locus::Assumed {
                    by: "Kubernetes: pods that no policy isolates accept everything".to_owned(),
                },
                says: format!("{way}: no policy decides, so {with} is allowed"),
            }),
        }
    }

    /// A policy's kind and name.
    pub fn policy_name(&self, policy: PolicyId) -> String {
        match policy {
            PolicyId::Network(index) => {
                let policy = self.cluster.network_policies.get(index as usize);
                policy.map_or_else(String::new, |policy| {
                    format!(
                        "NetworkPolicy {}/{}",
                        policy.name.namespace, policy.name.name
                    )
                })
            }
            PolicyId::Cluster(index) => {
                let policy = self.cluster.cluster_policies.get(index as usize);
                policy.map_or_else(String::new, |policy| {
                    format!("{} {}", policy.kind, policy.name)
                })
            }
        }
    }

    fn policy_place(&self, policy: PolicyId) -> Option<Locus> {
        let at = match policy {
            PolicyId::Network(index) => self.cluster.network_policies.get(index as usize)?.pods.at,
            PolicyId::Cluster(index) => self.cluster.cluster_policies.get(index as usize)?.at,
        };
        Some(Locus::Text(at))
    }

    /// What policies mention that no file can resolve, and what the API leaves open when the
    /// answer depends on it.
    pub(super) fn gaps(&self, is_open: bool) -> Vec<Gap> {
        let doubts = self.doubts().iter().filter(|_| is_open);
        let mut gaps: Vec<Gap> = Vec::new();
        for gap in doubts.filter_map(|doubt| self.open_gap(doubt)) {
            if !gaps.contains(&gap) {
                gaps.push(gap);
            }
        }
        if self.cluster.policies_unread > 0 {
            gaps.push(Gap::new(
                format!(
                    "{} objects that were not read wholly, which may be policies or namespaces",
                    self.cluster.policies_unread
                ),
                "bring them in a form that wirewise reads: its problems say where they stand",
            ));
        }
        for policy in &self.cluster.cluster_policies {
            let peers = policy
                .egress
                .iter()
                .chain(&policy.ingress)
                .flat_map(|rule| &rule.peers);
            for peer in peers {
                let gap = match &peer.who {
                    Who::Names(names) => Gap::new(
                        format!(
                            "the addresses of {}, which {} {} names",
                            names.join(", "),
                            policy.kind,
                            policy.name
                        ),
                        "dig NAME where the pods run; the answers change with time",
                    ),
                    Who::Unknown => Gap::new(
                        format!(
                            "what a peer of {} {} means: wirewise does not know its form",
                            policy.kind, policy.name
                        ),
                        "a peer of a form that policy.networking.k8s.io v1alpha1 or v1alpha2 defines",
                    ),
                    _ => continue,
                };
                if !gaps.contains(&gap) {
                    gaps.push(gap);
                }
            }
        }
        gaps
    }

    /// What a doubt leaves open; DNS names have a gap of their own.
    fn open_gap(&self, doubt: &Doubt) -> Option<Gap> {
        match doubt {
            Doubt::BlockHoldsPods { policy, .. } => Some(Gap::new(
                format!(
                    "whether an ipBlock of {} matches pods by their addresses",
                    self.policy_name(*policy)
                ),
                "the documentation of the cluster's network plug-in: some look at addresses, others know pods by identity",
            )),
            Doubt::EqualPriority { first, second } => Some(Gap::new(
                format!(
                    "which of {} and {} is asked first: they have the same priority",
                    self.policy_name(*first),
                    self.policy_name(*second)
                ),
                "different priorities",
            )),
            Doubt::Names { .. } => None,
        }
    }
}
