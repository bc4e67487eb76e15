//! In which order causes are weighed and findings are told.

use crate::RULES;
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use ww_finding::{Class, Finding};

/// The worst first: severity, then time lost, then how often; remarks about the capture after
/// remarks of equal severity about the network.
pub(super) fn by_importance(a: &Finding, b: &Finding) -> Ordering {
    let key = |finding: &Finding| {
        (
            Reverse(finding.severity),
            finding.class == Class::Capture,
            Reverse(finding.lost),
            Reverse(finding.count),
        )
    };
    key(a)
        .cmp(&key(b))
        .then_with(|| a.rule.cmp(b.rule))
        .then_with(|| a.headline.cmp(&b.headline))
}

/// A rank for every rule, such that a rule comes before all those it explains.
pub(super) fn causes_first() -> BTreeMap<&'static str, usize> {
    let mut depth: BTreeMap<&'static str, usize> =
        RULES.iter().map(|rule| (rule.meta.name, 0)).collect();
    // As many rounds as there are rules settle every chain; a cycle is refused by a test.
    for _ in 0..RULES.len() {
        let mut settled = true;
        for rule in RULES {
            let below = depth.get(rule.meta.name).copied().unwrap_or(0) + 1;
            for explained in rule.meta.explains {
                let rank = depth.entry(explained).or_default();
                if *rank < below {
                    *rank = below;
                    settled = false;
                }
            }
        }
        if settled {
            break;
        }
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_weighed_before_what_it_explains() {
        let ranks = causes_first();
        for rule in RULES {
            for explained in rule.meta.explains {
                assert!(
                    crate::find(explained).is_some(),
                    "{} explains {explained}, which is no rule",
                    rule.meta.name
                );
                assert!(
                    ranks[rule.meta.name] < ranks[explained],
                    "{} and {explained} explain one another",
                    rule.meta.name
                );
            }
        }
    }

    #[test]
    fn the_catalogue_is_sorted_and_names_are_unique() {
        let names: Vec<_> = RULES
            .iter()
            .map(|rule| (rule.meta.family, rule.meta.name))
            .collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
    }
}
