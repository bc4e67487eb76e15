//! Policies in the order in which they are asked, with what they match by looked up once.

use std::collections::HashMap;

use ww_model::Ranges;
use ww_model::kube::{Action, Cluster, Peer, PortTest, Ports, Protocol, Tier, TierRule, Who};

use super::connections::{ALL, ConnId, Connections, Interner, NONE};
use super::matchers::{Matcher, MatcherId, Matchers};
use super::readings::Reading;

/// A policy of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyId {
    /// Index into the cluster's `network_policies`.
    Network(u32),
    /// Index into the cluster's `cluster_policies`.
    Cluster(u32),
}

/// Which way connections go, seen from the pod that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Towards it.
    Ingress,
    /// From it.
    Egress,
}

/// What is taken for granted where the API leaves it to the network plug-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// Whether an `ipBlock` of a NetworkPolicy matches pods by their addresses: some plug-ins look
    /// at addresses only, others know pods by identity. Cluster policies always match by address.
    pub blocks_match_pods: bool,
    /// How rules match pods that are not declared.
    pub unknown_pods: UnknownMatch,
}

/// How rules match pods that are not declared, of which only some labels are assumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownMatch {
    /// A rule matches when what is assumed implies its selectors.
    #[default]
    Implied,
    /// A rule matches when its selectors are the assumed ones, or select everything: each
    /// assumption shows what the rules that name it give by themselves.
    Named,
}

/// When a policy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Admin,
    Network,
    Baseline,
}

/// A policy made ready.
pub(super) struct Policy {
    pub(super) id: PolicyId,
    pub(super) stage: Stage,
    pub(super) subject: MatcherId,
    ingress: Option<Vec<Rule>>,
    egress: Option<Vec<Rule>>,
}

impl Policy {
    /// Its rules for a direction; none when it says nothing about it.
    pub(super) fn rules(&self, direction: Direction) -> Option<&[Rule]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }
}

/// A rule made ready.
pub(super) struct Rule {
    pub(super) action: Action,
    pub(super) peers: Vec<MatcherId>,
    /// Connections by number.
    pub(super) numbers: ConnId,
    /// Ports by name.
    pub(super) names: Vec<NameId>,
}

/// A named port of a rule: index into [`Policies::names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NameId(pub(super) u32);

/// All policies, in the order in which they are asked.
pub(super) struct Policies<'c> {
    pub(super) list: Vec<Policy>,
    /// The same in other readings of what the API leaves open.
    pub(super) other_lists: Vec<Vec<Policy>>,
    pub(super) matchers: Matchers<'c>,
    /// Names of ports with their protocol; none for each.
    pub(super) names: Vec<(&'c str, Option<Protocol>)>,
}

/// What making ready needs.
struct Maker<'c, 'i> {
    matchers: Matchers<'c>,
    names: Vec<(&'c str, Option<Protocol>)>,
    name_ids: HashMap<(&'c str, Option<Protocol>), NameId>,
    interner: &'i mut Interner,
    reading: Reading,
}

impl<'c> Policies<'c> {
    /// Makes all policies ready in each reading, of which there is at least one.
    pub(super) fn of(
        cluster: &'c Cluster,
        readings: &[Reading],
        interner: &mut Interner,
    ) -> Policies<'c> {
        let mut maker = Maker {
            matchers: Matchers::default(),
            names: Vec::new(),
            name_ids: HashMap::new(),
            interner,
            reading: Reading {
                blocks_match_pods: false,
                names_match_outside: false,
                turn: 0,
            },
        };
        let mut lists = readings.iter().map(|reading| maker.list(cluster, *reading));
        let list = lists.next().unwrap_or_default();
        let other_lists = lists.collect();
        Policies {
            list,
            other_lists,
            matchers: maker.matchers,
            names: maker.names,
        }
    }
}

impl<'c> Maker<'c, '_> {
    fn list(&mut self, cluster: &'c Cluster, reading: Reading) -> Vec<Policy> {
        self.reading = reading;
        let mut list = self.network_policies(cluster);
        list.extend(self.cluster_policies(cluster));
        let rank = |policy: &Policy| match policy.id {
            PolicyId::Network(_) => (policy.stage, 0),
            PolicyId::Cluster(index) => {
                let written = cluster.cluster_policies.get(index as usize);
                (policy.stage, written.map_or(0, |written| written.priority))
            }
        };
        list.sort_by_key(|policy| (rank(policy), policy.id));
        for equals in list.chunk_by_mut(|a, b| rank(a) == rank(b)) {
            let is_ordered = equals
                .first()
                .is_some_and(|policy| policy.stage != Stage::Network);
            if is_ordered && !equals.is_empty() {
                equals.rotate_left(reading.turn % equals.len());
            }
        }
        list
    }

