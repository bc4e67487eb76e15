//! What rule sets of one universe have in common: names of chains, and chains that say the same.
//!
//! Decisions are numbered by the place of the rule, counted in chains of the same name, so that equal
//! chains of two rule sets become the same function.

use super::Fate;
use super::compile::Context;
use super::layout::Universe;
use crate::walk::By;
use std::collections::BTreeMap;
use ww_base::{SourceId, SourceSpan};
use ww_model::filter::{Action, Chain, ChainId, Condition, Rule, Ruleset, Step, Verdict};

/// Where rules stand that several rule sets may have.
const ANYWHERE: SourceSpan = SourceSpan {
    source: SourceId(0),
    start: 0,
    end: 0,
};

/// The chains of all rule sets by common numbers: those of the same name, and if there are several the
/// nth of one and the nth of another, have the same.
#[derive(Debug, Default)]
pub(super) struct Labels {
    /// For each rule set, the common number of each chain.
    common: Vec<Vec<u32>>,
    /// For each rule set, the chain with a common number.
    local: Vec<BTreeMap<u32, ChainId>>,
}

impl Labels {
    pub(super) fn new(rulesets: &[&Ruleset]) -> Labels {
        let mut labels = Labels::default();
        let mut numbers: BTreeMap<(&str, &str, u32), u32> = BTreeMap::new();
        for ruleset in rulesets {
            let mut seen: BTreeMap<(&str, &str), u32> = BTreeMap::new();
            let mut common = Vec::with_capacity(ruleset.chains.len());
            for Chain { table, name, .. } in &ruleset.chains {
                let nth = seen.entry((table, name)).or_default();
                let next = numbers.len() as u32;
                common.push(*numbers.entry((table, name, *nth)).or_insert(next));
                *nth += 1;
            }
            let chains = common.iter().zip(0..);
            let local = chains.map(|(label, id)| (*label, ChainId(id))).collect();
            labels.common.push(common);
            labels.local.push(local);
        }
        labels
    }

    /// The common number of a chain.
    pub(super) fn common(&self, ruleset: usize, chain: ChainId) -> ChainId {
        let chains = self.common.get(ruleset);
        let label = chains.and_then(|chains| chains.get(chain.0 as usize));
        ChainId(label.copied().unwrap_or(u32::MAX))
    }

    /// The chain of a rule set that has a common number.
    fn local(&self, ruleset: usize, common: ChainId) -> Option<ChainId> {
        self.local.get(ruleset)?.get(&common.0).copied()
    }
}

impl Universe<'_> {
    /// A rule by its place, whatever the rule set.
    pub(super) fn rule_label(&self, ruleset: usize, chain: ChainId, index: usize) -> By {
        By::Rule {
            chain: self.labels.common(ruleset, chain),
            index,
            at: ANYWHERE,
        }
    }

    /// A decider as one of the rule sets knows it.
    fn local_by(&self, ruleset: usize, by: By) -> By {
        let local = |chain| self.labels.local(ruleset, chain).unwrap_or(chain);
        match by {
            By::Rule { chain, index, at } => {
                let chain = local(chain);
                let chains = self.rulesets.get(ruleset).map(|ruleset| &ruleset.chains);
                let rules = chains.and_then(|chains| chains.get(chain.0 as usize));
                let rule = rules.and_then(|rules| rules.rules.get(index));
                let at = rule.map_or(at, |rule| rule.at);
                By::Rule { chain, index, at }
            }
            By::Policy(chain) => By::Policy(local(chain)),
            By::Nothing => By::Nothing,
        }
    }

    /// A fate as one of the rule sets knows it.
    pub(super) fn local_fate(&self, ruleset: usize, fate: &Fate) -> Fate {
        let trail = fate.trail.iter();
        Fate {
            by: self.local_by(ruleset, fate.by),
            trail: trail.map(|by| self.local_by(ruleset, *by)).collect(),
            ..fate.clone()
        }
    }

    /// A chain of another rule set that is done and does the same as this one.
    pub(super) fn twin(
        &self,
        ruleset: usize,
        chain: ChainId,
        context: Context,
        device: usize,
    ) -> Option<(usize, ChainId)> {
        let common = self.labels.common(ruleset, chain);
        let others = (0..self.rulesets.len()).filter(|other| *other != ruleset);
        let mut twins = others.filter_map(|other| Some((other, self.labels.local(other, common)?)));
        twins.find(|(other, twin)| {
            let is_done = self.chains.contains_key(&(*other, *twin, context, device));
            let mut likeness = Likeness {
                universe: self,
                left: ruleset,
                right: *other,
                chains: BTreeMap::new(),
            };
            is_done && likeness.chain(chain, *twin)
        })
    }
}

