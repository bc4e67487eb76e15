//! Rules that decide, and without which every packet would fare the same.

use super::Function;
use super::compile::Context;
use super::layout::Universe;
use super::notice::{after, notices, reads_marks, rule_of};
use super::query::decides;
use crate::walk::{By, Device, Outcome, Walker};
use std::collections::{BTreeMap, BTreeSet};
use ww_base::Limits;
use ww_model::Packet;
use ww_model::filter::{ChainId, Hook, Ruleset, Step};
use ww_packetset::{Set, TooLarge};

/// A rule that decides about packets which would fare the same without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redundant {
    /// The rule.
    pub rule: By,
    /// Who would decide about its packets instead, in order of the chains.
    pub then: Vec<By>,
    /// Rules that some of its packets would come to besides, and which log or count them, remember
    /// them, or change what the model has no field for.
    pub noticed_by: Vec<By>,
}

/// Which redundant rules are looked for.
#[derive(Clone, Copy)]
pub struct Wanted<'f> {
    /// The rules that may be some.
    pub rule: &'f dyn Fn(By) -> bool,
    /// Who may decide about the packets of a rule, the first, instead: the second.
    pub instead: &'f dyn Fn(By, By) -> bool,
}

impl std::fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wanted")
    }
}

/// What a rule takes part in deciding.
#[derive(Default)]
struct Part {
    /// On each of the routes asked about, by its place among them.
    packets: BTreeMap<usize, Vec<Set>>,
    /// The outcome of some of them cannot be told.
    is_unsure: bool,
    /// Some of them are changed on their way.
    is_changed: bool,
}

impl Universe<'_> {
    /// The wanted rules that accept, refuse or translate some packets on the routes asked about, and
    /// of which each one could be removed alone: all packets would have the same outcome and be
    /// translated in the same way. Of two equal rules that is the first; the second is one of
    /// [`Universe::shadowed`]. Rules that take part in an outcome that cannot be told are left out.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn redundant(
        &mut self,
        number: usize,
        device: Option<&Device>,
        functions: &[(Hook, &Function)],
        wanted: Wanted<'_>,
        limits: &Limits,
    ) -> Result<Vec<Redundant>, TooLarge> {
        let Some(ruleset) = self.rulesets.get(number).copied() else {
            return Ok(Vec::new());
        };
        let mut without = Without {
            ruleset: ruleset.clone(),
            device,
            limits,
        };
        let mut redundant = Vec::new();
        for (rule, part) in self.parts(functions)? {
            if part.is_unsure || !(wanted.rule)(rule) || !without.could_decide(rule) {
                continue;
            }
            let samples = self.samples(&part, functions);
            let may_decide = |by: &By| (wanted.instead)(rule, *by);
            let instead = without.instead_of(rule, &samples);
            if !instead.is_some_and(|deciders| deciders.iter().all(may_decide)) {
                continue;
            }
            let then = self.instead_of(rule, &part, number, device, functions)?;
            if let Some(then) = then.filter(|then| then.iter().all(may_decide)) {
                let noticed_by = self.noticed_by(rule, &part, number, device, functions)?;
                redundant.push(Redundant {
                    rule,
                    then,
                    noticed_by,
                });
            }
        }
        Ok(redundant)
    }

    /// The rules of a list that can all be removed together, so that nothing changes for any packet:
    /// each one that can go with those before it.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn redundant_together(
        &mut self,
        number: usize,
        device: Option<&Device>,
        functions: &[(Hook, &Function)],
        rules: &[By],
    ) -> Result<Vec<By>, TooLarge> {
        let mut gone: Vec<By> = Vec::new();
        for rule in rules {
            gone.push(*rule);
            for (route, function) in functions {
                let rest = self.compile_without(number, device, *route, &gone)?;
                if self.distinguish(function, &rest)?.is_some() {
                    gone.pop();
                    break;
                }
            }
        }
        Ok(gone)
    }

    /// The smallest packets of a rule's regions.
    fn samples(&self, part: &Part, functions: &[(Hook, &Function)]) -> Vec<(Hook, Packet)> {
        let mut samples = Vec::new();
        for (place, (route, _)) in functions.iter().enumerate() {
            let sets = part.packets.get(&place).into_iter().flatten();
            let packets = sets.filter_map(|set| self.packet(*set));
            samples.extend(packets.map(|packet| (*route, packet)));
        }
        samples
    }

    /// Who decides about the rule's packets where it is gone; nothing where that changes something.
    fn instead_of(
        &mut self,
        rule: By,
        part: &Part,
        number: usize,
        device: Option<&Device>,
        functions: &[(Hook, &Function)],
    ) -> Result<Option<Vec<By>>, TooLarge> {
        let mut then = BTreeSet::new();
        for (place, (route, function)) in functions.iter().enumerate() {
            let rest = self.compile_without(number, device, *route, &[rule])?;
            if self.distinguish(function, &rest)?.is_some() {
                return Ok(None);
            }
            for set in part.packets.get(&place).into_iter().flatten() {
                then.extend(self.deciders_within(&rest, *set)?);
            }
        }
        Ok(Some(then.into_iter().collect()))
    }

    /// Who else would take notice of the rule's packets where it is gone.
    fn noticed_by(
        &mut self,
        rule: By,
        part: &Part,
        number: usize,
        device: Option<&Device>,
        functions: &[(Hook, &Function)],
    ) -> Result<Vec<By>, TooLarge> {
        let Some(ruleset) = self.rulesets.get(number).copied() else {
            return Ok(Vec::new());
        };
        let mut noticing = Vec::new();
        for by in after(ruleset, rule) {
            let Some(other) = rule_of(ruleset, by).filter(|other| notices(ruleset, other)) else {
                continue;
            };
            let mut meets = part.is_changed || reads_marks(other);
            for (place, (route, _)) in functions.iter().enumerate() {
                let context = Context {
                    hook: *route,
                    route: *route,
                    tracked: true,
                };
                let Some(sets) = part.packets.get(&place) else {
                    continue;
                };
                let own = self.own_packets(number, device, other, context)?;
                for set in sets {
                    meets |= !self.space.and(own, *set)?.is_empty();
                }
            }
            if meets {
                noticing.push(by);
            }
        }
        Ok(noticing)
    }

    /// The packets that each rule takes part in deciding about.
    fn parts(&mut self, functions: &[(Hook, &Function)]) -> Result<BTreeMap<By, Part>, TooLarge> {
        let mut parts: BTreeMap<By, Part> = BTreeMap::new();
        for (place, (_, function)) in functions.iter().enumerate() {
            for (decision, packets) in self.space.regions(function.map)? {
                let Some(fate) = function.fate(decision) else {
                    continue;
                };
                let trail: BTreeSet<By> = fate.trail.iter().copied().chain([fate.by]).collect();
                for by in trail {
                    let part = parts.entry(by).or_default();
                    part.packets.entry(place).or_default().push(packets);
                    part.is_unsure |= fate.outcome == Outcome::Unknown;
                    part.is_changed |= !fate.change.is_none();
                }
            }
        }
        Ok(parts)
    }
}

