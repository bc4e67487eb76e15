//! `grace-shorter-than-requests`: a stop ends requests that may honestly take longer.

use super::grace_shorter_than_shutdown::judge;
use crate::mend::set_time;
use crate::operand::{Answer, Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{SourceSpan, Span};
use ww_chain::Party;
use ww_finding::Support;
use ww_model::service::UnitKind;

rule! {
    name: "grace-shorter-than-requests",
    family: "drain",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A program that is told to stop has less time than its longest request: each rollout cuts some off",
    needs: [Programs],
    explains: [],
    page: "grace_shorter_than_requests.md",
    check: check,
}

/// How much longer than the longest request the fix makes the time.
const MARGIN: Span = Span::from_secs(5);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for party in &declared.chains().parties {
        let longest = party.demand.map(|demand| each(&demand.longest));
        let Some(longest) = longest.and_then(|all| all.into_iter().next()) else {
            continue;
        };
        for stop in stops(party) {
            let key = stop.grace.at.unwrap_or(stop.place);
            if stop.left() < longest.value && told.insert(key) {
                reports.add(story(declared, party, &stop, &longest));
            }
        }
    }
}

/// A time after which requests under way are cut off.
struct Stop {
    grace: Known<Span>,
    pause: Option<Known<Span>>,
    place: SourceSpan,
    /// What sets it.
    setting: &'static str,
}

impl Stop {
    /// What is left of it for requests.
    fn left(&self) -> Span {
        let pause = self.pause.as_ref().map_or(0, |pause| pause.value.0);
        Span((self.grace.value.0 - pause).max(0))
    }
}

/// The times of a party: of the program itself, and of what starts it.
fn stops(party: &Party<'_>) -> Vec<Stop> {
    let mut stops = Vec::new();
    if let Some(program) = party.program
        && let Some(grace) = each(&program.grace).into_iter().next()
    {
        stops.push(Stop {
            grace,
            pause: None,
            place: program.at,
            setting: "its own shutdown",
        });
    }
    for unit in &party.units {
        // Where it is killed before its own shutdown is over, that is said elsewhere.
        if unit.kind == UnitKind::Dockerfile || matches!(judge(party, unit), Answer::Yes(_)) {
            continue;
        }
        if let Some(grace) = each(&unit.grace).into_iter().next() {
            stops.push(Stop {
                grace,
                pause: each(&unit.pre_stop).into_iter().next(),
                place: unit.at,
                setting: match unit.kind {
                    UnitKind::Container => "terminationGracePeriodSeconds",
                    UnitKind::Compose | UnitKind::Dockerfile => "stop_grace_period",
                },
            });
        }
    }
    stops
}

fn story(declared: &Declared<'_>, party: &Party<'_>, stop: &Stop, longest: &Known<Span>) -> Story {
    let name = &party.name;
    let (left, takes) = (said(stop.left()), said(longest.value));
    let paused = stop.pause.as_ref().filter(|pause| pause.value > Span::ZERO);
    let wanted = Span(stop.grace.value.0 - stop.left().0 + longest.value.0 + MARGIN.0);
    let sum = match paused {
        Some(pause) => format!(
            " ({} - {} before it is told)",
            said(stop.grace.value),
            said(pause.value)
        ),
        None => String::new(),
    };
    let story = Story::proved(
        format!(
            "{name} has {left}{sum} to finish what is under way when it stops, and a request may take {takes}: \
             longer ones are cut off at every rollout"
        ),
        format!("a rollout of {name} during a request of {takes} that ends well"),
    )
    .support(Support::Declared)
    .show(stop.grace.show(stop.place, &format!("{}: {}", stop.setting, said(stop.grace.value))));
    let story = match paused {
        Some(pause) => story.show(pause.show(
            stop.place,
            &format!("{} of it pass before", said(pause.value)),
        )),
        None => story,
    };
    story
        .show(longest.show(
            stop.place,
            &format!("the longest honest request takes {takes}"),
        ))
        .fix(set_time(
            declared,
            (&stop.grace, stop.place),
            wanted,
            format!("Give it as long as its longest request: {}", said(wanted)),
        ))
}
