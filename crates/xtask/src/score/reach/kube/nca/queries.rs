//! The queries of network-config-analyzer, each with the number that it returns.

use std::collections::BTreeSet;

use ww_model::kube::{Cluster, NetworkPolicy, Workload};
use ww_reach::kube::{Connections, Direction, Party};

use super::compare::{self, Pair, Peer, World, pairs};
use super::policies::{empty_rules, is_empty, same_policies, without_rule};

/// How many pods the suite makes of one template at most.
const MOST_COPIES: u32 = 2;

/// What a query of a kind returns for clusters; none for a kind that is not known.
pub(super) fn answer(kind: &str, clusters: &[Cluster], counts_pods: bool) -> Option<usize> {
    let all_captured: fn(&Cluster) -> usize = if counts_pods {
        uncaptured_pods
    } else {
        uncaptured_workloads
    };
    let single: Option<fn(&Cluster) -> usize> = match kind {
        "connectivityMap" => Some(|_| 0),
        "emptiness" => Some(emptiness),
        "vacuity" => Some(|cluster| usize::from(is_vacuous(cluster))),
        "redundancy" => Some(redundancy),
        "sanity" => Some(sanity),
        "allCaptured" => Some(all_captured),
        _ => None,
    };
    if let Some(query) = single {
        return Some(
            clusters
                .iter()
                .filter(|cluster| !cluster.workloads.is_empty())
                .map(query)
                .sum(),
        );
    }
    let pair: fn(&Cluster, &Cluster) -> usize = match kind {
        "equivalence" => |a, b| usize::from(!is_equivalent(a, b)),
        "strongEquivalence" => strong_equivalence,
        "semanticDiff" => semantic_diff,
        "twoWayContainment" => two_way_containment,
        "containment" => |a, b| usize::from(is_contained(a, b)),
        "permits" => permits,
        "forbids" => forbids,
        "interferes" | "pairwiseInterferes" => interferes,
        _ => return None,
    };
    let all_asked = clusters.iter().enumerate();
    let mut sum = 0;
    for (index, first) in all_asked {
        for (other, second) in clusters.iter().enumerate() {
            sum += match kind {
                "containment" | "permits" | "forbids" | "interferes" if other == 0 && index > 0 => {
                    pair(first, second)
                }
                "pairwiseInterferes" if index != other => pair(first, second),
                "equivalence" | "strongEquivalence" | "semanticDiff" | "twoWayContainment"
                    if index < other =>
                {
                    pair(first, second)
                }
                _ => 0,
            };
        }
    }
    Some(sum)
}

fn all_pairs(first: &Cluster, second: &Cluster) -> Vec<Pair> {
    let (first, second) = (World::of(first), World::of(second));
    pairs([&first, &second])
}

fn has_same_pods(first: &Cluster, second: &Cluster) -> bool {
    World::of(first).pods() == World::of(second).pods()
}

fn is_equivalent(first: &Cluster, second: &Cluster) -> bool {
    has_same_pods(first, second)
        && all_pairs(first, second)
            .iter()
            .all(|pair| pair.possible[0] == pair.possible[1])
}

fn is_contained(first: &Cluster, second: &Cluster) -> bool {
    World::of(first).pods().is_subset(&World::of(second).pods())
        && all_pairs(first, second)
            .iter()
            .all(|pair| pair.possible[1].covers(&pair.possible[0]))
}

/// 0 for the same policies, 3 for equal connections, 2 and 1 for containment.
fn two_way_containment(first: &Cluster, second: &Cluster) -> usize {
    if has_same_pods(first, second) && same_policies(first, second) {
        return 0;
    }
    match (is_contained(first, second), is_contained(second, first)) {
        (true, true) => 3,
        (true, false) => 2,
        (false, true) => 1,
        (false, false) => 0,
    }
}

fn strong_equivalence(first: &Cluster, second: &Cluster) -> usize {
    let with_one = |cluster: &Cluster, policy: &NetworkPolicy| {
        let mut one = cluster.clone();
        one.network_policies
            .retain(|known| known.name == policy.name);
        one
    };
    let names = |cluster: &Cluster| {
        let policies = cluster.network_policies.iter();
        policies
            .map(|policy| policy.name.clone())
            .collect::<BTreeSet<_>>()
    };
    let is_same = has_same_pods(first, second)
        && names(first) == names(second)
        && first
            .network_policies
            .iter()
            .all(|policy| is_equivalent(&with_one(first, policy), &with_one(second, policy)));
    usize::from(!is_same)
}

/// The policies of the first, asked about the pods of the second.
fn rebuilt(first: &Cluster, second: &Cluster) -> Cluster {
    Cluster {
        network_policies: first.network_policies.clone(),
        ..second.clone()
    }
}

fn permits(specified: &Cluster, base: &Cluster) -> usize {
    if specified.network_policies.is_empty() {
        return 0;
    }
    let specified = rebuilt(specified, base);
    let pairs = all_pairs(&specified, base);
    usize::from(
        !pairs
            .iter()
            .all(|pair| pair.possible[1].covers(&pair.explicit[0])),
    )
}

fn forbids(specified: &Cluster, base: &Cluster) -> usize {
    if specified.network_policies.is_empty() {
        return 0;
    }
    let specified = rebuilt(specified, base);
    let pairs = all_pairs(&specified, base);
    usize::from(
        pairs
            .iter()
            .any(|pair| !pair.possible[1].and(&pair.explicit[0]).is_empty()),
    )
}

fn interferes(first: &Cluster, second: &Cluster) -> usize {
    let is_same = has_same_pods(first, second);
    let pairs = all_pairs(first, second);
    usize::from(
        is_same
            && !pairs
                .iter()
                .all(|pair| pair.explicit[1].covers(&pair.explicit[0])),
    )
}

