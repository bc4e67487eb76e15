//! What was measured, held against what files say: the findings of both get the other's exhibits where the two agree,
//! and what contradicts is told.

use super::addresses::{Addresses, Fit};
use super::idle::is_about;
use super::lines::{Line, at_place, rules};
use super::measured::{Measure, Measured};
use super::servers::{Place, places};
use crate::engine::Told;
use crate::keepalive::keep_alive_race;
use crate::{Answering, Declared, Difference, Differences, Rule, Subject};
use std::collections::BTreeSet;
use ww_base::{Gap, Locus};
use ww_finding::{Exhibit, Finding, Support};

/// What came of it beside the findings that were joined.
#[derive(Default)]
pub(super) struct Held {
    /// Measures that contradict a line.
    pub(super) differences: Differences,
    /// What could not be joined without guessing.
    pub(super) gaps: Vec<Gap>,
}

impl Held {
    /// Tells a difference, once for each server however often it was measured.
    pub(super) fn differs(&mut self, difference: Difference) {
        let is_known = self.differences.settings.iter().any(|known| {
            known.server == difference.server
                && known.line.at == difference.line.at
                && known.does == difference.does
        });
        if !is_known {
            self.differences.settings.push(difference);
        }
    }
}

/// Joins every measure with the lines that say something about it.
pub(super) fn hold(
    declared: &Declared<'_>,
    known: &Addresses<'_>,
    measures: &[Measure<'_>],
    seen: &mut [Told],
    written: &mut [Finding],
) -> Held {
    let mut held = Held::default();
    for measure in measures {
        let places = places(declared, known, measure);
        let path = measure.walk.head.target.path.as_str();
        let lines: Vec<(Place<'_>, Line)> = places
            .iter()
            .flat_map(|place| {
                let lines = at_place(*place, &measure.what, path).into_iter();
                lines.map(|line| (*place, line))
            })
            .collect();
        let agreeing: Vec<&(Place<'_>, Line)> =
            lines.iter().filter(|(_, line)| line.agrees).collect();
        if let Some((place, _)) = agreeing.first() {
            if place.fit == Fit::Translated || !are_one(measure, &agreeing) {
                held.gaps.push(open(measure, &agreeing));
            } else {
                join(declared, measure, &agreeing, seen, written);
            }
        } else if let Some((place, line)) = lines.first()
            && lines
                .iter()
                .all(|(_, other)| other.shown.at == line.shown.at)
            && places.len() == lines.len()
        {
            match place.fit {
                Fit::Address => {
                    held.differs(difference(measure, *place, line));
                }
                Fit::Port | Fit::Translated => held.gaps.push(whether(measure, *place, line)),
            }
        }
    }
    held.gaps.dedup();
    held
}

/// Whether lines that agree are one cause: the same line, or the servers of one group.
fn are_one(measure: &Measure<'_>, lines: &[&(Place<'_>, Line)]) -> bool {
    let of_one = |key: fn(&(Place<'_>, Line)) -> Locus| {
        let keys: BTreeSet<Locus> = lines.iter().map(|line| key(line)).collect();
        keys.len() == 1
    };
    match measure.what {
        // Several servers of one group are alternatives of one call.
        Measured::NotReached(_) => {
            let parties: BTreeSet<_> = lines.iter().map(|(place, _)| place.id).collect();
            parties.len() == 1
        }
        _ => of_one(|(_, line)| line.shown.at.clone()),
    }
}

fn open(measure: &Measure<'_>, lines: &[&(Place<'_>, Line)]) -> Gap {
    let says: BTreeSet<&str> = lines
        .iter()
        .map(|(_, line)| line.shown.says.as_str())
        .collect();
    let says: Vec<&str> = says.into_iter().collect();
    Gap::new(
        format!(
            "which line makes that {} {}, as several may: {}",
            measure.to,
            measure.what.words(),
            says.join("; ")
        ),
        "the name or address of that server in its own files, or in [names] of wirewise.toml",
    )
}

fn whether(measure: &Measure<'_>, place: Place<'_>, line: &Line) -> Gap {
    Gap::new(
        format!(
            "whether {}, which {}, is {} of the files: there, {}",
            measure.to,
            measure.what.words(),
            place.party.name,
            line.shown.says
        ),
        "the name or address of that server in its own files, or in [names] of wirewise.toml",
    )
}

