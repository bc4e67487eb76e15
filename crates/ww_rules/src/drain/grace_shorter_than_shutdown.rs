//! `grace-shorter-than-shutdown`: a program is killed earlier than it may take to finish.

use crate::mend::set_time;
use crate::operand::{Answer, Known, ask_two, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Gap, Setting, Span};
use ww_chain::Party;
use ww_finding::{Severity, Support};
use ww_model::service::{Unit, UnitKind};

rule! {
    name: "grace-shorter-than-shutdown",
    family: "drain",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A program is killed before its own shutdown is over: requests that it still works on are cut off",
    needs: [Programs],
    explains: [],
    page: "grace_shorter_than_shutdown.md",
    check: check,
}

/// How much longer than the shutdown the fix makes the grace.
const MARGIN: Span = Span::from_secs(5);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for party in &declared.chains().parties {
        for unit in &party.units {
            match judge(party, unit) {
                Answer::Yes(stop) => {
                    let key = (
                        stop.grace.at.unwrap_or(unit.at),
                        stop.shutdown.as_ref().and_then(|it| it.at),
                    );
                    if told.insert(key) {
                        reports.add(story(declared, (party, unit), &stop));
                    }
                }
                Answer::Open(gap) => reports.gap(gap),
                Answer::No => {}
            }
        }
    }
}

/// A stop that takes longer than it may.
pub(super) struct Stop {
    grace: Known<Span>,
    pause: Option<Known<Span>>,
    /// The program's own shutdown; none where the pause alone takes all of the grace.
    shutdown: Option<Known<Span>>,
}

/// Whether a unit may be killed while it shuts down as its own settings say.
pub(super) fn judge(party: &Party<'_>, unit: &Unit) -> Answer<Stop> {
    if unit.kind == UnitKind::Dockerfile {
        return Answer::No;
    }
    let pause = match &unit.pre_stop {
        Setting::Unknown(gap) if unit.kind == UnitKind::Container => {
            return Answer::Open(gap.clone());
        }
        known => each(known).into_iter().next(),
    };
    let paused = pause.as_ref().map_or(Span::ZERO, |pause| pause.value);
    let grace = each(&unit.grace).into_iter().next();
    if let Some(grace) = grace.filter(|grace| paused > Span::ZERO && paused >= grace.value) {
        return Answer::Yes(Stop {
            grace,
            pause,
            shutdown: None,
        });
    }
    let Some(program) = party.program else {
        return Answer::No;
    };
    if matches!(&program.grace, Setting::Unknown(gap) if *gap == Gap::default()) {
        return Answer::No;
    }
    let answer = ask_two(
        (
            &unit.grace,
            &format!("how long {} may take to stop", unit.name),
        ),
        (
            &program.grace,
            &format!("how long {} takes to shut down", party.name),
        ),
        |grace, shutdown| grace.0 < paused.0 + shutdown.0,
    );
    match answer {
        Answer::Yes((grace, _)) if requests_are_over(party, paused, grace.value) => Answer::No,
        Answer::Yes((grace, shutdown)) => Answer::Yes(Stop {
            grace,
            pause,
            shutdown: Some(shutdown),
        }),
        Answer::Open(gap) => Answer::Open(gap),
        Answer::No => Answer::No,
    }
}

/// Whether the longest request that the team states is over in time.
fn requests_are_over(party: &Party<'_>, paused: Span, grace: Span) -> bool {
    let longest = party.demand.and_then(|demand| demand.longest.value());
    longest.is_some_and(|longest| paused.0 + longest.0 <= grace.0)
}

fn story(declared: &Declared<'_>, (party, unit): (&Party<'_>, &Unit), stop: &Stop) -> Story {
    let name = &unit.name;
    let grace = said(stop.grace.value);
    let pause = stop.pause.as_ref().filter(|pause| pause.value > Span::ZERO);
    let paused = pause.map_or(Span::ZERO, |pause| pause.value);
    let own = stop.shutdown.as_ref().map_or(Span::ZERO, |own| own.value);
    let needs = Span(paused.0 + own.0);
    let headline = match (&stop.shutdown, pause) {
        (None, _) => format!(
            "{name} is killed after {grace}, and the pause before it is told to stop takes {}: it is never told in time",
            said(paused)
        ),
        (Some(_), None) => format!(
            "{name} is killed after {grace}, but lets requests run for {} once it is told to stop: longer ones are cut off",
            said(own)
        ),
        (Some(_), Some(_)) => format!(
            "{name} is killed after {grace}, but stops within {} + {} = {}: requests that still run then are cut off",
            said(paused),
            said(own),
            said(needs)
        ),
    };
    let wanted = Span(needs.0 + MARGIN.0);
    let left = Span((stop.grace.value.0 - paused.0).max(0));
    let refuter = if left == Span::ZERO {
        "a pause that ends earlier than its command says".to_owned()
    } else {
        format!(
            "no request of {name} that runs for longer than {}",
            said(left)
        )
    };
    let mut story = Story::proved(headline, refuter)
        .support(Support::Declared)
        .show(
            stop.grace
                .show(unit.at, &format!("{name} is killed after {grace}")),
        );
    if let Some(pause) = pause {
        story = story.show(pause.show(
            unit.at,
            &format!("it is told to stop after {}", said(paused)),
        ));
    }
    if let Some(own) = &stop.shutdown {
        let place = party.at().unwrap_or(unit.at);
        story = story.show(own.show(
            place,
            &format!("requests may run for {} then", said(own.value)),
        ));
    }
    let is_assumed = stop.grace.at.is_none()
        && pause.is_none()
        && stop.shutdown.as_ref().is_some_and(|own| own.at.is_none());
    let story = story.fix(set_time(
        declared,
        (&stop.grace, unit.at),
        wanted,
        format!(
            "Let {name} have as long as it needs: {} {}",
            setting(unit.kind),
            said(wanted)
        ),
    ));
    match (&stop.shutdown, is_assumed) {
        (None, _) => story.severity(Severity::High),
        (_, true) => story.severity(Severity::Low),
        _ => story,
    }
}

/// What the grace is called.
fn setting(kind: UnitKind) -> &'static str {
    match kind {
        UnitKind::Compose | UnitKind::Dockerfile => "stop_grace_period",
        UnitKind::Container => "terminationGracePeriodSeconds",
    }
}
