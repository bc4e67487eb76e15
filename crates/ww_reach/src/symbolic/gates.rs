//! Unknowns that stand between senders and everything else.
//!
//! Gateways that bind addresses to hardware addresses ask of each source something that is not known.
//! Below everything else, each such rule would meet each way to treat a destination; beside the source,
//! they meet them once.

use std::collections::BTreeSet;
use ww_model::filter::{Action, Condition, Field, Rule, Ruleset, Step, Verdict, Way};

/// How many rules ask for a source and for something unknown, but for nothing of the destination, and
/// decide or go back to the caller; in chains that are reached through such questions only.
pub(super) fn gates(ruleset: &Ruleset) -> usize {
    let outside = not_of_sources(ruleset);
    let chains = ruleset.chains.iter().enumerate();
    let chains = chains.filter(|(place, _)| !outside.contains(place));
    let rules = chains.flat_map(|(_, chain)| &chain.rules);
    let gates = rules.filter(|rule| {
        let asked = Asked::by(rule);
        asked.source && asked.unknown && !asked.others && rule.steps.iter().all(is_plain)
    });
    gates.count()
}

/// The chains that packets may reach through questions about more than their source.
fn not_of_sources(ruleset: &Ruleset) -> BTreeSet<usize> {
    let mut outside = BTreeSet::new();
    let mut open = Vec::new();
    for chain in &ruleset.chains {
        for rule in &chain.rules {
            let is_of_sources = !Asked::by(rule).others && !rule.steps.iter().any(is_map);
            for called in called(rule) {
                if !is_of_sources && outside.insert(called) {
                    open.push(called);
                }
            }
        }
    }
    while let Some(place) = open.pop() {
        let rules = ruleset.chains.get(place).map(|chain| &chain.rules);
        for called in rules.into_iter().flatten().flat_map(called) {
            if outside.insert(called) {
                open.push(called);
            }
        }
    }
    outside
}

/// The chains that a rule leads to.
fn called(rule: &Rule) -> Vec<usize> {
    let there = |verdict: &Verdict| match verdict {
        Verdict::Jump(to) | Verdict::Goto(to) => Some(to.0 as usize),
        _ => None,
    };
    let mut called = Vec::new();
    for step in &rule.steps {
        match step {
            Step::Do(Action::Verdict(verdict)) => called.extend(there(verdict)),
            Step::Do(Action::VerdictMap(entries)) => {
                called.extend(entries.iter().filter_map(|(_, verdict)| there(verdict)));
            }
            _ => {}
        }
    }
    called
}

/// Whether a step asks, decides, or goes back.
fn is_plain(step: &Step) -> bool {
    match step {
        Step::If(_) => true,
        Step::Do(Action::Verdict(verdict)) => {
            !matches!(verdict, Verdict::Jump(_) | Verdict::Goto(_))
        }
        Step::Do(_) => false,
    }
}

fn is_map(step: &Step) -> bool {
    matches!(step, Step::Do(Action::VerdictMap(_) | Action::NatMap(_)))
}

/// What a rule asks for.
#[derive(Default)]
struct Asked {
    source: bool,
    others: bool,
    unknown: bool,
}

impl Asked {
    fn by(rule: &Rule) -> Asked {
        let mut asked = Asked::default();
        for step in &rule.steps {
            if let Step::If(condition) = step {
                asked.condition(condition);
            }
        }
        asked
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                for part in parts {
                    self.condition(part);
                }
            }
            Condition::Not(inner) => self.condition(inner),
            Condition::In(Field::Src4 | Field::Src6, _)
            | Condition::Masked {
                field: Field::Src4 | Field::Src6,
                ..
            } => self.source = true,
            Condition::Has(Field::IpVersion | Field::Src4 | Field::Src6)
            | Condition::In(Field::IpVersion, _)
            | Condition::Interface(Way::In, _) => {}
            Condition::Unknown(_) => self.unknown = true,
            _ => self.others = true,
        }
    }
}
