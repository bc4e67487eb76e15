//! Runs every rule, lets one cause stand per symptom, and accounts for all of them.

use crate::{IdleEnd, RULES, Rule, Sighting, Sightings, Story, Subject, View, Work};
use rustc_hash::FxHashSet;
use spread::spread;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use ww_base::{Gap, Limits, Order, SourceId, Span};
use ww_evidence::Capture;
use ww_finding::{Class, Finding, Need, Outcome};

mod declared;
mod joint;
mod order;
mod spread;
mod walks;

pub use declared::review;
pub use joint::{Joint, consult_jointly};
pub use walks::judge;

/// Gaps of rules, by their names.
type RuleGaps = BTreeMap<&'static str, Vec<Gap>>;

/// A finding over a capture or a walk, with what files may tell about too.
struct Told {
    finding: Finding,
    idle_end: Option<IdleEnd>,
    /// The capture or the walk.
    source: SourceId,
    /// What its sightings are about.
    subjects: BTreeSet<Subject>,
}

/// What the rules say about all captures: findings in order of importance, and the outcome of every
/// rule in the order of the catalogue.
pub fn consult(
    captures: &[Capture],
    limits: &Limits,
) -> (Vec<Finding>, Vec<(&'static str, Outcome)>) {
    let (told, gaps) = observe(captures, limits);
    let mut findings: Vec<Finding> = told.into_iter().map(|told| told.finding).collect();
    findings.put_in_order_by(order::by_importance);
    let outcomes = outcomes(&findings, gaps, |rule| {
        matches!(rule.work, Work::Observed { .. })
    });
    (findings, outcomes)
}

/// What the rules over captures find, and what they cannot judge.
fn observe(captures: &[Capture], limits: &Limits) -> (Vec<Told>, RuleGaps) {
    let mut told = Vec::new();
    let mut gaps = RuleGaps::new();
    for capture in captures {
        let view = View::new(capture, limits);
        judge_capture(&view, &mut told, &mut gaps);
    }
    (told, gaps)
}

/// What became of every rule of this kind.
fn outcomes(
    findings: &[Finding],
    mut gaps: RuleGaps,
    concerned: impl Fn(&Rule) -> bool,
) -> Vec<(&'static str, Outcome)> {
    RULES
        .iter()
        .filter(|rule| concerned(rule))
        .map(|rule| {
            let name = rule.meta.name;
            let found = findings
                .iter()
                .filter(|finding| finding.rule == name)
                .count();
            let outcome = match (found, gaps.remove(name)) {
                (0, None) => Outcome::Clean,
                (0, Some(gaps)) => Outcome::NotChecked(gaps),
                (findings, gaps) => Outcome::Found {
                    findings,
                    gaps: gaps.unwrap_or_default(),
                },
            };
            (name, outcome)
        })
        .collect()
}

/// Connections and datagram flows of a capture from which on several threads look at it.
const WORTH_THREADS: usize = 1000;

/// One capture through all rules.
fn judge_capture(view: &View<'_>, told: &mut Vec<Told>, gaps: &mut RuleGaps) {
    let first = |rule: &'static Rule, sightings: &mut Sightings| {
        let Work::Observed { detect, .. } = rule.work else {
            return;
        };
        let missing = rule.meta.needs.iter();
        sightings.gaps = missing
            .filter_map(|&need| lacking(view.capture, need))
            .collect();
        if sightings.gaps.is_empty() {
            detect(view, sightings);
        }
    };
    let second = |rule: &'static Rule, group: &[Sighting]| match rule.work {
        Work::Observed { tell, .. } => Some(tell(view, group)),
        _ => None,
    };
    let flows = view.capture.tcp.len() + view.capture.udp.len();
    let threads = match flows {
        ..WORTH_THREADS => 1,
        _ => view.limits.threads,
    };
    let about = About {
        source: view.capture.source,
        threads,
        limits: view.limits,
    };
    in_two_steps(first, second, &about, told, gaps);
}

/// What rules are run over.
struct About<'a> {
    source: SourceId,
    /// Threads that run them.
    threads: u32,
    limits: &'a Limits,
}

