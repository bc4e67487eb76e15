//! Runs the rules over what files declare.

use super::{RuleGaps, add_gaps, beyond_bound, guarded, internal_error, order, outcomes};
use crate::{Declared, Differences, RULES, Reports, Rule, Story, Work};
use ww_base::{Gap, Limits, Order, Span};
use ww_finding::{Finding, Need, Outcome};
use ww_model::Model;

/// What the rules say about a declared network: findings in order of importance, and the outcome
/// of every rule over files in the order of the catalogue. The texts are those that the model was
/// read from, in the order of their sources.
pub fn review(
    model: &Model,
    limits: &Limits,
    texts: &[&str],
) -> (Vec<Finding>, Vec<(&'static str, Outcome)>) {
    let declared = Declared::new(model, limits, texts);
    let (mut findings, gaps) = review_declared(&declared);
    findings.put_in_order_by(order::by_importance);
    let outcomes = outcomes(&findings, gaps, |rule| {
        matches!(rule.work, Work::Declared { .. })
    });
    (findings, outcomes)
}

/// What the rules over files find, and what they cannot judge.
pub(super) fn review_declared(declared: &Declared<'_>) -> (Vec<Finding>, RuleGaps) {
    let mut findings = Vec::new();
    let mut gaps = RuleGaps::new();
    for &rule in RULES {
        let Work::Declared { check } = rule.work else {
            continue;
        };
        let name = rule.meta.name;
        let missing: Vec<Gap> = rule
            .meta
            .needs
            .iter()
            .filter_map(|&need| lacking(declared.model, need))
            .collect();
        if !missing.is_empty() {
            add_gaps(&mut gaps, name, missing);
            continue;
        }
        let mut reports = Reports::default();
        if guarded(|| check(declared, &mut reports)).is_none() {
            add_gaps(&mut gaps, name, vec![internal_error(name)]);
            continue;
        }
        findings.extend(told(rule, reports, declared.limits, &mut gaps));
    }
    (findings, gaps)
}

/// What the rules find where live endpoints contradict files.
pub(super) fn review_differences(
    differences: &Differences,
    limits: &Limits,
) -> (Vec<Finding>, RuleGaps) {
    let mut findings = Vec::new();
    let mut gaps = RuleGaps::new();
    for &rule in RULES {
        let Work::Compared { compare } = rule.work else {
            continue;
        };
        let name = rule.meta.name;
        let mut reports = Reports::default();
        if guarded(|| compare(differences, &mut reports)).is_none() {
            add_gaps(&mut gaps, name, vec![internal_error(name)]);
            continue;
        }
        findings.extend(told(rule, reports, limits, &mut gaps));
    }
    (findings, gaps)
}

/// What the files lack for a need, if they do.
fn lacking(model: &Model, need: Need) -> Option<Gap> {
    (!has(model, need)).then(|| Gap::new(need.word(), "a file that contains it"))
}

fn has(model: &Model, need: Need) -> bool {
    let cluster = &model.cluster;
    match need {
        Need::FilterRules => model
            .devices
            .iter()
            .any(|device| !device.filter.chains.is_empty()),
        Need::Routes => model
            .devices
            .iter()
            .any(|device| !(device.stack.interfaces.is_empty() && device.stack.routes.is_empty())),
        Need::Tunnels => model
            .devices
            .iter()
            .any(|device| !device.stack.tunnels.is_empty()),
        Need::KubernetesObjects => {
            !(cluster.workloads.is_empty()
                && cluster.namespaces.is_empty()
                && cluster.services.is_empty()
                && cluster.network_policies.is_empty())
        }
        Need::Programs => {
            !(model.services.programs.is_empty()
                && model.services.units.is_empty()
                && model.services.mesh == ww_model::service::Mesh::default())
        }
        Need::Calls => {
            let programs = model.services.programs.iter();
            let stated = model.services.facts.programs.iter();
            programs
                .chain(stated)
                .any(|program| !program.calls.is_empty())
        }
        Need::Hosts => !model.services.hosts.is_empty(),
        Need::Workloads => !model.services.units.is_empty(),
        Need::FilterRulesOrKubernetes => {
            has(model, Need::FilterRules) || has(model, Need::KubernetesObjects)
        }
        _ => false,
    }
}

/// The findings of one rule, the most numerous up to the bound.
fn told(rule: &Rule, reports: Reports, limits: &Limits, gaps: &mut RuleGaps) -> Vec<Finding> {
    let Reports {
        mut stories,
        gaps: open,
    } = reports;
    add_gaps(gaps, rule.meta.name, open);
    stories.put_in_order_by_key(|(count, _)| std::cmp::Reverse(*count));
    let beyond = beyond_bound(&mut stories, limits);
    add_gaps(gaps, rule.meta.name, beyond.into_iter().collect());
    stories
        .into_iter()
        .map(|(count, story)| finding(rule, count, story, limits))
        .collect()
}

fn finding(rule: &Rule, count: u64, mut story: Story, limits: &Limits) -> Finding {
    story
        .exhibits
        .truncate(limits.exhibits_per_finding as usize);
    Finding {
        rule: rule.meta.name,
        layer: rule.meta.layer,
        class: rule.meta.class,
        severity: story.severity.unwrap_or(rule.meta.severity),
        support: story.support,
        owner: story.owner.unwrap_or(rule.meta.owner),
        headline: story.headline,
        count,
        lost: Span::ZERO,
        exhibits: story.exhibits,
        refuter: story.refuter,
        fixes: story.fixes,
    }
}
