//! What a compilation keeps.

use super::Function;
use super::change::Change;
use super::layout::Universe;
use super::path::{State, Tail};
use crate::walk::plan::Plan;
use crate::walk::{By, Device, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use ww_model::filter::{Action, ChainId, Hook, Rule, Ruleset, Step, Verdict};
use ww_packetset::{Map, NONE, Terminal, TooLarge};

/// Where on the path a condition is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Context {
    pub(super) hook: Hook,
    /// Where the packet goes: `Input`, `Forward` or `Output`.
    pub(super) route: Hook,
    /// Connection tracking has seen the packet.
    pub(super) tracked: bool,
}

/// What a chain makes of a packet; where it makes nothing of it, the next rule has its turn.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// The next rule has its turn, with a changed packet.
    Next(Change),
    /// The caller of the chain has its turn.
    Return(Change),
    /// The base chain lets it pass.
    Accept(By, Change),
    /// It ends here.
    Final(Outcome, By),
}

/// Values by small numbers, counted from 1, each value once.
#[derive(Debug)]
pub(super) struct Table<T> {
    values: Vec<T>,
    numbers: BTreeMap<T, Terminal>,
}

impl<T: Ord + Clone> Table<T> {
    pub(super) fn new() -> Table<T> {
        Table {
            values: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }

    pub(super) fn number(&mut self, value: T) -> Terminal {
        if let Some(number) = self.numbers.get(&value) {
            return *number;
        }
        self.values.push(value.clone());
        let number = self.values.len() as Terminal;
        self.numbers.insert(value, number);
        number
    }

    pub(super) fn get(&self, number: Terminal) -> Option<&T> {
        self.values.get((number as usize).checked_sub(1)?)
    }
}

/// A part of a chain as a map to [`End`]s.
#[derive(Clone, Debug)]
pub(super) struct Fragment {
    pub(super) map: Map,
    /// The decisions of the map that are [`End::Next`].
    pub(super) carries: Vec<Terminal>,
}

impl Fragment {
    pub(super) fn plain(map: Map) -> Fragment {
        Fragment {
            map,
            carries: Vec::new(),
        }
    }
}

/// Makes a function of one rule set.
pub(super) struct Compiler<'u, 'a> {
    pub(super) universe: &'u mut Universe<'a>,
    pub(super) ruleset: &'a Ruleset,
    /// The rule set's place among those of the universe.
    pub(super) number: usize,
    pub(super) device: Option<&'u Device>,
    pub(super) plan: Plan<'a>,
    device_number: usize,
    /// Chains that are done and that the missing rule concerns.
    pub(super) chains: BTreeMap<(ChainId, Context), Fragment>,
    /// Chains that are being done, outermost first.
    pub(super) active: Vec<ChainId>,
    /// What comes from a place of the path on.
    pub(super) tails: BTreeMap<State, Tail>,
    /// Rules that are taken not to be there.
    pub(super) without: Vec<By>,
    /// The chains that lead to them.
    concerned: BTreeSet<ChainId>,
}

impl<'u, 'a> Compiler<'u, 'a> {
    /// A compiler of one of the universe's rule sets, counted from 0.
    pub(super) fn new(
        universe: &'u mut Universe<'a>,
        number: usize,
        device: Option<&'u Device>,
    ) -> Option<Compiler<'u, 'a>> {
        let ruleset = universe.rulesets.get(number).copied()?;
        let device_number = universe.device_number(device);
        Some(Compiler {
            universe,
            ruleset,
            number,
            device,
            plan: Plan::new(ruleset),
            device_number,
            chains: BTreeMap::new(),
            active: Vec::new(),
            tails: BTreeMap::new(),
            without: Vec::new(),
            concerned: BTreeSet::new(),
        })
    }

    /// Takes a rule not to be there.
    fn leave_out(&mut self, rule: By) {
        self.without.push(rule);
        let By::Rule { chain, .. } = rule else {
            return;
        };
        let mut open = vec![chain];
        while let Some(chain) = open.pop() {
            if self.concerned.insert(chain) {
                let chains = self.ruleset.chains.iter().zip(0..);
                let callers = chains.filter(|(caller, _)| {
                    let mut rules = caller.rules.iter();
                    rules.any(|rule| leads_to(rule, chain))
                });
                open.extend(callers.map(|(_, id)| ChainId(id)));
            }
        }
    }

    /// A chain that is done, here or in a rule set that has the same.
    pub(super) fn known(&mut self, id: ChainId, context: Context) -> Option<Fragment> {
        if self.concerned.contains(&id) {
            return self.chains.get(&(id, context)).cloned();
        }
        let (number, device) = (self.number, self.device_number);
        let chains = &self.universe.chains;
        if let Some(done) = chains.get(&(number, id, context, device)) {
            return Some(done.clone());
        }
        let (other, twin) = self.universe.twin(number, id, context, device)?;
        let done = chains.get(&(other, twin, context, device))?.clone();
        self.keep(id, context, &done);
        Some(done)
    }

    /// Keeps a chain that is done.
    pub(super) fn keep(&mut self, id: ChainId, context: Context, done: &Fragment) {
        if self.concerned.contains(&id) {
            self.chains.insert((id, context), done.clone());
        } else {
            let key = (self.number, id, context, self.device_number);
            self.universe.chains.insert(key, done.clone());
        }
    }
}

/// Whether a rule may send packets to a chain.
fn leads_to(rule: &Rule, chain: ChainId) -> bool {
    let there = |verdict: &Verdict| match verdict {
        Verdict::Jump(to) | Verdict::Goto(to) => *to == chain,
        _ => false,
    };
    rule.steps.iter().any(|step| match step {
        Step::Do(Action::Verdict(verdict)) => there(verdict),
        Step::Do(Action::VerdictMap(entries)) => entries.iter().any(|(_, verdict)| there(verdict)),
        _ => false,
    })
}

impl Universe<'_> {
    /// The function of one of the rule sets, counted from 0. `route` says whether packets are for
    /// the device ([`Hook::Input`]), sent by it ([`Hook::Output`]), or pass through (any other).
    /// `device` tells what is known of it besides its rules; its interfaces should be among the
    /// names of the universe.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn compile(
        &mut self,
        number: usize,
        device: Option<&Device>,
        route: Hook,
    ) -> Result<Function, TooLarge> {
        self.compile_without(number, device, route, &[])
    }

    /// The same, as if some of the rules were not there.
    pub(super) fn compile_without(
        &mut self,
        number: usize,
        device: Option<&Device>,
        route: Hook,
        without: &[By],
    ) -> Result<Function, TooLarge> {
        let Some(mut compiler) = Compiler::new(self, number, device) else {
            let map = self.space.constant(NONE)?;
            return Ok(Function {
                map,
                fates: BTreeMap::new(),
            });
        };
        for rule in without {
            compiler.leave_out(*rule);
        }
        let route = match route {
            Hook::Input | Hook::Output => route,
            _ => Hook::Forward,
        };
        let tail = compiler.tail(State::start(route))?;
        let map = self.at_the_beginning(tail.map)?;
        let decisions = match tail.decisions() {
            Some(decisions) if map == tail.map => decisions,
            _ => self.space.terminals(map),
        };
        let mut fates = BTreeMap::new();
        for decision in decisions {
            if let Some(fate) = self.fates.get(tail.fate(decision)) {
                fates.insert(decision, self.local_fate(number, fate));
            }
        }
        Ok(Function { map, fates })
    }
}
