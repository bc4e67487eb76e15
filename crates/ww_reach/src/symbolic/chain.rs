//! Chains as functions: rules in a balanced tree, each user chain once.

use super::change::{Change, Word};
use super::compile::{Compiler, Context, End, Fragment};
use super::layout::{Universe, levels_of};
use crate::walk::{By, Outcome};
use ww_model::filter::{Action, Chain, ChainId, Condition, Field, Nat, Rule, Step, Verdict};
use ww_packetset::{Map, NONE, Set, Terminal, TooLarge};

/// Chains inside one another, as far as they are followed; the kernel allows fewer jumps.
const DEEPEST: usize = 100;

/// Rules that become a function in one pass. More make fewer diagrams that nobody wants in the end,
/// but each step of a pass looks at all of them.
const TOGETHER: usize = 16;

impl Compiler<'_, '_> {
    /// What a chain makes of packets that jump to it; nothing where they come back unchanged.
    pub(super) fn chain(&mut self, id: ChainId, context: Context) -> Result<Fragment, TooLarge> {
        if let Some(done) = self.known(id, context) {
            return Ok(done);
        }
        if self.active.contains(&id) || self.active.len() >= DEEPEST {
            return self.constant_end(End::Final(Outcome::Unknown, By::Nothing));
        }
        let mut came_back = self.body(id, None, context)?;
        if self.ruleset.chains.get(id.0 as usize).is_some_and(returns) {
            came_back = self.renamed(&came_back, |end| match end {
                Some(End::Return(change)) if change.is_none() => None,
                Some(End::Return(change)) => Some(End::Next(change)),
                other => other,
            })?;
        }
        self.keep(id, context, &came_back);
        Ok(came_back)
    }

    /// What a base chain makes of packets: accepted or at their end.
    pub(super) fn base_chain(
        &mut self,
        id: ChainId,
        policy: Verdict,
        context: Context,
    ) -> Result<Map, TooLarge> {
        let by = By::Policy(self.universe.labels.common(self.number, id));
        let at_end = |change| match policy {
            Verdict::Drop => End::Final(Outcome::Drop, by),
            Verdict::Reject(refusal) => End::Final(Outcome::Reject(refusal), by),
            _ => End::Accept(by, change),
        };
        let whole = self.body(id, Some(at_end(Change::default())), context)?;
        if !self.ruleset.chains.get(id.0 as usize).is_some_and(returns) {
            return Ok(whole.map);
        }
        let whole = self.renamed(&whole, |end| match end {
            Some(End::Return(change)) => Some(at_end(change)),
            other => other,
        })?;
        Ok(whole.map)
    }

    /// The rules of a chain, and what becomes of packets that come to its end.
    fn body(
        &mut self,
        id: ChainId,
        at_end: Option<End>,
        context: Context,
    ) -> Result<Fragment, TooLarge> {
        let Some(chain) = self.ruleset.chains.get(id.0 as usize) else {
            return self.nothing();
        };
        self.active.push(id);
        let mut rules = Vec::with_capacity(chain.rules.len() + 1);
        for (index, rule) in chain.rules.iter().enumerate() {
            let at = rule.at;
            let by = By::Rule {
                chain: id,
                index,
                at,
            };
            if !self.without.contains(&by) {
                let by = self.universe.rule_label(self.number, id, index);
                rules.push(self.rule(rule, by, context)?);
            }
        }
        self.active.pop();
        if let Some(end) = at_end {
            rules.push((self.universe.space.all(), self.constant_end(end)?));
        }
        self.list(&rules)
    }

    /// Rules after one another, each for the packets of its set.
    fn list(&mut self, rules: &[(Set, Fragment)]) -> Result<Fragment, TooLarge> {
        let Some(((guard, last), front)) = rules.split_last() else {
            return self.nothing();
        };
        if front.is_empty() {
            return self.guarded(last.clone(), *guard);
        }
        let is_plain = front.iter().all(|(_, part)| part.carries.is_empty());
        if !is_plain {
            let (front, back) = rules.split_at(rules.len() / 2);
            let front = self.list(front)?;
            let back = self.list(back)?;
            return self.then(&front, &back);
        }
        let carries = last.carries.clone();
        if rules.len() <= TOGETHER {
            let parts: Vec<(Set, Map)> = rules
                .iter()
                .map(|(guard, part)| (*guard, part.map))
                .collect();
            let map = self.universe.space.first_guarded(&parts)?;
            return Ok(Fragment { map, carries });
        }
        let all = self.universe.space.all();
        let size = rules
            .len()
            .div_ceil(rules.len().div_ceil(TOGETHER).min(TOGETHER));
        let mut parts = Vec::with_capacity(TOGETHER);
        for part in rules.chunks(size) {
            parts.push((all, self.list(part)?));
        }
        self.list(&parts)
    }

