//! Which rules take notice of packets besides deciding about them.

use crate::walk::By;
use std::collections::{BTreeMap, BTreeSet};
use ww_model::filter::{
    Action, Aside, ChainId, Condition, Field, Rule, Ruleset, Step, UnknownId, UnknownReason,
    Verdict,
};

/// The rules that packets may come to in the same base chain when they have passed a rule.
pub(super) fn after(ruleset: &Ruleset, rule: By) -> Vec<By> {
    let By::Rule { chain, index, .. } = rule else {
        return Vec::new();
    };
    // From each chain on the way, the rules from this place on.
    let mut from: BTreeMap<ChainId, usize> = BTreeMap::new();
    let mut waiting = vec![(chain, index + 1, true)];
    while let Some((id, first, returns)) = waiting.pop() {
        let Some(chain) = ruleset.chains.get(id.0 as usize) else {
            continue;
        };
        let seen = from.get(&id).copied();
        if seen.is_some_and(|seen| seen <= first) {
            continue;
        }
        from.insert(id, first);
        for rule in chain.rules.iter().skip(first) {
            waiting.extend(called(rule).map(|called| (called, 0, false)));
        }
        if returns {
            for (caller, index) in callers(ruleset, id) {
                waiting.push((caller, index + 1, true));
            }
        }
    }
    let mut rules = Vec::new();
    for (id, first) in from {
        let of_chain = ruleset.chains.get(id.0 as usize);
        let of_chain = of_chain.into_iter().flat_map(|chain| &chain.rules);
        rules.extend(
            of_chain
                .enumerate()
                .skip(first)
                .map(|(index, rule)| By::Rule {
                    chain: id,
                    index,
                    at: rule.at,
                }),
        );
    }
    rules
}

/// The rules that call a chain.
fn callers(ruleset: &Ruleset, id: ChainId) -> Vec<(ChainId, usize)> {
    let mut callers = Vec::new();
    for (number, chain) in (0..).zip(&ruleset.chains) {
        for (index, rule) in chain.rules.iter().enumerate() {
            if called(rule).any(|called| called == id) {
                callers.push((ChainId(number), index));
            }
        }
    }
    callers
}

/// The chains that a rule calls.
pub(super) fn called(rule: &Rule) -> impl Iterator<Item = ChainId> {
    verdicts(rule).filter_map(|verdict| match verdict {
        Verdict::Jump(id) | Verdict::Goto(id) => Some(id),
        _ => None,
    })
}

/// All verdicts that a rule can give.
pub(super) fn verdicts(rule: &Rule) -> impl Iterator<Item = Verdict> {
    rule.steps.iter().flat_map(|step| match step {
        Step::Do(Action::Verdict(verdict)) => vec![*verdict],
        Step::Do(Action::VerdictMap(entries)) => {
            entries.iter().map(|(_, verdict)| *verdict).collect()
        }
        _ => Vec::new(),
    })
}

/// Whether somebody may miss the packets that a rule no longer sees, or be surprised by new ones.
pub(super) fn notices(ruleset: &Ruleset, rule: &Rule) -> bool {
    let acts = rule.steps.iter().any(|step| matches!(step, Step::Do(_)));
    let aside = rule.asides.iter().any(|aside| match aside {
        Aside::Log | Aside::NamedCount | Aside::Effect => true,
        // Dumps show a counter beside every rule.
        Aside::Count => !acts,
        Aside::Comment => false,
    });
    let remembers = |id: UnknownId| {
        let unknown = ruleset.unknowns.get(id.0 as usize);
        unknown.is_none_or(|unknown| unknown.reason == UnknownReason::Dynamic)
    };
    let mut unknowns = BTreeSet::new();
    for step in &rule.steps {
        match step {
            Step::If(condition) => add_unknowns(condition, &mut unknowns),
            Step::Do(Action::Unknown(id)) => drop(unknowns.insert(*id)),
            Step::Do(_) => {}
        }
    }
    aside || unknowns.into_iter().any(remembers)
}

fn add_unknowns(condition: &Condition, unknowns: &mut BTreeSet<UnknownId>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            for part in parts {
                add_unknowns(part, unknowns);
            }
        }
        Condition::Not(part) => add_unknowns(part, unknowns),
        Condition::Unknown(id) => drop(unknowns.insert(*id)),
        _ => {}
    }
}

/// Whether a rule asks for marks, which rules before it may have set.
pub(super) fn reads_marks(rule: &Rule) -> bool {
    fn reads(condition: &Condition) -> bool {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().any(reads),
            Condition::Not(part) => reads(part),
            Condition::Has(field) | Condition::In(field, _) | Condition::Masked { field, .. } => {
                matches!(field, Field::Mark | Field::CtMark)
            }
            Condition::Tuple { fields, .. } => {
                fields.contains(&Field::Mark) || fields.contains(&Field::CtMark)
            }
            Condition::Interface(..) | Condition::Unknown(_) => false,
        }
    }
    let mut steps = rule.steps.iter();
    steps.any(|step| matches!(step, Step::If(condition) if reads(condition)))
}

/// The rule that decides.
pub(super) fn rule_of(ruleset: &Ruleset, by: By) -> Option<&Rule> {
    let By::Rule { chain, index, .. } = by else {
        return None;
    };
    ruleset.chains.get(chain.0 as usize)?.rules.get(index)
}