/// A rule set in which single rules are switched off.
struct Without<'a> {
    ruleset: Ruleset,
    device: Option<&'a Device>,
    limits: &'a Limits,
}

impl Without<'_> {
    fn could_decide(&mut self, rule: By) -> bool {
        let steps = self.steps(rule);
        steps.is_some_and(|steps| steps.iter().any(decides))
    }

    /// Who decides about the packets without the rule; nothing where one of them fares otherwise then.
    /// Asking that is quick, and spares most rules the comparison of functions.
    fn instead_of(&mut self, rule: By, samples: &[(Hook, Packet)]) -> Option<BTreeSet<By>> {
        let with = self.endings(samples);
        let steps = self.steps(rule).map(std::mem::take);
        let without = self.endings(samples);
        if let (Some(place), Some(steps)) = (self.steps(rule), steps) {
            *place = steps;
        }
        let outcomes = |all: &[Vec<(Outcome, By)>]| -> Vec<BTreeSet<Outcome>> {
            let all = all.iter();
            all.map(|endings| endings.iter().map(|(outcome, _)| *outcome).collect())
                .collect()
        };
        let deciders = without.iter().flatten().map(|(_, by)| *by);
        (outcomes(&with) == outcomes(&without)).then(|| deciders.collect())
    }

    fn endings(&self, samples: &[(Hook, Packet)]) -> Vec<Vec<(Outcome, By)>> {
        let walker = Walker::new(&self.ruleset, self.device, self.limits);
        let walks = samples.iter();
        walks
            .map(|(route, packet)| walker.decide(*route, packet).endings)
            .collect()
    }

    fn steps(&mut self, rule: By) -> Option<&mut Vec<Step>> {
        let By::Rule {
            chain: ChainId(chain),
            index,
            ..
        } = rule
        else {
            return None;
        };
        let chain = self.ruleset.chains.get_mut(chain as usize)?;
        Some(&mut chain.rules.get_mut(index)?.steps)
    }
}
