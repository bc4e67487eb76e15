//! Which rule decides about a connection, or by which absence.

use ww_base::SourceSpan;
use ww_model::kube::Action;

use super::Reach;
use super::connections::Connections;
use super::endpoints::EndpointId;
use super::rules::{Direction, Policy, PolicyId, Rule, Stage};

/// Why some connections are allowed or not, as far as one side's policies go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The connections that are decided so.
    pub connections: Connections,
    /// Whether they are allowed.
    pub allowed: bool,
    /// What decides.
    pub decider: Decider,
}

/// What decides about a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decider {
    /// A rule of a policy.
    Rule {
        /// The policy.
        policy: PolicyId,
        /// Where the rule is written.
        at: SourceSpan,
    },
    /// NetworkPolicies select the pod, and none of their rules fits.
    Isolated(Vec<PolicyId>),
    /// No policy says anything about it.
    Default,
}

impl Reach<'_> {
    /// Who decides about `asked` connections between an endpoint, whose policies are asked, and
    /// another one: disjoint parts in the order in which they are decided, together all of `asked`.
    pub fn reasons(
        &self,
        endpoint: EndpointId,
        direction: Direction,
        other: EndpointId,
        asked: &Connections,
    ) -> Vec<Reason> {
        let destination = match direction {
            Direction::Ingress => endpoint,
            Direction::Egress => other,
        };
        let mut ask = Ask {
            reach: self,
            direction,
            other,
            destination,
            undecided: asked.clone(),
            reasons: Vec::new(),
        };
        let policies = self.selecting(endpoint, direction);
        ask.tier(&policies, Stage::Admin);
        if !ask.network(&policies) {
            ask.tier(&policies, Stage::Baseline);
            ask.rest(true, Decider::Default);
        }
        ask.reasons
    }

    fn selecting(&self, endpoint: EndpointId, direction: Direction) -> Vec<&Policy> {
        let selecting = self.rows.policies_of.get(endpoint.0 as usize);
        let policies = selecting
            .into_iter()
            .flatten()
            .filter_map(|index| self.policies.list.get(*index as usize));
        policies
            .filter(|policy| policy.rules(direction).is_some())
            .collect()
    }

    /// Where the rule of a policy is written.
    fn place(&self, policy: PolicyId, direction: Direction, rule: usize) -> Option<SourceSpan> {
        match policy {
            PolicyId::Network(index) => {
                let policy = self.cluster.network_policies.get(index as usize)?;
                let allowed = match direction {
                    Direction::Ingress => policy.ingress.as_ref()?,
                    Direction::Egress => policy.egress.as_ref()?,
                };
                allowed.rules.get(rule).map(|rule| rule.at)
            }
            PolicyId::Cluster(index) => {
                let policy = self.cluster.cluster_policies.get(index as usize)?;
                let rules = match direction {
                    Direction::Ingress => &policy.ingress,
                    Direction::Egress => &policy.egress,
                };
                rules.get(rule).map(|rule| rule.at)
            }
        }
    }
}

/// Connections that policies are asked about one by one.
struct Ask<'r, 'c> {
    reach: &'r Reach<'c>,
    direction: Direction,
    other: EndpointId,
    destination: EndpointId,
    undecided: Connections,
    reasons: Vec<Reason>,
}

impl Ask<'_, '_> {
    /// The policies of a tier: the first rule that fits decides, or passes on.
    fn tier(&mut self, policies: &[&Policy], stage: Stage) {
        let mut passed = Connections::none();
        for policy in policies.iter().filter(|policy| policy.stage == stage) {
            for (index, rule) in policy
                .rules(self.direction)
                .into_iter()
                .flatten()
                .enumerate()
            {
                let hit = self.undecided.and(&self.matched(rule));
                if rule.action == Action::Pass {
                    self.undecided = self.undecided.minus(&hit);
                    passed = passed.or(&hit);
                } else {
                    self.decide(&hit, rule.action == Action::Accept, policy.id, index);
                }
            }
        }
        self.undecided = self.undecided.or(&passed);
    }

    /// The NetworkPolicies: whatever one of them allows, and nothing else if there is any. Whether
    /// there is.
    fn network(&mut self, policies: &[&Policy]) -> bool {
        let isolating: Vec<&&Policy> = policies
            .iter()
            .filter(|policy| policy.stage == Stage::Network)
            .collect();
        for policy in &isolating {
            for (index, rule) in policy
                .rules(self.direction)
                .into_iter()
                .flatten()
                .enumerate()
            {
                let hit = self.undecided.and(&self.matched(rule));
                self.decide(&hit, true, policy.id, index);
            }
        }
        if !isolating.is_empty() {
            let ids = isolating.iter().map(|policy| policy.id).collect();
            self.rest(false, Decider::Isolated(ids));
        }
        !isolating.is_empty()
    }

