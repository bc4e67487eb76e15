//! What a text that breaks off leaves unknown in a rule set.

use ww_base::{Locus, SourceSpan, Sourced};
use ww_model::filter::{
    Action, Base, Chain, ChainKind, Family, Hook, Rule, Ruleset, Step, Unknown, UnknownId,
    UnknownReason, Verdict,
};

/// Ends every chain with something unknown: the rules that are missing may be of any of them. A rule
/// that reaches the place where reading broke off may itself lack its end.
pub(crate) fn end_of_chains(chains: &mut [Chain], at: SourceSpan, unknowns: &mut Vec<Unknown>) {
    let step = unknown_step(at, unknowns);
    for chain in chains {
        let last = chain.rules.last_mut();
        if let Some(last) = last.filter(|last| last.at.end == at.end) {
            last.steps = vec![step.clone()];
        } else if !chain.rules.last().is_some_and(decides_all) {
            chain.rules.push(Rule {
                at,
                steps: vec![step.clone()],
                asides: Vec::new(),
            });
        }
    }
}

/// Adds a chain of unknown rules at every hook: tables and chains may be missing.
pub(crate) fn chains(ruleset: &mut Ruleset, at: SourceSpan) {
    end_of_chains(&mut ruleset.chains, at, &mut ruleset.unknowns);
    for (hook, name) in [
        (Hook::Input, "input"),
        (Hook::Forward, "forward"),
        (Hook::Output, "output"),
    ] {
        let step = unknown_step(at, &mut ruleset.unknowns);
        ruleset.chains.push(Chain {
            table: "what was not read".to_owned(),
            name: name.to_owned(),
            at,
            base: Some(Base {
                family: Family::Inet,
                hook,
                priority: 0,
                kind: ChainKind::Filter,
                policy: Sourced {
                    value: Verdict::Accept,
                    at: Locus::Text(at),
                },
            }),
            rules: vec![Rule {
                at,
                steps: vec![step],
                asides: Vec::new(),
            }],
        });
    }
}

/// Whether no packet gets past the rule.
fn decides_all(rule: &Rule) -> bool {
    let decides = |verdict: &Verdict| !matches!(verdict, Verdict::Jump(_) | Verdict::Continue);
    matches!(rule.steps.as_slice(), [Step::Do(Action::Verdict(verdict))] if decides(verdict))
}

fn unknown_step(at: SourceSpan, unknowns: &mut Vec<Unknown>) -> Step {
    let id = UnknownId(unknowns.len() as u32);
    unknowns.push(Unknown {
        at,
        text: "rules that were not read".to_owned(),
        reason: UnknownReason::NotUnderstood,
    });
    Step::Do(Action::Unknown(id))
}
