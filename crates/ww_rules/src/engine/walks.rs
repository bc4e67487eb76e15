//! Runs the rules over what live endpoints answered.

use super::{
    RuleGaps, Told, add_gaps, finding, grouped, guarded, internal_error, observe,
    one_cause_per_symptom, order, outcomes,
};
use crate::{RULES, Rule, Sighting, Sightings, Walk, Work};
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
    let (told, mut gaps) = observe(captures, limits);
    let mut findings: Vec<Finding> = told.into_iter().map(|told| told.finding).collect();
    let (told, more) = observe_walks(walks, limits);
    findings.extend(told.into_iter().map(|told| told.finding));
    add_all(&mut gaps, more);
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
        judge_one(&Walk::new(transcript, limits), &mut told, &mut gaps);
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
fn judge_one(walk: &Walk<'_>, told: &mut Vec<Told>, gaps: &mut RuleGaps) {
    let mut seen: Vec<(&'static Rule, Vec<Sighting>)> = Vec::new();
    for &rule in RULES {
        let Some(probe) = rule.probe else { continue };
        let name = rule.meta.name;
        let mut sightings = Sightings::default();
        if guarded(|| (probe.sight)(walk, &mut sightings)).is_none() {
            add_gaps(gaps, name, vec![internal_error(name)]);
            continue;
        }
        add_gaps(gaps, name, sightings.gaps);
        if !sightings.seen.is_empty() {
            seen.push((rule, sightings.seen));
        }
    }
    for (rule, sightings) in one_cause_per_symptom(seen) {
        let Some(probe) = rule.probe else { continue };
        for group in grouped(sightings, walk.limits) {
            match guarded(|| (probe.say)(walk, &group)) {
                Some(story) => told.push(Told {
                    idle_end: story.idle_end.clone(),
                    finding: finding(rule, story, &group, walk.limits),
                }),
                None => add_gaps(gaps, rule.meta.name, vec![internal_error(rule.meta.name)]),
            }
        }
    }
}