    /// The connections that a rule is about, if the other side is one of its peers.
    fn matched(&self, rule: &Rule) -> Connections {
        let endpoints = &self.reach.endpoints;
        let is_peer = rule.peers.iter().any(|matcher| {
            let matched = endpoints.matched.get(matcher.0 as usize);
            matched.is_some_and(|bits| bits.contains(self.other.0 as usize))
        });
        if !is_peer {
            return Connections::none();
        }
        let mut all = self.reach.interner.get(rule.numbers).clone();
        let declared = endpoints.named_ports.get(self.destination.0 as usize);
        for (name, protocol, number) in declared.into_iter().flatten() {
            let wanted = rule.names.iter().any(|id| {
                let named = self.reach.policies.names.get(id.0 as usize);
                named.is_some_and(|(wanted, of)| {
                    *wanted == name.as_str() && of.is_none_or(|of| of == *protocol)
                })
            });
            if wanted {
                all = all.or(&Connections::one(*protocol, *number));
            }
        }
        all
    }

    fn decide(&mut self, hit: &Connections, allowed: bool, policy: PolicyId, rule: usize) {
        if hit.is_empty() {
            return;
        }
        let Some(at) = self.reach.place(policy, self.direction, rule) else {
            return;
        };
        self.undecided = self.undecided.minus(hit);
        self.reasons.push(Reason {
            connections: hit.clone(),
            allowed,
            decider: Decider::Rule { policy, at },
        });
    }

    /// Everything that is left is decided so.
    fn rest(&mut self, allowed: bool, decider: Decider) {
        let connections = std::mem::replace(&mut self.undecided, Connections::none());
        if !connections.is_empty() {
            self.reasons.push(Reason {
                connections,
                allowed,
                decider,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::Assumptions;
    use ww_base::{Limits, SourceId};
    use ww_model::kube::Protocol;

    const CLUSTER: &str = "
kind: Namespace
metadata: {name: a, labels: {team: red}}
---
kind: Pod
metadata: {name: client, namespace: a, labels: {app: client}}
---
kind: Pod
metadata: {name: server, namespace: b, labels: {app: server}}
spec: {containers: [{ports: [{name: web, containerPort: 8080}]}]}
---
kind: NetworkPolicy
metadata: {name: server, namespace: b}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress:
  - from: [{namespaceSelector: {matchLabels: {team: red}}}]
    ports: [{port: web}]
  - from: [{ipBlock: {cidr: 192.0.2.0/24}}]
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: guard}
spec:
  priority: 5
  subject: {namespaces: {}}
  ingress:
  - {name: trust, action: Pass, from: [{namespaces: {matchLabels: {team: red}}}], ports: [{portRange: {protocol: TCP, start: 8000, end: 9000}}]}
  - {name: keep-out, action: Deny, from: [{namespaces: {}}]}
";

    fn cluster() -> ww_model::kube::Cluster {
        let read = ww_import::kube::import([(SourceId(0), CLUSTER.as_bytes())], &Limits::default());
        assert_eq!(read.problems, []);
        read.value
    }

    #[test]
    fn reasons_add_up_to_what_is_allowed() {
        let cluster = cluster();
        let reach = Reach::of(&cluster, Assumptions::default(), &[]);
        let ids: Vec<EndpointId> = reach.endpoints().map(|(id, _)| id).collect();
        assert!(ids.len() > 3);
        for (one, other) in ids
            .iter()
            .flat_map(|one| ids.iter().map(move |other| (*one, *other)))
        {
            for direction in [Direction::Ingress, Direction::Egress] {
                let reasons = reach.reasons(one, direction, other, &Connections::all());
                let sum = |wanted: Option<bool>| {
                    reasons
                        .iter()
                        .filter(|reason| wanted.is_none_or(|allowed| reason.allowed == allowed))
                        .fold(Connections::none(), |all, reason| {
                            all.or(&reason.connections)
                        })
                };
                assert_eq!(sum(Some(true)), *reach.allowed(one, direction, other));
                assert_eq!(sum(None), Connections::all());
            }
        }
    }

    #[test]
    fn the_deciding_line_is_named() {
        let cluster = cluster();
        let reach = Reach::of(&cluster, Assumptions::default(), &[]);
        let of = |name: &str| {
            let mut workloads = cluster.workloads.iter();
            let index = workloads.position(|workload| workload.name.name == name);
            reach.endpoint_of_workload(index.unwrap() as u32).unwrap()
        };
        let asked = |port| Connections::one(Protocol::Tcp, port);
        let why = |port| {
            let (server, client) = (of("server"), of("client"));
            let reasons = reach.reasons(server, Direction::Ingress, client, &asked(port));
            let [
                Reason {
                    decider, allowed, ..
                },
            ] = &reasons[..]
            else {
                panic!("{reasons:?}");
            };
            let Decider::Rule { at, .. } = decider else {
                return (*allowed, format!("{decider:?}"));
            };
            let text = CLUSTER.get(at.start as usize..at.end as usize).unwrap();
            (*allowed, text.lines().next().unwrap().to_owned())
        };
        assert!(
            why(8080).1.starts_with("from: [{namespaceSelector"),
            "{:?}",
            why(8080)
        );
        assert!(why(8080).0);
        assert_eq!(why(8081), (false, "Isolated([Network(0)])".to_owned()));
        assert!(why(22).1.contains("keep-out"), "{:?}", why(22));
        assert!(!why(22).0);
    }
}
