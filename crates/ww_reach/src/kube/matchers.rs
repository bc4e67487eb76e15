//! Everything that policies match by, each once.

use std::collections::HashMap;

use ww_model::kube::{
    Cidr, Cluster, LabelTest, Labels, NamespaceMatch, Peer, PodMatch, Requirement, Selector, Who,
};

/// What a subject or peer matches by, without its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Matcher<'c> {
    /// Everybody.
    Everything,
    /// Nobody.
    Nothing,
    /// All addresses outside.
    Outside,
    /// Pods of such namespaces, with such labels.
    Pods(Namespaces<'c>, &'c [Requirement]),
    /// Addresses, without some; whether pods with such an address are meant too.
    Addresses(Cidr, &'c [Cidr], bool),
    /// Pods in the network of nodes with such labels.
    Nodes(&'c [Requirement]),
}

/// Namespaces that a matcher means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Namespaces<'c> {
    /// The one of this name.
    Named(&'c str),
    /// Those with such labels.
    Labelled(&'c [Requirement]),
}

/// A matcher: index into [`Matchers::list`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct MatcherId(pub(super) u32);

/// All matchers of a cluster's policies.
#[derive(Default)]
pub(super) struct Matchers<'c> {
    pub(super) list: Vec<Matcher<'c>>,
    ids: HashMap<Matcher<'c>, MatcherId>,
}

impl<'c> Matchers<'c> {
    pub(super) fn id(&mut self, matcher: Matcher<'c>) -> MatcherId {
        if let Some(id) = self.ids.get(&matcher) {
            return *id;
        }
        let id = MatcherId(self.list.len() as u32);
        self.list.push(matcher.clone());
        self.ids.insert(matcher, id);
        id
    }

    /// The pods that a NetworkPolicy's or cluster policy's selectors mean.
    pub(super) fn pods(&mut self, pods: &'c PodMatch, own_namespace: &'c str) -> MatcherId {
        let namespaces = match &pods.namespaces {
            NamespaceMatch::Own => Namespaces::Named(own_namespace),
            NamespaceMatch::Labelled(selector) => Namespaces::Labelled(&selector.requirements),
        };
        self.id(Matcher::Pods(namespaces, requirements(pods.pods.as_ref())))
    }

    /// The pods of one namespace that a selector selects.
    pub(super) fn pods_of(&mut self, namespace: &'c str, selector: &'c Selector) -> MatcherId {
        self.id(Matcher::Pods(
            Namespaces::Named(namespace),
            &selector.requirements,
        ))
    }

    /// A peer; `unknown` is what one that nobody knows stands for, and `pods_too` whether addresses
    /// match pods.
    pub(super) fn peer(
        &mut self,
        peer: &'c Peer,
        own_namespace: &'c str,
        unknown: Matcher<'c>,
        pods_too: bool,
    ) -> MatcherId {
        match &peer.who {
            Who::Pods(pods) => self.pods(pods, own_namespace),
            Who::Addresses { block, except } => {
                self.id(Matcher::Addresses(*block, except, pods_too))
            }
            Who::Nodes(selector) => self.id(Matcher::Nodes(&selector.requirements)),
            Who::Names(_) => self.id(Matcher::Nothing),
            Who::Unknown => self.id(unknown),
        }
    }
}

fn requirements(selector: Option<&Selector>) -> &[Requirement] {
    selector.map_or(&[], |selector| &selector.requirements)
}

/// Whether labels meet every requirement.
pub fn meets(labels: &Labels, requirements: &[Requirement]) -> bool {
    requirements.iter().all(|requirement| {
        let value = labels.get(&requirement.key);
        match &requirement.test {
            LabelTest::Is(wanted) => value == Some(wanted),
            LabelTest::In(wanted) => value.is_some_and(|value| wanted.contains(value)),
            LabelTest::NotIn(unwanted) => value.is_none_or(|value| !unwanted.contains(value)),
            LabelTest::Exists => value.is_some(),
            LabelTest::DoesNotExist => value.is_none(),
        }
    })
}

/// Whether whatever meets the known requirements is sure to meet the wanted ones.
pub(super) fn implies(known: &[Requirement], wanted: &[Requirement]) -> bool {
    wanted.iter().all(|wanted| {
        known
            .iter()
            .filter(|known| known.key == wanted.key)
            .any(|known| one_implies(&known.test, &wanted.test))
    })
}

fn one_implies(known: &LabelTest, wanted: &LabelTest) -> bool {
    let values = match known {
        LabelTest::Is(value) => Some(std::slice::from_ref(value)),
        LabelTest::In(values) => Some(values.as_slice()),
        _ => None,
    };
    match (wanted, known) {
        (LabelTest::Is(wanted), _) => {
            values.is_some_and(|values| values.iter().all(|value| value == wanted))
        }
        (LabelTest::In(wanted), _) => {
            values.is_some_and(|values| values.iter().all(|value| wanted.contains(value)))
        }
        (LabelTest::NotIn(_), LabelTest::DoesNotExist) => true,
        (LabelTest::NotIn(unwanted), LabelTest::NotIn(known)) => {
            unwanted.iter().all(|value| known.contains(value))
        }
        (LabelTest::NotIn(unwanted), _) => {
            values.is_some_and(|values| values.iter().all(|value| !unwanted.contains(value)))
        }
        (LabelTest::Exists, _) => values.is_some() || *known == LabelTest::Exists,
        (LabelTest::DoesNotExist, _) => *known == LabelTest::DoesNotExist,
    }
}

/// Labels of namespaces, and which of a cluster's namespaces they are.
pub(super) struct NamespaceTable<'c> {
    pub(super) names: Vec<&'c str>,
    labels: Vec<Labels>,
    by_name: HashMap<&'c str, u32>,
}

