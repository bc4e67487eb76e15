//! Many rule sets, many packets each, against the kernel.

use super::generate::{Backend, Case, packets};
use super::judge::{self, Mismatch, Observed};
use super::router::Router;
use crate::error::LabError;
use crate::rng::Rng;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use ww_model::Packet;
use ww_reach::walk::{By, Outcome};

/// How much to compare.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What invents everything.
    pub seed: u64,
    /// How many packets in all.
    pub packets: usize,
    /// How many packets go through each rule set.
    pub packets_per_case: usize,
    /// What loads the rules, in turn.
    pub backends: Vec<Backend>,
    /// When to stop in any case.
    pub patience: Option<Duration>,
    /// Disagreeing cases after which to stop.
    pub enough: usize,
}

/// A case with what the kernel did with its packets.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The seed that invents the case again.
    pub seed: u64,
    /// The rules.
    pub case: Case,
    /// The packets.
    pub packets: Vec<Packet>,
    /// What became of each.
    pub observed: Vec<Observed>,
}

/// What came of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Rule sets compared.
    pub cases: usize,
    /// Packets compared.
    pub packets: usize,
    /// Packets that the kernel let pass.
    pub passed: usize,
    /// Packets by how they fared: outcome, and whether a rule or a policy said so.
    pub fates: BTreeMap<String, usize>,
    /// Rule sets that the kernel refused, by what the loader said first.
    pub refused: BTreeMap<String, usize>,
    /// Cases with disagreements.
    pub disagreements: Vec<Disagreement>,
}

/// A case in which walk and kernel do not agree.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// The case and its packets.
    pub trial: Trial,
    /// The packets in question.
    pub mismatches: Vec<Mismatch>,
}

/// Runs a comparison; `told` hears of every trial, for records.
///
/// # Errors
/// [`LabError::NotPossible`] where no router can be built; [`LabError::Program`] when a loader is missing.
pub fn run(plan: &Plan, told: &mut dyn FnMut(&Trial)) -> Result<Tally, LabError> {
    // Rules of different loaders would all be in force.
    let build = |backend: &Backend| Ok((*backend, Router::build()?));
    let routers: Result<Vec<_>, LabError> = plan.backends.iter().map(build).collect();
    let mut routers = routers?;
    let mut tally = Tally::default();
    let mut seeds = Rng::new(plan.seed);
    let started = Instant::now();
    let mut turn = 0;
    while tally.packets < plan.packets
        && tally.disagreements.len() < plan.enough
        && plan
            .patience
            .is_none_or(|patience| started.elapsed() < patience)
    {
        let (count, seed) = (routers.len(), seeds.next_u64());
        let Some((backend, router)) = routers.get_mut(turn % count.max(1)) else {
            break;
        };
        turn += 1;
        let case = Case::generate(seed, *backend);
        if let Some(trial) = attempt(router, seed, case, plan.packets_per_case, &mut tally)? {
            told(&trial);
            judge(trial, &mut tally);
        }
    }
    Ok(tally)
}

/// Lets the kernel decide one case; `None` when it refuses the rules.
fn attempt(
    router: &mut Router,
    seed: u64,
    case: Case,
    count: usize,
    tally: &mut Tally,
) -> Result<Option<Trial>, LabError> {
    if let Err(error) = judge::load(router, &case) {
        let LabError::Program { command, reason } = &error else {
            return Err(error);
        };
        let reason = reason.lines().next().unwrap_or_default();
        let reason = reason
            .split_once("Error: ")
            .map_or(reason, |(_, words)| words);
        *tally
            .refused
            .entry(format!("{command}: {reason}"))
            .or_default() += 1;
        return Ok(None);
    }
    let packets = packets(&case, seed, count);
    let observed = judge::observe(router, case.hook, &packets)?;
    Ok(Some(Trial {
        seed,
        case,
        packets,
        observed,
    }))
}

fn judge(trial: Trial, tally: &mut Tally) {
    let rules = judge::import(&trial.case);
    let (mismatches, walks) = judge::compare(
        &rules.value,
        trial.case.hook,
        &trial.packets,
        &trial.observed,
    );
    tally.cases += 1;
    tally.packets += trial.packets.len();
    tally.passed += trial
        .observed
        .iter()
        .filter(|seen| !seen.arrivals.is_empty())
        .count();
    for walk in walks {
        let outcome = match walk.outcome {
            Outcome::Accept => "accepted",
            Outcome::Drop => "dropped",
            Outcome::Reject(_) => "rejected",
            Outcome::Unknown => "unknown",
        };
        let by = match walk.by {
            By::Rule { .. } => "by a rule",
            By::Policy(_) => "by a policy",
            By::Nothing => "by nothing",
        };
        *tally.fates.entry(format!("{outcome} {by}")).or_default() += 1;
    }
    if !mismatches.is_empty() {
        tally.disagreements.push(Disagreement { trial, mismatches });
    }
}