/// Every rule's first step; then, where its cause stands, the second for each group of what it saw.
fn in_two_steps(
    first: impl Fn(&'static Rule, &mut Sightings) + Sync,
    second: impl Fn(&'static Rule, &[Sighting]) -> Option<Story> + Sync,
    about: &About<'_>,
    told: &mut Vec<Told>,
    gaps: &mut RuleGaps,
) {
    let mut seen: Vec<(&'static Rule, Vec<Sighting>)> = Vec::new();
    let reported = spread(RULES, about.threads, |rule| {
        let mut sightings = Sightings::default();
        guarded(|| first(rule, &mut sightings)).map(|()| sightings)
    });
    for (rule, sightings) in RULES.iter().zip(reported) {
        let name = rule.meta.name;
        let Some(sightings) = sightings else {
            add_gaps(gaps, name, vec![internal_error(name)]);
            continue;
        };
        add_gaps(gaps, name, sightings.gaps);
        if !sightings.seen.is_empty() {
            seen.push((rule, sightings.seen));
        }
    }
    let standing = one_cause_per_symptom(seen);
    let stories = spread(standing, about.threads, |(rule, sightings)| {
        let tell = |group: Vec<Sighting>| {
            let story = guarded(|| second(rule, &group));
            story.map(|story| Some(told_of(rule, story?, &group, about)))
        };
        let mut groups = grouped(sightings);
        let beyond = beyond_bound(&mut groups, about.limits);
        let stories: Vec<Option<Option<Told>>> = groups.into_iter().map(tell).collect();
        (rule.meta.name, stories, beyond)
    });
    for (name, stories, beyond) in stories {
        for story in stories {
            match story {
                Some(story) => told.extend(story),
                None => add_gaps(gaps, name, vec![internal_error(name)]),
            }
        }
        add_gaps(gaps, name, beyond.into_iter().collect());
    }
}

/// Cuts the findings of a rule, most important first, to their bound; what goes beyond it is a gap.
fn beyond_bound<T>(findings: &mut Vec<T>, limits: &Limits) -> Option<Gap> {
    let most = limits.findings_per_rule as usize;
    let beyond = findings.len().saturating_sub(most);
    findings.truncate(most);
    (beyond > 0).then(|| {
        Gap::new(
            format!("{beyond} findings beyond the {most} that weigh most"),
            "a part of the capture, by host or time, or fewer files",
        )
    })
}

/// A finding, with what it is about.
fn told_of(rule: &Rule, story: Story, group: &[Sighting], about: &About<'_>) -> Told {
    let subjects = group.iter().flat_map(|sighting| &sighting.subjects);
    Told {
        idle_end: story.idle_end.clone(),
        subjects: subjects.copied().collect(),
        source: about.source,
        finding: finding(rule, story, group, about.limits),
    }
}

/// Runs a step of a rule; a panic in it is a defect of that rule alone.
fn guarded<T>(step: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(step)).ok()
}

fn internal_error(rule: &str) -> Gap {
    Gap::new(
        format!("internal error in rule {rule}"),
        "please report it with the capture, or with a cut of it that still shows the error",
    )
}

fn add_gaps(gaps: &mut RuleGaps, rule: &'static str, more: Vec<Gap>) {
    if more.is_empty() {
        return;
    }
    let known = gaps.entry(rule).or_default();
    for gap in more {
        if !known.contains(&gap) {
            known.push(gap);
        }
    }
}

/// What a capture lacks for a need, if it does.
fn lacking(capture: &Capture, need: Need) -> Option<Gap> {
    let there = match need {
        Need::Capture => true,
        Need::Tcp => !capture.tcp.is_empty(),
        Need::TcpHandshake => capture
            .tcp
            .iter()
            .any(|flow| flow.handshake.syn.is_some() && flow.handshake.syn_ack.is_some()),
        Need::Udp => !capture.udp.is_empty(),
        Need::Dns => !capture.dns.transactions.is_empty(),
        Need::Arp => capture.arp_packets > 0,
        Need::Ip => {
            !(capture.tcp.is_empty() && capture.udp.is_empty() && capture.icmp.is_empty())
                || capture.fragmented > 0
        }
        Need::FilterRules
        | Need::Routes
        | Need::Tunnels
        | Need::KubernetesObjects
        | Need::Programs
        | Need::Calls
        | Need::Hosts
        | Need::Workloads
        | Need::FilterRulesOrKubernetes
        | Need::Endpoint => false,
    };
    (!there).then(|| Gap::new(need.word(), "a capture that contains it"))
}

/// Drops every sighting all of whose subjects are explained by a sighting that stands.
///
/// Rules are visited causes first, so that a sighting which is itself explained away explains
/// nothing.
fn one_cause_per_symptom(
    mut seen: Vec<(&'static Rule, Vec<Sighting>)>,
) -> Vec<(&'static Rule, Vec<Sighting>)> {
    let ranks = order::causes_first();
    seen.put_in_order_by_key(|(rule, _)| ranks.get(rule.meta.name).copied().unwrap_or(usize::MAX));
    let symptoms: BTreeSet<&str> = seen.iter().map(|(rule, _)| rule.meta.name).collect();
    let mut causes: Vec<(&'static Rule, FxHashSet<Subject>)> = Vec::new();
    for (rule, sightings) in &mut seen {
        let away: Vec<&FxHashSet<Subject>> = causes
            .iter()
            .filter(|(cause, _)| cause.meta.explains.contains(&rule.meta.name))
            .map(|(_, subjects)| subjects)
            .collect();
        let explained = |subject: &Subject| away.iter().any(|subjects| subjects.contains(subject));
        if !away.is_empty() {
            sightings.retain(|sighting| !sighting.subjects.iter().all(&explained));
        }
        if rule
            .meta
            .explains
            .iter()
            .any(|name| symptoms.contains(name))
        {
            let subjects = sightings.iter().flat_map(|sighting| &sighting.subjects);
            causes.push((rule, subjects.copied().collect()));
        }
    }
    seen
}

/// Sightings by group key, each group's most costly first; groups by cost.
fn grouped(sightings: Vec<Sighting>) -> Vec<Vec<Sighting>> {
    let mut groups: BTreeMap<String, Vec<Sighting>> = BTreeMap::new();
    for sighting in sightings {
        match groups.get_mut(&sighting.group) {
            Some(group) => group.push(sighting),
            None => {
                groups.insert(sighting.group.clone(), vec![sighting]);
            }
        }
    }
    let mut groups: Vec<Vec<Sighting>> = groups.into_values().collect();
    for group in &mut groups {
        group.put_in_order_by_key(|sighting| {
            (
                std::cmp::Reverse(sighting.lost),
                std::cmp::Reverse(sighting.count),
            )
        });
    }
    groups.put_in_order_by_key(|group| {
        let (lost, count) = totals(group);
        (std::cmp::Reverse(lost), std::cmp::Reverse(count))
    });
    groups
}

/// Time lost and cases of a group.
fn totals(group: &[Sighting]) -> (Span, u64) {
    (
        group.iter().map(|sighting| sighting.lost).sum(),
        group.iter().map(|sighting| sighting.count).sum(),
    )
}

fn finding(rule: &Rule, story: Story, group: &[Sighting], limits: &Limits) -> Finding {
    let (lost, count) = totals(group);
    let mut exhibits = story.exhibits;
    let room = limits.exhibits_per_finding as usize;
    // Every connection's most telling exhibit before anyone's second.
    for nth in 0..room {
        exhibits.extend(
            group
                .iter()
                .filter_map(|sighting| sighting.exhibits.get(nth).cloned())
                .take(room),
        );
        if exhibits.len() >= room {
            break;
        }
    }
    exhibits.truncate(room);
    Finding {
        rule: rule.meta.name,
        layer: rule.meta.layer,
        class: rule.meta.class,
        severity: story.severity.unwrap_or(rule.meta.severity),
        support: story.support,
        owner: story.owner.unwrap_or(rule.meta.owner),
        headline: story.headline,
        count,
        lost: if rule.meta.class == Class::Capture {
            Span::ZERO
        } else {
            lost
        },
        exhibits,
        refuter: story.refuter,
        fixes: story.fixes,
    }
}
