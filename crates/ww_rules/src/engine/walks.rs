//! Runs the rules over what live endpoints answered.

use super::{About, RuleGaps, Told, add_gaps, in_two_steps, joint, observe, order, outcomes};
use crate::{Rule, Sighting, Sightings, Story, Walk, Work, dns};
use ww_base::{Limits, Locus, Order};
use ww_evidence::Capture;
use ww_evidence::transcript::Transcript;
use ww_finding::{Finding, Layer, Outcome, Severity, Support};
use ww_reason::{Case, Cause, Confidence, cases, entry};

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
    findings.put_in_order_by(order::by_importance);
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
        let walk = Walk::new(transcript, limits);
        let before = told.len();
        judge_walk(&walk, &mut told, &mut gaps);
        grade_all(&mut told, before, transcript);
        let is_found = dns::is_found(&walk);
        for resolver in transcript.of_resolvers() {
            let before = told.len();
            let walk = Walk::new(&resolver, limits);
            judge_resolver(&walk, is_found, &mut told, &mut gaps);
            grade_all(&mut told, before, &resolver);
        }
    }
    (told, gaps)
}

/// Grades what was told of a walk: all but the first so many.
fn grade_all(told: &mut [Told], before: usize, transcript: &Transcript) {
    let cases = cases(&transcript.head.target, &transcript.steps);
    for told in told.iter_mut().skip(before) {
        grade(&mut told.finding, &cases);
    }
}

/// How sure a cause is that rests on a symptom which may have others: what controls left decides. A rule that says
/// itself how it knows is heeded.
fn grade(finding: &mut Finding, cases: &[Case]) {
    let steps: Vec<u32> = finding
        .exhibits
        .iter()
        .filter_map(|exhibit| match exhibit.at {
            Locus::Probe { step, .. } => Some(step),
            _ => None,
        })
        .collect();
    let is_of_rule = |cause: &Cause| cause.rule == finding.rule;
    // Those too in which controls crossed the cause out: they speak against it.
    let concerned = |case: &&Case| {
        let mut causes = entry(case.symptom).causes.iter();
        steps.contains(&case.step) && causes.any(is_of_rule)
    };
    let mut answers = cases.iter().filter(concerned).map(Case::answer).peekable();
    if finding.support != Support::Observed || answers.peek().is_none() {
        return;
    }
    let (mut proved, mut alone) = (true, true);
    for answer in answers {
        let is_left = answer.causes.iter().any(|cause| is_of_rule(cause));
        let is_alone = is_left && answer.causes.iter().all(|cause| is_of_rule(cause));
        proved &= is_alone && answer.confidence == Confidence::Proved;
        alone &= is_alone;
    }
    finding.support = match (proved, alone) {
        (true, _) => Support::Proved,
        (false, true) => Support::Observed,
        (false, false) => Support::Heuristic,
    };
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

/// The layers below an encrypted name server, as if it had been walked itself. `is_found`: programs get an address all
/// the same.
fn judge_resolver(walk: &Walk<'_>, is_found: bool, told: &mut Vec<Told>, gaps: &mut RuleGaps) {
    let first = |rule: &'static Rule, sightings: &mut Sightings| {
        if let Some(probe) = rule.probe.filter(|_| judges_resolvers(rule)) {
            (probe.sight)(walk, sightings);
        }
    };
    let second = |rule: &'static Rule, group: &[Sighting]| {
        rule.probe
            .map(|probe| of_resolver(walk, rule, (probe.say)(walk, group), is_found))
    };
    let about = About {
        source: walk.transcript.source,
        threads: 1,
        limits: walk.limits,
    };
    in_two_steps(first, second, &about, told, gaps);
}

/// Whether a rule is about connections, TLS or what answers a request: the rest of HTTP is the target's.
fn judges_resolvers(rule: &Rule) -> bool {
    match rule.meta.layer {
        Layer::Ip | Layer::Tcp | Layer::Tls => true,
        _ => matches!(
            rule.meta.name,
            "dns-over-https-missing" | "http-server-errors" | "http-gateway-timeout"
        ),
    }
}

/// A story that cannot be mistaken for one about the target, and no graver than names that cannot be looked up.
fn of_resolver(walk: &Walk<'_>, rule: &Rule, story: Story, is_found: bool) -> Story {
    let most = if is_found {
        Severity::Medium
    } else {
        Severity::High
    };
    let severity = story.severity.unwrap_or(rule.meta.severity).min(most);
    Story {
        headline: format!("Name server {}: {}", walk.target().written, story.headline),
        ..story.severity(severity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_base::SourceId;
    use ww_finding::Exhibit;
    use ww_reason::{Control, Reading, Readings, Symptom};

    /// The support of what a rule says of a greeting that did not come, where TLS was tried in its place.
    fn support(rule: &str, tls: Reading) -> Support {
        let rule = crate::RULES.iter().find(|one| one.meta.name == rule);
        let story = Story::observed("", "").show(Exhibit {
            at: Locus::Probe {
                source: SourceId(0),
                step: 1,
            },
            says: String::new(),
        });
        let mut finding =
            super::super::finding(rule.expect("a rule"), story, &[], &Limits::default());
        let case = Case {
            symptom: Symptom::GreetingMissing,
            at: None,
            step: 1,
            readings: Readings::default().with(Control::Tls, tls),
        };
        grade(&mut finding, &[case]);
        finding.support
    }

    #[test]
    fn a_cause_that_controls_cross_out_is_not_sure() {
        let is = |rule, tls| support(rule, tls);
        assert_eq!(is("greeting-missing", Reading::Fails), Support::Observed);
        assert_eq!(is("greeting-missing", Reading::Works), Support::Heuristic);
        assert_eq!(
            is("plaintext-on-tls-port", Reading::Works),
            Support::Observed
        );
        assert_eq!(
            is("plaintext-on-tls-port", Reading::Fails),
            Support::Heuristic
        );
    }
}