impl<'c> NamespaceTable<'c> {
    /// The declared namespaces, and those that workloads and policies name.
    pub(super) fn of(cluster: &'c Cluster) -> NamespaceTable<'c> {
        let mut table = NamespaceTable {
            names: Vec::new(),
            labels: Vec::new(),
            by_name: HashMap::new(),
        };
        for namespace in &cluster.namespaces {
            table.add(&namespace.name, || namespace.labels.clone());
        }
        let workloads = cluster.workloads.iter().map(|workload| &workload.name);
        let policies = cluster.network_policies.iter().map(|policy| &policy.name);
        for name in workloads.chain(policies) {
            let namespace = name.namespace.as_str();
            let own_label = || {
                Labels::from([(
                    "kubernetes.io/metadata.name".to_owned(),
                    namespace.to_owned(),
                )])
            };
            table.add(namespace, own_label);
        }
        table
    }

    fn add(&mut self, name: &'c str, labels: impl FnOnce() -> Labels) {
        if !self.by_name.contains_key(name) {
            self.by_name.insert(name, self.names.len() as u32);
            self.names.push(name);
            self.labels.push(labels());
        }
    }

    pub(super) fn id(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    pub(super) fn labels(&self, id: u32) -> Option<&Labels> {
        self.labels.get(id as usize)
    }

    /// Whether a matcher means the namespace.
    pub(super) fn is_in(&self, id: u32, namespaces: &Namespaces<'_>) -> bool {
        match namespaces {
            Namespaces::Named(name) => self.id(name) == Some(id),
            Namespaces::Labelled(requirements) => self
                .labels(id)
                .is_some_and(|labels| meets(labels, requirements)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(test: LabelTest) -> Vec<Requirement> {
        vec![Requirement {
            key: "app".into(),
            test,
        }]
    }

    /// Every test over a small world of values.
    fn tests() -> Vec<LabelTest> {
        let values = ["a", "b", "c"].map(str::to_owned);
        let mut tests = vec![LabelTest::Exists, LabelTest::DoesNotExist];
        for mask in 0..8_usize {
            let chosen: Vec<_> = (0..3)
                .filter(|bit| mask >> bit & 1 == 1)
                .map(|bit| values[bit].clone())
                .collect();
            tests.push(LabelTest::In(chosen.clone()));
            tests.push(LabelTest::NotIn(chosen));
        }
        tests.extend(values.map(LabelTest::Is));
        tests
    }

    #[test]
    fn implication_is_sound_and_misses_only_what_no_label_shows() {
        let worlds: Vec<Labels> = std::iter::once(Labels::new())
            .chain(
                ["a", "b", "c", "d"]
                    .map(|value| Labels::from([("app".to_owned(), value.to_owned())])),
            )
            .collect();
        for known in tests() {
            for wanted in tests() {
                let (known, wanted) = (requirement(known.clone()), requirement(wanted.clone()));
                let holds = worlds
                    .iter()
                    .all(|labels| !meets(labels, &known) || meets(labels, &wanted));
                if implies(&known, &wanted) {
                    assert!(holds, "{known:?} {wanted:?}");
                } else if holds && known[0].test != LabelTest::In(Vec::new()) {
                    let trivial =
                        matches!(&wanted[0].test, LabelTest::NotIn(values) if values.is_empty());
                    assert!(trivial, "{known:?} {wanted:?}");
                }
            }
        }
    }
}
