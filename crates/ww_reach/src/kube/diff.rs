//! What changes between two states of a cluster.

use std::collections::{BTreeMap, BTreeSet};

use ww_model::kube::Workload;

use super::connections::Connections;
use super::endpoints::{Endpoint, EndpointId};
use super::{Direction, Reach};

/// What people mean by a workload: its pods come and go, and their names with them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Party {
    /// Its namespace.
    pub namespace: String,
    /// The kind of the controller, or of the object itself.
    pub kind: String,
    /// The name of the controller, or of the object itself.
    pub name: String,
}

impl Party {
    /// The controller of a pod, or the workload itself. The pods that a node starts by itself
    /// belong to nobody.
    pub fn of(workload: &Workload) -> Party {
        let owner = workload.owner.as_ref().filter(|owner| owner.kind != "Node");
        let (kind, name) = match owner {
            Some(owner) if owner.kind.is_empty() => (workload.kind.as_str(), &owner.name),
            Some(owner) => (owner.kind.as_str(), &owner.name),
            None => (workload.kind.as_str(), &workload.name.name),
        };
        Party {
            namespace: workload.name.namespace.clone(),
            kind: kind.to_owned(),
            name: name.clone(),
        }
    }
}

/// Parties or addresses to which the same happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The endpoint they were, if they were there.
    pub old: Option<EndpointId>,
    /// The endpoint they are now, if they are there.
    pub new: Option<EndpointId>,
    /// Who they are.
    pub members: Members,
}

/// Who a [`Side`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Members {
    /// Workloads.
    Parties(BTreeSet<Party>),
    /// Addresses outside.
    Addresses {
        /// Whether they are IPv6.
        is_v6: bool,
        /// Inclusive ranges, ascending.
        ranges: Vec<(u128, u128)>,
    },
}

/// Connections between two sides that are no longer what they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// From whom: index into [`Diff::sides`].
    pub from: usize,
    /// To whom: index into [`Diff::sides`].
    pub to: usize,
    /// What was possible.
    pub before: Connections,
    /// What is possible.
    pub after: Connections,
}

impl Change {
    /// What was not possible before.
    pub fn opened(&self) -> Connections {
        self.after.minus(&self.before)
    }

    /// What is not possible any more.
    pub fn closed(&self) -> Connections {
        self.before.minus(&self.after)
    }
}

/// Everything that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    /// Everybody, in groups to which the same happens.
    pub sides: Vec<Side>,
    /// The changes, by side.
    pub changes: Vec<Change>,
}

/// Compares two states of a cluster. Workloads are the same when their [`Party`] is.
pub fn diff(old: &Reach<'_>, new: &Reach<'_>) -> Diff {
    let mut sides = parties(old, new);
    sides.extend(addresses(old, new));
    let mut changes = Vec::new();
    for (from_index, from) in sides.iter().enumerate() {
        for (to_index, to) in sides.iter().enumerate() {
            if cannot_talk(from, to, from_index == to_index) {
                continue;
            }
            let (before, after) = (
                possible(old, from.old, to.old),
                possible(new, from.new, to.new),
            );
            if before != after {
                changes.push(Change {
                    from: from_index,
                    to: to_index,
                    before,
                    after,
                });
            }
        }
    }
    Diff { sides, changes }
}

/// Whether a pair says nothing: both outside, or one party with itself.
fn cannot_talk(from: &Side, to: &Side, is_same: bool) -> bool {
    match (&from.members, &to.members) {
        (Members::Addresses { .. }, Members::Addresses { .. }) => true,
        (Members::Parties(parties), _) => is_same && parties.len() < 2,
        _ => false,
    }
}

fn possible(reach: &Reach<'_>, from: Option<EndpointId>, to: Option<EndpointId>) -> Connections {
    let both = from.zip(to);
    both.map_or_else(Connections::none, |(from, to)| {
        let out = reach.allowed(from, Direction::Egress, to);
        if out.is_empty() {
            Connections::none()
        } else {
            reach.connections(from, to)
        }
    })
}

/// Workloads of either state, grouped by what they were and are.
fn parties(old: &Reach<'_>, new: &Reach<'_>) -> Vec<Side> {
    let (was, is) = (endpoints_by_party(old), endpoints_by_party(new));
    let everybody: BTreeSet<&Party> = was.keys().chain(is.keys()).collect();
    let mut groups: BTreeMap<(Option<EndpointId>, Option<EndpointId>), BTreeSet<Party>> =
        BTreeMap::new();
    for party in everybody {
        let list = |map: &BTreeMap<Party, BTreeSet<EndpointId>>| -> Vec<EndpointId> {
            map.get(party).into_iter().flatten().copied().collect()
        };
        let (was, is) = (list(&was), list(&is));
        for index in 0..was.len().max(is.len()) {
            let nth = |ids: &[EndpointId]| ids.get(index).or(ids.last()).copied();
            groups
                .entry((nth(&was), nth(&is)))
                .or_default()
                .insert(party.clone());
        }
    }
    let side = |((old, new), parties)| Side {
        old,
        new,
        members: Members::Parties(parties),
    };
    groups.into_iter().map(side).collect()
}

fn endpoints_by_party(reach: &Reach<'_>) -> BTreeMap<Party, BTreeSet<EndpointId>> {
    let mut parties: BTreeMap<Party, BTreeSet<EndpointId>> = BTreeMap::new();
    for (index, workload) in reach.cluster().workloads.iter().enumerate() {
        if let Some(endpoint) = reach.endpoint_of_workload(index as u32) {
            parties
                .entry(Party::of(workload))
                .or_default()
                .insert(endpoint);
        }
    }
    parties
}

/// Addresses outside, grouped by what they were and are.
fn addresses(old: &Reach<'_>, new: &Reach<'_>) -> Vec<Side> {
    let mut sides = Vec::new();
    for is_v6 in [false, true] {
        let (was, is) = (pieces(old, is_v6), pieces(new, is_v6));
        let mut groups: BTreeMap<(EndpointId, EndpointId), Vec<(u128, u128)>> = BTreeMap::new();
        let (mut left, mut right) = (was.iter().peekable(), is.iter().peekable());
        while let (Some((first, last, was)), Some((other_first, other_last, is))) =
            (left.peek(), right.peek())
        {
            let (start, end) = (*first.max(other_first), *last.min(other_last));
            join(groups.entry((*was, *is)).or_default(), start, end);
            if *last == end {
                left.next();
            }
            if *other_last == end {
                right.next();
            }
        }
        sides.extend(groups.into_iter().map(|((old, new), ranges)| Side {
            old: Some(old),
            new: Some(new),
            members: Members::Addresses { is_v6, ranges },
        }));
    }
    sides
}

/// Adds a range to ascending ones, as one with the last where they touch.
fn join(ranges: &mut Vec<(u128, u128)>, start: u128, end: u128) {
    match ranges.last_mut() {
        Some((_, last)) if last.checked_add(1) == Some(start) => *last = end,
        _ => ranges.push((start, end)),
    }
}

/// The pieces of all addresses of a family, ascending.
fn pieces(reach: &Reach<'_>, wanted_v6: bool) -> Vec<(u128, u128, EndpointId)> {
    let mut pieces = Vec::new();
    for (id, endpoint) in reach.endpoints() {
        if let Endpoint::Addresses { is_v6, ranges } = endpoint
            && *is_v6 == wanted_v6
        {
            pieces.extend(ranges.iter().map(|(first, last)| (*first, *last, id)));
        }
    }
    pieces.sort_unstable();
    pieces
}
