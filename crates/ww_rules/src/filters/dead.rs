//! Rules that never decide, by the exact function that a rule set is.

use std::collections::{BTreeMap, BTreeSet};

use ww_base::{Gap, SourceSpan};
use ww_finding::{Edit, Fix, Safety};
use ww_model::filter::{Chain, ChainKind, Condition, Field, Hook, Rule, Ruleset, Verdict};
use ww_packetset::{Bounds, TooLarge};
use ww_reach::symbolic::{Universe, Version};
use ww_reach::walk::By;

use super::probe;

/// The ways a packet can go.
pub(crate) const ROUTES: [Hook; 3] = [Hook::Input, Hook::Forward, Hook::Output];

/// A rule that never decides, and who decides about its packets instead.
#[derive(Debug)]
pub(crate) struct Dead {
    /// The rule.
    pub(crate) by: By,
    /// Who decides instead; nobody where its own conditions contradict one another.
    pub(crate) covered_by: BTreeSet<By>,
}

/// The rules of a device that decide about no packet of either version of IP.
pub(crate) fn of(ruleset: &Ruleset) -> Result<Vec<Dead>, Gap> {
    let dead = |version| shadows(ruleset, version).map_err(|_| too_large());
    let mut both = dead(Version::V6)?;
    let mut found = Vec::new();
    let called = called(ruleset);
    for (by, covered_by) in dead(Version::V4)? {
        let Some(other) = both.remove(&by) else {
            continue;
        };
        let judged = rule(ruleset, by)
            .zip(chain(ruleset, by))
            .is_some_and(|(rule, (id, _))| called.contains(&id) && is_judged(rule));
        if judged {
            found.push(Dead {
                by,
                covered_by: covered_by
                    .into_iter()
                    .chain(other)
                    .filter(|by| *by != By::Nothing)
                    .collect(),
            });
        }
    }
    Ok(found)
}

pub(crate) fn too_large() -> Gap {
    Gap::new(
        "a rule set that is small enough to be looked at as a whole",
        "a part of it, with the chains that matter",
    )
}

/// The rules that decide about no packet of a version, each with those who do.
fn shadows(ruleset: &Ruleset, version: Version) -> Result<BTreeMap<By, Vec<By>>, TooLarge> {
    let mut universe = Universe::new(&[ruleset], version, &[], Bounds::default())?;
    let mut functions = Vec::new();
    for route in ROUTES {
        functions.push((route, universe.compile(0, None, route)?));
    }
    let functions: Vec<_> = functions.iter().map(|(route, one)| (*route, one)).collect();
    let shadows = universe.shadowed(0, None, &functions)?;
    let shadows = shadows.into_iter();
    Ok(shadows.map(|one| (one.rule, one.covered_by)).collect())
}

/// Whether a rule can be judged: later fragments are not among the packets that are looked at.
pub(crate) fn is_judged(rule: &Rule) -> bool {
    fn tests_fragments(condition: &Condition) -> bool {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().any(tests_fragments),
            Condition::Not(part) => matches!(**part, Condition::Not(_)) && tests_fragments(part),
            Condition::Has(field) | Condition::In(field, _) | Condition::Masked { field, .. } => {
                *field == Field::LaterFragment
            }
            _ => false,
        }
    }
    !probe::conditions(rule).into_iter().any(tests_fragments)
}

/// The chains that packets can come to, those that translate left out: what reaches them depends on
/// what other devices answer.
pub(crate) fn called(ruleset: &Ruleset) -> BTreeSet<u32> {
    let mut called = BTreeSet::new();
    let bases = (0..).zip(&ruleset.chains);
    let mut waiting: Vec<u32> = bases
        .filter(|(_, chain)| {
            let base = chain.base.as_ref();
            base.is_some_and(|base| base.kind != ChainKind::Nat)
        })
        .map(|(id, _)| id)
        .collect();
    while let Some(id) = waiting.pop() {
        if !called.insert(id) {
            continue;
        }
        let Some(chain) = ruleset.chains.get(id as usize) else {
            continue;
        };
        for verdict in chain.rules.iter().flat_map(probe::verdicts) {
            if let Verdict::Jump(to) | Verdict::Goto(to) = verdict {
                waiting.push(to.0);
            }
        }
    }
    called
}

/// The chain of a decider, with its number.
pub(crate) fn chain(ruleset: &Ruleset, by: By) -> Option<(u32, &Chain)> {
    let (By::Rule { chain: id, .. } | By::Policy(id)) = by else {
        return None;
    };
    Some((id.0, ruleset.chains.get(id.0 as usize)?))
}

/// The rule that decides.
pub(crate) fn rule(ruleset: &Ruleset, by: By) -> Option<&Rule> {
    let By::Rule { chain, index, .. } = by else {
        return None;
    };
    ruleset.chains.get(chain.0 as usize)?.rules.get(index)
}

/// Whether a decider lets packets pass (`Some(true)`) or stops them (`Some(false)`), where it does
/// one of the two only.
pub(crate) fn passes(ruleset: &Ruleset, by: By) -> Option<bool> {
    let verdicts: Vec<Verdict> = match by {
        By::Policy(_) => {
            let (_, chain) = chain(ruleset, by)?;
            vec![chain.base.as_ref()?.policy.value]
        }
        _ => probe::verdicts(rule(ruleset, by)?).collect(),
    };
    match verdicts.as_slice() {
        [Verdict::Accept] => Some(true),
        [Verdict::Drop | Verdict::Reject(_)] => Some(false),
        _ => None,
    }
}

/// The removal of a rule, as an edit where a rule is a line of its own.
pub(crate) fn removal(chain: &Chain, place: SourceSpan) -> Fix {
    // Tables of nftables are named with their family, and their rules may be JSON.
    let is_line = !chain.table.contains(' ');
    let edit = Edit {
        span: place,
        replace_with: String::new(),
    };
    Fix {
        title: "Remove the rule".to_owned(),
        safety: Safety::Review,
        edits: if is_line { vec![edit] } else { Vec::new() },
    }
}

/// Where a decider stands.
pub(crate) fn span_of(ruleset: &Ruleset, by: By) -> Option<SourceSpan> {
    let (_, chain) = chain(ruleset, by)?;
    Some(rule(ruleset, by).map_or(chain.at, |rule| rule.at))
}