    fn network_policies(&mut self, cluster: &'c Cluster) -> Vec<Policy> {
        let mut list = Vec::with_capacity(cluster.network_policies.len());
        for (index, policy) in cluster.network_policies.iter().enumerate() {
            let namespace = policy.name.namespace.as_str();
            let mut rules = |allowed: &'c Option<ww_model::kube::Allowed>| {
                let rules = &allowed.as_ref()?.rules;
                Some(
                    rules
                        .iter()
                        .map(|rule| self.allow_rule(rule, namespace))
                        .collect(),
                )
            };
            let (ingress, egress) = (rules(&policy.ingress), rules(&policy.egress));
            let subject = self.matchers.pods_of(namespace, &policy.pods);
            let id = PolicyId::Network(index as u32);
            list.push(Policy {
                id,
                stage: Stage::Network,
                subject,
                ingress,
                egress,
            });
        }
        list
    }

    fn allow_rule(&mut self, rule: &'c ww_model::kube::AllowRule, namespace: &'c str) -> Rule {
        let pods_too = self.reading.blocks_match_pods;
        let peers = match &rule.peers {
            None => vec![self.matchers.id(Matcher::Everything)],
            Some(peers) => peers
                .iter()
                .map(|peer| self.peer(peer, namespace, Action::Accept, pods_too))
                .collect(),
        };
        let (numbers, names) = self.ports(rule.ports.as_deref());
        Rule {
            action: Action::Accept,
            peers,
            numbers,
            names,
        }
    }

    fn cluster_policies(&mut self, cluster: &'c Cluster) -> Vec<Policy> {
        let mut list = Vec::with_capacity(cluster.cluster_policies.len());
        for (index, policy) in cluster.cluster_policies.iter().enumerate() {
            let mut rules = |rules: &'c [TierRule]| {
                let rules: Vec<Rule> = rules.iter().map(|rule| self.tier_rule(rule)).collect();
                (!rules.is_empty()).then_some(rules)
            };
            let (ingress, egress) = (rules(&policy.ingress), rules(&policy.egress));
            let stage = match policy.tier {
                Tier::Admin => Stage::Admin,
                Tier::Baseline => Stage::Baseline,
            };
            let subject = self.matchers.pods(&policy.subject, "");
            let id = PolicyId::Cluster(index as u32);
            list.push(Policy {
                id,
                stage,
                subject,
                ingress,
                egress,
            });
        }
        list
    }

    fn tier_rule(&mut self, rule: &'c TierRule) -> Rule {
        let peers = rule
            .peers
            .iter()
            .map(|peer| self.peer(peer, "", rule.action, true))
            .collect();
        let (numbers, names) = self.ports(rule.ports.as_deref());
        Rule {
            action: rule.action,
            peers,
            numbers,
            names,
        }
    }

    /// A peer that nobody knows fails closed: it matches nobody where the rule accepts.
    fn peer(
        &mut self,
        peer: &'c Peer,
        namespace: &'c str,
        action: Action,
        pods_too: bool,
    ) -> MatcherId {
        let unknown = if action == Action::Accept {
            Matcher::Nothing
        } else {
            Matcher::Everything
        };
        if matches!(peer.who, Who::Names(_)) && self.reading.names_match_outside {
            return self.matchers.id(Matcher::Outside);
        }
        self.matchers.peer(peer, namespace, unknown, pods_too)
    }

    fn ports(&mut self, tests: Option<&'c [PortTest]>) -> (ConnId, Vec<NameId>) {
        let Some(tests) = tests else {
            return (ALL, Vec::new());
        };
        let (mut numbers, mut names) = (NONE, Vec::new());
        for test in tests {
            let set = match &test.ports {
                Ports::All if test.protocol.is_none() => Connections::all(),
                Ports::All => of_protocols(test.protocol, &Ranges::span(0, u128::MAX)),
                Ports::Range(first, last) => {
                    let ports = Ranges::span(u128::from(*first), u128::from(*last));
                    of_protocols(test.protocol, &ports)
                }
                Ports::Named(name) => {
                    names.push(self.name(name, test.protocol));
                    continue;
                }
            };
            let set = self.interner.id(set);
            numbers = self.interner.or(numbers, set);
        }
        names.sort_unstable();
        names.dedup();
        (numbers, names)
    }

    fn name(&mut self, name: &'c str, protocol: Option<Protocol>) -> NameId {
        let key = (name, protocol);
        *self.name_ids.entry(key).or_insert_with(|| {
            self.names.push(key);
            NameId(self.names.len() as u32 - 1)
        })
    }
}

/// Ports of one protocol, or of each.
fn of_protocols(protocol: Option<Protocol>, ports: &Ranges) -> Connections {
    let one = protocol.map(|protocol| vec![protocol]);
    let protocols = one.unwrap_or_else(|| vec![Protocol::Tcp, Protocol::Udp, Protocol::Sctp]);
    let sets = protocols
        .into_iter()
        .map(|protocol| Connections::of(protocol, ports));
    sets.fold(Connections::none(), |all, one| all.or(&one))
}
