//! `rule-never-matches`: a rule that decides about no packet.

use super::dead::{self, Dead};
use super::probe;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_finding::Severity;
use ww_model::filter::{Chain, Condition, Field, Ruleset};
use ww_model::packet::CtState;
use ww_reach::walk::By;

rule! {
    name: "rule-never-matches",
    family: "filters",
    layer: Policy,
    class: Security,
    severity: Medium,
    owner: Configuration,
    summary: "A rule of a packet filter decides nothing: rules before it do, or it contradicts itself",
    needs: [FilterRules],
    explains: [],
    page: "rule_never_matches.md",
    check: check,
}

/// Rules that cover another one, named at most.
const NAMED: usize = 3;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for (device, dead) in declared.model.devices.iter().zip(declared.dead_rules()) {
        match dead {
            Err(gap) => reports.gap(gap.clone()),
            Ok(dead) => {
                let mut harmless: Vec<(&Chain, &Dead)> = Vec::new();
                for one in dead {
                    let Some((_, chain)) = dead::chain(&device.filter, one.by) else {
                        continue;
                    };
                    match harm(&device.filter, one) {
                        Harm::None => harmless.push((chain, one)),
                        harm => reports.stories.extend(
                            story(&device.filter, chain, one, harm).map(|story| (1, story)),
                        ),
                    }
                }
                if let Some(story) = repeated(&device.filter, &harmless) {
                    reports.add_all(harmless.len() as u64, story);
                }
            }
        }
    }
}

/// What it means that a rule never decides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// What it should stop passes.
    Passes,
    /// What it should let pass is stopped.
    Stops,
    /// Its conditions contradict one another.
    Contradiction,
    /// The same is decided without it, or it cannot be told.
    None,
}

fn harm(ruleset: &Ruleset, dead: &Dead) -> Harm {
    if dead.covered_by.is_empty() {
        return Harm::Contradiction;
    }
    let own = dead::passes(ruleset, dead.by);
    let covering: Vec<By> = dead.covered_by.iter().copied().collect();
    let of_first: Vec<By> = covering
        .into_iter()
        .filter(|by| sees_first_packets(ruleset, *by))
        .collect();
    let all = |wanted| {
        let mut covering = of_first.iter();
        !of_first.is_empty() && covering.all(|by| dead::passes(ruleset, *by) == Some(wanted))
    };
    match own {
        Some(false) if all(true) => Harm::Passes,
        Some(true) if all(false) => Harm::Stops,
        _ => Harm::None,
    }
}

/// Whether a decider may decide about the first packet of a connection, which is what counts: the
/// rule for established connections decides about some packets of every rule behind it.
fn sees_first_packets(ruleset: &Ruleset, by: By) -> bool {
    let conditions = dead::rule(ruleset, by).map(probe::conditions);
    conditions.unwrap_or_default().iter().all(|condition| {
        !matches!(condition, Condition::In(Field::CtState, states)
            if !states.contains(CtState::New.number()))
    })
}

fn story(ruleset: &Ruleset, chain: &Chain, dead: &Dead, harm: Harm) -> Option<Story> {
    let place = dead::rule(ruleset, dead.by)?.at;
    let name = &chain.name;
    let (headline, severity) = match harm {
        Harm::Passes => (
            format!("A rule of chain {name} stops nothing: what it is for is accepted before it"),
            Severity::Medium,
        ),
        Harm::Stops => (
            format!("A rule of chain {name} lets nothing in: what it is for is stopped before it"),
            Severity::Medium,
        ),
        _ => (
            format!("A rule of chain {name} fits no packet: its conditions exclude one another"),
            Severity::Low,
        ),
    };
    let mut story = Story::proved(
        headline,
        "a packet counter of this rule that is not 0 (iptables -vnL, nft list ruleset with counter)",
    )
    .severity(severity)
    .show(at(place, "never decides"));
    let covering = dead.covered_by.iter();
    let telling = covering.filter(|by| sees_first_packets(ruleset, **by));
    for by in telling.take(NAMED) {
        if let Some(covering) = dead::span_of(ruleset, *by) {
            story = story.show(at(covering, "decides before it"));
        }
    }
    Some(match harm {
        Harm::Contradiction => story
            .fix(dead::removal(chain, place))
            .advise("Look for the condition that was meant otherwise: an interface that this chain never sees, a protocol without ports"),
        _ => story.advise("Move the rule before the one that decides, or narrow that one"),
    })
}

/// Rules that could be left out, as one finding.
fn repeated(ruleset: &Ruleset, harmless: &[(&Chain, &Dead)]) -> Option<Story> {
    let (chain, first) = harmless.first()?;
    let place = dead::rule(ruleset, first.by)?.at;
    let headline = match harmless {
        [_] => format!(
            "A rule of chain {} never decides, and nothing changes without it",
            chain.name
        ),
        all => format!(
            "{} rules never decide, the first in chain {}, and nothing changes without them",
            all.len(),
            chain.name
        ),
    };
    let mut story = Story::proved(
        headline,
        "a packet counter of such a rule that is not 0 (iptables -vnL, nft list ruleset with counter)",
    )
    .severity(Severity::Info)
    .show(at(place, "never decides"));
    let covering = first.covered_by.iter();
    let mut telling = covering.filter(|by| sees_first_packets(ruleset, **by));
    if let Some(covering) = telling.find_map(|by| dead::span_of(ruleset, *by)) {
        story = story.show(at(covering, "decides before it"));
    }
    for (_, dead) in harmless.iter().skip(1) {
        if let Some(rule) = dead::rule(ruleset, dead.by) {
            story = story.show(at(rule.at, "never decides"));
        }
    }
    for (chain, dead) in harmless {
        if let Some(rule) = dead::rule(ruleset, dead.by) {
            story = story.fix(dead::removal(chain, rule.at));
        }
    }
    Some(story)
}
