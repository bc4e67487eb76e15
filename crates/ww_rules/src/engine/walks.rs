//! Runs the rules over what live endpoints answered.

use super::{About, RuleGaps, Told, add_gaps, in_two_steps, joint, observe, order, outcomes};
use crate::{Rule, Sighting, Sightings, Walk, Work};
use ww_base::Limits;
use ww_evidence::Capture;
use ww_evidence::transcript::Transcript;
use ww_finding::{Finding, Outcome};

/// What the rules say about walks over live endpoints, and about captures of the same trouble: findings
/// in order of importance, and the outcome of every rule that was asked in the order of the catalogue.
pub fn judge(
    captures: &[Capture],
    walks: &[Transcript],
    limits: &Limits,
) -> (Vec<Finding>, Vec<(&'static str, Outcome)>) {
    let (seen, mut gaps) = observe(captures, limits);
    let (probed, more) = observe_walks(walks, limits);
    add_all(&mut gaps, more);
    let told = joint::seen(captures, walks, (seen, probed), limits);
    let mut findings: Vec<Finding> = told.into_iter().map(|told| told.finding).collect();
    findings.sort_by(order::by_importance);
    let outcomes = outcomes(&findings, gaps, |rule| {
        rule.probe.is_some() || !captures.is_empty() && matches!(rule.work, Work::Observed { .. })
    });
    (findings, outcomes)
}

/// What the rules find at live endpoints, and what they cannot judge.
pub(super) fn observe_walks(walks: &[Transcript], limits: &Limits) -> (Vec<Told>, RuleGaps) {
    let mut told = Vec::new();
    let mut gaps = RuleGaps::new();
    for transcript in walks {
        judge_walk(&Walk::new(transcript, limits), &mut told, &mut gaps);
    }
    (told, gaps)
}

/// Adds gaps of one kind of evidence to those of another.
pub(super) fn add_all(gaps: &mut RuleGaps, more: RuleGaps) {
    for (rule, more) in more {
        add_gaps(gaps, rule, more);
    }
}

/// One walk through all rules.
fn judge_walk(walk: &Walk<'_>, told: &mut Vec<Told>, gaps: &mut RuleGaps) {
    let first = |rule: &'static Rule, sightings: &mut Sightings| {
        if let Some(probe) = rule.probe {
            (probe.sight)(walk, sightings);
        }
    };
    let second =
        |rule: &'static Rule, group: &[Sighting]| rule.probe.map(|probe| (probe.say)(walk, group));
    let about = About {
        source: walk.transcript.source,
        threads: 1,
        limits: walk.limits,
    };
    in_two_steps(first, second, &about, told, gaps);
}
