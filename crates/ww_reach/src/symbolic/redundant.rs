//! Rules that decide, and without which every packet would fare the same.

use super::Function;
use super::layout::Universe;
use super::query::decides;
use crate::walk::{By, Device, Outcome, Walker};
use std::collections::{BTreeMap, BTreeSet};
use ww_base::Limits;
use ww_model::Packet;
use ww_model::filter::{ChainId, Hook, Ruleset};
use ww_packetset::{Set, TooLarge};

/// A rule that decides about packets which would fare the same without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redundant {
    /// The rule.
    pub rule: By,
    /// Who would decide about its packets instead, in order of the chains.
    pub then: Vec<By>,
}

/// What a rule takes part in deciding.
#[derive(Default)]
struct Part {
    /// On each of the routes asked about, by its place among them.
    packets: BTreeMap<usize, Vec<Set>>,
    /// The outcome of some of them cannot be told.
    is_unsure: bool,
}

impl Universe<'_> {
    /// Rules that accept, refuse or translate some packets on the routes asked about, and of which
    /// each one could be removed alone: all packets would have the same outcome and be translated in
    /// the same way. Of two equal rules that is the first; the second is one of
    /// [`Universe::shadowed`]. Rules that take part in an outcome that cannot be told are left out.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn redundant(
        &mut self,
        number: usize,
        device: Option<&Device>,
        functions: &[(Hook, &Function)],
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
            if part.is_unsure || !without.could_decide(rule) {
                continue;
            }
            let samples = self.samples(&part, functions);
            if without.matters(rule, &samples) {
                continue;
            }
            if let Some(then) = self.instead_of(rule, &part, number, device, functions)? {
                redundant.push(Redundant { rule, then });
            }
        }
        Ok(redundant)
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
            let rest = self.compile_without(number, device, *route, Some(rule))?;
            if self.distinguish(function, &rest)?.is_some() {
                return Ok(None);
            }
            for set in part.packets.get(&place).into_iter().flatten() {
                then.extend(self.deciders_within(&rest, *set)?);
            }
        }
        Ok(Some(then.into_iter().collect()))
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

    /// Whether one of the packets fares otherwise without the rule. Asking that is quick, and spares
    /// most rules the comparison of functions.
    fn matters(&mut self, rule: By, samples: &[(Hook, Packet)]) -> bool {
        let with = self.fates(samples);
        let steps = self.steps(rule).map(std::mem::take);
        let without = self.fates(samples);
        if let (Some(place), Some(steps)) = (self.steps(rule), steps) {
            *place = steps;
        }
        with != without
    }

    fn fates(&self, samples: &[(Hook, Packet)]) -> Vec<BTreeSet<Outcome>> {
        let walker = Walker::new(&self.ruleset, self.device, self.limits);
        let walks = samples.iter();
        walks
            .map(|(route, packet)| {
                let endings = walker.decide(*route, packet).endings;
                endings.into_iter().map(|(outcome, _)| outcome).collect()
            })
            .collect()
    }

    fn steps(&mut self, rule: By) -> Option<&mut Vec<ww_model::filter::Step>> {
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