    /// The second where the first leaves the packet to it, as the first has changed it.
    fn then(&mut self, first: &Fragment, second: &Fragment) -> Result<Fragment, TooLarge> {
        let mut map = self.universe.space.first(first.map, second.map)?;
        let mut carries = second.carries.clone();
        for carried in &first.carries {
            let Some(End::Next(change)) = self.universe.ends.get(*carried).cloned() else {
                continue;
            };
            let region = self
                .universe
                .space
                .select(first.map, |end| end == *carried)?;
            if region.is_empty() {
                continue;
            }
            let after = self.universe.after(second.map, &change)?;
            let after = Fragment {
                map: after,
                carries: second.carries.clone(),
            };
            let after = self.renamed(&after, |end| {
                Some(match end {
                    None => End::Next(change.clone()),
                    Some(End::Next(later)) => End::Next(change.then(&later)),
                    Some(End::Return(later)) => End::Return(change.then(&later)),
                    Some(End::Accept(by, later)) => End::Accept(by, change.then(&later)),
                    Some(ended) => ended,
                })
            })?;
            map = self.universe.space.choose(region, after.map, map)?;
            carries.extend(after.carries);
        }
        carries.sort_unstable();
        carries.dedup();
        Ok(Fragment { map, carries })
    }

    /// What a rule does, and the packets for which it does so.
    fn rule(&mut self, rule: &Rule, by: By, context: Context) -> Result<(Set, Fragment), TooLarge> {
        let mut rest = self.nothing()?;
        // Conditions beside one another are small; what they guard may be all that a chain does.
        let mut guard = self.universe.space.all();
        for step in rule.steps.iter().rev() {
            match step {
                Step::If(condition) => {
                    let holds = self.condition(condition, context)?;
                    guard = self.universe.space.and(guard, holds)?;
                }
                Step::Do(action) => {
                    rest = self.guarded(rest, guard)?;
                    guard = self.universe.space.all();
                    rest = self.action(action, &rest, by, context)?;
                }
            }
        }
        Ok((guard, rest))
    }

    /// What comes of a part for the packets of a set alone.
    fn guarded(&mut self, part: Fragment, guard: Set) -> Result<Fragment, TooLarge> {
        Ok(Fragment {
            map: self.universe.space.keep(part.map, guard)?,
            carries: part.carries,
        })
    }

    /// An action, and what comes after it in its rule.
    fn action(
        &mut self,
        action: &Action,
        rest: &Fragment,
        by: By,
        context: Context,
    ) -> Result<Fragment, TooLarge> {
        match action {
            Action::Verdict(Verdict::Continue) => Ok(rest.clone()),
            Action::Verdict(verdict) => self.verdict(*verdict, by, context),
            Action::VerdictMap(entries) => self.verdict_map(entries, rest, by, context),
            Action::Nat(nat) => self.nat(nat, by, context),
            Action::NatMap(entries) => self.nat_map(entries, rest, by, context),
            Action::Unknown(_) => self.constant_end(End::Final(Outcome::Unknown, by)),
            Action::Set { field, keep, flip } => self.set(*field, *keep, *flip, rest, context),
            Action::SaveMark | Action::RestoreMark => {
                let (to, from) = if *action == Action::SaveMark {
                    (Field::CtMark, Field::Mark)
                } else {
                    (Field::Mark, Field::CtMark)
                };
                let word = Word {
                    from,
                    keep: u32::MAX,
                    flip: 0,
                };
                let connected = self.has_connection(context)?;
                self.changed(&with_word(to, word), connected, rest)
            }
            Action::Untrack => {
                let connected = self.has_connection(context)?;
                let others = self.universe.space.not(connected)?;
                let change = Change {
                    untracked: true,
                    ..Change::default()
                };
                self.changed(&change, others, rest)
            }
        }
    }

    fn set(
        &mut self,
        field: Field,
        keep: u32,
        flip: u32,
        rest: &Fragment,
        context: Context,
    ) -> Result<Fragment, TooLarge> {
        let asked = self.asked_bits(field);
        let region = match field {
            Field::Mark | Field::Dscp if asked != 0 => self.universe.space.all(),
            Field::CtMark if asked != 0 => self.has_connection(context)?,
            _ => return Ok(rest.clone()),
        };
        let word = Word {
            from: field,
            keep: keep | !asked,
            flip: flip & asked,
        };
        self.changed(&with_word(field, word), region, rest)
    }

    /// The bits of a mark that some rule asks for.
    fn asked_bits(&self, field: Field) -> u32 {
        let place = self.universe.place(field);
        match place {
            Some(super::layout::Place::Bits(bits))
                if !place.map(levels_of).unwrap_or_default().is_empty() =>
            {
                let bits = bits.iter().rev().enumerate();
                bits.filter(|(_, level)| level.is_some())
                    .fold(0, |asked, (place, _)| asked | 1 << place)
            }
            _ => 0,
        }
    }

    /// Packets of the region change, then the rest of the rule has its turn.
    fn changed(
        &mut self,
        change: &Change,
        region: Set,
        rest: &Fragment,
    ) -> Result<Fragment, TooLarge> {
        let next = self.universe.ends.number(End::Next(change.clone()));
        let map = self.universe.space.constant(next)?;
        let first = Fragment {
            map: self.universe.space.keep(map, region)?,
            carries: vec![next],
        };
        self.then(&first, rest)
    }

