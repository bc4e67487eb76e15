//! `budget-blocks-drain`: a disruption budget lets no pod be evicted, so that no node can be drained.

use crate::declared::at;
use crate::many::{Groups, SHOWN, listed};
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_finding::{Severity, Support};
use ww_model::service::Unit;

rule! {
    name: "budget-blocks-drain",
    family: "drain",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A disruption budget lets no pod be evicted: a node that has one cannot be drained",
    needs: [Workloads],
    explains: [],
    page: "budget_blocks_drain.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    let mut groups = Groups::new();
    for unit in &declared.model.services.units {
        let evicted = each(&unit.scaling.may_be_evicted).into_iter().next();
        let Some(evicted) = evicted.filter(|known| known.value == 0) else {
            continue;
        };
        let replicas = each(&unit.scaling.replicas).into_iter().next();
        let Some(replicas) = replicas.filter(|known| known.value > 0) else {
            continue;
        };
        if let Some(span) = evicted.at
            && told.insert(span)
        {
            // Who writes that none may be missing means it; a number of those that have to be there
            // meets the number of those that are there by accident.
            let text = declared.text(span).unwrap_or_default();
            let is_meant = text.contains("maxUnavailable");
            groups.add(is_meant, (unit, evicted, replicas));
        }
    }
    for cases in groups.into_groups() {
        let is_meant = cases.iter().any(|(_, evicted, _)| {
            let text = evicted.at.and_then(|span| declared.text(span));
            text.is_some_and(|text| text.contains("maxUnavailable"))
        });
        if let Some(story) = story(declared, &cases) {
            let story = if is_meant {
                story.severity(Severity::Low)
            } else {
                story
            };
            reports.add_all(cases.len() as u64, story);
        }
    }
}

fn story(declared: &Declared<'_>, cases: &[(&Unit, Known<u64>, Known<u64>)]) -> Option<Story> {
    let (first, _, replicas) = cases.first()?;
    let names = listed(cases.iter().map(|(unit, _, _)| unit.name.as_str()));
    let count = match cases.len() {
        1 => format!(" of {}", replicas.value),
        _ => String::new(),
    };
    let story = Story::proved(
        format!(
            "The disruption budget of {names} lets none{count} be evicted: draining a node that has one does not end"
        ),
        format!("kubectl get pdb: ALLOWED DISRUPTIONS above 0 for {}", first.name),
    )
    .support(Support::Declared);
    let story = cases
        .iter()
        .take(SHOWN)
        .fold(story, |story, (unit, evicted, replicas)| {
            let story = match evicted.at {
                Some(span) => story.show(at(span, bound(declared, span, unit))),
                None => story,
            };
            story.show(replicas.show(unit.at, &format!("there are {}", replicas.value)))
        });
    Some(story.advise(
        "Let one be missing: maxUnavailable: 1, and have two of what has to be there all the time",
    ))
}

/// What a budget says, with the arithmetic where it is a share.
fn bound(declared: &Declared<'_>, span: SourceSpan, unit: &Unit) -> String {
    let text = declared.text(span).unwrap_or_default();
    let value = text
        .rsplit([':', ' ', '"', '\''])
        .find(|word| !word.is_empty());
    let scaling = &unit.scaling;
    let all = scaling.fewest.value().or(scaling.replicas.value());
    let share = value.and_then(|value| value.strip_suffix('%')?.parse::<u64>().ok());
    match (share, all) {
        (Some(share), Some(all)) => {
            let rounded = all.saturating_mul(share).div_ceil(100);
            format!("{share} % of {all}, rounded up, is {rounded}")
        }
        _ => "so many have to stay".to_owned(),
    }
}