fn is_vacuous(cluster: &Cluster) -> bool {
    let without = Cluster {
        network_policies: Vec::new(),
        ..cluster.clone()
    };
    is_equivalent(cluster, &without)
}

fn emptiness(cluster: &Cluster) -> usize {
    let issues = |policy: &NetworkPolicy| {
        let [ingress, egress] = empty_rules(cluster, policy);
        usize::from(is_empty(cluster, policy)) + ingress.len() + egress.len()
    };
    cluster.network_policies.iter().map(issues).sum()
}

/// Whether connections stay what they are without a policy.
fn is_redundant(cluster: &Cluster, index: usize) -> bool {
    let mut without = cluster.clone();
    without.network_policies.remove(index);
    cluster.network_policies.len() > 1 && is_equivalent(cluster, &without)
}

/// The rules that a policy could do without, by direction.
fn redundant_rules(cluster: &Cluster, index: usize) -> [Vec<usize>; 2] {
    let redundant = |direction: Direction| {
        let Some(policy) = cluster.network_policies.get(index) else {
            return Vec::new();
        };
        let allowed = match direction {
            Direction::Ingress => &policy.ingress,
            Direction::Egress => &policy.egress,
        };
        let count = allowed.as_ref().map_or(0, |allowed| allowed.rules.len());
        let is_redundant = |rule: &usize| {
            let without = without_rule(cluster, index, direction, *rule);
            is_equivalent(cluster, &without)
        };
        (0..count).filter(is_redundant).collect()
    };
    [redundant(Direction::Ingress), redundant(Direction::Egress)]
}

fn redundancy(cluster: &Cluster) -> usize {
    let issues = |index: usize| {
        if is_redundant(cluster, index) {
            return 1;
        }
        redundant_rules(cluster, index).iter().map(Vec::len).sum()
    };
    (0..cluster.network_policies.len()).map(issues).sum()
}

fn sanity(cluster: &Cluster) -> usize {
    if cluster.network_policies.is_empty() {
        return 0;
    }
    let is_vacuous = is_vacuous(cluster);
    let mut issues = usize::from(is_vacuous);
    for (index, policy) in cluster.network_policies.iter().enumerate() {
        if is_empty(cluster, policy) {
            issues += 1;
            continue;
        }
        let empty = empty_rules(cluster, policy);
        issues += empty.iter().map(Vec::len).sum::<usize>();
        if is_vacuous {
            continue;
        }
        if is_redundant(cluster, index) {
            issues += 1;
            continue;
        }
        for (redundant, empty) in redundant_rules(cluster, index).iter().zip(&empty) {
            issues += redundant
                .iter()
                .filter(|rule| !empty.contains(rule))
                .count();
        }
    }
    issues
}

/// Pods that no policy selects, by direction.
fn uncaptured_pods(cluster: &Cluster) -> usize {
    uncaptured(cluster, |workload| {
        let copies = workload.replicas.min(MOST_COPIES);
        (0..copies)
            .map(|copy| format!("{:?} {copy}", workload.name))
            .collect()
    })
}

/// Makers of such pods.
fn uncaptured_workloads(cluster: &Cluster) -> usize {
    uncaptured(cluster, |workload| {
        vec![format!("{:?}", Party::of(workload))]
    })
}

fn uncaptured(cluster: &Cluster, names: fn(&Workload) -> Vec<String>) -> usize {
    let world = World::of(cluster);
    if cluster.network_policies.is_empty() {
        return cluster
            .workloads
            .iter()
            .map(|workload| workload.replicas.min(MOST_COPIES) as usize)
            .sum();
    }
    let count = |direction| {
        let outside =
            |workload: &&Workload| !world.is_captured(&compare::name(workload), direction);
        let names = cluster.workloads.iter().filter(outside).flat_map(names);
        names.collect::<BTreeSet<String>>().len()
    };
    count(Direction::Ingress) + count(Direction::Egress)
}

/// How a peer stands to two states.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Removed,
    Added,
    Kept,
    Outside,
}

/// In how many categories of pairs connections were lost or came.
fn semantic_diff(old: &Cluster, new: &Cluster) -> usize {
    use Standing::{Added, Kept, Outside, Removed};
    if has_same_pods(old, new) && same_policies(old, new) {
        return 0;
    }
    let (old, new) = (World::of(old), World::of(new));
    let (was, is) = (old.pods(), new.pods());
    let standing = |peer: &Peer| match peer {
        Peer::Outside => Outside,
        Peer::Pod(pod) if !is.contains(pod) => Removed,
        Peer::Pod(pod) if !was.contains(pod) => Added,
        Peer::Pod(_) => Kept,
    };
    let pairs = pairs([&old, &new]);
    let changed = |a: Standing, b: Standing, lost: bool| {
        let is_between = |pair: &&Pair| {
            let ends = (standing(&pair.from), standing(&pair.to));
            ends == (a, b) || ends == (b, a)
        };
        let difference = |pair: &Pair| -> Connections {
            let [before, after] = &pair.possible;
            if lost {
                before.minus(after)
            } else {
                after.minus(before)
            }
        };
        pairs
            .iter()
            .filter(is_between)
            .any(|pair| !difference(pair).is_empty())
    };
    let categories = [
        changed(Removed, Removed, true),
        changed(Removed, Outside, true),
        changed(Removed, Kept, true),
        changed(Kept, Kept, false),
        changed(Kept, Kept, true),
        changed(Kept, Outside, false),
        changed(Kept, Outside, true),
        changed(Kept, Added, false),
        changed(Added, Added, false),
        changed(Added, Outside, false),
    ];
    categories.into_iter().filter(|changed| *changed).count()
}
