//! `pool-outlives-middlebox`: a device on the way forgets idle connections that a pool still keeps.

use super::forgotten::{Forgotten, all};
use crate::mend::set_time;
use crate::operand::said;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Span;
use ww_finding::{Fix, Safety, Severity, Support};

rule! {
    name: "pool-outlives-middlebox",
    family: "keepalive",
    layer: Tcp,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A NAT gateway, firewall or L4 load balancer forgets idle connections before the pool closes them",
    needs: [Calls],
    explains: [],
    page: "pool_outlives_middlebox.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let (found, gaps) = all(declared);
    let mut told = BTreeSet::new();
    for case in found.iter().filter(|case| case.probes.is_none()) {
        let is_tested = case.hop.call.side.tests_before_use.value() == Some(&true);
        if is_tested && !case.vanishes() {
            continue;
        }
        let keeps = case.keeps.as_ref().and_then(|keeps| keeps.at);
        if told.insert((case.device.at, keeps.unwrap_or(case.hop.call.at))) {
            reports.add(story(declared, case));
        }
    }
    for gap in gaps {
        reports.gap(gap);
    }
}

fn story(declared: &Declared<'_>, case: &Forgotten<'_, '_>) -> Story {
    let (client, server, device) = (&case.caller.name, &case.callee, &case.device.name);
    let idle = said(case.idle.value);
    let place = case.hop.call.at;
    let kept = case.keeps.as_ref().map_or("for ever".to_owned(), |keeps| {
        format!("for {}", said(keeps.value))
    });
    let lower = below(case.idle.value);
    let story = Story::proved(
        format!(
            "{device} forgets connections that are silent for {idle}, {client} keeps those to {server} \
             {kept}: {}",
            case.consequence()
        ),
        format!(
            "a capture between {client} and {device} in which no connection to {server} is silent for \
             {idle} before it is used again, or in which one is and the request is answered"
        ),
    )
    .support(Support::Declared)
    .severity(if case.vanishes() {
        Severity::High
    } else {
        Severity::Medium
    });
    let says = format!("{client} keeps idle connections {kept}");
    let story = match &case.keeps {
        Some(keeps) => story.show(keeps.show(place, &says)),
        None => story.show(crate::declared::at(place, says)),
    };
    let title = format!(
        "Let {client} close idle connections earlier: {}",
        said(lower)
    );
    let fix = match &case.keeps {
        Some(keeps) => set_time(declared, (keeps, place), lower, title),
        None => Fix {
            title,
            safety: Safety::Review,
            edits: Vec::new(),
        },
    };
    story
        .show(case.idle.show(case.device.at, &format!("{device} forgets a silent connection after {idle}")))
        .fix(fix)
        .advise(format!(
            "Or let {client} probe silent connections, with TCP keep-alive or the pool's own, every {}",
            said(Span(case.idle.value.0 / 2 / 1_000_000_000 * 1_000_000_000))
        ))
}

/// A time that is shorter by a sixth, in whole seconds.
pub(super) fn below(idle: Span) -> Span {
    let seconds = (idle.0 / 1_000_000_000).max(2);
    let ten = if seconds > 60 { 10 } else { 1 };
    Span::from_secs((seconds * 5 / 6 / ten * ten).max(1))
}
