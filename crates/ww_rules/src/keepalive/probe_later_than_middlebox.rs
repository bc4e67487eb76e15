//! `probe-later-than-middlebox`: probes of silent connections come after a device has forgotten them.

use super::forgotten::{Forgotten, all};
use crate::mend::set_time;
use crate::operand::{Known, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{SourceSpan, Span};
use ww_finding::{Severity, Support};

rule! {
    name: "probe-later-than-middlebox",
    family: "keepalive",
    layer: Tcp,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "Silent connections are probed, but only after a device on the way has forgotten them",
    needs: [Calls],
    explains: [],
    page: "probe_later_than_middlebox.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let (found, _) = all(declared);
    let mut told: BTreeSet<(SourceSpan, SourceSpan)> = BTreeSet::new();
    for case in &found {
        if let Some(probes) = &case.probes
            && told.insert((case.device.at, probes.at.unwrap_or(case.hop.call.at)))
        {
            reports.add(story(declared, case, probes));
        }
    }
}

fn story(declared: &Declared<'_>, case: &Forgotten<'_, '_>, probes: &Known<Span>) -> Story {
    let (client, server, device) = (&case.caller.name, &case.callee, &case.device.name);
    let (idle, after) = (said(case.idle.value), said(probes.value));
    let wanted = Span::from_secs((case.idle.value.0 / 2 / 1_000_000_000).max(1));
    let place = case.hop.call.at;
    let story = Story::proved(
        format!(
            "Silent connections between {client} and {server} are probed after {after}, but {device} \
             forgets them after {idle}: {}",
            case.consequence()
        ),
        format!(
            "a capture between {client} and {device} with a packet on each silent connection before \
             {idle} are over"
        ),
    )
    .support(Support::Declared)
    .severity(if case.vanishes() {
        Severity::High
    } else {
        Severity::Medium
    })
    .show(probes.show(place, &format!("the first probe comes after {after}")))
    .show(case.idle.show(case.device.at, &format!("{device} has forgotten the connection after {idle}")));
    let story = match &case.keeps {
        Some(keeps) => story.show(keeps.show(
            place,
            &format!("{client} keeps idle connections for {}", said(keeps.value)),
        )),
        None => story,
    };
    story.fix(set_time(
        declared,
        (probes, case.hop.call.at),
        wanted,
        format!(
            "Probe earlier than {device} forgets: after {}",
            said(wanted)
        ),
    ))
}