/// Shows the lines on the walk's finding, and the step on those of the files.
fn join(
    declared: &Declared<'_>,
    measure: &Measure<'_>,
    lines: &[&(Place<'_>, Line)],
    seen: &mut [Told],
    written: &mut [Finding],
) {
    let room = declared.limits.exhibits_per_finding as usize;
    let (walked, of_files) = rules(&measure.what);
    let partners = partners(declared, measure, lines, &of_files);
    let mut named: Option<&'static str> = None;
    for finding in written
        .iter_mut()
        .filter(|finding| partners.is_one(finding))
    {
        named = named.or(Some(finding.rule));
        // Behind the lines that the finding stands on.
        let at = finding.exhibits.len().min(2);
        finding.exhibits.insert(at, measure.show());
        finding.exhibits.truncate(room);
        finding.support = Support::Corroborated;
    }
    let mut shown: Vec<Exhibit> = Vec::new();
    for (_, line) in lines {
        if !shown.contains(&line.shown) {
            shown.push(line.shown.clone());
        }
    }
    if let (Some(last), Some(rule)) = (shown.last_mut(), named) {
        last.says = format!("{}: {rule}", last.says);
    }
    for told in seen.iter_mut().filter(|told| is_of(told, measure, walked)) {
        let finding = &mut told.finding;
        let at = finding.exhibits.len().min(1);
        finding.exhibits.splice(at..at, shown.clone());
        finding.exhibits.truncate(room);
        // Where requests go says nothing about why they fail.
        if !matches!(measure.what, Measured::NotReached(_)) {
            finding.support = Support::Corroborated;
        }
    }
}

/// Whether a finding is that of a walk about the step of a measure.
fn is_of(told: &Told, measure: &Measure<'_>, rule: Option<&'static Rule>) -> bool {
    rule.is_some_and(|rule| rule.meta.name == told.finding.rule)
        && told.source == measure.walk.source
        && told.subjects.contains(&Subject::Step(measure.step))
}

/// The findings of files about the same lines.
struct Partners {
    rules: Vec<&'static str>,
    lines: BTreeSet<Locus>,
    races: Vec<[Exhibit; 2]>,
}

impl Partners {
    fn is_one(&self, finding: &Finding) -> bool {
        let is_race = |race: &[Exhibit; 2]| finding.exhibits.starts_with(race);
        let shows = |exhibit: &Exhibit| self.lines.contains(&exhibit.at);
        match finding.rule {
            rule if rule == keep_alive_race::RULE.meta.name => self.races.iter().any(is_race),
            rule => self.rules.contains(&rule) && finding.exhibits.iter().any(shows),
        }
    }
}

fn partners(
    declared: &Declared<'_>,
    measure: &Measure<'_>,
    lines: &[&(Place<'_>, Line)],
    rules: &[&'static Rule],
) -> Partners {
    let written = lines
        .iter()
        .filter_map(|(_, line)| line.at.map(Locus::Text));
    let is_idle = matches!(measure.what, Measured::IdleEnd(_));
    let hops = lines
        .iter()
        .filter(|_| is_idle)
        .flat_map(|(place, _)| place.hops(declared));
    Partners {
        rules: rules.iter().map(|rule| rule.meta.name).collect(),
        lines: written.collect(),
        races: hops
            .filter_map(|hop| keep_alive_race::lines(declared.chains(), hop))
            .collect(),
    }
}

fn difference(measure: &Measure<'_>, place: Place<'_>, line: &Line) -> Difference {
    Difference {
        server: measure.to.to_string(),
        does: measure.what.words(),
        component: component(place).to_owned(),
        line: line.shown.clone(),
        step: measure.show(),
        answering: answering(measure, place),
    }
}

/// The product that a place's files configure, as default tables name it.
pub(super) fn component(place: Place<'_>) -> &str {
    place.party.component().trim_start_matches("ingress-")
}

/// Who answers a measure, by what it says of itself.
pub(super) fn answering(measure: &Measure<'_>, place: Place<'_>) -> Answering {
    let component = component(place);
    let says = measure.answering();
    let names: &[&str] = match component {
        "nginx" => &["nginx", "openresty", "tengine"],
        "envoy" => &["envoy", "istio-envoy"],
        _ => &[],
    };
    let lower = says.to_ascii_lowercase();
    match names {
        [] => Answering::Unknown,
        _ if says.is_empty() => Answering::Unknown,
        names if names.iter().any(|name| lower.starts_with(name)) => Answering::Program,
        _ => Answering::Other(says.to_owned()),
    }
}

/// Shows a measured idle time on a capture's finding about the same server and the same time.
pub(super) fn corroborate(measures: &[Measure<'_>], seen: &mut [Told], room: usize) {
    for told in seen {
        let Some(end) = &told.idle_end else { continue };
        let is_same = |measure: &&Measure<'_>| match measure.what {
            Measured::IdleEnd(idle) => {
                measure.server() == end.server
                    && is_about(idle, end.idle) | is_about(end.idle, idle)
            }
            _ => false,
        };
        if let Some(measure) = measures.iter().find(is_same) {
            let at = told.finding.exhibits.len().min(1);
            told.finding.exhibits.insert(at, measure.show());
            told.finding.exhibits.truncate(room);
            told.finding.support = Support::Corroborated;
        }
    }
}