    fn verdict(
        &mut self,
        verdict: Verdict,
        by: By,
        context: Context,
    ) -> Result<Fragment, TooLarge> {
        match verdict {
            Verdict::Accept => self.constant_end(End::Accept(by, Change::default())),
            Verdict::Drop => self.constant_end(End::Final(Outcome::Drop, by)),
            Verdict::Reject(refusal) => self.constant_end(End::Final(Outcome::Reject(refusal), by)),
            Verdict::Return => self.constant_end(End::Return(Change::default())),
            Verdict::Continue => self.nothing(),
            Verdict::Jump(chain) => self.chain(chain, context),
            Verdict::Goto(chain) => {
                let chain = self.chain(chain, context)?;
                self.renamed(&chain, |end| match end {
                    None => Some(End::Return(Change::default())),
                    Some(End::Next(change)) => Some(End::Return(change)),
                    decided => decided,
                })
            }
        }
    }

    fn verdict_map(
        &mut self,
        entries: &[(Condition, Verdict)],
        rest: &Fragment,
        by: By,
        context: Context,
    ) -> Result<Fragment, TooLarge> {
        self.entries(entries, rest, context, |compiler, verdict| match verdict {
            Verdict::Continue => Ok(rest.clone()),
            _ => compiler.verdict(*verdict, by, context),
        })
    }

    fn nat_map(
        &mut self,
        entries: &[(Condition, Nat)],
        rest: &Fragment,
        by: By,
        context: Context,
    ) -> Result<Fragment, TooLarge> {
        self.entries(entries, rest, context, |compiler, nat| {
            compiler.nat(nat, by, context)
        })
    }

    /// What `make` makes of the first entry whose condition holds; the rest where there is none.
    fn entries<T: Ord>(
        &mut self,
        entries: &[(Condition, T)],
        rest: &Fragment,
        context: Context,
        make: impl Fn(&mut Self, &T) -> Result<Fragment, TooLarge>,
    ) -> Result<Fragment, TooLarge> {
        let mut kinds: Vec<&T> = entries.iter().map(|(_, what)| what).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut chosen = Vec::with_capacity(entries.len());
        for (condition, what) in entries {
            let holds = self.condition(condition, context)?;
            let kind = kinds.binary_search(&what).unwrap_or_default() as Terminal + 1;
            let kind = self.universe.space.constant(kind)?;
            chosen.push(self.universe.space.keep(kind, holds)?);
        }
        let chosen = self.universe.space.first_all(&chosen)?;
        let none = self.universe.space.select(chosen, |kind| kind == NONE)?;
        let mut parts = vec![self.universe.space.keep(rest.map, none)?];
        let mut carries = rest.carries.clone();
        for (number, region) in self.universe.space.regions(chosen)? {
            let Some(what) = kinds.get(number as usize - 1) else {
                continue;
            };
            let made = make(self, what)?;
            parts.push(self.universe.space.keep(made.map, region)?);
            carries.extend(made.carries);
        }
        carries.sort_unstable();
        carries.dedup();
        Ok(Fragment {
            map: self.universe.space.first_all(&parts)?,
            carries,
        })
    }

    pub(super) fn constant_end(&mut self, end: End) -> Result<Fragment, TooLarge> {
        let number = self.universe.ends.number(end);
        self.universe.space.constant(number).map(Fragment::plain)
    }

    fn nothing(&self) -> Result<Fragment, TooLarge> {
        self.universe.space.constant(NONE).map(Fragment::plain)
    }

    /// The fragment with other ends.
    fn renamed(
        &mut self,
        fragment: &Fragment,
        rename: impl Fn(Option<End>) -> Option<End>,
    ) -> Result<Fragment, TooLarge> {
        let mut carries = Vec::new();
        let Universe { space, ends, .. } = &mut *self.universe;
        let map = space.relabel(fragment.map, |number| {
            let Some(end) = rename(ends.get(number).cloned()) else {
                return NONE;
            };
            let is_next = matches!(end, End::Next(_));
            let number = ends.number(end);
            if is_next {
                carries.push(number);
            }
            number
        })?;
        carries.sort_unstable();
        carries.dedup();
        Ok(Fragment { map, carries })
    }
}

/// Whether some rule of a chain may send packets back to where they came from.
fn returns(chain: &Chain) -> bool {
    let back = |verdict: &Verdict| matches!(verdict, Verdict::Return | Verdict::Goto(_));
    let steps = chain.rules.iter().flat_map(|rule| &rule.steps);
    steps.into_iter().any(|step| match step {
        Step::Do(Action::Verdict(verdict)) => back(verdict),
        Step::Do(Action::VerdictMap(entries)) => entries.iter().any(|(_, verdict)| back(verdict)),
        _ => false,
    })
}

fn with_word(field: Field, word: Word) -> Change {
    let mut change = Change::default();
    match field {
        Field::CtMark => change.ct_mark = word,
        Field::Dscp => change.dscp = word,
        _ => change.mark = word,
    }
    change
}
