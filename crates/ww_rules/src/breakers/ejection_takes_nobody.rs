//! `ejection-takes-nobody`: the share of servers that may be left out is less than one of them.

use super::guards::{self, Guard};
use crate::mend::set_number;
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story, declared::at};
use std::collections::BTreeSet;
use ww_base::{Gap, SourceSpan};
use ww_finding::Support;

rule! {
    name: "ejection-takes-nobody",
    family: "breakers",
    layer: Http,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "Outlier detection may leave out a share of the servers that is less than one: it does nothing",
    needs: [Programs],
    explains: [],
    page: "ejection_takes_nobody.md",
    check: check,
}

/// From this version on, Envoy leaves out no server when that would exceed the share; before, it
/// always left out one (envoyproxy/envoy, pull request 27909).
const STRICT: &str = ">=1.28.0";

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for guard in guards::all(declared) {
        let outlier = &guard.side.outlier;
        let Some(at) = outlier.at else {
            continue;
        };
        let is_strict = guard.component == "istio"
            || (guard.component == "envoy"
                && guard
                    .version
                    .is_none_or(|version| version.is_within(STRICT) != Some(false)));
        if !is_strict || outlier.keeps_one_out.value() == Some(&true) {
            continue;
        }
        let Some(share) = each(&outlier.max_percent).into_iter().next() else {
            continue;
        };
        let Some((count, place)) = guard.targets else {
            if share.value < 50 {
                reports.gap(Gap::new(
                    format!(
                        "how many servers are behind {}: {} % of fewer than {} is none",
                        guard.name,
                        share.value,
                        least(share.value)
                    ),
                    "the Deployment and Service of the host, or the servers in place of the name",
                ));
            }
            continue;
        };
        // The only server is better kept than left out.
        let is_nobody = count > 1 && count.saturating_mul(share.value) < 100;
        if is_nobody && told.insert(at) {
            reports.add(story(declared, &guard, &share, (count, place), at));
        }
    }
}

/// The fewest servers of which a share is one.
fn least(percent: u64) -> u64 {
    100_u64.div_ceil(percent.max(1))
}

fn story(
    declared: &Declared<'_>,
    guard: &Guard<'_>,
    share: &Known<u64>,
    (count, place): (u64, SourceSpan),
    outlier: SourceSpan,
) -> Story {
    let (name, percent) = (&guard.name, share.value);
    let since = if guard.component == "istio" {
        "since Istio 1.20, whose Envoy is 1.28"
    } else {
        "since Envoy 1.28"
    };
    let story = Story::proved(
        format!(
            "{name}: at most {percent} % of {count} servers may be left out, which is less than one: \
             outlier detection does nothing ({since})"
        ),
        format!("ejections_active above 0 in the statistics of {name}"),
    )
    .support(Support::Declared)
    .show(share.show(outlier, &format!("at most {percent} % may be left out")))
    .show(at(place, format!("{count} servers")));
    let story = story.fix(set_number(
        declared,
        (share, outlier),
        50,
        "Allow half of them to be left out: 50 %",
    ));
    if guard.component == "envoy" {
        story.advise("Or always_eject_one_host: true (Envoy 1.31 and newer)")
    } else {
        story
    }
}
