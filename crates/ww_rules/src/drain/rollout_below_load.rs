//! `rollout-below-load`: during a rollout, the instances that are left cannot carry the load.

use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_chain::Party;
use ww_finding::Support;
use ww_model::service::{Unit, UnitKind};

rule! {
    name: "rollout-below-load",
    family: "drain",
    layer: App,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "While a rollout runs, fewer instances are left than the load at its peak needs",
    needs: [Workloads],
    explains: [],
    page: "rollout_below_load.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for party in &declared.chains().parties {
        let Some(demand) = party.demand else {
            continue;
        };
        let load = each(&demand.per_second).into_iter().next();
        let capacity = each(&demand.most_per_second).into_iter().next();
        let (Some(load), Some(capacity)) = (load, capacity) else {
            continue;
        };
        for unit in &party.units {
            let Some(rollout) = rollout(unit) else {
                continue;
            };
            let share = rollout.left as f64 / rollout.replicas.value as f64;
            let left = capacity.value * share;
            // A load that is too much for all of them is no matter of rollouts.
            let is_carried = load.value <= capacity.value;
            if is_carried && left < load.value && told.insert(unit.at) {
                reports.add(story((party, unit), &rollout, (&load, &capacity), left));
            }
        }
    }
}

struct Rollout {
    replicas: Known<u64>,
    missing: Known<u64>,
    left: u64,
}

/// What is left while a rollout runs: the share that may be missing is rounded down to whole pods
/// (Kubernetes, Deployment, `maxUnavailable`).
fn rollout(unit: &Unit) -> Option<Rollout> {
    if unit.kind != UnitKind::Container {
        return None;
    }
    let replicas = each(&unit.scaling.replicas).into_iter().next()?;
    let missing = each(&unit.scaling.rollout_missing_percent)
        .into_iter()
        .next()?;
    let gone = replicas.value.saturating_mul(missing.value) / 100;
    let left = replicas.value.saturating_sub(gone);
    (replicas.value > 0 && gone > 0).then_some(Rollout {
        replicas,
        missing,
        left,
    })
}

fn story(
    (party, unit): (&Party<'_>, &Unit),
    rollout: &Rollout,
    (load, capacity): (&Known<f64>, &Known<f64>),
    left: f64,
) -> Story {
    let name = &party.name;
    let (all, percent) = (rollout.replicas.value, rollout.missing.value);
    let few = match rollout.left {
        0 => "none".to_owned(),
        count => count.to_string(),
    };
    Story::proved(
        format!(
            "A rollout, or nodes that are drained, may leave {few} of {all} instances of {name}, which can do {left:.0} requests/s, and {} arrive at the peak",
            load.value
        ),
        format!("a rollout of {name} at its peak during which answers stay as fast"),
    )
    .support(Support::Declared)
    .show(rollout.missing.show(unit.at, &format!("{percent} % of the instances may be missing")))
    .show(rollout.replicas.show(unit.at, &format!("{all} instances")))
    .show(load.show(unit.at, &format!("{} requests/s at the peak", load.value)))
    .show(capacity.show(unit.at, &format!("all of them can do {} requests/s", capacity.value)))
    .advise("Start the new ones first: strategy.rollingUpdate with maxUnavailable: 0 and maxSurge: 1")
}
