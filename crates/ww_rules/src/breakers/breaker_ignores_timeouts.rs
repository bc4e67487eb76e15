//! `breaker-ignores-timeouts`: calls that hang until their time is up do not count as failures.

use super::guards;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Setting;
use ww_finding::Support;

rule! {
    name: "breaker-ignores-timeouts",
    family: "breakers",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A breaker counts errors but not calls that got no answer in time: it stays closed when it is needed most",
    needs: [Programs],
    explains: [],
    page: "breaker_ignores_timeouts.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for guard in guards::all(declared) {
        let breaker = &guard.side.breaker;
        if breaker.counts_slow.value() == Some(&true) {
            continue;
        }
        match &breaker.counts_timeouts {
            Setting::Unknown(gap) if !gap.missing.is_empty() => reports.gap(gap.clone()),
            other => {
                if let Some(span) = other.span().filter(|_| other.value() == Some(&false))
                    && told.insert(span)
                {
                    let name = &guard.name;
                    reports.add(
                        Story::proved(
                            format!("{name}: the breaker does not count calls that get no answer in time: it stays closed while every call hangs"),
                            "an outage in which calls timed out and the breaker opened",
                        )
                        .support(Support::Declared)
                        .show(at(span, "no exception of a timeout counts"))
                        .advise("Let java.util.concurrent.TimeoutException and java.io.IOException count too, or leave recordExceptions out: all exceptions count then")
                        .advise("Or let slow calls count: slowCallDurationThreshold below the time that callers wait"),
                    );
                }
            }
        }
    }
}
