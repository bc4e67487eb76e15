//! The differences of netpol-analyzer's cases.

use std::collections::{BTreeMap, BTreeSet};

use ww_reach::kube::{Change, Connections, Diff, Members, Party, diff};

use super::connectivity::{Analysis, Peer, text};

/// What happened to a pair: before and after.
type Changes = BTreeMap<(Peer, Peer), (Connections, Connections)>;

/// The lines that netpol-analyzer prints for two states.
pub(super) fn lines(old: &Analysis<'_>, new: &Analysis<'_>) -> BTreeSet<String> {
    let mut changes = Changes::new();
    let found = diff(&old.reach, &new.reach);
    for change in &found.changes {
        put(&mut changes, &found, change);
    }
    changes = joined(changes);
    for (name, before, after) in through_ingress(old, new) {
        changes.insert(
            (Peer::IngressController, Peer::Workload(name)),
            (before, after),
        );
    }
    let mut lines: BTreeSet<String> = changes
        .iter()
        .map(|(pair, states)| line(old, new, pair, states))
        .collect();
    if !lines.is_empty() {
        lines.insert("Connectivity diff:".to_owned());
    }
    lines
}

fn put(changes: &mut Changes, found: &Diff, change: &Change) {
    let peers = |side: usize| -> Vec<Peer> {
        match found.sides.get(side).map(|side| &side.members) {
            Some(Members::Parties(parties)) => parties
                .iter()
                .map(|party| Peer::Workload(name(party)))
                .collect(),
            Some(Members::Addresses {
                is_v6: false,
                ranges,
            }) => ranges
                .iter()
                .map(|(first, last)| Peer::Outside(*first as u32, *last as u32))
                .collect(),
            _ => Vec::new(),
        }
    };
    for from in peers(change.from) {
        for to in peers(change.to) {
            if from != to && text(&change.before) != text(&change.after) {
                changes.insert(
                    (from.clone(), to),
                    (change.before.clone(), change.after.clone()),
                );
            }
        }
    }
}

fn name(party: &Party) -> String {
    format!("{}/{}[{}]", party.namespace, party.name, party.kind)
}

/// Makes touching pieces of the outside one where the same happens to them.
fn joined(changes: Changes) -> Changes {
    let mut by_inside: BTreeMap<_, Vec<(u32, u32)>> = BTreeMap::new();
    let mut rest = Changes::new();
    for ((from, to), states) in changes {
        match (from, to) {
            (Peer::Outside(first, last), to) => {
                by_inside
                    .entry((to, true, states))
                    .or_default()
                    .push((first, last));
            }
            (from, Peer::Outside(first, last)) => {
                by_inside
                    .entry((from, false, states))
                    .or_default()
                    .push((first, last));
            }
            (from, to) => drop(rest.insert((from, to), states)),
        }
    }
    for ((inside, inward, states), mut pieces) in by_inside {
        pieces.sort_unstable();
        let mut whole: Vec<(u32, u32)> = Vec::new();
        for (first, last) in pieces {
            match whole.last_mut() {
                Some((_, end)) if end.checked_add(1) == Some(first) => *end = last,
                _ => whole.push((first, last)),
            }
        }
        for (first, last) in whole {
            let (inside, outside) = (inside.clone(), Peer::Outside(first, last));
            let pair = if inward {
                (outside, inside)
            } else {
                (inside, outside)
            };
            rest.insert(pair, states.clone());
        }
    }
    rest
}

/// Changes of what Ingress and Route objects lead to.
fn through_ingress(
    old: &Analysis<'_>,
    new: &Analysis<'_>,
) -> Vec<(String, Connections, Connections)> {
    let (was, is) = (old.through_ingress(), new.through_ingress());
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let state = |map: &BTreeMap<String, Connections>, name| {
        map.get(name).cloned().unwrap_or_else(Connections::none)
    };
    let states = names
        .into_iter()
        .map(|name| (name.clone(), state(&was, name), state(&is, name)));
    states
        .filter(|(_, before, after)| before != after)
        .collect()
}

fn line(
    old: &Analysis<'_>,
    new: &Analysis<'_>,
    (from, to): &(Peer, Peer),
    (before, after): &(Connections, Connections),
) -> String {
    let kind = match (before.is_empty(), after.is_empty()) {
        (true, _) => "added",
        (_, true) => "removed",
        _ => "changed",
    };
    let (from_text, to_text) = (from.text(), to.text());
    let (before, after) = (text(before), text(after));
    let mut line = format!(
        "diff-type: {kind}, source: {from_text}, destination: {to_text}, ref1: {before}, ref2: {after}"
    );
    let changed = |happened: &str, there: &Analysis<'_>, elsewhere: &Analysis<'_>| {
        let is_only_there = |peer: &&Peer| matches!(peer, Peer::Workload(name) if there.workloads.contains_key(name) && !elsewhere.workloads.contains_key(name));
        let names: Vec<String> = [from, to]
            .into_iter()
            .filter(is_only_there)
            .map(Peer::text)
            .collect();
        (!names.is_empty()).then(|| format!("workload {} {happened}", names.join(" and ")))
    };
    if let Some(info) = changed("added", new, old).or_else(|| changed("removed", old, new)) {
        line.push_str(", workloads-diff-info: ");
        line.push_str(&info);
    }
    line
}