/// Compares chains of two rule sets, with all that they lead to.
struct Likeness<'u, 'a> {
    universe: &'u Universe<'a>,
    left: usize,
    right: usize,
    /// Chains that were compared, or are being compared.
    chains: BTreeMap<(ChainId, ChainId), bool>,
}

impl Likeness<'_, '_> {
    fn chain(&mut self, left: ChainId, right: ChainId) -> bool {
        if let Some(alike) = self.chains.get(&(left, right)) {
            return *alike;
        }
        // A chain that leads to itself is like another when all else is.
        self.chains.insert((left, right), true);
        let labels = &self.universe.labels;
        let same_name = labels.common(self.left, left) == labels.common(self.right, right);
        let rules = |ruleset: usize, chain: ChainId| -> Option<&[Rule]> {
            let chains = &self.universe.rulesets.get(ruleset)?.chains;
            Some(&chains.get(chain.0 as usize)?.rules)
        };
        let alike = match (rules(self.left, left), rules(self.right, right)) {
            (Some(left), Some(right)) => {
                same_name && all(left, right, |left, right| self.rule(left, right))
            }
            _ => false,
        };
        self.chains.insert((left, right), alike);
        alike
    }

    fn rule(&mut self, left: &Rule, right: &Rule) -> bool {
        all(&left.steps, &right.steps, |left, right| {
            match (left, right) {
                (Step::If(left), Step::If(right)) => self.condition(left, right),
                (Step::Do(left), Step::Do(right)) => self.action(left, right),
                _ => false,
            }
        })
    }

    fn action(&mut self, left: &Action, right: &Action) -> bool {
        match (left, right) {
            (Action::Verdict(left), Action::Verdict(right)) => self.verdict(*left, *right),
            (Action::VerdictMap(left), Action::VerdictMap(right)) => {
                all(left, right, |left, right| {
                    self.condition(&left.0, &right.0) && self.verdict(left.1, right.1)
                })
            }
            (Action::NatMap(left), Action::NatMap(right)) => all(left, right, |left, right| {
                self.condition(&left.0, &right.0) && left.1 == right.1
            }),
            (Action::Unknown(_), Action::Unknown(_)) => true,
            _ => left == right,
        }
    }

    fn verdict(&mut self, left: Verdict, right: Verdict) -> bool {
        match (left, right) {
            (Verdict::Jump(left), Verdict::Jump(right))
            | (Verdict::Goto(left), Verdict::Goto(right)) => self.chain(left, right),
            _ => left == right,
        }
    }

    fn condition(&mut self, left: &Condition, right: &Condition) -> bool {
        match (left, right) {
            (Condition::All(left), Condition::All(right))
            | (Condition::Any(left), Condition::Any(right)) => {
                all(left, right, |left, right| self.condition(left, right))
            }
            (Condition::Not(left), Condition::Not(right)) => self.condition(left, right),
            (Condition::Unknown(left), Condition::Unknown(right)) => {
                let level = |ruleset, id| self.universe.unknowns.get(&(ruleset, id));
                level(self.left, left.0) == level(self.right, right.0)
            }
            _ => left == right,
        }
    }
}

/// Whether two lists are alike, one by one.
fn all<T>(left: &[T], right: &[T], mut alike: impl FnMut(&T, &T) -> bool) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(left, right)| alike(left, right))
}
