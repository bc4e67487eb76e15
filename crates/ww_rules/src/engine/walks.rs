//! Runs the rules over what live endpoints answered.

use super::{
    RuleGaps, add_gaps, finding, grouped, guarded, internal_error, one_cause_per_symptom, order,
    outcomes,
};
use crate::{RULES, Rule, Sighting, Sightings, Walk};
use ww_base::Limits;
use ww_evidence::transcript::Transcript;
use ww_finding::{Finding, Outcome};

/// What the rules say about walks over live endpoints: findings in order of importance, and the
/// outcome of every rule that judges endpoints in the order of the catalogue.
pub fn judge_walks(
    transcripts: &[Transcript],
    limits: &Limits,
) -> (Vec<Finding>, Vec<(&'static str, Outcome)>) {
    let mut findings = Vec::new();
    let mut gaps = RuleGaps::new();
    for transcript in transcripts {
        judge(&Walk::new(transcript, limits), &mut findings, &mut gaps);
    }
    findings.sort_by(order::by_importance);
    let outcomes = outcomes(&findings, gaps, |rule| rule.probe.is_some());
    (findings, outcomes)
}

/// One walk through all rules.
fn judge(walk: &Walk<'_>, findings: &mut Vec<Finding>, gaps: &mut RuleGaps) {
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
                Some(story) => findings.push(finding(rule, story, &group, walk.limits)),
                None => add_gaps(gaps, rule.meta.name, vec![internal_error(rule.meta.name)]),
            }
        }
    }
}
