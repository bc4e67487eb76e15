//! Questions about functions.

use super::compile::{Compiler, Context};
use super::layout::Universe;
use super::{Change, Function};
use crate::walk::plan::path;
use crate::walk::{By, Device, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use ww_base::Order;
use ww_model::Packet;
use ww_model::filter::{Action, ChainId, Hook, Rule, Step, Verdict};
use ww_packetset::{Set, Terminal, TooLarge};

/// What passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Packets that pass whatever is not known.
    pub must: Set,
    /// Packets that pass for some of what is not known; contains the others.
    pub may: Set,
}

/// What one decider decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The outcome.
    pub outcome: Outcome,
    /// The decider.
    pub by: By,
    /// The packets.
    pub packets: Set,
}

/// Packets that fare differently under two rule sets, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Who decided before.
    pub before: (Outcome, By),
    /// Who decides now.
    pub after: (Outcome, By),
    /// The packets, with what is not known where it matters.
    pub packets: Set,
    /// The smallest of them.
    pub witness: Packet,
}

/// A rule that could decide, and never does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// The rule.
    pub rule: By,
    /// Who decides about the packets that the rule's own conditions let through, in order of the
    /// chains; empty when there are no such packets.
    pub covered_by: Vec<By>,
}

impl Universe<'_> {
    /// What passes.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn allowed(&mut self, function: &Function) -> Result<Allowed, TooLarge> {
        self.allowed_among(function, self.space.all())
    }

    /// What passes of some packets, which are told by what is known of them.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn allowed_among(&mut self, function: &Function, among: Set) -> Result<Allowed, TooLarge> {
        let hidden = self.hidden.clone();
        let asked = self.space.keep(function.map, among)?;
        let passes = self
            .space
            .select(asked, |decision| function.passes(decision))?;
        let unsure = self.space.select(asked, |decision| {
            function
                .fate(decision)
                .is_some_and(|fate| fate.outcome == Outcome::Unknown)
        })?;
        let possible = self.space.or(passes, unsure)?;
        Ok(Allowed {
            must: self.space.forall(passes, &hidden)?,
            may: self.space.exists(possible, &hidden)?,
        })
    }

    /// What is decided by each decider, with its outcome; in order of the rules.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn decided(&mut self, function: &Function) -> Result<Vec<Decided>, TooLarge> {
        let mut deciders: BTreeMap<(Outcome, By), Vec<Set>> = BTreeMap::new();
        for (decision, region) in self.space.regions(function.map)? {
            if let Some(fate) = function.fate(decision) {
                let sets = deciders.entry((fate.outcome, fate.by)).or_default();
                sets.push(region);
            }
        }
        let mut decided = Vec::new();
        for (decider, sets) in deciders {
            let packets = self.space.or_all(&sets)?;
            let (outcome, by) = decider;
            decided.push(Decided {
                outcome,
                by,
                packets,
            });
        }
        decided.put_in_order_by_key(|one| (one.by, one.outcome));
        Ok(decided)
    }

    /// Packets that fare differently, by who decided before and who decides now. What each rule set
    /// does not know is taken to be the same only within that rule set.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn diff(
        &mut self,
        before: &Function,
        after: &Function,
    ) -> Result<Vec<Difference>, TooLarge> {
        let mut pairs: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        let join = |old, new| {
            if fared(before, old) == fared(after, new) {
                return 0;
            }
            let next = pairs.len() as u32 + 1;
            *pairs.entry((old, new)).or_insert(next)
        };
        let map = if is_common(before, after) {
            self.space.contrast(before.map, after.map, join)?
        } else {
            self.space.zip(before.map, after.map, join)?
        };
        let by_number: BTreeMap<u32, (u32, u32)> = pairs
            .into_iter()
            .map(|(pair, number)| (number, pair))
            .collect();
        let mut found: BTreeMap<_, Vec<Set>> = BTreeMap::new();
        for (number, region) in self.space.regions(map)? {
            let Some((old, new)) = by_number.get(&number) else {
                continue;
            };
            if let (Some(old), Some(new)) = (before.fate(*old), after.fate(*new)) {
                let key = ((old.by, old.outcome), (new.by, new.outcome));
                found.entry(key).or_default().push(region);
            }
        }
        let mut differences = Vec::new();
        for (((old_by, old), (new_by, new)), sets) in found {
            let packets = self.space.or_all(&sets)?;
            if let Some(witness) = self.packet(packets) {
                differences.push(Difference {
                    before: (old, old_by),
                    after: (new, new_by),
                    packets,
                    witness,
                });
            }
        }
        Ok(differences)
    }

    /// A packet that fares differently; none when the two are equivalent.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn distinguish(
        &mut self,
        left: &Function,
        right: &Function,
    ) -> Result<Option<Packet>, TooLarge> {
        let differ = self.space.zip(left.map, right.map, |a, b| {
            u32::from(fared(left, a) != fared(right, b))
        })?;
        let differ = self.space.select(differ, |decision| decision == 1)?;
        Ok(self.packet(differ))
    }

    /// Rules that accept, refuse or translate, and that never do so for any packet on the routes
    /// asked about. Rules of base chains that are not on those routes are left out.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn shadowed(
        &mut self,
        number: usize,
        device: Option<&Device>,
        functions: &[(Hook, &Function)],
    ) -> Result<Vec<Shadow>, TooLarge> {
        let Some(ruleset) = self.rulesets.get(number).copied() else {
            return Ok(Vec::new());
        };
        let live = self.deciders(functions);
        let mut shadows = Vec::new();
        for (chain, id) in ruleset.chains.iter().zip(0..) {
            let hook = chain.base.as_ref().map(|base| base.hook);
            let on_route = |route: Hook| hook.is_none_or(|hook| path(route).contains(&hook));
            for (index, rule) in chain.rules.iter().enumerate() {
                let by = By::Rule {
                    chain: ChainId(id),
                    index,
                    at: rule.at,
                };
                if live.contains(&by) || !rule.steps.iter().any(decides) {
                    continue;
                }
                let mut covered_by = BTreeSet::new();
                let routes = functions.iter().filter(|(route, _)| on_route(*route));
                let mut asked = 0;
                for (route, function) in routes {
                    asked += 1;
                    let context = Context {
                        hook: hook.unwrap_or(*route),
                        route: *route,
                        tracked: true,
                    };
                    let own = self.own_packets(number, device, rule, context)?;
                    covered_by.extend(self.deciders_within(function, own)?);
                }
                if asked > 0 {
                    shadows.push(Shadow {
                        rule: by,
                        covered_by: covered_by.into_iter().collect(),
                    });
                }
            }
        }
        Ok(shadows)
    }

    /// Everyone who decides something.
    pub fn deciders(&self, functions: &[(Hook, &Function)]) -> BTreeSet<By> {
        let mut live = BTreeSet::new();
        for (_, function) in functions {
            for decision in self.space.terminals(function.map) {
                live.extend(function.fate(decision).iter().flat_map(|fate| &fate.trail));
            }
        }
        live
    }

    /// The packets that a rule's own conditions let through to its first action.
    pub(super) fn own_packets(
        &mut self,
        number: usize,
        device: Option<&Device>,
        rule: &Rule,
        context: Context,
    ) -> Result<Set, TooLarge> {
        let mut own = self.space.all();
        let Some(mut compiler) = Compiler::new(self, number, device) else {
            return Ok(own);
        };
        for step in &rule.steps {
            let Step::If(condition) = step else { break };
            let holds = compiler.condition(condition, context)?;
            own = compiler.universe.space.and(own, holds)?;
        }
        Ok(own)
    }

    pub(super) fn deciders_within(
        &mut self,
        function: &Function,
        packets: Set,
    ) -> Result<Vec<By>, TooLarge> {
        let there = self.space.keep(function.map, packets)?;
        let decisions = self.space.terminals(there);
        let fates = decisions
            .iter()
            .filter_map(|decision| function.fate(*decision));
        Ok(fates.map(|fate| fate.by).collect())
    }
}

/// How packets fare of which the function decides so.
fn fared(function: &Function, decision: Terminal) -> Option<(Outcome, &Change)> {
    let fate = function.fate(decision)?;
    Some((fate.outcome, &fate.change))
}

/// Whether packets fare alike wherever two functions have the same decision.
fn is_common(left: &Function, right: &Function) -> bool {
    let mut decisions = left.fates.keys();
    decisions.all(|decision| {
        let there = right.fates.contains_key(decision);
        !there || fared(left, *decision) == fared(right, *decision)
    })
}

/// Whether a step accepts, refuses or translates.
pub(super) fn decides(step: &Step) -> bool {
    matches!(
        step,
        Step::Do(
            Action::Verdict(Verdict::Accept | Verdict::Drop | Verdict::Reject(_))
                | Action::Nat(_)
                | Action::NatMap(_)
        )
    )
}
